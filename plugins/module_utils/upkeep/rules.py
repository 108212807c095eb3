# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the rules are to mean to the operations on tables, on the sysctls they need, on tracked connections."""
from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Optional

from ..bridge.model import Bridge, Subnets, bridges, partners
from ..core.plan import Draft
from ..firewall.iptables import sync as iptables
from ..firewall.model import COMMANDS, FAMILIES, TABLES
from ..host.endpoints import endpoints
from ..host.model import BRIDGE_CALLS, HostState
from ..host.operations import ConntrackFlush, ModuleLoad, SysctlSet
from ..netns.model import HOST
from ..policy import direct
from ..policy.rules import table_rules
from ..ports.linkage import Linkage
from ..ports.model import ORDER, Publication, family_of
from . import ledger
from .addresses import Addresses, follow_links, follow_publications
from .names import plan_names


def plan_rules(draft: Draft, observed: HostState, publications: Optional[Iterable[Publication]] = None,
               links: Optional[Iterable[Linkage]] = None, removed: Collection[str] = ()) -> None:
    """Add to the draft what makes all own rules of the host fit its state, these publications and these links.

    Where ``publications`` or ``links`` are not given, those of the host's own ledger stay. The whole is rendered each
    time, so that every run repairs what somebody flushed; only chains that differ are written. The same holds for the
    files that give containers their names, since they tell the same addresses and links.

    :param observed: the state before the run
    :param removed: containers that are detached for good
    """
    known, known_links = ledger.publications(observed), ledger.links(observed)
    own = bridges(draft.state)
    subnets = [subnet for bridge in own.values() for family in FAMILIES if (subnet := bridge.subnet(family))]
    addresses = Addresses(endpoints(draft.state), subnets)
    published = follow_publications(known if publications is None else publications, addresses, removed)
    published = _fitting(draft, published, Subnets(own.values()))
    linked = follow_links(known_links if links is None else links, addresses, removed)
    _close_early(draft, observed, known, known_links, addresses)
    wanted = ledger.policy(draft.state, published, linked)
    for family in FAMILIES:
        if family in draft.state.unusable:
            _assume_usable(draft, family)
            continue
        tables = {table: draft.state.tables[family, table] for table in TABLES if (family, table) in draft.state.tables}
        for operation in iptables.changes(family, table_rules(wanted, family), tables):
            draft.do(operation)
        _bridge_calls(draft, family)
    _forget_connections(draft, known, published, _paths(known_links) - _paths(linked))
    _forget_paths(draft, bridges(observed), own)
    plan_names(draft, linked)


def _fitting(draft: Draft, published: Iterable[Publication], subnets: Subnets) -> list[Publication]:
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


def _close_early(draft: Draft, observed: HostState, published: Sequence[Publication], linked: Sequence[Linkage],
                 addresses: Addresses) -> None:
    """What has to be closed before anything else is done.

    Rules that point at an address which another container is about to get go, and so do the connections under them:
    else the new holder's ports would be open in between, or for long if the run ends there. And a new bridge has its
    protection before it exists: packets that are routed to it in between would wait for their receiver for seconds, and
    reach it behind the rules' back.
    """
    keep = [p for p in published if addresses.holder(p.container_ip) in ("", p.container)]
    keep_links = [link for link in linked if addresses.holder(link.source_ip) in ("", link.source)
                  and addresses.holder(link.target_ip) in ("", link.target)]
    before, after = bridges(observed), bridges(draft.state)
    if len(keep) == len(published) and len(keep_links) == len(linked) and after.keys() <= before.keys():
        return
    wanted = dataclasses.replace(ledger.policy(draft.state, keep, keep_links), bridges={**after, **before})
    for family in FAMILIES:
        tables = {table: draft.state.tables[family, table] for table in TABLES if (family, table) in draft.state.tables}
        if tables:
            for operation in iptables.changes(family, table_rules(wanted, family), tables):
                draft.do(dataclasses.replace(operation, closing=True))
    _forget_connections(draft, published, keep, _paths(linked) - _paths(keep_links), closing=True)


