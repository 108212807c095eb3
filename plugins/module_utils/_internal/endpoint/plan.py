# SPDX-License-Identifier: GPL-3.0-or-later
"""What gives a container an interface on a bridge, or takes it away. Pure."""
from __future__ import annotations

from collections.abc import Callable, Sequence

from ..bridge.egress import is_list
from ..core.plan import View
from ..host.draft import Draft
from ..host.endpoints import endpoints
from ..host.model import HostState, Scope
from ..link.bandwidth import NONE
from ..netns.model import HOST
from ..ports.ledger import Ledger
from . import inside, namespace
from .following import followers
from .model import LocatedEndpoint
from .planner import Planner
from .reserved import require_ports
from .view import view


def scope(items: Sequence[LocatedEndpoint], look: HostState) -> Scope:
    """The namespaces of all items, and of those whose network they share."""
    paths: dict[str, None] = {}
    for item in items:
        for place in (item.place, item.shared):
            if place and not place.missing:
                paths[place.path] = None
        if item.mode == "host":
            paths[namespace.INIT] = None
    sysctls = [(item.path, name) for item in items if item.present and item.mode == "bridge"
               and not item.place.missing for name in inside.sysctl_names(item)]
    sysctls += [(HOST, name) for item in items for name in inside.sysctls_of_host(item)]
    inner = [(item.path, name, value) for item in items if item.present and item.mode == "bridge"
             for name, value in item.sysctls]
    limited = {(lease.container, lease.interface): lease.bandwidth for lease in endpoints(look)}
    shaping = any(item.present and item.bandwidth and item.bandwidth != NONE
                  and limited.get((item.label, item.interface_name)) != item.bandwidth for item in items)
    return Scope(namespaces=tuple(paths), sysctls=(*sysctls, (HOST, inside.HOST_V6)), firewall=True, shaping=shaping,
                 inner=tuple(inner), lists=any(is_list(item.allow_to) for item in items),
                 names=frozenset(item.label for item in items))


def release(draft: Draft, items: Sequence[LocatedEndpoint]) -> None:
    """Those who leave, and those who share another one's network from now on, give up their interfaces.

    A process that got the number of one that ended is given nothing of what that one had, ports above all.
    """
    planner = Planner(draft, items)
    for item in draft.each(items):
        if not item.present:
            planner.detach(item)
        elif namespace.is_another_process(draft, item):
            _close(draft, item)
            planner.unplug(item)
        elif item.mode != "bridge":
            planner.unplug(item)


def _close(draft: Draft, item: LocatedEndpoint) -> None:
    published = [publication.text for publication in draft.ledger.publications_of(item.label)]
    if published or draft.ledger.links_of(item.label):
        which = f"process {item.target.value}" if item.target.kind == "pid" else f"the process of {item.target.value}"
        draft.warn(f"{which} is another one than that which was registered as {item.label} and has "
                   f"ended. It gets none of its published ports and links ({', '.join(published[:3]) or 'links only'}"
                   f"{' and more' if len(published) > 3 else ''}): say them again if it is the same container")


def amend(draft: Draft, items: Sequence[LocatedEndpoint]) -> None:
    """Those who are to be there, and those who follow their bridge.

    What a container keeps from being done in it concerns that container alone.

    :raises MooringError: when something asked for contradicts what is there
    """
    listed = {(item.label, item.interface_name) for item in items}
    draft.followed = True
    present = [item for item in (*items, *followers(draft, listed)) if item.present]
    planner = Planner(draft, present)
    own = [item for item in present if item.mode == "bridge"]
    for item in draft.each(sorted(own, key=planner.rank)):
        _try(draft, item, planner.reserve)
    planner.make(own)
    # The networks that others share are there by now, but for those that are shared themselves.
    sharing = sorted((item for item in present if item.mode != "bridge"), key=lambda item: item.depth)
    for item in draft.each(sharing):
        _try(draft, item, planner.share)
    require_ports(draft, planner.bridges)


def _try(draft: Draft, item: LocatedEndpoint, do: Callable[[LocatedEndpoint], None]) -> None:
    if item.label not in draft.failed:
        with draft.bearing():
            do(item)


def views(state: HostState, ledger: Ledger, items: Sequence[LocatedEndpoint]) -> list[View]:
    leases = {(lease.container, lease.interface): lease for lease in endpoints(state)}
    return [view(state, ledger, leases.get((item.label, item.interface_name)), item) for item in items]
