# SPDX-License-Identifier: GPL-3.0-or-later
"""hosts and hostname of a container. Pure. Sources: hosts(5); Docker's etchosts.go and links.go."""
from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .model import HOST_GATEWAY, HostsSettings
from .render import render
from .templates import HOSTNAME_TEMPLATE, HOSTS_TEMPLATE

_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")  # what may stand as a name in a hosts file
LOCALHOST = {"localhost", "localhost.localdomain", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback",
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


@dataclass(frozen=True, eq=False)
class Roll:
    """The entries of all containers of a bridge, made once for all of their files.

    :param lines: of the entries, in the same order
    :param at: by name in small letters the numbers of the entries that have it
    """

    entries: tuple[Alias, ...]
    lines: tuple[str, ...]
    at: Mapping[str, list[int]]

    @classmethod
    def of(cls, entries: Iterable[Alias]) -> Roll:
        found = tuple(entries)
        at: dict[str, list[int]] = {}
        for number, entry in enumerate(found):
            for name in entry.names:
                at.setdefault(name.lower(), []).append(number)
        return cls(found, tuple(map(_line, found)), at)

    def without(self, taken: Iterable[str]) -> list[str]:
        """The lines without names, in small letters, that a file gives to somebody already."""
        lines: list[str] = list(self.lines)
        for number, entry in self._without(taken):
            lines[number] = _line(entry) if entry.names else ""
        return list(filter(None, lines))

    def entries_without(self, taken: Iterable[str]) -> list[Alias]:
        """The same as entries."""
        entries = list(self.entries)
        for number, entry in self._without(taken):
            entries[number] = entry
        return [entry for entry in entries if entry.names]

    def _without(self, taken: Iterable[str]) -> Iterator[tuple[int, Alias]]:
        found = {name for name in taken if name in self.at}
        for number in sorted({number for name in found for number in self.at[name]}):
            entry = self.entries[number]
            yield number, Alias(entry.address, tuple(name for name in entry.names if name.lower() not in found))


def _line(entry: Alias) -> str:
    return f"{entry.address}\t{' '.join(entry.names)}"


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


def body(settings: HostsSettings, facts: Facts, links: Sequence[Alias], of_host: str = "",
         rolls: Sequence[Roll] = ()) -> list[str]:
    """The lines of the block.

    :param rolls: those of the bridges; a name that is said of anything else counts there
    :param of_host: the host's own file, which a container in the host's network gets first, as Docker gives it
    :raises OptionError: when the user's template is wrong
    """
    extra = [{"name": name, "address": facts.gateway if address == HOST_GATEWAY else address}
             for name, address in settings.etc_hosts]
    values = {"links": [{"address": link.address, "names": list(link.names)} for link in links],
              "extra_hosts": [host for host in extra if host["address"]], "addresses": list(facts.addresses),
              "names": own_names(settings), "ipv6": facts.ipv6, **_who(settings)}
    if settings.hosts_template:
        said = {*LOCALHOST, *_lower(settings, links)}
        values["neighbours"] = [{"address": entry.address, "names": list(entry.names)} for roll in rolls
                                for entry in roll.entries_without(said)]
        return render("hosts_template", settings.hosts_template, values)
    lines = render("hosts_template", HOSTS_TEMPLATE, values)
    if not facts.of_host:
        said = {*LOCALHOST, *_lower(settings, links)} if rolls else set()
        return [*lines, *(line for roll in rolls for line in roll.without(said))]
    given = [line for line in of_host.splitlines() if _words(line)]
    return [*given, *(line for line in lines if not _is_said(line, given))]


def _lower(settings: HostsSettings, links: Iterable[Alias]) -> Iterator[str]:
    """All names that the block has of the container itself, of its links and of ``etc_hosts``, in small letters."""
    for name in (*own_names(settings), *(name for name, _address in settings.etc_hosts),
                 *(name for link in links for name in link.names)):
        yield name.lower()


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
    return bool(words) and (set(words[1:]) <= LOCALHOST or any(word in names for word in words[1:]))


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
