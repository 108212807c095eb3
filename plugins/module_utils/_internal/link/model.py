# SPDX-License-Identifier: GPL-3.0-or-later
"""Links, routes and the marks by which we recognise our own links.

The mark is the link's alias (``ip link set DEV alias ...``, IFLA_IFALIAS): it lives and dies with the link, and one
dump of all links reads every lease of the host. Its form is ``mooring:<kind>:<name>:<settings>``, where the settings
are ``key=value`` words.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Optional, Protocol

from ..core.model import KNOWN_AFTER_APPLY, is_known
from ..netns.model import HOST

MARK = "mooring"
_UNKNOWN = "?"  # in a mark that is planned: nothing else that stands in marks has this character
BRIDGE, ENDPOINT, VETH = "bridge", "endpoint", "veth"
IPV6_MIN_MTU = 1280  # RFC 8200; below it the kernel has no IPv6 on an interface, nor settings for it
HOPS, FROM = "hops", "from "
METRIC_V6 = 1024  # IP6_RT_PRIO_USER: what the kernel gives an IPv6 route without a metric
# The number by which neighbours are ours (NDA_PROTOCOL, "proto" of ip-neighbour(8)). Those below 100 and 186 to 192 are
# given away (linux/rtnetlink.h, /etc/iproute2/rt_protos).
NEIGHBOUR_PROTOCOL = 109
# The group (ip-link(8)) of bridges whose rules are ours, by which a packet is known as theirs whatever their number.
BRIDGE_GROUP = 0x6D6F6F72
DELETION_GROUP = 0x6D6F6F74  # of links that are about to be deleted together: all that is in it goes
UNFINISHED = "unfinished"  # made by a run that was killed before it could say what for


@dataclass(frozen=True)
class Link:
    """One network interface of one namespace, as the kernel shows it.

    ``addresses`` are texts with a prefix length ("192.168.5.1/24"), without link-local ones. ``controller`` is the
    name of the bridge that the link is a port of (the kernel says master). ``peer_index`` is the other end's index in
    the other end's namespace. ``stp`` and ``nf_calls`` belong to bridges, ``hairpin`` and ``isolated`` to bridge
    ports: no frame passes between two ports that are isolated (bridge(8)). ``nf_calls`` are the families whose rules
    see what goes between two ports, whatever the sysctls of br_netfilter say (``nf_call_iptables`` of ip-link(8)).
    ``tx_queue_len`` is in packets, -1 for the kernel's choice. No other link can have one of ``other_names``, which
    ip(8) calls altname. ``presumed`` is the alias of ours that the link has lost, as far as something else tells it.
    """

    name: str
    kind: str = ""
    index: int = 0
    peer_index: int = 0
    up: bool = False
    mtu: int = 1500
    mac: str = ""
    alias: str = ""
    controller: str = ""
    addresses: tuple[str, ...] = ()
    stp: bool = False
    nf_calls: tuple[str, ...] = ()
    hairpin: bool = False
    isolated: bool = False
    tx_queue_len: int = -1
    group: int = 0
    other_names: tuple[str, ...] = ()
    presumed: str = field(default="", compare=False)

    @cached_property
    def mark(self) -> Optional[Mark]:
        return Mark.parse(self.alias) or Mark.parse(self.presumed)

    @property
    def is_marked(self) -> bool:
        """Whether the kernel has our mark; :attr:`mark` may be one that the link has lost."""
        return Mark.parse(self.alias) is not None

    @property
    def unfinished(self) -> bool:
        return self.mark is not None and self.mark.kind == UNFINISHED


@dataclass(frozen=True)
class Route:
    """A route: ``destination`` is "default" or a network; ``gateway`` is "" for a connected one.

    ``metric`` is 0 for the one that ip(8) gives where none is said. ``kind`` is "" for a route with one next hop of
    its own, HOPS for one with several or with a next hop object (the first hop stands for all; of an object that
    leads nowhere or that the kernel does not tell ``interface`` is ""), and for a barrier, which leads elsewhere or
    nowhere, ip(8)'s words: ``blackhole``, ``unreachable``, ``prohibit``, ``throw``, ``local``, and FROM with a
    network for an IPv6 route that the kernel prefers for packets with a source in there.
    """

    destination: str
    interface: str
    gateway: str = ""
    family: str = "ipv4"
    metric: int = 0
    kind: str = ""

    @property
    def is_barrier(self) -> bool:
        return self.kind not in ("", HOPS)

    @property
    def rank(self) -> int:
        """Of several routes the kernel takes that of the smallest."""
        return self.metric or (METRIC_V6 if self.family == "ipv6" else 0)


@dataclass(frozen=True)
class Mark:
    """What an alias of ours says: the kind of object, its name, and settings that have no place in the kernel.

    :param kind: ``bridge``, ``endpoint`` or ``veth``
    :param name: the bridge's, the container's or the pair's name
    :param settings: words without spaces; the meaning belongs to the kind
    """

    kind: str
    name: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        words = " ".join(f"{key}={value if is_known(value) else _UNKNOWN}" for key, value in self.settings.items()
                         if value != "")
        return f"{MARK}:{self.kind}:{self.name}:{words}"

    @classmethod
    def parse(cls, alias: str) -> Optional[Mark]:
        """The mark in ``alias``, or None when the link is not ours."""
        parts = alias.split(":", 3)
        if len(parts) != 4 or parts[0] != MARK:
            return None
        words = (word.split("=", 1) for word in parts[3].split() if "=" in word)
        return cls(parts[1], parts[2], {key: KNOWN_AFTER_APPLY if value == _UNKNOWN else value for key, value in words})


@dataclass
class Namespace:
    """A network namespace: links by name, and of its main table the routes that lead somewhere, and the barriers.

    ``settings`` are kernel settings of the links as the same messages of the kernel have them, by their names below
    /proc/sys; None where the kernel has no such name now.
    """

    inode: int = 0
    links: dict[str, Link] = field(default_factory=dict)
    routes: list[Route] = field(default_factory=list)
    settings: dict[str, Optional[str]] = field(default_factory=dict)
    barriers: list[Route] = field(default_factory=list)

    def copy(self) -> Namespace:
        return Namespace(self.inode, dict(self.links), list(self.routes), self.settings, list(self.barriers))

    def default_route(self, family: str) -> Optional[Route]:
        """The one that the kernel takes: of the smallest metric the first."""
        return min((r for r in self.routes if r.destination == "default" and r.family == family),
                   key=lambda route: route.rank, default=None)

    def find(self, name: str) -> Optional[Link]:
        """The link with a name, be it one of its other ones."""
        return self.links.get(name) or next((link for link in self.links.values() if name in link.other_names), None)

    @property
    def addresses(self) -> list[str]:
        """All addresses of all links, without their prefix lengths."""
        return [address.partition("/")[0] for link in self.links.values() for address in link.addresses]

    def ports_of(self, bridge: str) -> list[Link]:
        return [link for link in self.links.values() if link.controller == bridge]


@dataclass(frozen=True)
class Neighbour:
    """What somebody has set, so that nothing that is heard changes it: the MAC address of an address behind a bridge,
    or, with ``address`` "", the port behind which a MAC address is (bridge(8): static and sticky).

    :param interface: the bridge, or the port
    :param own: whether it is ours: made with :data:`NEIGHBOUR_PROTOCOL`, or at a port of ours
    """

    interface: str
    mac: str
    address: str = ""
    own: bool = True

    @property
    def key(self) -> tuple[str, str]:
        """Of each there is one of these."""
        return self.interface, self.address or self.mac


@dataclass(frozen=True)
class Shaper:
    """A queueing discipline (tc(8)) that somebody has put on an interface of the host.

    :param place: ``root``, where what the interface sends has to pass, or ``ingress``, for what it receives
    :param kind: the kernel's name: ``tbf``, ``ingress``
    :param own: whether it is ours: by its handle, or for ``ingress`` by the filter that leads everything to ``target``
    :param rate: of a token bucket in bytes per second; ``burst`` and ``limit`` are the sizes of the bucket and of the
        queue in bytes
    :param target: the interface that all that comes in is led through, "" where it is gone
    :param shared: whether filters of others are beside ours
    :param altered: whether it says more than we do, so that it is not what we have made
    """

    interface: str
    place: str
    kind: str
    own: bool = False
    rate: int = 0
    burst: int = 0
    limit: int = 0
    target: str = ""
    shared: bool = False
    altered: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Of each there is one of these."""
        return self.interface, self.place


class Interfaces(Protocol):
    """As much of a host's state as links, addresses, routes, neighbours and queueing disciplines are."""

    namespaces: dict[str, Namespace]
    sysctls: dict[tuple[str, str], Optional[str]]
    neighbours: Optional[dict[tuple[str, str], Neighbour]]
    shapers: Optional[dict[tuple[str, str], Shaper]]


def forget_shapers(state: Interfaces, netns: str, interface: str) -> None:
    """Disciplines go with their interface, and with its place in a namespace (``dev_shutdown()``)."""
    if netns == HOST and state.shapers:
        for key in [key for key in state.shapers if key[0] == interface]:
            del state.shapers[key]


def forget_neighbours(state: Interfaces, netns: str, interface: str, without_v6: bool = False) -> None:
    """What is set of neighbours lives with the bridge and its MAC address, and with the port's place on it.

    :param without_v6: those of IPv4 only, which go with the last such address of the bridge (``fib_disable_ip()``)
    """
    if netns == HOST and state.neighbours:
        for key in [key for key in state.neighbours if key[0] == interface and not (without_v6 and ":" in key[1])]:
            del state.neighbours[key]
