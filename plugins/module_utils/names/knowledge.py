# SPDX-License-Identifier: GPL-3.0-or-later
"""What the links and leases of a host tell about its containers' names. Pure."""
from __future__ import annotations

from collections.abc import Iterable

from ..bridge.model import bridges
from ..files.hosts import Alias, Facts, alias
from ..files.marks import find_managed
from ..files.model import HOSTS, Site
from ..host.endpoints import containers, endpoints
from ..host.model import HostState
from ..ports.linkage import Linkage


class Knowledge:
    """A state, asked by container."""

    def __init__(self, state: HostState, linked: Iterable[Linkage]) -> None:
        self._leases = containers(endpoints(state))
        self._bridges = bridges(state)
        self._links: dict[str, dict[tuple[str, str, str], None]] = {}
        for link in sorted(linked):
            self._links.setdefault(link.source, {})[link.target_ip, link.alias, link.target] = None
        found = find_managed(state.files)
        self._hostnames = {each.site.container: each.hosts.told for each in found if each.hosts}
        self._owners = {each.site.find(HOSTS): each.site.container for each in found}

    def owner(self, site: Site) -> str:
        """The container whose files are at a site, "" when we look after none of them."""
        return self._owners.get(site.find(HOSTS), "")

    def call(self, container: str, hostname: str) -> None:
        """A container is going to have another host name."""
        self._hostnames[container] = hostname

    def has_lease(self, container: str) -> bool:
        return container in self._leases

    def facts(self, container: str, addresses: tuple[str, ...] = ()) -> Facts:
        """:param addresses: the container's own ones where it has no lease"""
        leases = self._leases.get(container)
        if not leases:
            return Facts(addresses)
        own = [ip for lease in leases for family in ("ipv4", "ipv6") if (ip := lease.ip(family))]
        on = [self._bridges[lease.bridge] for lease in leases if lease.bridge in self._bridges]
        gateways = [address.partition("/")[0] for bridge in on for family in ("ipv4", "ipv6")
                    if (address := bridge.address(family))]
        return Facts(tuple(own), gateways[0] if gateways else "")

    def aliases(self, container: str) -> list[Alias]:
        """The lines for what the container is linked to."""
        return [alias(address, name, self._hostnames.get(target, ""), target)
                for address, name, target in self._links.get(container, ())]
