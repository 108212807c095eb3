# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that may never end, in processes of its own that are waited for only so long. Adapter.

Whatever a container has mounted may keep a system call waiting for as long as the container likes: a file of FUSE does
so until its server answers, and once the request is with the server not even SIGKILL ends the wait. So who looks at
such a file is a child, which holds nothing of the run open (no lock, no output that somebody reads to its end), and
which is left alone where it does not end. It ends with the run, also when that is killed.
"""
from __future__ import annotations

import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from .ending import end_with
from .errors import HostError

SECONDS = 2.0  # without a word from a child; what it does takes it milliseconds
TOGETHER = 128  # children at the same time, of a megabyte or two each
TOTAL = 10.0  # seconds for all of them: more than TOGETHER * 5 that do not answer are an attack
_LIFE = 60  # seconds after which the kernel ends a child by itself, should nobody be there to do it
_PIECE = 1 << 16

# What a child tells its parent: a value of JSON, and with it an open file if there is one.
Tell = Callable[..., None]
Work = Callable[[Tell], None]


@dataclass
class Told:
    """What a child said until it ended, or was given up.

    :param ended: whether it came to its end; else ``values`` has what it said before
    :param files: open files that came with the values; who called closes them
    """

    values: list[Any] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    ended: bool = False


def work_apart(works: Sequence[Work], seconds: Optional[float] = None) -> list[Told]:
    """Do each work in a child of its own, all at the same time as far as there is room.

    :param seconds: another patience than SECONDS
    :raises HostError: when the host has no room for a child
    :returns: in the same order, what each one told. One that tells nothing for SECONDS is given up; after TOTAL all
        are, and those that have not begun do not begin
    """
    _reap()
    told = [Told() for _work in works]
    waiting = list(enumerate(works))[::-1]
    end = time.monotonic() + TOTAL
    with selectors.DefaultSelector() as selector:
        while waiting and time.monotonic() < end or selector.get_map():
            while waiting and len(selector.get_map()) < TOGETHER and time.monotonic() < end:
                number, work = waiting.pop()
                child = _Child(work, told[number], end, SECONDS if seconds is None else seconds)
                selector.register(child.socket, selectors.EVENT_READ, child)
            alive = [key.data for key in selector.get_map().values()]
            pause = min(child.limit for child in alive) - time.monotonic()
            ready = {key.data for key, _events in selector.select(max(0, pause))}
            for child in alive:
                if child in ready and not child.listen() or child not in ready and child.limit <= time.monotonic():
                    selector.unregister(child.socket)
                    child.close()
    return told


class _Child:
    """A child and what it tells."""

    def __init__(self, work: Work, told: Told, end: float, seconds: float) -> None:
        self._told, self._end, self._seconds = told, end, seconds
        self._line: list[bytes] = []  # pieces of one that has not come to its end
        self.socket, theirs = socket.socketpair()
        run = os.getpid()
        try:
            self._pid = os.fork()
        except OSError as error:
            self.socket.close()
            theirs.close()
            raise HostError(f"cannot make a child process: {error.strerror}") from error
        if not self._pid:
            _be(work, theirs, run)
        theirs.close()
        self._heard()

    def _heard(self) -> None:
        self.limit = min(self._end, time.monotonic() + self._seconds)

    def listen(self) -> bool:
        """Take in what was said; whether there is more to come."""
        piece, files, _flags, _address = socket.recv_fds(self.socket, _PIECE, 1)
        self._told.files += files
        *lines, rest = piece.split(b"\n")
        if lines:
            first = b"".join([*self._line, lines[0]])
            self._told.values += map(json.loads, (first, *lines[1:]))
            self._line = []
        self._line.append(rest)
        self._heard()
        if not piece:
            _pid, status = os.waitpid(self._pid, 0)
            self._pid, self._told.ended = 0, status == 0
        return bool(piece)

    def close(self) -> None:
        """Whether it ended or not, there is nothing more to wait for."""
        self.socket.close()
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            _left.append(self._pid)
            _reap()


_left: list[int] = []  # children that were given up: the kernel keeps them for as long as what they wait for


def _reap() -> None:
    for pid in list(_left):
        with contextlib.suppress(ChildProcessError):  # somebody else has waited for it
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                continue
        _left.remove(pid)


def _be(work: Work, theirs: socket.socket, run: int) -> None:
    """Be the child: nothing of the parent's is flushed, closed twice or cleaned up. Does not return."""
    code = 1
    with contextlib.suppress(BaseException):
        end_with(run)
        gc.disable()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_LIFE)
        for descriptor in map(int, os.listdir("/proc/self/fd")):
            if descriptor != theirs.fileno():
                with contextlib.suppress(OSError):  # that of the listing itself
                    os.close(descriptor)

        def tell(value: Any, file: Optional[int] = None) -> None:
            text = json.dumps(value).encode() + b"\n"
            if file is not None:
                socket.send_fds(theirs, [text[:1]], [file])
                text = text[1:]
            theirs.sendall(text)

        work(tell)
        code = 0
    os._exit(code)
