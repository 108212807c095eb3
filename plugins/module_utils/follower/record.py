# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed of the program that lets running containers follow the host's resolv.conf. Adapter.

Whoever installs it records beside it what it has put where. So one look tells whether there is anything to do.
"""
from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from typing import Any, Optional

from .model import BOOTED, RECORD, UNIT, WANTED


def read_follower() -> dict[str, Any]:
    """``systemd``: whether it is the first process; ``present``: whether the unit that watches is there; ``installed``:
    the digest of what was installed, "" where not all of it is as it was, or the unit is not enabled."""
    return {"systemd": os.path.isdir(BOOTED), "present": os.path.lexists(UNIT), "installed": _installed()}


def _installed() -> str:
    try:
        record = json.loads(read_own(RECORD) or "")
        intact = os.path.lexists(WANTED) and all(
            (text := read_own(path)) is not None and hashlib.sha256(text.encode()).hexdigest() == digest
            for path, digest in record["files"].items())
        return str(record["digest"]) if intact else ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""


def read_own(path: str) -> Optional[str]:
    """The text of a regular file of root that others may read and not write; None for anything else."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, encoding="utf-8", newline="") as file:
            found = os.fstat(descriptor)
            if (stat.S_IFMT(found.st_mode), stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (
                    stat.S_IFREG, 0o644, 0, 0):
                return file.read()
    return None
