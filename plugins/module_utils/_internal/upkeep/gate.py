# SPDX-License-Identifier: GPL-3.0-or-later
"""What closes all bridges of a host when it starts, before the network is as it was: two files for each family. Pure.

The gate lets through what containers of one bridge say to each other, and what they begin elsewhere; it translates
nothing, so on a bridge that masquerades no answer from the outside comes back. Published ports, links, masquerade, and
exceptions for other bridges, interfaces and networks come with the run that follows: only that knows who has which
address.
"""
from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ..bridge.model import Bridge, close
from ..core.plan import CLOSE
from ..firewall.iptables.gate import gate_text, guard_text
from ..firewall.model import FAMILIES, TABLES
from ..host.draft import Draft
from ..host.lasting import BRIDGE_LINE, GATE, GATES, GUARD, USER_GATE, LastingFile, awaited_line
from ..host.model import Awaited
from ..policy.model import Policy
from ..policy.rules import table_rules
from .rules import policy_of

CLOSING = ("raw", "mangle", "filter")  # the tables that close something
_HEAD = "# Made by the Ansible collection mooring.net, and replaced when the network changes.\n"


def keep_gate(draft: Draft) -> None:
    """Add to the draft what makes the files close the bridges as they will be, where the network outlives the run.

    A bridge is in them before it is there. A family that this run cannot read is left as it is.
    """
    before = {name: text for name, text in draft.state.lasting.items() if name in GATES}
    after = gate_files(policy_of(draft.state, draft.ledger)) if draft.state.persistent else {}
    for family in draft.state.unusable if after else ():
        names = GATE.format(family), USER_GATE.format(family), GUARD.format(family)
        after.update({name: before.get(name, _HEAD) for name in names})
    grows = any(line not in _bridges_in(before) for line in _bridges_in(after))
    for name in sorted({*before, *after}):
        if (text := after.get(name, "")) != (previous := before.get(name, "")):
            draft.do(LastingFile(name, text, previous), CLOSE if grows else None)


def _bridges_in(files: Mapping[str, str]) -> set[str]:
    return {line for text in files.values() for line in text.splitlines() if line.startswith(BRIDGE_LINE)}


def gate_files(policy: Policy) -> dict[str, str]:
    """The text of each file by its name, nothing where no bridge has rules.

    All of them are there or none: a family without rules has files that do nothing. What only makes
    others faster is not in them: another kernel may not know groups, and routes come and go.
    """
    own = [bridge for bridge in policy.bridges.values() if any(map(bridge.filters, FAMILIES))]
    if not own:
        return {}
    # No port and no link changes a rule that closes something. A list lets nothing out, since it has no sets yet.
    bare = dataclasses.replace(policy, publications=(), links=(), detours=(), held=(), held_links=(), lists={}, away=(),
                               ends=())
    closed = dataclasses.replace(bare, bridges={name: close(each) for name, each in policy.bridges.items()},
                                 groups=False, outer=())
    head = _HEAD + "".join(f"{awaited_line(_awaited(close(bridge)))}\n" for bridge in own)
    found = {}
    for family in FAMILIES:
        kept = table_rules(bare, family)
        made, there = [{name: tables[name] for name in CLOSING} for tables in (
            table_rules(dataclasses.replace(closed, user_made=families), family) for families in (FAMILIES, ()))]
        found[GATE.format(family)] = head + gate_text(family, made)
        found[USER_GATE.format(family)] = _HEAD + (gate_text(family, there, user=True) if closed.user else "")
        found[GUARD.format(family)] = _HEAD + guard_text(family, {name: kept[name] for name in TABLES})
    return found


def _awaited(bridge: Bridge) -> Awaited:
    return Awaited(dataclasses.replace(bridge.link, alias=bridge.mark.text), bridge.leases)
