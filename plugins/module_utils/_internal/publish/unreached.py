# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports that nobody reaches, by what the task says of them. Pure."""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..host.endpoints import Endpoint
from ..host.model import HostState
from ..ports.model import ANY_IPV4, ANY_IPV6, Publication, family_of
from .model import LocatedPorts


def find_unreached(desired: Iterable[LocatedPorts], leases: Mapping[str, Sequence[Endpoint]],
                   published: Iterable[Publication], state: HostState) -> Iterator[str]:
    """Sentences for the user. Docker refuses the address of another host, since it cannot bind it; an address that
    comes and goes (VRRP) needs its ports published before it comes."""
    for item in desired:
        families = {family for lease in leases.get(item.label, ()) for family in ("ipv4", "ipv6") if lease.ip(family)}
        if item.present and item.allow_from and (item.specs or item.publish_all) and families \
                and families.isdisjoint(map(family_of, item.allow_from)):
            yield (f"allow_from: {item.label} has no address of the family of {', '.join(item.allow_from)}, so its "
                   "ports are open to nobody")
    own = {ANY_IPV4, ANY_IPV6, *state.host.addresses}
    published = tuple(published)
    yield from _find_waiting(published, state)
    for container, host_ip in dict.fromkeys((p.container, p.host_ip) for p in published if not (p.direct or p.waits)):
        if host_ip not in own and not ipaddress.ip_address(host_ip).is_loopback:
            yield (f"ports of {container} are published on {host_ip}, which no interface of this host has: they are "
                   "reached there only once one has it, or a route of type local")


def _find_waiting(published: Sequence[Publication], state: HostState) -> Iterator[str]:
    """Ports on interfaces that have no address at all of a family of the container."""
    reached = {(each.container, each.interface) for each in published if not each.waits}
    for container, interface in dict.fromkeys((each.container, each.interface) for each in published if each.waits):
        if (container, interface) not in reached:
            why = "has no address for them" if state.host.find(interface) else "is not there"
            yield (f"ports of {container} are published on interface {interface}, which {why}: they are reached there "
                   "only once it has one")
