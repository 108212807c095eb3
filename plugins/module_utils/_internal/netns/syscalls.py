# SPDX-License-Identifier: GPL-3.0-or-later
"""The few system calls for namespaces that Python does not offer in all supported versions. Adapter."""
from __future__ import annotations

import ctypes
import errno
import os
from typing import Optional

CLONE_NEWUTS, CLONE_NEWUSER, CLONE_NEWNET = 0x04000000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_SHARED = 0x1000, 0x4000, 0x100000
MNT_DETACH = 2
_NS_GET_USERNS, _NS_GET_PARENT = 0xB701, 0xB702  # _IO(0xb7, 1) and 2; linux/nsfs.h
_PR_SET_DUMPABLE = 4

_LIBC = ctypes.CDLL(None, use_errno=True)


def _check(result: int, path: str = "") -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), path)


def unshare_network() -> None:
    """Put the calling process into a new network namespace (unshare(2))."""
    _check(_LIBC.unshare(CLONE_NEWNET))


def enter_network(descriptor: int) -> None:
    """Put the calling process into the network namespace of an open file (setns(2))."""
    _check(_LIBC.setns(descriptor, CLONE_NEWNET))


def enter_names(descriptor: int) -> None:
    """Put the calling process into the UTS namespace of an open file (setns(2)): the one with the host name."""
    _check(_LIBC.setns(descriptor, CLONE_NEWUTS))


def bind(source: str, target: str) -> None:
    """Bind mount ``source`` on ``target`` (mount(2)); mounts below ``source`` come with it."""
    _check(_LIBC.mount(source.encode(), target.encode(), b"none", ctypes.c_ulong(MS_BIND | MS_REC), None), target)


def make_shared(target: str) -> None:
    """Let mounts below ``target`` appear in the mount namespaces that have it as well (mount_namespaces(7))."""
    _check(_LIBC.mount(b"", target.encode(), b"none", ctypes.c_ulong(MS_SHARED | MS_REC), None), target)


def mount_id(path: str) -> int:
    """The number of the mount that a directory is on (proc(5), fdinfo): that which is seen there, of several."""
    descriptor = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("mnt_id:"))
    finally:
        os.close(descriptor)


def unmount(target: str) -> None:
    """Detach a mount at once, whoever still uses it (umount2(2))."""
    _check(_LIBC.umount2(target.encode(), MNT_DETACH), target)


def owner_of(namespace: int) -> Optional[int]:
    """An open file of the user namespace that owns a namespace (ioctl_nsfs(2), NS_GET_USERNS); None for one that is not
    at or below the user namespace of the caller."""
    return _related(namespace, _NS_GET_USERNS)


def parent_of(namespace: int) -> Optional[int]:
    """An open file of the user namespace around a user namespace (NS_GET_PARENT); None as with :func:`owner_of`."""
    return _related(namespace, _NS_GET_PARENT)


def _related(namespace: int, request: int) -> Optional[int]:
    found: int = _LIBC.ioctl(namespace, ctypes.c_ulong(request))
    if found >= 0:
        return found
    if ctypes.get_errno() == errno.EPERM:
        return None
    code = ctypes.get_errno()
    raise OSError(code, os.strerror(code))


def enter_user(descriptor: int) -> None:
    """Put the calling process into the user namespace of an open file (setns(2)), with all capabilities in it."""
    _check(_LIBC.setns(descriptor, CLONE_NEWUSER))


def hide() -> None:
    """Nobody may trace the calling process or read its memory but root of the host (prctl(2), PR_SET_DUMPABLE)."""
    _check(_LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0))
