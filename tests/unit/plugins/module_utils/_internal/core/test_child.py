# SPDX-License-Identifier: GPL-3.0-or-later
"""What children do apart is told, and what does not end is not waited for."""
from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core import child
from ansible_collections.mooring.net.plugins.module_utils._internal.core.child import Tell, Told, work_apart
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import HostError
from ansible_collections.mooring.net.plugins.module_utils._internal.netns import rights


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Children are given up soon, and none is left behind."""
    monkeypatch.setattr(child, "SECONDS", 0.3)
    yield
    while child._left:  # pylint: disable=protected-access
        child._reap()  # pylint: disable=protected-access


def hang(tell: Tell) -> None:
    tell("begun")
    while True:
        signal.pause()


def test_values_come_in_order_whatever_they_are() -> None:
    values = ["text\n\udcff", [1, None, True], {"key": "x" * (1 << 20)}]
    told = work_apart([lambda tell, each=each: [tell(value) for value in (each, *values)] for each in range(3)])
    assert told == [Told([each, *values], ended=True) for each in range(3)]
    assert work_apart([]) == []


def test_an_open_file_comes_with_a_value(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    told, = work_apart([lambda tell: tell("this", os.open(tmp_path / "file", os.O_RDONLY))])
    assert told.values == ["this"] and told.ended
    with open(told.files[0], encoding="utf-8") as file:
        assert file.read() == "text"


def test_one_that_fails_has_not_ended() -> None:
    def fail(tell: Tell) -> None:
        tell("before")
        raise KeyError("gone")

    assert work_apart([fail]) == [Told(["before"])]


def test_one_that_hangs_is_given_up_and_the_others_are_not() -> None:
    told = work_apart([hang, lambda tell: tell("done"), hang])
    assert told == [Told(["begun"]), Told(["done"], ended=True), Told(["begun"])]


def test_one_that_goes_on_later_is_not_waited_for() -> None:
    """Long before all of them together are given up."""
    def late(tell: Tell) -> None:
        tell("begun")
        time.sleep(2)
        tell("done")

    assert work_apart([late]) == [Told(["begun"])]


def test_one_that_tells_something_from_time_to_time_has_time() -> None:
    def slow(tell: Tell) -> None:
        for number in range(5):
            tell(number)
            time.sleep(0.1)

    assert work_apart([slow])[0].ended


def test_there_are_only_so_many_at_a_time_and_only_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "TOGETHER", 2)
    monkeypatch.setattr(child, "TOTAL", 0.5)
    begun = [told.values for told in work_apart([hang] * 20)]
    assert begun[:2] == [["begun"]] * 2 and begun[-1] == []


def test_a_child_holds_no_lock_and_no_output_of_the_run(tmp_path: Path) -> None:
    """One that the kernel does not end would keep them for as long as a container likes."""
    read, write = os.pipe()
    descriptor = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)

    def look(tell: Tell) -> None:
        tell(sorted(int(name) for name in os.listdir("/proc/self/fd")))

    told, = work_apart([look])
    assert not {descriptor, read, write, 0, 1, 2} & set(told.values[0][1:])
    assert len(told.values[0]) == 2  # its own end, and that of the listing
    for each in (descriptor, read, write):
        os.close(each)


def test_a_host_without_room_for_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    def fork() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    with pytest.raises(HostError, match="cannot make a child process: Resource temporarily unavailable"):
        work_apart([hang])


HANGS = f"""
import os, signal, sys
from {child.__name__} import work_apart
from {rights.__name__} import become, syscalls

work_apart.__globals__["_LIFE"] = 0  # so that no alarm ends it

def hang(tell):
    pipe = os.open(sys.argv[1], os.O_WRONLY)
    if sys.argv[2:]:
        syscalls.enter_user = lambda _descriptor: None
        become.__globals__["_first"] = lambda _name: 1000
        become(-1)
    os.write(pipe, b"begun\\n")
    signal.pause()

work_apart([hang])
"""


@pytest.mark.parametrize("options", [[], pytest.param(["as somebody else"], marks=pytest.mark.skipif(
    os.geteuid() != 0, reason="only root becomes somebody else"))])
def test_a_child_ends_with_the_run(tmp_path: Path, options: list[str]) -> None:
    """Also when the run is killed, and when the child became another user, who has to wish for it anew (prctl(2))."""
    os.mkfifo(tmp_path / "pipe")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", HANGS, str(tmp_path / "pipe"), *options], env=environment) as run, \
            open(tmp_path / "pipe", encoding="ascii") as other_end:
        assert other_end.readline() == "begun\n"
        run.kill()
        run.wait()
        assert select.select([other_end], [], [], 20)[0] and other_end.read() == "", "who has it open has not ended"
