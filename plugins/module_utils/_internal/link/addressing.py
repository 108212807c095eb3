# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of addresses and routes. docs/architecture.md has a line for each."""
from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_interface

from ..core.plan import MAKE_INSIDE, MAKE_LINK
from ..netns.model import HOST, in_namespace
from .model import Interfaces, Route, forget_neighbours


@dataclass(frozen=True)
class AddrAdd:
    """Add an address with its prefix length to a link."""

    netns: str
    interface: str
    address: str

    @property
    def stage(self) -> int:
        return MAKE_LINK if self.netns == HOST else MAKE_INSIDE

    def describe(self) -> str:
        return f"add address {self.address} to {self.interface}{in_namespace(self.netns)}"

    def apply(self, state: Interfaces) -> None:
        links = state.namespaces[self.netns].links
        link = links[self.interface]
        links[self.interface] = replace(link, addresses=(*link.addresses, self.address))

    def inverse(self) -> AddrDel:
        return AddrDel(self.netns, self.interface, self.address)

    def lines(self) -> tuple[list[str], list[str]]:
        return [], [f"{self.interface}{in_namespace(self.netns)}: address {self.address}"]


@dataclass(frozen=True)
class AddrDel:
    """Remove an address from a link; the kernel takes the routes through it away as well."""

    netns: str
    interface: str
    address: str

    @property
    def stage(self) -> int:
        return MAKE_LINK if self.netns == HOST else MAKE_INSIDE

    def describe(self) -> str:
        return f"remove address {self.address} from {self.interface}{in_namespace(self.netns)}"

    def apply(self, state: Interfaces) -> None:
        links = state.namespaces[self.netns].links
        link = links[self.interface]
        left = tuple(a for a in link.addresses if a != self.address)
        links[self.interface] = replace(link, addresses=left)
        networks = {str(ip_interface(a).network) for a in left}
        if (gone := str(ip_interface(self.address).network)) not in networks:
            here = state.namespaces[self.netns]
            here.routes = [route for route in here.routes
                           if (route.destination, route.interface, route.gateway) != (gone, self.interface, "")]
        if all(":" in address for address in left) and ":" not in self.address:
            # With its last IPv4 address an interface loses all IPv4 routes (fib_disable_ip() of the kernel).
            here = state.namespaces[self.netns]
            here.routes = [route for route in here.routes
                           if (route.interface, route.family) != (self.interface, "ipv4")]
            forget_neighbours(state, self.netns, self.interface, without_v6=True)

    def inverse(self) -> AddrAdd:
        return AddrAdd(self.netns, self.interface, self.address)

    def lines(self) -> tuple[list[str], list[str]]:
        return [f"{self.interface}{in_namespace(self.netns)}: address {self.address}"], []


@dataclass(frozen=True)
class RouteAdd:
    netns: str
    route: Route

    @property
    def stage(self) -> int:
        return MAKE_LINK if self.netns == HOST else MAKE_INSIDE

    def describe(self) -> str:
        return f"add route {_route(self.route)}{in_namespace(self.netns)}"

    def apply(self, state: Interfaces) -> None:
        state.namespaces[self.netns].routes.append(self.route)

    def inverse(self) -> RouteDel:
        return RouteDel(self.netns, self.route)

    def lines(self) -> tuple[list[str], list[str]]:
        return [], [f"route{in_namespace(self.netns)}: {_route(self.route)}"]


@dataclass(frozen=True)
class RouteDel:
    netns: str
    route: Route

    @property
    def stage(self) -> int:
        return MAKE_LINK if self.netns == HOST else MAKE_INSIDE

    def describe(self) -> str:
        return f"remove route {_route(self.route)}{in_namespace(self.netns)}"

    def apply(self, state: Interfaces) -> None:
        here = state.namespaces[self.netns]
        for routes in (here.routes, here.barriers):
            if self.route in routes:
                routes.remove(self.route)

    def inverse(self) -> RouteAdd:
        return RouteAdd(self.netns, self.route)

    def lines(self) -> tuple[list[str], list[str]]:
        return [f"route{in_namespace(self.netns)}: {_route(self.route)}"], []


def _route(route: Route) -> str:
    via = f" via {route.gateway}" if route.gateway else ""
    device = f" dev {route.interface}" if route.interface else ""
    kind = f"{route.kind} " if route.is_barrier else ""
    return f"{kind}{route.destination}{via}{device}" + (f" metric {route.metric}" if route.metric else "")
