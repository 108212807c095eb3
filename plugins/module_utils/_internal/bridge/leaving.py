# SPDX-License-Identifier: GPL-3.0-or-later
"""How a bridge goes: with its endpoints, or back to those who made it. Pure."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..core.errors import MooringError
from ..host.draft import Draft
from ..host.endpoints import Endpoint, endpoint_of
from ..host.endpoints import release as release_endpoint
from ..link.model import Link
from ..link.operations import LinkDel, LinkSet
from ..netns.model import HOST
from .desired import DesiredBridge
from .forwarding import close_loopback
from .lost import is_certain
from .model import Bridge, bridge_of
from .way_out import hosts_way


def find_leases(ports: Iterable[Link]) -> list[Endpoint]:
    """The endpoints among the ports of a bridge."""
    return [lease for port in ports if (lease := endpoint_of(port)) is not None]


def leave(draft: Draft, desired: DesiredBridge) -> None:
    """:raises MooringError: for a bridge that has endpoints or ports of others, unless the user says so"""
    draft.state.awaited.pop(desired.name, None)
    link = draft.state.host.links.get(desired.name)
    if link is None:
        draft.ledger.forget_limits(desired.name)
        return
    bridge = bridge_of(link)
    if bridge is not None and not is_certain(link):
        # Its rules go, and it stays.
        draft.state.host.links[link.name] = replace(link, presumed="")
        bridge = None
    if bridge is None:
        # Not an error: an adopted bridge that was given back is in this condition.
        draft.warn(f"{desired.name} is not managed by this collection and is left alone: remove it by hand (`ip link "
                   f"delete {desired.name}`) if it is not needed")
        return
    ports = draft.state.host.ports_of(desired.name)
    leases = find_leases(ports)
    if not desired.force:
        _refuse_departure(bridge, leases, [port.name for port in ports if endpoint_of(port) is None])
    for lease in leases:
        if not lease.adopted:
            release_endpoint(draft, lease)
    if bridge.adopted:
        close_loopback(draft, desired.name)
        draft.do(LinkSet(HOST, link, replace(link, alias="")))
    elif reason := hosts_way(draft.state, bridge):
        _let_go(draft, bridge, reason)
    else:
        draft.do(LinkDel(HOST, link))
    for lease in leases:
        if lease.adopted:
            release_endpoint(draft, lease)
    draft.ledger.forget_limits(desired.name)


def _let_go(draft: Draft, bridge: Bridge, reason: str) -> None:
    """What has become the host's own way stays, with all addresses: by one of them the host may be reached."""
    has = f", and it has {' and '.join(bridge.link.addresses)}" if bridge.link.addresses else ""
    draft.warn(f"bridge {bridge.name} stays, without rules of this collection: {reason}{has}. Move that elsewhere, and "
               f"remove the bridge by hand (`ip link delete {bridge.name}`)")
    close_loopback(draft, bridge.name)
    link = draft.state.host.links[bridge.name]
    draft.do(LinkSet(HOST, link, replace(link, alias="", group=0)))


def _refuse_departure(bridge: Bridge, leases: Sequence[Endpoint], others: Sequence[str]) -> None:
    """:raises MooringError: for a bridge with endpoints, and for one that takes the ports of others with it"""
    if leases:
        raise MooringError(f"bridge {bridge.name} has {_count(leases, 'endpoint')} "
                           f"({_some([lease.container for lease in leases])}): detach them first with netns_attach "
                           "state=absent, or say force: true to remove them with it")
    if others and not bridge.adopted:
        raise MooringError(f"bridge {bridge.name} has {_count(others, 'port')} of no container "
                           f"({_some(others)}): take them off it first, or say force: true to leave them without a "
                           "bridge")


def _count(found: Sequence[object], what: str) -> str:
    return f"{len(found)} {what}{'' if len(found) == 1 else 's'}"


def _some(names: Sequence[str], limit: int = 5) -> str:
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
