# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of icc_policy as a value. Pure."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.errors import MooringError, OptionError
from ..core.names import container_label, interface_name, name_problem
from ..netns.parse import optional_target
from ..ports.spec import parse_exposed_port
from .model import DesiredLink, DesiredPolicy

ALIAS_LENGTH = 63


def parse(options: Mapping[str, Any]) -> DesiredPolicy:
    """One item of the module's options as a :class:`DesiredPolicy`. :raises MooringError: naming option and value"""
    target = optional_target(options)
    present = options["state"] == "present"
    bridge, icc, links = options["bridge"] or None, options["icc"], options["links"]
    if bridge is None and target is None:
        raise MooringError("nothing to do is given: name a bridge (with icc) or a container (with links)")
    if bridge is not None and icc is None and present and target is None:
        raise MooringError(f"icc: not given. Say whether the containers of {bridge} may talk to each other")
    if target is not None and links is None and present:
        raise MooringError("links: not given. Say what the container is linked to (an empty list for nothing)")
    if links is not None and target is None:
        raise MooringError("links: given without the container that they belong to. Name it with container, netns, "
                           "pid or netns_path")
    return DesiredPolicy(
        bridge=interface_name("bridge", bridge) if bridge else None,
        icc=(icc if present else True) if bridge else None,
        target=target,
        links=None if target is None else tuple(dict.fromkeys(map(_link, links or ()))) if present else (),
        exposed=tuple(parse_exposed_port(port) for port in options["exposed_ports"] or ()))


def _link(text: str) -> DesiredLink:
    """Docker's ``--link CONTAINER[:ALIAS]``; the alias is the container's name where none is given."""
    name, colon, alias = text.partition(":")
    if not name or (colon and not alias):
        raise OptionError("links", text, "is not a link", "Give CONTAINER:ALIAS, like db:database")
    container_label("links", name)
    alias = alias or name
    if len(alias) > ALIAS_LENGTH or name_problem(alias, underscores=True):  # it stands in the hosts file
        raise OptionError("links", text, f"has the alias {alias!r}, which is not a host name (RFC 1123)",
                          f"Use letters, digits, '_', '-' and '.', {ALIAS_LENGTH} characters at most")
    return DesiredLink(name, alias)
