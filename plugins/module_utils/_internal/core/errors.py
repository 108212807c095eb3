# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of this collection, and how a message is built.

A message reads from the outside in: what was being done, to what, why it failed, what to do about it.
Everything below the runner raises; only the runner turns an error into a failed task.
"""
from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from .plan import Operation


LONGEST = 200  # characters of a value that a message shows
LONGEST_PROBLEM = 600  # of what is wrong with it: it may have another value, or a list of them, in it
BEGIN, END = 2500, 1500  # of a whole message: it may have a list of things in it, one for each container


def cut(text: str, longest: int = LONGEST) -> str:
    """The beginning of a text that is too long for a message."""
    return text if len(text) <= longest else f"{text[:longest]}..."


def shorten(text: str, begin: int = BEGIN, end: int = END) -> str:
    """A text that is too long for a message as a whole, without its middle: what was done, and what to do, are kept."""
    return text if len(text) <= begin + end else f"{text[:begin]}...{text[-end:]}"


def printable(text: str, kept: str = "\n") -> str:
    """A text for a terminal and a log: what would do something there, or is no character, is written as in Python.

    :param kept: what is left as it is all the same
    """
    return text if text.isprintable() else "".join(
        each if each.isprintable() or each in kept else each.encode("unicode_escape").decode() for each in text)


def _text_of(value: object) -> str:
    try:
        return str(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, lists in lists in lists
        return f"a {type(value).__name__}"


class MooringError(Exception):
    """Any failure that a user is told about. ``str(error)`` is the whole message.

    It does nothing to a terminal, and has a size.
    """

    def __init__(self, message: str) -> None:
        super().__init__(shorten(printable(message)))


class OutdatedError(MooringError):
    """What a run was made from is not what is there any more, and has to be read again."""


class OptionError(MooringError):
    """An option has a value that cannot be right.

    :param option: name of the option as the user writes it, for example ``bip``
    :param value: the value as given
    :param problem: what is wrong, as the rest of a sentence: ``is not an IPv4 network``
    :param remedy: what would be right, as a sentence without its full stop
    """

    def __init__(self, option: str, value: object, problem: str, remedy: str = "") -> None:
        self.option = option
        self.value = value
        self.problem = problem
        self.remedy = remedy
        text = _text_of(value)
        if len(text) > LONGEST:  # Python's own messages repeat the value
            problem = problem.replace(text, "...")
        problem = cut(printable(problem), LONGEST_PROBLEM)
        message = f"{option}: {cut(text)!r} {problem}"
        super().__init__(f"{message}. {remedy}." if remedy else f"{message}.")


class ContainerError(MooringError):
    """What a container can bring about by itself. It concerns that container, and keeps nobody else from anything.

    :param container: its name
    """

    def __init__(self, container: str, message: str) -> None:
        super().__init__(message)
        self.container = container


class HostError(MooringError):
    """The host refused or could not do something: the message names the operation and the kernel's or tool's reason."""


class ExecutionError(HostError):
    """An operation of a plan failed.

    :param done: the operations that were carried out before it, in order
    """

    def __init__(self, message: str, done: Iterable[Operation]) -> None:
        super().__init__(message)
        self.done = tuple(done)


@contextlib.contextmanager
def concerning(container: str) -> Iterator[None]:
    """Errors that leave the block are what a container can bring about by itself."""
    try:
        yield
    except MooringError as error:
        raise ContainerError(container, str(error)) from error


@contextlib.contextmanager
def doing(what: str) -> Iterator[None]:
    """Put ``what`` in front of the message of every error that leaves the block."""
    try:
        yield
    except MooringError as error:
        raise at(what, error) from error


def at(place: str, error: MooringError) -> MooringError:
    """An error with the place in front, ``config[1] (container b)``; without a place it stays as it is."""
    if not place:
        return error
    text = f"{cut(printable(place))}: {error}"
    return ContainerError(error.container, text) if isinstance(error, ContainerError) else MooringError(text)
