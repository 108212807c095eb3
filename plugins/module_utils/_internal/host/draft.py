# SPDX-License-Identifier: GPL-3.0-or-later
"""The draft of a plan for a host: what planners share. Pure."""
from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional, TypeVar

from ..core import plan
from ..core.errors import ContainerError, MooringError, at
from ..ports.ledger import Ledger
from .model import HostState

_Item = TypeVar("_Item")


@dataclass
class Draft(plan.Draft):
    """See :class:`core.plan.Draft`.

    :param observed: the host before the run; ``state`` begins as a copy of it
    :param recorded: the ledger before the run
    :param ledger: the ledger as it will be
    :param failed: containers for which nothing can be done inside of them, and why: what concerns them alone is left
        as it is
    :param spoiled: containers of which a part is planned that will not be done, and why
    :param bridges_asked: names of the bridges that the run is about, for warnings
    :param containers_asked: the same of containers with published ports
    :param limited_asked: the same of containers with lists of where they may send
    :param names_asked: containers whose files the run has planned already
    :param led: containers and families of default routes that the run has chosen the interface of
    :param unguarded: families of which the host may forward between other interfaces from now on
    :param bridges_released: whether the run has been asked to remove bridges
    :param user_chain: whether rules of the administrator are to come first, None where nobody has said anything
    :param followed: whether endpoints that nobody names have been brought to what their bridges have become
    :param places: of the part that is planned by the id of each item how messages call it: ``config[1] (container b)``
    """

    state: HostState
    observed: HostState = field(default_factory=HostState)
    recorded: Ledger = field(default_factory=Ledger)
    ledger: Ledger = field(default_factory=Ledger)
    failed: dict[str, str] = field(default_factory=dict)
    spoiled: dict[str, str] = field(default_factory=dict)
    bridges_asked: list[str] = field(default_factory=list)
    containers_asked: list[str] = field(default_factory=list)
    limited_asked: list[str] = field(default_factory=list)
    names_asked: set[str] = field(default_factory=set)
    led: set[tuple[str, str]] = field(default_factory=set)
    unguarded: set[str] = field(default_factory=set)
    bridges_released: bool = False
    user_chain: Optional[bool] = None
    followed: bool = False
    places: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, observed: HostState, recorded: Ledger, failed: Optional[Mapping[str, str]] = None) -> Draft:
        """A draft in which nothing is planned yet."""
        return cls(observed.copy(), observed=observed, recorded=recorded, ledger=recorded.copy(),
                   failed=dict(failed or {}))

    @contextlib.contextmanager
    def about(self, items: Sequence[Any], places: Sequence[str]) -> Iterator[None]:
        """Errors that leave the block say which of the items was planned, as far as that goes through :meth:`each`."""
        self.places = {id(item): place for item, place in zip(items, places)}
        try:
            yield
        except MooringError as error:
            raise at(self.place, error) from error
        finally:
            self.place, self.places = "", {}

    def each(self, items: Iterable[_Item]) -> Iterator[_Item]:
        """The items one by one: what is planned, warned of and refused meanwhile is told of that item."""
        for item in items:
            self.place = self.places.get(id(item), "")
            yield item
        self.place = ""

    @contextlib.contextmanager
    def bearing(self) -> Iterator[None]:
        """What a container keeps from being planned in the block is given up, and the rest of the plan goes on."""
        try:
            yield
        except ContainerError as error:
            self.fail(error.container, str(error))

    @contextlib.contextmanager
    def halfway(self) -> Iterator[None]:
        """The same where some of it is planned by then: all is to be planned again, without that container.

        The block goes on with the next one, so that all in whose way something is are found in one plan.
        """
        try:
            yield
        except ContainerError as error:
            self.spoiled.setdefault(error.container, str(at(self.place, error)))

    def fail(self, container: str, problem: str) -> None:
        """Give up what is to be done inside of a container. The first problem is the one that is told."""
        self.failed.setdefault(container, f"{self.place}: {problem}" if self.place else problem)
