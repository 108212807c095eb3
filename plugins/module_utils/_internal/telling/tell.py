# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan does, in the words of those who wrote the task. Pure.

What is told is the difference of two values of a host. Each operation belongs to what it brings about; one that no
sentence stands for is told in its own words, so that nothing is done in silence.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..core.model import FAMILY_NAMES
from ..core.plan import Action, Operation, tell_once
from ..files.operations import FileDel, FileWrite
from ..firewall.operations import RestoreTable
from ..firewall.set_operations import SetAdd, SetDel, SetFill
from ..host.draft import Draft
from ..host.endpoints import inner_settings
from ..host.lasting import LastingFile
from ..host.operations import ConntrackFlush, LinksRecord, ModuleLoad, NetnsAdd, NetnsDel, SysctlSet
from ..link.addressing import RouteAdd, RouteDel
from ..link.operations import LinkAdd, LinkSet
from ..netns.model import HOST
from .bridges import changed_bridges
from .interfaces import changed_endpoints, readdressed
from .keys import find_homes, find_paths, interface_of, keys_of
from .model import Fact, Key, Rank
from .names import tell_files, tell_saved
from .pairs import pairs
from .ports import links, ports

_RANKS: dict[type, Rank] = {NetnsAdd: Rank.NAMESPACE, NetnsDel: Rank.GONE, ModuleLoad: Rank.HOST,
                            ConntrackFlush: Rank.HOST, LinksRecord: Rank.REPAIR}


def tell(draft: Draft, repairs: Sequence[Fact] = ()) -> tuple[Action, ...]:
    """:param repairs: what was not as it is kept of the rules, see :mod:`upkeep.repairs`"""
    operations = draft.operations
    if not operations:
        return ()
    made = {each.link.name for each in operations if isinstance(each, LinkAdd) and each.netns == HOST}
    facts = [*ports(draft.recorded, draft.ledger, readdressed(draft.observed, draft.state)),
             *links(draft.recorded, draft.ledger), *changed_bridges(draft.observed, draft.state, made),
             *changed_endpoints(draft.observed, draft.state),
             *pairs(operations, draft.observed, draft.state), *repairs]
    found = _Telling(facts, find_homes(draft.observed, draft.state), find_paths(draft.observed, draft.state))
    for operation in operations:
        found.add(operation)
    return found.actions()


class _Telling:
    def __init__(self, facts: Sequence[Fact], homes: Mapping[tuple[str, str], str],
                 paths: Mapping[str, str]) -> None:
        self._facts, self._homes, self._paths = facts, homes, paths
        self._about: dict[Key, list[int]] = {}
        for number, fact in enumerate(facts):
            for key in fact.keys:
                self._about.setdefault(key, []).append(number)
        self._on_rules = [number for number, fact in enumerate(facts) if fact.rules]
        self._done: dict[int, list[Operation]] = {}
        self._others: list[tuple[Rank, Action]] = []
        self._files: list[FileWrite | FileDel] = []
        self._saved: list[LastingFile] = []
        self._rules: list[RestoreTable] = []

    def add(self, operation: Operation) -> None:
        """Let an operation belong to what it brings about."""
        if isinstance(operation, (FileWrite, FileDel)):
            self._files.append(operation)
        elif isinstance(operation, LastingFile):
            self._saved.append(operation)
        elif here := self._find(operation):
            for number in here:
                self._done.setdefault(number, []).append(operation)
        elif isinstance(operation, RestoreTable):
            self._rules.append(operation)
        else:
            self._others.append((_rank(operation), own_words(operation)))

    def _find(self, operation: Operation) -> Sequence[int]:
        for key in keys_of(operation, self._homes, self._paths):
            if key in self._about:
                return self._about[key]
        return self._on_rules if _is_of_rules(operation) else ()

    def actions(self) -> tuple[Action, ...]:
        told = [(self._facts[number].rank, _action(self._facts[number], operations))
                for number, operations in sorted(self._done.items())]
        told += [*self._others, *_adapted(self._rules), *tell_files(self._files), *tell_saved(self._saved)]
        return tell_once(action for _rank_of, action in sorted(told, key=lambda each: each[0]))


def _is_of_rules(operation: Operation) -> bool:
    if isinstance(operation, LinkSet):  # whom a port need not hear follows from what is open
        return operation.changes.keys() == {"isolated"}
    if isinstance(operation, SysctlSet):
        return operation.name.endswith("/route_localnet")
    return isinstance(operation, (RestoreTable, ConntrackFlush, LinksRecord, SetAdd, SetDel, SetFill))


def _rank(operation: Operation) -> Rank:
    if isinstance(operation, SysctlSet):
        return Rank.HOST if operation.netns == HOST else Rank.SET
    return _RANKS.get(type(operation), Rank.SET)


def own_words(operation: Operation) -> Action:
    """An operation that no sentence stands for."""
    before, after = operation.lines()
    return Action(operation.describe(), (operation,), tuple(before), tuple(after))


def _action(fact: Fact, operations: Sequence[Operation]) -> Action:
    before, after = list(fact.before), list(fact.after)
    for operation in operations:
        if _is_asked_for(operation):
            gone, new = operation.lines()
            before += gone
            after += new
    return Action(fact.text, tuple(operations), tuple(before), tuple(after))


def _is_asked_for(operation: Operation) -> bool:
    """Whether an operation inside of a container shows what its task says of it."""
    if isinstance(operation, SysctlSet):
        return operation.netns != HOST and operation.name not in inner_settings(interface_of(operation))
    return isinstance(operation, (RouteAdd, RouteDel))


def _adapted(operations: Sequence[RestoreTable]) -> Iterator[tuple[Rank, Action]]:
    """Rules that follow what is told nowhere, such as another interface of the host."""
    for family, name in FAMILY_NAMES.items():
        if here := tuple(each for each in operations if each.family == family):
            line = f"{name} rules: "
            yield Rank.REPAIR, Action(f"bring the {name} rules up to date", here, (f"{line}out of date",),
                                      (f"{line}up to date",))
