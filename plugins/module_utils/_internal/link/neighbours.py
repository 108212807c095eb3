# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of neighbours on the host. docs/architecture.md has a line for each."""
from __future__ import annotations

from dataclasses import dataclass, field

from ..core.plan import MAKE_LINK, RECORD_BRIDGE
from ..netns.model import HOST
from .model import Interfaces, Neighbour


@dataclass(frozen=True)
class NeighbourAdd:
    """Set where an address or a MAC address is.

    :param inside: the namespace with the other end, where that is made in the same run
    """

    neighbour: Neighbour
    inside: str = field(default="", compare=False)
    stage = RECORD_BRIDGE
    netns = HOST

    def describe(self) -> str:
        return f"set {_shown(self.neighbour)}"

    def apply(self, state: Interfaces) -> None:
        if state.neighbours is not None:
            state.neighbours[self.neighbour.key] = self.neighbour

    def inverse(self) -> NeighbourDel:
        return NeighbourDel(self.neighbour)

    def lines(self) -> tuple[list[str], list[str]]:
        return [], [_shown(self.neighbour)]


@dataclass(frozen=True)
class NeighbourDel:
    """Let the kernel find out again where an address or a MAC address is."""

    neighbour: Neighbour
    stage = MAKE_LINK
    netns = HOST

    def describe(self) -> str:
        return f"remove {_shown(self.neighbour)}"

    def apply(self, state: Interfaces) -> None:
        if state.neighbours is not None:
            state.neighbours.pop(self.neighbour.key, None)

    def inverse(self) -> NeighbourAdd:
        return NeighbourAdd(self.neighbour)

    def lines(self) -> tuple[list[str], list[str]]:
        return [_shown(self.neighbour)], []


def _shown(neighbour: Neighbour) -> str:
    if neighbour.address:
        return f"neighbour {neighbour.address} on {neighbour.interface}: {neighbour.mac}"
    return f"MAC address {neighbour.mac}: behind {neighbour.interface}"
