# SPDX-License-Identifier: GPL-3.0-or-later
"""A bridge as a task wants it."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Union

from ..ipam.pools import AddressPool
from ..ports.allow import AllowList


@dataclass(frozen=True)
class DesiredBridge:
    """What a task says of a bridge; None means that it says nothing, so that what exists stays.

    ``bip`` and ``bip6`` are addresses with a prefix length, ``mtu`` is in bytes, or "auto" for that of
    the default route. Gateway modes are "nat", "routed" or "isolated". ``avoided`` are addresses that
    other bridges of the run are told to have. ``allow_to`` is a list of destinations, or ANYWHERE.
    """

    name: str
    present: bool = True
    bip: Optional[str] = None
    mtu: Union[int, str, None] = None
    fixed_cidr: Optional[str] = None
    default_gateway: Optional[str] = None
    ip_masq: Optional[bool] = None
    outbound_address: Optional[str] = None
    outbound_address_v6: Optional[str] = None
    ip_forward: bool = True
    forward_others: Optional[bool] = None
    internal: Optional[bool] = None
    iptables: Optional[bool] = None
    ip6tables: Optional[bool] = None
    icc: Optional[bool] = None
    ipv6: Optional[bool] = None
    bip6: Optional[str] = None
    fixed_cidr_v6: Optional[str] = None
    default_gateway_v6: Optional[str] = None
    stp: Optional[bool] = None
    mac_address: Optional[str] = None
    gateway_mode: Optional[str] = None
    gateway_mode_v6: Optional[str] = None
    allow_bridges: Optional[tuple[str, ...]] = None
    trusted_interfaces: Optional[tuple[str, ...]] = None
    trusted_networks: Optional[tuple[str, ...]] = None
    aux_addresses: Optional[tuple[str, ...]] = None
    container_names: Optional[bool] = None
    adopt: bool = False
    adopt_uplink: Optional[bool] = None
    force: bool = False
    allow_overlap: bool = False
    must_exist: bool = False
    user_chain: Optional[bool] = None
    pools: Optional[tuple[AddressPool, ...]] = None
    avoided: tuple[str, ...] = ()
    allow_to: Union[AllowList, str, None] = None
