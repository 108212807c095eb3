# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the program on a host. docs/architecture.md has a line for each."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional

from ..core.plan import NAME, changed_lines
from .model import ARCHIVE, COMMAND, RECORD, ROOT, Enabled

HOST = ""


class _Verb:
    """Nothing undoes these: a run that fails half way is completed by the next one, which finds what is left to do."""

    stage = NAME
    netns = HOST

    def inverse(self) -> None:
        return None


@dataclass(frozen=True)
class FileInstall(_Verb):
    """Put a file of root at its place, in one step (rename(2)), with the folders around it."""

    path: str
    content: bytes = field(repr=False)
    previous: Optional[bytes] = field(repr=False)

    def describe(self) -> str:
        return f"install {self.path}"

    def apply(self, state: Any) -> None:
        state.files[self.path] = self.content

    def lines(self) -> tuple[list[str], list[str]]:
        if self.previous is None:
            return [], [f"{self.path}: there"]
        if self.path in (ARCHIVE, RECORD):
            return [f"{self.path}: out of date"], [f"{self.path}: up to date"]
        return changed_lines(self.path, _text(self.previous), _text(self.content))


@dataclass(frozen=True)
class FileRemove(_Verb):
    """Remove a file."""

    path: str
    previous: Optional[bytes] = field(repr=False)

    def describe(self) -> str:
        return f"remove {self.path}"

    def apply(self, state: Any) -> None:
        del state.files[self.path]

    def lines(self) -> tuple[list[str], list[str]]:
        return [f"{self.path}: there"], []


@dataclass(frozen=True)
class CommandLink(_Verb):
    """Make, or remove, the link that is the command ``mooring``."""

    on: bool

    def describe(self) -> str:
        return f"link {COMMAND} to {ARCHIVE}" if self.on else f"remove {COMMAND}"

    def apply(self, state: Any) -> None:
        state.command = self.on

    def lines(self) -> tuple[list[str], list[str]]:
        line = [f"{COMMAND}: a link to {ARCHIVE}"]
        return ([], line) if self.on else (line, [])


@dataclass(frozen=True)
class ProgramRemove(_Verb):
    """Remove the folder of the program, with all that is in it."""

    def describe(self) -> str:
        return f"remove {ROOT}"

    def apply(self, state: Any) -> None:
        for path in [path for path in state.files if path.startswith(f"{ROOT}/")]:
            del state.files[path]

    def lines(self) -> tuple[list[str], list[str]]:
        return [f"{ROOT}: there"], []


@dataclass(frozen=True)
class UnitsRead(_Verb):
    """Let systemd read its units again."""

    def describe(self) -> str:
        return "let systemd read its units again"

    def apply(self, state: Any) -> None:
        """It is the files that are planned for."""

    def lines(self) -> tuple[list[str], list[str]]:
        return [], []


@dataclass(frozen=True)
class UnitEnable(_Verb):
    """Put a unit to work, now and at each start of the host.

    :param was: whether it started with the host before: a unit whose text has changed is started again
    """

    unit: str
    how: Enabled
    was: bool = False

    def describe(self) -> str:
        return f"enable {self.unit}" + (f" and {self.how.now} it" if self.how.now else "")

    def apply(self, state: Any) -> None:
        state.enabled |= {self.unit}

    def lines(self) -> tuple[list[str], list[str]]:
        return [], [] if self.was else [f"{self.unit}: enabled"]


@dataclass(frozen=True)
class UnitDisable(_Verb):
    """Stop a unit, now and at each start of the host."""

    unit: str
    how: Enabled

    def describe(self) -> str:
        return f"disable and stop {self.unit}"

    def apply(self, state: Any) -> None:
        state.enabled -= {self.unit}

    def lines(self) -> tuple[list[str], list[str]]:
        return [f"{self.unit}: enabled"], []


def _text(content: bytes) -> list[str]:
    return content.decode("utf-8", "replace").splitlines()
