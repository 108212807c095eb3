# SPDX-License-Identifier: GPL-3.0-or-later
"""Small text files, read without waiting for anybody. Adapter."""
from __future__ import annotations

import os
import stat

LIMIT = 1 << 20  # bytes


def read_regular(path: str, follow: bool = False, limit: int = LIMIT) -> str:
    """The text of a regular file, at most ``limit`` bytes of it; bytes that are no UTF-8 are kept as surrogates.

    What it is is known before it is opened: to open a FIFO waits for a writer, and to open a device does something. One
    that somebody holds a lease on (fcntl(2), F_SETLEASE) is not waited for.

    :param follow: whether a link at the end of the path is followed
    :raises OSError: when it is not there, or is something else
    """
    found = os.open(path, os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW))
    try:
        if not stat.S_ISREG(os.fstat(found).st_mode):
            raise OSError(0, "is no regular file", path)
        descriptor = os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    finally:
        os.close(found)
    with open(descriptor, "rb") as file:
        return file.read(limit).decode("utf-8", "surrogateescape")
