# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports and links follow the addresses of their containers, and end with them. Pure."""
from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Collection, Iterable, Sequence
from typing import Optional

from ..core.model import is_known
from ..host.endpoints import Endpoint
from ..ports.linkage import Linkage
from ..ports.model import Publication


class Addresses:
    """Who has which address now, from the leases of a state."""

    def __init__(self, endpoints: Iterable[Endpoint], subnets: Optional[Iterable[str]] = None) -> None:
        """:param subnets: those of our bridges, since an address outside of them means somebody else; None for any"""
        self._subnets = None if subnets is None else [ipaddress.ip_network(subnet) for subnet in subnets]
        self._of: dict[tuple[str, str], list[str]] = {}
        self._holder: dict[str, str] = {}
        self._bridge: dict[str, str] = {}
        for endpoint in sorted(endpoints, key=lambda each: (each.interface != "eth0", each.interface)):
            for family in ("ipv4", "ipv6"):
                if ip := endpoint.ip(family):
                    self._of.setdefault((endpoint.container, family), []).append(ip)
                    self._holder[ip] = endpoint.container
                    self._bridge[ip] = endpoint.bridge

    def bridge(self, address: str) -> str:
        return self._bridge.get(address, "")

    def holder(self, address: str) -> str:
        return self._holder.get(address, "")

    def current(self, container: str, family: str, last: str) -> str:
        """The container's address: the one it had where it still has it, else that of eth0, or of the first by name.

        "" when it has none any more and the old one belongs to somebody else, or to no bridge of ours. A container
        that is gone for now, as during a restart, keeps its old address until then, so that it can have it again.
        """
        now = self._of.get((container, family))
        if now:
            return last if last in now else now[0]
        return "" if not last or last in self._holder or not self._is_ours(last) else last

    def _is_ours(self, address: str) -> bool:
        if self._subnets is None or not is_known(address):
            return True
        return any(ipaddress.ip_address(address) in subnet for subnet in self._subnets)


def follow_publications(publications: Iterable[Publication], addresses: Addresses) -> list[Publication]:
    """Publications at the addresses that their containers have now."""
    found = []
    for publication in publications:
        address = addresses.current(publication.container, publication.family, publication.container_ip)
        if address:
            host_ip = address if publication.direct else publication.host_ip
            found.append(publication if address == publication.container_ip
                         else dataclasses.replace(publication, host_ip=host_ip, container_ip=address))
    return found


def follow_links(links: Iterable[Linkage], addresses: Addresses,
                 ruled: Collection[tuple[str, str]] = ()) -> list[Linkage]:
    """A link lives as long as both of its ends are on one bridge, and counts for each family that both have.

    :param ruled: bridges with the families that they have rules for: there no link only gives a name
    """
    found: list[Linkage] = []
    for link in links:
        source = addresses.current(link.source, link.family, link.source_ip)
        target = addresses.current(link.target, link.family, link.target_ip)
        bridges = {addresses.bridge(ip) or link.bridge for ip in (source, target)}
        if source and target and len(bridges) == 1:
            found.append(dataclasses.replace(link, source_ip=source, target_ip=target, bridge=bridges.pop()))
    more = _in_other_family(found, addresses, ruled)
    names = {link.name for link in more}
    return [link for link in found if link.name not in names] + more


def _in_other_family(links: Sequence[Linkage], addresses: Addresses,
                     ruled: Collection[tuple[str, str]]) -> list[Linkage]:
    """What links open in the one family, for those that are not there in the other one: their bridge has got it.

    A killed run may have left no more than the name of one.
    """
    opening = {link.name[:3] for link in links if link.opens}
    there, found = {link.name for link in links if link.opens or link.name[:3] not in opening
                    or (link.bridge, link.family) not in ruled}, []
    for link in links:
        other = "ipv4" if link.family == "ipv6" else "ipv6"
        source, target = addresses.current(link.source, other, ""), addresses.current(link.target, other, "")
        if link.name in there and (*link.name[:3], other) not in there and source and target and (
                {addresses.bridge(source), addresses.bridge(target)} == {link.bridge}):
            found.append(dataclasses.replace(link, source_ip=source, target_ip=target))
    return found
