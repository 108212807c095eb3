# SPDX-License-Identifier: GPL-3.0-or-later
"""A bridge of ours as it is."""
from __future__ import annotations

import dataclasses
import functools
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Optional

from ..firewall.model import FAMILIES
from ..host.endpoints import NAMES, endpoints
from ..host.model import HostState
from ..link.model import BRIDGE, BRIDGE_GROUP, Link, Mark
from ..ports.model import family_of

INNER_PORTS = ("veth", "tun")  # the kinds of interfaces behind which there are containers and virtual machines


@functools.lru_cache(maxsize=256)
def _network_of(address: str) -> str:
    return str(ipaddress.ip_interface(address).network)


@dataclass(frozen=True)
class Bridge:
    """A bridge of ours: its link, and the settings that its mark carries because the kernel has no place for them.

    ``pool`` is what Docker calls ``fixed-cidr``, ``gateway`` its ``default-gateway``; texts, "" when not set. ``guard``
    has the families of which this bridge switched forwarding on: what concerns other interfaces only stays closed.
    ``routed`` has the families whose packets are not translated (gateway mode routed). ``allowed`` are names of bridges
    whose containers may open connections to those of this one, and the other way round. Who comes in by
    ``trusted_interfaces`` (names) or from ``trusted_networks`` (CIDR) reaches the containers by their addresses.
    ``aux`` are addresses that no container gets, with their names: ``router@10.0.0.254``.
    ``user`` says that rules of the administrator come first on this host.
    ``forward`` is false where forwarding was to be left as it is. ``uplink`` says that the host's own network is behind
    it: of what comes from there only ``leases`` are containers, addresses that are filled in for the rules and stand in
    no mark. ``outbound`` and ``outbound_v6`` are addresses of the host, "" for masquerade. ``internal`` says that
    nothing passes between its containers and anything but the host's end of it. ``isolated`` has the families in which
    there is no such end (gateway mode isolated): ``network`` and ``network_v6`` are the addresses that the bridge would
    have otherwise, whose networks its containers are on. ``names`` says that its containers find each other by name.
    ``limit`` is the digest of the list of destinations that its containers may send to, "" for anywhere.
    """

    link: Link
    masquerade: bool = True
    icc: bool = True
    iptables: bool = True
    ip6tables: bool = True
    pool: str = ""
    gateway: str = ""
    pool_v6: str = ""
    gateway_v6: str = ""
    adopted: bool = False
    guard: tuple[str, ...] = ()
    routed: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    trusted_interfaces: tuple[str, ...] = ()
    trusted_networks: tuple[str, ...] = ()
    uplink: bool = False
    outbound: str = ""
    outbound_v6: str = ""
    internal: bool = False
    isolated: tuple[str, ...] = ()
    network: str = ""
    network_v6: str = ""
    forward: bool = True
    names: bool = False
    leases: tuple[str, ...] = ()
    user: bool = False
    limit: str = ""
    aux: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.link.name

    def address(self, family: str) -> str:
        """The bridge's own address with its prefix length, "" when it has none of the family."""
        if family in self.isolated:
            return ""
        return next((address for address in self.link.addresses if family_of(address) == family), "")

    def declared(self, family: str) -> str:
        """The same, or the one that it would have, had the host an end in its network."""
        if family in self.isolated:
            return self.network if family == "ipv4" else self.network_v6
        return self.address(family)

    def subnet(self, family: str) -> str:
        address = self.declared(family)
        return _network_of(address) if address else ""

    def inside(self, family: str) -> tuple[str, ...]:
        """Where its containers are: its subnet, or with an uplink their addresses."""
        if self.uplink:
            return tuple(address for address in self.leases if family_of(address) == family)
        return tuple(filter(None, (self.subnet(family),)))

    def filters(self, family: str) -> bool:
        """Whether the rules of this family are ours to keep for this bridge."""
        return self.iptables if family == "ipv4" else self.ip6tables

    def publishes(self, family: str) -> bool:
        """Whether ports of its containers can be published by this family."""
        return self.filters(family) and not self.internal

    @property
    def in_group(self) -> bool:
        """Whether it belongs to :data:`BRIDGE_GROUP`: what is under way by it passes without another look."""
        return self.iptables and self.ip6tables and not (self.uplink or self.adopted or self.internal)

    @property
    def group(self) -> int:
        """The group that its link is to be in. Any but ours says nothing to us, and is kept where it is not ours."""
        kept = 0 if self.link.group == BRIDGE_GROUP else self.link.group
        return BRIDGE_GROUP if self.in_group else kept

    @property
    def cannot_close(self) -> str:
        """The option that keeps icc: false from closing the bridge, "" where nothing does: a family without rules."""
        if not self.iptables:
            return "iptables"
        return "ip6tables" if self.subnet("ipv6") and not self.ip6tables else ""

    def masquerades(self, family: str) -> bool:
        """Whether what its containers send to the outside gets an address of the host."""
        return self.masquerade and family not in self.routed and not self.internal

    def outbound_address(self, family: str) -> str:
        """With which address of the host it leaves, "" for that of the interface that it leaves by."""
        return self.outbound if family == "ipv4" else self.outbound_v6

    def gateway_mode(self, family: str) -> str:
        """Docker's ``com.docker.network.bridge.gateway_mode_ipv4`` and ``_ipv6``."""
        return "isolated" if family in self.isolated else "routed" if family in self.routed else "nat"

    def settings(self) -> dict[str, str]:
        """What stands in the mark: only what differs from Docker's defaults."""
        switches = {"masq": self.masquerade, "icc": self.icc, "iptables": self.iptables, "ip6tables": self.ip6tables,
                    "fwd": self.forward}
        words = {key: "0" for key, on in switches.items() if not on}
        return {**words, "pool": self.pool, "gw": self.gateway, "pool6": self.pool_v6, "gw6": self.gateway_v6,
                "adopted": "1" if self.adopted else "", "uplink": "1" if self.uplink else "",
                "internal": "1" if self.internal else "", "user": "1" if self.user else "",
                NAMES: "1" if self.names else "",
                "iso": ",".join(self.isolated), "net": self.network, "net6": self.network_v6,
                "out": self.outbound, "out6": self.outbound_v6, "aux": ",".join(self.aux),
                "guard": ",".join(self.guard), "routed": ",".join(self.routed), "allow": ",".join(self.allowed),
                "tif": ",".join(self.trusted_interfaces), "tnet": ",".join(self.trusted_networks), "to": self.limit}

    @property
    def mark(self) -> Mark:
        return Mark(BRIDGE, self.name, self.settings())


