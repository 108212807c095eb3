# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that this collection keeps on a host, joined into one view. Pure."""
from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from ..bridge import plan as bridge_plan
from ..bridge.egress import shown
from ..bridge.model import bridges
from ..bridge.outbound import find_absent
from ..bridge.way_out import find_ways_out
from ..core.argspec import TEXT
from ..core.plan import View
from ..firewall.model import FAMILIES
from ..host.draft import Draft
from ..host.endpoints import Endpoint, endpoints
from ..host.model import HostState, Scope
from ..host.resource import Resource
from ..icc.plan import select_shown
from ..link.model import VETH
from ..names.view import all_names
from ..ports.ledger import Ledger
from ..ports.model import Publication
from ..publish import conflicts
from ..publish.listeners import find_listeners
from . import drift
from .forwarding import find_unforwarded
from .managers import find_interfaces
from .names import tell_held_up
from .obstacles import find_blocked, find_shut_in


@dataclass(frozen=True)
class DesiredInfo:
    """A question; None asks for all bridges, for all containers."""

    bridge: Optional[str] = None
    container: Optional[str] = None


_LISTENING = Scope(ports=frozenset())  # of the host, where ports are published


def parse(options: Mapping[str, Any]) -> DesiredInfo:
    return DesiredInfo(options["bridge"], options["container"])


def scope(_items: Sequence[DesiredInfo], look: HostState) -> Scope:
    return Scope.union([drift.scope(look), _LISTENING])


def _scope_of_whole(_items: Sequence[DesiredInfo], _look: HostState) -> Scope:
    """Without what tells drift: a run about a host repairs what it names."""
    return Scope.union([Scope(firewall=True, others=True, every_name=True), _LISTENING])


def views(state: HostState, ledger: Ledger, items: Sequence[DesiredInfo]) -> list[View]:
    found = drift.find_drift(state, ledger)
    return [answer(question, state, ledger, found) for question in items]


def _views_of_plan(state: HostState, ledger: Ledger, items: Sequence[DesiredInfo]) -> list[View]:
    """The same of a state that a plan has settled, hence without drift."""
    return [answer(question, state, ledger, []) for question in items]


def answer(question: DesiredInfo, state: HostState, ledger: Ledger, changed: list[str]) -> Mapping[str, Any]:
    """What a state and a ledger say of what is asked. :param changed: see :mod:`.drift`"""
    published, linked = ledger.publications, select_shown(ledger.links, bridges(state))
    named = all_names(state, ledger.links)
    every = endpoints(state)
    count = Counter(endpoint.container for endpoint in every)
    found = [e for e in every if question.container in (None, e.container) and question.bridge in (None, e.bridge)]
    names = [name for name in bridges(state) if question.bridge in (None, name)
             and (question.container is None or any(e.bridge == name for e in found))]
    containers = {endpoint.container for endpoint in found}
    everything = question.bridge is None and question.container is None
    bridge_at = {address: each.bridge for each in every for address in map(each.ip, FAMILIES)}
    engines, leading = _engines(state, named), {each.link.name for each in every}
    return {
        "bridges": [_bridge(state, ledger, name, leading) for name in names],
        "other_bridges": _other_bridges(state) if everything else [],
        "endpoints": [_endpoint(each, state, ledger, count[each.container] == 1, engines) for each in found],
        "ports": [_port(p, bridge_at) for p in published if everything or p.container in containers],
        "published_ports": [f"{p.container} {p.text}" for p in published if everything or p.container in containers],
        "links": [link.note for link in linked if everything or link.source in containers],
        "veth_pairs": sorted({link.mark.name for link in state.find_marked(VETH) if link.mark}) if everything else [],
        "veth_ends": _veth_ends(state) if everything else [],
        "interfaces": find_interfaces(state) if everything else [],
        "namespaces": sorted(name for name, entry in state.named.items() if entry.own) if everything else [],
        "dns": [names for names in named
                if everything or names["container"] in (question.container, *containers)],
        "drift": changed,
        "leftovers": _leftovers(state, ledger, named),
        "obstacles": _obstacles(state, published, names, everything, containers),
    }


def _bridge(state: HostState, ledger: Ledger, name: str, leading: Collection[str]) -> View:
    """A bridge with those of its ports that are not among the ones ``leading`` to containers of this collection."""
    found = bridge_plan.view(state, ledger, name)
    return found and {**found, "other_ports": sorted(port.name for port in state.host.ports_of(name)
                                                     if port.name not in leading)}


def _other_bridges(state: HostState) -> list[dict[str, Any]]:
    """Bridges that somebody else made and nobody has adopted."""
    own = bridges(state)
    return [{"name": link.name, "addresses": list(link.addresses), "mtu": link.mtu, "up": link.up,
             "ports": sorted(port.name for port in state.host.ports_of(link.name))}
            for _name, link in sorted(state.host.links.items()) if link.kind == "bridge" and link.name not in own]


