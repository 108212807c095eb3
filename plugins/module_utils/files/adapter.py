# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter for the files that give containers their names.

A container can put a symbolic link wherever it can write, and the host would follow it to a file of its own. So every
part of a path below a place's ``under`` is opened by itself, relative to the one before, and never through a link.
What stands at its end is looked at before it is opened, since to open a device does something to the device. Files are
written in place: an engine has mounted the very inode into its container.
"""
from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator
from typing import Optional

from ..core import folders
from ..core.errors import HostError
from ..netns import processes
from . import marks
from .model import FILES, HOST_HOSTS, HOST_RESOLV, HOSTS, SYSTEMD_RESOLV, ObservedFile, Place, Site
from .operations import FileDel, FileWrite

LIMIT = 1 << 20  # bytes; nobody's hosts file is larger, and a container may make its own as large as it likes
_OF_PROCESS = re.compile(r"/proc/(\d+)/root")
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Unsafe(Exception):
    """A file that must not be touched; the text says why, as the rest of a sentence."""


def resolv_texts() -> dict[str, str]:
    """The host's own resolv.conf, and what systemd-resolved keeps, by path; without those that are not there."""
    found = {}
    for path in (HOST_RESOLV, SYSTEMD_RESOLV):
        with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="surrogateescape") as file:
            found[path] = file.read(LIMIT)
    return found


def hosts_text() -> str:
    """The host's own hosts, "" when it has none."""
    with contextlib.suppress(OSError), open(HOST_HOSTS, encoding="utf-8", errors="surrogateescape") as file:
        return file.read(LIMIT)
    return ""


def snapshot(sites: Iterable[Site] = (), names: Optional[Collection[str]] = None) -> dict[Place, ObservedFile]:
    """The files of these sites, and those of containers that have a hint or a mark.

    :param names: containers whose files are to be read as far as they have hints or marks; None for all
    """
    found: dict[Place, ObservedFile] = {}
    sites = tuple(sites)
    for entry in _hints():
        if names is None or marks.container_of_hint(entry) in names or sites:  # it may be to the same files
            place = Place(marks.HINTS_UNDER, f"{marks.HINTS}/{entry}")
            found[place] = read(place)
    for entry in _entries(f"{marks.NETNS_FILES}/{marks.NETNS_FOLDER}"):
        if names is None or entry in names:
            place = marks.netns_site(entry, entry).place(HOSTS)
            found[place] = read(place)
    known = [each.site for each in marks.read_marks(found) if names is None or each.site.container in names
             or each.site.kind == "netns"]
    for site in (*known, *sites):
        alive = not site.started or processes.start_time(site.pid) == site.started
        for _name, place in site.files:
            if place not in found and (alive or not _OF_PROCESS.fullmatch(place.under)):
                found[place] = read(place)
    return found


def _hints() -> list[str]:
    """:raises HostError: when others can write where they are"""
    try:
        with folders.open_own(marks.HINTS_UNDER, marks.HINTS) as folder:
            return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


