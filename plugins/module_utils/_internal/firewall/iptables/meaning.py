# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a rule that iptables-save(8) shows means what was written. Pure.

Somebody may replace a rule under its comment. Hosts show rules otherwise than they were written, and not all versions
do so alike: options move, addresses gain a prefix length, the ends of ranges and the names of protocols are left out or
written out. So rules are read back. Most lines are as all versions show them, and are not even taken apart.
"""
from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from .text import WrittenChain
from .words import Words

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|\S+')
_NETWORKS = ("-s", "-d")
_PROTOCOLS = {"6": "tcp", "17": "udp", "132": "sctp", "1": "icmp", "58": "ipv6-icmp", "icmpv6": "ipv6-icmp"}
_SILENT = ("-m", "--comment")

# The matches in any order, each negated or not, and what becomes of a packet.
Meaning = tuple[frozenset[tuple[object, ...]], tuple[str, ...]]


def is_shown(lines: Sequence[str], written: WrittenChain) -> bool:
    """Whether the rules of an own chain that a host shows mean those that were written, one by one."""
    return len(lines) == len(written.words) and all(
        line == _expect(written.name, words, comment) or means(line, words)
        for line, words, comment in zip(lines, written.words, written.comments))


def means(line: str, words: Words) -> bool:
    """Whether a rule as shown means these words, whatever its comment."""
    return read(line) == read(" ".join(("-A", "", *words)))


def _expect(chain: str, words: Words, comment: str) -> str:
    """A rule as nearly all versions show it. A comment of ours has a colon in it, hence quotes around it."""
    place = words.index("-j") if "-j" in words else words.index("-g") if "-g" in words else len(words)
    before = [f"{word}/{128 if ':' in word else 32}" if "/" not in word and place and words[place - 1] in _NETWORKS
              else word for place, word in enumerate(words[:place])]
    return " ".join(("-A", chain, *before, "-m comment --comment", f'"{comment}"', *words[place:]))


@functools.lru_cache(maxsize=4096)
def read(line: str) -> Meaning:
    """What a line says but for its chain and its comment. What is not known here stands in it as it is written."""
    words = iter(_WORD.findall("".join(line.split(" ", 2)[2:])))
    matches: set[tuple[object, ...]] = set()
    negated = False
    for word in words:
        if word == "!":
            negated = True
            continue
        if word in ("-j", "-g"):
            return frozenset(matches), (word, *_verdict(words))
        if word not in _SILENT:
            read_value = _VALUES.get(word)
            value = read_value(next(words, "")) if read_value else None
            if negated or value not in _ANYWHERE:  # which is not shown
                matches.add((word, negated, value))
        else:
            next(words, "")
        negated = False
    return frozenset(matches), ()


def _network(text: str) -> object:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return text


def _number(text: str) -> object:
    try:
        return int(text, 0)
    except ValueError:
        return text


def _ports(text: str) -> tuple[str, str]:
    first, colon, last = text.partition(":")
    return (first or "0", last or "65535") if colon else (first, first)


def _verdict(words: Iterator[str]) -> Iterator[str]:
    for word in words:
        yield word
        if word in ("--to-destination", "--to-source"):
            yield _target(next(words, ""))


def _target(text: str) -> str:
    """Where a translation leads to, an IPv6 address in one spelling: without ports it is shown without brackets."""
    address, bracket, ports = text.removeprefix("[").partition("]") if text.startswith("[") else (text, "", "")
    try:
        return f"{ipaddress.ip_address(address)}{bracket if ports else ''}{ports}"
    except ValueError:
        return text


_ANYWHERE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
# Options with a value: in what two spellings of it agree.
_VALUES: Mapping[str, Callable[[str], object]] = {
    "-s": _network, "-d": _network, "-i": str, "-o": str,
    "-p": lambda text: _PROTOCOLS.get(text, text), "--dport": _ports,
    "--ctstate": lambda text: frozenset(text.split(",")), "--dst-type": str.upper, "--src-type": str.upper,
    "--src-group": _number, "--dst-group": _number, "--physdev-in": str, "--ctdir": str.upper, "--ctreplsrc": _network,
    "--icmp-type": lambda text: text.partition("/")[0], "--icmpv6-type": str}
