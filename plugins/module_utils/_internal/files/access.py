# SPDX-License-Identifier: GPL-3.0-or-later
"""One file below an open folder: looked at, written, removed. Adapter.

A container can put a symbolic link wherever it can write, and the host would follow it to a file of its own. So every
part of a path below a place's ``under`` is opened by itself, relative to the one before, and never through a link.
What stands at its end is looked at before it is opened, since to open a device does something to the device, and to
open a FIFO waits. Files are written in place: an engine has mounted the very inode into its container.
"""
from __future__ import annotations

import contextlib
import errno
import functools
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Optional

from ..core import folders
from ..core.undo import Undo
from .block import filler
from .model import FILES, ObservedFile, Place
from .operations import FileDel, FileWrite

# Of a file that is looked after. A container may make its own as large as it likes, and each line takes time.
# The longest that a run writes has two lines for each of the 1023 ports of a bridge.
LIMIT = 1 << 19  # bytes
LINES = 1 << 14
FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class Unsafe(Exception):
    """A file that must not be touched; the text says why, as the rest of a sentence."""


class HeldUp(Unsafe):
    """A file that somebody keeps whoever wants to open it waiting for."""


@dataclass(frozen=True)
class Ground:
    """Where a place begins.

    :param folder: its ``under``, open
    :param hosts_own: device and inode of the host's own files, which are nobody else's
    :param of_process: whether it is what a process of a container sees
    :param believed: whether what stands there is believed, so that nobody but root may write there
    :param rights: whose rights count where they are not root's of the host: " with the rights of the container itself"
    """

    folder: int
    hosts_own: frozenset[tuple[int, int]]
    of_process: bool = False
    believed: bool = False
    rights: str = ""


def find_hosts_own() -> frozenset[tuple[int, int]]:
    """Device and inode of each of the host's own files."""
    found = set()
    for name in FILES:
        with contextlib.suppress(OSError):
            status = os.stat(f"/etc/{name}")
            found.add((status.st_dev, status.st_ino))
    return frozenset(found)


@contextlib.contextmanager
def _open_folder(part: str, folder: int, ground: Ground) -> Iterator[int]:
    """:raises Unsafe: for a folder of the host that others could have put marks and hints into"""
    with opened(part, FOLDER | os.O_NOFOLLOW, folder) as found:
        _refuse_foreign(found, "is in a folder that ", ground)
        yield found


def _refuse_foreign(found: int, what: str, ground: Ground) -> None:
    if ground.believed and (problem := folders.find_foreign(found)):
        raise Unsafe(f"{what}{problem}, and is to be root's alone")


