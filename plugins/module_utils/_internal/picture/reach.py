# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reaches whom, by the policy of a host: what docs/who_reaches_what.md says, of the containers there. Pure.

Rules of others are not asked: what they take away is in ``obstacles``.
"""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping

from ..core.model import FAMILY_NAMES
from ..firewall.model import FAMILIES
from .model import EVERYBODY, Host, Interface, Network, Port, Way

ALL_PORTS, PING = "all ports", "ping"
OTHERS_DECIDE = "what the rules of others let in"

_LOOPBACK = ipaddress.ip_address("127.0.0.1")  # by which the host comes to a port that is published there

# A way of one family, and that family.
_Part = tuple[str, Way]
_Who = tuple[str, str]  # a kind and a name
_THE_HOST: _Who = ("host", "")


def find_ways(host: Host) -> dict[str, list[Way]]:
    """The ways to each container. What both families have alike is one way."""
    networks = host.by_name
    parts: dict[str, list[_Part]] = {name: [] for name in host.containers}
    inhabitants = {(network, family): _inhabitants(host, network, family)
                   for network in networks for family in FAMILIES}
    for interface in host.interfaces:
        for family in interface.addresses:
            parts[interface.container] += [(family, way) for way in _to_interface(
                interface, family, networks.get(interface.network), inhabitants)]
    clients = {family: _clients(host, networks, family) for family in FAMILIES}
    for port in host.ports:
        if port.container in parts and not port.waits:
            parts[port.container].append((port.family, _to_port(port, clients[port.family])))
    for link in host.links:
        if link.target in parts and link.ports and not _same_open(host, networks, link.source, link.target):
            parts[link.target].append((link.family, Way(link.ports, frozenset([link.source]))))
    families = {name: frozenset(family for each in host.interfaces if each.container == name
                                for family in each.addresses) for name in parts}
    return {name: _joined(each, name, families) for name, each in parts.items()}


def _inhabitants(host: Host, network: str, family: str) -> frozenset[str]:
    return frozenset(each.container for each in host.interfaces if each.network == network and family in each.addresses)


def _to_interface(interface: Interface, family: str, network: Network | None,
                  inhabitants: dict[tuple[str, str], frozenset[str]]) -> Iterator[Way]:
    """At its own address."""
    target = interface.container
    if network is None:
        return
    beside = inhabitants[network.name, family] - {target}
    if not network.own or family not in network.families:
        yield Way(OTHERS_DECIDE, beside if network.own else frozenset(), (EVERYBODY,), True)
        return
    near = beside if network.icc else frozenset()
    # Whoever is on the network itself sends by that interface.
    away = frozenset[str]().union(*(inhabitants[name, family] for name in network.partners)) - {target} - beside
    trusted = tuple(who for asked, who in network.trusted if asked in ("", family))
    yield Way(ALL_PORTS, near | away, trusted, family not in network.apart)
    if family in network.routed:
        everyone = frozenset[str]().union(*(names for (_name, each), names in inhabitants.items() if each == family))
        yield Way(PING, everyone - {target} - beside - away, (EVERYBODY,))


def _clients(host: Host, networks: dict[str, Network], family: str) -> dict[str, list[str]]:
    """The addresses by which containers come to ports of the host."""
    found: dict[str, list[str]] = {}
    for each in host.interfaces:
        network = networks.get(each.network)
        if network and network.own and not network.internal and family in each.addresses:
            found.setdefault(each.container, []).append(each.addresses[family])
    return found


def _to_port(port: Port, clients: dict[str, list[str]]) -> Way:
    allowed = [ipaddress.ip_network(each) for each in port.allow_from]
    if port.loopback:
        return Way(port.place, frozenset(), (), not allowed or any(_LOOPBACK in network for network in allowed), True)
    sources = frozenset(name for name, addresses in clients.items() if name != port.container and (
        not allowed or any(ipaddress.ip_address(address) in network for address in addresses for network in allowed)))
    return Way(port.place, sources, port.allow_from or (EVERYBODY,), not allowed, True)


def _same_open(host: Host, networks: dict[str, Network], source: str, target: str) -> bool:
    """Whether two containers reach each other on a network without a link."""
    of_source = {each.network for each in host.interfaces if each.container == source}
    return any(networks[each.network].icc for each in host.interfaces
               if each.container == target and each.network in of_source and each.network in networks)


def _joined(parts: Iterable[_Part], target: str, families: Mapping[str, frozenset[str]]) -> list[Way]:
    """What both families have alike is one way. The family is said to whom another one is closed that they have."""
    found: dict[tuple[str, bool], dict[_Who, set[str]]] = {}
    for family, way in parts:
        by_who = found.setdefault((way.what, way.published), {})
        who: list[_Who] = [("container", name) for name in sorted(way.sources)]
        who += [("outside", name) for name in way.outside]
        for each in [*who, *([_THE_HOST] if way.from_host else [])]:
            by_who.setdefault(each, set()).add(family)
    ways: dict[tuple[str, bool], list[_Who]] = {}
    for (what, published), by_who in found.items():
        for each, open_by in by_who.items():
            possible = families[target] & families[each[1]] if each[0] == "container" else families[target]
            one = each == _THE_HOST or each[1] == EVERYBODY or each[0] == "container"
            only = f", {FAMILY_NAMES[min(open_by)]} only" if one and possible - open_by else ""
            ways.setdefault((what + only, published), []).append(each)
    return [Way(what, frozenset(name for kind, name in who if kind == "container"),
                tuple(name for kind, name in who if kind == "outside"), _THE_HOST in who, published)
            for (what, published), who in ways.items()]
