# SPDX-License-Identifier: GPL-3.0-or-later
"""An endpoint between the choice of its addresses and its making."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Optional

from ..core.errors import MooringError
from ..core.names import mac_of
from ..host.draft import Draft
from ..host.endpoints import FROM_IP, Endpoint
from ..link.model import Link
from .adopt import GivenPair
from .leading import Made
from .model import LocatedEndpoint

BRIDGE_PORTS = 1023  # BR_MAX_PORTS of the kernel, less the number that it keeps for none


class Kept(NamedTuple):
    """An endpoint that stays, with the container's end of it."""

    lease: Endpoint
    inner: Link


class Reserved(NamedTuple):
    """An endpoint that has its addresses, and that is to be made.

    :param lease: as it will be; its link is the host's end
    """

    made: Made
    lease: Endpoint
    kept: Optional[Kept]
    given: Optional[GivenPair]


def choose_mac(item: LocatedEndpoint, addresses: Mapping[str, str], kept: Optional[Kept]) -> str:
    """Where the MAC address comes from, see :class:`Endpoint`. Leases from before this was written down lack it."""
    if item.mac_address or (kept and kept.lease.mac):
        return item.mac_address or (kept.lease.mac if kept else "")
    if kept is None:
        return FROM_IP if addresses["ipv4"] else ""
    address = kept.lease.ip("ipv4")
    return FROM_IP if address and kept.inner.mac == mac_of(address) else ""


def require_ports(draft: Draft, bridges: Iterable[str]) -> None:
    """:raises MooringError: where the kernel would refuse the 1024th port of a bridge half way through"""
    for name in bridges:
        ports = len(draft.state.host.ports_of(name))
        if ports > BRIDGE_PORTS:
            raise MooringError(f"bridge {name} would have {ports} ports, and the kernel allows {BRIDGE_PORTS}: "
                               "spread the containers over several bridges")
