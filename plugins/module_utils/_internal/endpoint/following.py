# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints that nobody names follow their bridge when its address, its MTU or its gateway changes. Pure.

So do those that have not yet followed what an earlier run has changed.
"""
from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Collection
from typing import Optional

from ..bridge.model import Bridge, bridges
from ..firewall.model import FAMILIES
from ..host.draft import Draft
from ..host.endpoints import Endpoint, endpoints
from ..host.model import HostState
from ..link.model import Route
from ..netns.model import Resolved, Target
from ..ports.detour import EVERYBODY
from .leases import on_subnet
from .model import LocatedEndpoint
from .pending import INSIDE, MTU, delay, gateway_of, is_behind


def followers(draft: Draft, listed: Collection[tuple[str, str]]) -> list[LocatedEndpoint]:
    """What endpoints have to become whose bridge is another one than it was.

    :param listed: container and interface of those that the run names
    """
    before, after = bridges(draft.observed), bridges(draft.state)
    changed = {name for name in after if before.setdefault(name, after[name]) != after[name]}
    found = []
    for lease in endpoints(draft.state):
        # An engine's interface stays as the engine made it.
        if lease.bridge not in after or lease.adopted or (lease.container, lease.interface) in listed:
            continue
        concerned = lease.bridge in changed and _is_concerned(lease, before[lease.bridge], after[lease.bridge])
        if not concerned and not is_behind(lease, after[lease.bridge]):
            continue
        if not is_inside(draft.observed, lease):
            _leave(draft, lease, concerned)
            continue
        item = LocatedEndpoint(Target("netns_path", lease.path), bridge=lease.bridge, interface_name=lease.interface,
                               place=Resolved(lease.container, lease.path))
        found.append(_as_chosen(draft, item, lease, before[lease.bridge], after[lease.bridge]))
    return found


def _leave(draft: Draft, lease: Endpoint, concerned: bool) -> None:
    """Who cannot be reached is told, and left to a later run. Where this one changes nothing it goes on as before."""
    if not concerned and not _is_read(draft, lease):
        return
    told = f"it is to follow its bridge {lease.bridge} and cannot be reached: {_describe_unread(draft, lease)}"
    if concerned:
        draft.fail(lease.container, f"{told}. Attach it again with netns_attach")
        before, after = bridges(draft.observed)[lease.bridge], bridges(draft.state)[lease.bridge]
        former = [gateway_of(before, family) for family in FAMILIES
                  if gateway_of(before, family) != gateway_of(after, family)]
        delay(draft, lease, filter(None, (*former, MTU if follows_mtu(lease, before, after) else INSIDE)))
    else:
        draft.warn(f"container {lease.container}: {told}")


def _is_read(draft: Draft, lease: Endpoint) -> bool:
    return lease.path in draft.observed.namespaces or lease.path in draft.observed.closed


def as_it_is(lease: Endpoint, own: Collection[str]) -> LocatedEndpoint:
    """What a task says of an endpoint that says no more than its name. Its default routes are not known to be wrong."""
    return LocatedEndpoint(Target("netns_path", lease.path), interface_name=lease.interface, leads=False,
                           bridge=lease.bridge if lease.bridge in own else None,
                           place=Resolved(lease.container, lease.path))


def is_inside(state: HostState, lease: Endpoint) -> bool:
    """Whether the other end of an endpoint is in the namespace that has its container's name, whatever it is called."""
    here = state.namespaces.get(lease.path)
    return here is not None and any((link.index, link.peer_index) == (lease.link.peer_index, lease.link.index)
                                    for link in here.links.values())


def _describe_unread(draft: Draft, lease: Endpoint) -> str:
    entry = draft.observed.named.get(lease.container)
    if lease.path in draft.observed.namespaces:
        return f"{lease.path} is not where {lease.interface} of {lease.container} is"
    if entry and entry.lost:
        return f"{lease.path} {entry.problem}"
    return draft.observed.closed.get(lease.path) or f"there is no network namespace {lease.path}"


def _is_concerned(lease: Endpoint, before: Bridge, after: Bridge) -> bool:
    moved = any(lease.ip(family) and not on_subnet(lease.with_prefix(family), after.subnet(family) or "::/0")
                for family in ("ipv4", "ipv6"))
    gained = bool(after.subnet("ipv6")) != bool(lease.address_v6)
    gateway = any(before.declared(family) != after.declared(family) for family in FAMILIES) or (
        (before.gateway, before.gateway_v6) != (after.gateway, after.gateway_v6))
    return moved or gained or gateway or before.internal != after.internal or follows_mtu(lease, before, after)


def follows_mtu(lease: Endpoint, before: Bridge, after: Bridge) -> bool:
    """Whether an endpoint has the MTU that its bridge had, and so gets that of the bridge as it is now, or of another
    one that it moves to."""
    return before.link.mtu != after.link.mtu and lease.link.mtu == before.link.mtu


def _as_chosen(draft: Draft, item: LocatedEndpoint, lease: Endpoint, before: Bridge, after: Bridge) -> LocatedEndpoint:
    """What the user chose for default routes stays: that there is none, and a gateway other than the bridge's.

    A family that the bridge has got in this run goes the way of IPv4. By an internal bridge no default route led.
    """
    if before.internal or after.internal:
        return item
    netns = draft.observed.namespaces[item.path]
    leading = {family: route for family in FAMILIES
               if (route := netns.default_route(family)) and route.interface == item.interface_name}
    chosen = {family: _gateway(route, before, after) for family, route in leading.items()
              if route.gateway not in lease.pending}
    led = {*leading, *lease.pending}
    absent = {family for family in FAMILIES if family not in led and (lease.ip(family) or "ipv4" not in led)}
    return dataclasses.replace(item, gateway=chosen.get("ipv4"), gateway_v6=chosen.get("ipv6"),
                               not_leading=frozenset(absent))


def _gateway(route: Route, before: Bridge, after: Bridge) -> Optional[str]:
    """The gateway of a default route, None where it is the bridge's or cannot be reached any more."""
    family = route.family
    if not route.gateway or route.gateway == gateway_of(before, family):
        return None
    subnet = ipaddress.ip_network(after.subnet(family) or EVERYBODY[family])
    return route.gateway if ipaddress.ip_address(route.gateway) in subnet else None
