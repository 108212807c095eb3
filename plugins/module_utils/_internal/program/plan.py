# SPDX-License-Identifier: GPL-3.0-or-later
"""What installs, upgrades and removes the program. Pure."""
from __future__ import annotations

import re
from collections.abc import Mapping

from ..core.errors import MooringError, OptionError
from ..core.plan import Operation, Plan
from .content import recorded_paths, recorded_units
from .model import ISOLATED, PREFIX, RECORD, ROOT, UNITS, Enabled, Installed, Program
from .operations import CommandLink, FileInstall, FileRemove, ProgramRemove, UnitDisable, UnitEnable, UnitsRead

# The first line of a program is cut off after this many bytes, "#!" and the option included (execve(2)).
PATH_LENGTH = 127 - len(f"#! {ISOLATED}")
# What stands in a unit as it is: systemd.service(5) gives "%", "$", quotes and spaces a meaning in a command line.
DROP_IN = re.compile(rf"{UNITS}/[^/]+\.d/mooring\.conf")
PYTHON = re.compile(r"/[A-Za-z0-9_./+-]+")


def check_python(python: str) -> str:
    """:raises MooringError: for a path that a unit of systemd, or the kernel, cannot have as it is"""
    if not PYTHON.fullmatch(python):
        raise OptionError("python", python, "is not a full path of letters, digits and the characters _ . / + -",
                          "Give one like /usr/bin/python3")
    if len(python) > PATH_LENGTH:
        raise OptionError("python", python, f"has {len(python)} characters, and the kernel reads {PATH_LENGTH}",
                          "Give a link to it with a shorter path")
    return python


def plan_install(observed: Installed, wanted: Program, recorded: Mapping[str, Enabled]) -> Plan:
    """Install it, or bring it up to date.

    :param recorded: the units that were put to work by the last run
    :raises MooringError: when the Python that is to run it lacks something
    """
    if not observed.systemd:
        return Plan()
    files = wanted.files
    changed = [path for path, text in files.items() if observed.files.get(path) != text]
    outdated = [path for path in _there(observed) if path not in files]
    leaving = {unit: how for unit, how in recorded.items() if unit in observed.enabled and unit not in wanted.enabled}
    resting = [unit for unit in wanted.enabled if unit not in observed.enabled]
    if not (changed or outdated or leaving or resting) and observed.command:
        return Plan()
    if observed.fault:
        raise MooringError(observed.fault)
    operations: list[Operation] = [UnitDisable(unit, how) for unit, how in leaving.items()]
    operations += [FileInstall(path, files[path], observed.files.get(path)) for path in changed if path != RECORD]
    operations += [FileRemove(path, observed.files[path]) for path in outdated]
    if not observed.command:
        operations.append(CommandLink(True))
    if any(path.startswith(f"{UNITS}/") for path in (*changed, *outdated)):
        operations.append(UnitsRead())
    if changed or outdated or resting:
        operations += [UnitEnable(unit, how, unit in observed.enabled) for unit, how in wanted.enabled.items()]
    if RECORD in changed:  # the last, since it says that all of it is there
        operations.append(FileInstall(RECORD, files[RECORD], observed.files.get(RECORD)))
    return Plan(tuple(operations))


def plan_remove(observed: Installed, recorded: Mapping[str, Enabled]) -> Plan:
    """Remove all of it. The record goes last, since it says what there is."""
    there = _there(observed)
    leaving = {unit: how for unit, how in recorded.items() if unit in observed.enabled}
    operations: list[Operation] = [UnitDisable(unit, how) for unit, how in leaving.items()]
    units = sorted(path for path in there if path.startswith(f"{UNITS}/"))
    operations += [FileRemove(path, observed.files[path]) for path in units]
    if units:
        operations.append(UnitsRead())
    if observed.command:
        operations.append(CommandLink(False))
    if any(path.startswith(f"{ROOT}/") for path in there):
        operations.append(ProgramRemove())
    return Plan(tuple(operations))


def _there(observed: Installed) -> list[str]:
    """The paths at which there is something of it: those of now, and those that an earlier version has recorded."""
    return [path for path in observed.files if path.startswith((f"{ROOT}/", PREFIX)) or DROP_IN.fullmatch(path)]


def paths_of(program: Program, record: bytes) -> tuple[str, ...]:
    """Where there may be something of it: the files of now, and those of an earlier version, by its record."""
    return tuple(dict.fromkeys((*program.files, *recorded_paths(record))))


def units_of(program: Program, record: bytes) -> dict[str, Enabled]:
    """The units that may be put to work, by the record and as they are to be."""
    return {**recorded_units(record), **program.enabled}
