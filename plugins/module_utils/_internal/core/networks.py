# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of both families."""
from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Union

Network = Union[IPv4Network, IPv6Network]


def is_within(network: Network, other: Network) -> bool:
    """Whether all of a network lies in another one, which it never does in one of the other family."""
    if isinstance(network, IPv4Network):
        return isinstance(other, IPv4Network) and network.subnet_of(other)
    return isinstance(other, IPv6Network) and network.subnet_of(other)
