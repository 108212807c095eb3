# SPDX-License-Identifier: GPL-3.0-or-later
"""All rules of a host fit its bridges and its ledger after every run, whatever it was asked. Pure.

The whole is rendered each time, so that every run repairs what somebody flushed; only chains that differ are written.
"""
from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Optional

from ..bridge.administrator import asks_user, families_made, is_wanted
from ..bridge.forwarding import ROUTE_LOCALNET, find_guarded
from ..bridge.ipv6 import DISABLE_ALL
from ..bridge.lost import is_certain
from ..bridge.model import Subnets, awaited_bridges, bridges, inner_bridges, with_leases
from ..bridge.sources import find_sources
from ..core.model import is_known
from ..core.plan import CLOSE
from ..firewall.iptables import sync as iptables
from ..firewall.model import COMMANDS, FAMILIES, TABLES
from ..host.addresses import Addresses, follow_links, follow_publications
from ..host.draft import Draft
from ..host.endpoints import containers, endpoints
from ..host.model import HostState
from ..host.operations import SysctlSet
from ..host.settings import known
from ..host.ways import Ways, find_detours
from ..netns.model import HOST
from ..policy import direct
from ..policy.model import Policy
from ..policy.rules import table_rules
from ..publish.interfaces import follow_interfaces
from ..ports.ledger import Ledger
from ..ports.model import Publication
from .connections import forget_connections, forget_paths, forget_sources, forget_uninvited
from .egress import drop_sets, find_away, find_ends, find_limits, limited_bridges, make_sets, tell_lists
from .frames import ask_rules, find_bridged, keep_calls
from .routes import follow_routes
from .shortcuts import has_group, ways_out
from .transition import meet


def follow_addresses(draft: Draft) -> None:
    """Published ports and links follow the addresses of their containers, ports also the routes, and end with them."""
    own = bridges(draft.state)
    subnets = [subnet for bridge in own.values() for family in FAMILIES if (subnet := bridge.subnet(family))]
    found = endpoints(draft.state)
    addresses, leases, ways = Addresses(found, subnets), containers(found), Ways(draft.state)
    published = follow_publications(draft.ledger.publications, addresses)
    published = follow_routes(published, leases, ways, own)
    published = follow_interfaces(draft, _select_fitting(draft, published, Subnets(own.values())))
    ruled = {(name, family) for name, bridge in own.items() for family in FAMILIES if bridge.filters(family)}
    draft.ledger = Ledger.of(published, follow_links(draft.ledger.links, addresses, ruled),
                             find_detours(published, leases, ways, draft.ledger.detours_of),
                             draft.ledger.limits.values(), draft.ledger.lists)


def keep_rules(draft: Draft) -> None:
    """Add to the draft what makes rules, the settings that they need, and tracked connections fit.

    Where more than rules changes, first is closed what is not to be open in the end or was not before: rules that point
    at an address which another container is about to get, and the connections under them. A new bridge has its
    protection before it exists: packets that are routed to it in between would wait for their receiver for seconds, and
    reach it behind the rules' back.
    """
    before, after = policy_of(draft.observed, draft.recorded), policy_of(draft.state, draft.ledger, draft.unguarded)
    after = replace(after, user=is_wanted(draft))
    between = meet(before, after) if draft.planned else before
    # Rules that ask for a port of a bridge close the bridge where the kernel does not tell ports.
    for family in FAMILIES:
        if family in draft.state.unusable:
            _assume_usable(draft, family)
        else:
            ask_rules(draft, family, limited_bridges(after) | limited_bridges(between))
    keep_calls(draft, limited_bridges(after))
    for policy in (between, after) if between != before else (after,):
        make_sets(draft, policy)
    if between != before:
        _write(draft, between, CLOSE)
        forget_connections(draft, before, between, CLOSE)
    if between == before or after != between:
        _write(draft, after)
    drop_sets(draft, after)
    tell_lists(draft, after)
    _route_loopback(draft, _find_loopback_bridges(after.publications, draft.state))
    _end_loopback(draft, after.publications)
    forget_connections(draft, between, after)
    forget_paths(draft, before.bridges, between.bridges)
    forget_sources(draft, before.bridges, after.bridges)
    forget_uninvited(draft, before, after)


