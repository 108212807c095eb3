# SPDX-License-Identifier: GPL-3.0-or-later
"""What is under way inside of a container, as long as its lease does not say so. Pure.

Many operations lie between the first change inside of a container and its new lease, and its bridge changes after it.
So the host's end says first what the inside may have become, and forgets that last. A run that finds it there knows
that another one was killed, or could not reach the container, and completes it or takes it back, whatever it is about.
"""
from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Optional

from ..bridge.model import Bridge, bridges
from ..core.names import ALIAS_LENGTH
from ..core.plan import RECORD_BRIDGE, RECORD_ENDPOINT
from ..firewall.model import FAMILIES
from ..host.draft import Draft
from ..host.endpoints import Endpoint, endpoints
from ..host.model import HostState
from ..link.model import Link
from ..link.operations import LinkSet
from ..netns.model import HOST
from .leases import on_subnet
from .reserved import Reserved

# Beside families, whose default routes led through the interface, addresses with their prefix lengths, and gateways.
MTU, INSIDE = "mtu", "inside"  # that it follows the MTU of its bridge; that something else changes


def find_behind(state: HostState) -> Iterator[Endpoint]:
    """Endpoints that are not, or may not be, as their bridge has become."""
    own = bridges(state)
    for lease in endpoints(state):
        if lease.bridge in own and not lease.adopted and is_behind(lease, own[lease.bridge]):
            yield lease


def is_behind(lease: Endpoint, bridge: Bridge) -> bool:
    return bool(lease.pending) or any(
        lease.ip(family) and bridge.subnet(family) and not on_subnet(lease.with_prefix(family), bridge.subnet(family))
        for family in FAMILIES)


def delay(draft: Draft, lease: Endpoint, words: Iterable[str]) -> None:
    """An endpoint that cannot follow now is told from one that was meant to stay as it is."""
    _record(draft, lease.link, _with(lease, (*lease.pending, *words)).link, lease.path)


def record(draft: Draft, reserved: Reserved, former: Mapping[str, Bridge]) -> None:
    """The lease of an endpoint that stays becomes what it is to be: after its inside, and once its bridge is so too."""
    (item, bridge, _addresses), new, kept, _given = reserved
    if kept is None:
        return
    link, words = kept.lease.link, _changes(draft, reserved, kept.lease, former.get(kept.lease.bridge))
    if words and draft.observed.namespaces.get(item.path) != draft.state.namespaces[item.path]:
        link = _record(draft, link, _with(kept.lease, (*kept.lease.pending, *words)).link, item.path)
        if former.get(bridge.name) != bridge:
            behind = _with(new, dict.fromkeys((*kept.lease.pending, *words))).link
            link = _record(draft, link, behind, item.path, RECORD_ENDPOINT)
            _record(draft, link, new.link, item.path, RECORD_BRIDGE)
            return
    _record(draft, link, new.link, item.path, RECORD_ENDPOINT)


def _record(draft: Draft, old: Link, new: Link, inside: str, stage: Optional[int] = None) -> Link:
    if new != old:
        draft.do(LinkSet(HOST, old, new, inside), stage)
    return new


def _changes(draft: Draft, reserved: Reserved, lease: Endpoint, before: Optional[Bridge]) -> list[str]:
    """What the inside of an endpoint becomes in this run, and which way it led."""
    (item, bridge, addresses), new, _kept, _given = reserved
    words = [address for family in FAMILIES if (address := addresses[family]) and address != lease.with_prefix(family)]
    if before is not None:
        words += [via for family in FAMILIES if lease.ip(family) or addresses[family]
                  if (via := gateway_of(bridge, family)) != gateway_of(before, family)]
    if new.link.mtu != lease.link.mtu and not isinstance(item.mtu, int):
        words.append(MTU)
    as_before = before is not None and before.internal == bridge.internal
    if not words and not (as_before and (new.link.mtu, new.link.controller, new.mac_address, *addresses.values()) == (
            lease.link.mtu, lease.link.controller, lease.mac_address, lease.address, lease.address_v6)):
        words.append(INSIDE)
    netns = draft.observed.namespaces.get(item.path)
    if words and netns is not None and not lease.pending:
        words += [family for family in FAMILIES
                  if (route := netns.default_route(family)) and route.interface == item.interface_name]
    return [word for word in words if word]


def gateway_of(bridge: Bridge, family: str) -> str:
    """Where the default routes of a bridge's containers lead, unless somebody has said another way."""
    kept = bridge.gateway if family == "ipv4" else bridge.gateway_v6
    return kept or bridge.declared(family).partition("/")[0]


def _with(lease: Endpoint, words: Iterable[str]) -> Endpoint:
    """A lease with what is under way, or with as much of it as the kernel has room for."""
    every = tuple(dict.fromkeys(words))
    shorter = tuple(word for word in every if "/" in word or word in (MTU, INSIDE, *FAMILIES))
    for pending in (every, shorter, tuple(word for word in every if word == MTU) or (INSIDE,)):
        found = dataclasses.replace(lease, pending=pending)
        if len(found.mark.text) <= ALIAS_LENGTH:
            return dataclasses.replace(found, link=dataclasses.replace(lease.link, alias=found.mark.text))
    return lease
