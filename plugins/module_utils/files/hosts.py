# SPDX-License-Identifier: GPL-3.0-or-later
"""hosts and hostname of a container. Pure. Sources: hosts(5); Docker's etchosts.go and links.go."""
from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from .model import HOST_GATEWAY, HostsSettings
from .render import render
from .templates import HOSTNAME_TEMPLATE, HOSTS_TEMPLATE

_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")  # what may stand as a name in a hosts file
_LOCALHOST = {"localhost", "localhost.localdomain", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback",
              "ip6-localnet", "ip6-mcastprefix", "ip6-allnodes", "ip6-allrouters"}


@dataclass(frozen=True)
class Facts:
    """What the host knows of a container: its own addresses, that of its bridge ("" for none), whether it has IPv6.

    ``of_host`` says that its network is the host's.
    """

    addresses: tuple[str, ...] = ()
    gateway: str = ""
    of_host: bool = False

    @property
    def ipv6(self) -> bool:
        return any(":" in address for address in self.addresses)


@dataclass(frozen=True)
class Alias:
    """A link's line: the target's address, the alias, the target's host name and its name."""

    address: str
    names: tuple[str, ...]


def alias(address: str, *names: str) -> Alias:
    """Docker's ``IP<TAB>alias hostname name``, each word once."""
    return Alias(address, tuple(dict.fromkeys(name for name in names if _WORD.fullmatch(name))))


def own_names(settings: HostsSettings) -> list[str]:
    """The fully qualified name, where there is one, and the short one."""
    if not settings.hostname:
        return []
    short = settings.hostname.partition(".")[0]
    full = f"{settings.hostname}.{settings.domainname}" if settings.domainname else settings.hostname
    return list(dict.fromkeys([full, settings.hostname if settings.domainname else short]))


def body(settings: HostsSettings, facts: Facts, links: Iterable[Alias], of_host: str = "") -> list[str]:
    """The lines of the block.

    :param of_host: the host's own file, which a container in the host's network gets first, as Docker gives it
    :raises OptionError: when the user's template is wrong
    """
    extra = [{"name": name, "address": facts.gateway if address == HOST_GATEWAY else address}
             for name, address in settings.etc_hosts]
    values = {"links": [{"address": link.address, "names": list(link.names)} for link in links],
              "extra_hosts": [host for host in extra if host["address"]], "addresses": list(facts.addresses),
              "names": own_names(settings), "ipv6": facts.ipv6, **_who(settings)}
    lines = render("hosts_template", settings.hosts_template or HOSTS_TEMPLATE, values)
    if not facts.of_host or settings.hosts_template:
        return lines
    given = [line for line in of_host.splitlines() if _words(line)]
    return [*given, *(line for line in lines if not _is_said(line, given))]


def _is_said(line: str, lines: Iterable[str]) -> bool:
    """Whether lines give all names of a line to its address."""
    address, *names = _words(line) or [""]
    return bool(address) and set(names) <= {name for each in map(_words, lines) if each[:1] == [address]
                                            for name in each[1:]}


def hostname_text(settings: HostsSettings) -> str:
    lines = render("hostname_template", settings.hostname_template or HOSTNAME_TEMPLATE, _who(settings))
    return "".join(f"{line}\n" for line in lines)


def _who(settings: HostsSettings) -> dict[str, str]:
    return {"container": settings.container, "hostname": settings.hostname, "domainname": settings.domainname}


def is_engine_line(line: str, names: Collection[str]) -> bool:
    """Whether it is one of the localhost lines or the container's own one, which every engine writes.

    :param names: the container's names, by which its own line is known
    """
    words = _words(line)
    return bool(words) and (set(words[1:]) <= _LOCALHOST or any(word in names for word in words[1:]))


def is_repeated(line: str, lines: Iterable[str]) -> bool:
    """Whether an entry stands among lines, whatever blanks it has."""
    words = _words(line)
    return bool(words) and any(_words(each) == words for each in lines)


def is_written_anew(text: str, names: Collection[str]) -> bool:
    """Whether nobody but an engine wrote this file: Podman adds what the host calls its own loopback."""
    return all(is_engine_line(line, names) or (words := _words(line)) and ipaddress.ip_address(words[0]).is_loopback
               for line in text.splitlines() if line.strip())


def _words(line: str) -> list[str]:
    """An entry as its address and its names, [] when it is none."""
    words = line.partition("#")[0].split()
    if len(words) < 2:  # a file may have a million empty lines
        return []
    try:
        ipaddress.ip_address(words[0])
    except ValueError:
        return []
    return words
