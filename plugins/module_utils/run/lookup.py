# SPDX-License-Identifier: GPL-3.0-or-later
"""Fill in what the user's names stand for, before anything is planned. Reads the host, changes nothing."""
from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from ..core.names import container_label, netns_name
from ..engine.resolve import Engines, label, resolve, resolve_owner
from ..host.endpoints import endpoints
from ..host.model import Scope


def endpoint_namespaces(desired: Sequence[Any], _host: Any) -> list[Any]:
    """Every endpoint with its label and the path of its namespace."""
    engines = Engines()

    def located(item: Any) -> Any:
        owner = resolve_owner(item.owner, engines) if item.owner else None
        resolved = resolve(item.target, engines, item.name)
        # A name from the user was checked when it was read; one that is made from a path must fit our marks as well.
        container_label(item.target.kind, resolved.label)
        if resolved.registers:
            netns_name("name", resolved.registers)
        return dataclasses.replace(item, resolved=resolved, owner_resolved=owner)

    return [located(item) for item in desired]


def veth_namespaces(desired: Sequence[Any], _host: Any) -> list[Any]:
    """Both ends of every pair with the paths of their namespaces; an end without a target stays on the host."""
    engines = Engines()

    def located(end: Any) -> Any:
        return dataclasses.replace(end, resolved=resolve(end.target, engines)) if end.target else end

    return [dataclasses.replace(item, first=located(item.first), second=item.second and located(item.second))
            for item in desired]


def container_labels(desired: Sequence[Any], host: Any) -> list[Any]:
    """Every item that names a container with the label that the container has in our marks."""
    engines = Engines()
    known = {endpoint.container for endpoint in endpoints(host.snapshot(Scope()))}
    found = []
    for item in desired:
        if item.target is not None:
            text, doubt = label(item.target, known, engines)
            item = dataclasses.replace(item, label=text, doubt=doubt)
        found.append(item)
    return found
