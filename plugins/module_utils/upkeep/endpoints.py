# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints follow their bridge when its address or its MTU changes. Pure."""
from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Sequence
from typing import Optional

from ..bridge.model import Bridge, bridges
from ..core.plan import Draft
from ..endpoint.leases import number, on_subnet
from ..endpoint.model import DesiredEndpoint
from ..endpoint.plan import Planner
from ..host.endpoints import Endpoint, endpoints
from ..host.model import HostState
from ..netns.model import Resolved, Target, named_path


def items(state: HostState, before: Bridge, after: Bridge) -> list[DesiredEndpoint]:
    """What the endpoints of a bridge have to become when the bridge changes from ``before`` to ``after``."""
    found = []
    for lease in endpoints(state):
        # An engine's interface stays as the engine made it.
        if lease.bridge == before.name and not lease.adopted and (wanted := _item(lease, before, after)) is not None:
            found.append(wanted)
    return found


def _item(lease: Endpoint, before: Bridge, after: Bridge) -> Optional[DesiredEndpoint]:
    moved = {family: bool(lease.ip(family)) and not on_subnet(lease.with_prefix(family), after.subnet(family) or "::/0")
             for family in ("ipv4", "ipv6")}
    gained = bool(after.subnet("ipv6")) != bool(lease.address_v6)
    gateway = any(before.address(family) != after.address(family) for family in ("ipv4", "ipv6"))
    mtu = before.link.mtu != after.link.mtu and lease.link.mtu == before.link.mtu
    if not (any(moved.values()) or gained or gateway or mtu):
        return None
    path = lease.container if lease.container.startswith("/") else named_path(lease.container)
    same = {family: _same_place(lease, family, before, after) if moved[family] else None for family in moved}
    return DesiredEndpoint(
        Target("netns_path", path), bridge=after.name, interface_name=lease.interface, address=same["ipv4"],
        address_v6=same["ipv6"], mtu="auto" if mtu else None, resolved=Resolved(lease.container, path))


def _same_place(lease: Endpoint, family: str, before: Bridge, after: Bridge) -> Optional[str]:
    """The address itself where the new subnet has it, else the one at the same distance from the subnet's beginning.

    None where there is no such one, and where another endpoint may keep it since the subnets overlap.
    """
    subnet = after.subnet(family)
    if not subnet or not before.subnet(family):
        return None
    old, new = ipaddress.ip_network(before.subnet(family)), ipaddress.ip_network(subnet)
    offset = number(lease.ip(family)) - int(old.network_address)
    gateway = number(after.address(family)) - int(new.network_address)
    if old.overlaps(new):
        offset = number(lease.ip(family)) - int(new.network_address)
    if not 0 < offset < new.num_addresses - 1 or offset == gateway:
        return None
    return f"{new[offset]}/{new.prefixlen}"


def follow(draft: Draft, observed: HostState, wanted: Sequence[DesiredEndpoint]) -> None:
    """Add to the draft what brings the endpoints to what :func:`items` found."""
    if wanted:
        former = bridges(observed)
        planner = Planner(draft, observed, wanted)
        for item in wanted:
            planner.attach(_as_chosen(item, observed, former[item.bridge]))


def _as_chosen(item: DesiredEndpoint, observed: HostState, before: Bridge) -> DesiredEndpoint:
    """What the user chose for the default route stays: that there is none, and a gateway other than the bridge's."""
    route = observed.namespaces[item.path].default_route("ipv4")
    if route is None or route.interface != item.interface_name:
        return dataclasses.replace(item, default_route=False)
    usual = before.gateway or before.address("ipv4").partition("/")[0]
    after = item.address or "0.0.0.0/0"
    if route.gateway == usual or ipaddress.ip_address(route.gateway) not in ipaddress.ip_interface(after).network:
        return item
    return dataclasses.replace(item, gateway=route.gateway)
