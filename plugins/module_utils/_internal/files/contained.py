# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a process of a container sees, and what it calls itself, with the rights of the container. Adapter.

All of it is the work of children of this run (core/child.py), for two reasons. Rights can be taken on for good only
(netns/rights.py). And a container that may mount may mount something that never answers.
"""
from __future__ import annotations

import functools
import os
import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from typing import Any, Optional, Union

from ..core.child import SECONDS, Tell, Told, work_apart
from ..core.errors import HostError
from ..netns import rights
from ..netns.syscalls import enter_names
from . import access
from .access import Ground, Unsafe
from .model import ObservedFile, Place
from .operations import FileDel, FileWrite, HostnameSet

Inside = Union[FileWrite, FileDel, HostnameSet]
Process = tuple[int, str]  # number, and when it started

HELD_UP = f"did not answer within {SECONDS:g} seconds: what is mounted there does not answer"
_OF_PROCESS = re.compile(r"/proc/(\d+)/root")


class _Alone(Exception):
    """A process has rights of its own, and a child for it alone is to take them on."""


def pid_at(place: Place) -> int:
    """The process that sees a file at a place, 0 where it is a file of the host."""
    found = _OF_PROCESS.fullmatch(place.under)
    return int(found[1]) if found else 0


def _whose(place: Place) -> Process:
    return pid_at(place), place.started


def read(places: Iterable[Place], silent: Optional[set[Process]] = None) -> dict[Place, ObservedFile]:
    """The files of processes as they are.

    :param silent: processes that are not asked, since they did not answer before; gets those that do not answer now

    Those of processes that nobody but root of the host says anything about are one child's work. Each other process has
    a child, and so has in the end who comes behind one of the first that does not answer.
    """
    hosts_own = access.find_hosts_own()
    silent = set() if silent is None else silent
    everywhere = _by_process(places)
    by_process = {process: here for process, here in everywhere.items() if process not in silent}
    together = [place for process, here in by_process.items() if not _has_rights_of_its_own(process) for place in here]
    held_up = ObservedFile(problem=HELD_UP, held_up=True)
    found: dict[Place, Optional[ObservedFile]] = {}
    if together:
        told, = work_apart([functools.partial(_look, together, hosts_own, False)])
        found.update(map(_observed, told.values))
        if not told.ended and (left := [place for place in together if place not in found]):
            found.update((place, held_up) for place in left if _whose(place) == _whose(left[0]))
    groups = [[place for place in here if found.get(place) is None] for here in by_process.values()]
    for told in work_apart([functools.partial(_look, each, hosts_own, True) for each in groups if each]):
        found.update(map(_observed, told.values))
    silent |= {process for process, here in by_process.items() for place in here if found.get(place) in (None, held_up)}
    return {place: found.get(place) or held_up for here in everywhere.values() for place in here}


def _by_process(places: Iterable[Place]) -> dict[Process, list[Place]]:
    found: dict[Process, list[Place]] = {}
    for place in places:
        found.setdefault(_whose(place), []).append(place)
    return found


def _observed(told: Sequence[Any]) -> tuple[Place, Optional[ObservedFile]]:
    """What a child has told of a place: None where another child is to look."""
    place, *found = told
    if not found:
        return Place(*place), None
    text, problem, parents, identity, held_up = found
    return Place(*place), ObservedFile(text, problem, parents, tuple(identity) if identity else None, held_up)


def _has_rights_of_its_own(named: Process) -> bool:
    try:
        with rights.opened(rights.open_process(*named)) as process:
            user = rights.find_rights(process)
    except (OSError, rights.Undecided):
        return True
    if user is None:
        return False
    os.close(user)
    return True


def _look(places: Sequence[Place], hosts_own: frozenset[tuple[int, int]], alone: bool, tell: Tell) -> None:
    """As the child: what is at each place, as :func:`_observed` takes it in."""
    for named, here in _by_process(places).items():
        try:
            with rights.opened(rights.open_process(*named)) as process:
                ground = _stand(process, hosts_own, alone)
                for place in here:
                    tell((astuple(place), *astuple(access.look(place, ground))))
                os.close(ground.folder)
        except _Alone:
            for place in here:
                tell((astuple(place),))
        except (OSError, Unsafe, rights.Undecided) as error:
            gone = isinstance(error, (FileNotFoundError, ProcessLookupError))
            problem = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
            for place in here:
                tell((astuple(place), *astuple(ObservedFile(problem="" if gone else problem))))


def _stand(process: int, hosts_own: frozenset[tuple[int, int]], alone: bool = True) -> Ground:
    """The root directory of a process, opened before it is known whose rights count: these can only become fewer.

    :param alone: whether the rights of the process may be taken on, which is for good
    :raises Unsafe: when the process sees what the host sees
    :raises _Alone: when its rights would have to be taken on and must not be
    """
    if os.stat("ns/mnt", dir_fd=process).st_ino == os.stat("/proc/self/ns/mnt").st_ino:
        raise Unsafe("is the host's own file, since the process has no mounts of its own")
    folder = os.open("root", access.FOLDER, dir_fd=process)
    user = rights.find_rights(process)
    if user is None:
        return Ground(folder, hosts_own, of_process=True)
    if not alone:
        raise _Alone
    rights.become(user)
    return Ground(folder, hosts_own, of_process=True, rights=" with the rights of the container itself")


def carry_out(operations: Sequence[Inside]) -> list[Optional[HostError]]:
    """Carry out operations in files and names of processes: for each, what kept it from being done.

    Those of one process are done in order, by a child of its own.
    """
    hosts_own = access.find_hosts_own()
    by_process: dict[Process, list[int]] = {}
    for number, operation in enumerate(operations):
        process = (operation.pid, operation.started) if isinstance(operation, HostnameSet) \
            else _whose(operation.place)
        by_process.setdefault(process, []).append(number)
    told = work_apart([functools.partial(_work, process, [operations[number] for number in numbers], hosts_own)
                       for process, numbers in by_process.items()])
    found: list[Optional[HostError]] = [None] * len(operations)
    for numbers, each in zip(by_process.values(), told):
        for number, problem in zip(numbers, _problems(each, len(numbers))):
            if problem:
                found[number] = HostError(f"cannot {operations[number].describe()}{problem}")
    return found


def _problems(told: Told, number: int) -> list[str]:
    return [*told.values, *[f": {HELD_UP}"] * (number - len(told.values))]


def _work(named: Process, operations: Sequence[Inside], hosts_own: frozenset[tuple[int, int]], tell: Tell) -> None:
    """As the child: for each operation what keeps it from being done, "" for nothing, as the rest of a sentence."""
    try:
        process = rights.open_process(*named)
        names = os.open("ns/uts", os.O_RDONLY | os.O_CLOEXEC, dir_fd=process)
        shared = os.fstat(names).st_ino == os.stat("/proc/self/ns/uts").st_ino
        ground = _stand(process, hosts_own)
    except (OSError, Unsafe, rights.Undecided) as error:
        for _operation in operations:
            tell(access.reason(error))
        return
    for operation in operations:
        try:
            if isinstance(operation, FileWrite):
                access.write(operation, ground)
            elif isinstance(operation, FileDel):
                access.remove(operation, ground)
            elif shared:
                raise Unsafe("the process shares the host's own name")
            else:
                enter_names(names)
                socket.sethostname(operation.name)
        except (OSError, Unsafe, HostError) as error:
            tell(access.reason(error, ground.rights))
        else:
            tell("")
