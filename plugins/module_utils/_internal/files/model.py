# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that give a container its names: where they are, what is in them, what a task wants of them."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

HOSTS, HOSTNAME, RESOLV = "hosts", "hostname", "resolv.conf"
FILES = (HOSTS, HOSTNAME, RESOLV)
HASH = "resolv.conf.hash"  # Docker's hash of the resolv.conf that it wrote: as long as it fits, nobody edited the file

FALLBACK = ("8.8.8.8", "8.8.4.4")  # Docker's
HOST_GATEWAY = "host-gateway"  # Docker's word for the bridge's address
HOST_HOSTS = "/etc/hosts"
HOST_RESOLV = "/etc/resolv.conf"
SYSTEMD_RESOLV = "/run/systemd/resolve/resolv.conf"  # the real servers behind systemd-resolved's 127.0.0.53


@dataclass(frozen=True, order=True)
class Place:
    """A file by its ``path`` below the directory ``under``.

    No part of ``path`` may be a symbolic link: a container may have put it there. ``under`` is the host's own.
    Where that is the root of a process, ``started`` says of which one, see :mod:`netns.processes`.
    """

    under: str
    path: str
    started: str = ""

    def __str__(self) -> str:
        return f"{self.under}/{self.path}"


@dataclass(frozen=True)
class ObservedFile:
    """A file as it is.

    :param text: None when there is none; bytes that are no UTF-8 are kept as surrogates
    :param problem: why it must not be touched, as the rest of a sentence: ``is a symbolic link``
    :param parents: how many of the directories in the place's path are there
    :param identity: device and inode, by which one file under several paths is known; None where there is none
    :param held_up: whether the problem is that somebody keeps whoever wants to open it waiting
    """

    text: Optional[str] = None
    problem: str = ""
    parents: int = 0
    identity: Optional[tuple[int, int]] = None
    held_up: bool = False


@dataclass(frozen=True)
class Site:
    """Where the files of a container are.

    :param kind: ``netns``, ``docker``, ``podman`` or ``pid``
    :param name: what the kind knows it by: name of the namespace or of the container, number of the process
    :param files: places by the names in FILES
    :param pid: a process of the container, 0 when there is none to be asked
    :param started: when that process started, as /proc says it: a number may be used again, and not with the same time
    """

    container: str
    kind: str
    name: str
    files: tuple[tuple[str, Place], ...]
    pid: int = 0
    started: str = ""

    def find(self, file: str) -> Optional[Place]:
        """The place of a file that not every container has."""
        return dict(self.files).get(file)

    def place(self, file: str) -> Place:
        """The place of one of FILES, which every container has."""
        return dict(self.files)[file]


@dataclass(frozen=True)
class HostsSettings:
    """What the block in a hosts file is made from; the host name's file belongs to it.

    :param etc_hosts: pairs of a name and an address, or HOST_GATEWAY
    :param addresses: the container's own ones where no lease tells them
    :param hosts_template: Jinja2 texts, "" for the default ones
    :param its_word: whether the host name is what a process calls itself, which may be anybody's
    :param of_host: whether its network is the host's
    """

    container: str
    hostname: str = ""
    domainname: str = ""
    etc_hosts: tuple[tuple[str, str], ...] = ()
    addresses: tuple[str, ...] = ()
    hosts_template: str = ""
    hostname_template: str = ""
    its_word: bool = False
    of_host: bool = False

    @property
    def told(self) -> str:
        """The host name for the files of others."""
        return "" if self.its_word else self.hostname


@dataclass(frozen=True)
class ResolvSettings:
    """What the block in a resolv.conf is made from. Of what is asked for an empty one follows the host.

    :param fallback_dns_servers: servers for a container that would have none
    :param ipv6: whether the container has IPv6
    :param gateway: address of the container's bridge, for HOST_GATEWAY among the servers
    :param of_host: whether its network is the host's
    """

    container: str
    dns_servers: tuple[str, ...] = ()
    dns_search_domains: tuple[str, ...] = ()
    dns_opts: tuple[str, ...] = ()
    fallback_dns_servers: tuple[str, ...] = FALLBACK
    ipv6: bool = False
    gateway: str = ""
    resolv_conf_template: str = ""
    of_host: bool = False
