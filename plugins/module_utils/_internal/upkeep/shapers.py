# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces of containers are kept to the limits in their leases. Pure.

What keeps them there is on the host: on the host's end, and on an ifb beside it. So a container with CAP_NET_ADMIN
changes nothing of it.
"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Optional

from ..core.plan import RECORD_BRIDGE, RELEASE_LINK
from ..host.draft import Draft
from ..host.endpoints import Endpoint, endpoints
from ..host.model import HostState
from ..link.bandwidth import IFB, INGRESS, ROOT, fits, ifb_mark, ifb_name
from ..link.model import Link, Shaper
from ..link.operations import LinkAdd, LinkDel, LinkSet
from ..link.shapers import ShaperDel, ShaperSet
from ..netns.model import HOST

_MTU = 1500  # of an ifb, which hands on packets of any length


def keep_shapers(draft: Draft) -> None:
    """Add to the draft what brings buckets and ifbs to what the leases say, where it was read.

    A limit is there before its container is set up. One that ends goes first, and its ifb last: what is led to an
    interface that is gone is lost.
    """
    if draft.state.shapers is None:
        return
    leases = endpoints(draft.state)
    for lease in leases:
        _keep_ingress(draft, lease)
        _keep_egress(draft, lease)
    _end_forgotten(draft, {lease.link.name for lease in leases})
    _end_ifbs(draft, {ifb_name(lease.container, lease.interface) for lease in leases if lease.bandwidth.egress})


def find_unlimited(state: HostState) -> list[str]:
    """Sentences about limits that are not kept, since somebody else has put something in their place."""
    return [f"{found.interface}, the host's end of {lease.container}, has a discipline of the kind {found.kind} that "
            f"somebody else has put there, so that the limit of what {lease.interface} {verb} is not kept: remove it "
            f"with `tc qdisc delete dev {found.interface} {found.place}`"
            for lease in endpoints(state)
            for verb, limit, place in (("receives", lease.bandwidth.ingress, ROOT),
                                       ("sends", lease.bandwidth.egress, INGRESS))
            if limit and (found := (state.shapers or {}).get((lease.link.name, place))) and not found.own]


def _keep_ingress(draft: Draft, lease: Endpoint) -> None:
    limit = lease.bandwidth.ingress
    _keep(draft, (lease.link.name, ROOT), limit.shaper(lease.link.name, lease.link.mtu) if limit else None, lease.path)


def _keep_egress(draft: Draft, lease: Endpoint) -> None:
    limit, name = lease.bandwidth.egress, ifb_name(lease.container, lease.interface)
    if limit:
        _keep_ifb(draft, name, ifb_mark(lease.container, lease.interface).text)
        _keep(draft, (name, ROOT), limit.shaper(name, lease.link.mtu))
    _keep(draft, (lease.link.name, INGRESS), Shaper(lease.link.name, INGRESS, INGRESS, own=True, target=name)
          if limit else None, lease.path)


def _keep(draft: Draft, key: tuple[str, str], wanted: Optional[Shaper], inside: str = "") -> None:
    """Also over what somebody else has put on an ifb of ours; an interface of a container is left to them."""
    found = (draft.state.shapers or {}).get(key)
    if found and not found.own and inside:
        return
    if wanted is None:
        if found:
            draft.do(ShaperDel(found, inside))
    elif not fits(found, wanted):
        draft.do(ShaperSet(wanted, found if found and found.own else None, inside))


def _keep_ifb(draft: Draft, name: str, alias: str) -> None:
    found = draft.state.host.links.get(name)
    wanted = replace(found or Link(name, IFB, mtu=_MTU), up=True, alias=alias)
    if found is None:
        draft.do(LinkAdd(HOST, wanted))
    elif found != wanted and found.kind == IFB:
        draft.do(LinkSet(HOST, found, wanted))


def _end_forgotten(draft: Draft, kept: set[str]) -> None:
    """What is ours on links that were endpoints and are given back: before they lose the mark that tells it."""
    before = {lease.link.name: lease.path for lease in endpoints(draft.observed)}
    for shaper in list((draft.state.shapers or {}).values()):
        if shaper.own and shaper.interface in before and shaper.interface not in kept:
            draft.do(ShaperDel(shaper, before[shaper.interface]), RELEASE_LINK)


def _end_ifbs(draft: Draft, kept: set[str]) -> None:
    for link in list(_ifbs(draft.state)):
        if link.name not in kept:
            leads = any(shaper.target == link.name for shaper in (draft.observed.shapers or {}).values()
                        if shaper.interface in draft.state.host.links)
            draft.do(LinkDel(HOST, link), RECORD_BRIDGE if leads else RELEASE_LINK)


def _ifbs(state: HostState) -> Iterator[Link]:
    return state.find_marked(IFB)
