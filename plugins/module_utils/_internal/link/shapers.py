# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of queueing disciplines on the host. docs/architecture.md has a line for each."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional, Union

from ..core.plan import MAKE_LINK, RECORD_ENDPOINT
from ..netns.model import HOST
from .bandwidth import ROOT, rate_text, size_text
from .model import Interfaces, Shaper


@dataclass(frozen=True)
class ShaperSet:
    """Keep an interface to a rate, or lead what it receives through another one; a bucket of ours changes in place.

    :param before: what of ours is in its place
    :param inside: the namespace with the other end: when its container ends, the interface goes
    """

    shaper: Shaper
    before: Optional[Shaper] = None
    inside: str = field(default="", compare=False)
    stage = MAKE_LINK
    netns = HOST

    def describe(self) -> str:
        was = f" (was {_rate(self.before)})" if self.before and self.shaper.place == ROOT else ""
        return f"{_shown(self.shaper)}{was}"

    def apply(self, state: Interfaces) -> None:
        if state.shapers is not None:
            state.shapers[self.shaper.key] = self.shaper

    def inverse(self) -> Union[ShaperSet, ShaperDel]:
        if self.before is None or self.before.altered:
            return ShaperDel(self.shaper, self.inside)
        return ShaperSet(self.before, self.shaper, self.inside)

    def lines(self) -> tuple[list[str], list[str]]:
        return [_shown(self.before)] if self.before else [], [_shown(self.shaper)]


@dataclass(frozen=True)
class ShaperDel:
    """Let an interface send and receive as fast as it can again."""

    shaper: Shaper
    inside: str = field(default="", compare=False)
    stage = RECORD_ENDPOINT
    netns = HOST

    def describe(self) -> str:
        return f"no longer {_shown(self.shaper)}"

    def apply(self, state: Interfaces) -> None:
        if state.shapers is not None:
            state.shapers.pop(self.shaper.key, None)

    def inverse(self) -> ShaperSet:
        return ShaperSet(self.shaper, None, self.inside)

    def lines(self) -> tuple[list[str], list[str]]:
        return [_shown(self.shaper)], []


def _shown(shaper: Shaper) -> str:
    if shaper.place == ROOT:
        return f"limit what {shaper.interface} sends to {_rate(shaper)}"
    return f"lead what {shaper.interface} receives through {shaper.target or 'an interface that is gone'}"


def _rate(shaper: Shaper) -> str:
    more = " and settings of others" if shaper.altered else ""
    return f"{rate_text(shaper.rate * 8)} (burst {size_text(shaper.burst)}){more}"
