# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds which address while a plan is made, and which address an endpoint gets. Pure.

The leases are read once and kept at hand, so that a thousand items do not read a thousand links a thousand times.
"""
from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Optional

from ..bridge.auxiliary import named
from ..bridge.model import Bridge
from ..core.errors import MooringError
from ..core.model import is_known
from ..firewall.model import FAMILIES
from ..host.draft import Draft
from ..host.endpoints import Endpoint, endpoints
from ..ipam.plan import check_address, lowest_free, reserve
from ..ports.model import family_of
from .model import LocatedEndpoint


@functools.lru_cache(maxsize=1 << 13)  # a run asks for each address of a host several times
def number(address: str) -> int:
    """An address as a number, -1 for one that is not known."""
    return int(ipaddress.ip_address(address.partition("/")[0])) if address and is_known(address) else -1


@functools.lru_cache(maxsize=1 << 13)
def on_subnet(address: str, subnet: str) -> bool:
    """Whether an address with a prefix length is one of this very subnet."""
    return bool(address) and is_known(address) and (
        ipaddress.ip_interface(address).network == ipaddress.ip_network(subnet))


def same_place(address: str, subnet: str, gateway: str) -> str:
    """The address itself where the new subnet has it, else the one at the same distance from the subnet's beginning.

    "" where there is no such one, and where another endpoint may keep it since the subnets overlap.

    :param address: with the prefix length of the subnet that it is of
    :param gateway: the address of the bridge on the new one
    """
    if not subnet or on_subnet(address, subnet) or not is_known(address):
        return ""
    old, new = ipaddress.ip_interface(address).network, ipaddress.ip_network(subnet)
    offset = number(address) - int((new if old.overlaps(new) else old).network_address)
    if not 0 < offset < new.num_addresses - 1 or offset == number(gateway) - int(new.network_address):
        return ""
    return f"{new[offset]}/{new.prefixlen}"


@dataclass(frozen=True)
class _Holder:
    """Who has an address: an interface of a container, or what is named, which has no interface."""

    name: str
    interface: str = ""

    def __str__(self) -> str:
        return f"container {self.name}" if self.interface else self.name


class Leases:
    """The endpoints of a draft by container and interface, and the addresses of each bridge."""

    def __init__(self, draft: Draft, items: Iterable[LocatedEndpoint] = ()) -> None:
        """:param items: all those of the run, so that two of them can swap their addresses"""
        self._held = {(found.container, found.interface): found for found in endpoints(draft.state)}
        self._count: dict[str, int] = {}
        for container, _interface in self._held:
            self._count[container] = self._count.get(container, 0) + 1
        self._leaving = {(item.label, item.interface_name, family) for item in items if item.present
                         for family in FAMILIES if item.requested(family)[1]}
        self._taken: dict[tuple[str, str], dict[int, _Holder]] = {}
        self._next: dict[tuple[str, str], int] = {}
        # Addresses that rules still point at, and those of endpoints that this run has taken away: another container
        # gets them only when nothing else is left, since the one that had them may come back.
        self._remembered: dict[int, str] = {}
        self._last: dict[tuple[str, str], list[str]] = {}
        for publication in draft.ledger.publications:
            self._remember(publication.container, publication.container_ip)
        for link in draft.ledger.links:
            self._remember(link.target, link.target_ip)
            self._remember(link.source, link.source_ip)
        for lease in endpoints(draft.observed):
            if (lease.container, lease.interface) not in self._held:
                self._remember_all(lease)
        for container, ip in draft.observed.applied.addresses() if draft.observed.applied else ():
            if not self.has(container):
                self._remember(container, ip)

    def get(self, container: str, interface: str) -> Optional[Endpoint]:
        return self._held.get((container, interface))

    def of(self, container: str) -> Iterator[Endpoint]:
        return (lease for (name, _interface), lease in self._held.items() if name == container)

    def has(self, container: str) -> bool:
        return self._count.get(container, 0) > 0

    def put(self, lease: Endpoint) -> None:
        if (lease.container, lease.interface) not in self._held:
            self._count[lease.container] = self._count.get(lease.container, 0) + 1
        self._held[lease.container, lease.interface] = lease

    def check(self, lease: Endpoint) -> None:
        """A lease whose addresses an engine chose. :raises MooringError: when somebody else holds one of them"""
        for other in self._held.values():
            for family in FAMILIES:
                if lease.ip(family) and lease.ip(family) == other.ip(family) and other.container != lease.container:
                    raise MooringError(
                        f"adopt: container {lease.container} got the address {lease.ip(family)} from its engine, and "
                        f"container {other.container} got it from this collection. Let them take theirs from different "
                        "parts of the subnet: fixed_cidr of docker_bridge, and fixed-cidr of the engine")

    def hold(self, lease: Endpoint) -> None:
        """Take in such a lease."""
        for family in FAMILIES:
            if lease.ip(family) and (taken := self._taken.get((lease.bridge, family))) is not None:
                taken[number(lease.ip(family))] = _Holder(lease.container, lease.interface)
        self.put(lease)

    def drop(self, lease: Endpoint) -> None:
        """A lease ends; its address stays the container's second home for the rest of the plan."""
        del self._held[lease.container, lease.interface]
        self._count[lease.container] -= 1
        for family in FAMILIES:
            if ip := lease.ip(family):
                self._taken.get((lease.bridge, family), {}).pop(number(ip), None)
        self._remember_all(lease)

    def _remember_all(self, lease: Endpoint) -> None:
        for family in FAMILIES:
            if ip := lease.ip(family):
                self._remember(lease.container, ip)

    def _remember(self, container: str, ip: str) -> None:
        if is_known(ip):
            self._remembered.setdefault(number(ip), container)
            self._last.setdefault((container, "ipv6" if ":" in ip else "ipv4"), []).append(ip)

    def choose(self, family: str, item: LocatedEndpoint, bridge: Bridge, lease: Optional[Endpoint]) -> str:
        """The address asked for, else the one the endpoint has, else the one it had, else the lowest free one.

        :raises MooringError: for an address that cannot be had, and when none is left
        """
        subnet = bridge.subnet(family)
        taken = self._taken_on(bridge, family)
        holder = _Holder(item.label, item.interface_name)
        option, requested = item.requested(family)
        if requested:
            others = {at: str(who) for at, who in taken.items() if who != holder}
            chosen = check_address(option, requested, subnet, bridge.name, others)
        else:
            chosen = (self._kept(family, subnet, lease, taken, holder)
                      or self._moved(family, bridge, lease, taken, holder)
                      or self._back(family, item, subnet, taken))
        chosen = chosen or self._lowest(family, bridge, taken)
        if lease and lease.ip(family) and lease.with_prefix(family) != chosen:
            self._give_up(lease, family)
        taken[number(chosen)] = holder
        return chosen

    def _give_up(self, lease: Endpoint, family: str) -> None:
        """The address that an endpoint has had is free for the items that follow."""
        taken, at = self._taken.get((lease.bridge, family), {}), number(lease.ip(family))
        if taken.get(at) == _Holder(lease.container, lease.interface):
            del taken[at]
            self._remember(lease.container, lease.ip(family))

    @staticmethod
    def _kept(family: str, subnet: str, lease: Optional[Endpoint], taken: Mapping[int, _Holder],
              holder: _Holder) -> str:
        address = lease.with_prefix(family) if lease else ""
        if not on_subnet(address, subnet):
            return ""
        return address if taken.get(number(address), holder) == holder else ""

    def _moved(self, family: str, bridge: Bridge, lease: Optional[Endpoint], taken: Mapping[int, _Holder],
               holder: _Holder) -> str:
        """The same place on the bridge's new subnet, where the bridge got one: in this run, or in a killed one."""
        if lease is None or lease.bridge != bridge.name or not lease.ip(family):
            return ""
        place = same_place(lease.with_prefix(family), bridge.subnet(family), bridge.declared(family))
        return place if taken.get(number(place), holder) == holder else ""

    def _back(self, family: str, item: LocatedEndpoint, subnet: str, taken: Mapping[int, _Holder]) -> str:
        """The address that a container had that was gone for a while, and that its rules still point at."""
        network = ipaddress.ip_network(subnet)
        return next((f"{ip}/{network.prefixlen}" for ip in self._last.get((item.label, family), ())
                     if ipaddress.ip_address(ip) in network and number(ip) not in taken), "")

    def _lowest(self, family: str, bridge: Bridge, taken: Mapping[int, _Holder]) -> str:
        subnet = bridge.subnet(family)
        pool = (bridge.pool if family == "ipv4" else bridge.pool_v6) or subnet
        key = (bridge.name, family)
        chosen = (lowest_free(subnet, pool, taken, self._remembered, self._next.get(key, 0))
                  or lowest_free(subnet, pool, taken, self._remembered))
        if chosen is None:
            within = ipaddress.ip_network(pool)
            holders = sorted({str(who) for at, who in taken.items() if at >= 0 and ipaddress.ip_address(at) in within})
            more = f" and {len(holders) - 8} more" if len(holders) > 8 else ""
            raise MooringError(f"bridge {bridge.name} has no free {family} address left in {pool}: its addresses are "
                               f"taken by {', '.join(holders[:8])}{more}")
        if number(chosen) not in self._remembered:
            # Everything below is taken or remembered by now: the next search of this plan goes on from here.
            self._next[key] = number(chosen) + 1
        return chosen

    def _taken_on(self, bridge: Bridge, family: str) -> dict[int, _Holder]:
        """Who holds which address of a bridge: endpoints, gateways, and what the network itself needs."""
        key = (bridge.name, family)
        if key not in self._taken:
            found: dict[int, _Holder] = {}
            gateway = bridge.gateway if family == "ipv4" else bridge.gateway_v6
            if gateway:
                found[number(gateway)] = _Holder(f"the default gateway of bridge {bridge.name}")
            found.update({number(ip): _Holder(f"{name} (aux_addresses of bridge {bridge.name})")
                          for name, ip in named(bridge).items() if family_of(ip) == family})
            for lease in self._held.values():
                leaving = (lease.container, lease.interface, family) in self._leaving
                if lease.bridge == bridge.name and lease.ip(family) and not leaving:
                    found[number(lease.ip(family))] = _Holder(lease.container, lease.interface)
            # What the bridge has become in this run goes before what an endpoint has had.
            found.update(dict.fromkeys(reserve(bridge.subnet(family)), _Holder("the network itself")))
            found[number(bridge.declared(family))] = _Holder(f"bridge {bridge.name}")
            self._taken[key] = found
        return self._taken[key]
