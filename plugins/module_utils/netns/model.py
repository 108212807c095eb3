# SPDX-License-Identifier: GPL-3.0-or-later
"""How a user names a network namespace, and what the host has under /run/netns."""
from __future__ import annotations

from dataclasses import dataclass

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
    why there is nothing behind the path, "" when there is or when it can be made.
    """

    label: str
    path: str
    registers: str = ""
    missing: str = ""


@dataclass(frozen=True)
class NamedNetns:
    """An entry of /run/netns.

    ``inode`` is that of the namespace behind it, 0 when nothing is (a link to a process that ended).
    ``link`` is the target of a symbolic link, "" for a mounted namespace. ``own`` says that we made the entry.
    """

    inode: int
    link: str = ""
    own: bool = False


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
