# SPDX-License-Identifier: GPL-3.0-or-later
"""What iptables-restore(8) reads with --noflush when a host starts, and what tells it whether rules are there. Pure.

A table is one transaction. It begins with ``-N``, which is refused where the chain is there: so rules that are there
stay as they are, whole, and hooks are never twice, since the kernel keeps a chain that a hook leads to. And where the
chain is gone the hook is, for the same reason.
"""
from __future__ import annotations

import re
from collections.abc import Mapping

from ..model import COMMANDS, PREFIX, USER, Drop, TableRules
from .text import chain_text, hook_text, write_chain
from .tree import grow_trees


WAIT = "30"  # seconds for the lock that iptables-legacy takes on /run/xtables.lock


_CLOSES = " -j DROP"
_ASKS_USER = f" -j {USER}"
_LEADS = re.compile(rf" -[gj] {PREFIX}\S+$")


def program_of(family: str) -> str:
    """The program that reads the files of a family. A host has chosen its backend by what it leads to."""
    return f"{COMMANDS[family]}-restore"


def load_command(program: str, table: str, path: str) -> str:
    """What loads a table of a gate, where nothing of ours is in it.

    :param program: the path of :func:`program_of`
    """
    return f"{program} --noflush -w {WAIT} -T {table} {path}"


def guard_command(program: str, path: str) -> str:
    """What ends with another status than 0 where a hook is not there."""
    return f"{program} --noflush -w {WAIT} {path}"


def gate_text(family: str, tables: Mapping[str, TableRules], user: bool = False) -> str:
    """The transactions that make these tables where nothing of ours is, "" for tables without chains.

    :param user: whether the chain of the administrator is there: of the two texts the kernel takes the one that fits
    """
    return "".join(_table(family, name, table, user) for name, table in tables.items() if table.chains)


def guard_text(family: str, tables: Mapping[str, TableRules]) -> str:
    """What iptables-restore accepts when all hooks are there, and all rules that close something; else its exit status
    is not 0. It changes nothing."""
    text = []
    for name, table in tables.items():
        lines = [hook_text(hook, family).line for hook in table.hooks] if table.chains else []
        # In mangle also what leads there: who is not led there is not limited.
        closing = [chain for chain in table.chains
                   if name == "mangle" or any(rule.verdict == Drop() for rule in chain.rules)]
        lines += [line for chain in grow_trees(closing) for line in chain_text(write_chain(chain, family)).lines
                  if line.endswith(_CLOSES) or name == "mangle" and _LEADS.search(line)]
        lines += [line for chain in table.chains if table.user for line in chain_text(write_chain(chain, family)).lines
                  if line.endswith(_ASKS_USER)]
        text += [f"*{name}", *("-C" + line[2:] for line in lines), "COMMIT"] if lines else []
    return "".join(f"{line}\n" for line in text)


def _table(family: str, name: str, table: TableRules, user: bool) -> str:
    written = [write_chain(chain, family) for chain in grow_trees(table.chains)]
    first = table.hooks[0].target
    text = [f"*{name}", f"-N {first}", *([f"-N {USER}"] if table.user and not user else ())]
    text += [f":{chain.name} - [0:0]" for chain in written if chain.name != first]
    text += [line for chain in written for line in chain_text(chain).lines]
    for hook in (hook_text(hook, family) for hook in table.hooks):
        text.append(f"-I {hook.chain} 1{hook.line[len(f'-A {hook.chain}'):]}" if hook.position == 1 else hook.line)
    return "\n".join([*text, "COMMIT", ""])
