# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time."""
from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

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


@contextlib.contextmanager
def held(script: str, *options: str) -> Iterator[None]:
    """While another process has locked a file."""
    words = [*options, sys.executable, "-c", f"import fcntl, os, time\n{script}\nprint(flush=True)\ntime.sleep(1000)"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None and process.stdout.readline()
            yield
        finally:
            process.kill()


NAMESPACE = "fcntl.flock(os.open('/proc/self/ns/net', os.O_RDONLY), fcntl.LOCK_EX)"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has the file that nobody else can lock")


@AS_ROOT
@pytest.mark.parametrize("options", [["--reuid=1000", "--clear-groups"], ["--bounding-set=-net_admin"]])
def test_who_could_be_no_run_is_not_waited_for(options: list[str]) -> None:
    """Every process in the network of the host can lock its namespace, and keep it locked."""
    with held(NAMESPACE, "setpriv", *options), host_lock(0.0):
        assert other_run().startswith("another run")


@AS_ROOT
def test_a_run_with_another_proc_is_waited_for() -> None:
    with held(NAMESPACE), pytest.raises(HostError, match="another run"), host_lock(0.0):
        pass


@AS_ROOT
def test_nobody_but_root_can_open_what_is_locked_first() -> None:
    script = "\n".join(["import sys", "try:", "    os.open('/proc/sys/net/ipv4/route/flush', os.O_RDONLY)",
                        "    sys.exit('opened')", "except PermissionError:", "    pass"])
    with held(script, "setpriv", "--reuid=1000", "--clear-groups"), host_lock(0.0):
        pass
