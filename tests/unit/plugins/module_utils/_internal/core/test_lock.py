# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time, in the order in which they come."""
from __future__ import annotations

import contextlib
import itertools
import os
import re
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core import child, lock, waiting
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import HostError
from ansible_collections.mooring.net.plugins.module_utils._internal.core.lock import host_lock

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has the file that nobody else can lock")
# One that other users may start, too: that of a virtual environment may be below the home of root.
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable

# A run, in a process of its own; what it does stands behind that.
RUN = """
import os, sys
from ansible_collections.mooring.net.plugins.module_utils._internal.core import command, lock
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import HostError
lock.UNDER = sys.argv[1]
"""
OTHER = f"""{RUN}
try:
    with lock.host_lock(0.0):
        print("got it")
except HostError as error:
    print(error)
"""


@pytest.fixture(autouse=True)
def under(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the lock is instead of /run. Who is not root can make none, and has the network namespace only."""
    if os.geteuid() == 0:
        monkeypatch.setattr(lock, "UNDER", str(tmp_path))
    yield Path(lock.UNDER)


def start(script: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", script, lock.UNDER], env=environment, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)


def other_run() -> str:
    with start(OTHER) as process:
        assert process.stdout is not None
        return process.stdout.read().strip()


def file_of_lock() -> Path:
    return Path(lock.UNDER, "mooring/lock", str(os.stat("/proc/self/ns/net").st_ino))


def test_a_second_run_waits_and_then_says_for_whom() -> None:
    with host_lock():
        said = other_run()
    since = r", since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d" if os.geteuid() == 0 else ""
    assert re.fullmatch(rf"another run has been at work on this host for \d seconds{since}: process {os.getpid()} "
                        r"\(.*pytest.*\)\. Wait for it, or end it, and run the task again", said)
    assert other_run() == "got it"


def test_the_lock_is_released_when_a_run_fails() -> None:
    with pytest.raises(ZeroDivisionError), host_lock():
        raise ZeroDivisionError
    with host_lock(0.0):
        pass


def test_within_one_process_too() -> None:
    with host_lock(), pytest.raises(HostError, match="another run"), host_lock(0.0):
        pass


class Runs:
    """Somebody to wait for, who is another one with each look, and a clock that goes on by a minute with each."""

    def __init__(self, heads: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.heads = iter([*range(heads), *itertools.repeat(heads, 5)])
        clock = itertools.count(0, 60)
        monkeypatch.setattr(lock.time, "monotonic", lambda: next(clock))
        monkeypatch.setattr(lock.time, "sleep", lambda _seconds: None)

    def take(self) -> bool:
        return False

    def find_head(self) -> object:
        return next(self.heads)

    def describe(self) -> tuple[str, float]:
        return "process 7", 0


def test_time_begins_anew_with_each_run_that_is_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue of forty runs of some seconds each is nothing to give up for."""
    runs = Runs(40, monkeypatch)
    with pytest.raises(HostError, match="for 120 seconds: process 7"):
        lock._wait(runs, 120)  # pylint: disable=protected-access
    assert len(list(runs.heads)) == 2, "it was the last one that was waited for in vain"


@contextlib.contextmanager
def places(path: Path, number: int) -> Iterator[list[int]]:
    """Open files, each of which is in the queue, in that order."""
    files = [os.open(path, os.O_RDWR | os.O_CREAT) for _each in range(number)]
    try:
        assert [waiting.join(each) for each in files] == list(range(1, number + 1))
        yield files
    finally:
        for each in files:
            with contextlib.suppress(OSError):
                os.close(each)


def test_who_comes_first_is_first_also_when_somebody_in_between_is_killed(tmp_path: Path) -> None:
    with places(tmp_path / "queue", 4) as files:
        def first() -> list[int]:
            return [number for number, each in enumerate(files, 1) if each >= 0 and waiting.is_first(each, number)]

        assert first() == [1] and waiting.find_first(files[3], 4) == 1
        os.close(files[1])
        files[1] = -1
        assert first() == [1]
        os.close(files[0])
        files[0] = -1
        assert first() == [3] and waiting.find_first(files[3], 4) == 3
        with places(tmp_path / "queue", 0), open(tmp_path / "queue", "r+b") as late:
            assert waiting.join(late.fileno()) == 5


def test_who_looks_for_a_place_keeps_others_from_it(tmp_path: Path) -> None:
    with places(tmp_path / "queue", 2) as (one, two):
        with waiting.closed_behind(one, 1) as last, open(tmp_path / "queue", "r+b") as late:
            assert not last and waiting.join(late.fileno()) == 0
        with waiting.closed_behind(two, 2) as last:
            assert last


@AS_ROOT
def test_nobody_but_root_can_open_the_file(under: Path) -> None:
    with host_lock():
        found = [os.lstat(path) for path in (file_of_lock(), file_of_lock().parent)]
        assert [(stat.S_IMODE(each.st_mode), each.st_uid) for each in found] == [(0o600, 0), (0o700, 0)]
        done = subprocess.run(["setpriv", "--reuid=1000", "--clear-groups", "cat", file_of_lock()], capture_output=True,
                              check=False)
        assert done.returncode


@AS_ROOT
def test_the_last_run_removes_it_where_nothing_else_is_kept(under: Path) -> None:
    with host_lock():
        pass
    assert not (under / "mooring").exists()
    (under / "mooring/dns").mkdir(parents=True)  # of a run that was killed before it had a file to put there
    (under / "mooring/netns").mkdir()
    (under / "mooring/netns/web").touch()
    with host_lock():
        pass
    assert file_of_lock().exists() and not (under / "mooring/dns").exists()


@AS_ROOT
def test_who_waits_at_a_file_that_is_removed_waits_at_the_next_one(under: Path) -> None:
    queue = lock._Queue("1", True)  # pylint: disable=protected-access
    os.unlink(under / "mooring/lock/1")
    with places(under / "mooring/lock/1", 1) as files:
        os.chmod(under / "mooring/lock/1", 0o600)
        assert [queue.take() for _each in range(3)] == [False] * 3
        os.close(files[0])
        assert queue.take()
        queue.close()


@AS_ROOT
def test_a_run_that_changes_nothing_makes_no_file_and_waits_all_the_same(under: Path) -> None:
    with host_lock(writes=False):
        assert not list(under.iterdir())
        assert other_run().startswith("another run")
    with start(f"{RUN}\nwith lock.host_lock():\n    print(flush=True)\n    sys.stdin.read()") as process:
        assert process.stdout is not None and process.stdout.readline()
        with pytest.raises(HostError, match=rf"process {process.pid}\b"), host_lock(0.0, writes=False):
            pass
        process.kill()


@AS_ROOT
@pytest.mark.parametrize(("plant", "problem"), [
    (lambda path: path.symlink_to("/dev/null"), "is no file, and runs queue"),
    (lambda path: path.mkdir(), "is no file, and runs queue"),
    (os.mkfifo, "is no file that root alone can open"),
    (lambda path: (path.touch(), path.chmod(0o604)), "is no file that root alone can open"),
    (lambda path: (path.touch(0o600), os.chown(path, 1000, 0)), "is no file that root alone can open")])
def test_what_others_could_hold_is_refused(under: Path, plant, problem: str) -> None:  # type: ignore[no-untyped-def]
    file_of_lock().parent.mkdir(parents=True)
    plant(file_of_lock())
    with pytest.raises(HostError, match=problem), host_lock():
        pass


@AS_ROOT
def test_what_a_killed_run_has_started_keeps_the_next_one_waiting(under: Path) -> None:
    """What it has started itself ends with it, and what that has started may go on for a while."""
    script = f"""{RUN}
with lock.host_lock():
    command.run(["sh", "-c", "sleep 1000 & echo $! $$ >$0/pids.new; mv $0/pids.new $0/pids; wait", sys.argv[1]])
"""
    with start(script) as process:
        while not (under / "pids").exists():
            assert process.poll() is None
        child, shell = (int(word) for word in (under / "pids").read_text().split())
        process.kill()
        process.wait()
    try:
        said = other_run()
        assert re.search(rf": process {child} \(sleep 1000\); the last run that changed something was process "
                         rf"{process.pid} \(.*\), which has ended\. ", said), said
        assert not Path(f"/proc/{shell}").exists() or "zombie" in Path(f"/proc/{shell}/status").read_text()
    finally:
        os.kill(child, signal.SIGKILL)
    while (said := other_run()) != "got it":  # the kernel takes a moment
        assert f"process {child} " in said


@contextlib.contextmanager
def held(script: str, *options: str) -> Iterator[None]:
    """While another process has locked a file."""
    words = [*options, PYTHON, "-c", f"import fcntl, os, time\n{script}\nprint(flush=True)\ntime.sleep(1000)"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None and process.stdout.readline()
            yield
        finally:
            process.kill()


NAMESPACE = "fcntl.flock(os.open('/proc/self/ns/net', os.O_RDONLY), fcntl.LOCK_EX)"
@AS_ROOT
@pytest.mark.parametrize("options", [["--reuid=1000", "--clear-groups"], ["--bounding-set=-net_admin"],
                                     ["--bounding-set=-sys_admin"]])
def test_who_could_be_no_run_is_not_waited_for(options: list[str]) -> None:
    """Every process in the network of the host can lock its namespace, and keep it locked."""
    with held(NAMESPACE, "setpriv", *options), host_lock(0.0):
        assert other_run().startswith("another run")


@AS_ROOT
def test_a_run_with_another_proc_is_waited_for() -> None:
    with held(NAMESPACE), pytest.raises(HostError, match="another run"), host_lock(0.0):
        pass


# Who has a file locked


HOLDS = """
import fcntl, os, sys
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(file, fcntl.LOCK_EX)
print(os.getpid(), flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def holder(path: Path) -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        assert process.stdin and process.stdout
        yield int(process.stdout.readline())
        process.stdin.close()


def test_files_that_tell_nothing_while_they_wait_are_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever adds a file of FUSE to an epoll(7) keeps its lock, for which /proc/PID/fdinfo waits."""
    asked, locks = [], waiting._locks  # pylint: disable=protected-access
    monkeypatch.setattr(waiting, "_locks", lambda path, wanted: asked.append(path) or locks(path, wanted))
    monkeypatch.setattr(waiting.os, "listdir", lambda _path: [str(os.getpid())])
    file = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    with select.epoll() as epoll:
        place = waiting.join(file)
        assert waiting.find_holders(file) == {os.getpid(): [place]}
        assert f"/proc/{os.getpid()}/fdinfo/{file}" in asked
        assert f"/proc/{os.getpid()}/fdinfo/{epoll.fileno()}" not in asked
    os.close(file)


def test_who_has_more_open_than_there_is_time_for_counts_as_who_has_locked_it(tmp_path: Path,
                                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    """Else anybody could keep runs waiting, with a million open files."""
    def look_for_ever(_pid: int, _wanted: str, deadline: float) -> list[int]:
        while time.monotonic() <= deadline:
            time.sleep(0.02)
        return []

    monkeypatch.setattr(waiting, "SECONDS", 100)
    with holder(tmp_path / "file") as pid:
        file = os.open(tmp_path / "file", os.O_RDWR)
        assert waiting.find_holders(file) == {pid: [0]}
        monkeypatch.setattr(waiting, "_locked_by", lambda *_arguments: [])
        assert waiting.find_holders(file) == {}
        monkeypatch.setattr(waiting, "_locked_by", look_for_ever)
        monkeypatch.setattr(waiting, "SECONDS", 1)
        assert waiting.find_holders(file) == {pid: [0]}
    assert waiting.find_holders(file) == {}
    os.close(file)


def test_a_command_line_that_does_not_answer_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is memory of the process, which may be a file of FUSE."""
    monkeypatch.setattr(child, "SECONDS", 0.3)
    monkeypatch.setattr(waiting, "command_of", lambda pid: signal.pause() if pid == 1 else "python run")
    assert lock._listed([1, 2]) == "process 1, process 2 (python run)"  # pylint: disable=protected-access
