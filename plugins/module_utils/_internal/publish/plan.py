# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes exactly the wanted ports of containers reachable through the host. Pure."""
from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..bridge.forwarding import ROUTE_LOCALNET
from ..bridge.model import Bridge, bridges
from ..core.errors import MooringError, OptionError
from ..core.model import KNOWN_AFTER_APPLY
from ..core.plan import Absence, View
from ..firewall.model import COMMANDS, FAMILIES
from ..host.draft import Draft
from ..host.endpoints import Endpoint, containers, endpoints
from ..host.model import HostState, Scope
from ..host.modes import conflict
from ..host.ways import Ways
from ..ports import direct
from ..ports.allocate import allocate
from ..ports.entry import HIGHEST_PORT
from ..ports.ledger import Ledger
from ..ports.model import ANY_IPV4, ExposedPort, PortSpec, Publication, family_of
from ..ports.occupied import occupy_published as occupied_by
from ..ports.refusal import Exhausted, PublishedElsewhere
from ..ports.sets import PortSet, is_in, merge
from ..ports.spec import parse_exposed_port
from . import conflicts
from .interfaces import places_of
from .leftovers import find_vanished, find_waited, way_out
from .listeners import find_listeners
from .model import LocatedPorts
from .places import choose_endpoints, lead_to_networks, refuse_internal
from .unreached import find_unreached


def scope(items: Sequence[LocatedPorts], _look: HostState) -> Scope:
    fixed = {(spec.protocol, *spec.host_ports) for item in items for spec in item.specs if spec.host_ports}
    return Scope(firewall=True, routes=frozenset(item.label for item in items), others=True, ports=frozenset(fixed),
                 bridge_sysctls=(ROUTE_LOCALNET,))


def amend(draft: Draft, items: Sequence[LocatedPorts]) -> None:
    """:raises MooringError: for a port that is taken, by whom, and for everything else that cannot be"""
    leases = containers(endpoints(draft.state))
    items = _select_led(draft, items, leases)
    labels = {item.label for item in items}
    taken = _Taken(draft, items, leases)
    former = {label: draft.ledger.publications_of(label) for label in labels}
    # Explicit ports of all items come before the first one that is to be chosen.
    for explicit in (True, False):
        for item in draft.each(items):
            current = draft.ledger.publications_of(item.label)
            for publication in _select_staying(current, item) if explicit else current:
                taken.published.withdraw(publication)
            try:
                chosen = _publish(draft, item, leases.get(item.label, []), taken,
                                  current if explicit else former[item.label], explicit)
            except PublishedElsewhere as error:
                if error.owner.container in labels:
                    raise
                draft.assume(f"{error}{way_out(error, leases)}",
                             f"closes port {error.owner.text} of container {error.owner.container}")
                chosen = ()
            except Exhausted as error:
                raise MooringError(f"{error}{way_out(error, leases)}") from error
            draft.ledger.publish(item.label, chosen)
            for publication in draft.ledger.publications_of(item.label):
                taken.published.publish(publication)
    draft.containers_asked += labels
    asked = [publication for label in labels for publication in draft.ledger.publications_of(label)]
    for sentence in (*find_unreached(items, leases, asked, draft.state),
                     *conflicts.find_contested(taken.claims, taken.claimed, asked),
                     *find_listeners(draft.observed.sockets, asked, taken.claimed)):
        draft.warn(sentence)


def views(state: HostState, ledger: Ledger, items: Sequence[LocatedPorts]) -> list[View]:
    leases = containers(endpoints(state))
    return [view(item.label, ledger.publications_of(item.label), leases.get(item.label, ())) for item in items]


def _select_led(draft: Draft, items: Sequence[LocatedPorts],
                leases: Mapping[str, Sequence[Endpoint]]) -> list[LocatedPorts]:
    """The items with each entry at the network that it stands under; without those that cannot be there, which stay."""
    own, ways, found = bridges(draft.state), Ways(draft.state), []
    for item in draft.each(items):
        with draft.bearing():
            if any(spec.bridge for spec in item.specs):
                here = leases.get(item.label, ())
                chosen = choose_endpoints(item, here, ways, own)
                item = dataclasses.replace(item, specs=tuple(lead_to_networks(draft, item, here, chosen, own)))
                draft.places[id(item)] = draft.place
            found.append(item)
    return found


