# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel refuses of addresses and routes, said before anything is done. Pure.

Sources: inet_rtm_newaddr() and fib_check_nh() of the kernel for IPv4, inet6_addr_add() and ip6_route_check_nh() for
IPv6; where the kernel takes what nobody can be reached with, like a loopback address, that is refused as well.
"""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import replace
from typing import Optional, Union

from ..core.errors import ContainerError, OptionError, concerning
from ..core.model import is_known
from .model import Link, Namespace, Route

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
_BROADCAST = ipaddress.IPv4Address("255.255.255.255")


def unusable(ip: Address) -> str:
    """Why no interface can have an address and no router either, as the rest of a sentence; "" where it can."""
    if ip.is_unspecified:
        return "stands for no address"
    if ip.is_loopback:
        return "is a loopback address"
    if ip.is_multicast or ip == _BROADCAST:
        return "is the address of several hosts"
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        return "is an IPv4 address in the form of IPv6"
    return ""


def is_link_local(address: Optional[str]) -> bool:
    """Whether an address, without a prefix length, is a link-local one of IPv6."""
    return bool(address) and ":" in str(address) and ipaddress.ip_address(str(address)).is_link_local


def require_usable(option: str, value: str, example: str) -> None:
    """:raises OptionError: for an address, with or without a prefix length, that no interface can have"""
    if problem := unusable(ipaddress.ip_interface(value).ip):
        raise OptionError(option, value, f"{problem}, and of no interface", f"Give it like {example}")


def is_own_broadcast(value: str) -> bool:
    """Whether an IPv4 address with a prefix length is that of its network itself, or its broadcast address.

    A /31 has neither (RFC 3021). The kernel takes both, and nobody reaches them.
    """
    found = ipaddress.ip_interface(value)
    network = found.network
    return found.version == 4 and network.prefixlen < 31 and found.ip in (
        network.network_address, network.broadcast_address)


def is_connected(route: Route, link: Link) -> bool:
    """Whether a route leads to a network of the interface itself: the kernel has made it with the address."""
    return any(is_known(address) and str(ipaddress.ip_interface(address).network) == route.destination
               for address in link.addresses)


def require_reach_inside(container: str, option: str, route: Route, here: Namespace, given: Iterable[str]) -> None:
    """The same in a container, which may have addresses and routes of its own in the way.

    :param given: the addresses that the interface is to have
    :raises OptionError: for what cannot be, whatever the container has
    :raises ContainerError: for what only the container keeps from being
    """
    try:
        with concerning(container):
            require_reach(option, route, here)
    except ContainerError:
        link = replace(here.links[route.interface], addresses=tuple(filter(None, given)))
        require_reach(option, route, Namespace(links={link.name: link}, routes=here.routes))
        raise


def require_reach(option: str, route: Route, here: Namespace) -> None:
    """:raises OptionError: for a route with a gateway that is not there, with the state in which it is to be added"""
    link, value = here.links[route.interface], f"{route.destination} via {route.gateway}"
    shown = route.gateway if option.startswith("gateway") else value
    if not route.gateway or not is_known(route.gateway):
        return
    ip = ipaddress.ip_address(route.gateway)
    if is_connected(route, link):
        raise OptionError(option, shown, f"leads to the network of {link.name} itself, which needs no gateway",
                          "Leave it out")
    if route.gateway in here.addresses:
        raise OptionError(option, shown, "has an address of its own as its gateway", "Give that of a router")
    if ip.version == 6 and ip.is_link_local:
        return
    networks = [ipaddress.ip_interface(address).network for address in link.addresses if is_known(address)]
    direct = [each.destination for each in here.routes if each.interface == link.name and not each.gateway
              and each.family == route.family]
    networks += [ipaddress.ip_network(each) for each in direct if each != "default"]
    if "default" in direct or not all(map(is_known, link.addresses)):
        return
    inside = [network for network in networks if ip.version == network.version and ip in network]
    if not inside:
        shown_networks = ", ".join(str(network) for network in networks if network.version == ip.version) or "none"
        raise OptionError(option, shown, f"is not reached through {link.name}, whose networks are {shown_networks}",
                          "Give the address of a router in one of them")
    if any(network.version == 4 and network.prefixlen < 31 and ip == network.broadcast_address for network in inside):
        raise OptionError(option, shown, "has a broadcast address as its gateway", "Give the address of a router")
