# SPDX-License-Identifier: GPL-3.0-or-later
"""What of an endpoint nothing but its mark tells, and what there is room for in that. Pure."""
from __future__ import annotations

from typing import Optional

from ..core.errors import OptionError
from ..core.names import ALIAS_LENGTH
from ..host.endpoints import Endpoint
from .model import LocatedEndpoint


def choose_exposed(item: LocatedEndpoint, lease: Optional[Endpoint]) -> tuple[str, ...]:
    """The exposed ports that an endpoint will have: those it has where the item says nothing of them."""
    if item.exposed_ports is None:
        return lease.exposed if lease else ()
    return tuple(dict.fromkeys(port.text for port in item.exposed_ports))


def choose_aliases(item: LocatedEndpoint, lease: Optional[Endpoint]) -> tuple[str, ...]:
    """The same of its other names on the bridge."""
    return (lease.aliases if lease else ()) if item.aliases is None else item.aliases


def require_room(endpoint: Endpoint) -> None:
    """:raises OptionError: when the mark of the endpoint is longer than the kernel keeps"""
    if len(endpoint.mark.text) > ALIAS_LENGTH:
        if len(",".join(endpoint.aliases)) > len(",".join(endpoint.exposed)):
            raise OptionError("aliases", ", ".join(endpoint.aliases), f"do not fit into the {ALIAS_LENGTH} characters "
                              "that the kernel keeps of an endpoint", "Give fewer or shorter ones")
        raise OptionError("exposed_ports", ", ".join(endpoint.exposed), f"do not fit into the {ALIAS_LENGTH} "
                          "characters that the kernel keeps of an endpoint",
                          "Write neighbouring ports as ranges, like 8000-8010/tcp")
