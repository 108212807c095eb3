# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in memory: applies operations to its state and refuses what a kernel would refuse. For tests."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from ..core.errors import HostError
from ..core.plan import besides
from ..firewall.model import FAMILIES, TABLES, ObservedTable
from ..link.model import BRIDGE, Link, Namespace
from ..netns.model import HOST
from .memory import Memory
from .model import BRIDGE_CALLS, HostState, Scope

FORWARDING = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding", "net/ipv6/conf/default/forwarding",
              "net/ipv6/conf/all/disable_ipv6", "net/ipv6/conf/default/disable_ipv6")


def fresh_state() -> HostState:
    """A host with nothing but a loopback: forwarding off, IPv6 on, no rules."""
    return HostState({HOST: Namespace(1, {"lo": Link("lo", "loopback", 1, up=True)})},
                     sysctls={(HOST, name): "0" for name in FORWARDING},
                     tables={(family, table): ObservedTable() for family in FAMILIES for table in TABLES})


class FakeHost(Memory):
    """Behaves like RealHost, without a kernel. ``fail_at`` makes the nth operation fail, counted from 0."""

    def __init__(self, state: Optional[HostState] = None, fail_at: Optional[int] = None) -> None:
        super().__init__(state or fresh_state())
        self.fail_at = fail_at
        self.executed: list[Any] = []
        self.warnings: list[str] = []

    def snapshot(self, scope: Scope) -> HostState:
        """What ``scope`` asks for and no more, like a real snapshot."""
        state = self.state.copy()
        wanted = {HOST, *scope.namespaces}
        state.namespaces = {path: netns for path, netns in state.namespaces.items() if path in wanted}
        names = [*scope.sysctls, *((HOST, name.format(link.name)) for link in state.marked(BRIDGE)
                                   for name in scope.bridge_sysctls)]
        names += [(HOST, name) for name in BRIDGE_CALLS.values()] if scope.firewall else []
        state.sysctls = {key: self.sysctl(*key) for key in names}
        if not scope.firewall:
            state.tables, state.foreign, state.unusable = {}, {}, {}
        if not scope.others:
            state.native = ()
        if scope.ports is None:
            state.sockets = ()
        state.hostnames = {site.pid: state.hostnames[site.pid] for site in scope.sites if site.pid in state.hostnames}
        return state

    def execute(self, operations: Sequence[Any]) -> None:
        """Apply in order. :raises HostError: what was carried out before the failure is its ``done``"""
        done: list[Any] = []
        try:
            for operation in operations:
                if self.fail_at is not None and len(self.executed) >= self.fail_at:
                    self.fail_at = None
                    raise HostError("made to fail")
                try:
                    self.carry_out(operation)
                except HostError as problem:
                    if not besides(operation):
                        raise
                    self.warnings.append(f"cannot {operation.describe()}: {problem}")
                    continue
                self.executed.append(operation)
                done.append(operation)
        except HostError as reason:
            error = HostError(f"cannot {operation.describe()}: {reason}")
            error.done = tuple(done)
            raise error from reason
        finally:
            self.settle()
