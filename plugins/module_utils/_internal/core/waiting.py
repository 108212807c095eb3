# SPDX-License-Identifier: GPL-3.0-or-later
"""A queue at an open file, and who has locked it: whoever comes first has the first turn. Adapter.

Each one in it has locked one byte of the file, the first behind all that others have locked; its turn has come when
nobody has locked one before its own. They are locks of an open file (OFD locks, fcntl(2)), which end when the last
process has closed it. So who is killed leaves the queue, wherever it stands in there, unless what it has started is
still at work.
"""
from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import time
from collections.abc import Iterator
from typing import Optional

_FLOCK = struct.Struct("hhqqi")  # struct flock: type, whence, start, length (0: to the end), number of a process
_GET, _SET = 36, 37  # F_OFD_GETLK, F_OFD_SETLK: fcntl has them where Python was built with them
_DOOR = 0  # the byte that who looks for its place has locked, for microseconds
SECONDS = 2  # for the search of who has locked a file; a host with 1000 processes takes some 100 ms
_MOST = 1 << 15  # characters that /proc says of an open file at most, as far as that is looked at


def join(file: int) -> int:
    """Take the last place: its number, 0 where somebody else is at the door and it has to be tried again.

    :param file: an open file that can be read and written
    :raises OSError: when the file system knows no locks
    """
    if not _lock(file, _DOOR):
        return 0
    try:
        place = _DOOR + 1
        while (other := _find(file, place, 0)) is not None:
            place = other[1] + 1
        return place if _lock(file, place) else 0
    finally:
        _set(file, fcntl.F_UNLCK, _DOOR)


def find_first(file: int, place: int) -> int:
    """The first place before this one that somebody has, 0 where there is none and so its turn has come."""
    first, before = 0, place
    while before > _DOOR + 1 and (other := _find(file, _DOOR + 1, before - _DOOR - 1)) is not None:
        first = before = other[0]
    return first


def is_first(file: int, place: int) -> bool:
    return place == _DOOR + 1 or _find(file, _DOOR + 1, place - _DOOR - 1) is None


@contextlib.contextmanager
def closed_behind(file: int, place: int) -> Iterator[bool]:
    """Whether nobody waits behind this place; for the block nobody comes."""
    if not _lock(file, _DOOR):
        yield False
        return
    try:
        yield _find(file, place + 1, 0) is None
    finally:
        _set(file, fcntl.F_UNLCK, _DOOR)


def _lock(file: int, byte: int) -> bool:
    try:
        _set(file, fcntl.F_WRLCK, byte)
    except BlockingIOError:
        return False
    return True


def _set(file: int, kind: int, byte: int) -> None:
    fcntl.fcntl(file, _SET, _FLOCK.pack(kind, os.SEEK_SET, byte, 1, 0))


def _find(file: int, start: int, length: int) -> Optional[tuple[int, int]]:
    """The first and the last byte of some lock of another open file from ``start`` on, None where there is none."""
    kind, _whence, first, size, _pid = _FLOCK.unpack(
        fcntl.fcntl(file, _GET, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, start, length, 0)))
    return None if kind == fcntl.F_UNLCK else (first, first + size - 1)


def find_holders(file: int) -> dict[int, list[int]]:
    """Processes that have this file open and locked, by number: their places, 0 for a lock of the whole (flock(2)).

    It is not who has locked it that counts, but who still has it open: of the children of a process that was killed
    nobody else knows. So all processes are looked through, where who has locked it has it open no more.

    The files that others have open are not asked: one of FUSE answers when it likes. What is read tells of each of them
    what is locked (proc(5), fdinfo). A process may have a million, and a container any number of processes: after a
    while no more are looked at, and who is there and has locked the file counts as who has it open.
    """
    wanted = _called(file)
    deadline = time.monotonic() + SECONDS
    locking = list(dict.fromkeys(_locking(wanted, deadline)))
    holders = {pid: places for pid in locking if (places := _locked_by(pid, wanted, deadline))}
    if not holders:
        holders = {pid: places for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
                   if (places := _locked_by(pid, wanted, deadline))}
    late = time.monotonic() > deadline
    return holders or {pid: [0] for pid in locking if late and os.path.exists(f"/proc/{pid}")}


def _called(file: int) -> str:
    """How the kernel calls an open file where it speaks of locks: who has locked a byte of it is told so.

    Else it is what stat(2) says, which is something else for a file of overlayfs or btrfs. A network namespace is none.
    """
    with open(f"/proc/self/fdinfo/{file}", encoding="ascii", errors="replace") as lines:
        for words in map(str.split, lines.read(_MOST).splitlines()):
            if words[:1] == ["lock:"] and len(words) > 6:
                return words[6]
    found = os.fstat(file)
    return f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"


def _locking(wanted: str, deadline: float) -> Iterator[int]:
    """Who has locked a file, where that is a process of its own lock (flock(2)): it may have ended since."""
    with contextlib.suppress(OSError), open("/proc/locks", encoding="ascii", errors="replace") as lines:
        for line in lines:
            # proc(5): 1: FLOCK ADVISORY WRITE 359 00:13:11691 0 EOF
            words = line.split()
            if wanted in words[5:6] and words[1] == "FLOCK":
                yield int(words[4])
            if time.monotonic() > deadline:
                return


def _locked_by(pid: int, wanted: str, deadline: float) -> list[int]:
    """The places of a file that a process has locked and open."""
    places: list[int] = []
    with contextlib.suppress(OSError):  # it has ended
        for entry in os.scandir(f"/proc/{pid}/fd"):
            if time.monotonic() > deadline:
                break
            with contextlib.suppress(OSError):  # it was closed
                # One of epoll(7) tells nothing while it waits for a file: it is "anon_inode:[eventpoll]".
                if os.readlink(entry.path).startswith(("/", "net:")):
                    places += _locks(f"/proc/{pid}/fdinfo/{entry.name}", wanted)
    return places


def _locks(path: str, wanted: str) -> Iterator[int]:
    with open(path, encoding="ascii", errors="replace") as lines:
        for words in map(str.split, lines.read(_MOST).splitlines()):
            # lock: 1: FLOCK ADVISORY WRITE 359 00:13:11691 0 EOF
            if words[:1] == ["lock:"] and wanted in words[6:7] and words[2] in ("FLOCK", "OFDLCK"):
                yield int(words[7])


def command_of(pid: int) -> str:
    """The command line of a process, cut off where it is long; "" where there is none to be seen.

    A process has it in its own memory, which may be a file of FUSE: only a child can ask for that of any other one.
    """
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
        return " ".join(file.read(_MOST).replace("\0", " ").split())[:200]
    return ""


def described(pid: int, command: str) -> str:
    return f"process {pid}" + (f" ({command})" if command else "")
