# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of one operation, which is done whole or not at all. Pure but for what it is given to call.

A run undoes the operations before the one that fails. What that one had done itself nobody else knows.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional

from .errors import HostError, MooringError


class Undo:
    """A block of steps: where a later one fails, each one before it is taken back, the last one first."""

    def __init__(self, subject: str = "") -> None:
        """:param subject: how the message begins where something could not be taken back"""
        self._subject = subject
        self._steps: list[tuple[str, Callable[..., Any], tuple[Any, ...]]] = []

    def by(self, left: str, function: Callable[..., Any], *arguments: Any) -> None:
        """How the step that was done just now is taken back.

        :param left: what there is as long as it is not, for the user
        """
        self._steps.append((left, function, arguments))

    def __enter__(self) -> Undo:
        return self

    def __exit__(self, _kind: object, error: Optional[BaseException], _traceback: object) -> None:
        """:raises HostError: with what could not be taken back"""
        if error is None:
            return
        left = []
        for words, function, arguments in reversed(self._steps):
            try:
                function(*arguments)
            except (OSError, MooringError) as problem:
                left.append(f"{words} ({getattr(problem, 'strerror', '') or problem})")
        if left:
            raise HostError(f"{self._subject}{getattr(error, 'strerror', '') or error}; this is left of what it had "
                            "done: " + "; ".join(left)) from error
