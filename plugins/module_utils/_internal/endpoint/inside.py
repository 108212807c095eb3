# SPDX-License-Identifier: GPL-3.0-or-later
"""The inside of a container: what its interface needs to be usable, in the order in which the kernel needs it. Pure."""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..bridge.model import Bridge
from ..core.errors import OptionError, concerning
from ..core.plan import Operation
from ..host.draft import Draft
from ..host.endpoints import ACCEPT_RA, DISABLE_V6, REDIRECTS, REDIRECTS_V6, Endpoint, inner_settings
from ..host.model import HostState
from ..host.operations import SysctlSet
from ..host.settings import interface_of, of_new, trial
from ..link.addressing import AddrAdd, AddrDel, RouteAdd, RouteDel
from ..link.model import FROM, IPV6_MIN_MTU, Link, Namespace, Route
from ..link.operations import LinkSet
from ..link.reach import is_connected, require_reach_inside
from ..netns.model import HOST
from .model import LocatedEndpoint

FAMILIES = ("ipv4", "ipv6")
LINK_LOCAL = "fe80::/64"  # RFC 4291; each interface with IPv6 has it
HOST_V6 = "net/ipv6/conf/all/disable_ipv6"  # exists where the kernel has IPv6


def sysctl_names(item: LocatedEndpoint) -> list[str]:
    """The names below /proc/sys that :func:`configure` looks at in the container's namespace."""
    return [*inner_settings(item.interface_name), *(name for name, _value in item.sysctls)]


def sysctls_of_host(item: LocatedEndpoint) -> list[str]:
    """The names of the item's own settings on the host, where interfaces have one name for all new ones."""
    return [of_new(name) or name for name, _value in item.sysctls]


def require_sysctls(state: HostState, item: LocatedEndpoint, address_v6: str) -> None:
    """:raises OptionError: for kernel settings that no container of this host has, or not with this value
    :raises ContainerError: for one of an interface that this container has not
    """
    for (name, value), general in zip(item.sysctls, sysctls_of_host(item)):
        shown = f"{name.replace('/', '.')}={value}"
        if (HOST, general) in state.sysctls and state.sysctls.get((HOST, general)) is None and (
                state.sysctls.get((item.path, name)) is None):
            raise OptionError("sysctls", shown, "names no setting of this kernel",
                              "Look it up below /proc/sys/net; IFNAME stands for the interface")
        if problem := state.refused.get(trial(name, value)):
            raise OptionError("sysctls", shown, problem, f"See what the setting takes, like what `sysctl "
                              f"{general.replace('/', '.')}` shows")
        if address_v6 and value != "0" and name in (_disable_v6(item), HOST_V6):
            raise OptionError("sysctls", shown, f"contradicts the address {address_v6} that {item.label} gets",
                              "Leave it out, or name a bridge without IPv6")
        _require_interface(state, item, name, shown)


def _require_interface(state: HostState, item: LocatedEndpoint, name: str, shown: str) -> None:
    """:raises ContainerError: for a setting of an interface that is not there, or has no IPv6"""
    links, interface = state.namespaces[item.path].links, interface_of(name)
    if not interface:
        return
    with concerning(item.label):
        if interface not in links:
            raise OptionError("sysctls", shown, f"is of an interface that {item.label} has not, which has "
                              f"{', '.join(links)}", "Write IFNAME for the interface of this item")
        if name.startswith("net/ipv6/") and links[interface].mtu < IPV6_MIN_MTU:
            raise OptionError("sysctls", shown, f"is of {interface} of {item.label}, which has no IPv6, since its "
                              f"MTU is {links[interface].mtu}", f"Give at least {IPV6_MIN_MTU}, or leave it out")


def _disable_v6(item: LocatedEndpoint) -> str:
    return DISABLE_V6.format(item.interface_name)


def require_mtu(item: LocatedEndpoint, addresses: Mapping[str, str]) -> None:
    """:raises OptionError: for an MTU with which the kernel has no IPv6, where the container is to have it"""
    if isinstance(item.mtu, int) and item.mtu < IPV6_MIN_MTU and addresses["ipv6"]:
        raise OptionError("mtu", item.mtu, f"is too small for IPv6, and {item.label} gets {addresses['ipv6']}",
                          f"Give at least {IPV6_MIN_MTU}, or a bridge without IPv6")


def give_up(draft: Draft, item: LocatedEndpoint, lease: Endpoint, addresses: Mapping[str, str]) -> list[Route]:
    """Take away the addresses that we gave and that the endpoint is not to have, or is to be given anew; others that
    somebody added stay.

    This comes before all else. An interface that got another MAC while it has an old address would answer for it, and
    others would send there, for as long as they take their neighbour for alive, what is meant for the next one with
    that address. To disable IPv6 would take addresses and routes away unseen.

    :param addresses: by family, with prefix length, "" for none
    :returns: routes without a gateway that the kernel drops on the way, and that are to be put back
    """
    return [route for family in FAMILIES for route in _give_up(draft, item, lease, family, addresses[family])]


def configure(draft: Draft, item: LocatedEndpoint, bridge: Bridge, addresses: Mapping[str, str],
              routes: Iterable[Route] = ()) -> None:
    """Bring the container's end to what is asked for, but for default routes: see leading.py.

    :param addresses: by family, with prefix length, "" for none
    :param routes: what :func:`give_up` says
    """
    _sysctls(draft, item, bridge, addresses)
    _up(draft, item)
    for family in FAMILIES:
        if addresses[family]:
            _address(draft, item, addresses[family])
    for route in routes:
        draft.do(RouteAdd(item.path, route))
    for route in item.routes:
        here = draft.state.namespaces[item.path]
        if route.destination == "default":
            continue
        require_reach_inside(item.label, "routes", route, here, addresses.values())
        if not is_connected(route, here.links[item.interface_name]):
            ensure_route(draft, item.path, route)


