# SPDX-License-Identifier: GPL-3.0-or-later
"""A veth pair as a task wants it."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ..link.model import Route
from ..netns.model import Resolved, Target


@dataclass(frozen=True)
class DesiredEnd:
    """One end of a pair. ``target`` None is the host's own namespace; None elsewhere means: leave it as it is.

    ``addresses`` have their prefix lengths and are all that the end is to have. ``mtu`` is in bytes.
    """

    name: str
    target: Optional[Target] = None
    bridge: Optional[str] = None
    mtu: Optional[int] = None
    mac_address: Optional[str] = None
    addresses: Optional[tuple[str, ...]] = None
    routes: Optional[tuple[Route, ...]] = None
    up: bool = True


@dataclass(frozen=True)
class LocatedEnd(DesiredEnd):
    """The same once it is known where it is to be: None is the host's own namespace."""

    place: Optional[Resolved] = None

    @classmethod
    def at(cls, desired: DesiredEnd, place: Optional[Resolved]) -> LocatedEnd:
        return cls(**{**vars(desired), "place": place})


@dataclass(frozen=True)
class DesiredVeth:
    """Both ends; the first one's name is the pair's."""

    first: DesiredEnd
    second: Optional[DesiredEnd] = None  # may be missing where the pair is to be removed
    present: bool = True

    @property
    def name(self) -> str:
        return self.first.name

    @property
    def ends(self) -> tuple[DesiredEnd, ...]:
        return (self.first,) if self.second is None else (self.first, self.second)


@dataclass(frozen=True)
class LocatedVeth:
    """A pair whose ends have their places."""

    first: LocatedEnd
    second: Optional[LocatedEnd] = None
    present: bool = True

    @property
    def name(self) -> str:
        return self.first.name

    @property
    def ends(self) -> tuple[LocatedEnd, ...]:
        return (self.first,) if self.second is None else (self.first, self.second)