class _Taken:
    """Host ports that are taken: by containers, by rules of others; bridges of the draft, and routes of containers."""

    def __init__(self, draft: Draft, items: Sequence[LocatedPorts], leases: Collection[str]) -> None:
        """Without the ports that this run closes: another container may get them in it."""
        asked, vanished = {item.label: item for item in items}, find_vanished(draft, leases)
        recorded = [publication for label, own in draft.ledger.by_container.items() if label not in vanished
                    for publication in (_select_staying(own, asked[label]) if label in asked else own)]
        self.published = occupied_by([*recorded, *find_waited(draft, leases, asked)])
        self.claims = conflicts.find_claims(draft.observed)
        self.claimed = conflicts.occupied_by(self.claims)
        self.bridges = bridges(draft.state)
        self.ways = Ways(draft.state)
        self.interfaces = places_of(draft.state.host)


def _select_staying(published: Sequence[Publication], item: LocatedPorts) -> Sequence[Publication]:
    """Those publications of a container that an entry of the item can keep."""
    if not item.present:
        return ()
    if item.publish_all:
        return published
    # Thousands of host ports may lead to one container port: those that are named alone are looked up.
    single = {(spec.protocol, spec.container_ports[0], spec.host_ports[0]) for spec in item.specs if spec.host_ports}
    ranges: dict[tuple[str, int], set[tuple[int, int]]] = {}
    for spec in item.specs:
        first, last = spec.host_ports or (1, HIGHEST_PORT)
        if first < last:
            ranges.setdefault((spec.protocol, spec.container_ports[0]), set()).add((first, last))
    merged = {key: merge(found) for key, found in ranges.items()}
    return [publication for publication in published
            if (publication.protocol, publication.container_port, publication.host_port) in single
            or is_in(publication.host_port, merged.get((publication.protocol, publication.container_port), ()))]


def view(label: str, published: Sequence[Publication], leases: Sequence[Endpoint]) -> Mapping[str, Any]:
    """The ports of a container as they are returned to the user, as `docker port` lists them."""
    addresses = [lease.ip(family) for lease in leases for family in FAMILIES if lease.ip(family)]
    return {"container": label, "addresses": addresses,
            "ports": [{"host_ip": "" if p.waits else p.host_ip, "interface": p.interface,
                       "host_port": p.host_port, "container_ip": p.container_ip,
                       "container_port": p.container_port, "protocol": p.protocol, "count": p.count,
                       "allow_from": list(p.allow_from)} for p in published],
            "published_ports": [publication.text for publication in published]}


def _publish(draft: Draft, item: LocatedPorts, leases: Sequence[Endpoint], taken: _Taken,
             current: Sequence[Publication], explicit: bool) -> tuple[Publication, ...]:
    """:param explicit: only the ports that leave no choice"""
    if not item.present:
        return ()
    if not leases and item.label in draft.failed:
        # Who is not there keeps what is on record; for who resists it may have been put there just now.
        return tuple(current) if isinstance(draft.failed[item.label], Absence) else ()
    chosen = choose_endpoints(item, leases, taken.ways, taken.bridges)
    addresses: Mapping[str, str] = _addresses(draft, item, chosen)
    specs = [spec for spec in _specs(item, leases) if spec.explicit or not explicit]
    addresses = _with_rules(taken.bridges, item, leases, addresses, specs)
    _refuse_loopback_v6(item, specs)
    routed = {family for lease in leases for family, address in addresses.items() if lease.ip(family) == address
              and lease.bridge in taken.bridges and family in taken.bridges[lease.bridge].routed}
    direct.refuse_own_address(item.label, addresses, specs, item.default_host_ip)
    try:
        specs, open_at = direct.split(item.label, addresses, routed, specs, item.default_host_ip)
    except OptionError as error:
        draft.assume(str(error), f"changes the gateway mode of the bridge of container {item.label}")
        return ()
    conflicts.refuse_whole_address(taken.claims, specs, item.default_host_ip, current, taken.interfaces)
    opened = direct.publications(item.label, addresses, open_at, item.allow_from)
    translated = {family: address for family, address in addresses.items() if family not in routed}
    return (*opened, *allocate(item.label, translated, specs, others=taken.published, current=current,
                               foreign=taken.claimed, sockets=draft.observed.sockets,
                               reserved=draft.observed.reserved_ports, dynamic_range=item.dynamic_range,
                               default_host_ip=item.default_host_ip, allow_from=item.allow_from,
                               interfaces=taken.interfaces))