def _assume_usable(draft: Draft, family: str) -> None:
    """IPv6 rules are a second line of defence unless a bridge has IPv6: a host without them can do without."""
    command = COMMANDS[family]
    for bridge in bridges(draft.state).values():
        if bridge.filters(family) and (family == "ipv4" or bridge.subnet("ipv6")):
            draft.assume(f"bridge {bridge.name} needs rules: {draft.state.unusable[family]} "
                         f"(or say {command}: false for the bridge, to do without them)")


def _bridge_calls(draft: Draft, family: str) -> None:
    """Frames between two ports of a bridge pass iptables only with this sysctl: it is part of icc: false."""
    name = BRIDGE_CALLS[family]
    if not any(bridge.filters(family) and not bridge.icc for bridge in bridges(draft.state).values()):
        return
    value = draft.state.sysctls.get((HOST, name))
    if value is None and family == "ipv4":
        draft.do(ModuleLoad("br_netfilter"))
    if value != "1":
        draft.do(SysctlSet(HOST, name, "1", value))


def _paths(links: Iterable[Linkage]) -> set[tuple[str, str, str, str]]:
    """What links open, without the names of those at their ends."""
    return {(link.target_ip, link.ports, link.protocol, link.source_ip) for link in links}


def _forget_connections(draft: Draft, before: Iterable[Publication], after: Iterable[Publication],
                        unlinked: Collection[tuple[str, str, str, str]], closing: bool = False) -> None:
    """Connections tracked under a publication that is gone, changed, or new, and over links that are gone.

    New publications count too: a UDP client that kept sending to the closed port has an entry that says "not
    translated". Over a link that is gone, a UDP client would go on, be it to another container at the address.
    """
    old, new = set(before), set(after)
    still = {publication.container_ip for publication in new}
    for family in FAMILIES:
        changed = [p for p in sorted(old ^ new, key=ORDER) if p.protocol == "udp" and p.family == family]
        ports = {("udp", p.host_port, p.host_port + p.count - 1): None for p in changed if not p.direct}
        inward = {(p.container_ip, p.host_port, p.host_port + p.count - 1): None for p in changed if p.direct}
        for address, opened, protocol, _source in sorted(unlinked):
            if protocol == "udp" and family_of(address) == family:
                first, _dash, last = opened.partition("-")
                inward[address, int(first), int(last or first)] = None
        gone = {p.container_ip: None for p in sorted(old - new, key=ORDER)
                if p.family == family and p.container_ip not in still}
        if ports or gone or inward:
            local = dict.fromkeys(each for each in draft.state.host.addresses if family_of(each) == family)
            draft.do(ConntrackFlush(family, tuple(ports), tuple(gone), tuple(local), tuple(inward), closing=closing))


def _forget_paths(draft: Draft, before: Mapping[str, Bridge], after: Mapping[str, Bridge]) -> None:
    """UDP clients go on with what they have begun, whatever the rules say to others.

    That ends where somebody may not reach a bridge's containers directly any more, be it one of themselves, and where
    what they send gets another source from now on: replies to the old one would not come in.
    """
    for name in sorted(before.keys() & after.keys()):
        old, new = before[name], after[name]
        narrower = not (set(partners(old, before.values())) <= set(partners(new, after.values()))
                        and set(old.trusted_interfaces) <= set(new.trusted_interfaces)
                        and set(old.trusted_networks) <= set(new.trusted_networks) and old.icc <= new.icc)
        for family in FAMILIES:
            subnet = new.subnet(family)
            closer = narrower or not old.filters(family)
            turned = old.masquerades(family) != new.masquerades(family)
            if subnet and new.filters(family) and (closer or turned):
                draft.do(ConntrackFlush(family, inward=((subnet, 1, 65535),) if closer else (),
                                        outward=(subnet,) if turned else ()))
