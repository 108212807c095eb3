# SPDX-License-Identifier: GPL-3.0-or-later
"""A bridge as it is and what a task says of it, merged into what it will be. Pure."""
from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterator, Sequence
from typing import Optional, TypeVar

from ..applied.model import BRIDGES
from ..core.errors import OptionError
from ..core.networks import is_within
from ..host.endpoints import endpoints
from ..host.model import HostState
from ..ipam.pools import choose_subnet, pools_of
from ..link.model import IPV6_MIN_MTU, Link
from ..link.reach import is_link_local, is_own_broadcast
from ..ports.model import family_of
from .auxiliary import check_auxiliary
from .desired import DesiredBridge
from .egress import digest_of
from .exceptions import check as check_exceptions
from .internal import check as check_internal
from .internal import refuse_adopted
from .outbound import check as check_outbound
from .model import Bridge, bridges
from .ruleless import check_access
from .way_out import addresses_of_others, is_default

_T = TypeVar("_T")

DEFAULT_MTU = 1500  # Docker's DefaultNetworkMtu


def merge(current: Bridge, desired: DesiredBridge, state: HostState) -> Bridge:
    """What the bridge will be: options that are not given leave things as they are."""
    with_v6 = desired.ipv6 is not False
    addresses = _addresses(current, desired, state)
    isolated = _in_mode("isolated", current, desired)
    refuse_adopted(current, isolated)
    network = {family: next((each for each in addresses if family_of(each) == family), "") for family in isolated}
    merged = dataclasses.replace(
        current, link=_link(current, desired, state, [each for each in addresses if each not in network.values()]),
        isolated=isolated, network=network.get("ipv4", ""), network_v6=network.get("ipv6", ""),
        forward=desired.ip_forward,
        masquerade=_given(desired.ip_masq, current.masquerade),
        outbound=_given(desired.outbound_address, current.outbound),
        outbound_v6=_given(desired.outbound_address_v6, current.outbound_v6),
        icc=_given(desired.icc, current.icc),
        iptables=_given(desired.iptables, current.iptables), ip6tables=_given(desired.ip6tables, current.ip6tables),
        pool=_given(desired.fixed_cidr, current.pool), gateway=_given(desired.default_gateway, current.gateway),
        pool_v6=_given(desired.fixed_cidr_v6, current.pool_v6) if with_v6 else "",
        gateway_v6=_given(desired.default_gateway_v6, current.gateway_v6) if with_v6 else "",
        user=_given(desired.user_chain, current.user), routed=_in_mode("routed", current, desired),
        internal=_given(desired.internal, current.internal),
        allowed=_given(desired.allow_bridges, current.allowed),
        trusted_interfaces=_given(desired.trusted_interfaces, current.trusted_interfaces),
        aux=_given(desired.aux_addresses, current.aux),
        trusted_networks=_given(desired.trusted_networks, current.trusted_networks),
        names=_given(desired.container_names, current.names),
        limit=digest_of(desired.allow_to, current.limit))
    _check_parts(merged)
    if desired.aux_addresses is not None or any(
            merged.subnet(family) != current.subnet(family) for family in ("ipv4", "ipv6")):
        check_auxiliary(merged, endpoints(state))
    check_internal(merged, desired)
    check_outbound(merged, desired)
    check_exceptions(merged, desired)
    check_access(merged, desired)
    return merged


def _given(asked: Optional[_T], kept: _T) -> _T:
    return kept if asked is None else asked


def _link(current: Bridge, desired: DesiredBridge, state: HostState, addresses: Sequence[str]) -> Link:
    link, mtu = current.link, desired.mtu
    # The kernel took its IPv6 addresses away when somebody made its MTU too small for them.
    too_small = link.mtu < IPV6_MIN_MTU and any(family_of(address) == "ipv6" for address in addresses)
    if not isinstance(mtu, int):
        mtu = default_mtu(state, desired.name) if mtu is not None or not link.index or too_small else link.mtu
    return dataclasses.replace(link, addresses=tuple(addresses), mtu=mtu,
                               stp=_given(desired.stp, link.stp), mac=_given(desired.mac_address, link.mac))


def _in_mode(mode: str, current: Bridge, desired: DesiredBridge) -> tuple[str, ...]:
    """The families that will be in a gateway mode."""
    wanted = {"ipv4": desired.gateway_mode, "ipv6": desired.gateway_mode_v6}
    return tuple(family for family, asked in wanted.items() if (asked or current.gateway_mode(family)) == mode)


def _addresses(current: Bridge, desired: DesiredBridge, state: HostState) -> tuple[str, ...]:
    """Own bridges have exactly the addresses asked for; an adopted one keeps what it had beside them.

    Those of isolated families among them, which say the network only.
    """
    found, others = [], addresses_of_others(state, current)
    for family, wanted in (("ipv4", desired.bip), ("ipv6", desired.bip6)):
        has = current.declared(family)
        if wanted is None and not has and (family == "ipv4" or desired.ipv6):
            wanted = _pool_address(family, desired, state)
        if current.adopted and wanted and current.address(family) and wanted != has:
            option = "bip" if family == "ipv4" else "bip6"
            raise OptionError(option, wanted, f"is not the address of {desired.name}, which is adopted with {has}",
                              "Leave it out, or change the bridge's address by hand")
        if others and wanted and current.address(family) and wanted not in current.link.addresses:
            raise OptionError("bip" if family == "ipv4" else "bip6", wanted, f"is not the address of {desired.name}, "
                              f"which leads to the outside and has {', '.join(current.link.addresses)}",
                              "Take those of the host off it first, or leave the option out")
        if wanted is None and has and not (family == "ipv6" and desired.ipv6 is False):
            wanted = has
        if wanted:
            found.append(wanted)
    if current.adopted or others:
        found += [address for address in current.link.addresses if address not in found]
    return tuple(found)


