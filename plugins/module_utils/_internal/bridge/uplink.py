# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges that the host's own network is behind. Pure.

The rules know the containers of a bridge by its name. Where a network card is a port of it, all of the outside would
count as its containers. So such a bridge is taken over with consent only, and then the rules know its containers by
their addresses.
"""
from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from ..core.errors import OptionError
from ..firewall.model import FAMILIES
from ..host.draft import Draft
from ..host.model import HostState
from .desired import DesiredBridge
from .model import Bridge, bridges
from .way_out import way_out


def decide_uplink(bridge: Bridge, desired: DesiredBridge, state: HostState) -> Bridge:
    """The bridge with what is known of its uplink from now on.

    :raises OptionError: for a bridge with one that is to be taken over without consent, or to be treated as without it
    """
    if desired.adopt_uplink or (bridge.uplink and desired.adopt_uplink is None):
        return dataclasses.replace(bridge, uplink=True)
    reason = way_out(state, bridge.name)
    taken_over = bridge.adopted and bridge.link.mark is None
    if reason and bridge.uplink:
        raise OptionError("adopt_uplink", False, f"contradicts bridge {bridge.name}: {reason}",
                          "Leave the option out, or move the host's network elsewhere first")
    if reason and taken_over:
        raise OptionError("name", bridge.name, f"is the way of this host to the outside ({reason}), so that not all "
                          "behind it are containers", "Make another bridge for containers, or say adopt_uplink: true: "
                          "then the rules know the containers on it by their addresses")
    return dataclasses.replace(bridge, uplink=False)


def check_ways_out(draft: Draft, items: Iterable[DesiredBridge]) -> None:
    """What is behind an internal bridge is in it: frames between its ports are no business of rules.

    :raises OptionError: for a bridge that is to become one, and leads to the outside
    """
    own = bridges(draft.state)
    for item in draft.each(items):
        if item.present and own[item.name].internal and (reason := way_out(draft.state, item.name)):
            if item.internal:
                raise OptionError("internal", True, f"contradicts bridge {item.name}: {reason}",
                                  "Take that off the bridge first, or leave the option out")
            draft.warn(f"bridge {item.name} is internal, and leads to the outside: {reason}. Take that off it")


def warn_of_uplinks(draft: Draft, names: Iterable[str]) -> None:
    """What is to be known of bridges that the user has said of that they lead to the outside."""
    own = bridges(draft.state)
    for bridge in (own[name] for name in names):
        if bridge.uplink:
            _warn_of_neighbours(draft, bridge)


def _warn_of_neighbours(draft: Draft, bridge: Bridge) -> None:
    pools = {"ipv4": ("fixed_cidr", bridge.pool), "ipv6": ("fixed_cidr_v6", bridge.pool_v6)}
    for option, subnet in [(pools[family][0], subnet) for family in FAMILIES
                           if (subnet := bridge.subnet(family)) and not pools[family][1]]:
        draft.warn(f"bridge {bridge.name} has an uplink and no {option}: a container whose address is not given gets "
                   f"one of {subnet}, which another machine may have. Give a part of it that nobody else uses")
