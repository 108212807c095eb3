# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container calls itself (uts_namespaces(7)). Adapter."""
from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import Optional

from ..netns import rights
from ..netns.syscalls import enter_names


def hostnames(processes_of: Iterable[tuple[int, str]]) -> dict[int, Optional[str]]:
    """Host names by process: None for one that is not the container's own to set, such as the host's; one that is gone
    is not in it.

    :param processes_of: numbers of processes with when they started
    """
    found: dict[int, Optional[str]] = {}
    for pid, started in processes_of:
        with contextlib.suppress(OSError, rights.Undecided), _enter(pid, started) as own:
            found[pid] = os.uname().nodename if own else None
    return found


@contextlib.contextmanager
def _enter(pid: int, started: str) -> Iterator[bool]:
    """The block runs in the UTS namespace of a process; whether that is the container's own.

    :raises ProcessLookupError: when the number is another process's by now
    """
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(rights.opened(rights.open_process(pid, started)))
        home = stack.enter_context(rights.opened(os.open("/proc/self/ns/uts", os.O_RDONLY | os.O_CLOEXEC)))
        there = stack.enter_context(rights.opened(os.open("ns/uts", os.O_RDONLY | os.O_CLOEXEC, dir_fd=process)))
        if os.fstat(home).st_ino == os.fstat(there).st_ino:
            yield False
            return
        own = rights.may_change(process, there)
        enter_names(there)
        try:
            yield own
        finally:
            enter_names(home)
