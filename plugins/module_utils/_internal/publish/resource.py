# SPDX-License-Identifier: GPL-3.0-or-later
"""What port_publish declares: options, and what becomes of them."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..core.argspec import PORTS, STATE, TARGET, TEXT, TEXTS, TEXT_OR_NUMBER
from ..engine.model import Places
from ..host.resource import Known, Resource
from .model import DesiredPorts, LocatedPorts
from .parse import parse
from .plan import amend, scope, views

OPTIONS: dict[str, Any] = {
    **STATE,
    **TARGET,
    "published_ports": TEXTS,
    "published_on": TEXTS,
    "publish_all_ports": {"type": "bool", "default": False},
    "exposed_ports": PORTS,
    "default_host_ip": TEXT,
    "allow_from": TEXTS,
    "dynamic_port_range": {**TEXT_OR_NUMBER, "default": "49153-65535"},
}


def identity(item: DesiredPorts) -> str:
    if isinstance(item, LocatedPorts):
        return f"container {item.label}"
    return f"{item.target.kind} {item.target.value}"


def containers(items: Sequence[DesiredPorts], known: Known) -> Iterator[str]:
    """Those that are not attached under that very name."""
    for item in items:
        if item.target.kind == "container" and not known.is_attached(item.target.value):
            yield item.target.value


def locate(items: Sequence[DesiredPorts], places: Places) -> list[LocatedPorts]:
    return [LocatedPorts.at(item, *places.label(item.target), places.owner_of(item.target.value)) for item in items]


RESOURCE = Resource(key="publication", many="publications", options=OPTIONS, parse=parse, identity=identity,
                    amend=amend, views=views, scope=scope, containers=containers, locate=locate)
