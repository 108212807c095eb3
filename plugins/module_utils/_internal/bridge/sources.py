# SPDX-License-Identifier: GPL-3.0-or-later
"""From which addresses something may come in by a bridge of ours. Pure."""
from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from ..core.networks import is_within
from ..firewall.model import FAMILIES
from ..host.model import HostState
from ..ports.model import family_of
from .model import INNER_PORTS, Bridge
from .way_out import is_default

Sources = Mapping[tuple[str, str], tuple[str, ...]]


def find_sources(state: HostState, own: Mapping[str, Bridge]) -> Sources:
    """By bridge and family the networks of those behind a bridge: its subnets, and what the host routes through it.

    Bridges that are not in it have others behind them, whose addresses are not known: by an interface of the host, by
    any port that is not ours where the bridge is adopted, or by a default route. A route counts where its gateway is
    behind the bridge: the kernel's own ones say nothing that the addresses do not say.
    """
    open_ended = {link.controller for link in state.host.links.values() if link.controller in own and (
        link.kind not in INNER_PORTS or (own[link.controller].adopted and link.mark is None))}
    found = {(name, family): _subnets(bridge, family) for name, bridge in own.items()
             if not (bridge.uplink or name in open_ended) for family in FAMILIES}
    for route in state.host.routes:
        key = route.interface, route.family
        if key not in found or not _inside(route.gateway, _subnets(own[route.interface], route.family)):
            continue
        if is_default(route.destination):
            del found[key]
        elif not _inside(route.destination, found[key]):
            found[key] = (*found[key], route.destination)
    return {key: tuple(sorted(networks)) for key, networks in found.items()}


def _subnets(bridge: Bridge, family: str) -> tuple[str, ...]:
    if family in bridge.isolated:
        return bridge.inside(family)
    return tuple({str(ipaddress.ip_interface(address).network): None for address in bridge.link.addresses
                  if family_of(address) == family})


def _inside(destination: str, networks: tuple[str, ...]) -> bool:
    """Whether an address or network is in one of these; the "gateway" of a connected route is in none."""
    return bool(destination) and any(is_within(ipaddress.ip_network(destination), ipaddress.ip_network(each))
                                     for each in networks)


def meet_sources(before: Sources, after: Sources) -> Sources:
    """What may come in while a bridge gets other addresses: those of before, and the new ones that were nobody else's.

    A family that a bridge did not have before waits for the end: nobody has begun anything with it.

    A bridge of which anything may come in before or afterwards, but not both times, is one that is checked.
    """
    found = dict(after)
    for (name, family), networks in before.items():
        others = [ipaddress.ip_network(each) for (other, kind), theirs in before.items()
                  if other != name and kind == family for each in theirs]
        new = [each for each in (after.get((name, family), ()) if networks else ()) if each not in networks
               and not any(ipaddress.ip_network(each).overlaps(other) for other in others)]
        found[name, family] = tuple(sorted((*networks, *new)))
    return found
