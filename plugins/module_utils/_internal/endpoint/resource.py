# SPDX-License-Identifier: GPL-3.0-or-later
"""What netns_attach declares: options, and what becomes of them."""
from __future__ import annotations

from typing import Any

from ..core.argspec import NESTED, NUMBER, PORTS, SETTINGS, STATE, TARGET, TEXT, TEXT_OR_NUMBER, TEXTS
from ..host.resource import Resource
from .locate import containers, locate
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
    "aliases": TEXTS,
    "allow_to": TEXTS,
    "create_netns": {"type": "bool", "default": True},
    "adopt": {"type": "bool", "default": False},
    "bandwidth": {**NESTED, "options": {
        "ingress": TEXT_OR_NUMBER, "ingress_burst": TEXT_OR_NUMBER, "egress": TEXT_OR_NUMBER,
        "egress_burst": TEXT_OR_NUMBER}},
}


def identity(item: DesiredEndpoint) -> str:
    who = item.label if isinstance(item, LocatedEndpoint) else f"{item.target.kind} {item.target.value}"
    return f"{item.interface_name} of {who}"


RESOURCE = Resource(key="endpoint", many="endpoints", options=OPTIONS, parse=parse, identity=identity, amend=amend,
                    views=views, scope=scope, containers=containers, locate=locate, release=release)
