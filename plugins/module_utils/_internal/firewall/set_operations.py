# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of sets of addresses."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..core.plan import CLOSE, FORGET
from ..netns.model import HOST
from ..ports.allow import Place
from .sets import AddressSet


class Sets(Protocol):
    """As much of a host's state as its sets are."""

    sets: dict[str, AddressSet]


@dataclass(frozen=True)
class SetAdd:
    """Make a set with all that is in it; nothing is left of one that cannot be completed."""

    new: AddressSet
    stage = CLOSE
    netns = HOST

    def describe(self) -> str:
        return f"create {self.new.text}"

    def apply(self, state: Sets) -> None:
        state.sets[self.new.name] = self.new

    def inverse(self) -> SetDel:
        return SetDel(self.new)

    def lines(self) -> tuple[list[str], list[str]]:
        return [], [self.new.text]


@dataclass(frozen=True)
class SetDel:
    """Remove a set that no rule asks any more."""

    old: AddressSet
    stage = FORGET
    netns = HOST
    besides = True  # what others have come to ask stays

    def describe(self) -> str:
        return f"remove {self.old.text}"

    def apply(self, state: Sets) -> None:
        del state.sets[self.old.name]

    def inverse(self) -> SetAdd:
        return SetAdd(self.old)

    def lines(self) -> tuple[list[str], list[str]]:
        return [self.old.text], []


@dataclass(frozen=True)
class SetFill:
    """Give a set back what it is to hold: what somebody has put into it goes, what is missing comes."""

    old: AddressSet
    new: AddressSet
    stage = CLOSE
    netns = HOST

    @property
    def gone(self) -> list[Place]:
        return sorted(self.old.places - self.new.places)

    @property
    def missing(self) -> list[Place]:
        return sorted(self.new.places - self.old.places)

    def describe(self) -> str:
        words = [f"{verb} {len(places)}" for verb, places in (("remove", self.gone), ("add", self.missing)) if places]
        return f"repair set {self.new.name}: {' and '.join(words)} destinations"

    def apply(self, state: Sets) -> None:
        state.sets[self.new.name] = self.new

    def inverse(self) -> None:
        """What others had put in is not brought back."""
        return None

    def lines(self) -> tuple[list[str], list[str]]:
        return [f"{self.new.name}: {_text(place)}" for place in self.gone], [
            f"{self.new.name}: {_text(place)}" for place in self.missing]


def _text(place: Place) -> str:
    return f"{place.network}:{place.port}/{place.protocol}" if place.port else place.network
