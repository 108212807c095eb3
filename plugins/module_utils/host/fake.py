# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in memory: applies operations to its state. For tests, and for looking ahead."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from ..core.errors import HostError
from ..firewall.model import FAMILIES, TABLES, ObservedTable
from .model import HostState, Scope


class FakeHost:
    """Behaves like RealHost, without a kernel. ``fail_at`` makes the nth operation fail, counted from 0."""

    def __init__(self, state: Optional[HostState] = None, fail_at: Optional[int] = None) -> None:
        self.state = state or HostState(tables={(family, table): ObservedTable() for family in FAMILIES
                                                for table in TABLES})
        self.fail_at = fail_at
        self.executed: list[Any] = []
        self.warnings: list[str] = []

    def snapshot(self, scope: Scope) -> HostState:
        """The state: of other namespaces only those asked for, like a real snapshot."""
        state = self.state.copy()
        wanted = {"", *scope.namespaces}
        state.namespaces = {path: netns for path, netns in state.namespaces.items() if path in wanted}
        return state

    def execute(self, operations: Sequence[Any]) -> None:
        done = []
        for operation in operations:
            if self.fail_at is not None and len(self.executed) >= self.fail_at:
                self.fail_at = None
                error = HostError(f"cannot {operation.describe()}: made to fail")
                error.done = tuple(done)
                raise error
            operation.apply(self.state)
            self.executed.append(operation)
            done.append(operation)
