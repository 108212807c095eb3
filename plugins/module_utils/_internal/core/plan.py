# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan: the operations that lead from what is observed to what is desired, and a draft of one."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Optional, Protocol

# The stages of a plan, in the order of their execution. What holds at the end of each, and at every operation within:
#
#   ORDER    It is written down what the host comes back to after a reboot, where that was asked for.
#   CLOSE    Nothing is reachable but what was so before the run and will be so after it. New bridges have their rules.
#   RELEASE  Who leaves is gone, and has given up names and addresses.
#   MAKE     Namespaces are there before links, links before what is set inside of containers. Nobody reaches more.
#   RECORD   Endpoints and bridges that were there before have their new leases, MTU and addresses. By the old ones the
#            next run would have seen that what is inside of containers does not fit yet.
#            Before MAKE an endpoint says what its inside may become, and after its bridge it forgets that.
#   OPEN     What the run makes reachable is so: rules first, then the sysctls that let packets through them.
#   FORGET   Connections that go on by an old permission or translation are forgotten. Ports that others need not hear
#            any more are isolated.
#   NAME     Containers find each other by name.
#
# So a run that ends in the middle leaves nothing reachable that was not so before and would not be so afterwards.
# Within a stage operations keep the order of the planners. RELEASE and MAKE have steps, since objects of the kernel
# need each other, and so that links of one namespace go to the kernel together.
ORDER, CLOSE, RELEASE_LINK, RELEASE_NETNS, MAKE_NETNS, MAKE_LINK, MAKE_INSIDE, RECORD_ENDPOINT, RECORD_BRIDGE, LOAD, \
    OPEN, PASS, FORGET, NAME = range(14)


class Operation(Protocol):
    """One act on the host, as a value: it can be described, applied to a state in memory, and turned round."""

    @property
    def stage(self) -> int:
        """Where it stands in a plan, unless the planner closes something with it: one of the constants above."""

    @property
    def netns(self) -> str:
        """Path of the namespace that it works in, HOST for the host's own."""

    # An operation on the host may have ``inside``: the path of the one namespace that it is about. Where it fails, the
    # container there has brought it about, or has ended, and only what is done for that container stays undone.

    # An operation may have ``besides``: true when it is not what the task is about, but on the way, in something that a
    # container can change as well. Where it does not get done, the user is told, and the rest is done all the same: a
    # container cannot keep runs from others.

    def describe(self) -> str:
        """One sentence for the ``operations`` of the result, without a full stop: ``create bridge br0``."""

    def apply(self, state: Any) -> None:
        """Do to ``state`` (a HostState) what the kernel will do to the host."""

    def inverse(self) -> Optional[Operation]:
        """What undoes it, None when nothing does."""

    def lines(self) -> tuple[list[str], list[str]]:
        """What the diff shows before and after."""


def changed_lines(title: str, before: Iterable[str], after: Iterable[str]) -> tuple[list[str], list[str]]:
    """What the diff shows of a text: the lines before that are not there after, and the other way round."""
    old, new = list(before), list(after)
    lost, more = set(new), set(old)
    return ([f"{title}: {line}" for line in old if line not in lost],
            [f"{title}: {line}" for line in new if line not in more])


def besides(operation: Operation) -> bool:
    return getattr(operation, "besides", False)


def concerned(operation: Operation) -> str:
    """Path of the namespace whose container alone is concerned if an operation fails, "" when it is everybody."""
    return getattr(operation, "inside", "") or operation.netns


class Absence(str):
    """Why nothing can be done for a container, where that is because it is not there."""


View = Optional[Mapping[str, Any]]  # a resource as it is returned to the user, None when it is not there


@dataclass(frozen=True)
class Assumption:
    """What is missing and taken for granted: fine in check mode, an error otherwise.

    :param problem: what is missing and what to do about it, as a sentence: the error
    :param task: what an earlier task does in check mode, as the rest of a sentence: ``creates bridge br0``
    :param container: whose absence it is: then it is an error for that container alone
    :param place: the item that it stands in the way of: ``config[1] (container b)``
    """

    problem: str
    task: str
    container: str = ""
    place: str = field(default="", compare=False)

    @property
    def error(self) -> str:
        return f"{self.place}: {self.problem}" if self.place else self.problem

    @property
    def warning(self) -> str:
        return f"check mode assumes that an earlier task {self.task}. Without it a run fails: {self.error}"


