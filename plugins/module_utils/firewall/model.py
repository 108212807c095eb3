# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules, chains and hooks as values, and what a host shows of them.

Every rule of ours carries a comment: the mark, what the rule stands for in canonical form, and a short hash of the
rule as written. ``iptables-save`` rewrites rules (options move, addresses gain a prefix length), so rule text is never
compared: a chain is right when its comments are the expected ones in the expected order.
"""
from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

PREFIX = "MOORING-"  # only chains whose name begins so are ever flushed or deleted
HOOK_COMMENT = "mooring"
# How the chains begin that the ledger is read from: translated ports, ports at a container's own address, links.
DOORS, AT_ADDRESS, ICC = "MOORING-", "MOORING-AT-", "MOORING-ICC-"
FAMILIES = ("ipv4", "ipv6")
TABLES = ("raw", "filter", "nat")
COMMANDS = {"ipv4": "iptables", "ipv6": "ip6tables"}


@dataclass(frozen=True)
class Rule:
    """One rule of an own chain.

    :param args: the arguments of iptables after the chain, without the comment
    :param note: what the rule stands for, as it can be read back: ``web 0.0.0.0:8080->172.17.0.2:80/tcp``
    """

    args: tuple[str, ...]
    note: str

    @cached_property
    def comment(self) -> str:
        digest = hashlib.sha256("\0".join(self.args).encode()).hexdigest()[:6]
        return f"{HOOK_COMMENT}:{self.note} #{digest}"


@dataclass(frozen=True)
class Chain:
    name: str
    rules: tuple[Rule, ...] = ()

    @cached_property
    def comments(self) -> tuple[str, ...]:
        return tuple(rule.comment for rule in self.rules)


@dataclass(frozen=True)
class Hook:
    """The one tagged rule in a foreign chain that leads to ours.

    :param chain: the built-in chain
    :param args: matches and jump, without the comment
    :param first: whether it must be the chain's first rule to mean anything
    :param last: whether it is appended, so that rules of others decide before it
    """

    chain: str
    args: tuple[str, ...]
    first: bool = False
    last: bool = False


@dataclass(frozen=True)
class TableRules:
    """All that we want in one table of one family."""

    hooks: tuple[Hook, ...] = ()
    chains: tuple[Chain, ...] = ()


@dataclass(frozen=True)
class ObservedChain:
    """An own chain of the host: its comments in order ("" for a rule without one) and its rules as saved."""

    comments: tuple[str, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class ObservedHook:
    """A tagged rule in a foreign chain: the line as saved, and its place: 1 is the first, 0 means to be appended.

    ``behind`` is the number of rules that come after it.
    """

    chain: str
    line: str
    position: int
    behind: int = 0


@dataclass(frozen=True)
class ObservedTable:
    chains: Mapping[str, ObservedChain] = field(default_factory=dict)
    hooks: tuple[ObservedHook, ...] = ()


def note_of(comment: str) -> str:
    """The note inside a comment of ours, "" when the comment is not one."""
    if not comment.startswith(HOOK_COMMENT + ":"):
        return ""
    return comment[len(HOOK_COMMENT) + 1:].rpartition(" #")[0]


class Tables(Protocol):
    """As much of a host's state as its rules are."""

    tables: dict[tuple[str, str], ObservedTable]
