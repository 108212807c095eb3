# SPDX-License-Identifier: GPL-3.0-or-later
"""With which address it leaves the host what containers send: what contradicts it, and whether the host has it. Pure.
"""
from __future__ import annotations

from collections.abc import Iterable

from ..core.errors import OptionError
from ..firewall.model import COMMANDS, FAMILIES
from ..host.draft import Draft
from .desired import DesiredBridge
from .model import Bridge, bridges

_OPTIONS = {"ipv4": "outbound_address", "ipv6": "outbound_address_v6"}


def check(bridge: Bridge, desired: DesiredBridge) -> None:
    """:raises OptionError: for an address of a family in which nothing is translated"""
    for family in FAMILIES:
        option, address = _OPTIONS[family], bridge.outbound_address(family)
        if not address:
            continue
        if not bridge.masquerade and desired.ip_masq is not None:
            raise OptionError("ip_masq", False, f"contradicts {option} {address} of bridge {bridge.name}",
                              f'Leave it out, or say {option}: ""')
        why = "ip_masq: false" if not bridge.masquerade else "gateway mode routed" if family in bridge.routed else (
            "" if bridge.filters(family) else f"{COMMANDS[family]}: false")
        if why:
            raise OptionError(option, address, f"contradicts {why} of bridge {bridge.name}, with which nothing is "
                              "translated", "Leave it out" if getattr(desired, option) else f'Say {option}: ""')


def warn_of_absent(draft: Draft, names: Iterable[str]) -> None:
    """As with host addresses of published ports: one that comes and goes (VRRP) has its rules before it comes."""
    own = bridges(draft.state)
    for bridge in (own[name] for name in names):
        for family in FAMILIES:
            address = bridge.outbound_address(family)
            if address and address not in draft.state.host.addresses:
                draft.warn(f"{_OPTIONS[family]} of bridge {bridge.name} is {address}, which no interface of this host "
                           "has: replies come only once one has it, or a route of type local")
