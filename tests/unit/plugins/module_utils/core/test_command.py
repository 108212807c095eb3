# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs are started, and none is left behind."""
from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.mooring.net.plugins.module_utils.core import command
from ansible_collections.mooring.net.plugins.module_utils.core.errors import HostError


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
