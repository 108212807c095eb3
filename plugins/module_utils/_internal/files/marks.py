# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings in the marks of files and in hints, both ways. Pure.

A mark is in the file itself. A hint, /run/mooring/dns/KIND-CONTAINER, tells where the files of a container are that no
directory lists. The files of a running container are its own to write: so what stands in its marks counts only where
the hint, which only the host can write, says the same.
"""
from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional, TypeVar

from . import hosts
from .block import split
from .model import FILES, HASH, HOSTNAME, HOSTS, RESOLV, HostsSettings, ObservedFile, Place, ResolvSettings, Site

NETNS_FILES = "/etc"  # ip-netns(8) mounts /etc/netns/NAME/FILE over /etc/FILE
NETNS_FOLDER = "netns"
HINTS_UNDER, HINTS = "/run", "mooring/dns"

_KEPT = 1 << 13  # texts; a run looks at the same ones from several sides

Settings = TypeVar("Settings", HostsSettings, ResolvSettings)


@dataclass(frozen=True)
class Managed:
    """A container whose files we look after. Settings are None for a file that is no longer as we wrote it."""

    site: Site
    hosts: Optional[HostsSettings]
    resolv: Optional[ResolvSettings]


def as_mark(settings: HostsSettings | ResolvSettings) -> dict[str, Any]:
    """What differs from the defaults."""
    return {field.name: value for field in dataclasses.fields(settings)
            if (value := getattr(settings, field.name)) != field.default}


def settings_of(kind: type[Settings], mark: object) -> Optional[Settings]:
    """The settings in a mark or a hint, None when it is damaged. Keys of other kinds stand beside them."""
    if not isinstance(mark, Mapping) or not isinstance(mark.get("container"), str):
        return None
    words = {}
    for field in dataclasses.fields(kind):
        if field.name in mark:
            try:
                value = _tuples(mark[field.name])
            except RecursionError:
                return None
            if field.default is not dataclasses.MISSING and type(value) is not type(field.default):
                return None
            words[field.name] = value
    return kind(**words)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, (list, tuple)) else value


@functools.lru_cache(maxsize=_KEPT)
def netns_site(name: str, container: str) -> Site:
    return Site(container, "netns", name,
                tuple((file, Place(NETNS_FILES, f"{NETNS_FOLDER}/{name}/{file}")) for file in FILES))


def hint_place(site: Site) -> Place:
    return Place(HINTS_UNDER, f"{HINTS}/{site.kind}-{site.container.replace('/', '%2F')}")


def container_of_hint(entry: str) -> str:
    """The container that a file beside :func:`hint_place` is a hint to."""
    return entry.partition("-")[2].replace("%2F", "/")


def hint_text(site: Site, of_hosts: HostsSettings, of_resolv: ResolvSettings) -> str:
    files = {name: [place.under, place.path] for name, place in site.files}
    found = {"container": site.container, "kind": site.kind, "name": site.name, "files": files, "pid": site.pid,
             "started": site.started, "hosts": as_mark(of_hosts), "resolv": as_mark(of_resolv)}
    return json.dumps(found, sort_keys=True) + "\n"


@functools.lru_cache(maxsize=_KEPT)
def read_hint(text: str) -> Optional[Managed]:
    """A hint as it was written, None when it is damaged."""
    try:
        found = json.loads(text.partition("\n")[0])  # where a run was killed, more may stand behind it
        files = tuple((name, _place(found["files"][name], found["started"])) for name in (*FILES, HASH)
                      if name in found["files"])
        site = Site(found["container"], found["kind"], found["name"], files, pid=found["pid"], started=found["started"])
        return Managed(site, settings_of(HostsSettings, found["hosts"]), settings_of(ResolvSettings, found["resolv"]))
    except (ValueError, TypeError, KeyError):
        return None


def _place(file: Sequence[str], started: str) -> Place:
    """A file that is found through a process is another one's when that is another process."""
    under, path = file
    return Place(under, path, started if under.startswith("/proc/") else "")


