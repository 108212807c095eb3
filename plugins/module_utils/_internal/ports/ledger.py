# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ports are published, which links there are, whose sending is limited: read once, edited, written once."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Optional

from .allow import AllowList, Limit
from .detour import Detour
from .linkage import Linkage
from .model import ORDER, Publication


@dataclass
class Ledger:
    """Published ports by container, links by the container that they begin at, and detours by container.

    ``limits`` are those of single interfaces, by container and interface; ``lists`` are the lists of destinations that
    they and the marks of bridges name, by digest.
    """

    by_container: dict[str, tuple[Publication, ...]] = field(default_factory=dict)
    by_source: dict[str, tuple[Linkage, ...]] = field(default_factory=dict)
    detours_of: dict[str, tuple[Detour, ...]] = field(default_factory=dict)
    limits: dict[tuple[str, str], Limit] = field(default_factory=dict)
    lists: dict[str, AllowList] = field(default_factory=dict)

    @classmethod
    def of(cls, publications: Iterable[Publication] = (), links: Iterable[Linkage] = (),
           detours: Iterable[Detour] = (), limits: Iterable[Limit] = (),
           lists: Optional[Mapping[str, AllowList]] = None) -> Ledger:
        """A ledger of entries in any order."""
        by_container: dict[str, list[Publication]] = {}
        by_source: dict[str, list[Linkage]] = {}
        for publication in sorted(publications, key=ORDER):
            by_container.setdefault(publication.container, []).append(publication)
        for link in sorted(links):
            by_source.setdefault(link.source, []).append(link)
        going_round: dict[str, list[Detour]] = {}
        for detour in sorted(detours):
            going_round.setdefault(detour.container, []).append(detour)
        return cls({name: tuple(found) for name, found in by_container.items()},
                   {name: tuple(found) for name, found in by_source.items()},
                   {name: tuple(found) for name, found in going_round.items()},
                   {(limit.container, limit.interface): limit for limit in limits}, dict(lists or {}))

    def copy(self) -> Ledger:
        return Ledger(dict(self.by_container), dict(self.by_source), dict(self.detours_of), dict(self.limits),
                      dict(self.lists))

    @property
    def publications(self) -> tuple[Publication, ...]:
        """All published ports, in order."""
        return tuple(sorted((found for each in self.by_container.values() for found in each), key=ORDER))

    @property
    def links(self) -> tuple[Linkage, ...]:
        """All links, in order."""
        return tuple(sorted(link for each in self.by_source.values() for link in each))

    @property
    def detours(self) -> tuple[Detour, ...]:
        """All detours, in order."""
        return tuple(sorted(detour for each in self.detours_of.values() for detour in each))

    def publications_of(self, container: str) -> tuple[Publication, ...]:
        return self.by_container.get(container, ())

    def links_of(self, source: str) -> tuple[Linkage, ...]:
        return self.by_source.get(source, ())

    def publish(self, container: str, publications: Iterable[Publication]) -> None:
        """Let exactly these ports of a container be published."""
        self.by_container[container] = tuple(sorted(publications, key=ORDER))

    def link(self, source: str, links: Iterable[Linkage]) -> None:
        """Let a container have exactly these links."""
        self.by_source[source] = tuple(sorted(links))

    def forget_limits(self, bridge: str) -> None:
        """A bridge is to be gone, and with it the lists of those that were on it."""
        for key in [key for key, limit in self.limits.items() if limit.bridge == bridge]:
            del self.limits[key]

    def forget(self, container: str) -> None:
        """Close the ports of a container that left for good, and end its links, in both directions."""
        self.by_container.pop(container, None)
        self.by_source.pop(container, None)
        self.detours_of.pop(container, None)
        for key in [key for key in self.limits if key[0] == container]:
            del self.limits[key]
        for source, links in self.by_source.items():
            if any(link.target == container for link in links):
                self.by_source[source] = tuple(link for link in links if link.target != container)
