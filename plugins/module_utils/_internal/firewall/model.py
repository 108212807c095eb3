# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules, chains and hooks as meaning: what they ask of a packet, what becomes of it, and what a host shows of them.

How a rule is written is for a backend to say. Each has a comment: the mark, what it stands for, a hash of its words."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, Optional, Union

from .matches import Behind, Bridged, Grouped, Icmp, InSet, ReplyFrom, Replying, ThroughPort, Unicast

# What others take from here, though it is defined beside it.
__all__ = ["Behind", "Bridged", "Grouped", "Icmp", "InSet", "ReplyFrom", "Replying", "ThroughPort", "Unicast"]

PREFIX, HOOK_COMMENT = "MOORING-", "mooring"  # only chains whose name begins so are ever flushed or deleted ...
USER, USER_NOTE = "MOORING-USER", "rules of the administrator"  # ... but this one; what leads there
USER_MADE = f"{USER_NOTE}, in a chain made here"
# How the chains begin that the ledger is read from: translated ports, ports at a container's own address, links, guard.
DOORS, OPENED, ICC, GUARD = "MOORING-", "MOORING-AT-", "MOORING-ICC-", "MOORING-OTHERS"
LISTS = "MOORING-ENTRIES-"  # and those that say what a list of destinations holds
FAMILIES, TABLES = ("ipv4", "ipv6"), ("raw", "mangle", "filter", "nat")
COMMANDS = {"ipv4": "iptables", "ipv6": "ip6tables"}  # the options of a bridge that say whether a family has rules

# Words of State. Translated is a connection of which the host has changed the destination: to a published port.
ESTABLISHED, RELATED, TRANSLATED = "established", "related", "translated"
# Types of Icmp, the same word for both families. Neighbours are asked for and found by ICMPv6 only, and by it routers
# are told who listens to what.
ECHO_REQUEST, NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT, LISTENER_REPORT = (
    "echo-request", "neighbour-solicitation", "neighbour-advertisement", "listener-report")


@dataclass(frozen=True)
class In:
    """The packet comes in by this interface."""

    interface: str
    negated: bool = False


@dataclass(frozen=True)
class Out:
    """The packet goes out by this interface."""

    interface: str
    negated: bool = False


@dataclass(frozen=True)
class Source:
    """The packet comes from this network (CIDR) or address."""

    network: str


@dataclass(frozen=True)
class Destination:
    """The packet goes to this network (CIDR) or address."""

    network: str


@dataclass(frozen=True)
class Proto:
    """The packet is of ``tcp``, ``udp`` or ``sctp``."""

    protocol: str


@dataclass(frozen=True)
class Ports:
    """The packet goes to one of these ports. A rule asks for their protocol before them."""

    first: int
    last: int


@dataclass(frozen=True)
class State:
    """The packet belongs to a connection in one of these states."""

    words: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True)
class Local:
    """The source or the destination of the packet is an address of the host."""

    end: Literal["source", "destination"]
    negated: bool = False


@dataclass(frozen=True)
class Accept:
    """The packet passes this table."""


@dataclass(frozen=True)
class Drop:
    """The packet ends here, and its sender is told nothing."""


@dataclass(frozen=True)
class Return:
    """The chain that led to this one decides."""


@dataclass(frozen=True)
class Jump:
    """Another chain is asked, and this one goes on where that one does not decide."""

    chain: str


@dataclass(frozen=True)
class Goto:
    """Another chain decides in the place of this one: where it does not, the chain that led to this one goes on."""

    chain: str


@dataclass(frozen=True)
class Masquerade:
    """The packet leaves with this address, "" for that of the interface that it leaves by."""
    address: str = ""


@dataclass(frozen=True)
class Dnat:
    """The packet goes to ``address`` instead: from port ``base`` to ``first``, from the next one to the next."""

    address: str
    first: int
    last: int
    base: int


Match = Union[In, Out, Grouped, Source, Destination, Proto, Ports, State, Local, Icmp, Bridged, Behind, ThroughPort,
              Replying, ReplyFrom, Unicast, InSet]
Verdict = Union[Accept, Drop, Return, Jump, Goto, Masquerade, Dnat]


@dataclass(frozen=True)
class Rule:
    """One rule of an own chain.

    :param matches: all of them have to be true of a packet, in the order in which they are written
    :param verdict: None for a rule that is only to be read back, and that packets pass by
    :param note: what the rule stands for, as it can be read back: ``web 0.0.0.0:8080->172.17.0.2:80/tcp``
    """

    matches: tuple[Match, ...]
    verdict: Optional[Verdict]
    note: str


class Lookup(Enum):
    """By what the one rule of many is found that concerns a packet."""

    PORT = "protocol and port"
    DESTINATION = "destination, a single address"
    IN = "interface that it comes in by"
    OUT = "interface that it goes out by"
    FROM = "network that it comes from"
    TO = "network that it goes to"
    BEHIND = "port of a bridge that it comes in by"


@dataclass(frozen=True)
class Chain:
    """An own chain.

    One with a ``lookup`` may have thousands of rules, each of which asks a packet for the same thing. A backend finds
    the right ones in its own way and does not walk them all. Those for the same port, address, interface or network
    keep their order; of all others no more than one may concern a packet, but for networks inside of one another, of
    which the smaller one comes first. Rules that do not ask for it come before, and are looked at first. With
    interfaces and networks some may come after, for what no other one has decided. ``Return`` leaves the whole chain.
    """

    name: str
    rules: tuple[Rule, ...] = ()
    lookup: Optional[Lookup] = None


@dataclass(frozen=True)
class Hook:
    """The one tagged rule in a foreign chain that leads to an own one.

    :param point: where the kernel asks: ``prerouting``, ``forward``, ``output``, ``postrouting``
    :param target: the own chain
    :param first: whether it must be the first rule there to mean anything
    :param last: whether it is appended, so that rules of others decide before it
    """

    point: str
    target: str
    matches: tuple[Match, ...] = ()
    first: bool = False
    last: bool = False


@dataclass(frozen=True)
class TableRules:
    hooks: tuple[Hook, ...] = ()
    chains: tuple[Chain, ...] = ()
    user: bool = False  # whether USER is to be there, whatever is in it


@dataclass(frozen=True)
class ObservedChain:
    """An own chain of the host: its comments in order ("" for a rule without one) and its rules as saved."""

    comments: tuple[str, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class ObservedHook:
    """A tagged rule in a foreign chain, as saved: its place (1 is the first, 0 the end), how many come after it."""

    chain: str
    line: str
    position: int
    behind: int = 0


@dataclass(frozen=True)
class ObservedTable:
    chains: Mapping[str, ObservedChain] = field(default_factory=dict)
    hooks: tuple[ObservedHook, ...] = ()
    user: Optional[tuple[str, ...]] = None  # rules in USER, and others that lead to it; None where there is none
    fault: str = ""  # why nobody can tell what is in it, which matters where something is to be there


def note_of(comment: str) -> str:
    """The note inside a comment of ours, "" when the comment is not one."""
    mark, _colon, rest = comment.partition(":")
    return rest.rpartition(" #")[0] if mark == HOOK_COMMENT else ""
