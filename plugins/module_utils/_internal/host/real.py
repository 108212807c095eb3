# SPDX-License-Identifier: GPL-3.0-or-later
"""The host that the run is on: a snapshot from all adapters, and each operation to its adapter."""
from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Optional

from ..core.errors import ExecutionError, HostError, MooringError
from ..core.plan import Operation, besides
from ..files import adapter as files
from ..files import marks, uts
from ..files.contained import Process
from ..files.operations import FileDel, FileWrite, HostnameSet
from ..firewall import ipset
from ..firewall.iptables import adapter as iptables
from ..firewall.operations import RestoreTable
from ..firewall.set_operations import SetAdd, SetDel, SetFill
from ..foreign import netfilter
from ..link import netlink, qdisc
from ..link.model import ENDPOINT, Link, Namespace
from ..netns import registry
from ..netns.enter import Namespaces, OwnNetworkError
from ..netns.model import HOST
from . import confined, conntrack, named, proc, record, sockets, trials, varlib, ways
from .endpoints import endpoints, find_homes, find_lost_ends, find_named, find_shaped
from .lasting import LastingFile, find_awaited
from .ledger import find_linked, published_ranges
from .model import HostState, Scope
from .modes import find_joiners
from .operations import ConntrackFlush, LinksRecord, ModuleLoad, NetnsAdd, NetnsDel, SysctlSet
from .registration import NetnsForget, NetnsRecord
from .setbacks import Setbacks

# What carries an operation out takes those of its own class; the first ones also the namespaces of the run.
_IN_NAMESPACES: Mapping[type[object], Callable[[Any, Namespaces], None]] = {
    NetnsAdd: named.add, NetnsRecord: named.record, NetnsForget: named.forget, NetnsDel: named.remove,
    SysctlSet: proc.write_sysctl}
_ONE_BY_ONE: Mapping[type[object], Callable[[Any], None]] = {
    ModuleLoad: proc.load_module, RestoreTable: iptables.execute, LinksRecord: record.write,
    LastingFile: varlib.write, SetAdd: ipset.add, SetDel: ipset.delete, SetFill: ipset.fill}
_FILES = (FileWrite, FileDel, HostnameSet)


