# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of addresses in memory. For tests."""
from __future__ import annotations

from typing import Any

from .memory_settings import require
from .model import HostState


class Sets:
    """The sets of a state, which rules hold."""

    state: HostState

    def _SetAdd(self, operation: Any) -> None:
        require(operation.new.name not in self.state.sets, "a set of that name exists")
        operation.apply(self.state)

    def _SetDel(self, operation: Any) -> None:
        asked = f"--match-set {operation.old.name} "
        require(operation.old.name in self.state.sets, "there is no such set")
        require(not any(asked in line for table in self.state.tables.values() for chain in table.chains.values()
                        for line in chain.lines), "a rule still asks it")
        operation.apply(self.state)

    def _require_sets(self, line: str) -> None:
        name = line.partition(" --match-set ")[2].partition(" ")[0]
        require(not name or name in self.state.sets, f"there is no set {name}")
