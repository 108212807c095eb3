# SPDX-License-Identifier: GPL-3.0-or-later
"""What operations work on. Pure."""
from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..core.plan import Operation
from ..host.endpoints import endpoints
from ..host.model import HostState
from ..host.operations import NetnsAdd, NetnsDel, SysctlSet
from ..link.addressing import AddrAdd, AddrDel, RouteAdd, RouteDel
from ..link.neighbours import NeighbourAdd, NeighbourDel
from ..link.operations import LinkAdd, LinkDel, LinkMove, LinkSet
from ..link.shapers import ShaperDel, ShaperSet
from ..netns.model import HOST, named_path
from .model import ADDRESS, FOLLOWING, LINK, NEIGHBOUR, NETNS, ROUTE, SETTING, Key


def keys_of(operation: Operation, homes: Mapping[tuple[str, str], str], paths: Mapping[str, str]) -> Iterator[Key]:
    """What may be said of an operation, the nearest first.

    :param homes: see :func:`find_homes`, ``paths``: see :func:`find_paths`
    """
    for kind, path, name in _keys(operation):
        place = paths.get(path, path)
        yield kind, place, name
        if kind in (LINK, ADDRESS, ROUTE) and (bridge := homes.get((place, name))):
            yield FOLLOWING, HOST, bridge


def _keys(operation: Operation) -> Iterator[Key]:
    if isinstance(operation, LinkMove):
        yield LINK, operation.target, operation.name
    elif isinstance(operation, (LinkAdd, LinkDel)):
        yield LINK, operation.netns, operation.link.name
    elif isinstance(operation, LinkSet):
        yield LINK, operation.netns, operation.new.name
    elif isinstance(operation, (ShaperSet, ShaperDel)):
        yield LINK, HOST, operation.shaper.interface
    elif isinstance(operation, (AddrAdd, AddrDel)):
        yield ADDRESS, operation.netns, operation.interface
    elif isinstance(operation, (RouteAdd, RouteDel)):
        yield ROUTE, operation.netns, operation.route.interface
    elif isinstance(operation, SysctlSet):
        yield SETTING, operation.netns, interface_of(operation)
    elif isinstance(operation, (NeighbourAdd, NeighbourDel)):
        yield NEIGHBOUR, HOST, operation.neighbour.address
        yield NEIGHBOUR, HOST, operation.neighbour.mac
        yield FOLLOWING, HOST, operation.neighbour.interface
    elif isinstance(operation, NetnsAdd) and operation.target or isinstance(operation, NetnsDel) and operation.linked:
        yield NETNS, HOST, operation.name


def interface_of(operation: SysctlSet) -> str:
    """The interface that a setting is of, "" for those of a whole host: ``net/ipv4/conf/eth0/forwarding``."""
    words = operation.name.split("/")
    return words[3] if len(words) > 4 and words[2] in ("conf", "neigh") and words[3] not in ("all", "default") else ""


def find_homes(*states: HostState) -> dict[tuple[str, str], str]:
    """The bridge of each end of each endpoint, by namespace and name."""
    return {end: lease.bridge for state in states for lease in endpoints(state)
            for end in ((HOST, lease.link.name), (lease.path, lease.interface))}


def find_paths(*states: HostState) -> dict[str, str]:
    """The paths of namespaces that have a name as well: endpoints are known by that."""
    return {entry.link: named_path(name) for state in states for name, entry in state.named.items() if entry.link}
