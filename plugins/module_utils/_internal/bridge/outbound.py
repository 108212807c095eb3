# SPDX-License-Identifier: GPL-3.0-or-later
"""With which address it leaves the host what containers send: what contradicts it, and whether the host has it. Pure.
"""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from ..core.errors import OptionError
from ..firewall.model import COMMANDS, FAMILIES
from ..host.draft import Draft
from ..host.model import HostState
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


def check_places(draft: Draft, items: Iterable[DesiredBridge]) -> None:
    """What is sent with an address inside of a bridge is answered to whoever has it there.

    :raises OptionError: for one in a network of a bridge of ours, which is no address of the host
    """
    own = bridges(draft.state)
    inner = [(ipaddress.ip_network(subnet), bridge) for bridge in own.values() for family in FAMILIES
             if not bridge.uplink and (subnet := bridge.subnet(family))]
    for item in draft.each(items):
        for family in FAMILIES if item.present else ():
            address, given = own[item.name].outbound_address(family), getattr(item, _OPTIONS[family])
            place = next((each for each in inner if address and ipaddress.ip_address(address) in each[0]), None)
            if place and given and address not in draft.state.host.addresses:
                raise OptionError(_OPTIONS[family], address, f"is inside {place[0]}, the subnet of bridge "
                                  f"{place[1].name}, so that replies would go to a container", "Give an address of the "
                                  "host that others have a route to")
            if given and not own[item.name].subnet(family):
                draft.warn(f"{_OPTIONS[family]} of bridge {item.name} says nothing until the bridge has addresses of "
                           "that family")


def warn_of_absent(draft: Draft, names: Iterable[str]) -> None:
    """As with host addresses of published ports: one that comes and goes (VRRP) has its rules before it comes."""
    for sentence in find_absent(draft.state, names):
        draft.warn(sentence)


def find_absent(state: HostState, names: Iterable[str]) -> list[str]:
    """Sentences about addresses that bridges leave with, and that no interface of the host has."""
    own, here = bridges(state), set(state.host.addresses)
    return [f"{_OPTIONS[family]} of bridge {name} is {address}, which no interface of this host has: replies come only "
            "once one has it, or a route of type local" for name in names if name in own for family in FAMILIES
            if (address := own[name].outbound_address(family)) and address not in here and own[name].subnet(family)]
