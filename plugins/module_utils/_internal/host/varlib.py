# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter for the files that let the network of a host outlive a run, see :mod:`host.lasting`.

Their folder is for root alone: whoever reads them knows all ports, and whoever writes there writes rules.
"""
from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import Optional

from ..applied.model import FOLDER, Applied
from ..applied.model import NAME as APPLIED
from ..applied.text import parse, without_ended
from ..core import folders
from ..core.errors import HostError
from ..netns import processes
from .lasting import NAMES, LastingFile

UNDER, NAME = FOLDER.rsplit("/", 1)


def read() -> dict[str, str]:
    """The text of each file that is there, by its name.

    :raises HostError: when others than root could have written one
    """
    found = {}
    try:
        with folders.open_own(UNDER, NAME) as folder:
            for name in NAMES:
                with contextlib.suppress(FileNotFoundError):
                    found[name] = folders.require_text(folder, name, f"{FOLDER}/{name}")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise HostError(f"{FOLDER} cannot be read: {error.strerror}") from error
    return found


def read_applied(files: Mapping[str, str]) -> Optional[Applied]:
    """What the host comes back to, without what was for processes that have ended; None where no file says it.

    :raises HostError: for a file that is damaged
    """
    return without_ended(parse(files[APPLIED]), _describe_process) if APPLIED in files else None


def _describe_process(number: str) -> str:
    started = processes.start_time(int(number)) if number.isdigit() else ""
    return f"{processes.boot()} {started}" if started else ""


def write(operation: LastingFile) -> None:
    """:raises HostError: when the kernel refuses"""
    try:
        with folders.open_own(UNDER, NAME, make=bool(operation.text), mode=0o700) as folder:
            if operation.text:
                folders.write_file(folder, operation.name, operation.text, 0o600)
            else:
                os.unlink(operation.name, dir_fd=folder)
            os.fsync(folder)  # that the new name is there after a power cut, too
        if not operation.text:
            with contextlib.suppress(OSError):  # the last one leaves nothing behind
                os.rmdir(FOLDER)
    except OSError as error:
        raise HostError(f"cannot {operation.describe()}: {error.strerror}") from error
