# SPDX-License-Identifier: GPL-3.0-or-later
"""What lets a packet pass fewer rules where there are many bridges. It opens nothing, and closes nothing. Pure."""
from __future__ import annotations

from dataclasses import replace

from ..bridge.lost import is_certain
from ..bridge.model import bridges
from ..host.draft import Draft
from ..host.model import HostState
from ..link.model import BRIDGE_GROUP
from ..link.operations import LinkSet
from ..netns.model import HOST

_MANY = 3  # bridges whose names cost less to walk than rules that change with a route


def keep_groups(draft: Draft) -> None:
    """Add to the draft what puts bridges into the group, and takes out those that are not to be in it."""
    for bridge in bridges(draft.state).values():
        if bridge.link.group != bridge.group and is_certain(bridge.link):
            draft.do(LinkSet(HOST, bridge.link, replace(bridge.link, group=bridge.group)))


def has_group(state: HostState) -> bool:
    """Whether rules ask for the group: the kernel knows how to, bridges of ours are in it, and nobody else is."""
    own = bridges(state)
    return (state.groups and any(bridge.in_group for bridge in own.values())
            and not any(link.group == BRIDGE_GROUP and link.name not in own for link in state.host.links.values()))


def ways_out(state: HostState) -> tuple[str, ...]:
    """Interfaces that are no bridges of ours and have a default route of the host; none where there are few bridges."""
    own = bridges(state)
    found = {route.interface for route in state.host.routes if route.destination == "default"} - {"", *own}
    return tuple(sorted(found)) if len(own) > _MANY else ()
