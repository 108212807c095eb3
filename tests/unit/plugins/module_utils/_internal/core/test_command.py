# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs are started, and none is left behind."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core import command
from ansible_collections.mooring.net.plugins.module_utils._internal.core.ending import end_with
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import HostError

WITH_COLLECTION = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def test_a_program_with_its_input_and_its_status() -> None:
    assert command.run(["sh", "-c", "cat; echo no >&2; exit 3"], "text") == command.Result(3, "text", "no\n")
    assert command.run(["true"], "nobody reads this " * 10000) == command.Result(0, "", "")


def test_several_programs_run_at_the_same_time(tmp_path: Path) -> None:
    """Each waits for the other one at a pipe: one after the other, none would end."""
    os.mkfifo(tmp_path / "pipe")
    found = command.run_all([["sh", "-c", f"read word <{tmp_path}/pipe; echo $word"],
                             ["sh", "-c", f"echo met >{tmp_path}/pipe; echo sent"]], seconds=10)
    assert [done.out for done in found] == ["met\n", "sent\n"]
    assert command.run_all([]) == []


def test_a_program_that_does_not_end_is_ended(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    with pytest.raises(HostError, match="sh -c .* did not answer within 0.2 seconds"):
        command.run_all([["true"], ["sh", "-c", f"echo $$ >{note}; exec sleep 1000"], ["sleep", "1000"]], seconds=0.2)
    assert not Path(f"/proc/{note.read_text().strip()}").exists()


def test_a_program_that_is_not_there_takes_the_others_with_it() -> None:
    with pytest.raises(HostError, match="no-such-program is not installed"):
        command.run_all([["sleep", "1000"], ["no-such-program"]])
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_program_that_not_even_a_signal_ends_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for a file system, in the kernel. Here it is one that is not killed."""
    monkeypatch.setattr(command, "GRACE", 0.05)
    started: list[subprocess.Popen[str]] = []

    class Unmoved(subprocess.Popen):  # type: ignore[type-arg]
        def kill(self) -> None:
            started.append(self)

    monkeypatch.setattr(command.subprocess, "Popen", Unmoved)
    with pytest.raises(HostError, match="did not answer within 0.1 seconds"):
        command.run(["sleep", "5"], seconds=0.1)
    assert started[0].poll() is None
    started[0].terminate()
    started[0].wait()


@pytest.mark.parametrize("starter", ["", "command._starter = lambda: ()\n"])
def test_a_program_ends_with_the_run_that_has_started_it(tmp_path: Path, starter: str) -> None:
    """Also when the run is killed, which tells nobody, and on a host without setpriv."""
    os.mkfifo(tmp_path / "open")
    script = (f"from {command.__name__.rpartition('.')[0]} import command\n{starter}"
              f"command.run(['sh', '-c', 'exec 3>{tmp_path}/open; echo $$ >&3; exec sleep 1000'])")
    with subprocess.Popen([sys.executable, "-c", script], env=WITH_COLLECTION) as run, \
            open(tmp_path / "open", encoding="ascii") as other_end:
        assert other_end.readline()
        run.kill()
        run.wait()
        assert other_end.read() == ""  # who had it open has ended


def test_a_program_whose_run_has_ended_already_does_not_begin(tmp_path: Path) -> None:
    pid = os.fork()
    if not pid:
        end_with(os.getpid())  # who is not its parent, as one that has ended is not any more
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
