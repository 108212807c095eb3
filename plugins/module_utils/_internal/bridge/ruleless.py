# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bridge without rules cannot have, and what says nothing of it. Pure.

What keeps something out is made of rules, so it is refused where there are none (icc here, others where they are
checked). What would only open or translate something is told.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..core.errors import OptionError
from ..firewall.model import COMMANDS, FAMILIES, USER
from ..host.draft import Draft
from .desired import DesiredBridge
from .model import Bridge, bridges


def check_access(bridge: Bridge, desired: DesiredBridge) -> None:
    """Docker refuses the same at start: "You specified --iptables=false with --icc=false".

    :raises OptionError: for a bridge whose containers are to be kept apart by rules that are switched off
    """
    option = bridge.cannot_close
    if not option or bridge.icc:
        return
    if desired.icc is False:
        raise OptionError("icc", False, f"needs rules, and bridge {bridge.name} has {option}: false",
                          f"Say {option}: true for it, or icc: true")
    raise OptionError(option, False, f"contradicts icc: false of bridge {bridge.name}, which is made of rules",
                      "Say icc: true as well")


def warn_of_idle(draft: Draft, items: Sequence[DesiredBridge]) -> None:
    """Tell which options of a task say nothing, since no rule of the family is kept."""
    own = bridges(draft.state)
    for item in items:
        bridge = own.get(item.name) if item.present else None
        if bridge is None:
            continue
        bare = [family for family in FAMILIES if bridge.subnet(family) and not bridge.filters(family)]
        if idle := list(dict.fromkeys(_idle(bridge, item, bare))):
            switches = " and ".join(f"{COMMANDS[family]}: false" for family in bare)
            draft.warn(f"bridge {bridge.name} has {switches}, so that its containers are open to everybody who has a "
                       f"route to them, and nothing is translated: {' and '.join(idle)} of it "
                       f"{'say' if idle[1:] else 'says'} nothing there")
    if any(item.present and item.user_chain for item in items):
        _warn_of_user(draft, own)


def _idle(bridge: Bridge, item: DesiredBridge, bare: Sequence[str]) -> Iterator[str]:
    for option, family, mode in (("gateway_mode", "ipv4", item.gateway_mode),
                                 ("gateway_mode_v6", "ipv6", item.gateway_mode_v6)):
        if family in bare and mode == "routed":
            yield f"{option}: routed"
    if item.ip_masq and bare and not any(bridge.subnet(family) and bridge.masquerades(family)
                                         for family in FAMILIES if family not in bare):
        yield "ip_masq: true"
    if item.trusted_interfaces and bare:
        yield "trusted_interfaces"
    if any((":" in network) == (family == "ipv6") for family in bare for network in item.trusted_networks or ()):
        yield "trusted_networks"


def _warn_of_user(draft: Draft, own: Mapping[str, Bridge]) -> None:
    for family in FAMILIES:
        here = [bridge for bridge in own.values() if bridge.subnet(family)]
        if here and not any(bridge.filters(family) for bridge in own.values()):
            command = COMMANDS[family]
            draft.warn(f"user_chain: no bridge has rules of {command}, so that {USER} is asked by nothing there until "
                       f"one has ({command}: true)")
