# SPDX-License-Identifier: GPL-3.0-or-later
"""What installs, upgrades and removes the program that follows the host's resolv.conf. Pure."""
from __future__ import annotations

import re
from collections.abc import Mapping

from ..core.errors import MooringError, OptionError
from ..core.plan import Operation, Plan
from .content import recorded
from .model import RECORD, ROOT, UNIT, UNITS, Installed
from .operations import FileInstall, FileRemove, ProgramRemove, UnitsRead, Watch

# What stands in a unit as it is: systemd.service(5) gives "%", "$", quotes and spaces a meaning in a command line.
PATH_LENGTH = 4095  # PATH_MAX of the kernel, without the closing zero
PYTHON = re.compile(r"/[A-Za-z0-9_./+-]+")


def check_python(python: str) -> str:
    """:raises MooringError: for a path that a unit of systemd cannot have as it is"""
    if not PYTHON.fullmatch(python) or len(python) > PATH_LENGTH:
        raise OptionError("python", python, "is not a full path of letters, digits and the characters _ . / + -",
                          "Give one like /usr/bin/python3")
    return python


def plan_install(observed: Installed, files: Mapping[str, str]) -> Plan:
    """Install it, or bring it up to date.

    :param files: what :func:`content.content` says
    :raises MooringError: when the Python that is to run it lacks something
    """
    if not observed.systemd:
        return Plan()
    changed = [path for path, text in files.items() if observed.files.get(path) != text]
    outdated = [path for path in _there(observed) if path not in files]
    if not changed and not outdated and observed.enabled:
        return Plan()
    if observed.fault:
        raise MooringError(observed.fault)
    operations: list[Operation] = [FileInstall(path, files[path], observed.files.get(path))
                                   for path in changed if path != RECORD]
    operations += [FileRemove(path, observed.files[path]) for path in outdated]
    if any(path.startswith(f"{UNITS}/") for path in (*changed, *outdated)):
        operations.append(UnitsRead())
    operations.append(Watch(True))
    if RECORD in changed:  # the last, since it says that all of it is there
        operations.append(FileInstall(RECORD, files[RECORD], observed.files.get(RECORD)))
    return Plan(tuple(operations))


def plan_remove(observed: Installed) -> Plan:
    """Remove all of it. The watcher goes last, since it is what a look at the host finds first."""
    there = _there(observed)
    if not there and not observed.enabled:
        return Plan()
    units = sorted((path for path in there if path.startswith(f"{UNITS}/")), key=lambda path: path == UNIT)
    operations: list[Operation] = [Watch(False)] if observed.enabled or UNIT in there else []
    if any(path.startswith(f"{ROOT}/") for path in there):
        operations.append(ProgramRemove())
    operations += [FileRemove(path, observed.files[path]) for path in units]
    if units:
        operations.append(UnitsRead())
    return Plan(tuple(operations))


def _there(observed: Installed) -> list[str]:
    """The paths at which there is something of it: those of now, and those that an earlier version has recorded."""
    return [path for path in observed.files if path.startswith((f"{ROOT}/", f"{UNITS}/mooring-resolv"))]


def paths_of(files: Mapping[str, str], record: str) -> tuple[str, ...]:
    """Where there may be something of it: the files of now, and those of an earlier version, by its record."""
    return tuple(dict.fromkeys((*files, *recorded(record))))
