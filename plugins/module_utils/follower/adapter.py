# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs and removes the program that follows the host's resolv.conf. Adapter.

Its files come out of the running module itself, which needs the same code.
"""
from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
from collections.abc import Iterable, Sequence
from typing import Optional

from ..core import command, folders
from ..core.errors import HostError
from ..core.plan import Operation
from ..names import follow
from .model import ABOVE, BOOTED, RECORD, ROOT, WANTED, WATCHER, Installed
from .operations import FileInstall, FileRemove, ProgramRemove, UnitsRead, Watch
from .record import read_own

NOT_LOADED = 5  # what systemctl(1) returns of "stop" for a unit that is not there
_PACKAGE = follow.__name__.rsplit(".", 2)[0]
# Looking for a package is ten times cheaper than importing it.
_PROBE = ("import importlib.util as u, sys; "
          "print('python' if sys.version_info < (3, 9) else '' if u.find_spec('jinja2') else 'jinja2')")
_LACKS = {"python": "is older than 3.9. Give another one",
          "jinja2": "has no jinja2. Install it (Debian and Ubuntu package python3-jinja2), or give another Python"}


def source_of(name: str) -> str:
    """The text of a file of module_utils, also where that is an archive. :raises HostError: when it is not there"""
    module = f"{_PACKAGE}.{name[:-len('.py')].replace('/', '.')}"
    found = importlib.util.find_spec(module)
    text: Optional[str] = getattr(found and found.loader, "get_source", lambda _name: None)(module)
    if text is None:
        raise HostError(f"the text of {name} is not part of this module")
    return text


def read_record() -> str:
    """The text of the record, "" where there is none."""
    return read_own(RECORD) or ""


def read_installed(paths: Iterable[str], python: str) -> Installed:
    """What there is at these paths, and whether this Python can run the program.

    :raises HostError: where it is to run, when others can write where it is
    """
    if python:
        _require_own(paths)
    files = {path: read_own(path) for path in paths if os.path.lexists(path)}
    return Installed(os.path.isdir(BOOTED), files, os.path.lexists(WANTED), _fault(python) if python else "")


def _fault(python: str) -> str:
    try:
        found = command.run([python, "-c", _PROBE])
    except HostError as error:
        return f"python: {error}"
    if found.code:
        return f"python: {python} does not run: {found.err.strip()}"
    lacks = found.out.strip()
    return f"python: {python} {_LACKS[lacks]}" if lacks else ""


def carry_out(operations: Sequence[Operation]) -> None:
    """:raises HostError: when the host refuses one"""
    for operation in operations:
        try:
            _carry_out(operation)
        except OSError as error:
            raise HostError(f"cannot {operation.describe()}: {error.strerror or error}") from error


def _carry_out(operation: Operation) -> None:
    if isinstance(operation, FileInstall):
        _install(operation.path, operation.text)
    elif isinstance(operation, FileRemove):
        os.unlink(operation.path)
    elif isinstance(operation, ProgramRemove):
        shutil.rmtree(ROOT)
    elif isinstance(operation, UnitsRead):
        _systemctl("daemon-reload")
    elif isinstance(operation, Watch) and operation.on:
        _systemctl("enable", WATCHER)
        _systemctl("restart", WATCHER)  # it may run as an earlier unit said
    else:
        _systemctl("stop", WATCHER)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(WANTED)  # "systemctl disable" fails where the unit is gone and this is left


def _systemctl(*arguments: str) -> None:
    if not os.path.isdir(BOOTED):
        return  # nobody to tell
    done = command.run(["systemctl", *arguments])
    if done.code not in (0, NOT_LOADED):
        raise HostError(f"systemctl {' '.join(arguments)} failed: {done.err.strip()}")


def _install(path: str, text: str) -> None:
    os.makedirs(ABOVE, 0o755, exist_ok=True)
    folder, _slash, name = path.rpartition("/")
    with _open_folder(folder, make=True) as descriptor:
        folders.write_file(descriptor, name, text)


def _open_folder(path: str, make: bool = False) -> contextlib.AbstractContextManager[int]:
    """The folder of the program or one in it, which is to be root's alone; that of the units is systemd's."""
    if path.startswith(ROOT):
        return folders.open_own(ABOVE, path[len(ABOVE) + 1:], make)
    return folders.open_own(path, "")


def _require_own(paths: Iterable[str]) -> None:
    """:raises HostError: for a folder of the program that others can write"""
    for folder in sorted({os.path.dirname(path) for path in paths}):
        with contextlib.suppress(FileNotFoundError), _open_folder(folder):
            pass
