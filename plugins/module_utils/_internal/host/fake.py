# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in memory: applies operations to its state and refuses what a kernel would refuse. For tests."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Optional

from ..applied.model import NAME as APPLIED
from ..applied.text import parse
from ..core.errors import ExecutionError, HostError
from ..core.plan import Operation, besides
from ..files import marks
from ..firewall.model import FAMILIES, TABLES, ObservedTable
from ..link.model import Link, Namespace
from ..netns.model import HOST
from .endpoints import find_homes, find_named
from .lasting import find_awaited
from .ledger import find_linked
from .memory import Memory
from .model import HostState, Scope
from .modes import find_joiners
from .setbacks import Setbacks
from .settings import Trial
from .ways import find_unread

FORWARDING = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding", "net/ipv6/conf/default/forwarding",
              "net/ipv6/conf/all/disable_ipv6", "net/ipv6/conf/default/disable_ipv6")


def fresh_state() -> HostState:
    """A host with nothing but a loopback: forwarding off, IPv6 on, no rules."""
    return HostState({HOST: Namespace(1, {"lo": Link("lo", "loopback", 1, up=True)})},
                     sysctls={(HOST, name): "0" for name in FORWARDING},
                     tables={(family, table): ObservedTable() for family in FAMILIES for table in TABLES},
                     groups=True, neighbours={}, shapers={})


def _refused(whole: HostState, untried: Sequence[Sequence[Trial]]) -> dict[Trial, str]:
    tried = [each for here in untried for each in here]
    return {each: whole.refused[each] for each in tried if each in whole.refused}


class FakeHost(Memory):
    """Behaves like RealHost, without a kernel. ``fail_at`` makes the nth operation fail, counted from 0."""

    def __init__(self, state: Optional[HostState] = None, fail_at: Optional[int] = None) -> None:
        super().__init__(state or fresh_state())
        self.fail_at = fail_at
        self.executed: list[Operation] = []
        self.warnings: list[str] = []
        self.setbacks = Setbacks()

    def look(self) -> HostState:
        """What a first look at a real host shows."""
        state = self.state.copy()
        state.namespaces = {HOST: state.host}
        state.tables, state.foreign, state.unusable, state.native = {}, {}, {}, ()
        state.sysctls, state.sockets, state.files, state.hostnames, state.resolv_texts = {}, (), {}, {}, {}
        state.hosts_text = state.recorded_links = ""
        state.lasting, state.awaited, state.groups = {}, {}, False
        state.neighbours = state.shapers = state.applied = None
        state.lacking, state.refused = frozenset(), {}
        state.sets, state.sets_problem = {}, ""
        return state

    def snapshot(self, scope_of: Callable[[HostState], Scope]) -> HostState:
        """What is asked for and no more, like a real snapshot."""
        state, scope, whole = self.look(), scope_of(self.look()), self.state.copy()
        state.namespaces.update({
            path: Namespace(whole.host.inode) if whole.is_own_network(path) else whole.namespaces[path]
            for path in scope.namespaces if path in whole.namespaces})
        state.sysctls = {key: self.sysctl(*key) for key in scope.sysctl_names(state)}
        state.refused = _refused(whole, scope.untried(state.sysctls))
        state.lasting, state.awaited = whole.lasting, find_awaited(whole)
        state.persistent = whole.persistent or bool(whole.lasting)
        state.applied = parse(whole.lasting[APPLIED]) if APPLIED in whole.lasting else None
        if scope.firewall:
            state.tables, state.foreign, state.unusable = whole.tables, whole.foreign, whole.unusable
            state.groups, state.recorded_links = whole.groups, whole.recorded_links
            state.sets, state.sets_problem = dict(whole.sets), whole.sets_problem if scope.lists else ""
            unread = (*find_unread(state, scope.routes), *find_homes(state))
            state.namespaces.update({path: whole.namespaces[path] for path in unread if path in whole.namespaces})
        if scope.neighbours:
            state.neighbours = whole.neighbours
        state.shapers = whole.shapers if scope.shapers else state.shapers
        state.lacking = whole.lacking if scope.shaping else frozenset()
        if scope.others:
            state.native = whole.native
        if scope.ports is not None:
            state.sockets = whole.sockets
        names = scope.names_of(find_named(state))
        if names or scope.sites or scope.every_name:
            asked = marks.containers(whole.files) if scope.every_name else find_linked(state, names)
            asked |= find_joiners(state, asked)
            places = {place for site in scope.sites for _name, place in site.files}
            for each in marks.read_marks(whole.files):
                if scope.sites:
                    places.add(marks.hint_place(each.site))
                if each.site.container in asked or each.site.kind == "netns" and each.site.name in asked:
                    places |= {marks.hint_place(each.site), *(place for _name, place in each.site.files)}
            state.files = {place: file for place, file in whole.files.items() if place in places}
            state.resolv_texts, state.hosts_text = whole.resolv_texts, whole.hosts_text
            pids = {site.pid for site in scope.sites}
            state.hostnames = {pid: name for pid, name in whole.hostnames.items() if pid in pids}
        return state

    def execute(self, operations: Sequence[Operation]) -> list[Operation]:
        """Apply in order, see RealHost. :raises ExecutionError: at the first that fails and concerns everybody"""
        done: list[Operation] = []
        try:
            for operation in self.setbacks.spare(operations):
                if self.fail_at is not None and len(self.executed) >= self.fail_at:
                    self.fail_at = None
                    raise HostError("made to fail")
                try:
                    self.carry_out(operation)
                except HostError as problem:
                    told = f"cannot {operation.describe()}: {problem}"
                    if besides(operation):
                        self.warnings.append(told)
                    elif not self.setbacks.forgive(operation, HostError(told)):
                        raise
                    continue
                self.executed.append(operation)
                done.append(operation)
        except HostError as reason:
            raise ExecutionError(f"cannot {operation.describe()}: {reason}", done) from reason
        finally:
            self.settle()
        return done
