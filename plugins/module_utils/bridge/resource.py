# SPDX-License-Identifier: GPL-3.0-or-later
"""What docker_bridge declares: options, and what becomes of them."""
from __future__ import annotations

from typing import Any

from ..core.argspec import STATE
from ..host.resource import Resource
from .model import DesiredBridge
from .parse import parse
from .plan import amend, release, scope, views

OPTIONS: dict[str, Any] = {
    **STATE,
    "name": {"type": "str"},
    "bip": {"type": "str"},
    "mtu": {"type": "str"},
    "fixed_cidr": {"type": "str"},
    "default_gateway": {"type": "str"},
    "ip_masq": {"type": "bool"},
    "ip_forward": {"type": "bool", "default": True},
    "forward_others": {"type": "bool"},
    "iptables": {"type": "bool"},
    "ip6tables": {"type": "bool"},
    "ipv6": {"type": "bool"},
    "bip6": {"type": "str"},
    "fixed_cidr_v6": {"type": "str"},
    "default_gateway_v6": {"type": "str"},
    "stp": {"type": "bool"},
    "mac_address": {"type": "str"},
    "gateway_mode": {"type": "str", "choices": ["nat", "routed"]},
    "gateway_mode_v6": {"type": "str", "choices": ["nat", "routed"]},
    "allow_bridges": {"type": "list", "elements": "str"},
    "trusted_interfaces": {"type": "list", "elements": "str"},
    "trusted_networks": {"type": "list", "elements": "str"},
    "adopt": {"type": "bool", "default": False},
    "adopt_uplink": {"type": "bool"},
    "force": {"type": "bool", "default": False},
    "allow_overlap": {"type": "bool", "default": False},
}


def identity(item: DesiredBridge) -> str:
    return f"bridge {item.name}"


RESOURCE = Resource(key="bridge", many="bridges", options=OPTIONS, parse=parse, identity=identity, amend=amend,
                    views=views, scope=scope, release=release, required=("name",))
