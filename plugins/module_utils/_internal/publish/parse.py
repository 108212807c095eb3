# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of port_publish as a value. Pure."""
from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ..core.errors import MooringError, OptionError
from ..core.names import interface_name
from ..netns.parse import target
from ..ports.model import PortSpec
from ..ports.spec import parse_exposed_port, parse_place, parse_port_range, parse_port_spec, parse_sources
from .model import DesiredPorts


def parse(options: Mapping[str, Any]) -> DesiredPorts:
    """One item of the module's options as a :class:`DesiredPorts`. :raises MooringError: naming option and value"""
    present = options["state"] == "present"
    if present and options["published_ports"] is None and not options["publish_all_ports"]:
        raise MooringError("published_ports: not given. Say which ports (an empty list for none), or "
                           "publish_all_ports: true")
    host_ip, interface = parse_place(options["default_host_ip"]) if options["default_host_ip"] else ("", "")
    specs = _specs(options["published_ports"] or (), options["published_on"] or ())
    return DesiredPorts(
        target=target(options), present=present,
        specs=tuple(at_interface(spec, interface) for spec in specs),
        publish_all=bool(options["publish_all_ports"]),
        exposed=tuple(parse_exposed_port(port) for port in options["exposed_ports"] or ()),
        default_host_ip=host_ip, default_interface=interface,
        allow_from=parse_sources(options["allow_from"] or []),
        dynamic_range=parse_port_range(options["dynamic_port_range"]))


def at_interface(spec: PortSpec, interface: str) -> PortSpec:
    """The entry at an interface, where it names neither one nor an address."""
    return spec if spec.host_ip or spec.interface else dataclasses.replace(spec, interface=interface)


def _specs(ports: Sequence[Any], bridges: Sequence[Any]) -> tuple[PortSpec, ...]:
    """:raises OptionError: when it is not clear which entry is to lead to which bridge"""
    names = [interface_name("published_on", bridge) for bridge in bridges]
    if len(names) not in (0, 1, len(ports)):
        raise OptionError("published_on", ", ".join(names), f"has {len(names)} names for {len(ports)} entries of "
                          "published_ports", "Name one bridge for all of them, or one for each, in their order")
    if len(names) != len(ports):
        names = (names or [""]) * len(ports)
    specs = [parse_port_spec(port) for port in ports]
    return tuple(dataclasses.replace(spec, bridge=name) if name else spec for spec, name in zip(specs, names))
