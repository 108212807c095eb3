# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of netns_attach as a value. Pure."""
from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Optional

from ..bridge.parse import mac, parse_mtu
from ..core.errors import OptionError
from ..core.names import container_label, interface_name
from ..netns.parse import target
from ..ports.spec import parse_exposed_port
from .model import DesiredEndpoint


def parse(options: Mapping[str, Any]) -> DesiredEndpoint:
    """One item of the module's options as a :class:`DesiredEndpoint`. :raises OptionError: naming option and value"""
    exposed = options["exposed_ports"]
    bridge = options["bridge"]
    return DesiredEndpoint(
        target=target(options),
        name=container_label("name", options["name"]) if options["name"] else None,
        present=options["state"] == "present",
        bridge=interface_name("bridge", bridge) if bridge else None,
        interface_name=interface_name("interface_name", options["interface_name"]),
        address=_address("address", options["address"], 4),
        address_v6=_address("address_v6", options["address_v6"], 6),
        mac_address=mac("mac_address", options["mac_address"]),
        mtu=parse_mtu("mtu", options["mtu"]),
        default_route=options["default_route"],
        exposed_ports=None if exposed is None else tuple(parse_exposed_port(port) for port in exposed),
        create_netns=options["create_netns"])


def _address(option: str, value: Optional[str], version: int) -> Optional[str]:
    """An address with or without a prefix length, in canonical form."""
    if value is None:
        return None
    example = "192.168.5.20" if version == 4 else "2001:db8:1::20"
    try:
        found = ipaddress.ip_interface(value)
    except ValueError as error:
        raise OptionError(option, value, f"is not an IP address ({error})", f"Give it like {example}") from error
    if found.version != version:
        raise OptionError(option, value, f"is not an IPv{version} address", f"Give it like {example}")
    return str(found) if "/" in value else str(found.ip)
