# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules ask of a packet beside its addresses, ports and interfaces."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Grouped:
    """The interface that the packet comes in by, or goes out by, is in this group of interfaces (ip-link(8))."""

    way: Literal["in", "out"]
    group: int


@dataclass(frozen=True)
class Icmp:
    """The packet is a message of ICMP or ICMPv6, whichever the family has, of this type."""

    type: str


@dataclass(frozen=True)
class Bridged:
    """The packet is a frame between two ports of one bridge."""


@dataclass(frozen=True)
class Behind:
    """The packet comes in by this port of a bridge. The kernel knows of frames that pass iptables only."""

    port: str


@dataclass(frozen=True)
class ThroughPort:
    """It is known by which port of a bridge the packet comes in."""

    negated: bool = False


@dataclass(frozen=True)
class Replying:
    """The packet goes back to whoever has begun its connection."""


@dataclass(frozen=True)
class ReplyFrom:
    """The packet belongs to a connection that is answered from this address, or is an error about such a connection."""

    address: str


@dataclass(frozen=True)
class Unicast:
    """The packet goes to one other host: to no address of this one, to no broadcast, to no group."""


@dataclass(frozen=True)
class InSet:
    """The destination of the packet is in this set of addresses, or with its protocol and port in one of those."""

    name: str
    with_ports: bool = False
