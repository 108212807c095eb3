# SPDX-License-Identifier: GPL-3.0-or-later
"""Tracked connections that would go on by a permission or a translation that has ended. Pure."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Optional

from ..bridge.model import Bridge, partners
from ..core.plan import CLOSE
from ..firewall.iptables.saved import target_of
from ..firewall.model import FAMILIES, ObservedTable
from ..host.draft import Draft
from ..host.model import HostState
from ..host.operations import ConntrackFlush
from ..policy.bridge import HOOKS, inward_chain
from ..policy.model import Policy
from ..ports.linkage import Linkage
from ..ports.model import ORDER, family_of


def forget_connections(draft: Draft, before: Policy, after: Policy, stage: Optional[int] = None) -> None:
    """Connections tracked under a publication that is gone, changed, or new, and over links that are gone.

    New publications count too: a UDP client that kept sending to the closed port has an entry that says "not
    translated". Over a link that is gone, a UDP client would go on, be it to another container at the address.
    """
    old, new = set(before.publications), set(after.publications)
    unlinked = _paths(before.links) - _paths(after.links)
    # Whose clients get another source from now on, or their own: the kernel chooses it once for each connection.
    rerouted = {detour.address for detour in set(before.detours) ^ set(after.detours)}
    altered = (old ^ new) | {publication for publication in old & new if publication.container_ip in rerouted}
    # What is closed only to be opened again at the same address leaves its connections alone.
    still = {publication.container_ip for publication in (*new, *draft.ledger.publications)}
    for family in FAMILIES:
        changed = [p for p in sorted(altered, key=ORDER) if p.protocol == "udp" and p.family == family]
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
            draft.do(ConntrackFlush(family, tuple(ports), tuple(gone), tuple(local), tuple(inward)), stage)


def _paths(links: Iterable[Linkage]) -> set[tuple[str, str, str, str]]:
    """What links open, without the names of those at their ends."""
    return {(link.target_ip, link.ports, link.protocol, link.source_ip) for link in links if link.opens}


def forget_paths(draft: Draft, before: Mapping[str, Bridge], between: Mapping[str, Bridge]) -> None:
    """UDP clients go on with what they have begun, whatever the rules say to others.

    That ends where somebody may not reach a bridge's containers directly any more, be it one of themselves: while they
    have the addresses of before, since they may be others' afterwards.
    """
    for name, new in sorted(between.items()):
        old = before.get(name) or _taken_over(draft, name)
        if old is None:
            continue
        narrower = not (set(partners(old, before.values())) <= set(partners(new, between.values()))
                        and set(old.trusted_interfaces) <= set(new.trusted_interfaces)
                        and set(old.trusted_networks) <= set(new.trusted_networks) and old.icc <= new.icc)
        for family in FAMILIES:
            if (places := _places(old, new, family)) and new.filters(family) and (
                    narrower or not old.filters(family)):
                draft.do(ConntrackFlush(family, inward=tuple((place, 1, 65535) for place in places)), CLOSE)


def forget_sources(draft: Draft, before: Mapping[str, Bridge], after: Mapping[str, Bridge]) -> None:
    """What UDP clients in containers have begun ends where what they send gets another source from now on.

    Replies to the old one would not come in. On a new subnet there was no masquerade at first.
    """
    for name, new in sorted(after.items()):
        old = before.get(name) or _taken_over(draft, name)
        for family in FAMILIES:
            if old and (places := new.inside(family)) and new.filters(family) and (
                    old.masquerades(family) != new.masquerades(family) or old.subnet(family) != new.subnet(family)
                    or old.outbound_address(family) != new.outbound_address(family)):
                draft.do(ConntrackFlush(family, outward=places))


def forget_uninvited(draft: Draft, before: Policy, after: Policy) -> None:
    """What somebody has begun while rules were gone ends, TCP as well: replies are accepted whatever else is there.

    What may be reached goes on: the kernel takes up again what it has forgotten in the middle (nf_conntrack_tcp_loose).
    """
    for family in FAMILIES:
        host = tuple(each for each in draft.state.host.addresses if family_of(each) == family)
        opened = [bridge for name, bridge in after.bridges.items() if name in before.bridges and bridge.filters(family)
                  and name in draft.observed.host.links and _stood_open(draft.observed, before.bridges[name], family)]
        entered = tuple((place, (*host, *_welcome(bridge, after, family)))
                        for bridge in opened for place in bridge.inside(family))
        if entered:
            draft.do(ConntrackFlush(family, entered=entered, doors=tuple(_doors(after, family))))


def _stood_open(observed: HostState, bridge: Bridge, family: str) -> bool:
    """Whether a chain of a bridge is gone or empty, or a rule that leads to ours. A gate brings some of them back."""
    if family in observed.unusable or not bridge.filters(family):
        return False
    tables = {name: observed.tables.get((family, name), ObservedTable()) for name in HOOKS}
    led = {(name, hook.chain, target_of(hook.line)) for name, table in tables.items() for hook in table.hooks}
    chain = tables["filter"].chains.get(inward_chain(bridge.name))
    return chain is None or not chain.comments or any(
        (name, hook.point.upper(), hook.target) not in led for name, hooks in HOOKS.items() for hook in hooks)


def _welcome(bridge: Bridge, policy: Policy, family: str) -> Iterator[str]:
    """The networks from which the containers of a bridge may be reached, beside the host."""
    if bridge.icc and not bridge.uplink:
        yield from bridge.inside(family)
    yield from (network for network in bridge.trusted_networks if family_of(network) == family)
    for name in partners(bridge, policy.bridges.values()):
        yield from policy.bridges[name].inside(family)


def _doors(policy: Policy, family: str) -> Iterator[tuple[str, str, str, int, int]]:
    for publication in policy.publications:
        if publication.direct and publication.family == family:
            last = publication.container_port + publication.count - 1
            yield "", publication.container_ip, publication.protocol, publication.container_port, last
    for link in policy.links:
        if link.opens and link.family == family:
            yield link.source_ip, link.target_ip, link.protocol, *link.port_range


def _places(old: Bridge, new: Bridge, family: str) -> tuple[str, ...]:
    """Where the containers of a bridge were; with an uplink there are others in its subnet."""
    return new.inside(family) if new.uplink else old.inside(family)


def _taken_over(draft: Draft, name: str) -> Optional[Bridge]:
    """A bridge as it was when somebody else had made it, without rules of ours; None where there was none."""
    link = draft.observed.host.links.get(name)
    return Bridge(link, masquerade=False, iptables=False, ip6tables=False) if link else None
