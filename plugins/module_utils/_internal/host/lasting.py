# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that let the network of a host outlive a run: their names, the bridges in them, and their one verb. Pure.

They lie in /var/lib/mooring, root's alone, and only where the host has chosen so. They are an order and never a memory:
what the kernel has decides. Of bridges that are not there, since the host has started or somebody has taken them away,
they say how to close them until they are back.
"""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..applied.model import FOLDER
from ..applied.model import NAME as APPLIED
from ..core.plan import NAME, changed_lines
from ..firewall.model import FAMILIES
from ..link.model import BRIDGE, Link, Mark
from ..netns.model import HOST
from .model import Awaited, HostState

# By family: rules that close all bridges, the same where the chain of the administrator is there already, and what
# tells whether rules are there.
GATE, USER_GATE, GUARD = "gate.{}", "user.{}", "guard.{}"
GATES = tuple(name.format(family) for name in (GATE, GUARD, USER_GATE) for family in FAMILIES)
NAMES = (*GATES, APPLIED)
BRIDGE_LINE, _NONE = "# bridge ", "-"


@dataclass(frozen=True)
class LastingFile:
    """Put a file of root's in the place of the one before (rename(2)), once it is on the disk; no text removes it."""

    name: str
    text: str
    previous: str
    stage = NAME
    netns = HOST

    @property
    def path(self) -> str:
        return f"{FOLDER}/{self.name}"

    def describe(self) -> str:
        return f"{'write' if self.text else 'remove'} {self.path}"

    def apply(self, state: HostState) -> None:
        state.lasting.pop(self.name, None)
        if self.text:
            state.lasting[self.name] = self.text

    def inverse(self) -> LastingFile:
        return LastingFile(self.name, self.previous, self.text)

    def lines(self) -> tuple[list[str], list[str]]:
        return changed_lines(self.path, _lines(self.previous), _lines(self.text))


def _lines(text: str) -> list[str]:
    """The lines of a text of JSON, the comma of a list and what tells its depth aside."""
    return [line.strip().rstrip(",") for line in text.splitlines()]


def awaited_line(awaited: Awaited) -> str:
    """A bridge as a comment of a file: its name, addresses, addresses of containers, and mark."""
    words = (awaited.link.name, _join(awaited.link.addresses), _join(awaited.leases), awaited.link.alias)
    return BRIDGE_LINE + " ".join(words)


def _join(addresses: Iterable[str]) -> str:
    return ",".join(addresses) or _NONE


def find_awaited(state: HostState) -> dict[str, Awaited]:
    """The bridges in the files that the host does not have, or whose link has lost its mark.

    One whose place was taken is not awaited: another interface has an address of its network.
    """
    found = {each.link.name: each for name in GATES for each in _read(state.lasting.get(name, ""))}
    there = {link.name for link in state.find_marked(BRIDGE)}
    return {name: each for name, each in found.items() if name not in there and not _is_taken(each.link, state)}


def _read(text: str) -> Iterator[Awaited]:
    for line in text.splitlines():
        words = line[len(BRIDGE_LINE):].split(" ", 3) if line.startswith(BRIDGE_LINE) else []
        if len(words) == 4 and (mark := Mark.parse(words[3])) is not None and mark.kind == BRIDGE:
            yield Awaited(Link(words[0], "bridge", addresses=_split(words[1]), alias=words[3]), _split(words[2]))


def _split(word: str) -> tuple[str, ...]:
    return () if word == _NONE else tuple(word.split(","))


def _is_taken(awaited: Link, state: HostState) -> bool:
    networks = [ipaddress.ip_interface(address).network for address in awaited.addresses]
    return any(ipaddress.ip_interface(address).ip in network for network in networks
               for link in state.host.links.values() if link.name != awaited.name for address in link.addresses)
