# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains that are looked up by interface, port or network, as search trees: a packet walks few rules of how many ever.

An interface is found by the beginning of its name (``-i br1+``), a network by the network around it: both are the
beginning of a text, of a name or of the bits of an address. A chain with more rules than fit a leaf is cut at the
beginning that comes closest to one half of them, and each part again. So the addresses of N networks take about log2(N)
steps, whatever they are. Names take what their beginnings allow: a packet walks at most one rule for each character
that may come next, of which there are 65.

What leads from one chain of a tree to the next is a goto, never a jump: a rule that returns leaves the tree, and what
stands behind all rules that are looked up stands at the end of each chain of the tree.
"""
from __future__ import annotations

import bisect
import functools
import hashlib
import ipaddress
from collections.abc import Callable, Sequence
from typing import NamedTuple, Optional

from ...core.names import CHAIN_LENGTH
from ..model import PREFIX, Behind, Chain, Destination, Goto, In, Lookup, Match, Out, Rule, Source

LEAF = 8  # rules that a packet may walk one after the other: with nftables a goto costs as much as a few of them
_FEWEST = 3  # rules that are worth a chain of their own
_END = "\0"  # behind a whole name: no other one begins with it


class _Entry(NamedTuple):
    key: str
    rule: Rule


def search_tree(chain: Chain) -> list[Chain]:
    """The tree in the place of a chain that is looked up by interface or network, its top first; others as they are.

    :raises ValueError: for a rule among those that are looked up which does not ask for it
    """
    if chain.lookup is None or chain.lookup not in _KEYS:
        return [chain]
    keys = [_KEYS[chain.lookup](rule) for rule in chain.rules]
    asking = [place for place, key in enumerate(keys) if key is not None]
    first, end = (asking[0], asking[-1] + 1) if asking else (len(keys), len(keys))
    entries = [_Entry(key, rule) for key, rule in zip(keys[first:end], chain.rules[first:end]) if key is not None]
    if len(entries) != end - first:
        raise ValueError(f"a rule of {chain.name} asks for no {chain.lookup.value} between others that do")
    rules, below = _Tree(chain).grow(entries, chain.rules[end:])
    return [Chain(chain.name, (*chain.rules[:first], *rules)), *below]


class _Tree:
    """The tree of one chain."""

    def __init__(self, chain: Chain) -> None:
        self._name, self._lookup = chain.name, chain.lookup
        self._version = 6 if any(":" in text for rule in chain.rules for text in _networks(rule)) else 4

    def grow(self, entries: Sequence[_Entry], rest: tuple[Rule, ...]) -> tuple[list[Rule], list[Chain]]:
        """The rules of the top and the chains below it. What has nothing to do with any of them sees that at once."""
        common = _common([entry.key for entry in entries])
        if len(entries) > LEAF and common:
            goto, below = self._cut(common, entries, rest)
            return [goto, *rest], below
        return self._node(entries, rest)

    def _node(self, entries: Sequence[_Entry], rest: tuple[Rule, ...]) -> tuple[list[Rule], list[Chain]]:
        rules: list[Rule] = []
        below: list[Chain] = []
        while len(entries) > LEAF and (prefix := _split([entry.key for entry in entries])):
            around = tuple(entry.rule for entry in entries if entry.key != prefix and prefix.startswith(entry.key))
            goto, chains = self._cut(prefix, [entry for entry in entries if entry.key.startswith(prefix)],
                                     (*around, *rest))
            rules.append(goto)
            below += chains
            entries = [entry for entry in entries if not entry.key.startswith(prefix)]
        return [*rules, *(entry.rule for entry in entries), *rest], below

    def _cut(self, prefix: str, entries: Sequence[_Entry], rest: tuple[Rule, ...]) -> tuple[Rule, list[Chain]]:
        """What leads to the chain of these entries, and that chain with all below it."""
        rules, below = self._node(entries, rest)
        match, text = self._match(prefix)
        name = f"{self._name}-{text}"
        if len(name) > CHAIN_LENGTH:  # such as with an IPv6 address. No bridge has a '+' in its name
            name = f"{PREFIX}{hashlib.sha256(name.encode()).hexdigest()[:16]}+"
        return Rule((match,), Goto(name), text), [Chain(name, tuple(rules)), *below]

    def _match(self, prefix: str) -> tuple[Match, str]:
        """What asks for a beginning, and its text."""
        if self._lookup in _BY_NAME:
            text = prefix[:-1] if prefix.endswith(_END) else f"{prefix}+"
            return _BY_NAME[self._lookup](text), text
        bits = 32 if self._version == 4 else 128
        number = int(prefix.ljust(bits, "0"), 2)
        network = (ipaddress.IPv4Network if bits == 32 else ipaddress.IPv6Network)((number, len(prefix)))
        return (Source if self._lookup is Lookup.FROM else Destination)(str(network)), str(network)


def _split(keys: Sequence[str]) -> str:
    """The beginning that comes closest to one half of the keys, "" when none is worth a chain of its own."""
    found, best = "", 0
    ordered = sorted(keys)
    for prefix in sorted({_common(pair) for pair in zip(ordered, ordered[1:])}):
        inside = bisect.bisect_left(ordered, prefix + "\x7f") - bisect.bisect_left(ordered, prefix)
        if _FEWEST <= inside and min(inside, len(keys) - inside) > best:
            found, best = prefix, min(inside, len(keys) - inside)
    return found


def _common(keys: Sequence[str]) -> str:
    """The longest text that all of the keys begin with."""
    low, high = min(keys, default=""), max(keys, default="")
    length = next((place for place, pair in enumerate(zip(low, high)) if pair[0] != pair[1]), min(len(low), len(high)))
    return low[:length]


# -- keys -------------------------------------------------------------------------------------------------------------

def _networks(rule: Rule) -> list[str]:
    return [match.network for match in rule.matches if isinstance(match, (Source, Destination))]


def _name_in(rule: Rule) -> Optional[str]:
    return next((match.interface + _END for match in rule.matches if isinstance(match, In) and not match.negated), None)


def _name_out(rule: Rule) -> Optional[str]:
    return next((match.interface + _END for match in rule.matches if isinstance(match, Out) and not match.negated),
                None)


def _name_behind(rule: Rule) -> Optional[str]:
    return next((match.port + _END for match in rule.matches if isinstance(match, Behind)), None)


def _bits_from(rule: Rule) -> Optional[str]:
    return next((_bits(match.network) for match in rule.matches if isinstance(match, Source)), None)


def _bits_to(rule: Rule) -> Optional[str]:
    return next((_bits(match.network) for match in rule.matches if isinstance(match, Destination)), None)


@functools.lru_cache(maxsize=4096)
def _bits(network: str) -> str:
    """The bits of a network's addresses that are the same in all of them."""
    found = ipaddress.ip_network(network)
    return f"{int(found.network_address):0{found.max_prefixlen}b}"[:found.prefixlen]


_KEYS: dict[Lookup, Callable[[Rule], Optional[str]]] = {
    Lookup.IN: _name_in, Lookup.OUT: _name_out, Lookup.BEHIND: _name_behind, Lookup.FROM: _bits_from,
    Lookup.TO: _bits_to}
_BY_NAME: dict[Lookup, Callable[[str], Match]] = {Lookup.IN: In, Lookup.OUT: Out, Lookup.BEHIND: Behind}
