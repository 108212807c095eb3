# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of bridges with icc: false do not hear each other, unless their containers have something to say. Pure.

Rules see IP only. Between two ports that are isolated the kernel passes no frame at all, hence no forged answer of ARP,
and nothing that hides behind a VLAN tag. Whatever has one end that is not isolated passes as before.
"""
from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import replace

from ..bridge.model import Bridge, bridges
from ..core.networks import is_within
from ..core.plan import FORGET, OPEN
from ..host.draft import Draft
from ..host.endpoints import Endpoint, endpoints, was_isolated
from ..link.operations import LinkSet
from ..netns.model import HOST
from ..ports.ledger import Ledger
from ..ports.model import Publication

_Place = tuple[str, str]  # a bridge and a container on it


def keep_isolated(draft: Draft) -> None:
    """Add to the draft what isolates the ports that are to be, and ends it where it is in the way."""
    own, found = bridges(draft.state), endpoints(draft.state)
    closed = [endpoint for endpoint in found if endpoint.bridge in own and not own[endpoint.bridge].icc]
    heard = find_heard(closed, draft.ledger, own)
    for endpoint in found:
        if endpoint.bridge not in own:
            continue
        isolated = was_isolated(endpoint) if own[endpoint.bridge].icc else _place(endpoint) not in heard
        link = endpoint.link
        if link.isolated != isolated:
            new = link.name not in draft.observed.host.links
            # What is to be open is so before something else ends. A container in which nothing can be done does not get
            # away with that.
            draft.do(LinkSet(HOST, link, replace(link, isolated=isolated), endpoint.path if new else ""),
                     OPEN if not isolated else None if new else FORGET)


def find_heard(closed: Iterable[Endpoint], ledger: Ledger, own: dict[str, Bridge]) -> set[_Place]:
    """The places on bridges with icc: false that the others must be able to reach.

    Those are containers with published ports: with br_netfilter, the kernel translates what a neighbour sends to the
    host's address while it is a frame, and passes it from port to port (``br_nf_pre_routing_finish()``), also when the
    neighbour is the container itself. Of a link one end is enough.
    """
    closed = list(closed)
    published = {_place(endpoint) for endpoint in closed for each in ledger.publications_of(endpoint.container)
                 if each.container_ip == endpoint.ip(each.family) and _is_for_neighbours(each, own[endpoint.bridge])}
    places = {_place(endpoint) for endpoint in closed}
    linked = {((link.bridge, link.source), (link.bridge, link.target)) for link in ledger.links
              if link.opens and {(link.bridge, link.source), (link.bridge, link.target)} <= places}
    return published | choose_ends(linked, published)


def choose_ends(pairs: Iterable[tuple[_Place, _Place]], chosen: Collection[_Place]) -> set[_Place]:
    """An end of each pair, source and target, of which none is chosen yet: as few as a first look finds.

    Of a service that many containers use it is the service, of a container that uses many services it is that
    container; where nothing else decides, the target. (The fewest are a minimum vertex cover, which is hard to find.)
    """
    partners: dict[_Place, set[_Place]] = {}
    targets = set()
    for source, target in pairs:
        if source != target and source not in chosen and target not in chosen:
            partners.setdefault(source, set()).add(target)
            partners.setdefault(target, set()).add(source)
            targets.add(target)
    found: set[_Place] = set()
    order = sorted(partners, key=lambda place: (-len(partners[place]), place not in targets, place))
    for place in order:
        if not partners[place] <= found:
            found.add(place)
    for place in reversed(order):
        if partners[place] <= found:
            found.discard(place)
    return found


def _place(endpoint: Endpoint) -> _Place:
    return endpoint.bridge, endpoint.container


def _is_for_neighbours(publication: Publication, bridge: Bridge) -> bool:
    """Whether containers of the same bridge may use a published port."""
    if not publication.direct and ipaddress.ip_address(publication.host_ip).is_loopback:
        return False
    subnet = bridge.subnet(publication.family)
    sources = [ipaddress.ip_network(source) for source in publication.allow_from]
    inside = ipaddress.ip_network(subnet) if subnet else None
    return not sources or inside is None or any(is_within(source, inside) or is_within(inside, source)
                                                for source in sources)
