# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports follow the default routes of their containers. Pure."""
from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Optional

from ..bridge.model import Bridge
from ..host.endpoints import Endpoint
from ..host.ways import Ways
from ..ports.model import Publication


def follow_routes(publications: Iterable[Publication], leases: Mapping[str, Sequence[Endpoint]], ways: Ways,
                  own: Mapping[str, Bridge]) -> list[Publication]:
    """Publications of containers with several interfaces at the one that has the default route of their family.

    They stay where they are when the route leads elsewhere, nobody knows where, or over a bridge that cannot have them:
    one without rules of the family, an internal one, or one in another gateway mode.
    """
    several = {name for name, found in leases.items() if len(found) > 1}
    exits: dict[tuple[str, str], Optional[Endpoint]] = {}
    found = []
    for publication in publications:
        key = name, family = publication.container, publication.family
        if name in several and key not in exits:
            exits[key] = ways.out(leases[name], family)
        way = exits.get(key)
        found.append(_at(publication, way.ip(family)) if way and _fits(publication, own.get(way.bridge))
                     else publication)
    return found


def _fits(publication: Publication, bridge: Optional[Bridge]) -> bool:
    family = publication.family
    return bool(bridge and bridge.publishes(family) and (family in bridge.routed) is publication.direct)


def _at(publication: Publication, address: str) -> Publication:
    if address == publication.container_ip:
        return publication
    host_ip = address if publication.direct else publication.host_ip
    return dataclasses.replace(publication, host_ip=host_ip, container_ip=address)
