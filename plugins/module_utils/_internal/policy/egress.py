# SPDX-License-Identifier: GPL-3.0-or-later
"""Where containers may send, of which somebody has said so.

A packet is looked at as its container wrote it, before any destination is translated: what goes to the host itself, to
a port that it publishes, to another bridge and to the outside is all the same. Each packet is, not only the first one
of a connection, so that a list that becomes shorter ends what is under way; replies to what others have begun pass.
What goes to others on the same bridge is for its access policy to decide.

One container is known by the port of the bridge that its packets come in by, which it cannot choose. Where the kernel
does not tell the port, nothing passes that comes from that bridge. A container answers in connections to itself only:
in the name of a neighbour it would get out by those to the neighbour, and an error of ICMP is about any connection.
"""
from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..bridge.model import Bridge
from ..core.names import chain_name
from ..firewall.matches import Behind, InSet, ReplyFrom, Replying, ThroughPort, Unicast
from ..firewall.model import (
    LISTENER_REPORT,
    LISTS,
    NEIGHBOUR_ADVERTISEMENT,
    NEIGHBOUR_SOLICITATION,
    Chain,
    Destination,
    Drop,
    Goto,
    Hook,
    Icmp,
    In,
    Jump,
    Local,
    Lookup,
    Return,
    Rule,
    Source,
    TableRules,
)
from ..firewall.sets import sets_of
from ..ports.allow import AllowList, Limit
from ..ports.model import family_of
from .model import End, Policy

EGRESS, AWAY = "MOORING-EGRESS", "MOORING-AWAY"
HOOK = Hook("prerouting", EGRESS, first=True)
LINK_LOCAL, GROUPS = "fe80::/10", "ff02::/16"


def from_chain(bridge: str) -> str:
    return chain_name(f"MOORING-FROM-{bridge}")


def list_chain(bridge: str, digest: str) -> str:
    """What a list means on one bridge; the names of both would be too long."""
    return chain_name("MOORING-LIST-" + hashlib.sha256(f"{bridge} {digest}".encode()).hexdigest()[:15])


def entries_chain(digest: str) -> str:
    return chain_name(f"{LISTS}{digest}")


def table(own: Iterable[Bridge], family: str, wanted: Policy) -> TableRules:
    """The chains of a family, none where nobody is limited. A list that is not known lets nothing out."""
    limits, lists = wanted.limits, wanted.lists
    limited = [(bridge, here) for bridge in own if (here := [each for each in limits if each.bridge == bridge.name])]
    entries = (*_entries((*limits, *wanted.away), lists), *_remembered(wanted.away))
    if not limited:
        return TableRules((), entries)
    top = Chain(EGRESS, tuple(Rule((In(bridge.name),), Jump(from_chain(bridge.name)), f"{bridge.name} sends")
                              for bridge, _here in limited), Lookup.IN)
    chains = [top, *(_from_bridge(bridge, here, family, wanted.ends) for bridge, here in limited)]
    chains += [_allowed(bridge, digest, family, lists.get(digest, AllowList()))
               for bridge, here in limited for digest in dict.fromkeys(limit.digest for limit in here)]
    return TableRules((HOOK,), (*chains, *entries))


def _entries(limits: Sequence[Limit], lists: Mapping[str, AllowList]) -> tuple[Chain, ...]:
    """No packet comes here: it is what others can be repaired from, also while a bridge is gone."""
    used = {limit.digest for limit in limits} & lists.keys()
    return tuple(Chain(entries_chain(digest), tuple(Rule((), None, f"entries {note}") for note in lists[digest].notes))
                 for digest in sorted(used))


def _remembered(away: Sequence[Limit]) -> tuple[Chain, ...]:
    """No packet comes here either: whoever attaches such a container again finds it limited."""
    return (Chain(AWAY, tuple(Rule((), None, limit.note) for limit in sorted(away))),) if away else ()


def _from_bridge(bridge: Bridge, limits: Sequence[Limit], family: str, ends: Iterable[End]) -> Chain:
    """By which port something comes in, and what of it answers somebody.

    Where the kernel tells no ports of a bridge with a list of its own, its containers answer for each other. It does
    where a container there has a list, or links are for single ones.
    """
    name = bridge.name
    ports = {limit.port: limit for limit in sorted(limits) if limit.port}
    whole = [limit for limit in limits if not limit.port]
    here = {end.port: end.of(family) for end in ends if end.bridge == name}
    rules = [Rule((ThroughPort(negated=True),), Drop(), f"{name} by an unknown port")] if ports else []
    told = bool(ports) or not bridge.icc
    for port in sorted({*ports, *(here if whole and told else ())}):
        rules += [Rule((Behind(port), Source(address), Replying(), ReplyFrom(address)), Return(),
                       f"{port} replies {address}") for address in here.get(port, ())]
        if port in ports:
            rules.append(Rule((Behind(port),), Goto(list_chain(name, ports[port].digest)), ports[port].note))
    for limit in whole:
        rules += [*_as_the_host(bridge, family), *(() if told else _replies(bridge, family)),
                  Rule((), Goto(list_chain(name, limit.digest)), limit.note)]
    looked_up = any(isinstance(match, Behind) for rule in rules for match in rule.matches)
    return Chain(from_chain(name), tuple(rules), Lookup.BEHIND if looked_up else None)


def _as_the_host(bridge: Bridge, family: str) -> list[Rule]:
    return [Rule((Source(address.partition("/")[0]),), Drop(), f"{bridge.name} as the host {address}")
            for address in bridge.link.addresses if family_of(address) == family]


def _replies(bridge: Bridge, family: str) -> list[Rule]:
    return [Rule((Source(place), Replying()), Return(), f"{bridge.name} replies {place}")
            for place in bridge.inside(family)]


def _allowed(bridge: Bridge, digest: str, family: str, allowed: AllowList) -> Chain:
    """What passes. Only what has an address of the bridge for its source does, and not that of the host.

    Else a container would begin a connection in the name of somebody whom it may not reach, with itself or a neighbour,
    and answer it.
    """
    name, inside = bridge.name, bridge.inside(family)
    rules = _as_the_host(bridge, family)
    if family == "ipv6":
        rules.append(Rule((Source(LINK_LOCAL), Local("source")), Drop(), f"{name} as the host"))
    for place in inside:
        rules += [Rule((Source(place), InSet(each.name, each.with_ports)), Return(),
                       f"{name} to {'ports' if each.with_ports else 'networks'} {place}")
                  for each in sets_of(digest, allowed, family)]
        rules += [Rule((Source(place), Destination(other), Unicast()), Return(), f"{name} among themselves {other}")
                  for other in inside]
    if family == "ipv6":
        rules += _on_link(name, inside)
    return Chain(list_chain(name, digest), (*rules, Rule((), Drop(), f"{name} to nowhere else")))


def _on_link(name: str, inside: Sequence[str]) -> Iterator[Rule]:
    """What stays on the link: neighbours by their link-local addresses, and what IPv6 itself needs.

    Neighbours are asked for on the link only. A router would pass on what looks like such a question.
    """
    neighbours = (Source(LINK_LOCAL), Destination(LINK_LOCAL))
    yield Rule((*neighbours, Replying()), Return(), f"{name} replies on the link")
    yield Rule((*neighbours, Unicast()), Return(), f"{name} among themselves on the link")
    for place in (LINK_LOCAL, GROUPS, *inside):
        for kind in (NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT):
            yield Rule((Destination(place), Icmp(kind)), Return(), f"{name} {kind} {place}")
    yield Rule((Destination(GROUPS), Icmp(LISTENER_REPORT)), Return(), f"{name} {LISTENER_REPORT}")
