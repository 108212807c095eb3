# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place that starts processes: argument lists, no shell, a bound on time."""
from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import Optional

from .errors import HostError

# sbin is where Debian keeps iptables; a user's PATH may lack it.
SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


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
    path = find(arguments[0])
    if path is None:
        raise HostError(f"{arguments[0]} is not installed")
    environment = {**os.environ, "LC_ALL": "C", "LANGUAGE": "C"}
    try:
        done = subprocess.run([path, *arguments[1:]], input=text, capture_output=True, text=True, errors="replace",
                              timeout=seconds, env=environment, check=False)
    except subprocess.TimeoutExpired as error:
        raise HostError(f"{' '.join(arguments)} did not answer within {seconds:g} seconds") from error
    return Result(done.returncode, done.stdout, done.stderr)
