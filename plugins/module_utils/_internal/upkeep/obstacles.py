# SPDX-License-Identifier: GPL-3.0-or-later
"""Where rules of others drop what ours let through: sentences for the user. Pure.

Our rules are first where the order matters, yet a packet has more chains to pass: those of other tables, and those that
nftables has beside iptables. Whatever one of them drops is gone. Only what is sure is said.
"""
from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from typing import Optional

from ..bridge.model import Bridge, bridges
from ..firewall.model import FAMILIES
from ..foreign.model import (
    DESTINATION,
    DROP,
    ESTABLISHED,
    MASQUERADED,
    NEW,
    SOURCE,
    TRACKING,
    TRANSLATED,
    BaseChain,
    ForeignRule,
    Ruleset,
)
from ..foreign.saved import rulesets
from ..foreign.walk import Packet, obstacle
from ..host.endpoints import endpoints
from ..host.model import HostState
from ..link.model import Link
from ..ports.model import Publication, range_text

_ORDER = ("prerouting", "output", "forward", "postrouting")
_NAMED_PORTS = 5
_FIREWALLD = (". Let firewalld forward it, for example with `firewall-cmd --permanent --zone=trusted "
              "--add-interface={}` and `firewall-cmd --reload`")
_NEW, _ESTABLISHED = frozenset({NEW}), frozenset({ESTABLISHED})
FORWARDED = ("prerouting", "forward", "postrouting")

_Place = tuple[Ruleset, BaseChain]
_Culprit = tuple[str, str, Optional[ForeignRule]]
# What goes there; the hooks it passes; its packet before the destination is translated, and after.
_Journey = tuple[str, tuple[str, ...], Packet, Packet]


def find_blocked(state: HostState, published: Sequence[Publication]) -> list[str]:
    """Published ports that rules of others close, with the chain that does. To those that wait nothing comes yet."""
    places = _places(state)
    if not places:
        return []
    leases = {lease.ip(family): lease.bridge for lease in endpoints(state) for family in FAMILIES if lease.ip(family)}
    found: dict[tuple[str, _Culprit], tuple[dict[str, None], dict[str, None]]] = {}
    for publication in (each for each in published if not each.waits):
        bridge = state.host.links.get(leases.get(publication.container_ip) or "")
        for interface, journeys in _journeys(state, publication, bridge) if bridge else ():
            for what, hooks, before, after in journeys:
                culprit = _first(places, hooks, before, after)
                if culprit:
                    ports, interfaces = found.setdefault((what, culprit), ({}, {}))
                    ports[_port(publication)] = None
                    interfaces.update({interface: None} if interface else {})
                    break
    return [f"{what}{_among(interfaces)} to published {_few(ports)} are {_by(culprit)}"
            for (what, culprit), (ports, interfaces) in found.items()]


def find_shut_in(state: HostState, names: Iterable[str]) -> list[str]:
    """Bridges whose containers cannot reach the outside because of rules of others."""
    places = _places(state)
    own = bridges(state) if places else {}
    found = []
    for name, family in ((name, family) for name in names if name in own for family in FAMILIES):
        route, subnet = state.host.default_route(family), own[name].subnet(family)
        uplink = state.host.links.get(route.interface) if route and subnet and not own[name].internal else None
        if not uplink or uplink.name == name:
            continue
        sentences = {protocol: _shut_in(places, _outward(own[name], uplink, family, protocol))
                     for protocol in ("tcp", "udp")}
        same = len(set(sentences.values())) == 1
        for protocol, (start, end) in list(sentences.items())[:1 if same else None]:
            what = f"what containers of {name} send to the outside ({uplink.name}){'' if same else f' by {protocol}'}"
            found += [f"{start.format(what)} {end}{_FIREWALLD.format(name) if 'inet firewalld' in end else ''}"
                      ] if end else []
    return found


def _shut_in(places: Sequence[_Place], journeys: Iterable[_Journey]) -> tuple[str, str]:
    """Begin and end of the sentence about the first journey that ends, empty when none does."""
    for what, hooks, before, after in journeys:
        culprit = _first(places, hooks, before, after)
        if culprit:
            return what, _by(culprit)
    return "", ""


def _outward(bridge: Bridge, uplink: Link, family: str, protocol: str) -> Sequence[_Journey]:
    network = ipaddress.ip_network(bridge.subnet(family))
    inside = (int(network.network_address), int(network.broadcast_address))
    there = Packet(family, protocol, iif=_names(bridge.link), oif=_names(uplink), source=inside, local=False)
    back = Packet(family, protocol, iif=_names(uplink), oif=_names(bridge.link), destination=inside,
                  states=_ESTABLISHED, local=False)
    translated = dataclasses.replace(back, states=_ESTABLISHED | {MASQUERADED}) if bridge.masquerades(family) else back
    # Until it is translated back, a reply is addressed to the host.
    unchanged = dataclasses.replace(translated, destination=None, local=True) if bridge.masquerades(family) else back
    return ("{} is", FORWARDED, there, there), ("replies to {} are", FORWARDED, unchanged, translated)


