# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose network a container has that has no interface of its own, told by the names under /run/netns. Pure."""
from __future__ import annotations

from collections.abc import Collection

from ..netns.model import NETNS_DIRECTORY, label_of_path, named_path
from .endpoints import containers, endpoints
from .model import HostState


class Networks:
    """The names of a state by the network namespaces that they lead to."""

    def __init__(self, state: HostState) -> None:
        self._named, self._host = state.named, state.host.inode
        self._attached = set(containers(endpoints(state)))
        self._sharing: dict[int, list[str]] = {}
        for name, entry in sorted(state.named.items()):
            if entry.inode:
                self._sharing.setdefault(entry.inode, []).append(name)

    def is_host(self, container: str) -> bool:
        """Whether a name leads to the host's own network."""
        entry = self._named.get(container)
        return entry is not None and entry.inode == self._host != 0

    def is_attached(self, container: str) -> bool:
        """Whether a container has an interface on a bridge."""
        return container in self._attached

    def owner(self, container: str) -> str:
        """The container whose network another one has, "" for one with a network of its own.

        Of all names of a namespace it is that of the container with the interface, else the one that the others are
        links to. Names of processes tell nothing: where none of them has an interface, each counts for itself.
        """
        entry = self._named.get(container)
        if entry is None or not entry.inode or container in self._attached or self.is_host(container):
            return ""
        return self.attached_in(entry.inode) or self._end_of_links(container)

    def attached_in(self, inode: int) -> str:
        """The container that has an interface in a namespace, "" when none has."""
        return next((name for name in self._sharing.get(inode, ()) if name in self._attached), "")

    def sharing(self, container: str) -> list[str]:
        """The other names of a container's network."""
        entry = self._named.get(container)
        return [name for name in self._sharing.get(entry.inode if entry else 0, ()) if name != container]

    def _end_of_links(self, container: str) -> str:
        name = container
        for _link in self._named:  # no more than there are, since a circle leads nowhere
            link = self._named[name].link
            if not link.startswith(NETNS_DIRECTORY + "/") or label_of_path(link) not in self._named:
                break
            name = label_of_path(link)
        return "" if name == container else name

    def mode(self, container: str) -> str:
        """Docker's ``--network``: "host", "none" or "container:NAME"; "" for a container that was not registered."""
        entry = self._named.get(container)
        if entry is None or not entry.own or not entry.inode:
            return ""
        if self.is_host(container):
            return "host"
        owner = self.owner(container)
        return f"container:{owner}" if owner else "none"


def find_joiners(state: HostState, names: Collection[str]) -> frozenset[str]:
    """All names of the networks of these containers, and those that are links to one of these."""
    inodes = {state.named[name].inode for name in names if name in state.named} - {0, state.host.inode}
    paths = {named_path(name) for name in names}
    return frozenset(name for name, entry in state.named.items() if entry.inode in inodes or entry.link in paths)


def conflict(state: HostState, option: str, container: str, instead: str, told: str = "") -> str:
    """Why an option asks for what a container without an interface cannot have, "" for any other.

    :param instead: what to do with the owner, where it has the network of another one: ``publish ports of``
    :param told: the owner by what the engine says, "" where it says nothing. Names of processes tell none
    """
    networks = Networks(state)
    mode = networks.mode(container)
    others = [name for name in networks.sharing(container) if networks.owner(name) != container]
    if told and mode in ("", "none"):
        others = [name for name in others if name != told]
        also = f", as {' and '.join(others)} {'have' if others[1:] else 'has'}," if others else ""
        first = "" if networks.is_attached(told) else f"attach {told} with network_mode: bridge first, and "
        return (f"{option} is not possible for {container}, which has the network of {told}{also} and no interface of "
                f"its own: {first}{instead} {told}")
    if mode == "none" and others:
        return (f"{option} is not possible for {container}, which has the network of {', '.join(others)} and no "
                "interface of its own: attach the one whose network it is with network_mode: bridge first, and "
                f"{instead} that")
    return _describe(option, container, mode, instead) if mode else ""


def _describe(option: str, container: str, mode: str, instead: str) -> str:
    _container, _colon, owner = mode.partition(":")
    return (f"{option} conflicts with network_mode {mode!r} of {container}, which has no interface of its own: "
            "attach it with network_mode: bridge first" + (f", or {instead} {owner}" if owner else ""))
