# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the outside is behind a bridge. Pure."""
from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator

from ..host.model import HostState
from ..link.model import Link
from .model import INNER_PORTS, Bridge, bridges


# Behind these are networks that somebody joins bridges of several hosts with, containers and all.
_JOINING = ("vxlan", "geneve", "gretap", "ip6gretap", "dummy")


def is_default(destination: str) -> bool:
    """Whether a route is for everything; VPNs write that as two halves, 0.0.0.0/1 and 128.0.0.0/1."""
    return destination == "default" or ipaddress.ip_network(destination, strict=False).prefixlen <= 1


def way_out(state: HostState, name: str) -> str:
    """Why the outside is behind a bridge, as the rest of a sentence; "" where there are but containers behind it.

    A default route is a reason; a route to one network is none, since a container can be its router.
    """
    return _reasons(state, name, INNER_PORTS)


def _reasons(state: HostState, name: str, inner: Collection[str]) -> str:
    reasons = [f"{link.name} is a port of it" for link in _ports_of_others(state, name, inner)]
    return " and ".join([*reasons[:3], *_default_routes(state, name)])


def _ports_of_others(state: HostState, name: str, inner: Collection[str]) -> list[Link]:
    return [link for link in state.host.ports_of(name) if link.kind not in inner]


def hosts_way(state: HostState, bridge: Bridge) -> str:
    """Why the host itself may be reached by a bridge that was made here, as the rest of a sentence; "" where it is not.

    A default route alone is no reason: that of a VPN leads to a container.
    """
    cards = _ports_of_others(state, bridge.name, (*INNER_PORTS, *_JOINING))
    return way_out(state, bridge.name) if cards or addresses_of_others(state, bridge) else ""


def _default_routes(state: HostState, name: str) -> list[str]:
    found = any(route.interface == name and is_default(route.destination) for route in state.host.routes)
    return ["the host's default route goes by it"] if found else []


def addresses_of_others(state: HostState, bridge: Bridge) -> list[str]:
    """Addresses that a bridge has and that are not for us to take away, beside its own one of each family.

    Whoever gives the host's network card to a bridge gives the bridge the host's addresses, by which the host, and
    whoever works on it from afar, is reached.
    """
    own = (bridge.address("ipv4"), bridge.address("ipv6"))
    kept = bridge.adopted or bridge.uplink or way_out(state, bridge.name)
    return [address for address in bridge.link.addresses if address not in own] if kept else []


def find_ways_out(state: HostState) -> Iterator[str]:
    """Bridges of ours that nobody has said of that they lead to the outside, and that do: sentences for the user."""
    for bridge in bridges(state).values():
        reason = "" if bridge.uplink or bridge.internal else _reasons(state, bridge.name, (*INNER_PORTS, *_JOINING))
        if reason:
            yield (f"bridge {bridge.name}: {reason}, and all behind it count as containers, so that other bridges do "
                   "not reach the outside by it. Say adopt_uplink: true, or move the host's network elsewhere")
