# SPDX-License-Identifier: GPL-3.0-or-later
"""From desired values to located ones: the names in them are looked up. Pure."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..core.errors import MooringError, at
from ..engine.model import Places
from ..host.resource import Part


class _Watched(Sequence[Any]):
    """Items that know which one of them is looked at: ``number``, -1 for none."""

    def __init__(self, items: Sequence[Any]) -> None:
        self._items, self.number = items, -1

    def __iter__(self) -> Iterator[Any]:
        for number, item in enumerate(self._items):
            self.number = number
            yield item
        self.number = -1

    def __getitem__(self, number: Any) -> Any:
        return self._items[number]

    def __len__(self) -> int:
        return len(self._items)


def locate(parts: Sequence[Part], places: Places) -> list[Part]:
    """:raises MooringError: of an item whose names cannot be looked up, and where two turn out to be about one thing"""
    located = []
    for part in parts:
        watched = _Watched(part.items)
        try:
            located.append(replace(part, items=tuple(part.resource.locate(watched, places))))
        except MooringError as error:
            raise at(part.place(watched.number), error) from error
    for part in located:
        refuse_twice(part)
    return located


def refuse_twice(part: Part) -> None:
    """Two items about one thing contradict each other, also where they name it in different ways."""
    seen = set()
    for number, item in enumerate(part.items):
        identity = part.resource.identity(item)
        if identity in seen:
            twice = MooringError(f"{identity} stands twice in this task: say all about it in one item")
            raise at(part.place(number), twice)
        seen.add(identity)
