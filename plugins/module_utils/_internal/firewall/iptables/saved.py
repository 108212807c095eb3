# SPDX-License-Identifier: GPL-3.0-or-later
"""What iptables-save(8) shows, of both of its backends. Pure."""
from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Optional

from ...foreign.model import SavedTable
from ..model import HOOK_COMMENT, PREFIX, USER, ObservedChain, ObservedHook, ObservedTable

_COMMENT = re.compile(r'--comment (?:"([^"]*)"|(\S+))')
_HOOK = re.compile(rf'--comment (?:{HOOK_COMMENT}|"{HOOK_COMMENT}")(?: |$)')
_NO_POLICY = "-"  # of chains that somebody made


def _is_hook(chain: str, line: str, policies: Mapping[str, str]) -> bool:
    """Whether a rule is tagged as ours. Others may have one of that comment, which leads to a chain of theirs or stands
    in one, unless somebody has moved ours there."""
    if HOOK_COMMENT not in line or not _HOOK.search(line) or chain == USER:
        return False
    lead = _lead(line)
    return lead.startswith(PREFIX) or lead not in policies and policies.get(chain) != _NO_POLICY


def target_of(line: str) -> str:
    """The target or the chain that a rule leads to, "" when it has none: the word behind the last ``-j``."""
    _before, jump, words = line.rpartition(" -j ")
    return words.split(" ", 1)[0] if jump else ""


def _lead(line: str) -> str:
    """Where a rule leads to, by a jump or a goto."""
    return target_of(line.replace(" -g ", " -j "))


def _is_own(chain: str) -> bool:
    """Whether a chain is managed: that of the administrator is foreign, whatever its name."""
    return chain.startswith(PREFIX) and chain != USER


def _user_of(others: Mapping[str, list[str]], policies: Mapping[str, str]) -> Optional[tuple[str, ...]]:
    """See :class:`ObservedTable`."""
    if USER not in policies:
        return None
    return tuple(line for chain, lines in others.items() for line in lines
                 if chain == USER or USER in line and _lead(line) == USER)


def parse(text: str) -> tuple[dict[str, ObservedTable], dict[str, SavedTable]]:
    """The tables in the output of iptables-save: own chains and hooks, and the lines of others, unread.

    Our hooks are among the lines of others too, so that their place shows.
    """
    tables: dict[str, ObservedTable] = {}
    foreign: dict[str, SavedTable] = {}
    chains: dict[str, tuple[list[str], list[str]]] = {}
    hooks: list[ObservedHook] = []
    others: dict[str, list[str]] = {}
    policies: dict[str, str] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("-A "):
            chain = line.split(" ", 2)[1]
            if _is_own(chain):
                comment = _COMMENT.search(line)
                chains[chain][0].append((comment.group(1) or comment.group(2)) if comment else "")
                chains[chain][1].append(line)
                continue
            others.setdefault(chain, []).append(line)
            if _is_hook(chain, line, policies):
                hooks.append(ObservedHook(chain, line, len(others[chain])))
        elif line.startswith(f":{PREFIX}") and _is_own(line[1:].split(" ", 1)[0]):
            chains[line[1:].split(" ", 1)[0]] = ([], [])
        elif line.startswith(":"):
            name, policy = line[1:].split(" ", 2)[:2]
            policies[name] = policy.lower()
        elif line.startswith("*"):
            table, chains, hooks, others, policies = line[1:], {}, [], {}, {}
        elif line == "COMMIT":
            placed = tuple(dataclasses.replace(hook, behind=len(others[hook.chain]) - hook.position) for hook in hooks)
            tables[table] = ObservedTable({name: ObservedChain(tuple(comments), tuple(lines))
                                           for name, (comments, lines) in chains.items()}, placed,
                                          _user_of(others, policies))
            foreign[table] = SavedTable({name: tuple(lines) for name, lines in others.items()}, policies)
    return tables, foreign
