# SPDX-License-Identifier: GPL-3.0-or-later
"""Which places of the file system are root's own. Adapter.

Where others can put something into a folder they can also put a link there, a FIFO, or what they have mounted.
"""
from __future__ import annotations

import functools
import os
import stat
from typing import Optional

_LINKS = 40  # as many as the kernel follows (path_resolution(7))


def is_roots(path: str) -> bool:
    """Whether nobody but root can say what stands at an absolute path, or at the end of it where it is a link.

    Each folder on the way is looked at before what is in it is: a folder of others is not asked. Of /proc nothing is
    root's, since it has what processes see.
    """
    return path.startswith("/") and _find(path, _LINKS) is not None


@functools.lru_cache(maxsize=1 << 12)
def _find(path: str, links: int) -> Optional[tuple[str, bool]]:
    """The path without links, and whether nobody but root gets to it; None when others have a say in it."""
    if path == "/":
        return "/", False
    if path == "/proc":
        return None
    parent, name = os.path.split(path.rstrip("/"))
    around = _find(parent or "/", links)
    if around is None or name in ("", "."):
        return around
    folder, closed = around
    if name == "..":
        return _find(os.path.dirname(folder), links)
    here = os.path.join(folder, name)
    try:
        found = os.lstat(here)
    except OSError:
        return here, closed
    if stat.S_ISLNK(found.st_mode):
        target = _read_link(here, found.st_size)
        return _find(os.path.join(folder, target), links - 1) if target and links else None
    # A folder of Podman's belongs to a user of the container, and lies in one that lets nobody in.
    if not closed and (found.st_uid != 0 or found.st_mode & 0o022):
        return None
    return here, closed or not found.st_mode & 0o011


def _read_link(path: str, size: int) -> str:
    """Where a link leads, "" for one of /proc, which leads elsewhere than to what stands in it (proc(5))."""
    try:
        target = os.readlink(path)
    except OSError:
        return ""
    return target if len(os.fsencode(target)) == size else ""
