# SPDX-License-Identifier: GPL-3.0-or-later
"""The namespace of a container: that it is there, that it has its name, and whose it is. Pure."""
from __future__ import annotations

from ..core.errors import MooringError, OptionError, concerning
from ..host.draft import Draft
from ..host.endpoints import endpoints
from ..host.operations import NetnsAdd, NetnsDel
from ..host.registration import NetnsForget
from ..link.model import Namespace
from ..netns.model import HOST, ReplacedNetns, TakenNetns, named_path
from .following import is_inside
from .inside import bring_up_loopback
from .model import LocatedEndpoint

INIT = "/proc/1/ns/net"


def ensure(draft: Draft, item: LocatedEndpoint) -> None:
    """The namespace exists, or will; a container or process also has its name under /run/netns."""
    place, state = item.place, draft.state
    if place.missing:
        draft.assume(place.missing, item.target.describe_start(), item.label)
        state.namespaces.setdefault(place.path, Namespace())
        return
    if place.path not in state.namespaces:
        entry = state.named.get(item.target.value)
        if item.target.kind == "netns" and isinstance(entry, TakenNetns):
            with concerning(item.label):
                raise OptionError("netns", item.target.value, entry.problem,
                                  f"Remove it with `ip netns delete {item.target.value}`, or {entry.remedy}")
        if item.target.kind != "netns" or (entry and entry.inode):
            with concerning(item.label):
                raise OptionError(item.target.kind, item.target.value, "has no network namespace that can be entered",
                                  state.closed.get(place.path) or "Give one that exists")
        if not item.create_netns:
            raise OptionError("netns", item.target.value, "does not exist",
                              f"Create it with `ip netns add {item.target.value}`, or leave out create_netns: false")
        _clear(draft, item.target.value)
        draft.do(NetnsAdd(item.target.value))
    _refuse_mistakes(draft, item)
    if place.registers:
        _register(draft, place.registers, place.path)


def _refuse_mistakes(draft: Draft, item: LocatedEndpoint) -> None:
    """The host is no container; and a name that is another container's would take its address and ports away."""
    inode = draft.state.namespaces[item.path].inode
    if draft.state.is_own_network(item.path):
        raise OptionError(item.target.kind, item.target.value, "is in the network of the host itself",
                          "Name a container with a network of its own")
    entry = draft.state.named.get(item.label)
    if item.target.kind == "netns" and item.label != item.target.value:
        there = draft.observed.named.get(item.target.value)  # a namespace that this run makes is another one for sure
        inode = there.inode if there else -1
    if item.target.kind in ("netns", "netns_path") and entry and entry.inode not in (0, inode):
        raise OptionError("name", item.label, "is already the name of another network namespace",
                          "Give this container another one with the option name")


def _clear(draft: Draft, name: str) -> None:
    """Remove an entry of /run/netns that leads nowhere: the link to a process that ended."""
    entry = draft.state.named.get(name)
    if entry is None:
        return
    if not entry.own:
        raise OptionError("netns", name, "is a file in /run/netns that leads to no namespace and is not managed by "
                          "this collection", f"Remove it with `ip netns delete {name}`")
    draft.do(NetnsDel(name, bool(entry.link)))


def _register(draft: Draft, name: str, path: str) -> None:
    """/run/netns/NAME leads to the namespace at ``path``. :raises OptionError: when the name is another one's"""
    entry = draft.state.named.get(name)
    inode = draft.state.namespaces[path].inode
    if entry is None:
        draft.do(NetnsAdd(name, path, inode))
    elif entry.inode != inode or entry.link not in ("", path):
        if not (entry.own and (entry.link or not entry.inode)):
            raise OptionError("name", name, "is already the name of another network namespace",
                              "Give this container another one with the option name")
        draft.do(NetnsDel(name, bool(entry.link)))
        draft.do(NetnsAdd(name, path, inode))


