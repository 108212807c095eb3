# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted chains against observed ones: the smallest set of transactions that makes them equal. Pure."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Optional

from ..firewall.operations import ChainChange, RestoreTable
from .model import Hook, ObservedHook, ObservedTable, TableRules
from .render import chain_text, hook_text

OPENING = ("raw", "filter", "nat")  # protection first, then the doors
CLOSING = ("nat", "filter", "raw")


def sync_family(family: str, wanted: Mapping[str, TableRules],
                observed: Mapping[str, ObservedTable]) -> list[RestoreTable]:
    """Operations for one family, in an order of which every prefix is safe.

    ``iptables-restore`` is atomic for one table, not across tables. Where chains of the filter table go, a bridge is
    given up: its published ports go before its protection.
    """
    found = {table: sync_table(family, table, wanted[table], observed.get(table, ObservedTable()))
             for table in wanted}
    dropped = found["filter"] and any(change.after is None for change in found["filter"].chains)
    return [operation for table in (CLOSING if dropped else OPENING) if (operation := found[table]) is not None]


def sync_table(family: str, table: str, wanted: TableRules, observed: ObservedTable) -> Optional[RestoreTable]:
    """The transaction for one table, None when all is as wanted."""
    changes = []
    names = set()
    for chain in wanted.chains:
        names.add(chain.name)
        before = observed.chains.get(chain.name)
        if before is None or before.comments != chain.comments:
            changes.append(ChainChange(chain.name, before, chain_text(chain)))
    changes += [ChainChange(name, before, None) for name, before in observed.chains.items() if name not in names]
    gone, new = _sync_hooks(wanted.hooks, observed.hooks)
    if not (changes or gone or new):
        return None
    return RestoreTable(family, table, tuple(changes), gone, new)


def _sync_hooks(wanted: Sequence[Hook],
                observed: Sequence[ObservedHook]) -> tuple[tuple[ObservedHook, ...], tuple[ObservedHook, ...]]:
    """Tagged rules to remove and to insert.

    A hook that is there once and where it matters first is left alone; otherwise all copies go and one comes.
    """
    gone, new = [], []
    for hook in wanted:
        here = [found for found in observed if found.chain == hook.chain and _leads_to(found, hook)]
        if len(here) == 1 and not (hook.first and here[0].position != 1) and not (hook.last and here[0].behind):
            continue
        gone += here
        new.append(hook_text(hook))
    gone += [found for found in observed
             if not any(found.chain == hook.chain and _leads_to(found, hook) for hook in wanted)]
    return tuple(gone), tuple(new)


def _leads_to(found: ObservedHook, hook: Hook) -> bool:
    return found.line.split()[-1] == hook.args[-1]
