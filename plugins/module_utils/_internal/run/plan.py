# SPDX-License-Identifier: GPL-3.0-or-later
"""From located parts and a host as it is to a plan. Pure."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Optional

from ..core.errors import ContainerError, MooringError
from ..core.plan import Plan, View
from ..host.draft import Draft
from ..host.ledger import read_ledger
from ..host.model import HostState
from ..host.resource import Part
from ..persist.export import keep
from ..ports.ledger import Ledger
from ..upkeep.recall import recall
from ..upkeep.repairs import told
from ..upkeep.settle import begin, settle


def plan(parts: Sequence[Part], observed: HostState, failed: Optional[Mapping[str, str]] = None) -> Plan:
    """The same for all others where what a container has made is in the way, wherever in a plan that shows.

    :param failed: containers in which nothing can be done, and why: what is inside of them is left as it is
    :raises MooringError: for what cannot be
    """
    given_up = dict(failed or {})
    while True:
        try:
            return _plan(parts, observed, given_up)
        except _SpoiledError as error:
            _give_up(given_up, error.containers, error)
        except ContainerError as error:
            _give_up(given_up, {error.container: str(error)}, error)


class _SpoiledError(MooringError):
    """A plan that is to be made again, without these containers: what keeps something from being done in each."""

    def __init__(self, containers: Mapping[str, str]) -> None:
        super().__init__("; ".join(containers.values()))
        self.containers = containers


def _give_up(given_up: dict[str, str], containers: Mapping[str, str], error: MooringError) -> None:
    """:raises MooringError: where nobody is left who could be in the way: else the plan would be made for ever"""
    if containers.keys() <= given_up.keys():
        raise error
    given_up.update(containers)


def _plan(parts: Sequence[Part], observed: HostState, failed: Mapping[str, str]) -> Plan:
    """What leads from a host as it is to what located parts ask for. Pure.

    Who leaves does so first, the last storey before the one that it stands on; who stays is planned from the ground up;
    rules, connections and names follow at the end, once.

    :raises ContainerError: for what a container keeps from being planned, at a place that does not bear it
    :raises MooringError: for what cannot be
    """
    observed = recall(observed)
    draft = Draft.of(observed, read_ledger(observed), failed)
    before = _views([replace(part, shown=part.shown and part.compared) for part in parts], observed, draft.recorded)
    reads_only = all(part.resource.reads_only for part in parts)
    if not reads_only:
        begin(draft)
    for part in reversed(parts):
        with draft.about(part.items, part.places):
            part.resource.release(draft, part.items)
    for part in parts:
        with draft.about(part.items, part.places):
            part.resource.amend(draft, part.items)
        if draft.spoiled:
            raise _SpoiledError(draft.spoiled)
    if not reads_only:
        settle(draft)
        keep(draft, parts)
    after = _views(parts, draft.state, draft.ledger)
    return Plan(draft.operations, before=before, after=after, assumed=tuple(draft.assumed),
                warnings=tuple(draft.warnings), failed=draft.failed, told=told(draft), places=draft.planned_for)


def _views(parts: Sequence[Part], state: HostState, ledger: Ledger) -> tuple[tuple[View, ...], ...]:
    """What of each part is shown to the user."""
    return tuple(tuple(part.resource.views(state, ledger, part.items)) if part.shown else () for part in parts)
