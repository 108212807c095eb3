# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``mooring follow``: systemd starts it when the host's resolv.conf has changed. Adapter."""
from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from typing import Optional

from ..core.errors import MooringError
from ..core.lock import host_lock
from ..core.plan import Draft
from ..files import adapter as files
from ..files.marks import find_managed
from ..files.model import ObservedFile, Place
from ..files.operations import FileWrite
from .resolv import host_conf
from .writing import write_resolv

ROUNDS = 20  # a host's file that changes faster than this is somebody else's fault
RETRIES = 3  # for a container's file that somebody changed at the same time


@dataclass
class State:
    """As much of a host as the files are."""

    files: dict[Place, ObservedFile] = field(default_factory=dict)
    hostnames: dict[int, Optional[str]] = field(default_factory=dict)
    resolv_texts: dict[str, str] = field(default_factory=dict)


def main() -> int:
    """Bring all files up to date, and again for as long as the host's file changes meanwhile. The exit status.

    A file of the host that is away, or names no server, is one that somebody is about to write, or a host without a
    network: running containers keep the servers that they have, and do not ask somebody else's for names of the host.
    """
    good = True
    for number in range(ROUNDS):
        with host_lock():
            before = files.resolv_texts()
            if not host_conf(before).servers:
                sys.stderr.write("the host's resolv.conf names no server: containers keep what they have\n")
                return 0
            good = bring_up_to_date(State(read_files(), resolv_texts=before))
        if files.resolv_texts() == before and (good or number >= RETRIES):
            break
    return 0 if good else 1


def read_files() -> dict[Place, ObservedFile]:
    """The files of all containers. :raises SystemExit: with the reason, when others can write the records of them"""
    try:
        return files.snapshot()
    except MooringError as error:
        raise SystemExit(str(error)) from error


def bring_up_to_date(state: State) -> bool:
    """All containers together, so that one whose file cannot be written keeps no other one waiting."""
    host, good = host_conf(state.resolv_texts), True
    planned: list[FileWrite] = []
    for each in find_managed(state.files):
        draft = Draft(state)
        try:
            if each.resolv is not None:
                write_resolv(draft, each.site, each.resolv, host)
        except MooringError as error:
            sys.stderr.write(f"{error}\n")
            good = False
        for operation in draft.operations:
            if not isinstance(operation, FileWrite):
                raise TypeError(f"write_resolv() plans nothing but files, and this is {operation}")
            planned.append(replace(operation, besides=True))
    for operation, problem in zip(planned, files.carry_out(planned)):
        (sys.stderr if problem else sys.stdout).write(f"{problem or operation.describe()}\n")
        good = good and problem is None
    sys.stdout.flush()
    return good
