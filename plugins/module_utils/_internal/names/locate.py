# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the files of containers are. Pure."""
from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import Optional

from ..core.errors import OptionError
from ..core.names import container_label, netns_name
from ..engine.model import Container, Places
from ..files.marks import netns_site
from ..files.model import FILES, HASH, HOSTS, RESOLV, Place, Site
from ..host.resource import Known
from ..netns.model import NETNS_DIRECTORY, Resolved, Target, label_of_path
from .model import DesiredNames, LocatedNames


def containers(items: Sequence[DesiredNames], _known: Known) -> Iterator[str]:
    """All of an engine's: only the engine knows where their files are."""
    return (item.target.value for item in items if item.target.kind == "container")


def locate(items: Sequence[DesiredNames], places: Places) -> list[LocatedNames]:
    """Every item with its container's label and the places of its files."""
    found = []
    for item in items:
        place, site = _locate(item, places)
        container_label(item.target.kind, place.label)
        owner = _shares(item, site, places)
        found.append(LocatedNames.at(item, place, site, places.is_attached(place.label), owner))
    return found


def _shares(item: DesiredNames, site: Optional[Site], places: Places) -> str:
    """The container whose hosts file an engine has mounted into one that joins its network: the beginning of its id."""
    if site is None or item.target.kind != "container":
        return ""
    owner = places.container(item.target.value).joins
    return owner[:12] if owner and f"/{owner}" in str(site.place(HOSTS)) else ""


def _locate(item: DesiredNames, places: Places) -> tuple[Resolved, Optional[Site]]:
    target, name = item.target, item.name
    if target.kind == "netns":
        return places.resolve(target, name), netns_site(target.value, name or target.value)
    if target.kind == "netns_path":
        return _of_path(target, name)
    if target.kind == "pid":
        return _of_process(places, target, name)
    try:
        return _of_engine(places.container(target.value), name)
    except OptionError as error:
        return Resolved(name or target.value, "", missing=str(error)), None


def _of_path(target: Target, name: Optional[str]) -> tuple[Resolved, Site]:
    short = label_of_path(target.value)
    if short == target.value:
        raise OptionError("netns_path", target.value, f"is not below {NETNS_DIRECTORY}, and only namespaces with a "
                          "name there have files of their own",
                          "Use netns for a name, or pid or container for what runs in it")
    netns_name("netns_path", short)  # it becomes the name of a directory
    return Resolved(name or short, target.value), netns_site(short, name or short)


def _of_process(places: Places, target: Target, name: Optional[str]) -> tuple[Resolved, Optional[Site]]:
    label, path, start = name or target.value, f"/proc/{target.value}/ns/net", places.start_time(int(target.value))
    if not start:
        missing = str(OptionError("pid", target.value, "is not a running process",
                                  "Give the pid of a process of the container"))
        return Resolved(label, path, missing=missing), None
    root = f"/proc/{target.value}/root"
    files = tuple((file, Place(root, f"etc/{file}", start)) for file in FILES)
    return Resolved(label, path, process=places.which(path)), Site(
        label, "pid", target.value, files, pid=int(target.value), started=start)


def _of_engine(container: Container, name: Optional[str]) -> tuple[Resolved, Site]:
    """A file that the engine does not mount is the image's, as resolv.conf under Podman without a network; one that it
    does not keep as root is the container's."""
    label, root = name or container.name, f"/proc/{container.pid}/root"
    places = [(file, Place(*posixpath.split(path)) if path else Place(root, f"etc/{file}", container.started))
              for file, path in zip(FILES, container.paths)]
    resolv = dict(places)[RESOLV]
    if container.engine == "docker" and not resolv.under.startswith("/proc/"):
        places.append((HASH, Place(resolv.under, HASH)))
    site = Site(label, container.engine, container.name, tuple(places), pid=container.pid, started=container.started)
    return Resolved(label, f"/proc/{container.pid}/ns/net"), site
