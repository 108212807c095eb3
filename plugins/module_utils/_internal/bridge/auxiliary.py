# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of a bridge that no container gets: Docker's ``--aux-address``, Compose's ``aux_addresses``. Pure.

They are of devices on the bridge that nobody attaches here, such as a router. A mark has them as ``NAME@ADDRESS``.
"""
from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Optional

from ..core.errors import OptionError
from ..host.endpoints import Endpoint
from ..link.parse import address
from .model import Bridge

OPTION = "aux_addresses"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")


def parse_auxiliary(values: Optional[Mapping[str, str]]) -> Optional[tuple[str, ...]]:
    """Addresses by name as they stand in marks; an empty dictionary takes away what was set.

    :raises OptionError: for what is no name or no address, and for an address with two names
    """
    if values is None:
        return None
    found: dict[str, str] = {}
    for name, value in values.items():
        if not _NAME.fullmatch(name):
            raise OptionError(OPTION, name, "is not a name for an address",
                              "Use letters, digits, '_', '.' and '-', beginning with a letter, a digit or '_'")
        ip = address(f"{OPTION}.{name}", value, 6 if ":" in value else 4)
        if not ip:
            raise OptionError(f"{OPTION}.{name}", value, "is not an IP address", "Give it like 192.168.5.254")
        if ip in found:
            raise OptionError(f"{OPTION}.{name}", value, f"is the address of {found[ip]} already", "Name it once")
        found[ip] = name
    return tuple(sorted(f"{name}@{ip}" for ip, name in found.items()))


def named(bridge: Bridge) -> dict[str, str]:
    """The addresses by name, as the option has them."""
    return {name: ip for name, _at, ip in (word.partition("@") for word in bridge.aux)}


def check_auxiliary(bridge: Bridge, leases: Iterable[Endpoint]) -> None:
    """:param leases: of all bridges
    :raises OptionError: for an address outside of the bridge's subnets, and for one that somebody has
    """
    holders = {lease.ip(family): f"container {lease.container}" for lease in leases if lease.bridge == bridge.name
               for family in ("ipv4", "ipv6") if lease.ip(family)}
    holders.update({bridge.address(family).partition("/")[0]: "the bridge itself" for family in ("ipv4", "ipv6")
                    if bridge.address(family)})
    for name, ip in named(bridge).items():
        subnet = bridge.subnet("ipv6" if ":" in ip else "ipv4")
        if not subnet or ipaddress.ip_address(ip) not in ipaddress.ip_network(subnet):
            raise OptionError(f"{OPTION}.{name}", ip, f"is not in {subnet or 'a subnet of the family'}, the subnet of "
                              f"bridge {bridge.name}", "Give an address of that subnet, or leave it out")
        if ip in holders:
            raise OptionError(f"{OPTION}.{name}", ip, f"is taken by {holders[ip]}",
                              "Give another address, or leave it out")
