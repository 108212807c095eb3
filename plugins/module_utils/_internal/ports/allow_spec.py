# SPDX-License-Identifier: GPL-3.0-or-later
"""What users write about where containers may send, parsed. Pure.

An entry is ``NETWORK[:PORT[-LAST][/PROTOCOL]]``, of IPv6 with the network in brackets where a port follows. Names of
hosts are not looked up: which address a name has is for others to say, and may be another one when it is used.
"""
from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Optional

from ..core.errors import OptionError
from .allow import ANYWHERE, MOST, PROTOCOLS, AllowList, Place
from .entry import Entry

OPTION = "allow_to"
FORM = ("Write NETWORK[:PORT[-LAST][/PROTOCOL]], for example 10.0.0.0/8, 192.0.2.53:53, 10.0.0.0/8:443/tcp or "
        "[2001:db8::/32]:443")
KNOWN = ("tcp", "udp", "sctp")
_BRACKETS = re.compile(r"\[([^\]]*)\](?::(.*))?", re.DOTALL)


def parse_allow_to(values: Optional[Sequence[str]]) -> Optional[AllowList | str]:
    """A list, :data:`ANYWHERE` for none any more, None where nothing is said.

    An empty list, or an empty text as it is given on a command line, lets nothing out.

    :raises OptionError: for what says no destination, and for more destinations than a list can hold
    """
    if values is None or list(values) in ([], [""]):
        return None if values is None else AllowList()
    if ANYWHERE in values:
        if len(values) > 1:
            other = next(value for value in values if value != ANYWHERE)
            raise OptionError(OPTION, ", ".join(values), f"says {ANYWHERE} and names destinations",
                              f"Say {ANYWHERE} alone to take the list away, or leave it out and keep {other}")
        return ANYWHERE
    found: set[Place] = set()
    for value in values:
        found.update(itertools.islice(_places(value), MOST + 1))
        if len(found) > MOST:
            raise OptionError(OPTION, value, f"makes more than {MOST} destinations of the list, of which each port of "
                              "a range is one for each protocol", "Give networks without ports, larger networks, or "
                              "shorter ranges")
    return AllowList.of(found)


def parse_texts(texts: Sequence[str]) -> AllowList:
    """The list that was written as these texts. :raises OptionError: for what is none"""
    return AllowList.of(place for text in texts for place in _places(text))


def _places(value: str) -> Iterator[Place]:
    entry = Entry(OPTION, value, FORM)
    where, ports = _split(entry)
    network = _network(entry, where)
    if ports is None:
        yield Place(network)
        return
    text, slash, protocol = ports.partition("/")
    first, last = entry.ports("port", text)
    if slash and protocol.lower() not in KNOWN:
        raise entry.refusal(f"has {protocol!r} as its protocol, which has no ports that can be told apart",
                            f"Use one of {', '.join(KNOWN)}, or leave the port out to let everything through")
    for kind in (protocol.lower(),) if slash else PROTOCOLS:
        for port in range(first, last + 1):
            yield Place(network, kind, port)


def _split(entry: Entry) -> tuple[str, Optional[str]]:
    """What stands for the network, and what for the ports, None where there are none."""
    if entry.text.startswith("["):
        found = _BRACKETS.fullmatch(entry.text)
        if found is None:
            raise entry.refusal("has brackets and no port behind them")
        return found[1], found[2]
    if entry.text.count(":") > 1:
        return entry.text, None
    where, colon, ports = entry.text.partition(":")
    return where, ports if colon else None


def _network(entry: Entry, text: str) -> str:
    found = entry.network(text, "has a zone")
    if found is not None:
        return found
    address, slash, prefix = text.partition("/")
    problem, remedy = f"has {text!r} for its network, which is neither an IP address nor a network", ""
    if re.fullmatch(r"[A-Za-z0-9*_.-]*[A-Za-z][A-Za-z0-9_.-]*", address) and (not slash or prefix in KNOWN):
        remedy = f"Give addresses: names are not looked up. {FORM}"
    if prefix in KNOWN:
        problem = f"has the protocol {prefix} and no port"
    raise entry.refusal(problem, remedy)
