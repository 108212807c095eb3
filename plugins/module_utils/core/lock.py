# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time for each network namespace that is a host.

The lock is an flock(2) on two files of the kernel that each network namespace has: it needs no file of ours, so that
check mode writes nothing, and hosts that share a /run do not wait for each other. The first file only root can open,
since who can open a file can lock it, and keep it. The second one is the namespace itself, which is the same file for
runs that have another /proc mounted, as in a container with the network of the host; there only those are waited for
that could be a run, and not whoever else has locked it.
"""
from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator

from .errors import HostError

WAIT = 120.0  # seconds; the largest measured run, 1000 endpoints, holds the lock for a few
_OF_ROOT = "/proc/sys/net/ipv4/route/flush"  # mode 0200; nothing is written there
_NAMESPACE = "/proc/self/ns/net"
_NET_ADMIN = 1 << 12  # CAP_NET_ADMIN, capabilities(7)
_HOLDER = re.compile(r"\d+: FLOCK +\S+ +\S+ +(\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) .*")  # proc_locks(5)


@contextlib.contextmanager
def host_lock(seconds: float = WAIT) -> Iterator[None]:
    """Hold the lock for the block. :raises HostError: when another run holds it for longer than ``seconds``."""
    end = time.monotonic() + seconds
    with contextlib.ExitStack() as stack:
        of_root = _opened(stack, _OF_ROOT, os.O_WRONLY)
        if of_root >= 0:
            _lock(of_root, end, seconds, lambda: True)
        namespace = _opened(stack, _NAMESPACE, os.O_RDONLY)
        _lock(namespace, end, seconds, lambda: of_root < 0 or _is_held_by_run(namespace))
        yield


def _opened(stack: contextlib.ExitStack, path: str, flags: int) -> int:
    """An open file until the end of the block, -1 where the kernel has none: without IPv4, or in a user namespace."""
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC)
    except OSError:
        if path == _NAMESPACE:
            raise
        return -1
    stack.callback(os.close, descriptor)
    return descriptor


def _lock(descriptor: int, end: float, seconds: float, counts: Callable[[], bool]) -> None:
    """Lock a file. :param counts: whether who has locked it is to be waited for"""
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if not counts():
                return
            if time.monotonic() > end:
                raise HostError(f"another run has been at work on this host for {seconds:g} seconds: "
                                "wait for it, or find it with `lslocks`") from error
            time.sleep(0.02)


def _is_held_by_run(descriptor: int) -> bool:
    """Whether anybody who has locked an open file could be a run: it configures the network of this namespace."""
    found = os.fstat(descriptor)
    with open("/proc/locks", encoding="ascii") as locks:
        holders = [match for line in locks if (match := _HOLDER.fullmatch(line.strip()))]
    file = (os.major(found.st_dev), os.minor(found.st_dev), found.st_ino)
    return any(_may_configure(holder[1]) for holder in holders
               if (int(holder[2], 16), int(holder[3], 16), int(holder[4])) == file)


def _may_configure(pid: str) -> bool:
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            capabilities = next(int(line.split()[1], 16) for line in file if line.startswith("CapEff:"))
        same = os.stat(f"/proc/{pid}/ns/user").st_ino == os.stat("/proc/self/ns/user").st_ino
    except (OSError, StopIteration):
        return False  # it has ended
    return same and bool(capabilities & _NET_ADMIN)
