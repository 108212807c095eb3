# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a process is. Adapter: reads /proc (proc(5))."""
from __future__ import annotations


def start_time(pid: int) -> str:
    """When a process started, in clock ticks since boot, "" when it is not there.

    The number of a process may be used again, but not with the same time.
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[19]
    except OSError:
        return ""
