# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs: every way in which this collection changes a host. docs/architecture.md has a line for each."""
from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Optional

from ..core.plan import (PHASE_CONNTRACK, PHASE_FIREWALL, PHASE_LINK, PHASE_LINK_DEL, PHASE_MODULE, PHASE_NETNS,
                         PHASE_NETNS_ADD, PHASE_NETNS_DEL, PHASE_SYSCTL)
from ..firewall.model import ObservedChain, ObservedHook, ObservedTable
from ..link.model import Link, Route
from ..netns.model import HOST, NamedNetns, label_of_path, named_path
from .model import HostState, Namespace


def _where(netns: str) -> str:
    return f" in {label_of_path(netns)}" if netns != HOST else ""


@dataclass(frozen=True)
class NetnsAdd:
    """Make /run/netns/NAME: a new namespace, or with ``target`` a symbolic link to an existing one."""

    name: str
    target: str = ""
    inode: int = 0
    phase = PHASE_NETNS_ADD
    netns = HOST

    def describe(self) -> str:
        return f"register {self.target} as namespace {self.name}" if self.target else f"create namespace {self.name}"

    def apply(self, state: HostState) -> None:
        inode = self.inode or 1 + max([0, *(netns.inode for netns in state.namespaces.values())])
        state.named[self.name] = NamedNetns(inode, self.target, own=True)
        if not self.target:
            state.namespaces[named_path(self.name)] = Namespace(inode, {"lo": Link("lo", kind="loopback", index=1)})

    def inverse(self) -> NetnsDel:
        return NetnsDel(self.name, bool(self.target))

    def lines(self) -> tuple[list[str], list[str]]:
        return [], [f"namespace {self.name}" + (f" -> {self.target}" if self.target else "")]


@dataclass(frozen=True)
class NetnsDel:
    """Remove /run/netns/NAME and our mark of it."""

    name: str
    linked: bool = False
    phase = PHASE_NETNS_DEL
    netns = HOST

    def describe(self) -> str:
        return f"unregister namespace {self.name}" if self.linked else f"remove namespace {self.name}"

    def apply(self, state: HostState) -> None:
        path = named_path(self.name)
        state.named.pop(self.name, None)
        state.namespaces.pop(path, None)
        for key in [key for key in state.sysctls if key[0] == path]:
            del state.sysctls[key]

    def inverse(self) -> None:
        return None

    def lines(self) -> tuple[list[str], list[str]]:
        return [f"namespace {self.name}"], []


@dataclass(frozen=True)
class Peer:
    """The other end of a new veth pair, born in its namespace under its final name."""

    netns: str
    name: str
    mac: str = ""
    mtu: int = 0


@dataclass(frozen=True)
class LinkAdd:
    """Create a bridge or a veth pair in ``netns``, with its mark and its place in a bridge."""

    netns: str
    link: Link
    peer: Optional[Peer] = None

    @property
    def phase(self) -> int:
        return PHASE_LINK

    def describe(self) -> str:
        if self.peer is None:
            return f"create {self.link.kind} {self.link.name}{_where(self.netns)}"
        on_bridge = f" on {self.link.controller}" if self.link.controller else ""
        return (f"create veth pair {self.link.name}{_where(self.netns)}{on_bridge} - "
                f"{self.peer.name}{_where(self.peer.netns)}")

    def apply(self, state: HostState) -> None:
        index = _next_index(state, self.netns)
        peer_index = _next_index(state, self.peer.netns, also=index) if self.peer else 0
        state.namespaces[self.netns].links[self.link.name] = self.link.replaced(index=index, peer_index=peer_index)
        if self.peer and self.peer.netns in state.namespaces:
            state.namespaces[self.peer.netns].links[self.peer.name] = Link(
                self.peer.name, "veth", peer_index, index, mtu=self.peer.mtu or 1500,
                mac=self.peer.mac)

    def inverse(self) -> LinkDel:
        return LinkDel(self.netns, self.link)

    def lines(self) -> tuple[list[str], list[str]]:
        link = self.link
        after = [f"{link.kind} {link.name}{_where(self.netns)}: mtu {link.mtu}"
                 + (f", mac {link.mac}" if link.mac else "")
                 + (f", port of {link.controller}" if link.controller else "")]
        if self.peer:
            after.append(f"veth {self.peer.name}{_where(self.peer.netns)}"
                         + (f": mac {self.peer.mac}" if self.peer.mac else ""))
        return [], after


