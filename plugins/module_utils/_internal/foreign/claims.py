# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ports of the host rules of others send elsewhere: Docker's, Podman's, an administrator's. Pure.

A rule stands for all packets that it may match: nobody could tell who still gets to a port of which others take a part.
What leads to a rule counts as well, since many have the port in the jump to their chain.
"""
from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Union

from ..ports.model import ANY_IPV4, ANY_IPV6, Claim
from .model import DESTINATION, DNAT, GOTO, JUMP, Condition, ForeignRule, Ruleset, SavedTable
from .saved import addresses_of, rule

_TRANSLATING = (" -j DNAT ", " -j REDIRECT", " -j NETMAP ")
_HOOK = " -j MOORING-"
_TARGET = re.compile(r".* -[jg] (\S+)$")
_DESTINATION = re.compile(r"(?<! !) -d (\S+) ")
_ANY = {"ipv4": ANY_IPV4, "ipv6": ANY_IPV6}
_DEPTH = 16  # jumps on the way to a rule
# What a rule may ask and still take every packet for an address, or at an interface.
_PLAIN = {"destination", "protocol", "dsttype", "family"}


class _Path(NamedTuple):
    """What is asked on the way to a rule; whether it precedes our own rules, and whether packets from outside come."""

    conditions: tuple[Condition, ...]
    early: bool
    outside: bool


_Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
_Rules = Callable[[str], Iterable[tuple[int, ForeignRule]]]


def claims(tables: Mapping[tuple[str, str], SavedTable], native: Iterable[Ruleset],
           addresses: Iterable[str]) -> list[Claim]:
    """What others have claimed.

    :param addresses: those of the host: a rule for any other one takes nothing that is published on all of them
    """
    local = [ipaddress.ip_address(address) for address in addresses]
    found: dict[Claim, None] = {}
    for family in _ANY:
        if (family, "nat") in tables:
            found.update(dict.fromkeys(_in_iptables(family, tables[family, "nat"].lines, local)))
    for ruleset in native:
        found.update(dict.fromkeys(_in_nftables(ruleset, local)))
    return list(found)


def _in_iptables(family: str, lines: Mapping[str, tuple[str, ...]], local: list[_Address]) -> Iterator[Claim]:
    """Kubernetes has a rule for each of its services, at addresses that are not the host's: those are not even read."""
    if not any(word in line for each in lines.values() for line in each for word in _TRANSLATING):
        return
    known: dict[str, bool] = {}

    def concerns(line: str) -> bool:
        target = _TARGET.match(line)
        if not (target and target[1] in lines or any(word in line for word in _TRANSLATING)):
            return False
        destination = _DESTINATION.search(line)
        return not destination or is_local(destination[1])

    def is_local(destination: str) -> bool:
        if destination not in known:
            try:
                known[destination] = bool(_among(family, (addresses_of(destination),), local))
            except ValueError:  # a mask that is none of a network
                known[destination] = True
        return known[destination]

    def rules(chain: str) -> Iterable[tuple[int, ForeignRule]]:
        return ((number, rule(line)) for number, line in enumerate(lines.get(chain, ())) if concerns(line))

    for root in ("PREROUTING", "OUTPUT"):
        hook = next((number for number, line in enumerate(lines.get(root, ())) if _HOOK in line), 0)
        for chain, each, path in _descend(rules, root, _Path((), False, root == "PREROUTING"), hook, set(), 0):
            yield from _find_claimed(chain, each, path, "nat", (family,), local)


def _in_nftables(ruleset: Ruleset, local: list[_Address]) -> Iterator[Claim]:
    def rules(chain: str) -> Iterable[tuple[int, ForeignRule]]:
        return enumerate(ruleset.chains.get(chain, ()))

    for base in ruleset.bases:
        if base.translates and base.hook in ("prerouting", "output"):
            start = _Path((), base.priority < DESTINATION, base.hook == "prerouting")
            for chain, each, path in _descend(rules, base.name, start, 0, set(), 0):
                yield from _find_claimed(chain, each, path, ruleset.name, ruleset.families, local)


def _descend(rules: _Rules, chain: str, path: _Path, hook: int, seen: set[tuple[str, _Path]],
             depth: int) -> Iterator[tuple[str, ForeignRule, _Path]]:
    """Rules that translate, with their chain and the way there; those before number ``hook`` precede ours."""
    for number, each in rules(chain):
        way = path._replace(conditions=path.conditions + each.conditions, early=path.early or number < hook)
        if each.verdict == DNAT:
            yield chain, each, way
        elif each.verdict in (JUMP, GOTO) and depth < _DEPTH and (each.target, way) not in seen:
            seen.add((each.target, way))
            yield from _descend(rules, each.target, way, 0, seen, depth + 1)


def _find_claimed(chain: str, each: ForeignRule, path: _Path, table: str, families: tuple[str, ...],
                  local: list[_Address]) -> Iterator[Claim]:
    protocol, ports = _find_asked(path, "protocol"), _find_asked(path, "dport")
    if Condition("dsttype", ("LOCAL",), True) in path.conditions or not ports and not _whole(path):
        return
    for family in _find_asked(path, "family") or families:
        ranges = _find_asked(path, "destination")
        for address in _among(family, ranges, local) if ranges else [_ANY[family]]:
            yield Claim(family, table, chain, address=address, ports=ports, protocol="".join(protocol[:1]),
                        target=each.target)


def _find_asked(path: _Path, field: str) -> tuple[Any, ...]:
    """What the last rule that asks for it asks for, empty for "everything"."""
    return next((condition.values for condition in reversed(path.conditions)
                 if condition.field == field and not condition.negated), ())


def _whole(path: _Path) -> bool:
    """Whether a rule without a port takes everything from outside that is for its address."""
    return path.outside and path.early and all(condition.field in _PLAIN and not condition.negated
                                               for condition in path.conditions)


def _among(family: str, ranges: Iterable[tuple[int, int]], local: list[_Address]) -> list[str]:
    """The addresses of the host that are in one of these ranges."""
    version = 4 if family == "ipv4" else 6
    found = [str(address) for address in local if address.version == version
             and any(first <= int(address) <= last for first, last in ranges)]
    # All of 127.0.0.0/8 is the host's, with no address of it on any link but the first.
    return found or [str(ipaddress.ip_address(first)) for first, last in ranges
                     if version == 4 and first == last and first >> 24 == 127]
