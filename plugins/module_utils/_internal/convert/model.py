# SPDX-License-Identifier: GPL-3.0-or-later
"""A network that an engine has, on its way to the document. Values."""
from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]  # an object of JSON, as an engine wrote it
Entry = dict[str, Any]  # a network or a container of the document, by option


@dataclasses.dataclass(frozen=True)
class Note:
    """What could not be carried over, or is otherwise here: of a network, of a container, or of the host.

    It stands above the network in the document, above the container on it, or with neither at the head. An ``aside``
    only helps readers of the document: nothing is lost.
    """

    text: str
    network: str = ""
    container: str = ""
    aside: bool = False


@dataclasses.dataclass
class Network:
    """``name`` is the engine's, ``entry`` the network of the document, ``containers`` those of it that run."""

    name: str
    entry: Entry
    options: Json  # what the engine's driver was told
    internal: bool = False
    is_default: bool = False  # the engine's own, on which containers do not find each other by name
    containers: list[Entry] = dataclasses.field(default_factory=list)

    @property
    def is_routed(self) -> bool:
        return self.entry.get("gateway_mode") == "routed"


@dataclasses.dataclass(frozen=True)
class Converted:
    """The networks of the document, the pools of the host, and what is to be said."""

    networks: list[Network]
    pools: list[Entry]
    notes: list[Note]