def read_marks(files: Mapping[Place, ObservedFile]) -> list[Managed]:
    """Every container that a hint or a mark below /etc/netns speaks of, with what the hint or the mark says."""
    found = []
    for place, file in files.items():
        if file.text is None:
            continue
        if place.under == HINTS_UNDER and place.path.startswith(HINTS + "/"):
            found.append(read_hint(file.text))
        elif place.under == NETNS_FILES and place.path.endswith("/" + HOSTS):
            found.append(_read_named(place.path.split("/")[1], files))
    return sorted((each for each in found if each), key=lambda each: (each.site.container, each.site.kind))


def containers(files: Mapping[Place, ObservedFile]) -> set[str]:
    """The containers that these files have hints to or marks of."""
    return {each.site.container for each in read_marks(files)}


def _read_named(name: str, files: Mapping[Place, ObservedFile]) -> Optional[Managed]:
    """Whoever can write below /etc/netns is root on the host: those marks are believed."""
    site = netns_site(name, name)
    of_hosts = _read_mark(HostsSettings, site, HOSTS, files)
    if of_hosts is None:
        return None
    return Managed(netns_site(name, of_hosts.container), of_hosts, _read_mark(ResolvSettings, site, RESOLV, files))


def _read_mark(kind: type[Settings], site: Site, file: str, files: Mapping[Place, ObservedFile]) -> Optional[Settings]:
    found = _settings_in(file, text_at(site, file, files))
    return found if isinstance(found, kind) else None


@functools.lru_cache(maxsize=_KEPT)
def _settings_in(file: str, text: Optional[str]) -> HostsSettings | ResolvSettings | None:
    block = split(file, text).block
    if block is None:
        return None
    return settings_of(ResolvSettings, block.mark) if file == RESOLV else settings_of(HostsSettings, block.mark)


def text_at(site: Site, file: str, files: Mapping[Place, ObservedFile]) -> Optional[str]:
    place = site.find(file)
    observed = files.get(place) if place else None
    return observed.text if observed and not observed.problem else None


def find_managed(files: Mapping[Place, ObservedFile]) -> list[Managed]:
    """Every container whose files we look after, with the settings that can be relied upon."""
    return [each if each.site.kind == "netns" else _check_hint(each, files) for each in read_marks(files)]


def _check_hint(hint: Managed, files: Mapping[Place, ObservedFile]) -> Managed:
    """What a hint says counts where the file's mark says the same, and where an engine wrote the file anew.

    Engines do that when a container starts. Docker keeps a hash that tells whether somebody edited resolv.conf since.
    """
    site, of_hosts, of_resolv = hint.site, hint.hosts, hint.resolv
    text = text_at(site, HOSTS, files)
    if of_hosts is not None and _read_mark(HostsSettings, site, HOSTS, files) != of_hosts and not (
            text and _lacks_mark(HOSTS, text) and hosts.is_written_anew(text, engine_names(site, of_hosts, files))):
        of_hosts = None
    text = text_at(site, RESOLV, files)
    if of_resolv is not None and _read_mark(ResolvSettings, site, RESOLV, files) != of_resolv and not (
            text and _lacks_mark(RESOLV, text) and _is_fresh(text, text_at(site, HASH, files))):
        of_resolv = None
    return Managed(site, of_hosts, of_resolv)


def _lacks_mark(file: str, text: str) -> bool:
    return split(file, text).block is None


def _is_fresh(text: str, written: Optional[str]) -> bool:
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    return written is not None and written.strip() == f"sha256:{digest}"


def engine_names(site: Site, settings: HostsSettings, files: Mapping[Place, ObservedFile]) -> set[str]:
    """The names that an engine puts into a container's own line."""
    written = (text_at(site, HOSTNAME, files) or "").strip()
    return {name for name in (*hosts.own_names(settings), written, settings.container) if name}
