# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container may do to files: its own rights, which are those of a user namespace. Adapter.

Who may mount says what stands at a path, and for that needs CAP_SYS_ADMIN in the user namespace that owns the mount
namespace; who may chroot(2) says where paths begin, and for that needs a capability in the user namespace that it is
in. A process without root needs a user namespace of its own for either. So where one of the two is another one than
that of this run, files are touched from within it as its root, and the kernel checks whether that may be
(user_namespaces(7)). Where both are that of this run, it was root of the host who said what stands where, as the
engines do: those write as root of the host, also for a process that is somebody else.

The mount namespace is not entered: what is opened below an open folder of it is in it. Whoever enters it loads from it
what the C library and Python load later (CVE-2019-14271).
"""
from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Optional

from ..core.ending import end_with
from . import processes, syscalls

_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class Undecided(Exception):
    """The rights of a process cannot be had; the text says why, as the rest of a sentence."""


def open_process(pid: int, started: str = "") -> int:
    """The folder of a process in /proc: what is opened in it is that very process's, also if the number is used again.

    :param started: see :func:`processes.require`
    :raises OSError: when there is none, or another one has the number by now
    """
    descriptor = os.open(f"/proc/{pid}", _FOLDER)
    try:
        processes.require(pid, started)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def find_rights(process: int) -> Optional[int]:
    """An open file of the user namespace whose rights count, None for the rights of this run.

    :param process: an open folder from :func:`open_process`
    :raises Undecided: when the process is in a user namespace that its mounts have nothing to do with
    """
    with opened(_open("/proc/self/ns/user")) as here, opened(_open("ns/user", process)) as own, \
            opened(_open("ns/mnt", process)) as mounts:
        owner = syscalls.owner_of(mounts)
        try:
            foreign = [each for each in (own, owner) if each is not None and _inode(each) != _inode(here)]
            if not foreign:
                return None
            inner = next((each for each in foreign if all(_is_within(each, other) for other in foreign)), None)
            if inner is None:
                raise Undecided("is in a user namespace that has nothing to do with the one of its mounts")
            return os.dup(inner)
        finally:
            if owner is not None:
                os.close(owner)


def may_change(process: int, namespace: int) -> bool:
    """Whether the rights of a process reach as far as another namespace that it is in: one of its user namespace, or of
    a user namespace within. :raises Undecided: see :func:`find_rights`"""
    user = find_rights(process)
    if user is None:
        return True
    owner = syscalls.owner_of(namespace)
    if owner is None:
        return False
    with opened(user), opened(owner):
        return _is_within(owner, user)


def become(user: int) -> None:
    """Take on the rights of a user namespace's root, or of its first user where it has no root, for good.

    :raises Undecided: when it has no user or no group at all
    :raises OSError: when the kernel refuses
    """
    run = os.getppid()
    syscalls.hide()
    if os.getgroups():
        os.setgroups([])
    syscalls.enter_user(user)
    group, owner = _first("gid_map"), _first("uid_map")
    os.setresgid(group, group, group)
    os.setresuid(owner, owner, owner)
    syscalls.hide()  # who becomes somebody else is hidden or not as fs.suid_dumpable says (proc_sys_fs(5))
    end_with(run)  # nor does who becomes somebody else end with the run any more


def _first(name: str) -> int:
    """Inside of the user namespace (user_namespaces(7)): root's number, or the first one that stands for somebody."""
    with open(f"/proc/self/{name}", encoding="ascii") as file:
        found = [int(line.split()[0]) for line in file]
    if not found:
        raise Undecided("is in a user namespace without users or groups")
    return 0 if 0 in found else found[0]


def _is_within(inner: int, outer: int) -> bool:
    """Whether a user namespace is another one or lies in it."""
    current: Optional[int] = os.dup(inner)
    while current is not None:
        with opened(current):
            if _inode(current) == _inode(outer):
                return True
            current = syscalls.parent_of(current)
    return False


def _open(path: str, folder: Optional[int] = None) -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)


def _inode(descriptor: int) -> int:
    return os.fstat(descriptor).st_ino


@contextlib.contextmanager
def opened(descriptor: int) -> Iterator[int]:
    """An open file for the block."""
    try:
        yield descriptor
    finally:
        os.close(descriptor)
