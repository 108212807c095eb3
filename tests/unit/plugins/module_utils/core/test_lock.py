# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time."""
from __future__ import annotations

import os
import subprocess
import sys

import pytest
from ansible_collections.mooring.net.plugins.module_utils.core.errors import HostError
from ansible_collections.mooring.net.plugins.module_utils.core.lock import host_lock

OTHER = """
from ansible_collections.mooring.net.plugins.module_utils.core.errors import HostError
from ansible_collections.mooring.net.plugins.module_utils.core.lock import host_lock
try:
    with host_lock(0.0):
        print("got it")
except HostError as error:
    print(error)
"""


def other_run() -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run([sys.executable, "-c", OTHER], env=environment, capture_output=True, text=True,
                          check=True).stdout.strip()


def test_a_second_run_waits_and_then_says_what_to_do() -> None:
    with host_lock():
        assert other_run() == ("another run has been at work on this host for 0 seconds: wait for it, or find it with "
                               "`lslocks`")
    assert other_run() == "got it"


def test_the_lock_is_released_when_a_run_fails() -> None:
    with pytest.raises(ZeroDivisionError), host_lock():
        raise ZeroDivisionError
    with host_lock(0.0):
        pass


def test_within_one_process_too() -> None:
    with host_lock(), pytest.raises(HostError, match="another run"), host_lock(0.0):
        pass
