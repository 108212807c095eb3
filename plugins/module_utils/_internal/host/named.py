# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter for /run/netns: what is there, and which entries we made.

A mark in /run/mooring/netns/NAME says what the entry is and which namespace is behind it: an entry that somebody
replaced meanwhile is not ours any more, and a process that got the number of one that ended is not what was registered.
Both directories are gone after a reboot, like the namespaces.
"""
from __future__ import annotations

import contextlib
import errno
import functools
import os
from collections.abc import Mapping
from typing import Optional

from ..core import folders
from ..core.errors import HostError
from ..core.undo import Undo
from ..files.marks import NETNS_FILES, NETNS_FOLDER
from ..netns import registry, syscalls
from ..netns.enter import Namespaces, find_identities, home
from ..netns.model import NETNS_DIRECTORY, Identity, NamedNetns, NetnsMark, named_path
from ..netns.opening import find_end, open_namespace
from ..netns.processes import boot
from .operations import NetnsAdd, NetnsDel
from .registration import NetnsForget, NetnsRecord


def snapshot(marks: Optional[Mapping[str, NetnsMark]] = None) -> dict[str, NamedNetns]:
    """:param marks: those of the entries, where they have been read already"""
    marks = registry.read_marks() if marks is None else marks
    names = _entries(NETNS_DIRECTORY)
    identities = find_identities([named_path(name) for name in names])
    found = {name: NamedNetns.of(_target(path := named_path(name)), identities.get(path), marks.get(name))
             for name in names}
    for name in marks:
        # The mark of a namespace that somebody else removed.
        found.setdefault(name, NamedNetns(0, "", own=True))
    return found


def _entries(directory: str) -> list[str]:
    """:raises HostError: when something else than a folder is in its place"""
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise HostError(f"{directory} is no folder ({error.strerror}), and network namespaces with a name are in one "
                        "(ip-netns(8)): move away what is there") from error


def _target(path: str) -> str:
    """The target of a symbolic link, "" for what is none, or no longer there."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def add(operation: NetnsAdd, namespaces: Namespaces) -> None:
    """The mark comes first: of a run that is killed the next one knows by it what it has to complete or to remove.

    :raises HostError: also when the name has come into use, or the target leads elsewhere, since the snapshot
    """
    path, target = named_path(operation.name), operation.target
    try:
        with contextlib.ExitStack() as stack, Undo(f"{path}: ") as undo:
            if target:
                identity = namespaces.identify(target)
            else:
                namespace = _new_namespace()
                stack.callback(os.close, namespace)
                identity = _identify_new(path, os.fstat(namespace))
            mark = NetnsMark(target or str(identity.inode), identity)
            registry.write_mark(operation.name, mark)
            undo.by("its mark", registry.remove_mark, operation.name)
            _make_directory(undo)
            if target:
                os.symlink(target, path)
            else:
                _mount(namespace, path, undo)
    except OSError as error:
        raise HostError(f"{path}: {error.strerror or error}") from error
    namespaces.remember(operation.name, mark)


def record(operation: NetnsRecord, namespaces: Namespaces) -> None:
    """:raises HostError: when the name leads to another namespace than at the snapshot, or to none"""
    try:
        _record(operation.name, namespaces)
    except OSError as error:
        raise HostError(f"cannot {operation.describe()}: {error.strerror or error}") from error


def _record(name: str, namespaces: Namespaces) -> None:
    path = named_path(name)
    identity = namespaces.identify(path)
    mark = NetnsMark(_target(path) or str(identity.inode), identity)
    registry.write_mark(name, mark)
    namespaces.remember(name, mark)


def _make_directory(undo: Undo) -> None:
    made = not os.path.lexists(NETNS_DIRECTORY)
    with folders.open_own(*os.path.split(NETNS_DIRECTORY), make=True):
        pass  # who could put a link in the place of what is made there would have it mounted elsewhere (mount(2))
    if made:
        undo.by(NETNS_DIRECTORY, os.rmdir, NETNS_DIRECTORY)


def _new_namespace() -> int:
    """An open file of a new namespace, which ends with it.

    It is made by this process, which is put back at once: a process of its own for each one takes ten times as long.
    """
    with home() as back:
        syscalls.unshare_network()
        try:
            return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            syscalls.enter_network(back)


