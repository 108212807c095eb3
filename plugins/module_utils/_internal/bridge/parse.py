# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of docker_bridge as a value. Pure."""
from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ..core.errors import OptionError
from ..core.names import interface_name, without_zone
from ..ipam.pools import parse_pools
from ..link.model import IPV6_MIN_MTU
from ..link.reach import is_link_local, unusable
from ..link.parse import address, inside, mac, network, parse_mtu
from ..ports.allow_spec import parse_allow_to
from ..ports.spec import parse_sources
from .auxiliary import parse_auxiliary
from .desired import DesiredBridge


def parse(options: Mapping[str, Any]) -> DesiredBridge:
    """One item of the module's options as a :class:`DesiredBridge`. :raises OptionError: naming option and value"""
    bip = bridge_address("bip", options["bip"], 4)
    bip6 = bridge_address("bip6", options["bip6"], 6)
    pool_v6 = network("fixed_cidr_v6", options["fixed_cidr_v6"], 6)
    if bip6 is None and pool_v6:
        subnet = ipaddress.IPv6Network(pool_v6)
        lowest = subnet.network_address + (1 if subnet.num_addresses > 1 else 0)
        bip6 = bridge_address("fixed_cidr_v6", f"{lowest}/{subnet.prefixlen}", 6)
    pools = parse_pools("default_address_pools", options["default_address_pools"])
    if options["ipv6"] and bip6 is None and not any(pool.family == "ipv6" for pool in pools or ()):
        raise OptionError("ipv6", True, "needs a network for the bridge",
                          "Give bip6, for example 2001:db8:1::1/64, or fixed_cidr_v6, for example 2001:db8:1::/64, or "
                          "a pool of IPv6 in default_address_pools")
    if options["ipv6"] is False and bip6:
        raise OptionError("ipv6", False, f"contradicts the IPv6 address {bip6}", "Leave out bip6 and fixed_cidr_v6")
    mtu = parse_mtu("mtu", options["mtu"])
    if bip6 and isinstance(mtu, int) and mtu < IPV6_MIN_MTU:
        raise OptionError("mtu", mtu, "is too small for IPv6", f"Give at least {IPV6_MIN_MTU}, or no IPv6 address")
    return DesiredBridge(
        name=bridge_name("name", options["name"]), present=options["state"] == "present", bip=bip, mtu=mtu,
        fixed_cidr=inside("fixed_cidr", network("fixed_cidr", options["fixed_cidr"], 4), bip),
        default_gateway=inside("default_gateway", address("default_gateway", options["default_gateway"], 4), bip),
        ip_masq=options["ip_masq"], ip_forward=options["ip_forward"],
        outbound_address=_of_host("outbound_address", options, 4),
        outbound_address_v6=_of_host("outbound_address_v6", options, 6),
        forward_others=options["forward_others"], internal=options["internal"], iptables=options["iptables"],
        ip6tables=options["ip6tables"], icc=options["icc"], ipv6=options["ipv6"] if bip6 is None else True, bip6=bip6,
        fixed_cidr_v6=inside("fixed_cidr_v6", pool_v6, bip6),
        default_gateway_v6=_router_v6(options["default_gateway_v6"], bip6),
        stp=options["stp"], mac_address=mac("mac_address", options["mac_address"]),
        gateway_mode=options["gateway_mode"], gateway_mode_v6=options["gateway_mode_v6"] or options["gateway_mode"],
        allow_bridges=other_bridges("allow_bridges", options["allow_bridges"], options["name"]),
        trusted_interfaces=outer_interfaces("trusted_interfaces", options["trusted_interfaces"], options["name"]),
        trusted_networks=sources("trusted_networks", options["trusted_networks"]),
        aux_addresses=parse_auxiliary(options["aux_addresses"]),
        container_names=options["container_names"],
        adopt=options["adopt"] or bool(options["adopt_uplink"]), adopt_uplink=options["adopt_uplink"],
        force=options["force"], allow_overlap=options["allow_overlap"], must_exist=bool(options["must_exist"]),
        pools=pools, user_chain=options["user_chain"], allow_to=parse_allow_to(options["allow_to"]))


