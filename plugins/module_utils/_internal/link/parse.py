# SPDX-License-Identifier: GPL-3.0-or-later
"""What options say of addresses, networks, MTU, MAC addresses and routes, as values. Pure."""
from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any, Optional, Union

from ..core.errors import OptionError
from ..core.names import without_zone
from ..core.networks import is_within
from .model import Route
from .reach import require_usable, unusable

MTU_RANGE = (68, 65535)  # RFC 791 and the largest IP packet; what a bridge accepts


def network(option: str, value: Optional[str], version: int) -> Optional[str]:
    """A network in canonical form; an empty text takes away what was set."""
    if not value:
        return value
    example = "192.168.5.128/25" if version == 4 else "2001:db8:1::/64"
    without_zone(option, value, example)
    try:
        found = ipaddress.ip_network(value)
    except ValueError as error:
        raise OptionError(option, value, f"is not a network ({error})", f"Give it like {example}") from error
    if found.version != version:
        raise OptionError(option, value, f"is not an IPv{version} network", f"Give it like {example}")
    return str(found)


def address(option: str, value: Optional[str], version: int) -> Optional[str]:
    """An address without a prefix length, in canonical form; an empty text takes away what was set."""
    if not value:
        return value
    example = "192.168.5.254" if version == 4 else "2001:db8:1::fe"
    without_zone(option, value, example)
    try:
        found = ipaddress.ip_address(value)
    except ValueError as error:
        raise OptionError(option, value, "is not an IP address", f"Give it like {example}") from error
    if found.version != version:
        raise OptionError(option, value, f"is not an IPv{version} address", f"Give it like {example}")
    require_usable(option, value, example)
    return str(found)


def inside(option: str, value: Optional[str], bip: Optional[str]) -> Optional[str]:
    """``value`` when it lies in the subnet of ``bip``, or when that is not known yet."""
    if not value or bip is None:
        return value
    subnet = ipaddress.ip_interface(bip).network
    inner = ipaddress.ip_network(value)
    if not is_within(inner, subnet):
        raise OptionError(option, value, f"is not inside {subnet}, the subnet of the bridge",
                          f"Give a part of {subnet}")
    return value


def parse_mtu(option: str, value: Union[str, int, None]) -> Union[int, str, None]:
    """Bytes, or "auto"."""
    if value in (None, "", "auto"):
        return value or None
    if not re.fullmatch(r"[0-9]{1,6}", str(value)) or not MTU_RANGE[0] <= int(value) <= MTU_RANGE[1]:
        raise OptionError(option, value, "is not an MTU",
                          f"Give bytes from {MTU_RANGE[0]} to {MTU_RANGE[1]}, or auto")
    return int(value)


def mac(option: str, value: Optional[str]) -> Optional[str]:
    """A unicast MAC address in the kernel's form."""
    if not value:
        return None
    text = value.lower().replace("-", ":")
    if not re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", text):
        raise OptionError(option, value, "is not a MAC address", "Give six bytes, like 02:42:ac:11:00:02")
    if int(text[:2], 16) & 1 or text == "00:00:00:00:00:00":
        raise OptionError(option, value, "is not the address of a single interface",
                          "Give one whose first byte is even, like 02:42:ac:11:00:02")
    return text


def parse_routes(option: str, values: Optional[list[Mapping[str, Any]]], interface: str) -> Optional[tuple[Route, ...]]:
    """Routes through ``interface``: dictionaries with ``destination`` (a network or "default") and ``gateway``."""
    if values is None:
        return None
    found: list[Route] = []
    for value in values:
        destination, gateway = value.get("destination") or "", value.get("gateway") or ""
        try:
            versions = set()
            if destination != "default":
                network = ipaddress.ip_network(destination)
                destination = str(network) if network.prefixlen else "default"
                versions.add(network.version)
            if gateway:
                address = ipaddress.ip_address(gateway)
                gateway = str(address)
                versions.add(address.version)
                if problem := unusable(address):
                    raise ValueError(f"the gateway {problem}")
            if len(versions) > 1:
                raise ValueError("destination and gateway are of different families")
        except ValueError as error:
            raise OptionError(option, value, f"is not a route ({error})",
                              "Give destination: a network or default, and gateway: an address") from error
        route = Route(destination, interface, gateway, "ipv6" if versions == {6} else "ipv4")
        if any((route.destination, route.family) == (other.destination, other.family) for other in found):
            raise OptionError(option, value, f"is the second route to {destination}", "Give one of them")
        found.append(route)
    return tuple(found)
