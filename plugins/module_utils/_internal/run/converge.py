# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline of every run, written once and without Ansible.

    desired -> engines asked -> (lock) names looked up -> snapshot -> plan -> [check mode ends] -> execute -> plan again
"""
from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Optional

from ..core.errors import ExecutionError, MooringError, OutdatedError
from ..core.lock import WAIT, host_lock
from ..core.plan import Absence, Action, Operation, Plan, besides, concerned
from ..engine.inspect import inspect
from ..engine.model import Answers
from ..engine.places import HostPlaces
from ..host.endpoints import endpoints
from ..host.model import HostState, Scope
from ..host.real import RealHost
from ..host.resource import Known, Part
from ..upkeep.settle import widen
from .located import locate
from .plan import plan

ROUNDS = 3  # of carrying out what containers leave to be done, and what others have changed since the host was read
ATTEMPTS = 3  # to find all containers where their engine says that they are


Ask = Callable[[Sequence[str]], Answers]


@dataclass(frozen=True)
class Manner:
    """How a run goes about it.

    :param changing: whether to carry the plan out
    :param certain: whether to take nothing for granted, as a changing run does: who is not there is left out
    :param ask: the question to container engines, None for the usual one
    :param is_current: asked under the lock: whether the parts are still those that are wanted
    :param lock_timeout: seconds to wait for another run that is at work, and for each one that is in front of this one
    """

    changing: bool
    certain: bool = False
    ask: Optional[Ask] = None
    is_current: Callable[[], bool] = lambda: True
    lock_timeout: float = WAIT


def converge(parts: Sequence[Part], host: RealHost, changing: bool, manner: Optional[Manner] = None) -> Plan:
    """Bring a host to what all parts together ask for.

    :param parts: desired values by kind, in the order in which what one makes is needed by the next
    :param changing: whether to carry the plan out
    :param manner: what more there is to say of that
    :returns: the plan that was made, with the views of the host after it, and with the containers that kept something
        from being done
    :raises OutdatedError: when the parts are not those that are wanted any more, before anything is touched
    :raises MooringError: for what cannot be, before anything is touched; when the host refuses; and when it is not as
        planned in the end
    """
    # Values of a host refer to each other in no circles, and there are a hundred thousand of them for a thousand
    # containers: to look for circles would take a fifth of a run.
    with _collector_paused():
        return _attempt(parts, host, manner or Manner(changing))


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _attempt(parts: Sequence[Part], host: RealHost, manner: Manner) -> Plan:
    """Look up, plan and carry out; again where a container has another process by then.

    One that never keeps its process for that long counts as not running.
    """
    writes = manner.changing and not all(part.resource.reads_only for part in parts)
    for number in range(ATTEMPTS):
        places = _look_up(parts, host, manner.ask or inspect)  # which may take long, so not under the lock
        with host_lock(manner.lock_timeout, writes=writes):
            if not manner.is_current():
                raise OutdatedError("what was asked for has changed meanwhile")
            found = _plan_for_found(parts, places, host, last=number == ATTEMPTS - 1)
            if found is not None:
                return _complete(found, parts, places, host, manner)
    raise AssertionError("the last attempt returns")


def _complete(found: Plan, parts: Sequence[Part], places: HostPlaces, host: RealHost, manner: Manner) -> Plan:
    if manner.changing:
        return _carry_out(found, parts, places, host)
    if not manner.certain:
        return found
    failed: dict[str, str] = {}
    return replace(_plan_without_absent(found, failed, parts, places, host), failed=failed, absent=frozenset(failed))


def _plan_for_found(parts: Sequence[Part], places: HostPlaces, host: RealHost, last: bool) -> Optional[Plan]:
    """A plan in which all containers are where their engine said, None where one is not.

    :param last: whether such a one counts as not running instead
    """
    while True:
        outdated = places.find_outdated()
        if not outdated:
            found = _plan_at(parts, places, host, {})
            # Who is there still was there while its namespace was opened, and so it was the one that was opened.
            outdated = places.find_outdated()
            if not outdated:
                return found if last or not places.unasked else None
        if not last:
            return None
        places.give_up(outdated)


def _look_up(parts: Sequence[Part], host: RealHost, ask: Ask) -> HostPlaces:
    """Ask each engine once for all names of the run."""
    known = Known(host.look)
    names = dict.fromkeys(name for part in parts for name in part.resource.containers(part.items, known))
    return HostPlaces(ask(list(names)) if names else Answers())


def _plan_at(parts: Sequence[Part], places: HostPlaces, host: RealHost, failed: Mapping[str, str]) -> Plan:
    """Look up the names of desired values, read what they are about, and plan.

    :param failed: see :func:`plan`
    """
    located: list[Part] = []

    def scope_of(look: HostState) -> Scope:
        places.see(endpoint.container for endpoint in endpoints(look))
        located.extend(locate(parts, places))
        return widen(Scope.union(part.resource.scope(part.items, look) for part in located), look)

    observed = host.snapshot(scope_of)  # fills located
    return plan(located, observed, failed)


def _carry_out(found: Plan, parts: Sequence[Part], places: HostPlaces, host: RealHost) -> Plan:
    """The plan, carried out; a second one must be empty.

    Where a container is not there, or keeps something from being done in it, the rest is planned without that. What
    nobody has done yet was not there to be done: the kernel takes away what belongs to a namespace a while after its
    last process has ended, and so it does in the middle of a run. What is to be done on the host once more was undone
    by somebody who may be through with it: a guard that has found rules missing, and has closed the bridges again that
    this run removes.
    """
    done: list[Operation] = []
    later: list[Action] = []
    failed: dict[str, str] = {}
    found = again = _plan_without_absent(found, failed, parts, places, host)
    absent = frozenset(failed)
    for _number in range(ROUNDS):
        if not again.operations:
            break
        done += execute(host, again.operations, again.placed)
        later += again.all_told if again is not found else ()
        known = set(failed)
        failed.update((places.name(path), again.placed(why)) for path, why in host.setbacks.why.items())
        again = _plan_at(parts, places, host, failed)
        if not failed.keys() - known and not _is_worth_it(again.operations, done):
            break
    restless = _find_restless(again.operations, places, host)
    return replace(found.carried_out(done, later), after=again.after,  # with what only the kernel knew
                   failed={**found.failed, **again.failed, **restless}, absent=absent)


def _is_worth_it(operations: Sequence[Operation], done: Sequence[Operation]) -> bool:
    """Whether something is left to be done that the run has not done yet, or that no container can keep undoing."""
    tried = {operation.describe() for operation in done} if operations else set()
    return any(operation.describe() not in tried or not besides(operation) and not concerned(operation)
               for operation in operations)


def _plan_without_absent(found: Plan, failed: dict[str, str], parts: Sequence[Part], places: HostPlaces,
                         host: RealHost) -> Plan:
    """A plan that takes nothing for granted: who is not there is among ``failed`` from now on.

    :raises MooringError: where something is missing that is no container
    """
    while found.assumed:
        missing = [each.error for each in found.assumed if each.container in ("", *failed)]
        if missing:
            raise MooringError("; ".join(dict.fromkeys(missing)))
        failed.update((each.container, Absence(each.error)) for each in reversed(found.assumed))
        found = _plan_at(parts, places, host, failed)
    return found


def _find_restless(operations: Sequence[Operation], places: HostPlaces, host: RealHost) -> dict[str, str]:
    """Containers in which something is left to be done although it was done just now, and what.

    :raises MooringError: when something is left elsewhere, unless it is done on the way and may fail
    """
    left = [operation for operation in operations if not besides(operation)]
    if rest := [operation.describe() for operation in left if not concerned(operation)]:
        raise MooringError("the host did not end up as planned: something else changes it, or it refuses in silence. "
                           "Still to do: " + "; ".join(rest))
    host.warnings += [f"something else keeps changing it, and a later run has to: {operation.describe()}"
                      for operation in operations if besides(operation)]
    found: dict[str, list[str]] = {}
    for operation in left:
        found.setdefault(places.name(concerned(operation)), []).append(operation.describe())
    return {name: f"something in it changes what was set up just now. Still to do: {'; '.join(words)}"
            for name, words in found.items()}


def execute(host: RealHost, operations: Sequence[Operation], placed: Callable[[str], str] = str) -> list[Operation]:
    """Carry out a plan; undo it where it fails half way.

    :param placed: see :meth:`core.plan.Plan.placed`
    :returns: the operations that were carried out, see :class:`host.setbacks.Setbacks`
    :raises MooringError: with what could not be undone
    """
    try:
        return host.execute(operations)
    except ExecutionError as error:
        left = []
        for operation in reversed(error.done):
            inverse = operation.inverse()
            try:
                if inverse is None:
                    raise MooringError("nothing undoes that")
                if not host.execute([inverse]):
                    raise MooringError("its container does not let that be undone")
            except MooringError as problem:
                left.append(f"{operation.describe()} ({problem})")
        undone = "; what had been done before it was undone" if not left else (
            "; done before it and not undone: " + "; ".join(left))
        raise MooringError(f"{placed(str(error))}{undone}") from error
