# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of veth_pair as a value. Pure."""
from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Optional

from ..core.errors import MooringError, OptionError
from ..core.names import interface_name
from ..link.parse import mac, parse_mtu, parse_routes
from ..link.reach import is_own_broadcast, require_usable
from ..netns.parse import optional_target
from .model import DesiredEnd, DesiredVeth


def parse(options: Mapping[str, Any]) -> DesiredVeth:
    """One item of the module's options as a :class:`DesiredVeth`. :raises MooringError: naming option and value"""
    first = _end("", options)
    present = options["state"] == "present"
    if not options["peer"] and not present:
        return DesiredVeth(first, present=False)
    if not options["peer"]:
        raise MooringError("peer: not given. Say what the other end is, like peer: {name: B}")
    second = _end("peer.", options["peer"])
    if first.name == second.name and first.target == second.target:
        raise OptionError("peer.name", second.name, "is the name of both ends in one namespace",
                          "Give the other end another name, or put it into a namespace")
    return DesiredVeth(first, second, present)


def _end(prefix: str, options: Mapping[str, Any]) -> DesiredEnd:
    bridge = options["bridge"]
    mtu = parse_mtu(f"{prefix}mtu", options["mtu"])
    if isinstance(mtu, str):
        raise OptionError(f"{prefix}mtu", mtu, "is not an MTU", "Give a number of bytes")
    end = DesiredEnd(
        name=interface_name(f"{prefix}name", options["name"]), target=optional_target(options),
        bridge=interface_name(f"{prefix}bridge", bridge) if bridge else bridge,
        mtu=mtu, mac_address=mac(f"{prefix}mac_address", options["mac_address"]),
        addresses=_addresses(f"{prefix}addresses", options["addresses"]), up=options["up"] is not False)
    if end.bridge and end.target:
        raise OptionError(f"{prefix}bridge", end.bridge, "cannot have an end in a container's namespace as a port",
                          "Give either a bridge or a namespace for this end")
    return DesiredEnd(**{**end.__dict__, "routes": parse_routes(f"{prefix}routes", options["routes"], end.name)})


def _addresses(option: str, values: Optional[list[str]]) -> Optional[tuple[str, ...]]:
    if values is None:
        return None
    found = []
    for value in values:
        try:
            address = ipaddress.ip_interface(value)
        except ValueError as error:
            raise OptionError(option, value, f"is not an address ({error})", "Give it like 10.0.0.1/30") from error
        if "/" not in value:
            raise OptionError(option, value, "lacks a prefix length", f"Give it like {value}/30, or {value}/32")
        require_usable(option, value, "10.0.0.1/30")
        if is_own_broadcast(value):
            raise OptionError(option, value, "is the address of its network itself, or its broadcast address",
                              f"Give another one, like {address.network[1]}/{address.network.prefixlen}")
        if address.ip.is_link_local and address.version == 6:
            raise OptionError(option, value, "is a link-local address, which every interface has by itself",
                              "Leave it out")
        found.append(str(address))
    return tuple(dict.fromkeys(found))
