# SPDX-License-Identifier: GPL-3.0-or-later
"""What veth_pair declares: options, and what becomes of them."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Union

from ..core.argspec import NESTED, STATE, TARGET, TEXT, TEXTS, TEXT_OR_NUMBER
from ..engine.model import Places
from ..host.resource import Known, Resource
from .model import DesiredEnd, DesiredVeth, LocatedEnd, LocatedVeth
from .parse import parse
from .plan import amend, release, scope, views

ROUTE: dict[str, Any] = {"destination": {**TEXT, "required": True}, "gateway": TEXT}

END: dict[str, Any] = {
    **TARGET,
    "bridge": TEXT,
    "mtu": TEXT_OR_NUMBER,
    "mac_address": TEXT,
    "addresses": TEXTS,
    "routes": {"type": "list", "elements": "dict", "options": ROUTE},
    "up": {"type": "bool", "default": True},
}

OPTIONS: dict[str, Any] = {
    **STATE,
    **END,
    "name": TEXT,
    "peer": {**NESTED, "options": {**END, "name": {**TEXT, "required": True}}},
}


def identity(item: Union[DesiredVeth, LocatedVeth]) -> str:
    where = item.first.target
    return f"veth pair {item.name}" + (f" of {where.kind} {where.value}" if where else "")


def containers(items: Sequence[DesiredVeth], _known: Known) -> Iterator[str]:
    for item in items:
        for end in item.ends:
            if end.target and end.target.kind == "container":
                yield end.target.value


def locate(items: Sequence[DesiredVeth], places: Places) -> list[LocatedVeth]:
    """Both ends of every pair with the paths of their namespaces; an end without a target stays on the host."""
    def at(end: DesiredEnd) -> LocatedEnd:
        return LocatedEnd.at(end, places.resolve(end.target) if end.target else None)

    return [LocatedVeth(at(item.first), at(item.second) if item.second else None, item.present) for item in items]


RESOURCE = Resource(key="veth_pair", many="veth_pairs", options=OPTIONS, parse=parse, identity=identity, amend=amend,
                    views=views, scope=scope, containers=containers, locate=locate, release=release,
                    required=("name",))
