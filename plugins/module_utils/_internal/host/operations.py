# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of namespaces, kernel settings and tracked connections. docs/architecture.md has a line for each.

Those of links are in link/operations.py and link/addressing.py, that of the rules is in firewall/operations.py.
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from ipaddress import ip_address, ip_network
from typing import Optional

from ..core.plan import FORGET, LOAD, MAKE_INSIDE, MAKE_NETNS, OPEN, PASS, RELEASE_NETNS
from ..link.model import Link, Namespace
from ..netns.model import HOST, NamedNetns, in_namespace, named_path
from ..ports.sets import PortSet
from .model import HostState
from .settings import FORWARDING, is_set_with

_network = lru_cache(maxsize=1024)(ip_network)  # asked for each tracked connection


def _is_in(address: str, place: str) -> bool:
    return bool(address) and ip_address(address) in _network(place)


@dataclass(frozen=True)
class NetnsAdd:
    """Make /run/netns/NAME: a new namespace, or with ``target`` a symbolic link to an existing one."""

    name: str
    target: str = ""
    inode: int = 0
    stage = MAKE_NETNS
    netns = HOST

    @property
    def inside(self) -> str:
        return self.target

    def describe(self) -> str:
        return f"register {self.target} as namespace {self.name}" if self.target else f"create namespace {self.name}"

    def apply(self, state: HostState) -> None:
        # A number that no other namespace has, be it one that was not read: names with one number share a network.
        taken = [0, *(each.inode for each in state.namespaces.values()), *(each.inode for each in state.named.values())]
        inode = self.inode or 1 + max(taken)
        state.named[self.name] = NamedNetns(inode, self.target, own=True)
        if not self.target:
            state.namespaces[named_path(self.name)] = Namespace(inode, {"lo": Link("lo", kind="loopback", index=1)})
        elif self.target in state.namespaces:
            state.namespaces[named_path(self.name)] = state.namespaces[self.target]

    def inverse(self) -> NetnsDel:
        return NetnsDel(self.name, bool(self.target))

    def lines(self) -> tuple[list[str], list[str]]:
        return [], [f"namespace {self.name}" + (f" -> {self.target}" if self.target else "")]


@dataclass(frozen=True)
class NetnsDel:
    """Remove /run/netns/NAME and our mark of it."""

    name: str
    linked: bool = False
    stage = RELEASE_NETNS
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
class LinksRecord:
    """Write which names links give to /run/mooring/links, a line for each; no text removes it."""

    text: str
    previous: str
    stage = OPEN
    netns = HOST

    def describe(self) -> str:
        return "record the names that links give" if self.text else "remove the record of names that links give"

    def apply(self, state: HostState) -> None:
        state.recorded_links = self.text

    def inverse(self) -> LinksRecord:
        return LinksRecord(self.previous, self.text)

    def lines(self) -> tuple[list[str], list[str]]:
        before, after = self.previous.splitlines(), self.text.splitlines()
        return ([f"name of a link: {line}" for line in before if line not in set(after)],
                [f"name of a link: {line}" for line in after if line not in set(before)])


@dataclass(frozen=True)
class ModuleLoad:
    """Load a kernel module (modprobe(8)); it is never unloaded."""

    name: str
    stage = LOAD
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
    def stage(self) -> int:
        return PASS if self.netns == HOST else MAKE_INSIDE

    @property
    def dotted(self) -> str:
        return self.name.replace("/", ".")

    def describe(self) -> str:
        return f"set {self.dotted}{in_namespace(self.netns)} to {self.value}" + (
            f" (was {self.previous})" if self.previous is not None else "")

    def apply(self, state: HostState) -> None:
        with_it = [key for key in state.sysctls if key[0] == self.netns and is_set_with(key[1], self.name)
                   ] if self.name in FORWARDING.values() else []
        state.sysctls.update({key: self.value for key in with_it if state.sysctls[key] is not None})
        state.sysctls[self.netns, self.name] = self.value

    def inverse(self) -> Optional[SysctlSet]:
        if self.previous is None:
            # In a container it came with an interface of the same run, and goes with it: nothing is left to be undone.
            return self if self.netns != HOST else None
        return SysctlSet(self.netns, self.name, self.previous, self.value)

    def lines(self) -> tuple[list[str], list[str]]:
        before = [] if self.previous is None else [f"{self.dotted}{in_namespace(self.netns)} = {self.previous}"]
        return before, [f"{self.dotted}{in_namespace(self.netns)} = {self.value}"]


