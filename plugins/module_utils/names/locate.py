# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the files of the containers of a task are. Reads the host, changes nothing. Adapter."""
from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ..core.errors import OptionError
from ..core.names import container_label, netns_name
from ..engine.inspect import Found, inspect
from ..files import adapter as files
from ..files.marks import netns_site
from ..files.model import FILES, HASH, RESOLV, Place, Site
from ..host.endpoints import endpoints
from ..host.model import Scope
from ..netns.model import NETNS_DIRECTORY, Resolved, Target, label_of_path, named_path
from .model import DesiredNames


def name_sites(desired: Sequence[DesiredNames], host: Any) -> list[DesiredNames]:
    """Every item with its container's label and the places of its files."""
    asked = [item.target.value for item in desired if item.target.kind == "container"]
    found, problems = inspect(list(dict.fromkeys(asked))) if asked else ({}, {})
    attached = {endpoint.container for endpoint in endpoints(host.snapshot(Scope()))}
    located = []
    for item in desired:
        resolved, site = _located(item, found, problems)
        container_label(item.target.kind, resolved.label)
        leased = resolved.label in attached
        located.append(dataclasses.replace(item, resolved=resolved, site=site, leased=leased))
    return located


def _located(item: DesiredNames, found: Mapping[str, Found],
             problems: Mapping[str, str]) -> tuple[Resolved, Site | None]:
    target, name = item.target, item.name
    if target.kind == "netns":
        return Resolved(name or target.value, named_path(target.value)), netns_site(target.value, name or target.value)
    if target.kind == "netns_path":
        return _of_path(target, name)
    if target.kind == "pid":
        return _of_process(target, name)
    if target.value in found:
        return _of_engine(found[target.value], name)
    missing = str(OptionError("container", target.value, f"is not a running container ({problems[target.value]})",
                              "Start it first, or use netns or pid for one without an engine"))
    return Resolved(name or target.value, "", missing=missing), None


def _of_path(target: Target, name: str | None) -> tuple[Resolved, Site]:
    short = label_of_path(target.value)
    if short == target.value:
        raise OptionError("netns_path", target.value, f"is not below {NETNS_DIRECTORY}, and only namespaces with a "
                          "name there have files of their own",
                          "Use netns for a name, or pid or container for what runs in it")
    netns_name("netns_path", short)  # it becomes the name of a directory
    return Resolved(name or short, target.value), netns_site(short, name or short)


def _of_process(target: Target, name: str | None) -> tuple[Resolved, Site | None]:
    label, path, start = name or target.value, f"/proc/{target.value}/ns/net", files.started(int(target.value))
    if not start:
        missing = str(OptionError("pid", target.value, "is not a running process",
                                  "Give the pid of a process of the container"))
        return Resolved(label, path, missing=missing), None
    root = f"/proc/{target.value}/root"
    places = tuple((file, Place(root, f"etc/{file}")) for file in FILES)
    return Resolved(label, path), Site(label, "pid", target.value, places, int(target.value), start)


def _of_engine(container: Found, name: str | None) -> tuple[Resolved, Site]:
    """A file that the engine does not mount is the image's, as resolv.conf under Podman without a network."""
    label, root = name or container.name, f"/proc/{container.pid}/root"
    places = [(file, Place(*os.path.split(path)) if path else Place(root, f"etc/{file}"))
              for file, path in zip(FILES, container.paths)]
    resolv = dict(places)[RESOLV]
    if container.engine == "docker":
        places.append((HASH, Place(resolv.under, HASH)))
    site = Site(label, container.engine, container.name, tuple(places), container.pid, files.started(container.pid))
    return Resolved(label, f"/proc/{container.pid}/ns/net"), site
