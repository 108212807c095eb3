# SPDX-License-Identifier: GPL-3.0-or-later
"""Several processes of pytest do the tests of this folder together: each takes whole files, the longest first.

SHARED_FILES names a folder in which whoever takes a file says so. Without it a process takes all of them.
"""
import contextlib
import functools
import os
from pathlib import Path

# What takes longest, in the order of seconds, so that nobody begins a long file when the others are about to end.
LONGEST = ("test_drift", "test_flushes", "test_started", "test_interrupted_hosts", "test_following", "test_boot",
           "test_interrupted", "test_killed", "test_restarts", "test_docker_engine", "test_neighbours", "test_gate")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


def pytest_runtest_protocol(item):
    """Whether there is nothing to do here, since another process does it."""
    return None if takes(item.path.name) else True


@functools.lru_cache(maxsize=None)
def takes(name):
    """Whether the tests of a file are for this process."""
    if not (shared := os.environ.get("SHARED_FILES")):
        return True
    Path(shared).mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(Path(shared) / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        return True
    return False
