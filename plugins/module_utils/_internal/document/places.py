# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in the document things stand, as messages call them. Pure."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..core.places import numbered


class Item(dict[str, Any]):
    """Options that know where they stand in the document: ``networks[1] (front): containers[0] (web)``."""

    def __init__(self, place: str, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.place = place


def each_network(document: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The networks, each with its place."""
    for number, network in enumerate(document):
        yield numbered("networks", number, network["name"]), network


def each_container(network: Mapping[str, Any], place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The containers of a network at that place, each with its own."""
    for number, container in enumerate(network.get("containers") or ()):
        yield f"{place}: {numbered('containers', number, container['name'])}", container


def joined(items: Iterable[Item]) -> str:
    """The places of what stands on several networks."""
    return " and ".join(dict.fromkeys(item.place for item in items))