def _pool_address(family: str, desired: DesiredBridge, state: HostState) -> str:
    """The first address of a subnet that nobody else has or is to have."""
    routes = [route.destination for route in state.host.routes
              if route.interface != desired.name and not is_default(route.destination)]
    routes += [str(ipaddress.ip_interface(address).network)
               for address in (*_addresses_of_others(desired.name, state), *desired.avoided)]
    pools = pools_of(family, desired.pools)
    subnet = choose_subnet(pools, routes, state.nameservers)
    if subnet is None:
        raise _exhausted(family, desired)
    network = ipaddress.ip_network(subnet)
    return f"{network.network_address + 1}/{network.prefixlen}"


def _addresses_of_others(name: str, state: HostState) -> Iterator[str]:
    """Addresses of other interfaces, and of bridges that are to come back."""
    for link in (*state.host.links.values(), *(awaited.link for awaited in state.awaited.values())):
        yield from link.addresses if link.name != name else ()
    yield from (subnet for other, subnet in isolated_networks(state) if other != name)
    for options in state.applied.of(BRIDGES) if state.applied else ():
        if options["name"] != name:
            yield from (options[option] for option in ("bip", "bip6") if options.get(option))


def _exhausted(family: str, desired: DesiredBridge) -> OptionError:
    option = "bip" if family == "ipv4" else "bip6"
    example = "10.99.0.1/24" if family == "ipv4" else "2001:db8:99::1/64"
    own = [pool.text for pool in desired.pools or () if pool.family == family]
    if own:
        return OptionError("default_address_pools", ", ".join(own), f"has no subnet left for bridge {desired.name}: "
                           "each overlaps a route or a name server of this host, or another bridge",
                           f"Add a pool, or give the bridge {option}, an address with a prefix length, like {example}")
    return OptionError(option, "", "was not given, and each of Docker's 31 default pools overlaps a route or a name "
                       "server of this host, or another bridge",
                       f"Give an address with a prefix length, like {example}, or default_address_pools")


def isolated_networks(state: HostState) -> list[tuple[str, str]]:
    """The networks of bridges of ours that the host has no address in, and knows no route to, with the bridge."""
    return [(name, subnet) for name, bridge in bridges(state).items() for family in bridge.isolated
            if (subnet := bridge.subnet(family))]


def default_mtu(state: HostState, name: str) -> int:
    """The MTU of the interface that has the default route (Docker 1.5), else 1500."""
    route = state.host.default_route("ipv4") or state.host.default_route("ipv6")
    link = state.host.links.get(route.interface) if route and route.interface != name else None
    return link.mtu if link else DEFAULT_MTU


def _check_parts(bridge: Bridge) -> None:
    for family, pairs in (("ipv4", (("fixed_cidr", bridge.pool), ("default_gateway", bridge.gateway))),
                          ("ipv6", (("fixed_cidr_v6", bridge.pool_v6), ("default_gateway_v6", bridge.gateway_v6)))):
        subnet = bridge.subnet(family)
        for option, value in pairs:
            if option == "default_gateway_v6" and is_link_local(value):
                continue
            if option == "default_gateway" and value and subnet and is_own_broadcast(
                    f"{value}/{subnet.rpartition('/')[2]}"):
                raise OptionError(option, value, f"is the address of the network {subnet} itself or its broadcast "
                                  "address", f"Give the address of a router in {subnet}")
            if value and not (subnet and is_within(ipaddress.ip_network(value), ipaddress.ip_network(subnet))):
                remedy = f"Give a part of {subnet}" if subnet else "Give bip6 as well"
                raise OptionError(option, value, f"is not inside {subnet or 'a subnet of the family'}, the subnet of "
                                  f"bridge {bridge.name}", remedy)


def refuse_overlap(state: HostState, desired: DesiredBridge, address: str) -> None:
    """A bridge inside a network that the host reaches elsewhere cuts the host off from that network."""
    if desired.allow_overlap:
        return
    network = ipaddress.ip_interface(address).network
    option = "bip" if network.version == 4 else "bip6"
    others = [(route.destination, f"the route to {route.destination}", route.interface) for route in state.host.routes
              if not is_default(route.destination)]
    others += [(str(ipaddress.ip_interface(other).network), f"the address {other}", link.name)
               for link in state.host.links.values() for other in link.addresses]
    others += [(subnet, f"the network {subnet}", name) for name, subnet in isolated_networks(state)]
    for destination, what, interface in others:
        other = ipaddress.ip_network(destination, strict=False)
        if interface != desired.name and other.version == network.version and network.overlaps(other):
            raise OptionError(option, address, f"overlaps {what} of interface {interface}",
                              "Choose another network, or say allow_overlap: true")


def refuse_making(desired: DesiredBridge) -> None:
    """A bridge that somebody else makes is not made here, not even as a part of a plan that is only shown."""
    if desired.must_exist:
        raise OptionError("name", desired.name, "does not exist, and must_exist says that somebody else makes it",
                          "Make it first, or leave out must_exist to have it made here")
