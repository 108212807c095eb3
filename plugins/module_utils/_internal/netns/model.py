# SPDX-License-Identifier: GPL-3.0-or-later
"""How a user names a network namespace, what the host has under /run/netns, and by what one is known again."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

HOST = ""  # the key of the host's own namespace
NETNS_DIRECTORY = "/run/netns"  # ip-netns(8); /var/run is a link to /run


@dataclass(frozen=True)
class Target:
    """A container as the user named it.

    :param kind: ``container`` (Docker or Podman), ``pid``, ``netns`` (a name in /run/netns) or ``netns_path``
    :param value: the name, id, number or path as text
    """

    kind: str
    value: str

    def describe_start(self) -> str:
        """What a task does that brings it into being, as the rest of a sentence: ``starts container web``."""
        verb = {"container": "starts container", "pid": "starts process"}.get(self.kind, "creates namespace")
        return f"{verb} {self.value}"


@dataclass(frozen=True)
class Resolved:
    """A target that was found: ``label`` names it in our marks, ``path`` opens its namespace.

    ``registers`` is the name under /run/netns that a container or pid is to have there, "" for none. ``missing`` says
    why there is nothing behind the path, "" when there is or when it can be made. ``process`` is which process a number
    stands for, boot and start time, where a target is one.
    """

    label: str
    path: str
    registers: str = ""
    missing: str = ""
    process: str = ""


@dataclass(frozen=True)
class Identity:
    """Which network namespace it is. Paths, numbers of processes and inodes are all used again.

    :param device: with ``inode``, that of its file (stat(2)); the kernel gives the lowest free inode to the next one
    :param started: of the process through which a path leads there, see :mod:`netns.processes`; "" for other paths
    :param made: when the kernel made the file that is mounted at a path, in ns (``st_ctime``): it lasts as long as the
        mount, and nobody can change it. 0 for what is not mounted
    :param boot: of which boot the times are (random(4))
    """

    device: int
    inode: int
    started: str = ""
    made: int = 0
    boot: str = ""

    @property
    def text(self) -> str:
        return " ".join(f"{key}={value}" for key, value in vars(self).items() if value)

    @classmethod
    def parse(cls, text: str) -> Optional[Identity]:
        """:attr:`text` read back, None for anything else. Words of later versions are passed over."""
        words = dict(word.split("=", 1) for word in text.split() if "=" in word)
        try:
            return cls(int(words["device"]), int(words["inode"]), words.get("started", ""), int(words.get("made", 0)),
                       words.get("boot", ""))
        except (KeyError, ValueError):
            return None


@dataclass(frozen=True)
class NetnsMark:
    """What /run/mooring/netns/NAME says of the entry of /run/netns that we made.

    Two lines: what the entry is, the target of a link or the inode of a mounted namespace; and the identity of the
    namespace. Earlier versions wrote the first line only.
    """

    entry: str
    identity: Optional[Identity] = None

    @property
    def text(self) -> str:
        return f"{self.entry}\n{self.identity.text if self.identity else ''}\n"

    @classmethod
    def parse(cls, text: str) -> NetnsMark:
        first, _newline, rest = text.partition("\n")
        return cls(first.strip(), Identity.parse(rest))


@dataclass(frozen=True)
class NamedNetns:
    """An entry of /run/netns.

    ``inode`` is that of the namespace behind it, 0 when nothing is (a link to a process that ended).
    ``link`` is the target of a symbolic link, "" for a mounted namespace. ``own`` says that we made the entry.
    """

    inode: int
    link: str = ""
    own: bool = False
    identified = True  # whether our mark says which namespace it is
    lost = False  # whether our mark speaks of another namespace, so that this one is not entered
    problem = "leads nowhere"  # why there is no namespace to be entered, as the rest of a sentence
    remedy = ""  # what to do about that

    @staticmethod
    def of(link: str, identity: Optional[Identity], mark: Optional[NetnsMark]) -> NamedNetns:
        """:param identity: of what is behind it now, None when nothing is"""
        inode = identity.inode if identity else 0
        if mark is None or not mark.entry:
            return NamedNetns(inode, link)
        if identity is None:
            return NamedNetns(0, link, own=mark.entry == link or not link and mark.entry.isdigit())
        fits = mark.entry == (link or str(inode))
        if fits and mark.identity is None:
            return UnidentifiedNetns(inode, link, own=True)
        if fits and mark.identity == identity:
            return NamedNetns(inode, link, own=True)
        if fits and link:
            return ReplacedNetns(0, link, own=True)
        return TakenNetns(inode, link)


class UnidentifiedNetns(NamedNetns):
    """An entry that an earlier version made."""

    identified = False


class ReplacedNetns(NamedNetns):
    """A link of ours to another namespace than the one that was registered. What that was is gone: the inode is 0.

    It happens when the number of a process that has ended is used again.
    """

    lost = True
    problem = "leads to another network namespace than the one that was registered, which has ended"
    remedy = "register it again with netns_attach"


class TakenNetns(NamedNetns):
    """What somebody put in the place of an entry of ours. It is that one's, and not what was registered."""

    lost = True
    problem = "is another network namespace than the one that was registered: somebody put it in its place"
    remedy = "let go of the name with netns_attach state=absent, after which it is used like any other"


def named_path(name: str) -> str:
    return f"{NETNS_DIRECTORY}/{name}"


def label_of_path(path: str) -> str:
    """How a namespace is called in messages: its name where it has one, the path otherwise."""
    for directory in (NETNS_DIRECTORY, "/var" + NETNS_DIRECTORY):
        if path.startswith(directory + "/") and "/" not in path[len(directory) + 1:]:
            return path[len(directory) + 1:]
    return path or "the host"


def in_namespace(path: str) -> str:
    """What a sentence about something in a namespace ends with: " in web", and nothing for the host's own."""
    return f" in {label_of_path(path)}" if path != HOST else ""
