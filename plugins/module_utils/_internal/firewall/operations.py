# SPDX-License-Identifier: GPL-3.0-or-later
"""The one verb of the firewall."""
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Optional, Protocol

from ..core.plan import OPEN
from ..netns.model import HOST
from .model import USER, ObservedChain, ObservedHook, ObservedTable

_JUMP = "jump to the rules of this collection"


_INVERSE: dict[str, Literal["", "make", "delete"]] = {"": "", "make": "delete", "delete": "make"}


class Tables(Protocol):
    """As much of a host's state as its rules are."""

    tables: dict[tuple[str, str], ObservedTable]


@dataclass(frozen=True)
class ChainChange:
    """An own chain before and after; None where it does not exist."""

    name: str
    before: Optional[ObservedChain]
    after: Optional[ObservedChain]


@dataclass(frozen=True)
class RestoreTable:
    """Replace own chains and put hooks right in one table of one family, in one transaction.

    ``hooks_gone`` are rules as saved; ``hooks_new`` are inserted at the top of their chain or appended. ``user`` says
    whether the chain of the administrator is made, or deleted because it is empty; it is never emptied.
    """

    family: str
    table: str
    chains: tuple[ChainChange, ...] = ()
    hooks_gone: tuple[ObservedHook, ...] = ()
    hooks_new: tuple[ObservedHook, ...] = ()
    user: Literal["", "make", "delete"] = ""
    stage = OPEN
    netns = HOST

    def describe(self) -> str:
        words = []
        for verb, names in (("create", [*self._user("make"), *(c.name for c in self.chains if c.before is None)]),
                            ("replace", [c.name for c in self.chains if c.before and c.after is not None]),
                            ("delete", [*(c.name for c in self.chains if c.after is None), *self._user("delete")]),
                            ("remove the jump from", sorted({h.chain for h in self.hooks_gone}
                                                            - {h.chain for h in self.hooks_new})),
                            ("insert a jump into", list(dict.fromkeys(h.chain for h in self.hooks_new)))):
            if names:
                words.append(f"{verb} " + (", ".join(names) if len(names) <= 6 else f"{len(names)} chains"))
        return f"{self.family} {self.table} table: " + "; ".join(words)

    def _user(self, what: str) -> list[str]:
        return [USER] if self.user == what else []

    def apply(self, state: Tables) -> None:
        observed = state.tables.get((self.family, self.table), ObservedTable())
        chains = dict(observed.chains)
        for change in self.chains:
            if change.after is None:
                chains.pop(change.name, None)
            else:
                chains[change.name] = change.after
        gone = {(hook.chain, hook.line) for hook in self.hooks_gone}
        hooks = [hook for hook in observed.hooks if (hook.chain, hook.line) not in gone]
        user = () if self.user == "make" else None if self.user == "delete" else observed.user
        state.tables[self.family, self.table] = replace(observed, chains=chains, hooks=(*hooks, *self.hooks_new),
                                                        user=user)

    def inverse(self) -> RestoreTable:
        """The chains as they were, rule by rule as saved; hooks go back to the top or to the end of their chain."""
        return RestoreTable(self.family, self.table,
                            tuple(ChainChange(c.name, c.after, c.before) for c in reversed(self.chains)),
                            self.hooks_new, self.hooks_gone, _INVERSE[self.user])

    def lines(self) -> tuple[list[str], list[str]]:
        before: list[str] = []
        after: list[str] = []
        for verb, lines in (("delete", before), ("make", after)):
            lines += [f"{self.family} {self.table} {name}: a chain of the administrator" for name in self._user(verb)]
        for change in self.chains:
            for lines, chain in ((before, change.before), (after, change.after)):
                if chain is not None:
                    lines += [f"{self.family} {self.table} {change.name}: {comment}" for comment in chain.comments]
        before += [f"{self.family} {self.table} {hook.chain}: {_JUMP}" for hook in self.hooks_gone]
        after += [f"{self.family} {self.table} {hook.chain}: {_JUMP}" for hook in self.hooks_new]
        return before, after
