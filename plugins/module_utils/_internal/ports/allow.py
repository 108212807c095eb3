# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a container may send: addresses, networks and ports, as users read them and as sets of the kernel hold them.

A list is known by a digest of what it means. So containers with the same list share one, whatever the order in which
it was written, and what is read back from a host shows whether it is still that list.
"""
from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Optional

from .model import bracketed, family_of, range_text

NOWHERE = "-"  # no interface has this name
ANYWHERE = "anywhere"  # the word that takes a list away
PROTOCOLS = ("tcp", "udp")  # what a port without a protocol is of
DIGEST_LENGTH = 12
MOST = 8192  # destinations in a list, of which each port of a range is one
_NOTE_LENGTH = 200  # characters of the entries in one note


@dataclass(frozen=True, order=True)
class Place:
    """A destination: a network (CIDR), with a protocol and a port, or "" and 0 for all that goes there."""

    network: str
    protocol: str = ""
    port: int = 0


@dataclass(frozen=True)
class AllowList:
    """Destinations in order, each once; an empty one lets nothing out. Made by :meth:`of` only."""

    places: tuple[Place, ...] = ()

    @classmethod
    def of(cls, places: Iterable[Place]) -> AllowList:
        """Both halves of a family are all of it, since no set of the kernel has a prefix length of 0."""
        found = set(places)
        for place in [place for place in found if place.network in _HALVES]:
            whole, halves = _HALVES[place.network]
            both = {Place(half, place.protocol, place.port) for half in halves}
            if both <= found:
                found = found - both | {Place(whole, place.protocol, place.port)}
        return cls(tuple(sorted(found)))

    @functools.cached_property
    def digest(self) -> str:
        text = "\n".join(f"{each.network} {each.protocol} {each.port}" for each in self.places)
        return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]

    @functools.cached_property
    def texts(self) -> tuple[str, ...]:
        """The entries as they can be written, ports in a row as ranges."""
        ports: dict[tuple[str, str], list[int]] = {}
        whole = []
        for place in self.places:
            if place.port:
                ports.setdefault((place.network, place.protocol), []).append(place.port)
            else:
                whole.append(place.network)
        return tuple(sorted((*map(_without_length, whole), *_entries(ports)), key=_order))

    def elements(self, family: str, with_ports: bool) -> frozenset[Place]:
        """What a set of the kernel has of a family: with ports, or without."""
        found = [place for place in self.places
                 if family_of(place.network) == family and bool(place.port) == with_ports]
        return frozenset(Place(half, place.protocol, place.port) for place in found
                         for half in _WHOLE.get(place.network, (place.network,)))

    def common(self, other: AllowList) -> AllowList:
        """What both let out, of what both say in the same way."""
        return AllowList.of(set(self.places) & set(other.places))

    @property
    def notes(self) -> Iterator[str]:
        """The entries in pieces that fit the comment of a rule, see :mod:`host.ledger`."""
        piece: list[str] = []
        for text in self.texts:
            if piece and len(" ".join((*piece, text))) > _NOTE_LENGTH:
                yield " ".join(piece)
                piece = []
            piece.append(text)
        if piece:
            yield " ".join(piece)


_WHOLE = {"0.0.0.0/0": ("0.0.0.0/1", "128.0.0.0/1"), "::/0": ("::/1", "8000::/1")}
_HALVES = {half: (whole, halves) for whole, halves in _WHOLE.items() for half in halves}


def _entries(ports: dict[tuple[str, str], list[int]]) -> Iterator[str]:
    """Those with ports; what holds for each protocol that a port is of anyhow needs none."""
    ranges = {key: list(_ranges(found)) for key, found in ports.items()}
    for (network, protocol), found in ranges.items():
        others = [ranges.get((network, other), []) for other in PROTOCOLS]
        for first, last in found:
            where = f"{bracketed(_without_length(network))}:{range_text(first, last)}"
            if protocol in PROTOCOLS and all((first, last) in other for other in others):
                if protocol == PROTOCOLS[0]:
                    yield where
            else:
                yield f"{where}/{protocol}"


def _ranges(ports: Sequence[int]) -> Iterator[tuple[int, int]]:
    for _distance, run in itertools.groupby(enumerate(sorted(ports)), key=lambda numbered: numbered[1] - numbered[0]):
        numbers = [port for _place, port in run]
        yield numbers[0], numbers[-1]


def _without_length(network: str) -> str:
    """A single address without its prefix length."""
    return network.removesuffix("/128" if ":" in network else "/32")


def _order(text: str) -> tuple[int, str]:
    return (1 if text.startswith("[") or text.count(":") > 1 else 0), text


@dataclass(frozen=True, order=True)
class Limit:
    """Whose sending a list limits: all of a bridge's containers, or one interface of a container, which goes before.

    :param bridge: "" where nobody knows on which one the container was
    :param digest: of the list
    :param port: the host's end of the interface, "" for the bridge
    """

    bridge: str
    digest: str
    port: str = ""
    container: str = ""
    interface: str = ""

    @property
    def note(self) -> str:
        """``limit br0 0123456789ab veth4f1e09b21c7 web eth0``."""
        return " ".join(filter(None, ("limit", self.bridge or NOWHERE, self.digest, self.port, self.container,
                                      self.interface)))

    @classmethod
    def parse(cls, note: str) -> Optional[Limit]:
        """The limit that a rule stands for, None for another rule."""
        first, *words = note.split(" ")
        if first != "limit" or len(words) not in (2, 5):
            return None
        return cls("" if words[0] == NOWHERE else words[0], *words[1:])
