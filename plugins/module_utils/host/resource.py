# SPDX-License-Identifier: GPL-3.0-or-later
"""What a domain tells the pipeline of the things that people declare in it."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.plan import View
from ..engine.model import Places
from ..netns.model import NamedNetns
from ..ports.ledger import Ledger
from .draft import Draft
from .model import HostState, Scope


@dataclass
class Known:
    """What a first look at a host tells, before its engines are asked.

    :param attached: labels of containers with an interface on a bridge; a part of the run adds those that it attaches
    """

    attached: set[str] = field(default_factory=set)
    named: Mapping[str, NamedNetns] = field(default_factory=dict)


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
    """Things of one kind in a run."""

    resource: Resource
    items: tuple[Any, ...]
    shown: bool = True  # whether the result has a view of each as it is afterwards ...
    compared: bool = True  # ... and as it was before
