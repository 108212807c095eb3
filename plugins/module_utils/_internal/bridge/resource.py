# SPDX-License-Identifier: GPL-3.0-or-later
"""What docker_bridge declares: options, and what becomes of them."""
from __future__ import annotations

from typing import Any

from ..core.argspec import NUMBER, STATE, TEXT, TEXTS, TEXT_BY_NAME, TEXT_OR_NUMBER
from ..host.resource import Resource
from .desired import DesiredBridge
from .parse import parse
from .plan import amend, release, scope, views

POOLS: dict[str, Any] = {"default_address_pools": {"type": "list", "elements": "dict", "options": {
    "base": {**TEXT, "required": True}, "size": {**NUMBER, "required": True}}}}

OPTIONS: dict[str, Any] = {
    **STATE,
    "name": TEXT,
    "bip": TEXT,
    "mtu": TEXT_OR_NUMBER,
    "fixed_cidr": TEXT,
    "default_gateway": TEXT,
    **POOLS,
    "ip_masq": {"type": "bool"},
    "outbound_address": TEXT,
    "outbound_address_v6": TEXT,
    "ip_forward": {"type": "bool", "default": True},
    "forward_others": {"type": "bool"},
    "internal": {"type": "bool"},
    "user_chain": {"type": "bool"},
    "iptables": {"type": "bool"},
    "ip6tables": {"type": "bool"},
    "icc": {"type": "bool"},
    "ipv6": {"type": "bool"},
    "bip6": TEXT,
    "fixed_cidr_v6": TEXT,
    "default_gateway_v6": TEXT,
    "stp": {"type": "bool"},
    "mac_address": TEXT,
    "gateway_mode": {"type": "str", "choices": ["nat", "routed", "isolated"]},
    "gateway_mode_v6": {"type": "str", "choices": ["nat", "routed", "isolated"]},
    "allow_bridges": TEXTS,
    "trusted_interfaces": TEXTS,
    "trusted_networks": TEXTS,
    "aux_addresses": TEXT_BY_NAME,
    "container_names": {"type": "bool"},
    "allow_to": TEXTS,
    "adopt": {"type": "bool", "default": False},
    "must_exist": {"type": "bool"},
    "adopt_uplink": {"type": "bool"},
    "force": {"type": "bool", "default": False},
    "allow_overlap": {"type": "bool", "default": False},
}


def identity(item: DesiredBridge) -> str:
    return f"bridge {item.name}"


RESOURCE = Resource(key="bridge", many="bridges", options=OPTIONS, parse=parse, identity=identity, amend=amend,
                    views=views, scope=scope, release=release, required=("name",))