def policy_of(state: HostState, ledger: Ledger, unguarded: Collection[str] = ()) -> Policy:
    """The policy of a host: its bridges from the marks of its links, the rest as the ledger has it.

    Bridges that come back have their rules before they are there.

    :param unguarded: families whose guard ends
    """
    found = {**awaited_bridges(state), **with_leases(state)}
    own = {name: found[name] for name in sorted(found)}
    limits = find_limits(state, ledger, own)
    return Policy(bridges=own, publications=ledger.publications, links=ledger.links, detours=ledger.detours,
                  limits=limits, away=find_away(state, ledger, own), lists=ledger.lists,
                  ends=find_ends(state, own, limits),
                  bridged=find_bridged(state, list(own.values()), {limit.bridge for limit in limits if limit.port}),
                  sources=find_sources(state, own),
                  groups=has_group(state), outer=ways_out(state), inner=inner_bridges(state),
                  guarded=find_guarded(state, own.values(), unguarded), user=asks_user(state),
                  user_made=families_made(state))


def _write(draft: Draft, policy: Policy, stage: Optional[int] = None) -> None:
    """What makes the tables say a policy."""
    for family in FAMILIES:
        if family in draft.state.unusable:
            continue
        tables = {table: draft.state.tables[family, table] for table in TABLES if (family, table) in draft.state.tables}
        for operation in iptables.changes(family, table_rules(policy, family), tables):
            draft.do(operation, stage)


def _select_fitting(draft: Draft, published: Iterable[Publication], subnets: Subnets) -> list[Publication]:
    """Without the ports that were published for another gateway mode than the one of their container's bridge now."""
    found: list[Publication] = []
    closed: dict[tuple[str, str], list[str]] = {}
    for publication in published:
        if reason := direct.misfit(publication, subnets):
            closed.setdefault((publication.container, reason), []).append(publication.text)
        else:
            found.append(publication)
    for (container, reason), texts in closed.items():
        more = f" and {len(texts) - 3} more" if len(texts) > 3 else ""
        draft.warn(f"published ports of {container} are closed, since {reason}: {', '.join(texts[:3])}{more}. Publish "
                   "them again with port_publish")
    return found


def _assume_usable(draft: Draft, family: str) -> None:
    """IPv6 rules are a second line of defence unless a bridge has IPv6: a host without them can do without."""
    command = COMMANDS[family]
    needing: dict[str, list[str]] = {}
    for bridge in bridges(draft.state).values():
        closed = bridge.internal and draft.state.sysctls.get((HOST, DISABLE_ALL)) == "0"  # it gives itself addresses
        if bridge.filters(family) and (family == "ipv4" or bridge.subnet("ipv6") or closed):
            way_out = "" if bridge.internal else f" (or say {command}: false for the bridge, to do without them)"
            needing.setdefault(way_out, []).append(bridge.name)
    for way_out, names in needing.items():
        who = f"bridge {names[0]} needs" if len(names) == 1 else f"bridges {', '.join(sorted(names))} need"
        draft.assume(f"{who} rules: {draft.state.unusable[family]}{way_out}", f"makes {command} usable")


def _route_loopback(draft: Draft, names: Sequence[str]) -> None:
    for bridge in names:
        name = ROUTE_LOCALNET.format(bridge)
        unread = bridge in draft.observed.host.links and (HOST, name) not in draft.observed.sysctls
        if not unread and (value := draft.state.sysctls.get((HOST, name))) != "1":
            draft.do(SysctlSet(HOST, name, "1", value))


def _end_loopback(draft: Draft, published: Sequence[Publication]) -> None:
    """Where no port is reached by 127.0.0.1 containers have no way to it, whatever somebody does to the rules.

    An adopted bridge may have ports of others, and one without our rules has those of others.
    """
    own = bridges(draft.state)
    subnets = Subnets(own.values())
    kept = {found.name for each in published if _is_by_loopback(each) and is_known(each.container_ip)
            and (found := subnets.bridge(each.container_ip))} | set(_find_loopback_bridges(published, draft.state))
    for name, bridge in own.items():
        setting = ROUTE_LOCALNET.format(name)
        if bridge.iptables and not bridge.adopted and is_certain(bridge.link) and name not in kept and (
                known(draft.state.sysctls, HOST, setting) == "1"):
            draft.do(SysctlSet(HOST, setting, "0", draft.state.sysctls.get((HOST, setting))))


def _is_by_loopback(publication: Publication) -> bool:
    return publication.family == "ipv4" and not publication.direct and (
        publication.host_ip == "0.0.0.0" or ipaddress.ip_address(publication.host_ip).is_loopback)


def _find_loopback_bridges(published: Sequence[Publication], state: HostState) -> list[str]:
    """Bridges with a port that 127.0.0.1 of the host reaches, whose replies the kernel routes with route_localnet."""
    places: dict[str, Optional[str]] = {e.ip("ipv4"): e.bridge for e in endpoints(state) if e.ip("ipv4")}
    found = {places.get(each.container_ip) for each in published if _is_by_loopback(each)}
    return sorted(bridge for bridge in found if bridge)
