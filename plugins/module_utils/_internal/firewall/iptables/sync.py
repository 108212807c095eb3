# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted chains against observed ones: the smallest set of transactions that makes them equal. Pure."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Optional

from ...core.errors import MooringError
from ..model import USER_MADE, Hook, ObservedHook, ObservedTable, TableRules, note_of
from ..operations import ChainChange, RestoreTable
from .meaning import is_shown, means
from .saved import target_of
from .text import chain_text, hook_text, hook_words, write_chain
from .tree import grow_trees

OPENING = ("raw", "mangle", "filter", "nat")  # protection first, then the doors
CLOSING = ("nat", "filter", "mangle", "raw")


def changes(family: str, wanted: Mapping[str, TableRules],
            observed: Mapping[str, ObservedTable]) -> list[RestoreTable]:
    """Operations for one family, in an order of which every prefix is safe.

    ``iptables-restore`` is atomic for one table, not across tables. Where chains of the filter table go, a bridge is
    given up: its published ports go before its protection.
    """
    found = {table: change_table(family, table, wanted[table], observed.get(table, ObservedTable()))
             for table in wanted}
    dropped = found["filter"] and any(change.after is None for change in found["filter"].chains)
    return [operation for table in (CLOSING if dropped else OPENING) if (operation := found[table]) is not None]


def change_table(family: str, table: str, wanted: TableRules, observed: ObservedTable) -> Optional[RestoreTable]:
    """The transaction for one table, None when all is as wanted.

    :raises MooringError: when something is to be in a table that cannot be read
    """
    changed = []
    names = set()
    for chain in grow_trees(wanted.chains):
        names.add(chain.name)
        before = observed.chains.get(chain.name)
        written = write_chain(chain, family)
        if before is None or before.comments != written.comments or not is_shown(before.lines, written):
            changed.append(ChainChange(chain.name, before, chain_text(written)))
    changed += [ChainChange(name, before, None) for name, before in observed.chains.items() if name not in names]
    gone, new = _change_hooks(family, wanted.hooks, observed.hooks)
    user = _change_user(wanted, observed)
    if not (changed or gone or new or user):
        return None
    if observed.fault:
        raise MooringError(observed.fault)
    return RestoreTable(family, table, tuple(changed), gone, new, user)


def _change_user(wanted: TableRules, observed: ObservedTable) -> Literal["", "make", "delete"]:
    """The chain of the administrator goes where it was made here, is empty, and no rule of anybody else leads to it."""
    if wanted.user:
        return "make" if observed.user is None else ""
    made_here = any(note_of(comment) == USER_MADE for chain in observed.chains.values() for comment in chain.comments)
    return "delete" if observed.user == () and made_here else ""


def _change_hooks(family: str, wanted: Sequence[Hook],
                  observed: Sequence[ObservedHook]) -> tuple[tuple[ObservedHook, ...], tuple[ObservedHook, ...]]:
    """Tagged rules to remove and to insert.

    A hook that is there once, says what it is to say, and stands where it matters is left alone; otherwise all copies
    go and one comes. So does whatever else somebody has put under its comment.
    """
    gone, new = [], []
    for hook in wanted:
        here = [found for found in observed if _is_for(found, hook)]
        if len(here) == 1 and _is_placed(here[0], hook) and means(here[0].line, hook_words(hook, family)):
            continue
        gone += here
        new.append(hook_text(hook, family))
    gone += [found for found in observed if not any(_is_for(found, hook) for hook in wanted)]
    return tuple(gone), tuple(new)


def _is_placed(found: ObservedHook, hook: Hook) -> bool:
    return not (hook.first and found.position != 1) and not (hook.last and found.behind)


def _is_for(found: ObservedHook, hook: Hook) -> bool:
    return found.chain == hook.point.upper() and target_of(found.line) == hook.target