def _next_index(state: HostState, netns: str, also: int = 0) -> int:
    links = state.namespaces[netns].links.values() if netns in state.namespaces else ()
    return 1 + max([also, *(link.index for link in links)])


@dataclass(frozen=True)
class LinkSet:
    """Change properties of a link: ``old`` and ``new`` differ in nothing but those."""

    netns: str
    old: Link
    new: Link

    @property
    def phase(self) -> int:
        return PHASE_LINK if self.netns == HOST else PHASE_NETNS

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        """Names of the properties that change, with the old and the new value."""
        return {item.name: (getattr(self.old, item.name), getattr(self.new, item.name))
                for item in dataclasses.fields(Link) if getattr(self.old, item.name) != getattr(self.new, item.name)}

    def describe(self) -> str:
        parts = []
        for key, (old, new) in self.changes.items():
            if key == "up":
                parts.append("up" if new else "down")
            elif key == "alias":
                parts.append("its mark")
            else:
                parts.append(f"{key} {_shown(new)} (was {_shown(old)})")
        return f"set {self.old.name}{_where(self.netns)}: {', '.join(parts)}"

    def apply(self, state: HostState) -> None:
        links = state.namespaces[self.netns].links
        current = links[self.old.name]
        links[self.old.name] = current.replaced(**{key: new for key, (_old, new) in self.changes.items()})

    def inverse(self) -> LinkSet:
        return LinkSet(self.netns, self.new, self.old)

    def lines(self) -> tuple[list[str], list[str]]:
        name = f"{self.old.name}{_where(self.netns)}"
        return ([f"{name}: {key} {_shown(old)}" for key, (old, _new) in self.changes.items()],
                [f"{name}: {key} {_shown(new)}" for key, (_old, new) in self.changes.items()])


def _shown(value: Any) -> str:
    return {True: "on", False: "off", "": "none"}.get(value, value) if not isinstance(value, int) or isinstance(
        value, bool) else str(value)


@dataclass(frozen=True)
class LinkMove:
    """Move a link into another namespace under a new name; it arrives down and without addresses."""

    netns: str
    link: Link
    target: str
    name: str
    phase = PHASE_LINK

    def describe(self) -> str:
        place = label_of_path(self.target) if self.target != HOST else "the host"
        return f"move {self.link.name}{_where(self.netns)} to {place} as {self.name}"

    def apply(self, state: HostState) -> None:
        link = state.namespaces[self.netns].links.pop(self.link.name)
        index = _next_index(state, self.target)
        for netns in state.namespaces.values():
            for other in netns.links.values():
                if link.peer_index and (other.index, other.peer_index) == (link.peer_index, link.index):
                    netns.links[other.name] = other.replaced(peer_index=index)
        state.namespaces[self.target].links[self.name] = link.replaced(name=self.name, index=index, up=False,
                                                                       controller="", addresses=())

    def inverse(self) -> LinkMove:
        return LinkMove(self.target, self.link.replaced(name=self.name), self.netns, self.link.name)

    def lines(self) -> tuple[list[str], list[str]]:
        return [f"{self.link.name}{_where(self.netns)}"], [f"{self.name}{_where(self.target)}"]


@dataclass(frozen=True)
class LinkDel:
    """Delete a link; a veth's other end goes with it."""

    netns: str
    link: Link
    phase = PHASE_LINK_DEL

    def describe(self) -> str:
        return f"delete {self.link.kind or 'link'} {self.link.name}{_where(self.netns)}"

    def apply(self, state: HostState) -> None:
        here = state.namespaces[self.netns]
        gone = here.links.pop(self.link.name, self.link)
        here.routes = [route for route in here.routes if route.interface != gone.name]
        for path, netns in state.namespaces.items():
            for name, link in list(netns.links.items()):
                if path == self.netns and link.controller == gone.name:
                    netns.links[name] = link.replaced(controller="")
                if gone.peer_index and (link.index, link.peer_index) == (gone.peer_index, gone.index):
                    del netns.links[name]
                    netns.routes = [route for route in netns.routes if route.interface != name]

    def inverse(self) -> None:
        return None

    def lines(self) -> tuple[list[str], list[str]]:
        return [f"{self.link.kind or 'link'} {self.link.name}{_where(self.netns)}"], []


