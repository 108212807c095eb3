# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a container engine says of its networks to the document of the host. Pure."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from .containers import convert_containers
from .model import Converted, Entry, Json, Note
from .networks import convert_networks
from .podman import like_docker
from .text import render


def from_docker(networks: Sequence[Json], containers: Sequence[Json] = (),
                pools: Optional[Sequence[Json]] = None) -> dict[str, Any]:
    """The document, as value and as text, and what could not be carried over.

    :param networks: what ``docker network inspect`` says, or ``podman network inspect``
    :param containers: what ``docker inspect`` says of containers
    :param pools: ``DefaultAddressPools`` of ``docker info``
    :return: ``container_networks``, ``default_address_pools``, ``notes`` (sentences) and ``text`` (a file of variables)
    """
    found, notes = convert_networks([like_docker(network) for network in networks])
    notes += convert_containers(containers, found)
    # A network on which nothing stands is kept all the same: somebody has made it. The engine's own one is not.
    kept = [network for network in found if network.containers or not network.is_default]
    gone = {network.name for network in found} - {network.name for network in kept}
    converted = Converted(kept, [_pool(pool) for pool in pools or ()],
                          [note for note in notes if note.network not in gone])
    return {"container_networks": [_entry(network.entry, network.containers) for network in kept],
            "default_address_pools": converted.pools, "text": render(converted),
            "notes": [_sentence(note) for note in converted.notes if not note.aside]}


def _entry(network: Entry, containers: list[Entry]) -> Entry:
    return {**network, **({"containers": containers} if containers else {})}


def _pool(pool: Json) -> Entry:
    return {"base": str(pool["Base"]), "size": int(pool["Size"])}


def _sentence(note: Note) -> str:
    where = ": ".join([*([f"network {note.network}"] if note.network else []),
                       *([f"container {note.container}"] if note.container else [])])
    return f"{where}: {note.text}" if where else note.text
