# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of others as values: only as much of them as says what happens to packets of published ports.

A rule has conditions. What is not understood of it is a condition as well, which a packet may meet or not: nothing is
concluded from a rule beyond what it is sure to do.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Verdicts. Everything else that a rule can do (log, mark, count) lets the packet go on to the next rule.
ACCEPT, DROP, RETURN, JUMP, GOTO, DNAT, ELSEWHERE, CONTINUE = (
    "accept", "drop", "return", "jump", "goto", "dnat", "elsewhere", "continue")

# Targets of a drop that is none in name.
TAKEN_BY_PROXY, UNTRACKED = "taken by a proxy of the host", "left untracked, hence untranslated,"

# States of connections, as the words of iptables' ``--ctstate``: the last two are those of which the host has changed
# the destination or the source.
NEW, ESTABLISHED, TRANSLATED, MASQUERADED = "NEW", "ESTABLISHED", "DNAT", "SNAT"

# Priorities of netfilter's own hooks (linux/netfilter_ipv4.h): connection tracking, translation of destinations and of
# sources.
TRACKING, DESTINATION, SOURCE = -200, -100, 100


@dataclass(frozen=True)
class Condition:
    """One thing that a rule asks of a packet.

    ``field`` and what its ``values`` are: ``iif`` and ``oif`` names of interfaces (``veth+`` for all that begin so,
    ``#3`` for an index); ``source``, ``destination``, ``sport`` and ``dport`` pairs of a first and a last number;
    ``protocol`` and ``family`` names; ``state`` the words of iptables' ``--ctstate``; ``dsttype`` those of
    ``--dst-type``. Of any other field nothing is known.
    """

    field: str
    values: tuple[Any, ...] = ()
    negated: bool = False


UNKNOWN = Condition("unknown")


@dataclass(frozen=True)
class ForeignRule:
    """A rule: what it asks, its verdict, and the chain (jump, goto) or address (dnat) that it leads to.

    A drop may say in its target what else it is than that.

    ``text`` tells the user which one it is.
    """

    conditions: tuple[Condition, ...]
    verdict: str
    target: str = ""
    text: str = ""


@dataclass(frozen=True)
class BaseChain:
    """A chain that packets come to from the kernel.

    :param hook: ``prerouting``, ``forward``, ``output`` or ``postrouting``
    :param priority: where among the chains of that hook; lower ones come first
    :param policy: ``accept`` or ``drop``
    """

    name: str
    hook: str
    priority: int
    policy: str = ACCEPT
    translates: bool = False  # of type nat: sees the first packet of a connection only


@dataclass(frozen=True)
class Ruleset:
    """The rules of others in one table. ``name`` is what the user calls it: ``mangle``, ``inet firewalld``."""

    name: str
    families: tuple[str, ...]
    bases: tuple[BaseChain, ...] = ()
    chains: Mapping[str, tuple[ForeignRule, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class SavedTable:
    """The rules of others in one table of iptables, unread: lines of iptables-save by chain, and policies."""

    lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    policies: Mapping[str, str] = field(default_factory=dict)