@dataclass(frozen=True)
class AddrAdd:
    """Add an address with its prefix length to a link."""

    netns: str
    interface: str
    address: str

    @property
    def phase(self) -> int:
        return PHASE_LINK if self.netns == HOST else PHASE_NETNS

    def describe(self) -> str:
        return f"add address {self.address} to {self.interface}{_where(self.netns)}"

    def apply(self, state: HostState) -> None:
        links = state.namespaces[self.netns].links
        link = links[self.interface]
        links[self.interface] = link.replaced(addresses=(*link.addresses, self.address))

    def inverse(self) -> AddrDel:
        return AddrDel(self.netns, self.interface, self.address)

    def lines(self) -> tuple[list[str], list[str]]:
        return [], [f"{self.interface}{_where(self.netns)}: address {self.address}"]


@dataclass(frozen=True)
class AddrDel:
    """Remove an address from a link; the kernel takes the routes through it away as well."""

    netns: str
    interface: str
    address: str

    @property
    def phase(self) -> int:
        return PHASE_LINK if self.netns == HOST else PHASE_NETNS

    def describe(self) -> str:
        return f"remove address {self.address} from {self.interface}{_where(self.netns)}"

    def apply(self, state: HostState) -> None:
        links = state.namespaces[self.netns].links
        link = links[self.interface]
        links[self.interface] = link.replaced(addresses=tuple(a for a in link.addresses if a != self.address))

    def inverse(self) -> AddrAdd:
        return AddrAdd(self.netns, self.interface, self.address)

    def lines(self) -> tuple[list[str], list[str]]:
        return [f"{self.interface}{_where(self.netns)}: address {self.address}"], []


@dataclass(frozen=True)
class RouteAdd:
    netns: str
    route: Route

    @property
    def phase(self) -> int:
        return PHASE_LINK if self.netns == HOST else PHASE_NETNS

    def describe(self) -> str:
        return f"add route {_route(self.route)}{_where(self.netns)}"

    def apply(self, state: HostState) -> None:
        state.namespaces[self.netns].routes.append(self.route)

    def inverse(self) -> RouteDel:
        return RouteDel(self.netns, self.route)

    def lines(self) -> tuple[list[str], list[str]]:
        return [], [f"route{_where(self.netns)}: {_route(self.route)}"]


@dataclass(frozen=True)
class RouteDel:
    netns: str
    route: Route

    @property
    def phase(self) -> int:
        return PHASE_LINK if self.netns == HOST else PHASE_NETNS

    def describe(self) -> str:
        return f"remove route {_route(self.route)}{_where(self.netns)}"

    def apply(self, state: HostState) -> None:
        routes = state.namespaces[self.netns].routes
        if self.route in routes:
            routes.remove(self.route)

    def inverse(self) -> RouteAdd:
        return RouteAdd(self.netns, self.route)

    def lines(self) -> tuple[list[str], list[str]]:
        return [f"route{_where(self.netns)}: {_route(self.route)}"], []


def _route(route: Route) -> str:
    via = f" via {route.gateway}" if route.gateway else ""
    return f"{route.destination}{via} dev {route.interface}"


@dataclass(frozen=True)
class ModuleLoad:
    """Load a kernel module (modprobe(8)); it is never unloaded."""

    name: str
    phase = PHASE_MODULE
    netns = HOST

    def describe(self) -> str:
        return f"load kernel module {self.name}"

    def apply(self, state: HostState) -> None:
        """Nothing that a state holds changes: the sysctls that appear are set by operations of their own."""

    def inverse(self) -> None:
        return None

    def lines(self) -> tuple[list[str], list[str]]:
        return [], [f"kernel module {self.name}"]