@dataclass(frozen=True)
class ConntrackFlush:
    """Forget tracked connections that would keep an old destination.

    :param ports: host ports as ``(protocol, first, last)``
    :param addresses: container addresses that connections were translated to
    :param local: the host's own addresses: what goes to the same port of somebody else passes by and is left alone
    :param inward: addresses or networks of containers with their first and last UDP port, which were reached directly
    :param outward: networks of containers whose UDP goes out with another source from now on
    :param entered: networks of containers that stood open, each with the networks from which it may be entered
    :param doors: what may be entered there from elsewhere: source ("" for anybody), address, protocol, ports
    """

    family: str
    ports: tuple[tuple[str, int, int], ...] = ()
    addresses: tuple[str, ...] = ()
    local: tuple[str, ...] = ()
    inward: tuple[tuple[str, int, int], ...] = ()
    outward: tuple[str, ...] = ()
    entered: tuple[tuple[str, tuple[str, ...]], ...] = ()
    doors: tuple[tuple[str, str, str, int, int], ...] = ()
    stage = FORGET
    netns = HOST

    def concerns(self, protocol: str, destination: str, port: int, replier: str, source: str) -> bool:
        """Whether a tracked connection is one of those.

        By host port whatever became of it, so that "not translated" is forgotten as well; by address if translated.

        :param destination: where the client sends, with ``port``
        :param replier: who answers; another one than ``destination`` when the connection is translated
        :param source: the client
        """
        ports, addresses = self._wanted
        if replier != destination and replier in addresses:
            return True
        if replier == destination and any(
                _is_in(destination, place) and not any(_is_in(source, each) for each in welcome)
                for place, welcome in self.entered) and not any(
                destination == address and protocol == kind and first <= port <= last and who in ("", source)
                for who, address, kind, first, last in self.doors):
            return True
        if protocol == "udp" and (
                any(first <= port <= last and _is_in(destination, place) for place, first, last in self.inward)
                or any(_is_in(source, place) for place in self.outward)):
            return True
        if (protocol, port) not in ports:
            return False
        # Neither a loopback nor a link-local address is anything that a packet passes by to.
        at = ip_address(destination)
        return destination in self.local or at.is_loopback or at.is_link_local

    @cached_property
    def _wanted(self) -> tuple[PortSet, frozenset[str]]:
        """Made once: a busy host asks a hundred thousand times."""
        return PortSet(self.ports), frozenset(self.addresses)

    def describe(self) -> str:
        words = [f"{protocol} port {first}" if first == last else f"{protocol} ports {first}-{last}"
                 for protocol, first, last in self.ports[:4]] + list(self.addresses[:4])
        places = list(dict.fromkeys([f"udp to {place}" for place, _first, _last in self.inward]
                                    + [f"udp from {place}" for place in self.outward]
                                    + [f"all to {place}" for place, _welcome in self.entered]))
        words += places[:4]
        more = len(self.ports) + len(self.addresses) + len(places) - len(words)
        return f"forget tracked connections of {', '.join(words)}" + (f" and {more} more" if more else "")

    def apply(self, state: HostState) -> None:
        """Connections are not part of a state."""

    def inverse(self) -> None:
        return None

    def lines(self) -> tuple[list[str], list[str]]:
        return [], []
