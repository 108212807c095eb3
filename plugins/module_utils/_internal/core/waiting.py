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
from collections.abc import Iterator
from typing import Optional

_FLOCK = struct.Struct("hhqqi")  # struct flock: type, whence, start, length (0: to the end), number of a process
_GET, _SET = 36, 37  # F_OFD_GETLK, F_OFD_SETLK: fcntl has them where Python was built with them
_DOOR = 0  # the byte that who looks for its place has locked, for microseconds
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
    nobody else knows.
    """
    wanted = os.fstat(file)
    by_process = ((int(name), list(_locked_by(name, wanted))) for name in os.listdir("/proc") if name.isdigit())
    return {pid: places for pid, places in by_process if places}


def _locked_by(pid: str, wanted: os.stat_result) -> Iterator[int]:
    with contextlib.suppress(OSError):  # it has ended, or the file was closed
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if not os.path.samestat(os.stat(f"/proc/{pid}/fd/{descriptor}"), wanted):
                    continue
                with open(f"/proc/{pid}/fdinfo/{descriptor}", encoding="ascii", errors="replace") as lines:
                    for words in map(str.split, lines.read(_MOST).splitlines()):
                        # proc(5): lock: 1: FLOCK ADVISORY WRITE 359 00:13:11691 0 EOF
                        if words[:1] == ["lock:"] and len(words) == 9 and words[2] in ("FLOCK", "OFDLCK"):
                            yield int(words[7])


def command_of(pid: int) -> str:
    """The command line of a process, cut off where it is long; "" where there is none to be seen."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
        return " ".join(file.read(_MOST).replace("\0", " ").split())[:200]
    return ""


def described(pid: int, command: str) -> str:
    return f"process {pid}" + (f" ({command})" if command else "")
