# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that have the files of another one, as engines give them to those that join its network. Pure.

Docker mounts hosts, hostname and resolv.conf of the owner into a container with ``--network container:NAME``, and
refuses ``--hostname``, ``--dns`` and the like for it. So the files are the owner's, and are written for it alone. A
named namespace that joins has files of its own below /etc/netns, and so has a container of Podman before version 5.
"""
from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from ..core.errors import MooringError, OptionError
from ..files.model import ObservedFile, Place, Site
from ..host.draft import Draft
from .knowledge import FileKey, Knowledge, file_of
from .model import DesiredNames, LocatedNames

_WHO = ("target", "name", "present", "fallback_dns_servers")  # what every item says


def find_owners(items: Sequence[LocatedNames], files: Mapping[Place, ObservedFile],
                known: Knowledge) -> dict[str, Site]:
    """By container those whose hosts file is another one's, with the files of that one.

    It is that of whoever has it already, else of the owner of the network, else of the first item. An owner that nobody
    gives its names has no files here.
    """
    found: dict[str, Site] = {}
    holders: dict[FileKey, Site] = {}
    for item in sorted(items, key=lambda item: bool(item.shares or known.networks.owner(item.label))):
        if item.site is None:
            continue
        key = file_of(item.site, files)
        holder = known.owner(key) or holders.get(key)
        if holder is None and item.shares:
            holder = Site(item.shares, item.site.kind, item.shares, files=())
        elif holder is None:
            holder = holders[key] = item.site
        if holder.container != item.label:
            found[item.label] = holder
    return found


def leave_to_owner(draft: Draft, item: LocatedNames, holder: Site) -> None:
    """A container with the files of another one gets what that one has.

    :param holder: the files, as those of their owner
    :raises MooringError: where something is asked for it alone, and for a second name of one container
    """
    owner, site = holder.container, item.site
    if site and (site.kind, site.name) == (holder.kind, holder.name):
        raise OptionError(item.target.kind, item.target.value, f"has the files of container {owner}",
                          f"Say all about them as {owner}, or remove those first with state: absent")
    given = [field.name for field in dataclasses.fields(DesiredNames)
             if field.name not in _WHO and getattr(item, field.name) != field.default]
    if given:
        raise MooringError(f"{', '.join(given)} conflicts with network_mode 'container:{owner}' of {item.label}, which "
                           f"has the files of {owner}: say it for {owner}, or leave it out")
    if not holder.files:
        draft.warn(f"{item.label} has the files of {owner}, whose network it shares, and nothing is written: give "
                   f"{owner} its names with container_dns")
