# SPDX-License-Identifier: GPL-3.0-or-later
"""What the links and leases of a host tell about its containers' names. Pure."""
from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Optional, Union

from ..bridge.model import bridges
from ..files.hosts import Alias, Facts, Roll, alias
from ..files.marks import find_managed, read_marks
from ..files.model import HOSTS, HostsSettings, ObservedFile, Place, Site
from ..host.endpoints import containers, endpoints
from ..host.model import HostState
from ..host.modes import Networks
from ..ports.linkage import Linkage
from .neighbours import Directory

FileKey = Union[Place, tuple[int, int], None]


class Knowledge:
    """A state, asked by container. One that shares another one's network has its addresses and its links."""

    def __init__(self, state: HostState, linked: Iterable[Linkage]) -> None:
        self._endpoints = endpoints(state)
        self._leases = containers(self._endpoints)
        self._bridges = bridges(state)
        self.networks = Networks(state)
        self._links: dict[str, dict[tuple[str, str, str], None]] = {}
        for link in sorted(linked):
            self._links.setdefault(link.source, {})[link.target_ip, link.alias, link.target] = None
        found = find_managed(state.files)
        self._hostnames = {each.site.container: each.hosts.told for each in found if each.hosts}
        # What a hint says is the host's word, whatever its container has made of its file.
        self._told = {each.site.container: each.hosts.told for each in read_marks(state.files) if each.hosts}
        self._owners = {file_of(each.site, state.files): each.site for each in found}

    def owner(self, key: FileKey) -> Optional[Site]:
        """The files of the container whose hosts file it is, None when we look after none of that."""
        return self._owners.get(key)

    def call(self, container: str, hostname: str) -> None:
        """A container is going to have another host name."""
        self._hostnames[container] = self._told[container] = hostname

    def has_lease(self, container: str) -> bool:
        """Whether a lease tells the container's addresses, be it that of the one whose network it shares."""
        return self._holder(container) in self._leases

    def _holder(self, container: str) -> str:
        return container if container in self._leases else self.networks.owner(container)

    def facts(self, container: str, last: HostsSettings) -> Facts:
        """:param last: what is known of it beside leases: its own addresses, and whether its network is the host's"""
        leases = self._leases.get(self._holder(container))
        if not leases:
            return Facts(last.addresses, of_host=self.networks.is_host(container)
                         or last.of_host and not self.networks.mode(container))
        own = [ip for lease in leases for family in ("ipv4", "ipv6") if (ip := lease.ip(family))]
        on = [self._bridges[lease.bridge] for lease in leases if lease.bridge in self._bridges]
        gateways = [address.partition("/")[0] for bridge in on for family in ("ipv4", "ipv6")
                    if (address := bridge.address(family))]
        return Facts(tuple(own), gateways[0] if gateways else "")

    @functools.cached_property
    def directory(self) -> Directory:
        """The containers that find each other by name; once it is asked for nobody is called otherwise."""
        return Directory((name for name, bridge in self._bridges.items() if bridge.names), self._endpoints, self._told)

    def rolls(self, container: str) -> list[Roll]:
        """What its file has of the containers on its bridges."""
        return self.directory.rolls(self._leases.get(self._holder(container), ()))

    def aliases(self, container: str) -> list[Alias]:
        """The lines for what the container is linked to."""
        return [alias(address, name, self._hostnames.get(target, ""), target)
                for address, name, target in self._links.get(self._holder(container), ())]


def file_of(site: Site, files: Mapping[Place, ObservedFile]) -> FileKey:
    """What tells a hosts file from others: itself where it has been read, since several paths may lead to one file."""
    place = site.find(HOSTS)
    observed = files.get(place) if place else None
    return observed.identity or place if observed else place
