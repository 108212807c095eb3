# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that name a container or a namespace, as a value. Pure."""
from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Optional

from ..core.errors import MooringError, OptionError
from ..core.names import container_label, netns_name
from ..link.model import Route
from .model import Target

KINDS = ("container", "pid", "netns", "netns_path")


def target(options: Mapping[str, Any]) -> Target:
    """Exactly one of ``container``, ``pid``, ``netns``, ``netns_path``. :raises MooringError: otherwise"""
    found = optional_target(options)
    if found is None:
        raise MooringError("no container is named: give one of " + ", ".join(KINDS))
    return found


def optional_target(options: Mapping[str, Any]) -> Optional[Target]:
    given = {kind: options[kind] for kind in KINDS if options.get(kind) not in (None, "")}
    if len(given) > 1:
        raise MooringError(f"{' and '.join(given)} are given together, and only one of them can name the container")
    for kind, value in given.items():
        return Target(kind, _checked(kind, value))
    return None


def _checked(kind: str, value: Any) -> str:
    if kind == "pid":
        if not isinstance(value, int) or value < 1:
            raise OptionError("pid", value, "is not the number of a process", "Give a number from 1, as ps shows it")
        return str(value)
    if kind == "netns":
        return netns_name("netns", value)
    if kind == "netns_path":
        if not value.startswith("/"):
            raise OptionError("netns_path", value, "is not an absolute path",
                              "Give a path like /proc/1234/ns/net, or use netns for a name")
        return value
    return container_label("container", value)


def parse_routes(option: str, values: Optional[list[Mapping[str, Any]]], interface: str) -> Optional[tuple[Route, ...]]:
    """Routes through ``interface``: dictionaries with ``destination`` (a network or "default") and ``gateway``."""
    if values is None:
        return None
    found = []
    for value in values:
        destination, gateway = value.get("destination") or "", value.get("gateway") or ""
        try:
            versions = set()
            if destination != "default":
                network = ipaddress.ip_network(destination)
                destination = str(network) if network.prefixlen else "default"
                versions.add(network.version)
            if gateway:
                address = ipaddress.ip_address(gateway)
                gateway = str(address)
                versions.add(address.version)
            if len(versions) > 1:
                raise ValueError("destination and gateway are of different families")
        except ValueError as error:
            raise OptionError(option, value, f"is not a route ({error})",
                              "Give destination: a network or default, and gateway: an address") from error
        found.append(Route(destination, interface, gateway, "ipv6" if versions == {6} else "ipv4"))
    return tuple(found)