def _entries(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []


def read(place: Place) -> ObservedFile:
    """A file as it is. What keeps it from being read is its problem: it is of no concern to most runs."""
    parents = 0
    try:
        _refuse_mounts_of_host(place)
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(_open_under(place))
            *parts, name = place.path.split("/")
            for part in parts:
                folder = stack.enter_context(_open_folder(part, folder, place))
                parents += 1
            file = stack.enter_context(_open_regular(name, os.O_RDONLY, folder, place))
            found = os.fstat(file)
            return ObservedFile(_text(file), parents=parents, identity=(found.st_dev, found.st_ino))
    except Unsafe as problem:
        return ObservedFile(problem=str(problem), parents=parents)
    except (FileNotFoundError, ProcessLookupError):
        return ObservedFile(parents=parents)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            return ObservedFile(problem="has a symbolic link in its path, which is not followed", parents=parents)
        return ObservedFile(problem=f"cannot be read: {error.strerror}", parents=parents)


@contextlib.contextmanager
def _open(path: str, flags: int, folder: int | None = None) -> Iterator[int]:
    descriptor = os.open(path, flags, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _open_under(place: Place) -> Iterator[int]:
    """:raises ProcessLookupError: when it is another process's by now"""
    with _open(place.under, _FOLDER) as folder:
        if process := _OF_PROCESS.fullmatch(place.under):
            processes.require(int(process[1]), place.started)
        yield folder


@contextlib.contextmanager
def _open_folder(part: str, folder: int, place: Place) -> Iterator[int]:
    """:raises Unsafe: for a folder of the host that others could have put marks and hints into"""
    with _open(part, _FOLDER | os.O_NOFOLLOW, folder) as found:
        _refuse_foreign(found, "is in a folder that ", place)
        yield found


def _refuse_foreign(found: int, what: str, place: Place) -> None:
    """What hints and the marks below /etc/netns say is believed, since only root can write them."""
    if place.under in (marks.HINTS_UNDER, marks.NETNS_FILES) and (problem := folders.find_foreign(found)):
        raise Unsafe(f"{what}{problem}, and is to be root's alone")


@contextlib.contextmanager
def _open_regular(name: str, flags: int, folder: int, place: Place) -> Iterator[int]:
    """A file of the container's alone, opened. :raises Unsafe: when it is something else"""
    with _open(name, _LOOK, folder) as found:
        _refuse(os.fstat(found))
        _refuse_foreign(found, "", place)
        if _OF_PROCESS.fullmatch(place.under):
            _refuse_kernel(found)
        with _open(f"/proc/self/fd/{found}", flags | os.O_CLOEXEC) as file:
            yield file


def _refuse_kernel(file: int) -> None:
    """Root of a container may have mounted another file over its own. What somebody writes below /proc/sys is a setting
    of the host when the host writes it. The kernel's file systems are those that report no blocks (statfs(2))."""
    if os.fstatvfs(file).f_blocks == 0:
        raise Unsafe("is on a file system without room, as are those of the kernel")


def _refuse_mounts_of_host(place: Place) -> None:
    process = _OF_PROCESS.fullmatch(place.under)
    if process and os.stat(f"/proc/{process[1]}/ns/mnt").st_ino == os.stat("/proc/self/ns/mnt").st_ino:
        raise Unsafe("is the host's own file, since the process has no mounts of its own")


def _refuse(found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise Unsafe("is a symbolic link, which is not followed")
    if not stat.S_ISREG(found.st_mode):
        raise Unsafe("is no regular file")
    for name in FILES:
        with contextlib.suppress(OSError):
            if os.path.samestat(found, os.stat(f"/etc/{name}")):
                raise Unsafe("is the host's own file")
    if found.st_nlink > 1:
        raise Unsafe(f"is one file with {found.st_nlink} names (hard links), and the others would change with it")
    if found.st_size > LIMIT:
        raise Unsafe(f"is larger than {LIMIT} bytes")


def _text(descriptor: int) -> str:
    """:raises Unsafe: when it has grown since it was looked at"""
    content = b""
    while piece := os.read(descriptor, LIMIT):
        content += piece
        if len(content) > LIMIT:
            raise Unsafe(f"is larger than {LIMIT} bytes")
    return content.decode("utf-8", "surrogateescape")


def write(operation: FileWrite) -> None:
    """:raises HostError: also when the file is no longer as it was when the run was planned"""
    place = operation.place
    try:
        _refuse_mounts_of_host(place)
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(_open_under(place))
            *parts, name = place.path.split("/")
            for part in parts:
                if operation.previous is None:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o755, dir_fd=folder)
                folder = stack.enter_context(_open_folder(part, folder, place))
            if operation.previous is None:
                new = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                os.close(os.open(name, new, 0o644, dir_fd=folder))
            file = stack.enter_context(_open_regular(name, os.O_RDWR, folder, place))
            if _text(file) != (operation.previous or ""):
                raise HostError(f"cannot {operation.describe()}: somebody else changed it meanwhile")
            _overwrite(file, operation.text.encode("utf-8", "surrogateescape"))
    except (OSError, Unsafe) as error:
        raise HostError(f"cannot {operation.describe()}: {getattr(error, 'strerror', '') or error}") from error


def _overwrite(file: int, content: bytes) -> None:
    """Never empty in between: whoever reads the file meanwhile sees lines of the old text or of the new one."""
    done = 0
    while done < len(content):
        done += os.pwrite(file, content[done:], done)
    os.ftruncate(file, len(content))


def remove(operation: FileDel) -> None:
    place = operation.place
    *parts, name = place.path.split("/")
    try:
        with contextlib.ExitStack() as stack:
            chain = [stack.enter_context(_open_under(place))]
            for part in parts:
                chain.append(stack.enter_context(_open(part, _FOLDER | os.O_NOFOLLOW, chain[-1])))
            os.unlink(name, dir_fd=chain[-1])
            with contextlib.suppress(OSError):  # one that is not empty stays, and so do those around it
                for depth in range(len(parts), len(parts) - operation.directories, -1):
                    os.rmdir(parts[depth - 1], dir_fd=chain[depth - 1])
    except OSError as error:
        raise HostError(f"cannot {operation.describe()}: {error.strerror}") from error
