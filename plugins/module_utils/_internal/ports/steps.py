# SPDX-License-Identifier: GPL-3.0-or-later
"""How searches for free places pass what is known to be taken."""
from __future__ import annotations


class Steps:
    """Where a search goes on from a place at which nothing was free. Ports only fill up while deciding, so that no
    search, however many there are and wherever they begin, looks at a place twice."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}

    def follow(self, place: int) -> int:
        """The first place from this one on of which nothing is known yet."""
        passed = []
        while (step := self._next.get(place)) is not None:
            passed.append(place)
            place = step
        self._next.update(dict.fromkeys(passed, place))
        return place

    def add(self, place: int, step: int) -> int:
        """Nothing is free from ``place`` on as far as ``step``, which is returned, or what follows of it."""
        self._next[place] = step
        return self.follow(step)
