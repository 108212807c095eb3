# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules of others are sure to do with a packet. Pure.

A condition is met, is not met, or may be met by some packets of the kind that is asked about. An obstacle is found only
where all of them are dropped: a rule that may accept some of them before is the end of all certainty.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .model import ACCEPT, DROP, ELSEWHERE, GOTO, JUMP, RETURN, BaseChain, Condition, ForeignRule, Ruleset


@dataclass(frozen=True)
class Packet:
    """The first packet of a connection, at one place on its way.

    ``iif`` and ``oif`` are the names of an interface, with its index as ``#3``; empty for "none". Addresses and ports
    are pairs of a first and a last number, None for "any". ``states`` are those of connection tracking, None before it.
    """

    family: str
    protocol: str
    iif: tuple[str, ...] = ()
    oif: tuple[str, ...] = ()
    source: Optional[tuple[int, int]] = None
    destination: Optional[tuple[int, int]] = None
    dport: Optional[tuple[int, int]] = None
    states: Optional[frozenset[str]] = frozenset({"NEW"})
    local: Optional[bool] = None  # whether it is addressed to the host itself


def obstacle(ruleset: Ruleset, base: BaseChain, packet: Packet) -> Optional[tuple[str, Optional[ForeignRule]]]:
    """Chain and rule that drop all such packets, None for the rule when it is the policy; None where some may pass."""
    verdict, where, rule, doubt = _walk(ruleset, base.name, packet, {})
    if doubt or verdict == ACCEPT:
        return None
    if verdict == DROP:
        return where, rule
    return (base.name, None) if base.policy == DROP else None


def meets(rule: ForeignRule, packet: Packet) -> Optional[bool]:
    """Whether the packet meets all conditions; None: it may."""
    result: Optional[bool] = True
    for condition in rule.conditions:
        met = _met(condition, packet)
        if met is False:
            return False
        result = result if met else None
    return result


_Outcome = tuple[str, str, Optional[ForeignRule], bool]


def _walk(ruleset: Ruleset, chain: str, packet: Packet, known: dict[str, _Outcome]) -> _Outcome:
    """Verdict (RETURN at the end), chain and rule of a drop, and whether some packets may have left before."""
    if chain not in known:
        known[chain] = (RETURN, chain, None, True)  # whoever jumps in a circle learns nothing; the kernel refuses it
        known[chain] = _outcome(ruleset, chain, packet, known)
    return known[chain]


def _outcome(ruleset: Ruleset, chain: str, packet: Packet, known: dict[str, _Outcome]) -> _Outcome:
    doubt = False
    for rule in ruleset.chains.get(chain, ()):
        met = meets(rule, packet)
        if met is False:
            continue
        verdict, where = rule.verdict, chain
        culprit: Optional[ForeignRule] = rule
        if verdict in (JUMP, GOTO):
            verdict, where, culprit, doubtful = _walk(ruleset, rule.target, packet, known)
            doubt = doubt or doubtful
            if verdict == RETURN and rule.verdict == JUMP:
                continue
        if met and verdict in (ACCEPT, DROP, RETURN, ELSEWHERE):
            return (ACCEPT if verdict == ELSEWHERE else verdict), where, culprit, doubt
        doubt = doubt or verdict in (ACCEPT, RETURN, ELSEWHERE)
    return RETURN, chain, None, doubt


def _met(condition: Condition, packet: Packet) -> Optional[bool]:
    met = _TESTS.get(condition.field, _unknown)(condition, packet)
    return met if met is None or not condition.negated else not met


def _unknown(_condition: Condition, _packet: Packet) -> Optional[bool]:
    return None


def _named(names: tuple[str, ...], condition: Condition) -> bool:
    return any(name == value or (value.endswith("+") and name.startswith(value[:-1]))
               for value in condition.values for name in names)


def _within(wanted: Optional[tuple[int, int]], condition: Condition) -> Optional[bool]:
    if wanted is None:
        return None
    if any(first <= wanted[0] and wanted[1] <= last for first, last in condition.values):
        return True
    return None if any(first <= wanted[1] and wanted[0] <= last for first, last in condition.values) else False


def _stated(condition: Condition, packet: Packet) -> Optional[bool]:
    return None if packet.states is None else bool(packet.states & set(condition.values))


def _typed(condition: Condition, packet: Packet) -> Optional[bool]:
    return packet.local if condition.values == ("LOCAL",) else None


_TESTS = {
    "iif": lambda condition, packet: _named(packet.iif, condition),
    "oif": lambda condition, packet: _named(packet.oif, condition),
    "source": lambda condition, packet: _within(packet.source, condition),
    "destination": lambda condition, packet: _within(packet.destination, condition),
    "dport": lambda condition, packet: _within(packet.dport, condition),
    "protocol": lambda condition, packet: packet.protocol in condition.values or "all" in condition.values,
    "family": lambda condition, packet: packet.family in condition.values,
    "state": _stated,
    "dsttype": _typed,
}
