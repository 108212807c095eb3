# SPDX-License-Identifier: GPL-3.0-or-later
"""The marks of the entries that we made under /run/netns. Adapter.

They are in a folder that only root can write, and gone after a reboot, as the namespaces are.
"""
from __future__ import annotations

import contextlib
import os

from ..core import folders
from .model import NetnsMark

UNDER, MARKS = "/run", "mooring/netns"


def read_marks() -> dict[str, NetnsMark]:
    """Every mark by name; one that is damaged, or no file of root's, says nothing. :raises HostError: see open_own()"""
    try:
        with folders.open_own(UNDER, MARKS) as folder:
            return {name: NetnsMark.parse(folders.read_file(folder, name) or "")
                    for name in sorted(os.listdir(folder)) if not name.startswith(".")}
    except FileNotFoundError:
        return {}


def write_mark(name: str, mark: NetnsMark) -> None:
    """:raises OSError: what the kernel says. :raises HostError: see open_own()"""
    try:
        with folders.open_own(UNDER, MARKS, make=True) as folder:
            folders.write_file(folder, name, mark.text)
    except OSError:
        _remove_empty()
        raise


def remove_mark(name: str) -> None:
    """Also the folders, with the last one. :raises OSError: what the kernel says"""
    with folders.open_own(UNDER, MARKS) as folder:
        folders.remove_file(folder, name)
    _remove_empty()


def _remove_empty() -> None:
    with contextlib.suppress(OSError):  # those that are not empty stay
        os.rmdir(f"{UNDER}/{MARKS}")
        os.rmdir(f"{UNDER}/{MARKS.partition('/')[0]}")
