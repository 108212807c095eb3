# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule of nftables asks and does. Pure.

The kernel keeps a rule as a little program over registers: a field of the packet is loaded, masked, and compared with a
constant or looked up in a set. What is not among the fields of :class:`.model.Condition` is left as unknown. Layouts
and numbers: linux/netfilter/nf_tables.h.
"""
from __future__ import annotations

import ipaddress
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Optional

from ..link.decode import attributes
from .model import ACCEPT, CONTINUE, DNAT, DROP, ELSEWHERE, GOTO, JUMP, RETURN, UNKNOWN, UNTRACKED, Condition

_VERDICTS = {0: DROP, 1: ACCEPT, 3: ELSEWHERE, -3: JUMP, -4: GOTO, -5: RETURN}
_PASSING = {"counter", "log", "ct_helper"}  # expressions that neither ask nor decide anything
_ENDING = {"reject": (DROP, ""), "queue": (ELSEWHERE, ""), "redir": (DNAT, "a port of the host itself"),
           "masq": (ACCEPT, ""), "notrack": (DROP, UNTRACKED)}
_META = {4: "#iif", 5: "#oif", 6: "iif", 7: "oif", 15: "family", 16: "protocol"}
_PAYLOAD = {(1, 12, 4): "source", (1, 16, 4): "destination", (1, 8, 16): "source", (1, 24, 16): "destination",
            (1, 9, 1): "protocol", (1, 6, 1): "protocol", (2, 0, 2): "sport", (2, 2, 2): "dport"}
_PROTOCOLS = {6: "tcp", 17: "udp", 132: "sctp", 1: "icmp", 58: "ipv6-icmp"}
_NETWORKS = {2: "ipv4", 10: "ipv6"}
_STATES = {1: "INVALID", 2: "ESTABLISHED", 4: "RELATED", 8: "NEW", 64: "UNTRACKED"}
_STATUSES = {16: "SNAT", 32: "DNAT"}
_ORDER = sys.byteorder  # of what the kernel keeps for itself, such as states
_RANGES = ("source", "destination", "sport", "dport")


@dataclass(frozen=True)
class SetOf:
    """A set or a map: elements as (first, last, rule it leads to), None when it cannot be known what is in it."""

    elements: Optional[tuple[tuple[bytes, bytes, Optional[tuple[str, str]]], ...]]


@dataclass
class _Register:
    """A field of the packet in a register: "" for one that is not known, and the mask that was laid over it."""

    field: str = ""
    mask: bytes = b""
    value: bytes = b""  # of a constant


@dataclass
class Program:
    """A rule, expression by expression."""

    sets: Mapping[str, SetOf]
    conditions: list[Condition] = field(default_factory=list)
    ends: list[tuple[tuple[Condition, ...], str, str]] = field(default_factory=list)
    registers: dict[int, _Register] = field(default_factory=dict)

    def step(self, name: str, words: Mapping[int, bytes]) -> None:
        """Take in the next expression. One of another shape than those of today may do anything."""
        try:
            self._step(name, words)
        except (ValueError, LookupError):
            self._unknown()
            self._end(ELSEWHERE)

    def _step(self, name: str, words: Mapping[int, bytes]) -> None:
        known = _KNOWN.get(name)
        if known is not None:
            known(self, words)
        elif name in _ENDING:
            self._end(*_ENDING[name])
        elif name not in _PASSING:
            self._unknown()

    def _unknown(self) -> None:
        self.conditions.append(UNKNOWN)
        self.registers.clear()

    def _end(self, verdict: str, target: str = "", *conditions: Condition) -> None:
        self.ends.append((conditions, verdict, target))

    def _meta(self, words: Mapping[int, bytes]) -> None:
        if 1 in words:
            self.registers[number(words[1])] = _Register(_META.get(number(words.get(2), 255), ""))

    def _payload(self, words: Mapping[int, bytes]) -> None:
        place = number(words.get(2)), number(words.get(3)), number(words.get(4))
        self.registers[number(words.get(1))] = _Register(_PAYLOAD.get(place, _prefix(place)))

    def _ct(self, words: Mapping[int, bytes]) -> None:
        if 1 in words:
            self.registers[number(words[1])] = _Register({0: "state", 2: "status"}.get(number(words.get(2), 255), ""))

    def _bitwise(self, words: Mapping[int, bytes]) -> None:
        source = self.registers.get(number(words.get(1)), _Register())
        mask, toggled = (attributes(words.get(kind, b"")).get(1, b"") for kind in (4, 5))
        known = source.field if not any(toggled) and not source.mask and mask else ""
        self.registers[number(words.get(2))] = _Register(known, mask)

    def _cmp(self, words: Mapping[int, bytes]) -> None:
        source = self.registers.get(number(words.get(1)), _Register())
        value = attributes(words.get(3, b"")).get(1, b"")
        condition = _compared(source, number(words.get(2)), value)
        before = self.conditions[-1] if self.conditions else UNKNOWN
        if before.field == condition.field and condition.field in _RANGES and not (before.negated or condition.negated):
            # An interval is written as "not below" and "not above".
            (first, last), (low, high) = before.values[0], condition.values[0]
            self.conditions[-1] = Condition(condition.field, ((max(first, low), min(last, high)),))
        else:
            self.conditions.append(condition)

    def _range(self, words: Mapping[int, bytes]) -> None:
        source = self.registers.get(number(words.get(1)), _Register())
        first, last = (attributes(words.get(kind, b"")).get(1, b"") for kind in (3, 4))
        self.conditions.append(_listed(source, ((first, last),), bool(number(words.get(2)))))

    def _lookup(self, words: Mapping[int, bytes]) -> None:
        source = self.registers.get(number(words.get(2)), _Register())
        elements = self.sets.get(text(words.get(1)), SetOf(None)).elements
        if 3 not in words:
            self.conditions.append(UNKNOWN if elements is None else _listed(
                source, tuple(element[:2] for element in elements), bool(number(words.get(5)) & 1)))
        elif number(words[3]) == 0 and elements is not None:  # a map of verdicts
            for first, last, end in elements:
                self._end(*(end or (ELSEWHERE, "")), _listed(source, ((first, last),), False))
        else:
            self.registers[number(words[3])] = _Register()
            self.conditions.append(UNKNOWN)
            if number(words[3]) == 0:
                self._end(ELSEWHERE)

    def _immediate(self, words: Mapping[int, bytes]) -> None:
        if number(words.get(1)) == 0:
            self._end(*verdict(words.get(2, b"")))
        else:
            self.registers[number(words[1])] = _Register(value=attributes(words.get(2, b"")).get(1, b""))

    def _nat(self, words: Mapping[int, bytes]) -> None:
        if number(words.get(1)) != 1:  # NFT_NAT_DNAT
            return self._end(ACCEPT)
        address = self.registers.get(number(words.get(3), 255), _Register()).value
        port = self.registers.get(number(words.get(5), 255), _Register()).value
        where = _address(address) if address else "another address"
        self.conditions += [Condition("family", (_NETWORKS[family],)) for family in (number(words.get(2)),)
                            if family in _NETWORKS]
        return self._end(DNAT, f"{where}:{int.from_bytes(port[:2], 'big')}" if port else where)


_KNOWN = {name: getattr(Program, f"_{name}") for name in (
    "meta", "payload", "ct", "bitwise", "cmp", "range", "lookup", "immediate", "nat")}


def verdict(data: bytes) -> tuple[str, str]:
    words = attributes(attributes(data).get(2, b""))
    code = int.from_bytes(words.get(1, b""), "big", signed=True)
    return _VERDICTS.get(code, CONTINUE), text(words.get(2))


def _compared(source: _Register, operator: int, value: bytes) -> Condition:
    """NFT_CMP_EQ, NEQ, LT, LTE, GT, GTE"""
    if source.field in ("state", "status") and source.mask and not any(value):
        # "(state & mask) != 0" is how the kernel says "one of these"
        return _bits(source.field, source.mask, operator == 0) if operator in (0, 1) else UNKNOWN
    if operator in (0, 1):
        return _listed(source, ((value, value),), operator == 1)
    if source.field not in _RANGES or source.mask:
        return UNKNOWN
    limit, highest = int.from_bytes(value, "big"), (1 << 8 * len(value)) - 1
    return Condition(source.field, ({2: (0, limit - 1), 3: (0, limit), 4: (limit + 1, highest),
                                     5: (limit, highest)}[operator],))


def _bits(kind: str, mask: bytes, negated: bool) -> Condition:
    names = _STATES if kind == "state" else _STATUSES
    wanted = int.from_bytes(mask, _ORDER)
    known = tuple(name for bit, name in names.items() if wanted & bit)
    return Condition("state", known, negated) if sum(bit for bit in names if wanted & bit) == wanted else UNKNOWN


def _listed(source: _Register, pairs: tuple[tuple[bytes, bytes], ...], negated: bool) -> Condition:
    """The field is within one of these intervals."""
    kind, size = source.field.partition("/")[::2]
    if kind in _RANGES:
        intervals = [_masked(first, last, source.mask, int(size or 0)) for first, last in pairs]
        return Condition(kind, tuple(intervals), negated) if None not in intervals else UNKNOWN
    if source.mask or any(first != last for first, last in pairs):
        return UNKNOWN
    readers: dict[str, Callable[[bytes], str]] = {
        "iif": _interface, "oif": _interface, "#iif": _index, "#oif": _index, "state": _state,
        "family": lambda value: _NETWORKS.get(value[0], ""),
        "protocol": lambda value: _PROTOCOLS.get(value[0], str(value[0]))}
    read = readers.get(kind)
    values = [read(first) for first, _last in pairs] if read else [""]
    return Condition(kind.lstrip("#"), tuple(values), negated) if all(values) else UNKNOWN


def _masked(first: bytes, last: bytes, mask: bytes, bits: int) -> Optional[tuple[int, int]]:
    """First and last number; a mask is that of a network or none that is understood."""
    low, high, free = int.from_bytes(first, "big"), int.from_bytes(last, "big"), 0
    if mask:
        free = ~int.from_bytes(mask, "big") & ((1 << 8 * len(mask)) - 1)
        if free & (free + 1) or low != high:
            return None
    return low << bits, (high << bits) | free | ((1 << bits) - 1)


def _prefix(place: tuple[int, int, int]) -> str:
    """A network on a border of bytes is compared by its first bytes: which field, and how many bits are missing."""
    base, offset, length = place
    for (at, start, size), name in _PAYLOAD.items():
        if base == at == 1 and offset == start and 0 < length < size and name in ("source", "destination"):
            return f"{name}/{8 * (size - length)}"
    return ""


def _interface(value: bytes) -> str:
    """A name is compared with its closing zeros; one that was cut short stands for all that begin so."""
    return text(value) if value.endswith(b"\0") else f"{text(value)}+"


def _index(value: bytes) -> str:
    return f"#{int.from_bytes(value, _ORDER)}"


def _state(value: bytes) -> str:
    return _STATES.get(int.from_bytes(value, _ORDER), "")


def _address(value: bytes) -> str:
    address = str(ipaddress.ip_address(value))
    return f"[{address}]" if ":" in address else address


def number(value: Optional[bytes], default: int = 0) -> int:
    """Unlike those of links, the numbers of netfilter's messages are in network byte order."""
    return int.from_bytes(value, "big") if value else default


def text(value: Optional[bytes]) -> str:
    return value.rstrip(b"\0").decode(errors="replace") if value else ""