def _router_v6(value: Optional[str], bip6: Optional[str]) -> Optional[str]:
    """A gateway in the subnet of ``bip6``, or one that is told by its link-local address, as routers of IPv6 are."""
    found = address("default_gateway_v6", value, 6)
    return found if is_link_local(found) else inside("default_gateway_v6", found, bip6)


def _of_host(option: str, options: Mapping[str, Any], version: int) -> Optional[str]:
    """An address that others may send replies to; an empty text takes away what was set."""
    found = address(option, options[option], version)
    if found and ipaddress.ip_address(found).is_link_local:
        raise OptionError(option, found, "is a link-local address, to which no reply comes from beyond a router",
                          "Give another address of the host")
    return found


def bridge_name(option: str, value: str) -> str:
    """``value`` if it can name a bridge; :raises OptionError: otherwise."""
    if value in ("all", "default"):
        raise OptionError(option, value, "is the name of a group of kernel settings (net.ipv4.conf.*)",
                          "Choose another name")
    return interface_name(option, value)


def bridge_address(option: str, value: Optional[str], version: int) -> Optional[str]:
    """An address with a prefix length that a bridge can carry: ``192.168.5.1/24``."""
    if not value:
        return None
    example = "192.168.5.1/24" if version == 4 else "2001:db8:1::1/64"
    without_zone(option, value, example)
    if "/" not in value:
        raise OptionError(option, value, "lacks a prefix length", f"Give address and prefix length, like {example}")
    try:
        found = ipaddress.ip_interface(value)
    except ValueError as error:
        raise OptionError(option, value, f"is not an address with a prefix length ({error})",
                          f"Give it like {example}") from error
    if found.version != version:
        raise OptionError(option, value, f"is not an IPv{version} address", f"Give it like {example}")
    net = found.network
    if net.prefixlen == net.max_prefixlen:
        raise OptionError(option, value, "leaves no address for a container", f"Give a shorter prefix, like {example}")
    if net.prefixlen < net.max_prefixlen - 1:
        if found.ip == net.network_address:
            raise OptionError(option, value, "is the address of the network itself",
                              f"Give the bridge an address in it, like {net.network_address + 1}/{net.prefixlen}")
        if version == 4 and found.ip == net.broadcast_address:
            raise OptionError(option, value, "is the broadcast address of its network",
                              f"Give the bridge another one, like {net.network_address + 1}/{net.prefixlen}")
    if found.ip.is_link_local:
        raise OptionError(option, value, "is a link-local address, which every interface has by itself",
                          f"Give one of a network, like {example}")
    if unusable(found.ip):
        raise OptionError(option, value, "is not an address for an interface", f"Give it like {example}")
    return str(found)


def _given(values: Optional[Sequence[str]]) -> Optional[Sequence[str]]:
    """An empty text, as it is given on a command line, is an empty list."""
    return () if values == [""] else values


def other_bridges(option: str, values: Optional[Sequence[str]], name: str) -> Optional[tuple[str, ...]]:
    """Names of bridges other than ``name``, sorted; an empty list takes away what was set."""
    if (given := _given(values)) is None:
        return None
    if name in given:
        raise OptionError(option, name, "is the bridge itself",
                          "Name other bridges; icc_policy says whether containers of one bridge may talk to each other")
    return tuple(sorted({interface_name(option, value) for value in given}))


def outer_interfaces(option: str, values: Optional[Sequence[str]], name: str) -> Optional[tuple[str, ...]]:
    """Names of interfaces that packets come in by, sorted; an empty list takes away what was set."""
    if (given := _given(values)) is None:
        return None
    for value in given:
        if value == "lo":
            raise OptionError(option, value, "is the loopback, by which nothing comes in from the outside",
                              "Leave it out: the host itself reaches its containers anyway")
        if value == name:
            raise OptionError(option, value, "is the bridge itself",
                              "Leave it out; icc_policy says whether containers of one bridge may talk to each other")
    return tuple(sorted({interface_name(option, value) for value in given}))


def sources(option: str, values: Optional[Sequence[str]]) -> Optional[tuple[str, ...]]:
    """Networks that packets may come from, sorted; an empty list takes away what was set."""
    given = _given(values)
    return None if given is None else parse_sources(given, option)
