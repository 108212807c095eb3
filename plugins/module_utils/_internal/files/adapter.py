# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter for the files that give containers their names.

Those that lie on the host are read and written here. What a container sees is the work of children of this run: see
contained.py.
"""
from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Optional, Union

from ..core import folders
from ..core.errors import HostError
from ..core.plan import besides
from ..core.regular import read_regular
from ..core.trust import is_roots
from ..netns import processes
from . import access, contained, marks
from .access import Ground, Unsafe
from .contained import Process, pid_at
from .model import HOST_HOSTS, HOST_RESOLV, HOSTS, SYSTEMD_RESOLV, ObservedFile, Place, Site
from .operations import FileDel, FileWrite, HostnameSet

LIMIT = access.LIMIT


def resolv_texts() -> dict[str, str]:
    """The host's own resolv.conf, and what systemd-resolved keeps, by path; without those that are not there."""
    found = {}
    for path in (HOST_RESOLV, SYSTEMD_RESOLV):
        with contextlib.suppress(OSError):
            found[path] = read_regular(path, follow=True)
    return found


def hosts_text() -> str:
    """The host's own hosts, "" when it has none."""
    with contextlib.suppress(OSError):
        return read_regular(HOST_HOSTS, follow=True)
    return ""


def snapshot(sites: Iterable[Site] = (), names: Optional[Collection[str]] = None,
             known: Mapping[Place, ObservedFile] = MappingProxyType({}),
             silent: Optional[set[Process]] = None) -> dict[Place, ObservedFile]:
    """The files of these sites, and those of containers that have a hint or a mark.

    :param names: containers whose files are to be read as far as they have hints or marks; None for all
    :param known: what has been read already, and is not read again
    :param silent: processes that are not waited for a second time, see :func:`contained.read`
    """
    sites, hosts_own = tuple(sites), access.find_hosts_own()
    places = [Place(marks.HINTS_UNDER, f"{marks.HINTS}/{entry}") for entry in _hints()
              if names is None or marks.container_of_hint(entry) in names or sites]  # it may be to the same files
    places += [marks.netns_site(entry, entry).place(HOSTS)
               for entry in _entries(f"{marks.NETNS_FILES}/{marks.NETNS_FOLDER}") if names is None or entry in names]
    found = {**known, **{place: _read(place, hosts_own) for place in places if place not in known}}
    marked = [each.site for each in marks.read_marks(found) if names is None or each.site.container in names
              or each.site.kind == "netns"]
    inside: dict[Place, None] = {}
    for site in (*marked, *sites):
        alive = not site.started or processes.start_time(site.pid) == site.started
        for _name, place in site.files:
            if place in found:
                continue
            if not pid_at(place):
                found[place] = _read(place, hosts_own)
            elif alive:
                inside[place] = None
    return {**found, **contained.read(inside, silent)}


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
    return contained.read([place])[place] if pid_at(place) else _read(place, access.find_hosts_own())


def _read(place: Place, hosts_own: frozenset[tuple[int, int]]) -> ObservedFile:
    try:
        with _stand(place, hosts_own) as ground:
            return access.look(place, ground)
    except FileNotFoundError:
        return ObservedFile()
    except OSError as error:
        return ObservedFile(problem=f"cannot be read: {error.strerror}")
    except Unsafe as problem:
        return ObservedFile(problem=str(problem))


@contextlib.contextmanager
def _stand(place: Place, hosts_own: frozenset[tuple[int, int]]) -> Iterator[Ground]:
    """What hints and the marks below /etc/netns say is believed, since only root can write them.

    :raises Unsafe: for a place that others can lead elsewhere, as of an engine that runs without root
    """
    if not is_roots(place.under):
        raise Unsafe("lies where others than root can put something in its place")
    with access.opened(place.under, access.FOLDER) as folder:
        yield Ground(folder, hosts_own, believed=place.under in (marks.HINTS_UNDER, marks.NETNS_FILES))


def carry_out(operations: Sequence[Union[FileWrite, FileDel, HostnameSet]]) -> list[Optional[HostError]]:
    """Carry out operations on files and names: for each, what kept it from being done.

    First those of what processes see, all together, then those of files of the host, which record them. Behind one that
    fails and that the task is about, nothing more is done for that container.

    :returns: as many as there are operations; those that were not tried have failed with the one that did
    """
    inside = [number for number, operation in enumerate(operations)
              if isinstance(operation, HostnameSet) or pid_at(operation.place)]
    outcome = dict(zip(inside, contained.carry_out([operations[number] for number in inside])))
    failed: dict[str, HostError] = {}
    for number, operation in sorted(enumerate(operations), key=lambda each: each[0] not in outcome):
        if number not in outcome:
            outcome[number] = failed.get(operation.inside) or _carry_out(operation)
        if (error := outcome[number]) is not None and not besides(operation):
            failed.setdefault(operation.inside, error)
    return [outcome[number] for number in range(len(operations))]


def _carry_out(operation: Union[FileWrite, FileDel, HostnameSet]) -> Optional[HostError]:
    try:
        if isinstance(operation, FileWrite):
            write(operation)
        elif isinstance(operation, FileDel):
            remove(operation)
    except HostError as error:
        return error
    return None


def write(operation: FileWrite) -> None:
    """:raises HostError: also when the file is no longer as it was when the run was planned"""
    if pid_at(operation.place):
        error, = contained.carry_out([operation])
        if error:
            raise error
        return
    try:
        with _stand(operation.place, access.find_hosts_own()) as ground:
            access.write(operation, ground)
    except (OSError, Unsafe, HostError) as error:
        raise HostError(f"cannot {operation.describe()}{access.reason(error)}") from error


def remove(operation: FileDel) -> None:
    """:raises HostError: when the host refuses"""
    try:
        with _stand(operation.place, access.find_hosts_own()) as ground:
            access.remove(operation, ground)
    except (OSError, Unsafe) as error:
        raise HostError(f"cannot {operation.describe()}{access.reason(error)}") from error
