# SPDX-License-Identifier: GPL-3.0-or-later
"""The ends of a pair as they are: where, whose, and as they are returned to the user. Pure."""
from __future__ import annotations

from typing import Optional

from ..core.model import KNOWN_AFTER_APPLY
from ..core.plan import View
from ..host.model import HostState
from ..link.model import ENDPOINT, VETH, Link, Mark
from ..netns.model import HOST, label_of_path
from .model import LocatedEnd, LocatedVeth


def view(state: HostState, item: LocatedVeth) -> View:
    """A pair as it is returned to the user, None when it is not there."""
    links = [find(state, end) for end in item.ends]
    if not any(link and is_pair(link, item) for link in links):
        return None
    ends = [{"name": end.name, "netns": label_of_path(path_of(end)) if path_of(end) != HOST else "",
             "bridge": link.controller, "up": link.up, "mtu": link.mtu, "mac_address": link.mac or KNOWN_AFTER_APPLY,
             "addresses": list(link.addresses)} if link else None for end, link in zip(item.ends, links)]
    return {"name": item.name, "ends": ends}


def path_of(end: LocatedEnd) -> str:
    return end.place.path if end.place else HOST


def find(state: HostState, end: LocatedEnd) -> Optional[Link]:
    netns = state.namespaces.get(path_of(end))
    return netns.find(end.name) if netns else None


def mark_of(item: LocatedVeth) -> str:
    return Mark(VETH, item.name).text


def is_pair(link: Link, item: LocatedVeth) -> bool:
    return link.alias == mark_of(item)


def is_unmarked(link: Link, other: Optional[Link], item: LocatedVeth) -> bool:
    """Whether a link without a mark is an end of this pair: a killed run had marked only its other end."""
    return not link.alias and other is not None and is_pair(other, item) and (
        (link.index, link.peer_index) == (other.peer_index, other.index))


def is_handed_over(link: Optional[Link]) -> bool:
    """Whether netns_attach has made this end the host's end of an endpoint: then the other one is in a container."""
    mark = link.mark if link else None
    return mark is not None and mark.kind == ENDPOINT and "pair" in mark.settings
