# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed of the program. Adapter.

Whoever installs it records beside it what it has put where. So one look tells whether there is anything to do.
"""
from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from typing import Any, Optional

from ..core import interpreters
from .content import recorded_units
from .model import ARCHIVE, BOOTED, COMMAND, ISOLATED, RECORD, mode_of, wants_link


def read_program() -> dict[str, Any]:
    """What there is of the program.

    ``systemd``: whether it is the first process; ``present``: whether the program is there; ``installed``: the digest
    of what was installed, "" where not all of it is as it was, a unit is not enabled, or its Python has not what it
    needs any more; ``python``: the Python that runs this, and could run the program.
    """
    return {"systemd": os.path.isdir(BOOTED), "present": os.path.lexists(ARCHIVE), "installed": _installed(),
            "python": interpreters.current()}


def _installed() -> str:
    try:
        text = read_own(RECORD) or b""
        record = json.loads(text)
        intact = leads_to_archive() and all(
            os.path.lexists(wants_link(unit, how)) for unit, how in recorded_units(text).items()) and all(
            (found := read_own(path)) is not None and hashlib.sha256(found).hexdigest() == digest
            for path, digest in record["files"].items()) and _runs(record["python"])
        return str(record["digest"]) if intact else ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""


def _runs(python: str) -> bool:
    """Whether that Python can run the program: the one that runs this can, since a module needs the same."""
    return python == interpreters.current() or interpreters.serves(python, interpreters.PACKAGES, ISOLATED)


def leads_to_archive() -> bool:
    """Whether the command is a link to the archive."""
    with contextlib.suppress(OSError):
        return os.readlink(COMMAND) == ARCHIVE
    return False


def read_own(path: str) -> Optional[bytes]:
    """The content of a regular file of root that others may read and not write; None for anything else."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if (stat.S_IFMT(found.st_mode), stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (
                    stat.S_IFREG, mode_of(path), 0, 0):
                return file.read()
    return None
