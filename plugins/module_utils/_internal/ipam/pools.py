# SPDX-License-Identifier: GPL-3.0-or-later
"""Which subnet a bridge gets that is not told one: Docker's ``default-address-pools``. Pure."""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from ..core.errors import OptionError
from ..core.networks import Network
from ..ports.model import family_of
from ..ports.sets import merge

_FORM = "Give base, a network like 172.30.0.0/16, and size, the prefix length of each subnet in it, like 24"


@dataclass(frozen=True)
class AddressPool:
    """The subnets with prefix length ``size`` of the network ``base`` (CIDR)."""

    base: str
    size: int

    @property
    def family(self) -> str:
        return family_of(self.base)

    @property
    def text(self) -> str:
        return f"{self.base} size {self.size}"


# Docker's local address pools, in its order: 31 networks (ipamutils of Docker 20.10 to 29).
DOCKERS_POOLS = (*(AddressPool(f"172.{n}.0.0/16", 16) for n in range(17, 32)), AddressPool("192.168.0.0/16", 20))


def pools_of(family: str, pools: Optional[Sequence[AddressPool]]) -> Sequence[AddressPool]:
    """The pools of a family, Docker's own where the user has named none of IPv4; of IPv6 there are no others."""
    own = [pool for pool in pools or () if pool.family == family]
    return own or (DOCKERS_POOLS if family == "ipv4" else ())


def choose_subnet(pools: Iterable[AddressPool], taken: Iterable[str], nameservers: Iterable[str] = ()
                  ) -> Optional[str]:
    """The first subnet of the pools that overlaps none of the networks and holds none of the name servers.

    Every route counts, not only connected ones as with Docker: what lies behind a gateway must stay reachable.

    :param taken: networks of either family, and "default", which counts for nothing
    """
    networks: list[Network] = [ipaddress.ip_network(network, strict=False) for network in taken if network != "default"]
    for server in nameservers:
        try:
            networks.append(ipaddress.ip_network(server.partition("%")[0]))
        except ValueError:
            continue
    spans = {version: merge((int(each.network_address), int(each.broadcast_address))
                            for each in networks if each.version == version) for version in (4, 6)}
    for pool in pools:
        base = ipaddress.ip_network(pool.base)
        if (first := _find_gap(base, pool.size, spans[base.version])) is not None:
            # As a number below 2**32 an address of IPv6 would be taken for one of IPv4.
            address = ipaddress.IPv4Address(first) if base.version == 4 else ipaddress.IPv6Address(first)
            return f"{address}/{pool.size}"
    return None


def _find_gap(base: Network, size: int, spans: Iterable[tuple[int, int]]) -> Optional[int]:
    """The first address of the first subnet that none of the spans touches. There may be 2**64 subnets.

    :param spans: first and last address of each, apart from each other and in order
    """
    length, first = 1 << (base.max_prefixlen - size), int(base.network_address)
    for low, high in spans:
        if low >= first + length:
            break
        if high >= first:
            first = (high // length + 1) * length
    return first if first + length - 1 <= int(base.broadcast_address) else None


def parse_pools(option: str, values: Optional[Sequence[Mapping[str, Any]]]) -> Optional[tuple[AddressPool, ...]]:
    """Dictionaries with ``base`` and ``size``. :raises OptionError: naming option and value"""
    if values is None:
        return None
    return tuple(_parse_pool(f"{option}[{number}]", value) for number, value in enumerate(values))


def _parse_pool(option: str, value: Mapping[str, Any]) -> AddressPool:
    base, size = value["base"], value["size"]
    found = _parse_base(f"{option}.base", base)
    longest = found.max_prefixlen - 1  # a longer one leaves no address for a container
    if not found.prefixlen <= size <= longest:
        raise OptionError(f"{option}.size", size, f"is not the prefix length of subnets of {found}",
                          f"Give one from {found.prefixlen} to {longest}" if found.prefixlen <= longest else
                          "Give a larger base")
    return AddressPool(str(found), size)


def _parse_base(option: str, value: str) -> Network:
    try:
        found = ipaddress.ip_network(value, strict=False)
    except ValueError as error:
        raise OptionError(option, value, f"is not a network ({error})", _FORM) from error
    if "%" in value:
        raise OptionError(option, value, "names an interface behind the '%'", _FORM)
    if "/" not in value:
        raise OptionError(option, value, "lacks a prefix length", _FORM)
    if found.network_address != ipaddress.ip_interface(value).ip:
        raise OptionError(option, value, "has bits set behind its prefix length", f"Give {found}")
    first = found.network_address
    if first.is_unspecified or first.is_loopback or first.is_multicast or first.is_link_local:
        raise OptionError(option, value, "has addresses that no container can have", _FORM)
    return found
