# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a process is. Adapter: reads /proc (proc(5))."""
from __future__ import annotations

import errno
import functools
import os


def start_time(pid: int) -> str:
    """When a process started, in clock ticks since boot, "" when it is not there.

    The number of a process may be used again, but not with the same time. Whoever opens something of a process and
    asks afterwards knows whose it is: a process that has started before and is there still was there in between.
    """
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(descriptor, 4096).rpartition(b")")[2].split()[19].decode()
        finally:
            os.close(descriptor)
    except OSError:
        return ""


def require(pid: int, started: str) -> None:
    """To be called once something of the process is open.

    :param started: "" for a process of which nobody knows it
    :raises ProcessLookupError: when the number is not, or no longer, that of the process that started then
    """
    if started and start_time(pid) != started:
        raise ProcessLookupError(errno.ESRCH, "the process has ended")


@functools.cache
def boot() -> str:
    """What distinguishes this boot of the host from all others (random(4)), "" where the kernel does not say."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""
