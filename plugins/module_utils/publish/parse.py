# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of port_publish as a value. Pure."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.errors import MooringError
from ..netns.parse import target
from ..ports.spec import parse_exposed_port, parse_host_ip, parse_port_range, parse_port_spec, parse_sources
from .model import DesiredPorts


def parse(options: Mapping[str, Any]) -> DesiredPorts:
    """One item of the module's options as a :class:`DesiredPorts`. :raises MooringError: naming option and value"""
    present = options["state"] == "present"
    if present and options["published_ports"] is None and not options["publish_all_ports"]:
        raise MooringError("published_ports: not given. Say which ports (an empty list for none), or "
                           "publish_all_ports: true")
    host_ip = options["default_host_ip"]
    return DesiredPorts(
        target=target(options), present=present,
        specs=tuple(parse_port_spec(port) for port in options["published_ports"] or ()),
        publish_all=bool(options["publish_all_ports"]),
        exposed=tuple(parse_exposed_port(port) for port in options["exposed_ports"] or ()),
        default_host_ip=parse_host_ip(host_ip) if host_ip else "",
        allow_from=parse_sources(options["allow_from"] or []),
        dynamic_range=parse_port_range(options["dynamic_port_range"]))
