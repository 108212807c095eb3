# SPDX-License-Identifier: GPL-3.0-or-later
"""A difference between two values of a host, before it is known which operations bring it about."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

# What an operation works on: kind, path of the namespace, name of the interface or of what else it is.
Key = tuple[str, str, str]
LINK, ADDRESS, ROUTE, SETTING, NEIGHBOUR, NETNS, FOLLOWING = (
    "link", "address", "route", "setting", "neighbour", "netns", "following")


class Rank(IntEnum):
    """The order in which people are told: who leaves, what is made, who is let in, and what else follows from that."""

    CLOSE, LEAVE, GONE, NAMESPACE, BRIDGE, ATTACH, SET, OPEN, NAME, HOST, REPAIR, SAVE = range(12)


@dataclass(frozen=True)
class Fact:
    """What differs, as a sentence, and as lines of the diff.

    :param keys: of the operations that bring it about
    :param rules: whether rules, and connections that they have let through, follow from it
    """

    rank: Rank
    text: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ()
    rules: bool = False


def joined(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
