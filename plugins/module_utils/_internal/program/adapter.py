# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs and removes the program. Adapter.

Its code comes out of the running module itself, which needs the same.
"""
from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import Optional

from ..boot.model import TIMER
from ..core import command, folders, interpreters, pace
from ..core.errors import HostError
from ..core.plan import Operation
from .content import RESTORE, recorded_features
from .model import (
    ABOVE, ARCHIVE, BOOTED, COMMAND, ISOLATED, RECORD, ROOT, UNITS, Enabled, Features, Installed, mode_of, wants_link,
)
from .operations import CommandLink, FileInstall, FileRemove, ProgramRemove, UnitDisable, UnitEnable, UnitsRead
from .record import leads_to_archive, read_own

NOT_LOADED = 5  # what systemctl(1) returns of "stop" for a unit that is not there
_PACKAGE = command.__name__.rsplit(".", 2)[0]
_LACKS = {"python": "is older than 3.9. Give another one", **{
    name: f"has no {name}. Install it (Debian and Ubuntu package python3-{name}), or give another Python"
    for name in interpreters.PACKAGES}}


def source_of(name: str) -> Optional[str]:
    """The text of a file of module_utils, also where that is an archive; None where there is none of that name."""
    module = f"{_PACKAGE}.{name[:-len('.py')].replace('/', '.')}"
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:  # its folder is none, but a file
        return None
    if found is None or found.submodule_search_locations is not None:  # a folder
        return None
    text: Optional[str] = getattr(found.loader, "get_source", lambda _name: None)(module)
    return text


def find_restore() -> dict[str, str]:
    """Where the programs are that read rules, by family."""
    found = {family: command.find(os.path.basename(usual)) for family, usual in RESTORE.items()}
    return {family: path for family, path in found.items() if path}


def read_record() -> bytes:
    """The content of the record, empty where there is none."""
    return read_own(RECORD) or b""


def read_features(record: bytes) -> Features:
    """What is installed does this by itself, see :func:`content.recorded_features`."""
    return recorded_features(record, read_own(f"{UNITS}/{TIMER}"))


def read_installed(paths: Iterable[str], units: Mapping[str, Enabled], python: str) -> Installed:
    """What there is at these paths, and whether this Python can run the program.

    :param units: those that may be put to work
    :param python: "" where the program is not to run
    :raises HostError: where it is to run, when others can write where it is
    """
    if python:
        _require_own(paths)
    files = {path: read_own(path) for path in paths if os.path.lexists(path)}
    enabled = frozenset(unit for unit, how in units.items() if os.path.lexists(wants_link(unit, how)))
    there = leads_to_archive() if python else os.path.lexists(COMMAND)
    return Installed(os.path.isdir(BOOTED), files, enabled, there, _fault(python) if python else "")


def _fault(python: str) -> str:
    try:
        lacks = interpreters.lack(python, interpreters.PACKAGES, ISOLATED)
    except HostError as error:
        return f"python: {error}"
    if lacks and lacks not in _LACKS:
        return f"python: {python}: {interpreters.too_old(lacks)}, or give another Python"
    return f"python: {python} {_LACKS[lacks]}" if lacks else ""


def choose_python() -> str:
    """The Python that is to run the program where nobody has named one: that of the module, or that of the system."""
    able = (each for each in (interpreters.current(), *interpreters.INTERPRETERS)
            if interpreters.serves(each, interpreters.PACKAGES, ISOLATED))
    return next(able, interpreters.INTERPRETERS[0])


def carry_out(operations: Sequence[Operation]) -> None:
    """:raises HostError: when the host refuses one"""
    for operation in operations:
        try:
            _carry_out(operation)
        except OSError as error:
            raise HostError(f"cannot {operation.describe()}: {error.strerror or error}") from error


def _carry_out(operation: Operation) -> None:
    if isinstance(operation, FileInstall):
        _install(operation.path, operation.content)
    elif isinstance(operation, FileRemove):
        os.unlink(operation.path)
        if os.path.dirname(operation.path) not in (UNITS, ROOT):
            with contextlib.suppress(OSError):  # a folder of drop-ins in which there are others
                os.rmdir(os.path.dirname(operation.path))
    elif isinstance(operation, CommandLink):
        _link(operation.on)
    elif isinstance(operation, ProgramRemove):
        shutil.rmtree(ROOT)
        with contextlib.suppress(OSError):  # what it keeps while the host runs, where it does
            os.unlink(pace.FILE)
            os.rmdir(os.path.dirname(pace.FILE))
    elif isinstance(operation, UnitsRead):
        _systemctl("daemon-reload")
    elif isinstance(operation, UnitEnable):
        _systemctl("enable", operation.unit)
        if operation.how.now:
            # It may run as an earlier unit said.
            _systemctl(*([] if operation.how.waits else ["--no-block"]), operation.how.now, operation.unit)
    elif isinstance(operation, UnitDisable):
        _systemctl("stop", operation.unit)
        with contextlib.suppress(FileNotFoundError):
            # "systemctl disable" fails where the unit is gone and this is left.
            os.unlink(wants_link(operation.unit, operation.how))


def _systemctl(*arguments: str) -> None:
    if not os.path.isdir(BOOTED):
        return  # nobody to tell
    done = command.run(["systemctl", *arguments])
    if done.code not in (0, NOT_LOADED):
        raise HostError(f"systemctl {' '.join(arguments)} failed: {done.err.strip()}")


def _link(on: bool) -> None:
    """Make the command, in the place of whatever has its name, or remove it."""
    folder, name = os.path.split(COMMAND)
    os.makedirs(folder, 0o755, exist_ok=True)
    with folders.open_own(folder, "") as descriptor:
        if not on:
            os.unlink(name, dir_fd=descriptor)
            return
        new = folders.temporary_name(name)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new, dir_fd=descriptor)
        os.symlink(ARCHIVE, new, dir_fd=descriptor)
        os.rename(new, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)


def _install(path: str, content: bytes) -> None:
    os.makedirs(ABOVE, 0o755, exist_ok=True)
    folder, _slash, name = path.rpartition("/")
    with _open_folder(folder, make=True) as descriptor:
        folders.write_file(descriptor, name, content, mode_of(path))


def _open_folder(path: str, make: bool = False) -> contextlib.AbstractContextManager[int]:
    """The folder of the program or of units, both of which are to be root's alone."""
    if path.startswith(ROOT):
        return folders.open_own(ABOVE, path[len(ABOVE) + 1:], make)
    return folders.open_own(UNITS, path[len(UNITS) + 1:], make)


def _require_own(paths: Iterable[str]) -> None:
    """:raises HostError: for a folder of the program that others can write"""
    for folder in sorted({os.path.dirname(path) for path in paths}):
        with contextlib.suppress(FileNotFoundError), _open_folder(folder):
            pass
