# SPDX-License-Identifier: GPL-3.0-or-later
"""What a domain tells the pipeline of the things that people declare in it."""
from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from ..core.plan import View
from ..engine.model import Places
from ..netns.model import NamedNetns
from ..ports.ledger import Ledger
from .draft import Draft
from .endpoints import endpoints
from .model import HostState, Scope


class Known:
    """What a first look at a host tells, before its engines are asked; it is not taken unless somebody asks."""

    def __init__(self, look: Callable[[], HostState]) -> None:
        self._take = look
        self._expected: set[str] = set()

    @functools.cached_property
    def _look(self) -> HostState:
        return self._take()

    @functools.cached_property
    def _attached(self) -> set[str]:
        return {endpoint.container for endpoint in endpoints(self._look)}

    def expect(self, container: str) -> None:
        """Count a container among the attached ones: an earlier part of the run attaches it."""
        self._expected.add(container)

    def is_attached(self, container: str) -> bool:
        """Whether a container has an interface on a bridge under that very name, or will have by then."""
        return container in self._expected or container in self._attached

    def namespace(self, name: str) -> Optional[NamedNetns]:
        """What is under /run/netns by that name."""
        return self._look.named.get(name)


def _as_they_are(items: Sequence[Any], _places: Places) -> Sequence[Any]:
    return items


def _none(_items: Sequence[Any], _known: Known) -> Iterable[str]:
    return ()


def _nothing(_draft: Draft, _items: Sequence[Any]) -> None:
    """Nobody leaves."""


@dataclass(frozen=True)
class Resource:
    """A kind of thing that people declare.

    What a task says becomes a desired value, and once the names in it are looked up a located one. An item below is a
    located value; where names need no looking up the two are the same.

    :param key: name of one of them in a module's result, ``many`` that of the list of all of them
    :param options: argument_spec of one
    :param parse: options of one -> desired; raises OptionError
    :param identity: desired or item -> what two items of one task must not share
    :param amend: draft, items -> what they ask for is planned
    :param views: state, ledger, items -> each as it is returned to the user
    :param scope: items, the host's own links, addresses and routes -> what has to be read
    :param containers: desired, what is known -> the names that container engines are to be asked for
    :param locate: desired, places -> items
    :param release: draft, items -> those who leave are gone, before anybody is amended
    :param required: options that every item needs
    :param reads_only: whether it only asks what is there, so that not even what has drifted is repaired
    :param libraries: Python packages that it needs
    """

    key: str
    many: str
    options: Mapping[str, Any]
    parse: Callable[[Mapping[str, Any]], Any]
    identity: Callable[[Any], str]
    amend: Callable[[Draft, Sequence[Any]], None]
    views: Callable[[HostState, Ledger, Sequence[Any]], Sequence[View]]
    scope: Callable[[Sequence[Any], HostState], Scope]
    containers: Callable[[Sequence[Any], Known], Iterable[str]] = _none
    locate: Callable[[Sequence[Any], Places], Sequence[Any]] = _as_they_are
    release: Callable[[Draft, Sequence[Any]], None] = _nothing
    required: tuple[str, ...] = ()
    reads_only: bool = False
    libraries: tuple[str, ...] = ("pyroute2",)


@dataclass(frozen=True)
class Part:
    """Things of one kind in a run.

    :param given: of each item the options that it was made from, checked; none where it was made of anything else
    :param places: of each item of a list what stands in front of its errors: ``config[1] (container b)``
    """

    resource: Resource
    items: tuple[Any, ...]
    shown: bool = True  # whether the result has a view of each as it is afterwards ...
    compared: bool = True  # ... and as it was before
    given: tuple[Mapping[str, Any], ...] = ()
    places: tuple[str, ...] = ()

    def place(self, number: int) -> str:
        """How messages call an item."""
        return self.places[number] if 0 <= number < len(self.places) else ""