def _identify_new(path: str, found: os.stat_result) -> Identity:
    """What :func:`identify` will say of the path that it is to be mounted at: the file is the same."""
    return Identity(found.st_dev, found.st_ino, made=found.st_ctime_ns if find_end(path) else 0, boot=boot())


def _mount(namespace: int, path: str, undo: Undo) -> None:
    """Give a namespace its place as `ip netns add` does it. What can be refused comes first."""
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
    undo.by(path, os.unlink, path)
    _share_directory(undo)
    syscalls.bind(f"/proc/self/fd/{namespace}", path)


def _share_directory(undo: Undo) -> None:
    """Mounts below /run/netns have to reach the mount namespaces of services that started before."""
    here, around = syscalls.mount_id(NETNS_DIRECTORY), syscalls.mount_id(f"{NETNS_DIRECTORY}/..")
    if here != around:
        _share_mount(here)
        return
    syscalls.bind(NETNS_DIRECTORY, NETNS_DIRECTORY)
    undo.by(f"the mount of {NETNS_DIRECTORY} on itself", syscalls.unmount, NETNS_DIRECTORY)
    _share_mount.cache_clear()  # the kernel uses numbers of mounts again
    syscalls.make_shared(NETNS_DIRECTORY)


@functools.cache
def _share_mount(identifier: int) -> None:
    """Once for each mount at /run/netns, as the kernel calls it.

    The list has all mounts of a path, also those that lie hidden below later ones, on it or on /run: only the number
    tells which one is there.
    """
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
        fields = next((words for words in map(str.split, mounts) if words[0] == str(identifier)), ["-"])
    if not any(word.startswith("shared:") for word in fields[:fields.index("-")]):
        syscalls.make_shared(NETNS_DIRECTORY)


def remove(operation: NetnsDel, namespaces: Namespaces) -> None:
    """Processes that still live in the namespace keep it; only its name and our mark go. The mark goes last."""
    path = named_path(operation.name)
    try:
        with contextlib.ExitStack() as stack, Undo(f"{path}: ") as undo:
            target = _target(path)
            if not operation.linked and not target:
                _unmount(path, undo, stack)
            with contextlib.suppress(FileNotFoundError):  # somebody else removed it, and its mark was left
                os.unlink(path)
                undo.by(f"{path} is gone", _put_back, path, target)
            if not target:
                _remove_empty(operation.name)
            registry.remove_mark(operation.name)
    except OSError as error:
        raise HostError(f"{path}: {error.strerror or error}") from error
    namespaces.remember(operation.name, None)


def _remove_empty(name: str) -> None:
    """The folder for files of the namespace, where a killed run has made it or has emptied it."""
    with contextlib.suppress(OSError):  # it is not there, or there is something in it
        os.rmdir(f"{NETNS_FILES}/{NETNS_FOLDER}/{name}")
        os.rmdir(f"{NETNS_FILES}/{NETNS_FOLDER}")


def _put_back(path: str, target: str) -> None:
    if target:
        os.symlink(target, path)
    else:
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))


def forget(operation: NetnsForget, namespaces: Namespaces) -> None:
    """What is there now is somebody else's, and stays."""
    try:
        registry.remove_mark(operation.name)
    except OSError as error:
        raise HostError(f"cannot {operation.describe()}: {error.strerror or error}") from error
    namespaces.remember(operation.name, None)


def _unmount(path: str, undo: Undo, stack: contextlib.ExitStack) -> None:
    """:param stack: keeps the namespace until all is done"""
    namespace = _open_beside(path)
    if namespace >= 0:
        stack.callback(os.close, namespace)
    try:
        syscalls.unmount(path)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOENT):  # it is no mount, or is not there
            raise
        return
    if namespace >= 0:
        undo.by(f"{path} is not mounted", syscalls.bind, f"/proc/self/fd/{namespace}", path)


def _open_beside(path: str) -> int:
    """An open file of the namespace at a path, which is not open at that path; -1 where there is none.

    What is open at a mount that goes cannot be mounted again as it was: it would be a mount of another peer group
    (mount_namespaces(7)).
    """
    try:
        there = open_namespace(path)
    except OSError:
        return -1
    with home() as back:
        try:
            syscalls.enter_network(there)
        finally:
            os.close(there)
        try:
            return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            syscalls.enter_network(back)
