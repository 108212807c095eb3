# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host ports are taken, and by whom: an index that answers for one port without looking at the others."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Union

from .model import ANY_IPV4, ANY_IPV6, Claim, PortSpec, Publication, Socket, bracketed, family_of

# PortSpec: another entry of the same task. Claim: a rule of somebody else.
Owner = Union[Publication, Socket, PortSpec, Claim]

_ANY = (ANY_IPV4, ANY_IPV6)
_WILDCARD = {"ipv4": ANY_IPV4, "ipv6": ANY_IPV6}
_BLOCK = 256
_Range = tuple[int, int, str, Owner]  # first and last port, address
_NAMED_OWNERS = 5


def addresses_collide(one: str, other: str) -> bool:
    """Whether traffic can be for both: the same address, or a wildcard and any address of its family."""
    return one == other or ((":" in one) == (":" in other) and (one in _ANY or other in _ANY))


class Occupied:
    """Host ports with their owners.

    A question about one port looks at that port only; one about a range looks at blocks of ports, and in each of them
    at what there is for its own address and for the wildcard. So neither thousands of ports, nor ranges of all ports on
    thousands of addresses, make the next question slower.
    """

    def __init__(self) -> None:
        self._single: dict[tuple[str, int], dict[str, list[Owner]]] = {}
        self._blocks: set[tuple[str, int]] = set()  # those that have, or had, single ports
        # By protocol, address or family, and block: each range with its address and owner, in the order of coming.
        self._ranges: dict[tuple[str, str, int], dict[_Range, None]] = {}

    def publish(self, publication: Publication) -> None:
        """A direct publication takes no port of the host."""
        if publication.direct:
            return
        self.add(publication.protocol, publication.place, publication.host_port, publication.count, publication)

    def withdraw(self, publication: Publication) -> None:
        """:raises LookupError: when it was not published here"""
        if publication.direct:
            return
        protocol, first = publication.protocol, publication.host_port
        if publication.count == 1:
            owners = self._single[protocol, first]
            left = [owner for owner in owners[publication.place] if owner != publication]
            if left:
                owners[publication.place] = left
            else:
                del owners[publication.place]
            return
        found = (first, first + publication.count - 1, publication.place, publication)
        for place in self._places(protocol, *found[:3]):
            del self._ranges[place][found]

    def add(self, protocol: str, address: str, first: int, count: int, owner: Owner) -> None:
        if count == 1:
            self._single.setdefault((protocol, first), {}).setdefault(address, []).append(owner)
            self._blocks.add((protocol, first // _BLOCK))
            return
        last = first + count - 1
        for place in self._places(protocol, first, last, address):
            self._ranges.setdefault(place, {})[first, last, address, owner] = None

    @staticmethod
    def _places(protocol: str, first: int, last: int, address: str) -> Iterator[tuple[str, str, int]]:
        """Where a range is kept: who asks for a wildcard asks by family."""
        for block in range(first // _BLOCK, last // _BLOCK + 1):
            yield protocol, address, block
            yield protocol, family_of(address), block

    def find_taken(self, protocol: str, address: str, first: int, count: int) -> tuple[int, Owner] | None:
        """The first port from ``first`` on, out of ``count``, that is taken of ``address``, or of an address that
        collides with it, and its owner."""
        if count == 1 and not self._ranges:
            owner = self._owner_of_single(protocol, address, first)
            return (first, owner) if owner is not None else None
        for block in range(first // _BLOCK, (first + count - 1) // _BLOCK + 1):
            low, end = max(first, block * _BLOCK), min(first + count, (block + 1) * _BLOCK)
            found = self._find_in_block(protocol, address, block, low, end)
            if found:
                return found
        return None

    def _find_in_block(self, protocol: str, address: str, block: int, low: int, end: int) -> tuple[int, Owner] | None:
        found: tuple[int, Owner] | None = None
        if (protocol, block) in self._blocks:
            found = next(((port, owner) for port in range(low, end)
                          if (owner := self._owner_of_single(protocol, address, port)) is not None), None)
        places = (family_of(address),) if address in _ANY else (address, _WILDCARD[family_of(address)])
        for place in places if self._ranges else ():
            for first, last, _held, owner in self._ranges.get((protocol, place, block), ()):
                if first < end and low <= last and (found is None or max(first, low) < found[0]):
                    found = max(first, low), owner
                    if first <= low:
                        return found
        return found

    def _owner_of_single(self, protocol: str, address: str, port: int) -> Owner | None:
        owners = self._single.get((protocol, port))
        if not owners:
            return None
        if address in _ANY:
            return next((each[0] for held, each in owners.items() if addresses_collide(held, address)), None)
        held_by = owners.get(address) or owners.get(_WILDCARD[family_of(address)])
        return held_by[0] if held_by else None


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
        for address in listening_addresses(socket):
            occupied.add(socket.protocol, address, socket.port, 1, socket)
    return occupied


def listening_addresses(socket: Socket) -> tuple[str, ...]:
    """The addresses at which a socket takes its port: a wildcard of IPv6 may be one of IPv4 as well."""
    address = socket.address.partition("%")[0]
    if address.startswith("::ffff:") and "." in address:
        # A socket of family IPv6 bound to an IPv4 address takes IPv4 only.
        return (address[len("::ffff:"):],)
    return (address, ANY_IPV4) if address == ANY_IPV6 and socket.dual_stack else (address,)


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
