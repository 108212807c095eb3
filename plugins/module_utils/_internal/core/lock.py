# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time for each network namespace that is a host, in the order in which they come.

They queue at a file below /run/mooring that nobody but root can open, since who can open a file can lock it, and keep
it locked. It is named after the network namespace, so that hosts that share a /run do not wait for each other, and is
gone with the last that is kept there. A run that changes nothing makes no file: where there is none, no run has begun
to change anything.

Who has its turn also locks the network namespace itself (flock(2)). That is the same file for runs that have another
/run, as in a container with the network of the host, and for those that have made no file. Everybody in the network of
the host can lock it, so only those are waited for that could be a run.

What a run starts has both open as well (core/command.py): a program that outlives a killed run for a moment keeps the
next one waiting until it is gone.
"""
from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import os
import stat
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from . import folders, waiting
from .child import Tell, work_apart
from .errors import HostError

WAIT = 120.0  # seconds without a change at the head of the queue; a run of 1000 endpoints holds the lock for a few
UNDER, AROUND, FOLDER = "/run", "mooring", "lock"
_NAMESPACE = "/proc/self/ns/net"
_RIGHTS = 1 << 12 | 1 << 21  # CAP_NET_ADMIN and CAP_SYS_ADMIN, capabilities(7): a run sets up networks in namespaces
_PAUSE = 0.01  # seconds between two looks
_SHORTLY = 1.0  # seconds after which it is looked who is first

_held: list[int] = []


def held() -> tuple[int, ...]:
    """The open files by which this run has the lock, which what it starts is to have open too."""
    return tuple(_held)


@contextlib.contextmanager
def host_lock(seconds: float = WAIT, writes: bool = True) -> Iterator[None]:
    """Hold the lock for the block.

    :param seconds: how long to wait for who is first in the queue; begins anew with each one that is
    :param writes: whether the run may change something
    :raises HostError: when one other run holds the lock for longer than that; says which
    """
    with contextlib.ExitStack() as stack:
        namespace = _Namespace(os.open(_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC))
        stack.callback(os.close, namespace.file)
        queue = _Queue(str(os.fstat(namespace.file).st_ino), writes)
        stack.callback(queue.close)
        _wait(queue, seconds)
        namespace.is_decisive = writes and queue.file < 0
        _wait(namespace, seconds)
        files = [each for each in (namespace.file, queue.file) if each >= 0]
        _held[:] = files
        stack.callback(_held.clear)
        if writes and queue.file >= 0:
            queue.note()
            stack.callback(queue.leave)
        yield
        if writes and queue.file >= 0:
            _remove_empty()


class _Lock(Protocol):
    """Something to wait for."""

    def take(self) -> bool:
        """Whether it is ours from now on."""

    def find_head(self) -> object:
        """Who is first, as a value that another one who is first does not have."""

    def describe(self) -> tuple[str, float]:
        """Who has it, and since when (seconds since the epoch, 0 where nobody knows)."""


def _wait(lock: _Lock, seconds: float) -> None:
    begun = looked = time.monotonic()
    head: object = None
    while not lock.take():
        now = time.monotonic()
        if now - looked >= min(_SHORTLY, seconds):
            looked = now
            if head != (current := lock.find_head()):
                head, begun = current, now if head is not None else begun
            if now - begun >= seconds:
                raise HostError(_complain(*lock.describe(), now - begun))
        time.sleep(_PAUSE)


def _complain(who: str, since: float, waited: float) -> str:
    took = max(waited, time.time() - since) if since else waited
    at = time.strftime(", since %Y-%m-%d %H:%M:%S", time.localtime(since)) if since else ""
    return (f"another run has been at work on this host for {took:.0f} seconds{at}: {who}. Wait for it, or end it, and "
            "run the task again")


class _Queue:
    """The file at which runs queue.

    :ivar file: -1 where there is none, and none is made: in check mode, on a /run without room or that is read-only,
        and for who is not root
    """

    def __init__(self, name: str, make: bool) -> None:
        self._name, self._make = name, make
        self._place = 0
        self.file = self._open()

    def _open(self) -> int:
        """:raises HostError: where something else is in its place, or others than root could have it open"""
        path = f"{UNDER}/{AROUND}/{FOLDER}/{self._name}"
        try:
            with folders.open_own(UNDER, f"{AROUND}/{FOLDER}", self._make, 0o700) as folder:
                flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | (os.O_CREAT if self._make else 0)
                file = os.open(self._name, flags, 0o600, dir_fd=folder)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
                raise HostError(f"{path} is no file, and runs queue at one of that name: remove what is "
                                "there") from error
            return -1
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o077:
            os.close(file)
            raise HostError(f"{path} is no file that root alone can open, and runs queue at one of that name: "
                            "remove it")
        return file

    def close(self) -> None:
        if self.file >= 0:
            os.close(self.file)

    def take(self) -> bool:
        if self.file >= 0 and not self._place:
            self._place = waiting.join(self.file)
            if os.fstat(self.file).st_nlink == 0:  # who was the last has removed it meanwhile
                self.close()
                self._place, self.file = 0, self._open()
                return self.file < 0
        return self.file < 0 or bool(self._place) and waiting.is_first(self.file, self._place)

    def find_head(self) -> object:
        return waiting.find_first(self.file, self._place)

    def describe(self) -> tuple[str, float]:
        first = waiting.find_first(self.file, self._place)
        processes = [pid for pid, places in waiting.find_holders(self.file).items() if first in places]
        with contextlib.suppress(ValueError):  # it is empty: a run in check mode notes nothing
            pid, since, command = os.pread(self.file, folders.LIMIT, 0).decode(errors="replace").split(" ", 2)
            noted = waiting.described(int(pid), command)
            if not processes or int(pid) in processes:
                return noted, float(since)
            return f"{_listed(processes)}; the last run that changed something was {noted}, which has ended", 0
        return _listed(processes), 0

    def note(self) -> None:
        """Who has the lock, for those who wait in vain."""
        text = f"{os.getpid()} {time.time():.0f} {waiting.command_of(os.getpid())}".encode()
        with contextlib.suppress(OSError):  # there is no room, and nobody who waits needs it
            os.ftruncate(self.file, 0)
            os.pwrite(self.file, text, 0)

    def leave(self) -> None:
        """Nothing is left behind where nothing else is kept."""
        around = f"{UNDER}/{AROUND}"
        with contextlib.suppress(OSError), waiting.closed_behind(self.file, self._place) as last:
            os.ftruncate(self.file, 0)
            if last and os.listdir(around) == [FOLDER]:
                os.unlink(f"{around}/{FOLDER}/{self._name}")
                os.rmdir(f"{around}/{FOLDER}")
                os.rmdir(around)


def _remove_empty() -> None:
    """Folders that a killed run has made, and that it had no file for yet, go with the end of a run that succeeds."""
    around = f"{UNDER}/{AROUND}"
    with contextlib.suppress(OSError):
        for name in os.listdir(around):
            with contextlib.suppress(OSError):  # it is no folder, or there is something in it
                os.rmdir(f"{around}/{name}")


class _Namespace:
    """The lock on the network namespace itself.

    :ivar is_decisive: whether there is no queue, so that whoever has locked it is waited for
    """

    def __init__(self, file: int) -> None:
        self.file = file
        self.is_decisive = False

    def take(self) -> bool:
        """Have it, unless somebody has it who is no run."""
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            holders = () if self.is_decisive else self._find_holders()
            # One that is not seen is in the network of the host, and not among the processes that are seen here.
            return bool(holders) and not any(map(_may_configure, holders))

    def _find_holders(self) -> tuple[int, ...]:
        return tuple(waiting.find_holders(self.file))

    def find_head(self) -> object:
        return self._find_holders()

    def describe(self) -> tuple[str, float]:
        return _listed(self._find_holders()), 0


def _listed(processes: Sequence[int]) -> str:
    told = work_apart([functools.partial(_tell_command, pid) for pid in processes])
    found = [waiting.described(pid, "".join(each.values)) for pid, each in zip(processes, told)]
    return ", ".join(found) or "a process that is not seen from here"


def _tell_command(pid: int, tell: Tell) -> None:
    tell(waiting.command_of(pid))


def _may_configure(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            capabilities = next(int(line.split()[1], 16) for line in file if line.startswith("CapEff:"))
        same = os.stat(f"/proc/{pid}/ns/user").st_ino == os.stat("/proc/self/ns/user").st_ino
    except (OSError, StopIteration):
        return False  # it has ended
    return same and capabilities & _RIGHTS == _RIGHTS
