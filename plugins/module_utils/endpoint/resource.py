# SPDX-License-Identifier: GPL-3.0-or-later
"""What netns_attach declares: options, and what becomes of them."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..core.argspec import NUMBER, PORTS, SETTINGS, STATE, TARGET, TEXT, TEXT_OR_NUMBER
from ..core.names import container_label, netns_name
from ..engine.model import Places
from ..host.resource import Known, Resource
from .model import DesiredEndpoint, LocatedEndpoint
from .parse import parse
from .plan import amend, release, scope, views

OPTIONS: dict[str, Any] = {
    **STATE,
    **TARGET,
    "name": TEXT,
    "network_mode": {**TEXT, "default": "bridge"},
    "bridge": TEXT,
    "interface": TEXT,
    "interface_name": {**TEXT, "default": "eth0"},
    "address": TEXT,
    "address_v6": TEXT,
    "gateway": TEXT,
    "gateway_v6": TEXT,
    "mac_address": TEXT,
    "mtu": TEXT_OR_NUMBER,
    "tx_queue_len": NUMBER,
    "routes": {"type": "list", "elements": "dict", "options": {
        "destination": {**TEXT, "required": True}, "gateway": TEXT}},
    "sysctls": SETTINGS,
    "default_route": {"type": "bool"},
    "exposed_ports": PORTS,
    "create_netns": {"type": "bool", "default": True},
    "adopt": {"type": "bool", "default": False},
}


def identity(item: DesiredEndpoint) -> str:
    who = item.label if isinstance(item, LocatedEndpoint) else f"{item.target.kind} {item.target.value}"
    return f"{item.interface_name} of {who}"


def containers(items: Sequence[DesiredEndpoint], known: Known) -> Iterator[str]:
    """Those that are named as an engine's, and owners that no lasting name below /run/netns leads to."""
    for item in items:
        if item.target.kind == "container":
            yield item.target.value
        if item.owner:
            entry = known.namespace(item.owner)
            if entry is None or entry.link.startswith("/proc/") or not entry.inode:
                yield item.owner
        if item.present and item.mode == "bridge":
            known.expect(item.name or item.target.value)


def locate(items: Sequence[DesiredEndpoint], places: Places) -> list[LocatedEndpoint]:
    """Every endpoint with its label and the path of its namespace."""
    found = []
    for item in items:
        place = places.resolve(item.target, item.name)
        # A name from the user was checked when it was read; one that is made from a path must fit marks as well.
        container_label(item.target.kind, place.label)
        if place.registers:
            netns_name("name", place.registers)
        if item.present and item.mode == "bridge":
            places.expect(place.label)
        found.append(LocatedEndpoint.at(item, place, places.owner(item.owner) if item.owner else None))
    return found


RESOURCE = Resource(key="endpoint", many="endpoints", options=OPTIONS, parse=parse, identity=identity, amend=amend,
                    views=views, scope=scope, containers=containers, locate=locate, release=release)
