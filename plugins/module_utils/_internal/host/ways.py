# SPDX-License-Identifier: GPL-3.0-or-later
"""By which of its interfaces a container answers whom: where its ports are to be published, and who goes round. Pure.

Only the kernel knows a container's routes, and a container may change them. What is not read stays as it is on record.
"""
from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Optional, Union

from ..core.model import is_known
from ..link.model import Namespace
from ..netns.model import HOST
from ..ports.detour import EVERYBODY, Detour
from ..ports.model import Publication, family_of
from .endpoints import Endpoint, containers, endpoints
from .ledger import read_ledger
from .model import HostState

# A container may have as many routes as it likes. With more networks behind its other interfaces all go round.
MOST_DETOURS = 16


def find_unread(state: HostState, asked: Collection[str]) -> list[str]:
    """Paths of the namespaces whose routes decide where ports are published, without those that were read.

    :param asked: containers that ports are to be published of; of all others only those with several interfaces count
    """
    own = containers(endpoints(state))
    several = [name for name, leases in own.items() if _has_several(leases)]
    published = read_ledger(state).by_container if several else {}
    names = dict.fromkeys((*(name for name in asked if name in own), *(name for name in several if name in published)))
    inodes = {netns.inode for netns in state.namespaces.values()}
    return [own[name][0].path for name in names if own[name][0].path not in state.namespaces
            and not (name in state.named and state.named[name].inode in inodes)]


def _has_several(own: Sequence[Endpoint]) -> bool:
    """Who has an interface of another name than the first one mostly has a first one of somebody else's."""
    return len(own) > 1 or own[0].interface != "eth0"


def _paths(state: HostState, lease: Endpoint) -> Iterator[str]:
    """Where a container's namespace may have been read: by its name, or by what that leads to."""
    yield lease.path
    if (entry := state.named.get(lease.container)) and entry.inode:
        yield entry.link


class Ways:
    """The routes of the containers of a state, as far as they were read."""

    def __init__(self, state: HostState) -> None:
        self._state = state

    def inside(self, lease: Endpoint) -> Optional[tuple[Namespace, str]]:
        """The inside of a container, and what the interface is called there. None where it was not read, or is gone."""
        for path in _paths(self._state, lease):
            if path == HOST or (netns := self._state.namespaces.get(path)) is None:
                continue
            for link in netns.links.values():
                if (link.index, link.peer_index) == (lease.link.peer_index, lease.link.index):
                    return netns, link.name
        return None

    def out(self, leases: Iterable[Endpoint], family: str) -> Optional[Endpoint]:
        """The interface that the default route leads through. None where it leads elsewhere, or nobody knows."""
        for lease in leases:
            inside = self.inside(lease) if lease.ip(family) else None
            route = inside[0].default_route(family) if inside else None
            if inside and route and route.interface == inside[1]:
                return lease
        return None

    def detours(self, lease: Endpoint, family: str) -> Optional[list[Detour]]:
        """Whom the container does not answer by this interface. None where nobody knows."""
        inside = self.inside(lease)
        if inside is None:
            return None
        netns, interface = inside
        route = netns.default_route(family)
        networks = _beside(netns, interface, family)
        if route is None or route.interface != interface or len(networks) > MOST_DETOURS:
            networks = [EVERYBODY[family]]
        return [Detour(lease.container, lease.ip(family), network) for network in networks]


def first(leases: Iterable[Endpoint], family: str) -> Optional[Endpoint]:
    """The interface that counts where no route decides: eth0, or the first by name."""
    own = [lease for lease in leases if lease.ip(family)]
    return min(own, key=lambda lease: (lease.interface != "eth0", lease.interface), default=None)


def find_detours(publications: Iterable[Publication], leases: Mapping[str, Sequence[Endpoint]], ways: Ways,
                 recorded: Mapping[str, Sequence[Detour]]) -> list[Detour]:
    """Who goes round to reach what is published; of containers whose inside was not read, who did so before.

    Ports at a container's own address are not translated, so their clients keep their addresses.
    """
    places = {(p.container, p.container_ip): p.family for p in publications
              if not p.direct and is_known(p.container_ip)}
    found: list[Detour] = []
    for (container, address), family in places.items():
        lease = next((each for each in leases.get(container, ()) if each.ip(family) == address), None)
        own = ways.detours(lease, family) if lease else None
        found += own if own is not None else [each for each in recorded.get(container, ()) if each.address == address]
    return found


def _beside(netns: Namespace, interface: str, family: str) -> list[str]:
    """The networks that a container reaches by other interfaces than this one."""
    others = [link for link in netns.links.values() if link.name != interface and link.kind != "loopback"]
    if not others:
        return []
    names = {link.name for link in others}
    texts = {address for link in others for address in link.addresses if is_known(address)}
    texts |= {route.destination for route in netns.routes if route.interface in names
              and route.destination != "default"}
    own = [text for text in texts if family_of(text) == family]
    joined: Iterable[Union[ipaddress.IPv4Network, ipaddress.IPv6Network]] = (
        ipaddress.collapse_addresses(ipaddress.IPv4Interface(text).network for text in own) if family == "ipv4" else
        ipaddress.collapse_addresses(ipaddress.IPv6Interface(text).network for text in own))
    return [str(network) for network in joined if not network.is_link_local]
