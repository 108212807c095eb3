# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes where the document is to be all that is kept on a host. Pure."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..bridge.desired import DesiredBridge
from ..bridge.model import bridges
from ..bridge.plan import release as release_bridges
from ..endpoint.model import LocatedEndpoint
from ..endpoint.plan import release as release_endpoints
from ..files.marks import read_marks as known_names
from ..host.draft import Draft
from ..host.endpoints import endpoints
from ..host.model import HostState, Scope
from ..host.operations import NetnsDel
from ..host.registration import NetnsForget
from ..host.resource import Resource
from ..link.model import VETH
from ..link.operations import LinkDel
from ..names.plan import give_back
from ..netns.model import HOST, Resolved, Target


@dataclass(frozen=True)
class Kept:
    """What a document names: bridges, containers with the names of their namespaces, interfaces of them, pairs."""

    bridges: frozenset[str]
    containers: frozenset[str]
    interfaces: frozenset[tuple[str, str]]
    pairs: frozenset[str]


def scope(_items: Sequence[Kept], _look: HostState) -> Scope:
    return Scope(firewall=True, every_name=True)


def release(draft: Draft, items: Sequence[Kept]) -> None:
    """All that is not named goes: names, pairs, interfaces, namespaces, ports, links, and the bridges at last."""
    for kept in items:
        for each in known_names(draft.state.files):
            if each.site.container not in kept.containers:
                give_back(draft, each.site)
        for link in [link for link in draft.state.find_marked(VETH) if link.mark and link.mark.name not in kept.pairs]:
            if link.name in draft.state.host.links:  # both ends may be on the host, and go together
                draft.do(LinkDel(HOST, link))
        _release_containers(draft, kept)
        release_bridges(draft, [DesiredBridge(name, present=False, force=True)
                                for name in dict.fromkeys((*bridges(draft.state), *draft.state.awaited))
                                if name not in kept.bridges])
        draft.bridges_released |= not kept.bridges


def _release_containers(draft: Draft, kept: Kept) -> None:
    release_endpoints(draft, [
        LocatedEndpoint(Target("netns_path", lease.path), present=False, interface_name=lease.interface,
                        place=Resolved(lease.container, lease.path))
        for lease in endpoints(draft.state) if (lease.container, lease.interface) not in kept.interfaces])
    attached = {lease.container for lease in endpoints(draft.state)}
    for name, entry in list(draft.state.named.items()):
        if (entry.own or entry.lost) and name not in kept.containers and name not in attached:
            draft.do(NetnsDel(name, bool(entry.link)) if entry.own else NetnsForget(name))
    limited = {container for container, _interface in draft.ledger.limits}
    for name in {*draft.ledger.by_container, *draft.ledger.by_source, *limited} - kept.containers:
        draft.ledger.forget(name)


def _amend(_draft: Draft, _items: Sequence[Kept]) -> None:
    """What is to be there is planned by others."""


RESOURCE = Resource(key="kept", many="kept", options={}, parse=lambda options: options,
                    identity=lambda item: "the document", amend=_amend, views=lambda state, ledger, items: (),
                    scope=scope, release=release)