def ensure_route(draft: Draft, path: str, route: Route) -> None:
    """The route is there; one to the same destination through the same interface gives way to it."""
    here = draft.state.namespaces[path]
    if route in here.routes and not _barriers(here, route):
        return
    for other in [other for other in here.routes if other != route and other.rank <= route.rank and (
            other.destination, other.interface, other.family) == (route.destination, route.interface, route.family)]:
        draft.do(RouteDel(path, other))
    # On the host a barrier is the administrator's; in a container it is what the container may have put up itself.
    for barrier in _barriers(here, route) if path != HOST else ():
        draft.do(RouteDel(path, barrier))
    if route not in here.routes:
        draft.do(RouteAdd(path, route))


def _barriers(here: Namespace, route: Route) -> list[Route]:
    """What keeps packets from taking a route although it is there."""
    return [other for other in here.barriers if (other.destination, other.family) == (route.destination, route.family)
            and (other.interface == route.interface if other.kind.startswith(FROM) else other.rank <= route.rank)]


def bring_up_loopback(draft: Draft, path: str) -> None:
    """A new namespace has lo, and it is down."""
    loopback = draft.state.namespaces[path].links.get("lo")
    if loopback is not None and not loopback.up:
        draft.do(LinkSet(path, loopback, replace(loopback, up=True)))


def _sysctls(draft: Draft, item: LocatedEndpoint, bridge: Bridge, addresses: Mapping[str, str]) -> None:
    """Before the interface is up, and IPv6 on it, so that nothing that a neighbour says comes too early."""
    state, wanted = draft.state, dict(item.sysctls)
    require_sysctls(state, item, addresses["ipv6"])
    mtu = state.namespaces[item.path].links[item.interface_name].mtu
    with_v6 = state.sysctls.get((HOST, HOST_V6)) is not None and mtu >= IPV6_MIN_MTU
    if _is_ours(bridge):
        for name in (*REDIRECTS, *((REDIRECTS_V6, ACCEPT_RA) if with_v6 and addresses["ipv6"] else ())):
            wanted.setdefault(name.format(item.interface_name), "0")
    if with_v6:
        # As Docker does for a container without an IPv6 network. On where it has one, also where new interfaces begin
        # without it.
        value = state.sysctls.get((item.path, _disable_v6(item)))
        if not addresses["ipv6"] or value != "0":
            wanted.setdefault(_disable_v6(item), "0" if addresses["ipv6"] else "1")
    for name, value in wanted.items():
        if state.sysctls.get((item.path, name)) != value:
            draft.do(SysctlSet(item.path, name, value, state.sysctls.get((item.path, name))))


def _is_ours(bridge: Bridge) -> bool:
    """Whether routes come from a bridge of ours, also one that check mode assumes. In other networks routers may."""
    return bridge.link.mark is not None or not bridge.link.index


def _up(draft: Draft, item: LocatedEndpoint) -> None:
    bring_up_loopback(draft, item.path)
    link = draft.state.namespaces[item.path].links[item.interface_name]
    new = replace(link, up=True, tx_queue_len=link.tx_queue_len if item.tx_queue_len is None else item.tx_queue_len)
    if new != link:
        draft.do(LinkSet(item.path, link, new))


def _address(draft: Draft, item: LocatedEndpoint, address: str) -> None:
    """The interface has an address; the kernel keeps an IPv6 one with another prefix length from having it."""
    present = draft.state.namespaces[item.path].links[item.interface_name].addresses
    ip = address.partition("/")[0]
    others = [AddrDel(item.path, item.interface_name, other) for other in present
              if other != address and other.partition("/")[0] == ip]
    new = [AddrAdd(item.path, item.interface_name, address)] if address not in present else []
    # Without its last address an interface loses its IPv4 routes: there the new one comes first.
    both: list[Operation] = [*others, *new] if ":" in ip else [*new, *others]
    for operation in both:
        draft.do(operation)


def _give_up(draft: Draft, item: LocatedEndpoint, lease: Endpoint, family: str, wanted: str) -> list[Route]:
    path, name = item.path, item.interface_name
    netns = draft.state.namespaces[path]
    given = [old for old in lease.given(family) if old in netns.links[name].addresses and (
        old != wanted or _is_cut_off(draft, path, name, old))]
    if not given:
        return []
    # The kernel drops a route with the last address of its interface, and keeps it otherwise: take it away first, so
    # that what follows does not depend on that.
    routes = [route for route in netns.routes if route.interface == name and route.family == family]
    direct = [route for route in routes if not route.gateway and not _connected(route, netns.links[name])]
    for route in [route for route in routes if route.gateway or route in direct]:
        draft.do(RouteDel(path, route))
    for old in given:
        draft.do(AddrDel(path, name, old))
    return direct if wanted else []


def _is_cut_off(draft: Draft, path: str, name: str, address: str) -> bool:
    """Whether a container has taken away the route to the network of its address.

    The kernel makes it with the address and with the interface that goes up, and at no other time: so the address is
    to be given anew.
    """
    before, network = draft.observed.namespaces.get(path, Namespace()), ipaddress.ip_interface(address).network
    link, destination = before.links.get(name), str(network)
    return link is not None and link.up and address in link.addresses and network.num_addresses > 1 and not any(
        (route.destination, route.interface, route.gateway) == (destination, name, "") for route in before.routes)


def _connected(route: Route, link: Link) -> bool:
    """Whether the kernel made a route with an address of the link."""
    return route.destination == LINK_LOCAL or is_connected(route, link)
