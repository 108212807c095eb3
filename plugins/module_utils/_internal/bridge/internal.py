# SPDX-License-Identifier: GPL-3.0-or-later
"""What an internal bridge cannot be or have: all that leads out of it or into it. Pure."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..core.errors import OptionError
from ..host.draft import Draft
from ..ports.model import family_of
from .desired import DesiredBridge
from .model import Bridge


def check(bridge: Bridge, desired: DesiredBridge) -> None:
    """:raises OptionError: naming what a bridge is to have, or has already, that contradicts internal: true"""
    if not bridge.internal:
        _refuse_isolated(bridge, desired)
        return
    for option, value, remedy in _contradictions(bridge, desired):
        given = getattr(desired, option) is not None
        raise OptionError(option, value, f"contradicts internal: true of bridge {bridge.name}, which nothing leaves "
                          "and nothing enters", f"{'Leave it out' if given else remedy}, or say internal: false")


def _refuse_isolated(bridge: Bridge, desired: DesiredBridge) -> None:
    """As Docker: "gateway mode 'isolated' can only be used for an internal network"."""
    for option, family in (("gateway_mode", "ipv4"), ("gateway_mode_v6", "ipv6")):
        if family in bridge.isolated and getattr(desired, option) is None:
            raise OptionError("internal", False, f"contradicts {option}: isolated of bridge {bridge.name}",
                              f"Say {option}: nat as well")
        if family in bridge.isolated:
            raise OptionError(option, "isolated", f"needs an internal bridge, and {bridge.name} is none",
                              "Say internal: true as well, or another mode")


def refuse_adopted(current: Bridge, families: Iterable[str]) -> None:
    """:raises OptionError: for an adopted bridge with addresses of families that are to be isolated"""
    for family in families:
        for address in current.link.addresses if current.adopted else ():
            if family_of(address) == family:
                raise OptionError("gateway_mode" if family == "ipv4" else "gateway_mode_v6", "isolated",
                                  f"contradicts the address {address} of {current.name}, which somebody else made and "
                                  "which keeps its addresses", "Take the address away by hand, or choose another mode")


def _contradictions(bridge: Bridge, desired: DesiredBridge) -> Iterator[tuple[str, object, str]]:
    """Option, value, and how it is taken away."""
    if bridge.uplink:
        yield "adopt_uplink", True, "Choose a bridge that the host itself is not on"
    for option, kept in (("iptables", bridge.iptables), ("ip6tables", bridge.ip6tables)):
        if not kept:  # IPv6 too: a container gives itself addresses
            yield option, False, f"Say {option}: true"
    for option, family in (("gateway_mode", "ipv4"), ("gateway_mode_v6", "ipv6")):
        if family in bridge.routed:
            yield option, "routed", f"Say {option}: nat"
    if desired.ip_masq:
        yield "ip_masq", True, ""
    for option, outbound in (("outbound_address", bridge.outbound), ("outbound_address_v6", bridge.outbound_v6)):
        if outbound:
            yield option, outbound, f'Say {option}: ""'
    for option, gateway in (("default_gateway", bridge.gateway), ("default_gateway_v6", bridge.gateway_v6)):
        if gateway:
            yield option, gateway, f'Say {option}: ""'
    for option, found in (("allow_bridges", bridge.allowed), ("trusted_interfaces", bridge.trusted_interfaces),
                          ("trusted_networks", bridge.trusted_networks)):
        if found:
            yield option, ", ".join(found), f"Say {option}: []"


def check_allowed(draft: Draft, item: DesiredBridge, own: Mapping[str, Bridge]) -> None:
    """:raises OptionError: when another bridge is to be open to an internal one"""
    bridge = own[item.name]
    closed = [name for name in bridge.allowed if name in own and own[name].internal]
    if closed and item.allow_bridges:
        raise OptionError("allow_bridges", closed[0], "is internal: nothing enters that bridge, and nothing leaves it",
                          "Leave it out, or say internal: false for it")
    closed += [other.name for other in own.values() if bridge.internal and item.name in other.allowed]
    if closed:
        draft.warn(f"allow_bridges opens nothing between {item.name} and {', '.join(closed)}, since "
                   f"{item.name if bridge.internal else closed[0]} is internal")
