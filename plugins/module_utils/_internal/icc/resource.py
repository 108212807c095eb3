# SPDX-License-Identifier: GPL-3.0-or-later
"""What icc_policy declares: options, and what becomes of them."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..core.argspec import PORTS, STATE, TARGET, TEXT, TEXTS
from ..engine.model import Places
from ..host.resource import Known, Resource
from .model import DesiredPolicy, LocatedPolicy
from .parse import parse
from .plan import amend, scope, views

OPTIONS: dict[str, Any] = {
    **STATE,
    **TARGET,
    "bridge": TEXT,
    "icc": {"type": "bool"},
    "links": TEXTS,
    "exposed_ports": PORTS,
}


def identity(item: DesiredPolicy) -> str:
    """Of a container its links, else the bridge: many items may name the bridge beside their containers."""
    if item.target is None:
        return f"bridge {item.bridge}"
    return f"container {item.label}" if isinstance(item, LocatedPolicy) else f"{item.target.kind} {item.target.value}"


def containers(items: Sequence[DesiredPolicy], known: Known) -> Iterator[str]:
    """Those that are not attached under that very name, be they ends of links."""
    for item in items:
        own = [item.target.value] if item.target and item.target.kind == "container" else []
        for name in (*own, *(link.target for link in item.links or ())):
            if not known.is_attached(name):
                yield name


def locate(items: Sequence[DesiredPolicy], places: Places) -> list[LocatedPolicy]:
    found = []
    for item in items:
        label, doubt = places.label(item.target) if item.target else ("", "")
        targets = [link.target for link in item.links or ()]
        ends = {label: item.target.value if item.target else "", **{target: target for target in targets}}
        joined = tuple((end, owner) for end, name in ends.items() if (owner := places.owner_of(name)))
        found.append(LocatedPolicy.at(item, label, doubt, frozenset(filter(places.is_stopped, targets)), joined))
    return found


RESOURCE = Resource(key="policy", many="policies", options=OPTIONS, parse=parse, identity=identity, amend=amend,
                    views=views, scope=scope, containers=containers, locate=locate)
