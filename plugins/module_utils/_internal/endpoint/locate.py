# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the containers of a task are, and those whose network they share. Pure."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..core.errors import OptionError
from ..core.names import container_label, netns_name
from ..engine.model import Places
from ..host.resource import Known
from ..netns.model import Resolved, named_path
from .model import DesiredEndpoint, LocatedEndpoint


def containers(items: Sequence[DesiredEndpoint], known: Known) -> Iterator[str]:
    """Those that are named as an engine's, and owners that neither the task nor a lasting name in /run/netns tells."""
    told = {item.name or item.target.value for item in items if item.present and item.target.kind != "container"}
    for item in items:
        if item.target.kind == "container":
            yield item.target.value
        if item.owner and item.owner not in told:
            entry = known.namespace(item.owner)
            if entry is None or entry.link.startswith("/proc/") or not entry.inode:
                yield item.owner
        if item.present and item.mode == "bridge":
            known.expect(item.name or item.target.value)


def locate(items: Sequence[DesiredEndpoint], places: Places) -> list[LocatedEndpoint]:
    """Every endpoint with its label and the path of its namespace, and those of the one whose network it shares.

    :raises OptionError: also for containers that share each other's network
    """
    found = [(item, _locate(item, places)) for item in items]
    present = {place.label: (item, place) for item, place in found if item.present}
    owners = {label: item.owner for label, (item, _place) in present.items() if item.owner}
    located = []
    for item, (_item, place) in zip(items, found):
        shared, depth = None, 0
        if item.owner:
            if item.present:
                depth = _depth(place.label, owners)
            shared = _owner(item.owner, present, places)
        located.append(LocatedEndpoint.at(item, place, shared, depth))
    return located


def _locate(item: DesiredEndpoint, places: Places) -> Resolved:
    place = places.resolve(item.target, item.name)
    # A name from the user was checked when it was read; one that is made from a path must fit marks as well.
    container_label(item.target.kind, place.label)
    if place.registers:
        netns_name("name", place.registers)
    if item.present and item.mode == "bridge":
        places.expect(place.label)
    return place


def _depth(label: str, owners: Mapping[str, str]) -> int:
    """How many containers of the task have to have their network first. :raises OptionError: for a circle"""
    seen = [label]
    while (owner := owners.get(seen[-1])) is not None:
        if owner in seen:
            raise OptionError("network_mode", f"container:{owner}", "names the container itself" if len(seen) == 1 else
                              f"leads back to it: {' shares '.join([*seen[seen.index(owner):], owner])}",
                              "Name another container, whose network is to be shared")
        seen.append(owner)
    return len(seen)


def _owner(name: str, present: Mapping[str, tuple[DesiredEndpoint, Resolved]], places: Places) -> Resolved:
    """The network to share. The task itself knows best whom it means by a name, and what it is going to make.

    An engine's own container is meant by its process, whether or not it has a name under /run/netns.
    """
    item, place = present.get(name, (None, None))
    if item is None or place is None:
        return places.owner(name)
    if not place.registers or place.missing or (
            item.target.kind == "container" and places.container(item.target.value).name == name):
        return Resolved(name, place.path, missing=place.missing)
    return Resolved(name, named_path(place.registers))
