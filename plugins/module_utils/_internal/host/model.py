# SPDX-License-Identifier: GPL-3.0-or-later
"""A host as a value: what a snapshot returns and what operations are applied to in memory."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Optional, TypeVar

from ..applied.model import Applied
from ..files.model import ObservedFile, Place, Site
from ..firewall.model import ObservedTable
from ..firewall.sets import AddressSet
from ..foreign.model import Ruleset, SavedTable
from ..link.model import BRIDGE, Link, Namespace, Neighbour, Shaper
from ..netns.model import HOST, NamedNetns, label_of_path
from ..ports.model import Socket
from .settings import Settings, Trial, trial

# Whether frames between two ports of a bridge pass iptables. Without it a DROP between containers does nothing.
BRIDGE_CALLS = {"ipv4": "net/bridge/bridge-nf-call-iptables", "ipv6": "net/bridge/bridge-nf-call-ip6tables"}


@dataclass(frozen=True)
class Scope:
    """What a snapshot has to read beside the host's own links, addresses, routes and named namespaces.

    :param namespaces: paths of namespaces
    :param sysctls: pairs of a namespace (HOST or a path) and a name with slashes: ``net/ipv4/ip_forward``
    :param bridge_sysctls: names with ``{}`` in the place of a bridge, to be read for every bridge of ours
    :param outer_sysctls: the same for every interface of the host that is not ours and takes packets by itself
    :param firewall: whether to read the rules, the sysctls that they depend on, and the namespaces whose routes decide
        where ports are published: of containers with several interfaces
    :param routes: containers whose routes are to be read in any case
    :param others: whether to read the rules of others as well that nftables has outside of iptables
    :param ports: ranges ``(protocol, first, last)`` whose listening processes are to be named, as are those behind
        ports that are published already; None reads no sockets
    :param sites: where containers have the files with their names
    :param names: containers whose files are to be read, with those of all that they are linked with, however far
    :param neighbours: whether to read what is set of neighbours on bridges of ours, and at ports of endpoints
    :param shapers: whether to read what somebody has put on interfaces of the host to queue or to filter packets
    :param shaping: whether to ask what the kernel lacks for limits
    :param inner: settings that are to be made in namespaces, as ``(path, name, value)``: what the kernel says of those
        that are otherwise is asked before
    :param lists: whether to find out if rules can ask sets of addresses
    :param every_name: whether to read the files of every container that has a hint or a mark
    """

    namespaces: tuple[str, ...] = ()
    sysctls: tuple[tuple[str, str], ...] = ()
    bridge_sysctls: tuple[str, ...] = ()
    outer_sysctls: tuple[str, ...] = ()
    firewall: bool = False
    routes: frozenset[str] = frozenset()
    others: bool = False
    ports: Optional[frozenset[tuple[str, int, int]]] = None
    sites: tuple[Site, ...] = ()
    names: frozenset[str] = frozenset()
    every_name: bool = False
    neighbours: bool = False
    shapers: bool = False
    shaping: bool = False
    lists: bool = False
    inner: tuple[tuple[str, str, str], ...] = ()

    @classmethod
    def union(cls, scopes: Iterable[Scope]) -> Scope:
        """All that any of the scopes asks for."""
        found = list(scopes)
        ports = [each.ports for each in found if each.ports is not None]
        return cls(
            namespaces=_join(each.namespaces for each in found),
            sysctls=_join(each.sysctls for each in found),
            bridge_sysctls=_join(each.bridge_sysctls for each in found),
            outer_sysctls=_join(each.outer_sysctls for each in found),
            firewall=any(each.firewall for each in found),
            routes=frozenset().union(*(each.routes for each in found)),
            others=any(each.others for each in found),
            ports=frozenset().union(*ports) if ports else None,
            sites=_join(each.sites for each in found),
            names=frozenset().union(*(each.names for each in found)),
            every_name=any(each.every_name for each in found),
            neighbours=any(each.neighbours for each in found),
            shapers=any(each.shapers for each in found), shaping=any(each.shaping for each in found),
            lists=any(each.lists for each in found), inner=_join(each.inner for each in found))

    def names_of(self, everywhere: frozenset[str]) -> frozenset[str]:
        """Whose files are to be read.

        :param everywhere: containers whose files every run that may change the network keeps up to date
        """
        return self.names | everywhere if self.firewall else self.names

    def untried(self, settings: Settings) -> list[list[Trial]]:
        """What of the inner settings is to be tried, for each namespace in order.

        :param settings: what there is
        """
        found: dict[str, list[Trial]] = {}
        for path, name, value in self.inner:
            if settings.get((path, name)) != value:
                found.setdefault(path, []).append(trial(name, value))
        return list(found.values())

    def sysctl_names(self, state: HostState) -> list[tuple[str, str]]:
        """All that are to be read of a host with these links."""
        names = list(self.sysctls)
        names += [(HOST, name.format(link.name)) for link in state.find_bridges() for name in self.bridge_sysctls]
        names += [(HOST, name.format(link.name)) for link in outer_links(state.host) for name in self.outer_sysctls]
        if self.firewall:
            names += [(HOST, name) for name in BRIDGE_CALLS.values()]
        return names


_Any = TypeVar("_Any")


def _join(lists: Iterable[Iterable[_Any]]) -> tuple[_Any, ...]:
    """The members of all lists, each once, in order."""
    return tuple(dict.fromkeys(member for each in lists for member in each))


def outer_links(host: Namespace) -> list[Link]:
    """Interfaces of others on the host that packets come in by: no ports of bridges and bonds, which take those."""
    return [link for link in host.links.values() if link.mark is None and link.kind != "loopback"
            and (not link.controller or host.links[link.controller].kind == "vrf")]


@dataclass(frozen=True)
class Awaited:
    """A bridge of ours that the host had, and that comes back: rules close it before it is there.

    ``link`` is as it was: its name, addresses and mark. ``leases`` are addresses of containers, where an uplink makes
    the rules ask for them.
    """

    link: Link
    leases: tuple[str, ...] = ()


@dataclass
class HostState:
    """Everything that a plan looks at.

    ``namespaces`` maps HOST and paths to namespaces; one that does not exist is not in it. ``sysctls`` maps
    ``(namespace, name)`` to the value, None where the host has no such name. ``tables`` maps ``(family, table)`` to
    our share of it, ``foreign`` to that of others; a family that cannot be used is in ``unusable`` with the reason
    instead. ``native`` are tables of nftables that iptables does not show, ``groups`` says whether rules can
    ask for the group of an interface. ``files`` are those that give containers
    their names, and our hints to them; ``hostnames`` maps processes of containers to what they call themselves, None
    where that is the host's own name; ``resolv_texts`` are the host's own resolv.conf by path, ``hosts_text`` is its
    hosts file. ``recorded_links`` are the names that links give, see :mod:`host.ledger`. ``closed`` says of namespaces
    that are there why they could not be read. ``neighbours`` is what is set of those on our bridges, None where nobody
    has read it, and ``shapers`` the same of queueing disciplines; ``lacking`` are modules of the kernel that limits
    need and that it has not, as far as somebody has asked, and ``refused`` what it says of settings that are to be made
    in containers and cannot. ``persistent`` says whether the network is to outlive the
    run; ``lasting`` are the files that it needs for that, by name, and ``awaited`` the bridges that stand in them and
    are not there. ``applied`` is what stands in one of them: what the host comes back to, None where there is none.
    """

    namespaces: dict[str, Namespace] = field(default_factory=lambda: {HOST: Namespace()})
    named: dict[str, NamedNetns] = field(default_factory=dict)
    sysctls: dict[tuple[str, str], Optional[str]] = field(default_factory=dict)
    tables: dict[tuple[str, str], ObservedTable] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)
    sockets: tuple[Socket, ...] = ()
    reserved_ports: tuple[tuple[int, int], ...] = ()
    nameservers: tuple[str, ...] = ()
    foreign: dict[tuple[str, str], SavedTable] = field(default_factory=dict)
    native: tuple[Ruleset, ...] = ()
    groups: bool = False
    files: dict[Place, ObservedFile] = field(default_factory=dict)
    hostnames: dict[int, Optional[str]] = field(default_factory=dict)
    resolv_texts: dict[str, str] = field(default_factory=dict)
    hosts_text: str = ""
    recorded_links: str = ""
    closed: dict[str, str] = field(default_factory=dict)
    neighbours: Optional[dict[tuple[str, str], Neighbour]] = None
    shapers: Optional[dict[tuple[str, str], Shaper]] = None
    lacking: frozenset[str] = frozenset()
    refused: dict[Trial, str] = field(default_factory=dict)
    persistent: bool = False
    lasting: dict[str, str] = field(default_factory=dict)
    awaited: dict[str, Awaited] = field(default_factory=dict)
    applied: Optional[Applied] = None
    sets: dict[str, AddressSet] = field(default_factory=dict)
    sets_problem: str = ""

    @property
    def shows_rules(self) -> bool:
        """Whether the rules were read."""
        return bool(self.tables or self.unusable)

    def copy(self) -> HostState:
        """A copy that operations can be applied to; the values inside are shared, since they never change."""
        return HostState(
            namespaces={path: netns.copy() for path, netns in self.namespaces.items()}, named=dict(self.named),
            sysctls=dict(self.sysctls), tables=dict(self.tables), unusable=dict(self.unusable), sockets=self.sockets,
            reserved_ports=self.reserved_ports, nameservers=self.nameservers, foreign=dict(self.foreign),
            native=self.native, groups=self.groups, files=dict(self.files), hostnames=dict(self.hostnames),
            resolv_texts=dict(self.resolv_texts), hosts_text=self.hosts_text,
            recorded_links=self.recorded_links, closed=dict(self.closed),
            neighbours=None if self.neighbours is None else dict(self.neighbours),
            shapers=None if self.shapers is None else dict(self.shapers), lacking=self.lacking,
            refused=self.refused, persistent=self.persistent, lasting=dict(self.lasting), awaited=dict(self.awaited),
            applied=self.applied, sets=dict(self.sets), sets_problem=self.sets_problem)

    @property
    def host(self) -> Namespace:
        return self.namespaces[HOST]

    def is_own_network(self, path: str) -> bool:
        """Whether a path leads to the network namespace of the host itself: nothing of a container is to be made there.

        Of such a path nothing was read but that.
        """
        inode = self.namespaces[path].inode if path in self.namespaces else 0
        return path == HOST or inode != 0 and inode == self.host.inode

    def describe_missing(self, path: str) -> str:
        """Why there is no namespace at a path, and what to do first, as a sentence without its end."""
        name = label_of_path(path)
        entry = self.named.get(name)
        return f"{path} {entry.problem}: {entry.remedy}" if entry and entry.lost else (
            f"namespace {name} does not exist: create it with netns_attach or `ip netns add {name}`")

    def find_bridges(self) -> Iterator[Link]:
        """The host's bridges that are ours, or may be and have lost their mark."""
        for link in self.host.links.values():
            if link.kind == "bridge" and (link.mark is None or link.mark.kind == BRIDGE):
                yield link

    def find_marked(self, kind: str) -> Iterator[Link]:
        """The host's links that carry our mark of this kind."""
        for link in self.host.links.values():
            if (mark := link.mark) and mark.kind == kind:
                yield link
