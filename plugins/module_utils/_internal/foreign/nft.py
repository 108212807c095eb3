# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables, chains, sets and rules of nftables out of the kernel's messages. Pure.

Layouts and numbers: linux/netfilter/nf_tables.h, linux/netfilter/nfnetlink.h.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Optional

from ..link.decode import attribute_list, attributes
from .expressions import Program, SetOf, number, text, verdict
from .model import ACCEPT, CONTINUE, DROP, GOTO, JUMP, BaseChain, ForeignRule

GETCHAIN, GETRULE, GETSET, GETSETELEM = (10 << 8 | kind for kind in (4, 7, 10, 13))  # NFNL_SUBSYS_NFTABLES
FAMILIES = {1: "inet", 2: "ip", 10: "ip6"}
_HEADER = 4  # bytes of struct nfgenmsg: family, version, resource
_HOOKS = {0: "prerouting", 2: "forward", 3: "output", 4: "postrouting"}
_ANONYMOUS, _MAP, _CHANGING = 0x1, 0x8, 0x10 | 0x20 | 0x80  # timeouts, evaluated, concatenated


def table_key(payload: bytes) -> tuple[str, str]:
    """Family and name of the table that any of these messages is about."""
    return FAMILIES.get(payload[0], ""), text(attributes(payload, _HEADER).get(1))


def base_chain(payload: bytes) -> Optional[BaseChain]:
    """None for a chain that packets come to from other chains only, or at a place that does not matter here."""
    words = attributes(payload, _HEADER)
    hook = attributes(words.get(4, b""))
    name = _HOOKS.get(number(hook.get(1), 255))
    if not hook or name is None:
        return None
    priority = int.from_bytes(hook.get(2, b""), "big", signed=True)
    return BaseChain(text(words.get(3)), name, priority, ACCEPT if number(words.get(5), 1) else DROP,
                     text(words.get(7)) == "nat")


def set_name(payload: bytes) -> tuple[str, bool]:
    """Name of a set, and whether to read it: one without a name of the user's own, or a map, and of one field.

    Named sets come and go in their elements, and may have a hundred thousand of them.
    """
    words = attributes(payload, _HEADER)
    flags = number(words.get(3))
    return text(words.get(2)), bool(flags & (_ANONYMOUS | _MAP)) and not flags & _CHANGING


def set_of(payloads: list[bytes]) -> SetOf:
    """The elements of a set out of the messages of its dump."""
    found: list[tuple[bytes, bytes, Optional[tuple[str, str]]]] = []
    elements = [attributes(element) for payload in payloads
                for _kind, element in attribute_list(attributes(payload, _HEADER).get(3, b""))]
    keyed = sorted(((attributes(words.get(1, b"")).get(1, b""), words) for words in elements),
                   key=lambda pair: (pair[0], not number(pair[1].get(3)) & 1))
    ranged = any(number(words.get(3)) & 1 for _key, words in keyed)
    for place, (key, words) in enumerate(keyed):
        if 10 in words or not key or len(key) != len(keyed[0][0]):  # a second key: two fields in one
            return SetOf(None)
        if number(words.get(3)) & 1:  # the end of the interval before it
            continue
        last = key
        if ranged:
            after = keyed[place + 1][0] if place + 1 < len(keyed) else b""
            last = _before(after) if after else b"\xff" * len(key)
        found.append((key, last, verdict(words[2]) if 2 in words else None))
    return SetOf(tuple(found))


def _before(key: bytes) -> bytes:
    return max(int.from_bytes(key, "big") - 1, 0).to_bytes(len(key), "big")


def chain_name(payload: bytes) -> str:
    """The chain that a rule is in."""
    return text(attributes(payload, _HEADER).get(2))


def chains(unread: Mapping[str, Sequence[bytes]], first: Iterable[str],
           sets: Mapping[str, SetOf]) -> dict[str, tuple[ForeignRule, ...]]:
    """The chains of these names and all that they lead to. Kubernetes has ten thousand that only a map knows.

    :param unread: messages of rules by chain
    """
    found: dict[str, tuple[ForeignRule, ...]] = {}
    waiting = list(first)
    while waiting:
        name = waiting.pop()
        if name not in found and name in unread:
            found[name] = tuple(each for payload in unread[name] for each in rules(payload, sets))
            waiting += [each.target for each in found[name] if each.verdict in (JUMP, GOTO)]
    return found


def rules(payload: bytes, sets: Mapping[str, SetOf]) -> list[ForeignRule]:
    """What one rule says: several rules for one that chooses by a map."""
    words = attributes(payload, _HEADER)
    name = f"rule with handle {int.from_bytes(words.get(3, b''), 'big')}"
    program = Program(sets)
    for _kind, data in attribute_list(words.get(4, b"")):
        expression = attributes(data)
        program.step(text(expression.get(1)), attributes(expression.get(2, b"")))
    ends = program.ends or [((), CONTINUE, "")]
    return [ForeignRule((*program.conditions, *more), end, target, name) for more, end, target in ends]
