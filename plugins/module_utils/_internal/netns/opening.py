# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens namespaces, and nothing but namespaces. Adapter.

A FIFO would keep whoever opens it waiting, a device would do something, and a file of FUSE answers when it likes.
"""
from __future__ import annotations

import errno
import functools
import os
import re
from collections.abc import Sequence
from typing import Optional

from ..core.child import SECONDS, TOTAL, Tell, Told, work_apart
from ..core.trust import is_roots

_OF_PROCESS = re.compile(r"/proc/(self|[0-9]+)(/task/[0-9]+)?/ns/[a-z_]+")
_HERE = "/proc/self/ns/net"
_LINKS = 40  # MAXSYMLINKS of the kernel
_HURRIED = 0.1  # seconds for each one, once others have kept the run waiting for TOTAL; who answers takes a millisecond
_silent: dict[str, None] = {}  # paths that did not answer: who asks for one often waits once
_waited: list[float] = []  # seconds, for one after the other


def find_end(path: str) -> str:
    """Where a path leads whose links the kernel, or root of the host, has made, so that to look there does not wait; ""
    for any other one.

    Names of containers under /run/netns are links to what /proc has of a process.
    """
    for _link in range(_LINKS):
        if _OF_PROCESS.fullmatch(path):
            return path
        folder = os.path.dirname(path)
        if not is_roots(folder):
            return ""
        try:
            path = os.path.join(folder, os.readlink(path))
        except OSError:
            return path  # it is no link, or is not there
    return ""


def open_namespace(path: str) -> int:
    """An open file of the namespace at a path. :raises OSError: when there is none, or no answer"""
    if find_end(path):
        return _open(path)
    told = Told()
    if path not in _silent:
        seconds = SECONDS if sum(_waited) < TOTAL else _HURRIED
        told, = work_apart([lambda tell: _open_for(path, tell)], seconds)
        _waited.extend([] if told.ended else [seconds])
    if not told.ended:
        _silent[path] = None
        raise OSError(errno.ETIMEDOUT, f"no answer within {SECONDS:g} seconds: what is mounted there does not answer")
    code, text = told.values[0]
    if code:
        raise OSError(code, text)
    return told.files[0]


@functools.cache
def _device() -> int:
    return os.stat(_HERE).st_dev


def _open(path: str) -> int:
    """All namespaces are on one file system of the kernel, of which nothing can be mounted but they (namespaces(7))."""
    found = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if os.fstat(found).st_dev != _device():
            raise OSError(errno.EINVAL, "it is no namespace")
        return os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(found)


def _open_for(path: str, tell: Tell) -> None:
    try:
        tell((0, ""), _open(path))
    except OSError as error:
        tell((error.errno, error.strerror))


def find_inodes(paths: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Device and inode of the namespaces at paths where to look may take for ever; without those that have none.

    One child looks at all of them. Where it gets stuck the others have one each, all at the same time.
    """
    found: dict[str, Optional[tuple[int, int]]] = {}
    groups = [[path for path in paths if path not in _silent]]
    while groups[0]:
        for told in work_apart([functools.partial(_look_for, group) for group in groups]):
            found.update((path, tuple(inode) if inode else None) for path, inode in told.values)
        left = [path for group in groups for path in group if path not in found]
        _silent.update(dict.fromkeys(left[:1] if len(groups) == 1 else left))
        groups = [[path] for path in left if path not in _silent] or [[]]
    return {path: inode for path, inode in found.items() if inode}


def _look_for(paths: Sequence[str], tell: Tell) -> None:
    for path in paths:
        try:
            status = os.stat(path)
        except OSError:
            tell((path, None))
        else:
            tell((path, (status.st_dev, status.st_ino) if status.st_dev == _device() else None))


def is_there(path: str) -> bool:
    """Whether there is something at a path, be it no namespace."""
    try:
        os.close(open_namespace(path))
    except OSError as error:
        return error.errno in (errno.EINVAL, errno.ETIMEDOUT)
    return True
