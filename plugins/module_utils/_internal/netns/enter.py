# SPDX-License-Identifier: GPL-3.0-or-later
"""Work inside a network namespace. Adapter.

A path may lead somewhere else from one moment to the next: a process ends and its number is used again. So whoever
enters a namespace opens it first, and then looks at what was opened, which stays what it is (namespaces(7)).
"""
from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Optional

from ..core.errors import HostError
from . import processes, registry
from .model import HOST, Identity, NamedNetns, NetnsMark, label_of_path
from .opening import find_end, find_inodes, open_namespace
from .syscalls import enter_network

_OF_PROCESS = re.compile(r"/proc/(\d+)/")
_HERE = "/proc/self/ns/net"


class OwnNetworkError(HostError):
    """A path leads to the network namespace of the host itself, which is nobody's but the host's."""


@contextlib.contextmanager
def home() -> Iterator[int]:
    """An open file of the namespace that the run is in, to be entered again or to be given to the kernel."""
    descriptor = os.open(_HERE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def identify(path: str, found: os.stat_result, end: Optional[str] = None) -> Identity:
    """Which namespace a path leads to.

    :param found: what stat(2) says of it, asked before this is called
    :param end: see :func:`find_end`, where it is known
    """
    end = find_end(path) if end is None else end  # "" where to look once more may take for ever
    if process := _OF_PROCESS.match(end):
        started = processes.start_time(int(process[1]))
        return Identity(found.st_dev, found.st_ino, started=started, boot=processes.boot())
    with contextlib.suppress(OSError):
        if os.path.samestat(os.lstat(end), found):
            return Identity(found.st_dev, found.st_ino, made=found.st_ctime_ns, boot=processes.boot())
    return Identity(found.st_dev, found.st_ino, boot=processes.boot())


def find_identities(paths: Sequence[str]) -> dict[str, Identity]:
    """Which namespaces are at paths, without those where none is.

    A name may stand for a path that others than root lead elsewhere, and to something that never answers.
    """
    ends = {path: find_end(path) for path in paths}
    found = {path: _identify_file(path, end) for path, end in ends.items() if end}
    inodes = find_inodes([path for path, end in ends.items() if not end])
    return {**{path: each for path, each in found.items() if each},
            **{path: Identity(*inode, boot=processes.boot()) for path, inode in inodes.items()}}


def _identify_file(path: str, end: str) -> Optional[Identity]:
    """None for what is no namespace: a file that was below a mount has no device of the kernel's."""
    try:
        found = os.stat(path)
        return identify(path, found, end) if found.st_dev == os.stat(_HERE).st_dev else None
    except OSError:
        return None


class Namespaces:
    """The namespaces of one run by their paths.

    What a path leads to when it is first opened it has to lead to until the end; a name that we registered has to lead
    to what was registered; and none leads to the host's own, where HOST is the way to work.
    """

    def __init__(self, marks: Optional[Mapping[str, NetnsMark]] = None) -> None:
        """:param marks: of the entries under /run/netns; they are read when they are needed where none are given"""
        self._marks = None if marks is None else dict(marks)
        self._seen: dict[str, Identity] = {}
        self._home = os.stat(_HERE)

    @contextlib.contextmanager
    def enter(self, path: str) -> Iterator[None]:
        """The block runs in the namespace at ``path``; HOST means where the run already is.

        Sockets stay in the namespace where they were opened, so the block can be short. A path is only ever opened:
        a name that does not exist must not come into being by looking at it.

        :raises HostError: when the namespace is not there, is another one than it was, or cannot be entered
        """
        if path == HOST:
            yield
            return
        with home() as back:
            there = self.open(path, label_of_path(path))
            try:
                enter_network(there)
            except OSError as error:
                raise HostError(f"namespace {label_of_path(path)} cannot be entered: {error.strerror}") from error
            finally:
                os.close(there)
            try:
                yield
            finally:
                enter_network(back)

    def open(self, path: str, called: str = "") -> int:
        """An open file of the namespace at ``path``.

        :param called: how the user is told of it, the path where nothing is given
        :raises OwnNetworkError: when it is the host's own
        :raises HostError: when it is not there, or is another one than it was
        """
        descriptor = _open(path, called or path)
        try:
            self._check(path, descriptor)
            if os.path.samestat(os.fstat(descriptor), self._home):
                raise OwnNetworkError(f"namespace {label_of_path(path)} is the network of the host itself, which is "
                                      "never entered as a container's")
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def identify(self, path: str) -> Identity:
        """Which namespace is at ``path``, be it the host's own. :raises HostError: see :meth:`open`"""
        descriptor = _open(path, path)
        try:
            return self._check(path, descriptor)
        finally:
            os.close(descriptor)

    def remember(self, name: str, mark: Optional[NetnsMark]) -> None:
        """The name has another mark, or none any more; what it leads to from now on is what it has to lead to."""
        self._seen.pop(name, None)
        if self._marks is not None:
            self._marks.pop(name, None)
            if mark is not None:
                self._marks[name] = mark

    def _check(self, path: str, descriptor: int) -> Identity:
        found = identify(path, os.fstat(descriptor))
        self._refuse_lost(path, found)
        if self._seen.setdefault(label_of_path(path), found) != found:
            raise HostError(f"namespace {label_of_path(path)} is another one than a moment ago: it has ended. Run the "
                            "task again")
        return found

    def _refuse_lost(self, path: str, found: Identity) -> None:
        """:raises HostError: when a name under /run/netns leads to another namespace than our mark speaks of"""
        name = label_of_path(path)
        if name == path:
            return
        if self._marks is None:
            self._marks = registry.read_marks()
        if (mark := self._marks.get(name)) is not None:
            entry = NamedNetns.of(os.readlink(path) if os.path.islink(path) else "", found, mark)
            if entry.lost:
                raise HostError(f"{path} {entry.problem}: {entry.remedy}")


def _open(path: str, called: str) -> int:
    try:
        return open_namespace(path)
    except OSError as error:
        raise HostError(f"namespace {called} cannot be opened: {error.strerror}") from error
