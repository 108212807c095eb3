# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter for /run/netns: what is there, and which entries we made.

A mark in /run/mooring/netns/NAME holds the inode of the namespace and the target of a link: an entry that somebody
replaced meanwhile is not ours any more. Both directories are gone after a reboot, like the namespaces.
"""
from __future__ import annotations

import contextlib
import errno
import functools
import os

from ..core.errors import HostError
from ..netns import syscalls
from ..netns.enter import home
from ..netns.model import NETNS_DIRECTORY, NamedNetns, named_path
from .operations import NetnsAdd, NetnsDel

MARKS = "/run/mooring/netns"


def snapshot() -> dict[str, NamedNetns]:
    found = {}
    for name in _entries(NETNS_DIRECTORY):
        path = named_path(name)
        link = os.readlink(path) if os.path.islink(path) else ""
        try:
            inode = os.stat(path).st_ino
        except OSError:
            inode = 0
        found[name] = NamedNetns(inode, link, _read_mark(name) == (link or str(inode)))
    for name in _entries(MARKS):
        # The mark of a namespace that somebody else removed.
        found.setdefault(name, NamedNetns(0, "", own=True))
    return found


def _entries(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        return []


def _read_mark(name: str) -> str:
    try:
        with open(os.path.join(MARKS, name), encoding="utf-8") as mark:
            return mark.read().strip()
    except OSError:
        return ""


def add(operation: NetnsAdd) -> None:
    """:raises HostError: also when the name has come into use since the snapshot"""
    path = named_path(operation.name)
    try:
        os.makedirs(NETNS_DIRECTORY, mode=0o755, exist_ok=True)
        if operation.target:
            os.symlink(operation.target, path)
            mark = operation.target
        else:
            mark = str(_create(path))
        os.makedirs(MARKS, mode=0o755, exist_ok=True)
        with open(os.path.join(MARKS, operation.name), "w", encoding="utf-8") as file:
            file.write(mark + "\n")
    except OSError as error:
        raise HostError(f"{path}: {error.strerror or error}") from error


def _create(path: str) -> int:
    """A new namespace, mounted at ``path`` as `ip netns add` does it; its inode.

    In this process, which is put back at once: a process of its own for each one takes ten times as long.
    """
    _share_directory()
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
    try:
        with home() as back:
            syscalls.unshare_network()
            try:
                syscalls.bind("/proc/self/ns/net", path)
            finally:
                syscalls.enter_network(back)
    except OSError:
        os.unlink(path)
        raise
    return os.stat(path).st_ino


@functools.cache
def _share_directory() -> None:
    """Once in a run. Mounts below /run/netns have to reach the mount namespaces of services that started before."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
        own = [line for line in mounts if line.split()[4] == NETNS_DIRECTORY]
    if not own:
        syscalls.bind(NETNS_DIRECTORY, NETNS_DIRECTORY)
    if not own or " shared:" not in own[-1]:
        syscalls.make_shared(NETNS_DIRECTORY)


def remove(operation: NetnsDel) -> None:
    """Processes that still live in the namespace keep it; only its name and our mark go."""
    path = named_path(operation.name)
    try:
        if not operation.linked:
            _unmount(path)
        with contextlib.suppress(FileNotFoundError):  # somebody else removed it, and its mark was left
            os.unlink(path)
        os.unlink(os.path.join(MARKS, operation.name))
    except OSError as error:
        raise HostError(f"{path}: {error.strerror or error}") from error
    with contextlib.suppress(OSError):  # the last one leaves nothing behind
        os.removedirs(MARKS)


def _unmount(path: str) -> None:
    try:
        syscalls.unmount(path)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOENT):  # it is no mount, or is not there
            raise