def _places(state: HostState) -> list[_Place]:
    """Chains of others that can drop something, in the order in which a packet meets them."""
    found = [(ruleset, base) for ruleset in (*rulesets(state.foreign), *state.native) for base in ruleset.bases
             if not base.translates and (base.policy == DROP or any(
                 rule.verdict == DROP for rules in ruleset.chains.values() for rule in rules))]
    return sorted(found, key=lambda place: (_ORDER.index(place[1].hook), place[1].priority))


def _journeys(state: HostState, publication: Publication,
              bridge: Link) -> Iterator[tuple[str, Sequence[_Journey]]]:
    """By interface ("" for the host itself) what goes its way there."""
    family, host_ip = publication.family, ipaddress.ip_address(publication.host_ip)
    container = int(ipaddress.ip_address(publication.container_ip))
    blank = Packet(family, publication.protocol)
    translated = frozenset() if publication.direct else frozenset({TRANSLATED})
    after = dataclasses.replace(blank, oif=_names(bridge), destination=(container, container), local=False,
                                dport=_ports(publication.container_port, publication), states=_NEW | translated)
    before = dataclasses.replace(blank, dport=_ports(publication.host_port, publication), local=not publication.direct)
    for link in entries(state):
        own = [int(interface.ip) for interface in map(ipaddress.ip_interface, link.addresses)
               if interface.version == host_ip.version]
        if own and not host_ip.is_loopback and not publication.allow_from:
            own = own if host_ip.is_unspecified else [int(host_ip)]
            reply = dataclasses.replace(blank, iif=_names(bridge), oif=_names(link), source=(container, container),
                                        states=_ESTABLISHED | translated, local=False)
            yield link.name, (
                ("connections from outside", FORWARDED,
                 dataclasses.replace(before, iif=_names(link), destination=(own[0], own[0]) if len(own) == 1 else None),
                 dataclasses.replace(after, iif=_names(link))),
                ("replies to connections from outside", FORWARDED, reply, reply))
    if not publication.allow_from:
        # The kernel shows the interface that it had chosen before the translation to all chains of the hook.
        chosen = _names(bridge if publication.direct else state.host.links.get("lo"))
        yield "", (("connections from the host itself", ("output",), dataclasses.replace(before, oif=chosen),
                    dataclasses.replace(after, oif=chosen)),
                   ("connections from the host itself", ("postrouting",), before, after))


def entries(state: HostState) -> list[Link]:
    """Interfaces through which somebody outside comes in: not those of containers."""
    uplinks = {route.interface for route in state.host.routes if route.destination == "default"}
    return [link for link in state.host.links.values() if link.up and link.addresses
            and link.kind != "loopback" and (link.name in uplinks or not (link.mark or link.kind == "bridge"))]


def _names(link: Optional[Link]) -> tuple[str, ...]:
    return (link.name, f"#{link.index}") if link else ()


def _first(places: Sequence[_Place], hooks: Sequence[str], before: Packet, after: Packet) -> Optional[_Culprit]:
    """Name of the table, chain and rule that drop it first; no rule where it is the policy."""
    for ruleset, base in places:
        if base.hook in hooks and before.family in ruleset.families:
            early = base.hook in ("prerouting", "output") and base.priority <= DESTINATION
            packet = before if early else after
            if base.hook == "prerouting":
                packet = dataclasses.replace(packet, oif=())
            if base.hook == "postrouting" and base.priority >= SOURCE:
                packet = dataclasses.replace(packet, source=None)
            if base.priority <= TRACKING and base.hook in ("prerouting", "output"):
                packet = dataclasses.replace(packet, states=None)
            found = obstacle(ruleset, base, packet)
            if found:
                return (ruleset.name, *found)
    return None


def _by(culprit: _Culprit) -> str:
    table, chain, rule = culprit
    if rule is None:
        return f"dropped by the policy of chain {chain} of table {table}, where no rule accepts such packets"
    return f"{rule.target or 'dropped'} in chain {chain} of table {table} by {rule.text}"


def _ports(first: int, publication: Publication) -> tuple[int, int]:
    return first, first + publication.count - 1


def _port(publication: Publication) -> str:
    ports = range_text(publication.host_port, publication.host_port + publication.count - 1)
    return f"{ports}/{publication.protocol} of {publication.container}"


def _few(ports: Iterable[str]) -> str:
    words = list(ports)
    more = len(words) - _NAMED_PORTS
    return (f"port{'s' if len(words) > 1 else ''} {', '.join(words[:_NAMED_PORTS])}"
            f"{f' and {more} more' if more > 0 else ''}")


def _among(interfaces: Iterable[str]) -> str:
    return f" ({', '.join(interfaces)})" if interfaces else ""