class RealHost:
    """Reads and changes the host of this process. No decisions are made here."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self._namespaces = Namespaces()
        self._silent: set[Process] = set()
        self.setbacks = Setbacks()

    def look(self) -> HostState:
        """The first look at a host: its own links, addresses and routes, and what it has under /run/netns.

        :raises HostError: when something of that cannot be read
        """
        confined.require_names()
        marks = registry.read_marks()
        self._namespaces = Namespaces(marks)  # whatever is opened from now on is what the next plan is made from
        state = HostState(named=named.snapshot(marks), nameservers=proc.nameservers(),
                          reserved_ports=proc.reserved_ports())
        state.namespaces[HOST] = netlink.snapshot(HOST)
        confined.require_shown(state)
        return state

    def snapshot(self, scope_of: Callable[[HostState], Scope]) -> HostState:
        """Read all that is asked for, and nothing more. Changes nothing.

        :param scope_of: a first look -> what else is to be read
        :raises HostError: when something cannot be read
        """
        state = self.look()
        scope = scope_of(state)
        self._read_namespaces(state, scope.namespaces)
        names = scope.sysctl_names(state)
        state.sysctls = _settings(state, names)
        state.sysctls.update(proc.read_sysctls((key for key in names if key not in state.sysctls), self._namespaces))
        state.refused = trials.try_out(scope.untried(state.sysctls))
        if scope.neighbours:
            ports = (*state.find_marked(ENDPOINT), *find_lost_ends(state))
            state.neighbours = netlink.neighbours(
                _by_index(state.find_bridges()), _by_index(ports),
                [(each.link.index, each.mac_address) for each in endpoints(state) if each.mac_address])
        if scope.shapers:
            state.shapers = qdisc.snapshot(find_shaped(state), {each.index: each.name
                                                                for each in state.host.links.values()})
        state.lacking = qdisc.lacking() if scope.shaping else frozenset()
        state.lasting = varlib.read()
        state.persistent = bool(state.lasting)
        state.applied, state.awaited = varlib.read_applied(state.lasting), find_awaited(state)
        if scope.firewall:
            state.tables, state.foreign, state.unusable = iptables.snapshot()
            state.groups = iptables.knows_groups(state.tables)
            state.sets = ipset.snapshot()
            state.sets_problem = ipset.find_problem() if scope.lists and not state.sets else ""
            state.recorded_links = record.read()
            self._read_namespaces(state, ways.find_unread(state, scope.routes))
            self._read_namespaces(state, find_homes(state))
        if scope.others:
            state.native = netfilter.snapshot()
        if scope.ports is not None:
            state.sockets = sockets.snapshot([*scope.ports, *published_ranges(state)])
        self._read_names(state, scope)
        return state

    def _namespace(self, path: str) -> Namespace:
        """A namespace as it is; of the host's own no more than that it is it.

        :raises HostError: when it cannot be read
        """
        try:
            return netlink.snapshot(path, self._namespaces)
        except OwnNetworkError:
            return Namespace(self._namespaces.identify(path).inode)

    def _read_namespaces(self, state: HostState, paths: Iterable[str]) -> None:
        for path in paths:
            try:
                state.namespaces[path] = self._namespace(path)
            except HostError as error:
                state.closed[path] = str(error)

    def _read_names(self, state: HostState, scope: Scope) -> None:
        names = scope.names_of(find_named(state))
        if not (names or scope.sites or scope.every_name):
            return
        asked = None if scope.every_name else find_linked(state, names)
        # Who shares a network has its names in files of its own, and they follow the owner's address.
        state.files = files.snapshot(scope.sites, None if asked is None else asked | find_joiners(state, asked),
                                     silent=self._silent)
        if asked is not None and not asked - names <= marks.containers(state.files):
            # A linked container has a namespace of another name than its own: only its mark can tell.
            state.files = files.snapshot(scope.sites, known=state.files, silent=self._silent)
        if state.files:
            state.resolv_texts, state.hosts_text = files.resolv_texts(), files.hosts_text()
            state.hostnames = uts.hostnames((site.pid, site.started) for site in scope.sites if site.pid)

    def execute(self, operations: Sequence[Operation]) -> list[Operation]:
        """Carry out operations in order; those of links in one namespace go to the kernel together, and those of files
        to their adapter.

        What fails because of one container is among ``setbacks`` afterwards, and the rest is done all the same.

        :returns: the operations that were carried out
        :raises ExecutionError: at the first other one that fails
        :raises HostError: when the host is sure to refuse one, before anything is touched
        """
        confined.refuse(operations)
        done: list[Operation] = []
        try:
            for (kind, netns), group in itertools.groupby(operations, key=_group):
                wanted = self.setbacks.spare(list(group))
                if kind == "links":
                    for operation in netlink.execute(netns, list(wanted), self._namespaces, self.setbacks.forgive):
                        done.append(operation)
                    continue
                if kind == "files":
                    self._files(list(wanted), done)
                    continue
                for operation in wanted:
                    if self._one(operation):
                        done.append(operation)
        except (MooringError, OSError) as error:
            raise ExecutionError(str(error), done) from error
        return done

    def _files(self, operations: Sequence[Any], done: list[Operation]) -> None:
        """:param done: gets what was done, before the first error is raised"""
        outcome = list(zip(operations, files.carry_out(operations)))
        done += [operation for operation, error in outcome if error is None]
        for operation, error in outcome:
            if error is not None and not self._bear(operation, error):
                raise error

    def _bear(self, operation: Operation, error: HostError) -> bool:
        """Whether the run goes on although an operation failed."""
        if besides(operation):
            self.warnings.append(str(error))
            return True
        return self.setbacks.forgive(operation, error)

    def _one(self, operation: Operation) -> bool:
        try:
            if isinstance(operation, ConntrackFlush):
                self.warnings += conntrack.flush(operation)
            elif (carry_out := _IN_NAMESPACES.get(type(operation))) is not None:
                carry_out(operation, self._namespaces)
            else:
                _ONE_BY_ONE[type(operation)](operation)
        except HostError as error:
            if not self._bear(operation, error):
                raise
            return False
        return True


def _by_index(links: Iterable[Link]) -> dict[int, str]:
    return {link.index: link.name for link in links}


def _settings(state: HostState, names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Optional[str]]:
    """Those that were read together with the links of a namespace."""
    return {(path, name): netns.settings[name] for path, name in names
            if (netns := state.namespaces.get(path)) and name in netns.settings}


def _group(operation: Operation) -> tuple[str, str]:
    if isinstance(operation, _FILES):
        return "files", ""
    if type(operation) in {*_IN_NAMESPACES, *_ONE_BY_ONE, ConntrackFlush}:
        return "", ""
    return "links", operation.netns