def _veth_ends(state: HostState) -> list[dict[str, Any]]:
    """The ends on the host of all veth pairs."""
    found = [(link.mark.name, link) for link in state.find_marked(VETH) if link.mark]
    return [{"name": name, "interface": link.name, "bridge": link.controller, "addresses": list(link.addresses),
             "up": link.up} for name, link in sorted(found, key=lambda each: (each[0], each[1].name))]


def _engines(state: HostState, named: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """By container what its name stands for: ``docker``, ``podman``, ``netns`` or ``pid``, as far as it is known."""
    found = {name: "netns" for name, entry in state.named.items() if entry.own and not entry.link}
    return {**found, **{names["container"]: names["kind"] for names in named}}


def _port(port: Publication, bridge_at: Mapping[str, str]) -> Mapping[str, Any]:
    """A published port, or a range of them: ``count`` ports from ``host_port`` and ``container_port`` on."""
    return {"container": port.container, "bridge": bridge_at.get(port.container_ip, ""),
            "host_ip": "" if port.waits else port.host_ip, "interface": port.interface,
            "host_port": port.host_port, "container_ip": port.container_ip, "container_port": port.container_port,
            "protocol": port.protocol, "count": port.count, "allow_from": list(port.allow_from)}


def _endpoint(endpoint: Endpoint, state: HostState, ledger: Ledger, alone: bool,
              engines: Mapping[str, str]) -> Mapping[str, Any]:
    """:param alone: whether it is the only interface of its container"""
    own, addresses = endpoint.container, (endpoint.ip("ipv4"), endpoint.ip("ipv6"))
    inside = state.namespaces.get(endpoint.path)
    inner = inside.links.get(endpoint.interface) if inside else None
    return {"container": own, "engine": engines.get(own, ""), "interface_name": endpoint.interface,
            "bridge": endpoint.bridge, "address": endpoint.address, "address_v6": endpoint.address_v6,
            "mac_address": inner.mac if inner and inner.mac else endpoint.mac_address,
            "host_interface": endpoint.link.name,
            "up": endpoint.link.up, "isolated": endpoint.link.isolated, "exposed_ports": list(endpoint.exposed),
            "aliases": list(endpoint.aliases), "bandwidth": endpoint.bandwidth.options,
            "allow_to": shown(ledger, endpoint.limit),
            "published_ports": [p.text for p in ledger.publications_of(own) if alone or p.container_ip in addresses],
            "links": sorted({f"{link.target}:{link.alias}" for link in ledger.links_of(own)})}


def _obstacles(state: HostState, published: Sequence[Publication], names: Sequence[str], everything: bool,
               containers: Collection[str]) -> list[str]:
    """What rules and settings of others take away from what is asked about."""
    asked = [publication for publication in published if everything or publication.container in containers]
    claims = conflicts.find_claims(state)
    claimed = conflicts.occupied_by(claims)
    return [*conflicts.find_contested(claims, claimed, asked), *find_listeners(state.sockets, asked, claimed),
            *find_blocked(state, asked), *find_shut_in(state, names), *find_unforwarded(state, asked, names),
            *find_absent(state, names), *(find_ways_out(state) if everything else ())]


def _leftovers(state: HostState, ledger: Ledger, named: Sequence[Mapping[str, Any]]) -> list[str]:
    """What belongs to containers that are gone. :param named: the names of all containers"""
    attached = {endpoint.container for endpoint in endpoints(state)}
    found = [f"published port {p.container} {p.text}: {p.container} is not attached"
             for p in ledger.publications if p.container not in attached]
    found += [f"link {link.note}: one of its containers is not attached" for link in ledger.links
              if not {link.source, link.target} <= attached]
    found += [f"/run/netns/{name}: {entry.problem}" for name, entry in state.named.items()
              if entry.lost or entry.own and not entry.inode]
    found += [f"{names['files']['hosts']}: there is no namespace {names['name']}" for names in named
              if names["kind"] == "netns" and names["name"] not in state.named]
    found += [f"files of {names['container']}: they are no longer as this collection wrote them"
              for names in named if not names["intact"]]
    found += [f"interface {e.link.name} of {e.container}: is on no bridge" for e in endpoints(state) if not e.bridge]
    return found


def _change_nothing(draft: Draft, _items: Sequence[DesiredInfo]) -> None:
    """A question asks for nothing, and says what it could not see."""
    tell_held_up(draft)


OPTIONS: dict[str, Any] = {"bridge": TEXT, "container": TEXT}
RESOURCE = Resource(key="network", many="networks", options=OPTIONS, parse=parse, identity=str,
                    amend=_change_nothing, views=views, scope=scope, reads_only=True)
# The whole of a host at the end of a run about it.
WHOLE = dataclasses.replace(RESOURCE, views=_views_of_plan, scope=_scope_of_whole)