@dataclass(frozen=True)
class SysctlSet:
    """Write a value below /proc/sys. ``previous`` is None where the name will only exist by then."""

    netns: str
    name: str
    value: str
    previous: Optional[str] = None

    @property
    def phase(self) -> int:
        return PHASE_SYSCTL if self.netns == HOST else PHASE_NETNS

    @property
    def dotted(self) -> str:
        return self.name.replace("/", ".")

    def describe(self) -> str:
        return f"set {self.dotted}{_where(self.netns)} to {self.value}" + (
            f" (was {self.previous})" if self.previous is not None else "")

    def apply(self, state: HostState) -> None:
        state.sysctls[self.netns, self.name] = self.value

    def inverse(self) -> Optional[SysctlSet]:
        return SysctlSet(self.netns, self.name, self.previous, self.value) if self.previous is not None else None

    def lines(self) -> tuple[list[str], list[str]]:
        before = [] if self.previous is None else [f"{self.dotted}{_where(self.netns)} = {self.previous}"]
        return before, [f"{self.dotted}{_where(self.netns)} = {self.value}"]


@dataclass(frozen=True)
class ChainChange:
    """An own chain before and after; None where it does not exist."""

    name: str
    before: Optional[ObservedChain]
    after: Optional[ObservedChain]


@dataclass(frozen=True)
class RestoreTable:
    """Replace own chains and put hooks right in one table of one family, in one transaction.

    ``hooks_gone`` are rules as saved; ``hooks_new`` are inserted at the top of their chain.
    """

    family: str
    table: str
    chains: tuple[ChainChange, ...] = ()
    hooks_gone: tuple[ObservedHook, ...] = ()
    hooks_new: tuple[ObservedHook, ...] = ()
    phase = PHASE_FIREWALL
    netns = HOST

    def describe(self) -> str:
        words = []
        for verb, names in (("create", [c.name for c in self.chains if c.before is None]),
                            ("replace", [c.name for c in self.chains if c.before and c.after is not None]),
                            ("delete", [c.name for c in self.chains if c.after is None]),
                            ("unhook", sorted({h.chain for h in self.hooks_gone} - {h.chain for h in self.hooks_new})),
                            ("hook into", [h.chain for h in self.hooks_new])):
            if names:
                words.append(f"{verb} " + (", ".join(names) if len(names) <= 6 else f"{len(names)} chains"))
        return f"{self.family} {self.table} table: " + "; ".join(words)

    def apply(self, state: HostState) -> None:
        observed = state.tables.get((self.family, self.table), ObservedTable())
        chains = dict(observed.chains)
        for change in self.chains:
            if change.after is None:
                chains.pop(change.name, None)
            else:
                chains[change.name] = change.after
        hooks = [hook for hook in observed.hooks if hook not in self.hooks_gone]
        state.tables[self.family, self.table] = ObservedTable(chains, (*hooks, *self.hooks_new))

    def inverse(self) -> RestoreTable:
        """The chains as they were, rule by rule as saved; hooks go back to the top, where ours belong."""
        return RestoreTable(self.family, self.table,
                            tuple(ChainChange(c.name, c.after, c.before) for c in reversed(self.chains)),
                            self.hooks_new, self.hooks_gone)

    def lines(self) -> tuple[list[str], list[str]]:
        before, after = [], []
        for change in self.chains:
            for lines, chain in ((before, change.before), (after, change.after)):
                if chain is not None:
                    lines += [f"{self.family} {self.table} {change.name}: {comment}" for comment in chain.comments]
        before += [f"{self.family} {self.table} {hook.chain}: hook" for hook in self.hooks_gone]
        after += [f"{self.family} {self.table} {hook.chain}: hook" for hook in self.hooks_new]
        return before, after


@dataclass(frozen=True)
class ConntrackFlush:
    """Forget tracked connections that would keep an old destination.

    :param ports: host ports as ``(protocol, first, last)``
    :param addresses: container addresses that connections were translated to
    """

    family: str
    ports: tuple[tuple[str, int, int], ...] = ()
    addresses: tuple[str, ...] = ()
    phase = PHASE_CONNTRACK
    netns = HOST

    def describe(self) -> str:
        words = [f"{protocol} port {first}" if first == last else f"{protocol} ports {first}-{last}"
                 for protocol, first, last in self.ports[:4]] + list(self.addresses[:4])
        more = len(self.ports) + len(self.addresses) - len(words)
        return f"forget tracked connections of {', '.join(words)}" + (f" and {more} more" if more else "")

    def apply(self, state: HostState) -> None:
        """Connections are not part of a state."""

    def inverse(self) -> None:
        return None

    def lines(self) -> tuple[list[str], list[str]]:
        return [], []