def bridge_of(link: Link) -> Optional[Bridge]:
    """The bridge that ``link`` is, None when it is not one of ours."""
    mark = link.mark
    if mark is None or mark.kind != BRIDGE:
        return None
    words = mark.settings
    return Bridge(
        link, masquerade=words.get("masq") != "0", icc=words.get("icc") != "0", iptables=words.get("iptables") != "0",
        ip6tables=words.get("ip6tables") != "0", pool=words.get("pool", ""), gateway=words.get("gw", ""),
        pool_v6=words.get("pool6", ""), gateway_v6=words.get("gw6", ""), adopted=words.get("adopted") == "1",
        uplink=words.get("uplink") == "1", internal=words.get("internal") == "1", forward=words.get("fwd") != "0",
        user=words.get("user") == "1", names=words.get(NAMES) == "1", guard=_split(words, "guard"),
        isolated=_split(words, "iso"), network=words.get("net", ""), network_v6=words.get("net6", ""),
        outbound=words.get("out", ""), outbound_v6=words.get("out6", ""), aux=_split(words, "aux"),
        routed=_split(words, "routed"), allowed=_split(words, "allow"),
        trusted_interfaces=_split(words, "tif"), trusted_networks=_split(words, "tnet"), limit=words.get("to", ""))


def _split(words: Mapping[str, str], key: str) -> tuple[str, ...]:
    return tuple(word for word in words.get(key, "").split(",") if word)


def bridges(state: HostState) -> dict[str, Bridge]:
    """All bridges of ours by name, in order of their names."""
    return {link.name: bridge for link in sorted(state.find_marked(BRIDGE), key=lambda link: link.name)
            if (bridge := bridge_of(link)) is not None}


def with_leases(state: HostState) -> dict[str, Bridge]:
    """The same, those with an uplink with the addresses of their containers."""
    own = bridges(state)
    leases: dict[str, list[str]] = {}
    for lease in endpoints(state) if any(bridge.uplink for bridge in own.values()) else ():
        leases.setdefault(lease.bridge, []).extend(filter(None, map(lease.ip, FAMILIES)))
    return {name: dataclasses.replace(bridge, leases=tuple(leases.get(name, ()))) if bridge.uplink else bridge
            for name, bridge in own.items()}


def awaited_bridges(state: HostState) -> dict[str, Bridge]:
    """Bridges that are to come back, closed: until a run has made them nobody has to be let in."""
    found = {name: bridge_of(each.link) for name, each in state.awaited.items()}
    return {name: dataclasses.replace(close(bridge), leases=state.awaited[name].leases)
            for name, bridge in found.items() if bridge is not None}


def close(bridge: Bridge) -> Bridge:
    """A bridge without anybody who may open connections to its containers from elsewhere."""
    return dataclasses.replace(bridge, allowed=(), trusted_interfaces=(), trusted_networks=())


def inner_bridges(state: HostState) -> tuple[str, ...]:
    """Bridges of anybody, ours included, that lead to no network outside of the host.

    One that a gateway is behind, or that a port other than of a container or of a virtual machine belongs to, does.
    """
    ways_out = {route.interface for route in state.host.routes if route.gateway}
    ways_out |= {link.controller for link in state.host.links.values() if link.kind not in INNER_PORTS}
    return tuple(sorted(link.name for link in state.host.links.values()
                        if link.kind == "bridge" and link.name not in ways_out))


def partners(bridge: Bridge, own: Iterable[Bridge]) -> list[str]:
    """The bridges whose containers may open connections to those of ``bridge``: one of the two names the other.

    What comes from a bridge with an uplink may be anybody, so it is nobody's partner. An internal one has none.
    """
    if bridge.uplink or bridge.internal:
        return []
    return sorted(other.name for other in own if other.name != bridge.name and not (other.uplink or other.internal)
                  and (other.name in bridge.allowed or bridge.name in other.allowed))


class Subnets:
    """Which bridge of ours an address belongs to. Each address is looked up once."""

    def __init__(self, own: Iterable[Bridge]) -> None:
        networks = [(ipaddress.ip_network(subnet), bridge) for bridge in own for family in ("ipv4", "ipv6")
                    if (subnet := bridge.subnet(family))]
        self._networks = sorted(networks, key=lambda found: -found[0].prefixlen)
        self._found: dict[str, Optional[Bridge]] = {}

    def bridge(self, address: str) -> Optional[Bridge]:
        if address not in self._found:
            ip = ipaddress.ip_address(address)
            self._found[address] = next((bridge for network, bridge in self._networks if ip in network), None)
        return self._found[address]

    def home(self, addresses: Iterable[str]) -> Optional[Bridge]:
        """The bridge that the first of some addresses belongs to, of those that belong to any; "" is none."""
        return next((found for address in addresses if address and (found := self.bridge(address))), None)