@dataclass(frozen=True)
class Action:
    """What a plan does, in the words of those who wrote the task: ``attach web to br0 as 192.168.5.2``.

    :param text: one sentence without a full stop
    :param operations: what brings it about. One operation may belong to several actions
    :param before: what the diff shows before, ``after`` what it shows afterwards
    """

    text: str
    operations: tuple[Operation, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def tell_once(actions: Iterable[Action]) -> tuple[Action, ...]:
    """The same without those that read as an earlier one, which has their operations too."""
    found: dict[object, Action] = {}
    for action in actions:
        same = found.setdefault((action.text, action.before, action.after), action)
        if same is not action:
            found[same.text, same.before, same.after] = replace(
                same, operations=(*same.operations, *action.operations))
    return tuple(found.values())


@dataclass(frozen=True)
class Plan:
    """The decision of a run.

    :param operations: in order of execution
    :param before: for each part of the run its resources as they are
    :param after: the same as they will be
    :param assumed: what is missing and was taken for granted
    :param warnings: for the user, whether or not anything changes
    :param failed: containers for which something stays undone, and why
    :param absent: those of them that are not there
    :param told: what the operations bring about; None where each speaks for itself
    :param places: by the id of an operation the item of a list that it was planned for: ``config[1] (container b)``
    """

    operations: tuple[Operation, ...] = ()
    before: tuple[tuple[View, ...], ...] = ()
    after: tuple[tuple[View, ...], ...] = ()
    assumed: tuple[Assumption, ...] = ()
    warnings: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    told: Optional[tuple[Action, ...]] = None
    places: Mapping[int, str] = field(default_factory=dict, compare=False, repr=False)

    def placed(self, problem: str) -> str:
        """What a host says that it cannot do, with the item that it was to be done for in front, where it is one's."""
        return next((f"{place}: {problem}" for operation in self.operations if (place := self.places.get(id(operation)))
                     and problem.startswith(f"cannot {operation.describe()}")), problem)

    @property
    def actions(self) -> list[str]:
        """What is done, in the user's words; empty where, and only where, nothing is."""
        return [action.text for action in self.all_told]

    @property
    def steps(self) -> list[str]:
        """What the kernel is told: a sentence for each operation, in order of execution."""
        return [operation.describe() for operation in self.operations]

    @property
    def all_told(self) -> tuple[Action, ...]:
        if self.told is not None:
            return self.told
        lines = [operation.lines() for operation in self.operations]
        return tuple(Action(operation.describe(), (operation,), tuple(before), tuple(after))
                     for operation, (before, after) in zip(self.operations, lines))

    def carried_out(self, done: Sequence[Operation], later: Sequence[Action] = ()) -> Plan:
        """The plan of a run as it went.

        :param done: the operations that were carried out, of this plan and of those after it
        :param later: what is told of those
        """
        known = set(map(id, done))
        told = tell_once(action for action in (*self.all_told, *later)  # what had to be done once more among them
                         if any(id(operation) in known for operation in action.operations))
        return replace(self, operations=tuple(done), told=told)


@dataclass
class Draft:
    """A plan in the making: each operation is applied to ``state`` at once, so that what follows sees its effect."""

    state: Any
    planned: list[tuple[int, Operation]] = field(default_factory=list)
    assumed: list[Assumption] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    place: str = ""  # the item of a list that is planned: "config[1] (container b)"
    planned_for: dict[int, str] = field(default_factory=dict)  # the same by the id of each operation

    def do(self, operation: Operation, stage: Optional[int] = None) -> None:
        """Add an operation, at its usual stage where no other one is given."""
        operation.apply(self.state)
        self.planned.append((operation.stage if stage is None else stage, operation))
        if self.place:
            self.planned_for[id(operation)] = self.place

    @property
    def operations(self) -> tuple[Operation, ...]:
        """In order of execution."""
        return tuple(operation for _stage, operation in sorted(self.planned, key=lambda planned: planned[0]))

    def assume(self, problem: str, task: str, container: str = "") -> None:
        """Take for granted that an earlier task does what ``task`` says, see :class:`Assumption`."""
        if (assumption := Assumption(problem, task, container, self.place)) not in self.assumed:
            self.assumed.append(assumption)

    def warn(self, text: str) -> None:
        if self.place:
            text = f"{self.place}: {text}"
        if text not in self.warnings:
            self.warnings.append(text)
