# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of ports that cost the same however many ranges they are made of, and however long these are."""
from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

_ALL = 65536


class PortSet:
    """Pairs of a protocol and a port."""

    def __init__(self, ranges: Iterable[tuple[str, int, int]] = ()) -> None:
        """:param ranges: protocol, first and last port of each"""
        self._ports: dict[str, bytearray] = {}
        for protocol, first, last in ranges:
            self.add(protocol, first, last)

    def add(self, protocol: str, first: int, last: int) -> None:
        ports = self._ports.setdefault(protocol, bytearray(_ALL))
        ports[first:last + 1] = b"\1" * (last + 1 - first)

    def find_others(self, protocol: str, first: int, last: int) -> Iterator[int]:
        """The ports of a range that are not in the set."""
        ports = self._ports.get(protocol, bytearray(_ALL))
        port = ports.find(0, first, last + 1)
        while port >= 0:
            yield port
            port = ports.find(0, port + 1, last + 1)

    def __contains__(self, entry: tuple[str, int]) -> bool:
        protocol, port = entry
        return protocol in self._ports and bool(self._ports[protocol][port])


def merge(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same ports as ranges, first and last, that do not touch each other, in order."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(last, found[-1][1])
        else:
            found.append((first, last))
    return found


def is_in(port: int, merged: Sequence[tuple[int, int]]) -> bool:
    """Whether a port is in one of the ranges that :func:`merge` returns."""
    place = bisect_right(merged, (port, _ALL)) - 1
    return place >= 0 and port <= merged[place][1]
