# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time for each network namespace that is a host.

The lock is an flock(2) on the namespace itself (/proc/self/ns/net): it needs no file, so that check mode writes
nothing, and hosts that share a /run do not wait for each other.
"""
from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator

from .errors import HostError

WAIT = 120.0  # seconds; the largest measured run, 1000 endpoints, holds the lock for a few


@contextlib.contextmanager
def host_lock(seconds: float = WAIT) -> Iterator[None]:
    """Hold the lock for the block. :raises HostError: when another run holds it for longer than ``seconds``."""
    descriptor = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise HostError(f"another run has been at work on this host for {seconds:g} seconds: "
                                    "wait for it, or find it with `lslocks`") from error
                time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)
