# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host ports are taken, and by whom: an index that answers for one port without looking at the others."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Union

from .model import ANY_IPV4, ANY_IPV6, Claim, PortSpec, Publication, Socket, bracketed

# PortSpec: another entry of the same task. Claim: a rule of somebody else.
Owner = Union[Publication, Socket, PortSpec, Claim]

_ANY = (ANY_IPV4, ANY_IPV6)
_BLOCK = 256
_NAMED_OWNERS = 5


def addresses_collide(one: str, other: str) -> bool:
    """Whether traffic can be for both: the same address, or a wildcard and any address of its family."""
    return one == other or ((":" in one) == (":" in other) and (one in _ANY or other in _ANY))


class Occupied:
    """Host ports with their owners.

    Single ports are keyed by themselves and ranges by the blocks that they touch: neither thousands of ports nor a
    range of 60,000 makes the next question slower.
    """

    def __init__(self) -> None:
        self._single: dict[tuple[str, int], list[tuple[str, Owner]]] = {}
        self._ranges: dict[tuple[str, int], list[tuple[int, int, str, Owner]]] = {}

    def publish(self, publication: Publication) -> None:
        """A direct publication takes no port of the host."""
        if publication.direct:
            return
        self.add(publication.protocol, publication.host_ip, publication.host_port, publication.count, publication)

    def withdraw(self, publication: Publication) -> None:
        """:raises ValueError: when it was not published here"""
        if publication.direct:
            return
        protocol, first = publication.protocol, publication.host_port
        last = first + publication.count - 1
        if publication.count == 1:
            self._single[protocol, first].remove((publication.host_ip, publication))
            return
        for block in range(first // _BLOCK, last // _BLOCK + 1):
            self._ranges[protocol, block].remove((first, last, publication.host_ip, publication))

    def add(self, protocol: str, address: str, first: int, count: int, owner: Owner) -> None:
        if count == 1:
            self._single.setdefault((protocol, first), []).append((address, owner))
            return
        last = first + count - 1
        for block in range(first // _BLOCK, last // _BLOCK + 1):
            self._ranges.setdefault((protocol, block), []).append((first, last, address, owner))

    def owner_of(self, protocol: str, address: str, port: int) -> Owner | None:
        """Who has ``port`` of ``address``, or has it of an address that collides with this one."""
        for held, owner in self._single.get((protocol, port), ()):
            if addresses_collide(held, address):
                return owner
        if self._ranges:
            for first, last, held, owner in self._ranges.get((protocol, port // _BLOCK), ()):
                if first <= port <= last and addresses_collide(held, address):
                    return owner
        return None

    def find_taken(self, protocol: str, address: str, first: int, count: int) -> tuple[int, Owner] | None:
        """The first port from ``first`` on, out of ``count``, that is taken, and its owner."""
        if count == 1 and not self._ranges and (protocol, first) not in self._single:
            return None
        for port in range(first, first + count):
            owner = self.owner_of(protocol, address, port)
            if owner is not None:
                return port, owner
        return None


def occupy_published(publications: Iterable[Publication]) -> Occupied:
    """The host ports of publications."""
    occupied = Occupied()
    for publication in publications:
        occupied.publish(publication)
    return occupied


def occupy_listened(sockets: Iterable[Socket]) -> Occupied:
    """The host ports of sockets."""
    occupied = Occupied()
    for socket in sockets:
        address = socket.address.partition("%")[0]
        if address.startswith("::ffff:") and "." in address:
            # A socket of family IPv6 bound to an IPv4 address takes IPv4 only.
            address = address[len("::ffff:"):]
        occupied.add(socket.protocol, address, socket.port, 1, socket)
        if address == ANY_IPV6 and socket.dual_stack:
            occupied.add(socket.protocol, ANY_IPV4, socket.port, 1, socket)
    return occupied


def describe_owner(owner: Owner) -> str:
    """Why a port cannot be had, as the end of "host port 8080/tcp, which ..."."""
    if isinstance(owner, Publication):
        return f"is already published by container {owner.container} ({owner.text})"
    if isinstance(owner, Socket):
        process = owner.process or "a process"
        return f"is in use by {process}, which listens on {bracketed(owner.address)}:{owner.port}"
    if isinstance(owner, Claim):
        return owner.owner
    return f"is given twice: {owner.text} has it too"


def describe_shares(owners: Iterable[Owner | None]) -> str:
    """Who has how many of the ports of a range, the largest share first; None stands for a reserved port."""
    counts = Counter(_share(owner) for owner in owners)
    named = counts.most_common(_NAMED_OWNERS)
    rest = sum(counts.values()) - sum(count for _name, count in named)
    texts = [f"{count} {name}" for name, count in named]
    return ", ".join(texts + ([f"{rest} held by {len(counts) - len(named)} others"] if rest else []))


def _share(owner: Owner | None) -> str:
    if owner is None:
        return "reserved by net.ipv4.ip_local_reserved_ports"
    if isinstance(owner, Publication):
        return f"published by container {owner.container}"
    if isinstance(owner, Socket):
        return f"in use by {owner.process or 'unknown processes'}"
    if isinstance(owner, Claim):
        return f"translated by {owner.place}"
    return "already taken by this task"
