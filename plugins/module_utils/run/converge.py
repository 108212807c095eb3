# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline of every run, written once and without Ansible.

    desired -> engines asked -> (lock) names looked up -> snapshot -> plan -> [check mode ends] -> execute -> plan again
"""
from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..core.errors import ExecutionError, HostError, MooringError
from ..core.lock import host_lock
from ..core.plan import Operation, Plan, View, besides
from ..engine.inspect import inspect
from ..engine.model import Answers
from ..engine.places import HostPlaces
from ..host.draft import Draft
from ..host.endpoints import endpoints
from ..host.ledger import read_ledger
from ..host.model import HostState, Scope
from ..host.real import RealHost
from ..host.resource import Known, Part
from ..ports.ledger import Ledger
from ..upkeep.settle import settle, widen

ATTEMPTS = 3  # to find all containers where their engine says that they are


def converge(parts: Sequence[Part], host: RealHost, changing: bool) -> Plan:
    """Bring a host to what all parts together ask for.

    :param parts: desired values by kind, in the order in which what one makes is needed by the next
    :param changing: whether to carry the plan out
    :returns: the plan that was made, with the views of the host after it
    :raises MooringError: for what cannot be, before anything is touched; when the host refuses; and when it is not as
        planned in the end
    """
    # Values of a host refer to each other in no circles, and there are a hundred thousand of them for a thousand
    # containers: to look for circles would take a fifth of a run.
    with _collector_paused():
        return _attempt(parts, host, changing)


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _attempt(parts: Sequence[Part], host: RealHost, changing: bool) -> Plan:
    """Look up, plan and carry out; again where a container has another process by then."""
    for _number in range(ATTEMPTS):
        places = _look_up(parts, host)  # may take as long as an engine does, so not under the lock
        with host_lock():
            outdated = places.find_outdated()
            if not outdated:
                found = _plan_at(parts, places, host)
                # Who is there still was there while its namespace was opened, and so it was the one that was opened.
                outdated = places.find_outdated()
                if not places.unasked and not outdated:
                    return _carry_out(found, parts, places, host) if changing else found
    names = ", container ".join(outdated or places.unasked)
    raise HostError(f"container {names} did not keep its process for long enough to be found: it keeps restarting. "
                    "Look at its log, and run the task again")


def _look_up(parts: Sequence[Part], host: RealHost) -> HostPlaces:
    """Ask each engine once for all names of the run."""
    known = Known(host.look)
    names = dict.fromkeys(name for part in parts for name in part.resource.containers(part.items, known))
    return HostPlaces(inspect(list(names)) if names else Answers())


def _plan_at(parts: Sequence[Part], places: HostPlaces, host: RealHost) -> Plan:
    """Look up the names of desired values, read what they are about, and plan."""
    located: list[Part] = []

    def scope_of(look: HostState) -> Scope:
        places.see(endpoint.container for endpoint in endpoints(look))
        located.extend(_locate(parts, places))
        return widen(Scope.union(part.resource.scope(part.items, look) for part in located))

    return plan(located, host.snapshot(scope_of))


def _locate(parts: Sequence[Part], places: HostPlaces) -> list[Part]:
    located = [replace(part, items=tuple(part.resource.locate(part.items, places))) for part in parts]
    for part in located:
        refuse_twice(part)
    return located


def refuse_twice(part: Part) -> None:
    """Two items about one thing contradict each other, also where they name it in different ways."""
    seen = set()
    for number, item in enumerate(part.items):
        identity = part.resource.identity(item)
        if identity in seen:
            raise MooringError(f"config[{number}]: {identity} stands twice in this task: say all about it in one item")
        seen.add(identity)


def plan(parts: Sequence[Part], observed: HostState) -> Plan:
    """What leads from a host as it is to what located parts ask for. Pure.

    Who leaves does so first, the last storey before the one that it stands on; who stays is planned from the ground up;
    rules, connections and names follow at the end, once.

    :raises MooringError: for what cannot be
    """
    draft = Draft.of(observed, read_ledger(observed))
    before = _views([replace(part, shown=part.shown and part.compared) for part in parts], observed, draft.recorded)
    for part in reversed(parts):
        part.resource.release(draft, part.items)
    for part in parts:
        part.resource.amend(draft, part.items)
    if not all(part.resource.reads_only for part in parts):
        settle(draft)
    if draft.unread:
        raise MooringError(f"this changes containers that cannot be reached: {', '.join(draft.unread)}. Attach them "
                           "again with netns_attach first")
    after = _views(parts, draft.state, draft.ledger)
    return Plan(draft.operations, before=before, after=after, assumed=tuple(draft.assumed),
                warnings=tuple(draft.warnings))


def _views(parts: Sequence[Part], state: HostState, ledger: Ledger) -> tuple[tuple[View, ...], ...]:
    """What of each part is shown to the user."""
    return tuple(tuple(part.resource.views(state, ledger, part.items)) if part.shown else () for part in parts)


def _carry_out(found: Plan, parts: Sequence[Part], places: HostPlaces, host: RealHost) -> Plan:
    """The plan, carried out; a second one must be empty."""
    if found.assumed:
        raise MooringError("; ".join(dict.fromkeys(each.problem for each in found.assumed)))
    if not found.operations:
        return found
    execute(host, found.operations)
    again = _plan_at(parts, places, host)
    left = [operation.describe() for operation in again.operations if not besides(operation)]
    if left:
        raise MooringError("the host did not end up as planned: something else changes it, or it refuses in silence. "
                           "Still to do: " + "; ".join(left))
    host.warnings += [f"something else keeps changing it, and a later run has to: {operation.describe()}"
                      for operation in again.operations]
    return replace(found, after=again.after)  # with what only the kernel knew


def execute(host: RealHost, operations: Sequence[Operation]) -> None:
    """Carry out a plan; undo it where it fails half way. :raises MooringError: with what could not be undone"""
    try:
        host.execute(operations)
    except ExecutionError as error:
        left = []
        for operation in reversed(error.done):
            inverse = operation.inverse()
            try:
                if inverse is None:
                    raise MooringError("nothing undoes that")
                host.execute([inverse])
            except MooringError as problem:
                left.append(f"{operation.describe()} ({problem})")
        undone = "; what had been done before it was undone" if not left else (
            "; done before it and not undone: " + "; ".join(left))
        raise MooringError(f"{error}{undone}") from error
