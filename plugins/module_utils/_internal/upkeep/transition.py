# SPDX-License-Identifier: GPL-3.0-or-later
"""Between two policies of a host: what may be reached while one becomes the other. Pure.

Rules, links and addresses cannot change in one step, and a run can end after each. So before anything else is done the
rules let through only what was let through before and will be afterwards.
"""
from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Container, Iterable
from typing import Any, Optional

from ..bridge.model import Bridge
from ..bridge.sources import meet_sources
from ..firewall.model import FAMILIES
from ..policy.model import Policy
from ..ports.linkage import Linkage
from ..ports.model import Publication
from .egress import meet_away, meet_ends, meet_limits


def meet(before: Policy, after: Policy) -> Policy:
    """What both policies let through. Bridges that come have their rules already, those that go have them still.

    All else that was open is held: noted and closed, so that the next run knows of it if this one ends before it is
    open somewhere else, or before what ends it is done.
    """
    leaving = {name for name, bridge in before.bridges.items() if _leaves(bridge, after.bridges.get(name))}
    bridges = {name: _without_exceptions(_meet_bridges(bridge, after.bridges.get(name)), leaving)
               for name, bridge in before.bridges.items()}
    published, held = _meet_publications(before, after)
    paths = {_path(link) for link in after.links}
    linked = tuple(link for link in before.links if _path(link) in paths)
    # The name of one that opens nothing is on record until the end.
    waiting = tuple(link for link in before.links if _path(link) not in paths and link.opens)
    limits, lists = meet_limits(before, after)
    return dataclasses.replace(
        after, bridges={**after.bridges, **bridges}, publications=published, links=linked, held=held,
        held_links=waiting, sources=meet_sources(before.sources, after.sources),
        inner=tuple(sorted({*before.inner, *after.inner})), user=before.user or after.user,
        limits=limits, lists=lists, ends=meet_ends(before.ends, after.ends), away=meet_away(before, after, limits),
        detours=tuple(sorted({*before.detours, *after.detours})),
        guarded=tuple(dict.fromkeys((*before.guarded, *after.guarded))))


def _path(link: Linkage) -> tuple[str, ...]:
    """What a link opens, whatever it is called."""
    return link.source_ip, link.target_ip, link.ports, link.protocol, link.bridge


def _meet_bridges(before: Bridge, after: Optional[Bridge]) -> Bridge:
    """A bridge with its addresses of before, since they are still there."""
    if after is None:
        return before
    return dataclasses.replace(
        before, icc=before.icc and after.icc and before.uplink == after.uplink,
        leases=tuple(dict.fromkeys((*before.leases, *after.leases))), iptables=before.iptables or after.iptables,
        ip6tables=before.ip6tables or after.ip6tables, guard=tuple(dict.fromkeys((*before.guard, *after.guard))),
        internal=before.internal or after.internal, **_meet_networks(before, after),
        routed=_both(before.routed, after.routed), allowed=_both(before.allowed, after.allowed),
        trusted_interfaces=_both(before.trusted_interfaces, after.trusted_interfaces),
        trusted_networks=_both(before.trusted_networks, after.trusted_networks))


def _meet_networks(before: Bridge, after: Bridge) -> dict[str, Any]:
    """The families without an end of the host at either time, with the networks of before."""
    isolated = tuple(family for family in FAMILIES if family in (*before.isolated, *after.isolated))
    network = {family: before.declared(family) or after.declared(family) for family in isolated}
    return {"isolated": isolated, "network": network.get("ipv4", ""), "network_v6": network.get("ipv6", "")}


def _leaves(before: Bridge, after: Optional[Bridge]) -> bool:
    """Whether a bridge gives up a subnet, which another one may get in the same run."""
    return after is None or any(before.subnet(family) not in ("", after.subnet(family)) for family in FAMILIES)


def _without_exceptions(bridge: Bridge, leaving: Container[str]) -> Bridge:
    """A bridge on which nobody depends by an address that others may get."""
    if bridge.name in leaving:
        return dataclasses.replace(bridge, allowed=(), trusted_interfaces=(), trusted_networks=())
    return dataclasses.replace(bridge, allowed=tuple(name for name in bridge.allowed if name not in leaving))


def _both(before: Iterable[str], after: Iterable[str]) -> tuple[str, ...]:
    kept = set(after)
    return tuple(word for word in before if word in kept)


def _meet_publications(before: Policy, after: Policy) -> tuple[tuple[Publication, ...], tuple[Publication, ...]]:
    """Those that stay open, and those that are held."""
    staying = {_place(publication): publication for publication in after.publications}
    published, held = [], []
    for publication in before.publications:
        other = staying.get(_place(publication))
        sources = _meet_sources(publication.allow_from, other.allow_from) if other else None
        if sources is not None:
            published.append(dataclasses.replace(publication, allow_from=sources))
        else:
            held.append(publication)
    return tuple(published), tuple(held)


def _place(publication: Publication) -> Publication:
    """All of a publication but for whom it is open."""
    return dataclasses.replace(publication, allow_from=())


def _meet_sources(before: tuple[str, ...], after: tuple[str, ...]) -> Optional[tuple[str, ...]]:
    """The networks that both lists allow, of which an empty one allows all; None for nobody."""
    if not before or not after or before == after:
        return before or after
    found = set()
    for one in map(ipaddress.ip_network, before):
        for other in map(ipaddress.ip_network, after):
            if one.version == other.version and one.overlaps(other):
                found.add(str(one if one.prefixlen > other.prefixlen else other))
    return tuple(sorted(found)) or None