def share(draft: Draft, item: LocatedEndpoint) -> None:
    """The container has the network of another one (mode container), or of the host (mode host).

    A named namespace becomes a second name of the owner's. A running container cannot be moved into another
    namespace from outside: it has to be there already.
    """
    state, shared = draft.state, item.shared
    if shared is None:
        path, owner = INIT, "the host"
        if state.namespaces.get(INIT, Namespace()).inode not in (0, state.namespaces[HOST].inode):
            raise MooringError("network_mode: host is not possible here, since this task runs in another network "
                               "namespace than the host's first process")
    else:
        path, owner = shared.path, item.owner
        if shared.missing or path not in state.namespaces:
            draft.assume(shared.missing or f"network_mode: {_describe_absent(draft, path, owner)}",
                         f"creates namespace {owner}")
            return
    if item.target.kind == "netns":
        _second_name(draft, item, path)
        if item.place.registers:
            _register(draft, item.place.registers, item.path)
        return
    if item.place.missing:
        draft.assume(item.place.missing, item.target.describe_start(), item.label)
    elif item.path not in state.namespaces or state.namespaces[item.path].inode != _inode(draft, path):
        with concerning(item.label):
            raise OptionError("network_mode", f"container:{item.owner}" if item.owner else "host",
                              f"cannot be given to {item.label}, which runs with a network of its own",
                              f"Start it with the network of {owner}, or use netns for a namespace that this creates")
    elif item.place.registers:
        _register(draft, item.place.registers, item.path)


def _describe_absent(draft: Draft, path: str, owner: str) -> str:
    entry = draft.state.named.get(owner)
    return draft.state.describe_missing(path) if entry and entry.lost else (
        f"there is no namespace {owner}: create it first")


def _inode(draft: Draft, path: str) -> int:
    return draft.state.namespaces[HOST if path == INIT else path].inode


def _second_name(draft: Draft, item: LocatedEndpoint, path: str) -> None:
    name, inode = item.target.value, _inode(draft, path)
    if path == named_path(name):
        raise OptionError("network_mode", f"container:{item.owner}", "names the container itself",
                          "Name another container, whose network is to be shared")
    entry = draft.state.named.get(name)
    if entry and entry.inode == inode and entry.link == path:
        return
    if entry and not entry.own:
        raise OptionError("netns", name, "is a network namespace that somebody else made",
                          f"Remove it with `ip netns delete {name}` if it is to share another one's network")
    if entry:
        draft.do(NetnsDel(name, bool(entry.link)))
    draft.do(NetnsAdd(name, path, inode))


def isolate(draft: Draft, item: LocatedEndpoint) -> None:
    """Mode none: a namespace with nothing but its loopback."""
    ensure(draft, item)
    bring_up_loopback(draft, item.path)


def is_another_process(draft: Draft, item: LocatedEndpoint) -> bool:
    """Whether the number that the task gives was registered under this name, and is another process's by now.

    Nobody can tell whether that is the container, started again, or has nothing to do with it. A path through a process
    that is all the name there is has no mark: there the interface tells, which goes with its namespace.
    """
    if item.target.kind not in ("pid", "netns_path") or not item.path.startswith("/proc/"):
        return False
    if item.label == item.path:
        return item.path in draft.state.namespaces and not any(
            is_inside(draft.state, lease) for lease in endpoints(draft.state) if lease.container == item.label)
    entry = draft.state.named.get(item.place.registers)
    return isinstance(entry, ReplacedNetns) and entry.link == item.path


def forget(draft: Draft, item: LocatedEndpoint) -> None:
    """The names that we made go; a namespace goes with its last name and its last process."""
    named = [item.target.value] if item.target.kind == "netns" else [] if item.place.registers else [item.label]
    for name in filter(None, (item.place.registers, *named)):
        entry = draft.state.named.get(name)
        if entry and entry.own:
            draft.do(NetnsDel(name, bool(entry.link)))
        elif isinstance(entry, TakenNetns):
            draft.do(NetnsForget(name))


def is_shared(draft: Draft, item: LocatedEndpoint) -> bool:
    """Whether the name of an item without a lease is a second one of another namespace, or of the host's: a link."""
    entry = draft.state.named.get(item.target.value) if item.target.kind == "netns" else None
    return bool(entry and entry.own and entry.link)
