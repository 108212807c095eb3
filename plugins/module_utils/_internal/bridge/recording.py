# SPDX-License-Identifier: GPL-3.0-or-later
"""How a bridge becomes what a task wants: the settings in its mark, its MTU and its addresses. Pure."""
from __future__ import annotations

from dataclasses import replace
from typing import Optional

from ..core.plan import RECORD_BRIDGE
from ..host.draft import Draft
from ..link.addressing import AddrAdd, AddrDel
from ..link.model import IPV6_MIN_MTU, Link
from ..link.operations import LinkSet
from ..netns.model import HOST
from . import ipv6
from .desired import DesiredBridge
from .merge import refuse_overlap
from .model import Bridge


def record(draft: Draft, link: Link, current: Bridge, bridge: Bridge) -> Optional[LinkSet]:
    """The settings of a bridge that is there, and its MTU. :returns: what is left to do once it has its addresses"""
    # What endpoints follow comes after them, and the network of an isolated bridge is only in its mark.
    soon = replace(bridge, internal=current.internal, isolated=current.isolated, network=current.network,
                   network_v6=current.network_v6, gateway=current.gateway, gateway_v6=current.gateway_v6)
    marked = replace(bridge.link, up=True, addresses=link.addresses, mtu=link.mtu, alias=soon.mark.text,
                     group=soon.group)
    later = replace(marked, mtu=bridge.link.mtu, alias=bridge.mark.text, group=bridge.group)
    if marked != link:
        draft.do(LinkSet(HOST, link, marked))
    if later == marked:
        return None
    # With an MTU that is too small for it the kernel takes IPv6 away, and its addresses before they can be removed.
    ends_v6 = later.mtu < IPV6_MIN_MTU <= marked.mtu
    if set(current.isolated) <= set(bridge.isolated) and not ends_v6:
        draft.do(LinkSet(HOST, marked, later), RECORD_BRIDGE)
        return None
    return LinkSet(HOST, marked, later)


def address(draft: Draft, desired: DesiredBridge, current: Bridge, bridge: Bridge, recorded: Optional[LinkSet],
            made: int) -> None:
    """Give the bridge its addresses, and take others away.

    :param recorded: what :func:`record` left to do
    :param made: the stage in which it gets addresses
    """
    old, name = current.link.addresses, desired.name
    for each in reversed(old):  # with the first one of a network the kernel takes all of it
        if each not in bridge.link.addresses:
            draft.do(AddrDel(HOST, name, each), RECORD_BRIDGE)
    returns = "ipv6" in current.isolated and "ipv6" not in bridge.isolated
    if bridge.address("ipv6") or returns and draft.state.sysctls.get((HOST, ipv6.DISABLE.format("default"))) != "1":
        ipv6.enable(draft, name, made)
    for each in bridge.link.addresses:
        if each not in old:
            refuse_overlap(draft.state, desired, each)
            draft.do(AddrAdd(HOST, name, each), made)
    for network in (bridge.network, bridge.network_v6):
        if network and network not in (current.network, current.network_v6):
            refuse_overlap(draft.state, desired, network)
    if recorded is not None:
        draft.do(recorded, RECORD_BRIDGE)
