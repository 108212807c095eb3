# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a run sees the network namespaces below /run/netns, and the host those of the run. Adapter.

In a mount namespace of its own a run may have another /run/netns than the host, or the same one with mounts that reach
nobody (mount_namespaces(7)). The host is what process 1 sees, where it has the root directory of the run.

Where something was mounted on /run/netns, what was mounted below it before is there and cannot be seen.
"""
from __future__ import annotations

import contextlib
import os
from typing import Optional

from ..core import confinement
from .model import NETNS_DIRECTORY
from .syscalls import mount_id

_HOST = "/proc/1/root"  # what is below it is looked up in the mount namespace of process 1 (proc(5))


def lacking() -> set[str]:
    """What keeps network namespaces with names from being those of the host, in words of confinement."""
    with contextlib.suppress(OSError):  # process 1 is none that this one may look at
        if _is_apart():
            folder = NETNS_DIRECTORY
            if _stat(folder) is None and _stat(_HOST + folder) is None:
                folder = os.path.dirname(folder)
            if not _same(folder):
                return {confinement.HIDDEN}
            with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as own, \
                    open("/proc/1/mountinfo", encoding="utf-8", errors="surrogateescape") as of_host:
                if not reaches(own.read(), mount_id(folder), of_host.read()):
                    return {confinement.PRIVATE}
    return set()


def find_covered() -> set[str]:
    """The names of network namespaces that lie below what is mounted on /run/netns."""
    with contextlib.suppress(OSError):  # it is no folder, or not there
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
            return covered(mounts.read(), mount_id(NETNS_DIRECTORY))
    return set()


def covered(mountinfo: str, top: int) -> set[str]:
    """The names below /run/netns at which a network namespace is mounted that another mount hides.

    :param mountinfo: proc(5)
    :param top: the number of the mount that is seen at /run/netns
    """
    lines = [line.split() for line in mountinfo.splitlines()]
    mounts = {words[0]: (words[1], words[4]) for words in lines}  # by number: that on which it is, and the place
    below, each = set(), str(top)
    while mounts.get(each, ("", ""))[1] == NETNS_DIRECTORY:
        each = mounts[each][0]
        below.add(each)
    return {os.path.basename(words[4]) for words in lines
            if words[1] in below and os.path.dirname(words[4]) == NETNS_DIRECTORY
            and words[words.index("-") + 1] == "nsfs"}


def reaches(own: str, number: int, of_host: str) -> bool:
    """Whether what is mounted on a mount is mounted for another mount namespace as well.

    :param own: mountinfo (proc(5)) of the one that mounts
    :param number: the mount in it
    :param of_host: mountinfo of the other one
    """
    groups = {peer.partition(":")[2] for words in map(str.split, own.splitlines()) if words[0] == str(number)
              for peer in words[6:words.index("-")] if peer.startswith("shared:")}
    theirs = {peer.partition(":")[2] for words in map(str.split, of_host.splitlines())
              for peer in words[6:words.index("-")] if peer.startswith(("shared:", "master:"))}
    return bool(groups & theirs)


def _is_apart() -> bool:
    """Whether the run has a mount namespace of its own, beside that of process 1 and on the same root directory."""
    return (not os.path.samestat(os.stat("/proc/self/ns/mnt"), os.stat("/proc/1/ns/mnt"))
            and os.path.samestat(os.stat("/"), os.stat(f"{_HOST}/")))


def _same(path: str) -> bool:
    own, of_host = _stat(path), _stat(_HOST + path)
    return own is not None and of_host is not None and os.path.samestat(own, of_host)


def _stat(path: str) -> Optional[os.stat_result]:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None
