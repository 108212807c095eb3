# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ports of the host rules of others send elsewhere: Docker's, Podman's, an administrator's. Pure.

A rule stands for all packets that it may match: nobody could tell who still gets to a port of which others take a part.
What leads to a rule counts as well, since many have the port in the jump to their chain.
"""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Optional, Union

from ..ports.model import ANY_IPV4, ANY_IPV6
from .model import DESTINATION, DNAT, GOTO, JUMP, Claim, Condition, ForeignRule, Ruleset, SavedTable
from .saved import rule

_TRANSLATING = (" -j DNAT ", " -j REDIRECT", " -j NETMAP ")
_HOOK = " -j MOORING-"
_ROOTS = ("PREROUTING", "OUTPUT")
_ANY = {"ipv4": ANY_IPV4, "ipv6": ANY_IPV6}
_DEPTH = 16  # jumps on the way to a rule
# What a rule may ask and still take every packet for an address, or at an interface.
_PLAIN = {"destination", "protocol", "dsttype", "family"}


class _Path(NamedTuple):
    """What is asked on the way to a rule; whether it precedes our own rules, and whether packets from outside come."""

    conditions: tuple[Condition, ...]
    early: bool
    outside: bool


# A rule, or its line, that leads to a chain, with its own chain. For one in a chain of the kernel's, how it begins.
_Caller = tuple[str, Union[str, ForeignRule], Optional[_Path]]
_Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


def claims(tables: Mapping[tuple[str, str], SavedTable], native: Iterable[Ruleset],
           addresses: Iterable[str]) -> list[Claim]:
    """What others have claimed.

    :param addresses: those of the host: a rule for any other one takes nothing that is published on all of them
    """
    local = [ipaddress.ip_address(address) for address in addresses]
    found: dict[Claim, None] = {}
    for family in _ANY:
        if (family, "nat") in tables:
            found.update(dict.fromkeys(_in_iptables(family, tables[family, "nat"], local)))
    for ruleset in native:
        found.update(dict.fromkeys(_in_nftables(ruleset, local)))
    return list(found)


def _in_iptables(family: str, table: SavedTable, local: list[_Address]) -> Iterator[Claim]:
    translating = [(chain, number, line) for chain, lines in table.lines.items() for number, line in enumerate(lines)
                   if any(word in line for word in _TRANSLATING)]
    if not translating:
        return
    hooks = {root: next((number for number, line in enumerate(table.lines.get(root, ())) if _HOOK in line), 0)
             for root in _ROOTS}

    def start(chain: str, number: int) -> Optional[_Path]:
        return _Path((), number < hooks[chain], chain == "PREROUTING") if chain in hooks else None

    callers: dict[str, list[_Caller]] = {}
    for chain, lines in table.lines.items():
        for number, line in enumerate(lines):
            words = line[line.rfind(" -j ") + 4:] if " -j " in line else line[line.rfind(" -g ") + 4:]
            if words in table.lines:
                callers.setdefault(words, []).append((chain, line, start(chain, number)))
    known: dict[str, list[_Path]] = {}
    for chain, number, line in translating:
        yield from _claimed(callers, known, (chain, line, start(chain, number)), "nat", (family,), local)


def _in_nftables(ruleset: Ruleset, local: list[_Address]) -> Iterator[Claim]:
    starts = {base.name: _Path((), base.priority < DESTINATION, base.hook == "prerouting") for base in ruleset.bases
              if base.translates and base.hook in ("prerouting", "output")}
    places = [(chain, each) for chain, rules in ruleset.chains.items() for each in rules] if starts else []
    callers: dict[str, list[_Caller]] = {}
    for chain, each in places:
        if each.verdict in (JUMP, GOTO):
            callers.setdefault(each.target, []).append((chain, each, starts.get(chain)))
    known: dict[str, list[_Path]] = {}
    for chain, each in places:
        if each.verdict == DNAT:
            yield from _claimed(callers, known, (chain, each, starts.get(chain)), ruleset.name, ruleset.families, local)


def _claimed(callers: Mapping[str, list[_Caller]], known: dict[str, list[_Path]], place: _Caller, table: str,
             families: tuple[str, ...], local: list[_Address]) -> Iterator[Claim]:
    target = _read(place[1]).target
    for path in _ways(callers, known, place, 0):
        for family in families if not _asked(path, "family") else _asked(path, "family"):
            protocol, ports = _asked(path, "protocol"), _asked(path, "dport")
            if Condition("dsttype", ("LOCAL",), True) in path.conditions or not ports and not _whole(path):
                continue
            for address in _addresses(family, path, local):
                yield Claim(family, table, place[0], address, ports, "".join(protocol[:1]), target,
                            path.early and not ports)


def _ways(callers: Mapping[str, list[_Caller]], known: dict[str, list[_Path]], place: _Caller,
          depth: int) -> list[_Path]:
    """The ways on which packets come through a rule; none for a rule that no packet comes to."""
    chain, text, start = place
    conditions = _read(text).conditions
    if start is None and chain not in known:
        known[chain] = []
        ways = [way for caller in callers.get(chain, ()) for way in _ways(callers, known, caller, depth + 1)
                ] if depth < _DEPTH else []
        known[chain] = list(dict.fromkeys(ways))
    return [path._replace(conditions=path.conditions + conditions) for path in ([start] if start else known[chain])]


def _read(text: Union[str, ForeignRule]) -> ForeignRule:
    return rule(text) if isinstance(text, str) else text


def _asked(path: _Path, field: str) -> tuple:
    """What the last rule that asks for it asks for, empty for "everything"."""
    return next((condition.values for condition in reversed(path.conditions)
                 if condition.field == field and not condition.negated), ())


def _whole(path: _Path) -> bool:
    """Whether a rule without a port takes everything from outside that is for its address."""
    return path.outside and path.early and all(condition.field in _PLAIN and not condition.negated
                                               for condition in path.conditions)


def _addresses(family: str, path: _Path, local: list[_Address]) -> list[str]:
    ranges = _asked(path, "destination")
    if not ranges:
        return [_ANY[family]]
    version = 4 if family == "ipv4" else 6
    found = [str(address) for address in local if address.version == version
             and any(first <= int(address) <= last for first, last in ranges)]
    # All of 127.0.0.0/8 is the host's, with no address of it on any link but the first.
    return found or [str(ipaddress.ip_address(first)) for first, last in ranges
                     if version == 4 and first == last and first >> 24 == 127]
