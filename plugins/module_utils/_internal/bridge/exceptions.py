# SPDX-License-Identifier: GPL-3.0-or-later
"""Exceptions from the isolation of a bridge: what contradicts them, and what they lead to for the time being. Pure."""
from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from ..core.errors import OptionError
from ..core.names import ALIAS_LENGTH
from ..core.networks import is_within
from ..firewall.model import FAMILIES
from ..host.draft import Draft
from ..ports.allow import DIGEST_LENGTH
from .desired import DesiredBridge
from .internal import check_allowed
from .model import Bridge, Subnets, bridges

_LISTS = {"allow_bridges": "allowed", "trusted_interfaces": "trusted_interfaces",
          "trusted_networks": "trusted_networks", "aux_addresses": "aux"}


def check(bridge: Bridge, desired: DesiredBridge) -> None:
    """:raises OptionError: for what contradicts the gateway mode, and for lists that the bridge's mark cannot hold"""
    families = [family for family in FAMILIES if bridge.subnet(family)]
    if desired.ip_masq and families and all(family in bridge.routed for family in families):
        raise OptionError("ip_masq", True, f"contradicts gateway mode routed of bridge {bridge.name}, in which no "
                          "address is translated", "Leave it out, or say gateway_mode: nat")
    # With room for the words that other tasks add to the mark later.
    length = len(dataclasses.replace(bridge, icc=False, guard=FAMILIES, limit="0" * DIGEST_LENGTH).mark.text)
    if length > ALIAS_LENGTH:
        given = {option: ", ".join(getattr(bridge, part)) for option, part in _LISTS.items()}
        remedy = "Give fewer or larger ones"
        if not any(given.values()):
            given, remedy = {"outbound_address_v6": bridge.outbound_v6}, "Leave out what can be left out"
        longest = max(given, key=lambda option: len(given[option]))
        raise OptionError(longest, given[longest],
                          f"does not fit: what is recorded of bridge {bridge.name} would have {length} characters, and "
                          f"the kernel keeps {ALIAS_LENGTH}", remedy)


def refuse_closing(draft: Draft, before: Bridge, after: Bridge, desired: DesiredBridge) -> None:
    """A published port has another form in the other gateway mode, so that a change of the mode closes it. An internal
    bridge has none.

    :raises OptionError: when there are any, unless the user says so
    """
    closed = after.internal and not before.internal
    changed = set(FAMILIES) if closed else set(before.routed) ^ set(after.routed)
    if not changed or desired.force:
        return
    subnets = Subnets([before])
    kept = [f"{p.container} {p.text}" for p in draft.ledger.publications
            if p.family in changed and subnets.bridge(p.container_ip)]
    if kept:
        family = min(changed)
        option = "gateway_mode" if family == "ipv4" else "gateway_mode_v6"
        option, value = ("internal", True) if closed else (option, after.gateway_mode(family))
        raise OptionError(option, value, f"would close {len(kept)} published ports of bridge "
                          f"{before.name} ({kept[0]}{', ...' if kept[1:] else ''})",
                          "Say force: true" + ("" if closed else ", and publish them again with port_publish"))


def check_all(draft: Draft, desired: Sequence[DesiredBridge]) -> None:
    """Look at the exceptions of a task once all of its bridges are known.

    :raises OptionError: for an exception for the outside that means one of our bridges
    """
    own = bridges(draft.state)
    for item in draft.each(desired):
        if not item.present:
            continue
        _refuse_outside(draft, item, own)
        check_allowed(draft, item, own)
        for name in own[item.name].allowed:
            if name not in own:
                draft.warn(f"allow_bridges of bridge {item.name}: this collection manages no bridge {name}, so this "
                           "opens nothing until it does")
        for name in own[item.name].trusted_interfaces:
            if name not in own or own[name].uplink:
                continue
            if item.trusted_interfaces is None:
                draft.warn(f"trusted_interfaces of bridge {item.name}: this collection manages {name} as a bridge now, "
                           f"so this opens nothing. Say allow_bridges: [{name}] if the two may talk to each other")
            else:
                raise OptionError("trusted_interfaces", name, "is a bridge of this collection, and not on the outside",
                                  f"Say allow_bridges: [{name}] for traffic between the two bridges")
        _refuse_inner_networks(item, own.values())


def _refuse_outside(draft: Draft, item: DesiredBridge, own: Mapping[str, Bridge]) -> None:
    """Behind a bridge with an uplink are not only containers: nobody's containers are open to all of it."""
    bridge = own[item.name]
    closed = [name for name in bridge.allowed if name in own and (bridge.uplink or own[name].uplink)]
    outer = item.name if bridge.uplink else "".join(closed[:1])
    if closed and item.allow_bridges:
        raise OptionError("allow_bridges", closed[0], f"cannot be: behind bridge {outer} is the host's own network",
                          "Say trusted_networks with the addresses that may connect")
    closed += [other.name for other in own.values() if bridge.uplink and item.name in other.allowed]
    if closed:
        draft.warn(f"allow_bridges opens nothing between {item.name} and {', '.join(closed)}, since behind {outer} is "
                   "the host's own network. Say trusted_networks with the addresses that may connect")


def _refuse_inner_networks(item: DesiredBridge, own: Iterable[Bridge]) -> None:
    """A trusted network counts for what comes from the outside: a subnet of ours in it would open nothing."""
    subnets = [(ipaddress.ip_network(inner), bridge.name) for bridge in own for family in FAMILIES
               if (inner := bridge.subnet(family)) and not bridge.uplink]
    for text in item.trusted_networks or ():
        network = ipaddress.ip_network(text)
        for subnet, name in subnets:
            if is_within(network, subnet):
                remedy = f"Say allow_bridges: [{name}]" if name != item.name else "Leave it out"
                raise OptionError("trusted_networks", text, f"is inside {subnet}, the subnet of bridge {name}, and not "
                                  "on the outside", remedy)