@contextlib.contextmanager
def opened(path: str, flags: int, folder: Optional[int] = None) -> Iterator[int]:
    descriptor = os.open(path, flags, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def look(place: Place, ground: Ground) -> ObservedFile:
    """A file as it is. What keeps it from being read is its problem: it is of no concern to most runs."""
    parents = 0
    *around, name = place.path.split("/")
    try:
        with contextlib.ExitStack() as stack:
            folder = ground.folder
            try:
                for part in around:
                    folder = stack.enter_context(_open_folder(part, folder, ground))
                    parents += 1
                file = stack.enter_context(_open_regular(name, os.O_RDONLY, folder, ground))
            except FileNotFoundError:
                if ground.of_process and not _writable(folder):
                    raise Unsafe(f"is not there, and cannot be made{ground.rights}") from None
                return ObservedFile(parents=parents)
            if ground.of_process and not _writable(file):
                raise Unsafe(f"cannot be written{ground.rights or ': it is read-only'}")
            status = os.fstat(file)
            return ObservedFile(_text(file), parents=parents, identity=(status.st_dev, status.st_ino))
    except Unsafe as problem:
        return ObservedFile(problem=str(problem), parents=parents, held_up=isinstance(problem, HeldUp))
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            return ObservedFile(problem="has a symbolic link in its path, which is not followed", parents=parents)
        return ObservedFile(problem=f"cannot be read{ground.rights}: {error.strerror}", parents=parents)


def _writable(descriptor: int) -> bool:
    return os.access(f"/proc/self/fd/{descriptor}", os.W_OK)


@contextlib.contextmanager
def _open_regular(name: str, flags: int, folder: int, ground: Ground) -> Iterator[int]:
    """A file of the container's alone, opened. :raises Unsafe: when it is something else"""
    with opened(name, _LOOK, folder) as found:
        _refuse(os.fstat(found), ground)
        _refuse_foreign(found, "", ground)
        if ground.of_process:
            _refuse_kernel(found)
        try:
            # Whoever owns a file may hold a lease on it, and who opens it waits for 45 s then (fcntl(2), F_SETLEASE).
            descriptor = os.open(f"/proc/self/fd/{found}", flags | os.O_NONBLOCK | os.O_CLOEXEC)
        except BlockingIOError:
            raise HeldUp("is held by a lease (fcntl(2), F_SETLEASE), which is not waited for") from None
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _refuse_kernel(file: int) -> None:
    """Root of a container may have mounted another file over its own. What somebody writes below /proc/sys is a setting
    of the host when the host writes it. The kernel's file systems are those that report no blocks (statfs(2))."""
    if os.fstatvfs(file).f_blocks == 0:
        raise Unsafe("is on a file system without room, as are those of the kernel")


def _refuse(found: os.stat_result, ground: Ground) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise Unsafe("is a symbolic link, which is not followed")
    if not stat.S_ISREG(found.st_mode):
        raise Unsafe("is no regular file")
    if (found.st_dev, found.st_ino) in ground.hosts_own:
        raise Unsafe("is the host's own file")
    if found.st_nlink > 1:
        raise Unsafe(f"is one file with {found.st_nlink} names (hard links), and the others would change with it")
    if found.st_size > LIMIT:
        raise Unsafe(f"is larger than {LIMIT} bytes")


def _text(descriptor: int) -> str:
    """:raises Unsafe: when it has grown since it was looked at, or has too many lines"""
    content = b""
    while piece := os.read(descriptor, LIMIT):
        content += piece
        if len(content) > LIMIT:
            raise Unsafe(f"is larger than {LIMIT} bytes")
    if content.count(b"\n") > LINES:
        raise Unsafe(f"has more than {LINES} lines")
    return content.decode("utf-8", "surrogateescape")


def write(operation: FileWrite, ground: Ground) -> None:
    """:raises Unsafe: also when the file is no longer as it was when the run was planned
    :raises OSError: when the kernel refuses
    :raises HostError: when it refuses half way, and that what was done before is undone
    """
    *around, name = operation.place.path.split("/")
    content = operation.text.encode("utf-8", "surrogateescape")
    with contextlib.ExitStack() as stack, Undo() as undo:
        folder = ground.folder
        for part in around:
            if operation.previous is None:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o755, dir_fd=folder)
                    undo.by(f"folder {part}", functools.partial(os.rmdir, part, dir_fd=folder))
            folder = stack.enter_context(_open_folder(part, folder, ground))
        if operation.previous is None:
            _create(name, folder, content, ground, undo)
            return
        file = stack.enter_context(_open_regular(name, os.O_RDWR, folder, ground))
        before = _text(file)
        if before != operation.previous:
            raise Unsafe("somebody else changed it meanwhile")
        undo.by(f"a part of {name}", _overwrite, file, before.encode("utf-8", "surrogateescape"))
        _overwrite(file, content)


def _create(name: str, folder: int, content: bytes, ground: Ground, undo: Undo) -> None:
    """A new file, which has all of its content from the first moment on, where the file system can do that."""
    descriptor = folders.open_nameless(folder, 0o644)
    if descriptor is not None:
        with open(descriptor, "wb") as file:
            _refuse_kernel(descriptor)
            file.write(content)
            file.flush()
            folders.give_name(descriptor, folder, name)
        return
    new = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    os.close(os.open(name, new, 0o644, dir_fd=folder))
    undo.by(f"file {name}", functools.partial(os.unlink, name, dir_fd=folder))
    with _open_regular(name, os.O_RDWR, folder, ground) as there:
        _overwrite(there, content)


def _overwrite(file: int, content: bytes) -> None:
    """Never empty in between: whoever reads the file meanwhile sees lines of the old text or of the new one.

    Of a longer text that was there before nothing is left where the run is killed before the file is cut.
    """
    padded = content + filler(os.fstat(file).st_size - len(content)).encode()
    done = 0
    while done < len(padded):
        done += os.pwrite(file, padded[done:], done)
    os.ftruncate(file, len(content))


def remove(operation: FileDel, ground: Ground) -> None:
    """:raises OSError: when the kernel refuses"""
    *around, name = operation.place.path.split("/")
    with contextlib.ExitStack() as stack:
        chain = [ground.folder]
        for part in around:
            chain.append(stack.enter_context(opened(part, FOLDER | os.O_NOFOLLOW, chain[-1])))
        os.unlink(name, dir_fd=chain[-1])
        with contextlib.suppress(OSError):  # one that is not empty stays, and so do those around it
            for depth in range(len(around), len(around) - operation.directories, -1):
                os.rmdir(around[depth - 1], dir_fd=chain[depth - 1])


def reason(error: Exception, rights: str = "") -> str:
    """Why an operation was not carried out, as the rest of a sentence."""
    return f"{rights}: {getattr(error, 'strerror', '') or error}"
