# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the program that follows the host's resolv.conf. docs/architecture.md has a line for each."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

from ..core.plan import NAME
from .model import ROOT, WATCHER

HOST = ""


class _Verb:
    """Nothing undoes these: a run that fails half way is completed by the next one, which finds what is left to do."""

    stage = NAME
    netns = HOST

    def inverse(self) -> None:
        return None


@dataclass(frozen=True)
class FileInstall(_Verb):
    """Put a file of root with mode 0644 at its place, in one step (rename(2)), with the folders around it."""

    path: str
    text: str
    previous: Optional[str]

    def describe(self) -> str:
        return f"install {self.path}"

    def apply(self, state: Any) -> None:
        state.files[self.path] = self.text

    def lines(self) -> tuple[list[str], list[str]]:
        before, after = (self.previous or "").splitlines(), self.text.splitlines()
        return _only(self.path, before, after), _only(self.path, after, before)


@dataclass(frozen=True)
class FileRemove(_Verb):
    """Remove a file."""

    path: str
    previous: Optional[str]

    def describe(self) -> str:
        return f"remove {self.path}"

    def apply(self, state: Any) -> None:
        del state.files[self.path]

    def lines(self) -> tuple[list[str], list[str]]:
        return _only(self.path, (self.previous or "").splitlines(), []), []


@dataclass(frozen=True)
class ProgramRemove(_Verb):
    """Remove the folder of the program, with what Python has compiled in it."""

    def describe(self) -> str:
        return f"remove {ROOT}"

    def apply(self, state: Any) -> None:
        for path in [path for path in state.files if path.startswith(f"{ROOT}/")]:
            del state.files[path]

    def lines(self) -> tuple[list[str], list[str]]:
        return [ROOT], []


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
class Watch(_Verb):
    """Start or stop the unit that watches the host's resolv.conf, now and at each boot."""

    on: bool

    def describe(self) -> str:
        return f"{'enable and start' if self.on else 'disable and stop'} {WATCHER}"

    def apply(self, state: Any) -> None:
        state.enabled = self.on

    def lines(self) -> tuple[list[str], list[str]]:
        line = [f"{WATCHER}: enabled and started"]
        return ([], line) if self.on else (line, [])


def _only(path: str, lines: list[str], others: list[str]) -> list[str]:
    """The lines of a text that another one has not."""
    known = set(others)
    return [f"{path}: {line}" for line in lines if line not in known]
