# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host is to come back to what it has been asked for, as a part of a run. Pure."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..core.plan import View
from ..host.draft import Draft
from ..host.model import HostState, Scope
from ..host.resource import Resource
from ..ports.ledger import Ledger


@dataclass(frozen=True)
class Persist:
    """The option ``persist``."""

    on: bool


def amend(draft: Draft, items: Sequence[Persist]) -> None:
    for item in items:
        draft.state.persistent = item.on


def views(_state: HostState, _ledger: Ledger, items: Sequence[Persist]) -> Sequence[View]:
    return [None for _item in items]


def scope(_items: Sequence[Persist], _look: HostState) -> Scope:
    return Scope(firewall=True)


RESOURCE = Resource(key="persist", many="persist", options={}, parse=lambda options: Persist(options["persist"]),
                    identity=str, amend=amend, views=views, scope=scope)
