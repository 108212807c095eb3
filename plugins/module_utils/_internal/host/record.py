# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter for the record of the names that links give, see :mod:`host.ledger`.

It lies in a folder that only root can write, and is written under another name before it takes its place: whoever reads
it finds the old one or the new one.
"""
from __future__ import annotations

import contextlib
import os

from ..core import folders
from ..core.errors import HostError
from .operations import LinksRecord

UNDER, FOLDER, NAME = "/run", "mooring", "links"
PATH = f"{UNDER}/{FOLDER}/{NAME}"


def read() -> str:
    """The record, "" when there is none.

    :raises HostError: when others than root could have written it
    """
    try:
        with folders.open_own(UNDER, FOLDER) as folder:
            return folders.require_text(folder, NAME, PATH)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise HostError(f"{PATH} cannot be read: {error.strerror}. Remove it") from error


def write(operation: LinksRecord) -> None:
    """:raises HostError: when the kernel refuses"""
    try:
        with folders.open_own(UNDER, FOLDER, make=True) as folder:
            if operation.text:
                folders.write_file(folder, NAME, operation.text)
                return
            folders.remove_file(folder, NAME)
    except OSError as error:
        raise HostError(f"cannot {operation.describe()}: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):  # the last one leaves nothing behind, nor does who cannot write one
            os.rmdir(f"{UNDER}/{FOLDER}")
