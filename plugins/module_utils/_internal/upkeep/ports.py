# SPDX-License-Identifier: GPL-3.0-or-later
"""Links that somebody has changed become what their marks say again. Pure.

Programs that are told to configure every interface may do so: they take ports off their bridges, and give them
addresses. The lease has the address of the container, which tells the bridge.
"""
from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ..bridge import ipv6
from ..bridge.lost import is_certain
from ..bridge.model import Bridge, Subnets, bridges
from ..bridge.way_out import addresses_of_others
from ..core.model import is_known
from ..core.names import endpoint_link
from ..core.plan import CLOSE
from ..firewall.model import FAMILIES
from ..host.draft import Draft
from ..host.endpoints import Endpoint, endpoints
from ..host.model import HostState
from ..link.addressing import AddrDel
from ..link.operations import LinkSet
from ..netns.model import HOST


def restore_names(draft: Draft) -> None:
    """Add to the draft what gives bridges the names that their marks have, before anything else is planned."""
    for link in list(draft.state.host.links.values()):
        mark = link.mark
        if link.kind == "bridge" and mark and mark.kind == "bridge" and mark.name != link.name and (
                mark.name not in draft.state.host.links):
            draft.do(LinkSet(HOST, link, replace(link, name=mark.name)), CLOSE)


def keep_bridges(draft: Draft) -> None:
    """Add to the draft what is the same for all bridges of ours."""
    for bridge in bridges(draft.state).values():
        if not is_certain(bridge.link):
            continue
        if not bridge.link.up:
            draft.do(LinkSet(HOST, bridge.link, replace(bridge.link, up=True)))
        _keep_alone(draft, bridge)
        if draft.observed.shows_rules:
            ipv6.configure(draft, bridge)


def _keep_alone(draft: Draft, bridge: Bridge) -> None:
    """A bridge that was made here has one address of each family, which is the one that it has had first.

    One that leads to the outside may have those of the host as well.
    """
    kept = {bridge.address("ipv4"), bridge.address("ipv6"), *addresses_of_others(draft.state, bridge)}
    for address in reversed(bridge.link.addresses):  # with the first one of a network the kernel takes all of it
        if address not in kept:
            draft.do(AddrDel(HOST, bridge.name, address))


def put_back(draft: Draft) -> None:
    """Add to the draft what makes host's ends of endpoints ports of the bridges that their addresses are of."""
    found = endpoints(draft.state)
    own = bridges(draft.state)
    subnets = Subnets(own.values())
    for endpoint in found:
        link, name = endpoint.link, _name(draft.state, endpoint)
        home = _home(endpoint, own, subnets) or link.controller
        if home and not (link.up and link.hairpin and (home, name) == (link.controller, link.name)):
            wanted = replace(link, up=True, hairpin=True, name=name, controller=home)
            draft.do(LinkSet(HOST, link, wanted, endpoint.path))
        for address in reversed(link.addresses) if not (endpoint.adopted or endpoint.pair) else ():
            draft.do(AddrDel(HOST, name if home else link.name, address))


def _name(state: HostState, endpoint: Endpoint) -> str:
    """The name of a host's end, where it was made for the endpoint and nobody else has taken it."""
    name = endpoint_link(endpoint.container, endpoint.interface)
    kept = endpoint.adopted or endpoint.pair or name in state.host.links
    return endpoint.link.name if kept else name


def _home(endpoint: Endpoint, own: Collection[str], subnets: Subnets) -> str:
    """The bridge that somebody took an end off, "" where it is on its own one, or where that may be meant.

    An engine may move its own, and a pair can be given to a bridge of others.
    """
    if endpoint.bridge and (endpoint.adopted or endpoint.pair and endpoint.bridge not in own):
        return ""
    found = subnets.home(filter(is_known, map(endpoint.ip, FAMILIES)))
    return found.name if found is not None and found.name != endpoint.bridge else ""