def _addresses(draft: Draft, item: LocatedPorts, chosen: Mapping[str, Endpoint]) -> dict[str, str]:
    """The container's addresses by family, at which its ports are to be published."""
    found = {family: lease.ip(family) for family, lease in chosen.items()}
    if not found:
        draft.assume(conflict(draft.state, "published_ports", item.label, "publish ports of", item.owner)
                     or item.doubt
                     or f"container {item.label} is on no bridge that this collection manages: attach it with "
                     "netns_attach first", f"attaches container {item.label}", item.label)
        asked = {family_of(spec.address(item.default_host_ip) or ANY_IPV4) for spec in item.specs}
        found.update(dict.fromkeys(sorted({"ipv4", *asked}), KNOWN_AFTER_APPLY))
    return found


def _refuse_loopback_v6(item: LocatedPorts, specs: Sequence[PortSpec]) -> None:
    """There is no route_localnet for IPv6: what comes from ::1 never leaves the host."""
    for spec in specs:
        if spec.address(item.default_host_ip) == "::1":
            raise OptionError("published_ports", spec.text, "cannot be published on ::1, from which the kernel sends "
                              "nothing to a container", "Publish it on 127.0.0.1")


def _with_rules(own: Mapping[str, Bridge], item: LocatedPorts, leases: Sequence[Endpoint],
                addresses: Mapping[str, str], specs: Sequence[PortSpec]) -> Mapping[str, str]:
    """Those of the container's addresses whose bridge has rules for their family, and is not internal.

    :raises MooringError: where nothing is left, and for a port of a family without any
    """
    found = dict(addresses)
    for lease, family in itertools.product(leases, FAMILIES):
        bridge = own.get(lease.bridge)
        if bridge is None or bridge.publishes(family) or not lease.ip(family) or found.get(family) != lease.ip(family):
            continue
        del found[family]
        # An entry without an address is one of IPv4, and of IPv6 where the container has that.
        asked = {family_of(spec.address(item.default_host_ip) or ANY_IPV4) for spec in specs}
        if asked and (family in asked or not found):
            if bridge.internal:
                raise refuse_internal(specs[0], bridge.name, f"Attach {item.label} to another bridge as well, or leave "
                                      "its ports out")
            raise MooringError(f"ports of {item.label} cannot be published: it is on bridge {lease.bridge}, which has "
                               f"{COMMANDS[family]}: false. Say {COMMANDS[family]}: true for the bridge with "
                               "docker_bridge")
    return found


def _specs(item: LocatedPorts, leases: Sequence[Endpoint]) -> list[PortSpec]:
    """The ports asked for, and with publish_all_ports every exposed one that is not among them."""
    specs = list(item.specs)
    if item.publish_all:
        named = PortSet((spec.protocol, *spec.container_ports) for spec in specs)
        for exposed in _find_exposed(item, leases):
            specs += [PortSpec("", None, (port, port), exposed.protocol, interface=item.default_interface)
                      for port in named.find_others(exposed.protocol, exposed.first, exposed.last)]
            named.add(exposed.protocol, exposed.first, exposed.last)
    return specs


def _find_exposed(item: LocatedPorts, leases: Sequence[Endpoint]) -> list[ExposedPort]:
    recorded = [parse_exposed_port(port) for lease in leases for port in lease.exposed]
    return list(dict.fromkeys(item.exposed or recorded))
