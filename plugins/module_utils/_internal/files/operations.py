# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of files and of host names. docs/architecture.md has a line for each."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional

from ..core.plan import NAME, changed_lines
from .model import ObservedFile, Place

HOST = ""


@dataclass(frozen=True)
class FileWrite:
    """Write a file in place, or make it and its directories where ``previous`` is None.

    :param title: what it is, for people: ``hosts of web``
    :param besides: see :class:`core.plan.Operation`, as of ``inside``, the container whose it is
    """

    place: Place
    text: str
    previous: Optional[str]
    title: str
    besides: bool = False
    inside: str = field(default="", compare=False)
    stage = NAME
    netns = HOST

    def describe(self) -> str:
        return f"{'create' if self.previous is None else 'change'} {self.title} ({self.place})"

    def apply(self, state: Any) -> None:
        before = state.files.get(self.place, ObservedFile())  # it is written in place, and stays the same file
        state.files[self.place] = ObservedFile(self.text, parents=self.place.path.count("/"), identity=before.identity)

    def inverse(self) -> FileWrite | FileDel:
        if self.previous is None:
            return FileDel(self.place, self.text, self.title, inside=self.inside)
        return FileWrite(self.place, self.previous, self.text, self.title, self.besides, self.inside)

    def lines(self) -> tuple[list[str], list[str]]:
        return changed_lines(self.title, (self.previous or "").splitlines(), self.text.splitlines())


@dataclass(frozen=True)
class FileDel:
    """Remove a file, and as many of the directories around it as ``directories`` says if they are empty then."""

    place: Place
    text: str
    title: str
    directories: int = 0
    inside: str = field(default="", compare=False)
    stage = NAME
    netns = HOST

    def describe(self) -> str:
        return f"remove {self.title} ({self.place})"

    def apply(self, state: Any) -> None:
        state.files[self.place] = ObservedFile(None)

    def inverse(self) -> FileWrite:
        return FileWrite(self.place, self.text, None, self.title, inside=self.inside)

    def lines(self) -> tuple[list[str], list[str]]:
        return changed_lines(self.title, self.text.splitlines(), ())


@dataclass(frozen=True)
class HostnameSet:
    """Set the host name in the UTS namespace of the process that ``started`` then, which is never the host's own."""

    pid: int
    name: str
    previous: str
    container: str
    started: str = ""
    stage = NAME
    netns = HOST

    @property
    def inside(self) -> str:
        return self.container

    def describe(self) -> str:
        return f"set the host name of {self.container} to {_shown(self.name)} (was {_shown(self.previous)})"

    def apply(self, state: Any) -> None:
        state.hostnames[self.pid] = self.name

    def inverse(self) -> HostnameSet:
        return HostnameSet(self.pid, self.previous, self.name, self.container, self.started)

    def lines(self) -> tuple[list[str], list[str]]:
        before, after = (f"host name of {self.container}: {_shown(name)}" for name in (self.previous, self.name))
        return [before], [after]


def _shown(name: str) -> str:
    """A container may call itself whatever it likes, line breaks and all."""
    return name.encode("unicode_escape").decode()
