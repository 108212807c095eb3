# SPDX-License-Identifier: GPL-3.0-or-later
"""Through which of its interfaces a container's default routes lead. Pure.

The kernel gives none of them. Here the first interface of a task does, as in Docker the first one in its order of
networks: not the first one that gets its address, for given addresses are reserved before others are chosen.
"""
from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Optional, Union

from ..bridge.model import Bridge
from ..core.errors import OptionError
from ..core.model import KNOWN_AFTER_APPLY, is_known
from ..firewall.model import FAMILIES
from ..host.draft import Draft
from ..link.addressing import RouteDel
from ..link.model import Route
from ..link.reach import require_reach_inside
from .inside import ensure_route
from .model import LocatedEndpoint


class Made(NamedTuple):
    """An interface that is as it was asked for but for the default routes.

    :param addresses: by family, with prefix length, "" for none
    """

    item: LocatedEndpoint
    bridge: Bridge
    addresses: Mapping[str, str]

    def may_lead(self, family: str) -> bool:
        """Nothing leaves an internal bridge: a way out leads through another network of the container, if at all."""
        if self.bridge.internal:
            return False
        return self.given(family) is not None or self.item.wants_default(family) is not False

    def is_asked(self, family: str) -> bool:
        return self.given(family) is not None or self.item.wants_default(family) is True

    def given(self, family: str) -> Optional[Route]:
        """A default route among the routes of the item."""
        return next((route for route in self.item.routes if (route.destination, route.family) == ("default", family)),
                    None)

    def route(self, family: str) -> Optional[Route]:
        """The default route that would lead through it, None where it has no gateway."""
        if (given := self.given(family)) is not None:
            return given
        via = gateway(self.item, self.bridge, family)
        # The container may be its bridge's gateway itself.
        is_itself = not self.option(family) and via == self.addresses[family].partition("/")[0]
        return Route("default", self.item.interface_name, via, family) if via and not is_itself else None

    def option(self, family: str) -> str:
        """The option that says which way the default route leads, "" where it is the bridge."""
        if self.given(family) is not None:
            return "routes"
        names = {"ipv4": ("gateway", self.item.gateway), "ipv6": ("gateway_v6", self.item.gateway_v6)}
        return names[family][0] if names[family][1] else ""


def gateway(item: LocatedEndpoint, bridge: Bridge, family: str) -> str:
    """The address that the default route leads to."""
    given, kept = (item.gateway, bridge.gateway) if family == "ipv4" else (item.gateway_v6, bridge.gateway_v6)
    if bridge.internal:
        return ""
    found = given or kept or bridge.address(family).partition("/")[0]
    return found or (KNOWN_AFTER_APPLY if not bridge.link.index else "")


def lead_out(draft: Draft, interfaces: Sequence[Made]) -> None:
    """The default routes of one container.

    :param interfaces: those of the task, in its order. One that leads through none of them stays, unless an interface
        is asked to have it
    :raises OptionError: when two interfaces are asked to have the one of a family
    """
    for each in interfaces:
        _warn_of_internal(draft, each)
    for family in FAMILIES:
        _lead_out(draft, {each.item.interface_name: each for each in interfaces if each.addresses[family]}, family)


def _warn_of_internal(draft: Draft, made: Made) -> None:
    item, said = made.item, "default_route" if made.item.default_route else ""
    option = next((found for family in FAMILIES if (found := made.option(family))), said)
    if made.bridge.internal and option:
        draft.warn(f"{option} of {item.label} says nothing, since bridge {made.bridge.name} is internal: no way leads "
                   "out of it")


def _lead_out(draft: Draft, interfaces: Mapping[str, Made], family: str) -> None:
    if not interfaces:
        return
    path = next(iter(interfaces.values())).item.path
    here = draft.state.namespaces[path]
    present = [route for route in here.routes if (route.destination, route.family) == ("default", family)]
    for route in [route for route in present if route.interface in interfaces
                  and not interfaces[route.interface].may_lead(family)]:
        draft.do(RouteDel(path, route))
        present.remove(route)
    name = _choose(interfaces, here.default_route(family), family)
    wanted = interfaces[name].route(family) if name else None
    if name is None or wanted is None:
        return
    if option := interfaces[name].option(family):
        made = interfaces[name]
        require_reach_inside(made.item.label, option, wanted, here, made.addresses.values())
    draft.led.add((interfaces[name].item.label, family))
    # What the container put in front of it itself gives way. A route with a larger metric is only taken once this one
    # is gone: it may stay.
    for route in present:
        mine = route.interface in ("", *interfaces) or interfaces[name].is_asked(family)
        if mine and route != wanted and route.rank <= wanted.rank:
            draft.do(RouteDel(path, route))
    if not wanted.gateway or not is_known(wanted.gateway) or _clear_way(draft, interfaces[name].item, wanted.gateway):
        ensure_route(draft, path, wanted)


def _choose(interfaces: Mapping[str, Made], current: Optional[Route], family: str) -> Optional[str]:
    """The interface that the default route is to lead through, None where all stays as it is."""
    able = [name for name, each in interfaces.items() if each.may_lead(family) and each.route(family)]
    asked = [name for name in able if interfaces[name].is_asked(family)]
    if len(asked) > 1:
        raise OptionError("default_route", True, f"is said of {' and '.join(asked)} of "
                          f"{interfaces[asked[0]].item.label}, and there is one default route of {family}",
                          "Say it of one of them")
    if asked:
        return asked[0]
    return next(iter(able), None) if current is None or current.interface in ("", *able) else None


def _clear_way(draft: Draft, item: LocatedEndpoint, via: str) -> bool:
    """Whether the gateway is reached through the interface: barriers in front of it go. :returns: whether it is"""
    here, address = draft.state.namespaces[item.path], ipaddress.ip_address(via)
    if ":" in via and via in here.addresses:  # of IPv4 the kernel takes it
        draft.fail(item.label, f"its gateway {via} is an address that the container has itself: let it remove that")
        return False
    for barrier in [barrier for barrier in here.barriers if _covers(barrier, address)]:
        draft.do(RouteDel(item.path, barrier))
    connected = [route for route in here.routes if route.interface == item.interface_name and _covers(route, address)]
    longest = max((_length(route) for route in connected), default=0)
    elsewhere = next((route for route in here.routes if route.interface != item.interface_name
                      and _covers(route, address) and _length(route) > longest > 0), None)
    if elsewhere:
        draft.fail(item.label, f"its gateway {via} is not reached through {item.interface_name}, since the container "
                   f"has a route {elsewhere.destination} dev {elsewhere.interface}: let it remove that")
    return elsewhere is None


def _covers(route: Route, address: Union[ipaddress.IPv4Address, ipaddress.IPv6Address]) -> bool:
    return route.destination != "default" and address in ipaddress.ip_network(route.destination)


def _length(route: Route) -> int:
    return int(route.destination.rpartition("/")[2])
