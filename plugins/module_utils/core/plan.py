# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan: the operations that lead from what is observed to what is desired, and a draft of one."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional, Protocol

# The order of execution. Closing comes before opening, and rules come before the sysctls that let packets
# through them: every prefix of an interrupted run leaves no more reachable than before or after.
(PHASE_CLOSING, PHASE_LINK_DEL, PHASE_NETNS_DEL, PHASE_NETNS_ADD, PHASE_LINK, PHASE_NETNS, PHASE_MODULE, PHASE_FIREWALL,
 PHASE_SYSCTL, PHASE_CONNTRACK, PHASE_FILES) = range(11)


class Operation(Protocol):
    """One act on the host, as a value: it can be described, applied to a state in memory, and turned round."""

    @property
    def phase(self) -> int:
        """One of the PHASE constants."""

    @property
    def netns(self) -> str:
        """Path of the namespace that it works in, HOST for the host's own."""

    # An operation may have ``besides``: true when it is not what the task is about, but on the way, in something that a
    # container can change as well. Where it does not get done, the user is told, and the rest is done all the same: a
    # container cannot keep runs from others.

    def describe(self) -> str:
        """One sentence for the ``actions`` of the result, without a full stop: ``create bridge br0``."""

    def apply(self, state: Any) -> None:
        """Do to ``state`` (a HostState) what the kernel will do to the host."""

    def inverse(self) -> Optional[Operation]:
        """What undoes it, None when nothing does."""

    def lines(self) -> tuple[list[str], list[str]]:
        """What the diff shows before and after."""


def besides(operation: Operation) -> bool:
    return getattr(operation, "besides", False)


@dataclass(frozen=True)
class Plan:
    """The decision of a run.

    :param operations: in order of execution
    :param before: resources as they are, one dict each, None for one that is not there
    :param after: resources as they will be
    :param assumed: what is missing and was taken for granted, as sentences that say so: fine in check mode, where an
        earlier task would have made it, an error otherwise
    :param warnings: for the user, whether or not anything changes
    :param needs: a Scope that has to be read as well before a plan can be made; the rest is empty then
    """

    operations: tuple[Operation, ...] = ()
    before: tuple[Optional[Mapping[str, Any]], ...] = ()
    after: tuple[Optional[Mapping[str, Any]], ...] = ()
    assumed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    needs: Any = None

    @property
    def actions(self) -> list[str]:
        return [operation.describe() for operation in self.operations]


@dataclass
class Draft:
    """A plan in the making: each operation is applied to ``state`` at once, so that what follows sees its effect."""

    state: Any
    operations: list[Operation] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def do(self, operation: Operation) -> None:
        operation.apply(self.state)
        self.operations.append(operation)

    def assume(self, problem: str) -> None:
        if problem not in self.assumed:
            self.assumed.append(problem)

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def finish(self, before: Sequence[Optional[Mapping[str, Any]]],
               after: Sequence[Optional[Mapping[str, Any]]]) -> Plan:
        ordered = tuple(sorted(self.operations, key=lambda operation: operation.phase))
        return Plan(ordered, tuple(before), tuple(after), tuple(self.assumed), tuple(self.warnings))
