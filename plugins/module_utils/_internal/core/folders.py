# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders and files of ours that nobody but root may write. Adapter.

What is read from them decides what is done as root, and what is written there must not end up in a file of somebody
else. So no symbolic link is followed on the way, a folder that others own or can write is refused, and a file is always
a new one, which then takes its place (open(2), rename(2)).
"""
from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import Optional, Union

from .errors import HostError

LIMIT = 1 << 16  # bytes; what we write there is much shorter
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH  # the group's bit is also the mask of an access control list (acl(5))


@contextlib.contextmanager
def open_own(under: str, path: str, make: bool = False, mode: int = 0o755) -> Iterator[int]:
    """An open folder: ``path`` below ``under``, which is the host's own.

    :param path: "" for ``under`` itself
    :param make: whether to make what is missing of ``path``, with mode 0755
    :param mode: of the last part of ``path``, where that is made
    :raises FileNotFoundError: when it is not there
    :raises HostError: when a part of ``path`` is no folder, or one that others own or can write
    """
    with contextlib.ExitStack() as stack:
        folder = _opened(stack, under, None)
        parts = path.split("/") if path else []
        for number, part in enumerate(parts):
            name = "/".join((under, *parts[:number + 1]))
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, mode if number == len(parts) - 1 else 0o755, dir_fd=folder)
            try:
                folder = _opened(stack, part, folder)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR):
                    raise HostError(f"{name} is no folder, and this collection keeps files in one of that name: remove "
                                    "what is there") from error
                raise
            if problem := find_foreign(folder):
                raise HostError(f"{name} {problem}, and only root may say what is in it: look at what is there, and "
                                "remove it, or give it to root with mode 0755")
        yield folder


def _opened(stack: contextlib.ExitStack, path: str, folder: Optional[int]) -> int:
    # What is above our folders is the host's own, links and all.
    descriptor = os.open(path, _FOLDER if folder is not None else _FOLDER & ~os.O_NOFOLLOW, dir_fd=folder)
    stack.callback(os.close, descriptor)
    return descriptor


def find_foreign(descriptor: int) -> str:
    """Who beside root can change an open folder or file, as the rest of a sentence; "" when nobody can."""
    found = os.fstat(descriptor)
    if found.st_uid != 0:
        return f"belongs to user {found.st_uid}"
    if found.st_mode & _OTHERS_WRITE:
        return f"can be written by others than root (mode {stat.S_IMODE(found.st_mode):04o})"
    return ""


def read_file(folder: int, name: str) -> Optional[str]:
    """The text of a file of root's; None where there is none, and for what is anything else."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        try:
            found = os.fstat(descriptor)
            if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and not find_foreign(descriptor):
                return os.read(descriptor, LIMIT).decode()
        finally:
            os.close(descriptor)
    return None


def require_text(folder: int, name: str, path: str) -> str:
    """The text of a file that nobody but root may have written.

    :param path: the file in messages
    :raises OSError: when it cannot be opened
    :raises HostError: for one that others could have written, and for what is no file
    """
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise HostError(f"{path} is a link, and this collection keeps a file of that name: remove it") from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise HostError(f"{path} is no file, and this collection keeps one of that name: remove it")
        if problem := find_foreign(descriptor):
            raise HostError(f"{path} {problem}, and is to be root's alone: remove it")
        with open(descriptor, encoding="utf-8", errors="replace", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def temporary_name(name: str) -> str:
    """What a file is called until it is complete."""
    return f".{name}.new"


def write_file(folder: int, name: str, content: Union[str, bytes], mode: int = 0o644) -> None:
    """Put a file of root's in the place of whatever has the name, which is not followed.

    Whoever looks finds what was there or all of the new file. A new name comes without another one before it, where the
    file system can do that: so who is killed leaves nothing behind.

    :raises OSError: what the kernel says
    """
    new = temporary_name(name)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new, dir_fd=folder)  # of a run that was killed
    descriptor, is_named = _open_new(folder, new)
    try:
        with open(descriptor, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fchown(descriptor, 0, 0)  # a folder with the setgid bit would give it another group
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
            if not is_named:
                with contextlib.suppress(FileExistsError):
                    give_name(descriptor, folder, name)
                    return
                give_name(descriptor, folder, new)
        os.rename(new, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(new, dir_fd=folder)
        raise


def _open_new(folder: int, name: str) -> tuple[int, bool]:
    """A new file to be written, and whether it has this name already."""
    descriptor = open_nameless(folder, 0o600)
    if descriptor is not None:
        return descriptor, False
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(name, flags, 0o600, dir_fd=folder), True


def open_nameless(folder: int, mode: int) -> Optional[int]:
    """A file that is gone when it is closed, unless it was given a name; None where the file system has no such files.

    :raises OSError: what the kernel says beside that
    """
    try:
        return os.open(".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, mode, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL):
            return None
        raise


def give_name(descriptor: int, folder: int, name: str) -> None:
    """:raises FileExistsError: when there is something of that name"""
    os.link(f"/proc/self/fd/{descriptor}", name, dst_dir_fd=folder)


def remove_file(folder: int, name: str) -> None:
    """:raises OSError: what the kernel says"""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary_name(name), dir_fd=folder)  # of a run that was killed
    os.unlink(name, dir_fd=folder)
