# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of others out of the lines of iptables-save(8). Pure.

Matches are those of iptables-extensions(8). A host may have ten thousand such rules: they are split here one by one,
and only where somebody asks for their chain.
"""
from __future__ import annotations

import functools
import ipaddress
import re
import shlex
from collections.abc import Iterable, Mapping

from .model import (
    ACCEPT,
    CONTINUE,
    DNAT,
    DROP,
    ELSEWHERE,
    GOTO,
    JUMP,
    RETURN,
    TAKEN_BY_PROXY,
    UNKNOWN,
    UNTRACKED,
    BaseChain,
    Condition,
    ForeignRule,
    Ruleset,
    SavedTable,
)

_VERDICTS = {"ACCEPT": ACCEPT, "DROP": DROP, "REJECT": DROP, "RETURN": RETURN, "DNAT": DNAT, "REDIRECT": DNAT,
             "NETMAP": DNAT, "QUEUE": ELSEWHERE, "NFQUEUE": ELSEWHERE}
# Neither drops the packet; all the same it never gets to the container.
_TAKING = {"TPROXY": TAKEN_BY_PROXY, "NOTRACK": UNTRACKED}
_FIELDS = {"-i": "iif", "-o": "oif", "-s": "source", "-d": "destination", "-p": "protocol", "--dport": "dport",
           "--dports": "dport", "--sport": "sport", "--sports": "sport", "--ctstate": "state", "--state": "state",
           "--dst-type": "dsttype", "--dst-range": "destination", "--src-range": "source"}
_COMMENT = re.compile(r' --comment (?:"(?:[^"\\]|\\.)*"|\S+)')  # half of all rules have one; shlex is slow
_SILENT = {"-m": 1, "--comment": 1}  # ask nothing themselves; the number of words that follow
# The chains that packets of a container's ports pass, with hook and priority (linux/netfilter_ipv4.h). FORWARD of the
# filter table is not among them: our own rule is the first there, and what it accepts is done.
_BASES = {
    "raw": (("PREROUTING", "prerouting", -300), ("OUTPUT", "output", -300)),
    "mangle": (("PREROUTING", "prerouting", -150), ("FORWARD", "forward", -150), ("OUTPUT", "output", -150),
               ("POSTROUTING", "postrouting", -150)),
    "filter": (("OUTPUT", "output", 0),),
    "security": (("FORWARD", "forward", 50), ("OUTPUT", "output", 50)),
}


def rulesets(tables: Mapping[tuple[str, str], SavedTable]) -> list[Ruleset]:
    """What stands in the way of packets: the chains that can drop one, with those that they lead to."""
    found = []
    for (family, name), table in tables.items():
        bases = tuple(BaseChain(chain, hook, priority, table.policies.get(chain, ACCEPT))
                      for chain, hook, priority in _BASES.get(name, ())
                      if table.policies.get(chain) == DROP or table.lines.get(chain))
        if bases:
            found.append(Ruleset(name, (family,), bases, chains(table, (base.name for base in bases))))
    return found


def chains(table: SavedTable, first: Iterable[str]) -> dict[str, tuple[ForeignRule, ...]]:
    """The chains of these names and all that they lead to."""
    found: dict[str, tuple[ForeignRule, ...]] = {}
    waiting = list(first)
    while waiting:
        name = waiting.pop()
        if name not in found and name in table.lines:
            found[name] = tuple(map(rule, table.lines[name]))
            waiting += [each.target for each in found[name] if each.verdict in (JUMP, GOTO)]
    return found


@functools.lru_cache(maxsize=65536)
def rule(line: str) -> ForeignRule:
    """A line ``-A CHAIN ...``; a target that is no verdict is taken to be a chain."""
    try:
        return _rule(line)
    except (ValueError, IndexError):
        return ForeignRule((UNKNOWN,), ELSEWHERE, "", line)


def _rule(line: str) -> ForeignRule:
    """:raises ValueError: and IndexError, for what iptables-save does not write"""
    plain = _COMMENT.sub("", line)
    words = plain.split(" ") if '"' not in plain else shlex.split(line)
    conditions: list[Condition] = []
    position, negated = 2, False
    while position < len(words):
        word = words[position]
        position += 1
        if word in ("-j", "-g"):
            verdict, target = _verdict(words[position:], GOTO if word == "-g" else JUMP)
            return ForeignRule(tuple(conditions), verdict, target, line.split(" ", 2)[2])
        if word == "!":
            negated = True
            continue
        if word in _SILENT:
            position += _SILENT[word]
            continue
        start = position
        while position < len(words) and words[position][:1] not in ("-", "!"):
            position += 1
        conditions.append(_condition(word, words[start:position], negated))
        negated = False
    return ForeignRule(tuple(conditions), CONTINUE)


def _verdict(words: list[str], jump: str) -> tuple[str, str]:
    name, options = words[0], words[1:]
    if name in _TAKING or options == ["--notrack"]:
        return DROP, _TAKING.get(name, UNTRACKED)
    verdict = _VERDICTS.get(name)
    if verdict == DNAT:
        target = next((value for option, value in zip(options, options[1:])
                       if option in ("--to-destination", "--to-ports", "--to")), "")
        return DNAT, f"port {target}" if name == "REDIRECT" and target else target or "the host itself"
    # With options it is an extension like LOG or MARK; without any, a chain or something like TRACE that leads nowhere.
    return (verdict, "") if verdict else (jump, name) if not options else (CONTINUE, "")


def _condition(option: str, values: list[str], negated: bool) -> Condition:
    name = _FIELDS.get(option)
    if name is None or len(values) != 1:
        return UNKNOWN
    try:
        return Condition(name, _values(name, values[0]), negated)
    except ValueError:
        return UNKNOWN


def _values(name: str, text: str) -> tuple[object, ...]:
    if name in ("source", "destination"):
        return (addresses_of(text),)
    if name in ("sport", "dport"):
        return tuple(_ports(part) for part in text.split(","))
    return tuple(text.split(","))


@functools.lru_cache(maxsize=4096)
def addresses_of(text: str) -> tuple[int, int]:
    """First and last address, as numbers. :raises ValueError: for a mask that is none of a network"""
    first, dash, last = text.partition("-")
    if dash:
        return int(ipaddress.ip_address(first)), int(ipaddress.ip_address(last))
    network = ipaddress.ip_network(text)
    return int(network.network_address), int(network.broadcast_address)


def _ports(text: str) -> tuple[int, int]:
    first, colon, last = text.partition(":")
    return int(first or 0), int(last or 65535) if colon else int(first)
