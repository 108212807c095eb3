# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place that starts processes: argument lists, no shell, a bound on time.

What is started ends with the run, also when that is killed. Until it has ended it has the lock of the run: so what a
killed run has started may still be at work for a moment, but never beside the next run.
"""
from __future__ import annotations

import contextlib
import functools
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from .ending import end_with
from .errors import HostError
from .lock import held

# sbin is where Debian keeps iptables; a user's PATH may lack it.
SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
GRACE = 2.0  # seconds for a killed program to be gone


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


def find(program: str) -> Optional[str]:
    """The path of a program, None when the host does not have it."""
    for directory in [*os.environ.get("PATH", "").split(":"), *SEARCH.split(":")]:
        path = os.path.join(directory, program)
        if directory and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def run(arguments: list[str], text: str = "", seconds: float = 60) -> Result:
    """Run a program with ``text`` as its input.

    :raises HostError: when it is not there or does not end within ``seconds``
    """
    process = _start(arguments)
    try:
        return _end(process, arguments, text, seconds)
    finally:
        _kill(process)


def run_all(programs: Sequence[list[str]], seconds: float = 60) -> list[Result]:
    """Run several programs without input at the same time; their results in the same order.

    :raises HostError: when one is not there or does not end within ``seconds``
    """
    started: list[subprocess.Popen[str]] = []
    try:
        for arguments in programs:
            started.append(_start(arguments))
        return [_end(process, arguments, "", seconds) for process, arguments in zip(started, programs)]
    finally:
        for process in started:
            _kill(process)


@functools.cache
def _starter() -> tuple[str, ...]:
    """The beginning of a command that ends with this process, () where the host has none.

    setpriv(1) of util-linux 2.33 or newer can that. For what :func:`end_with` does instead the kernel copies the map of
    all memory of the run for each program, which with a thousand containers takes longer than most programs do.
    """
    path = find("setpriv")
    command = (path or "", "--pdeathsig", "KILL", "--")
    try:
        tried = path and not subprocess.run([*command, path, "--version"], stdin=subprocess.DEVNULL, check=False,
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                            timeout=GRACE).returncode
    except (OSError, subprocess.SubprocessError):
        tried = False
    return command if tried else ()


def _start(arguments: list[str]) -> subprocess.Popen[str]:
    path = find(arguments[0])
    if path is None:
        raise HostError(f"{arguments[0]} is not installed")
    starter = _starter()
    ends = None if starter else functools.partial(end_with, os.getpid())
    environment = {**os.environ, "LC_ALL": "C", "LANGUAGE": "C"}
    return subprocess.Popen([*starter, path, *arguments[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, errors="replace", env=environment, pass_fds=held(),
                            preexec_fn=ends)


def _end(process: subprocess.Popen[str], arguments: list[str], text: str, seconds: float) -> Result:
    try:
        out, err = process.communicate(text, timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise HostError(f"{' '.join(arguments)} did not answer within {seconds:g} seconds") from error
    return Result(process.returncode, out, err)


def _kill(process: subprocess.Popen[str]) -> None:
    """What still runs ends, and nothing of it is left open. What waits for a file system ends when that answers."""
    if process.poll() is None:
        process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    for stream in (process.stdin, process.stdout, process.stderr):
        with contextlib.suppress(OSError):  # input that the process did not read
            if stream is not None:
                stream.close()
