# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container calls itself (uts_namespaces(7)). Adapter."""
from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable, Iterator
from typing import Optional

from ..core.errors import HostError
from ..netns import processes
from ..netns.syscalls import enter_names
from .operations import HostnameSet


def hostnames(processes_of: Iterable[tuple[int, str]]) -> dict[int, Optional[str]]:
    """Host names by process: None for one that shares the host's; one that is gone is not in it.

    :param processes_of: numbers of processes with when they started
    """
    found: dict[int, Optional[str]] = {}
    for pid, started in processes_of:
        with contextlib.suppress(OSError), _enter(pid, started) as own:
            found[pid] = os.uname().nodename if own else None
    return found


def set_hostname(operation: HostnameSet) -> None:
    """:raises HostError: also when the name would be the host's"""
    try:
        with _enter(operation.pid, operation.started) as own:
            if not own:
                raise HostError(f"cannot {operation.describe()}: the process shares the host's own name")
            socket.sethostname(operation.name)
    except OSError as error:
        raise HostError(f"cannot {operation.describe()}: {error.strerror}") from error


@contextlib.contextmanager
def _enter(pid: int, started: str) -> Iterator[bool]:
    """The block runs in the UTS namespace of a process; whether that is another one than the host's.

    :raises ProcessLookupError: when the number is another process's by now
    """
    home = os.open("/proc/self/ns/uts", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(f"/proc/{pid}/ns/uts", os.O_RDONLY | os.O_CLOEXEC)
        try:
            processes.require(pid, started)
            own = os.fstat(home).st_ino != os.fstat(there).st_ino
            enter_names(there)
        finally:
            os.close(there)
        try:
            yield own
        finally:
            enter_names(home)
    finally:
        os.close(home)
