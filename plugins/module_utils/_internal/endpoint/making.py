# SPDX-License-Identifier: GPL-3.0-or-later
"""How an endpoint that has its addresses gets its interface: made, moved in, or brought to what is asked for. Pure."""
from __future__ import annotations

import dataclasses

from ..core.errors import MooringError
from ..host.draft import Draft
from ..host.endpoints import Endpoint
from ..link.operations import LinkAdd, LinkDel, LinkMove, LinkSet, Peer
from ..netns.model import HOST
from . import inside
from .adopt import GivenPair
from .model import LocatedEndpoint
from .reserved import Kept, Reserved


def make_interface(draft: Draft, reserved: Reserved) -> Endpoint:
    """The endpoint, with its link as it will be. Default routes are for leading.py."""
    (item, bridge, addresses), new, kept, given = reserved
    routes = inside.give_up(draft, item, kept.lease, addresses) if kept else []
    if given is not None:
        _move(draft, item, given, new)
    elif kept is None:
        _create(draft, item, new)
    else:
        _adjust(draft, item, kept, new)
    inside.configure(draft, item, bridge, addresses, routes)
    return dataclasses.replace(new, link=draft.state.host.links[new.link.name]) if kept is None else new


def _create(draft: Draft, item: LocatedEndpoint, new: Endpoint) -> None:
    present = draft.state.host.links.get(new.link.name)
    if present is not None and present.unfinished:
        draft.do(LinkDel(HOST, present))
    elif present is not None:
        raise MooringError(f"interface {new.link.name}, which would be the host's end for {item.label}, exists and is "
                           f"not managed by this collection: remove it with `ip link delete {new.link.name}`")
    draft.do(LinkAdd(HOST, new.link, Peer(item.path, item.interface_name, new.mac_address, new.link.mtu)))


def _move(draft: Draft, item: LocatedEndpoint, given: GivenPair, new: Endpoint) -> None:
    """An existing pair becomes the endpoint's: one end moves in as it is to be, then the other one gets the mark.

    In between it is a pair that lacks an end, which veth_pair makes anew.
    """
    fitting = dataclasses.replace(given.inner, mtu=new.link.mtu, mac=new.mac_address or given.inner.mac)
    if fitting != given.inner:
        draft.do(LinkSet(HOST, given.inner, fitting))
    draft.do(LinkMove(HOST, fitting, item.path, item.interface_name))
    if given.outer != new.link:
        draft.do(LinkSet(HOST, given.outer, new.link, item.path))


def _adjust(draft: Draft, item: LocatedEndpoint, kept: Kept, new: Endpoint) -> None:
    """MTU and MAC of the container's end; a MAC that was derived from the address follows it.

    The host's end is for :func:`pending.record`.
    """
    inner = draft.state.namespaces[item.path].links[item.interface_name]
    wanted = dataclasses.replace(inner, mtu=new.link.mtu, mac=new.mac_address or inner.mac)
    if wanted != inner:
        draft.do(LinkSet(item.path, inner, wanted))
