# SPDX-License-Identifier: GPL-3.0-or-later
"""Which address an endpoint gets. Pure: leases are values read from the kernel."""
from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from typing import Optional

from ..core.errors import OptionError


def reserve(subnet: str, *gateways: str) -> set[int]:
    """Addresses of a subnet that no endpoint gets: the gateways, and the network's own and its broadcast address.

    A /31 has neither of the latter (RFC 3021), nor has a /127 (RFC 6164); IPv6 has no broadcast, but its first
    address is that of the routers (RFC 4291, 2.6.1).
    """
    network = ipaddress.ip_network(subnet)
    found = {int(ipaddress.ip_interface(gateway).ip) for gateway in gateways if gateway}
    if network.prefixlen < network.max_prefixlen - 1:
        found.add(int(network.network_address))
        if network.version == 4:
            found.add(int(network.broadcast_address))
    return found


def lowest_free(subnet: str, pool: str, taken: Collection[int], avoid: Collection[int] = (),
                start: int = 0) -> Optional[str]:
    """The lowest address of ``pool`` (or of the whole subnet) that is not taken, with the subnet's prefix length.

    ``avoid`` is used only when nothing else is left: addresses that a departed container may come back to.
    ``start`` is an address below which everything is known to be taken.
    """
    network = ipaddress.ip_network(subnet)
    within = ipaddress.ip_network(pool) if pool else network
    first = max(int(within.network_address), start)
    last = int(within.broadcast_address)
    second_choice = None
    # At most as many steps as there are taken addresses, also in a /64.
    for number in range(first, min(last, first + len(taken) + len(avoid)) + 1):
        if number in taken:
            continue
        address = f"{ipaddress.ip_address(number) if network.version == 4 else ipaddress.IPv6Address(number)}"
        if number not in avoid:
            return f"{address}/{network.prefixlen}"
        second_choice = second_choice or f"{address}/{network.prefixlen}"
    return second_choice


def check_address(option: str, value: str, subnet: str, bridge: str, taken: Mapping[int, str]) -> str:
    """A requested address, with the subnet's prefix length when it came without one.

    :param taken: who holds an address, by its number
    :raises OptionError: outside of the subnet, taken, or the network's own or broadcast address
    """
    network = ipaddress.ip_network(subnet)
    address = ipaddress.ip_interface(value if "/" in value else f"{value}/{network.prefixlen}")
    if address.version != network.version or address.ip not in network:
        raise OptionError(option, value, f"is not in {subnet}, the subnet of bridge {bridge}",
                          "Give an address of that subnet, or none to have one chosen")
    if address.network.prefixlen != network.prefixlen:
        raise OptionError(option, value, f"has another prefix length than {subnet}, the subnet of bridge {bridge}",
                          f"Give {address.ip} or {address.ip}/{network.prefixlen}")
    holder = taken.get(int(address.ip))
    if holder:
        raise OptionError(option, value, f"is taken by {holder}",
                          "Give another address, or none to have one chosen")
    return str(address)
