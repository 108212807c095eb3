# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody has done to the rules, of which a run that repairs them tells. Pure."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..core.plan import Action
from ..firewall.iptables import sync as iptables
from ..firewall.model import FAMILIES, TABLES
from ..firewall.operations import ChainChange, RestoreTable
from ..host.draft import Draft
from ..policy.bridge import handed_chain, icc_chain, inward_chain
from ..policy.direct import opened_chain
from ..policy.egress import from_chain
from ..policy.internal import stay_chain
from ..policy.outward import outward_chain
from ..policy.raw import direct_chain
from ..policy.rules import table_rules
from ..telling.model import Fact, Rank, joined
from ..telling.tell import tell
from .rules import policy_of

SHOWN = 4  # bridges that a sentence names
PLACES = 3  # chains that it names; where more are concerned it is "them"
_CHAINS = (inward_chain, icc_chain, outward_chain, handed_chain, direct_chain, opened_chain,
           stay_chain, from_chain)
# What has become of rules, the worst first. Rules that an earlier version wrote, or for other interfaces of the host
# than it has now, are nobody's fault.
REMOVED, SOME, CHANGED, ADDED, OUTDATED = (
    "somebody removed {}", "{} lacked some", "somebody changed {}", "somebody added {}", "")


@dataclass(frozen=True)
class _Fault:
    """:param names: the bridges whose rules it is about; what is common to all of them is of all"""

    names: Sequence[str]
    reason: str
    place: str


def told(draft: Draft) -> tuple[Action, ...]:
    """What a draft does, in the user's words."""
    written = any(isinstance(operation, RestoreTable) for _stage, operation in draft.planned)
    return tell(draft, list(find_repairs(draft)) if written else ())


def find_repairs(draft: Draft) -> Iterator[Fact]:
    """A sentence for each way in which rules were not as bridges and ledger had them before the run."""
    before = policy_of(draft.observed, draft.recorded)
    owners = {chain(name): name for name in before.bridges for chain in _CHAINS}
    faults: list[_Fault] = []
    for family in FAMILIES if before.bridges else ():
        if family not in draft.observed.unusable:
            tables = {table: draft.observed.tables[family, table] for table in TABLES
                      if (family, table) in draft.observed.tables}
            for operation in iptables.changes(family, table_rules(before, family), tables):
                faults += _faults(operation, owners, list(before.bridges))
    for reason in (REMOVED, SOME, CHANGED, ADDED, OUTDATED):
        if here := [fault for fault in faults if fault.reason == reason]:
            yield _tell(reason, here)


def _tell(reason: str, faults: Sequence[_Fault]) -> Fact:
    names = sorted({name for fault in faults for name in fault.names})
    places = sorted({fault.place for fault in faults})
    why = reason.format(joined(places) if len(places) <= PLACES else "them")
    which = f"{len(names)} bridges" if len(names) > SHOWN else joined(names)
    text = f"repair rules of {which} ({why})" if why else f"bring the rules of {which} up to date"
    return Fact(Rank.REPAIR, text, tuple(f"rules of {name}: {why or 'as they were'}" for name in names),
                tuple(f"rules of {name}: as they are kept" for name in names), rules=True)


def _faults(operation: RestoreTable, owners: Mapping[str, str], everybody: Sequence[str]) -> Iterator[_Fault]:
    shared = {_reason(change) for change in operation.chains if change.name not in owners}
    # What the host has become, such as one with another bridge of others, is all over the chains that all share.
    outdated = OUTDATED in shared or {REMOVED, SOME} <= shared
    for change in operation.chains:
        if change.name in owners:
            yield _Fault([owners[change.name]], _reason(change), change.name)
        else:
            yield _Fault(everybody, OUTDATED if outdated else _reason(change), change.name)
    gone, new = ({hook.chain for hook in hooks} for hooks in (operation.hooks_gone, operation.hooks_new))
    for chain in sorted(gone | new):
        reason = REMOVED if chain not in gone else CHANGED if chain in new else ADDED
        yield _Fault(everybody, reason, f"the jump from {chain}")


def _reason(change: ChainChange) -> str:
    if change.after is None:
        return ADDED
    if change.before is None or not change.before.lines:
        return REMOVED
    had, wanted = set(change.before.comments), set(change.after.comments)
    return CHANGED if had >= wanted else SOME if had < wanted else OUTDATED
