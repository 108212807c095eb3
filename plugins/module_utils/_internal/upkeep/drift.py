# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has become that is not as it is kept: what the next runs would repair. Pure.

That is what every run repairs, whatever it was asked, and what a run repairs in what it names: so all bridges and all
interfaces of containers are named, and nothing is asked of them. What only the document knows, such as the MTU of a
bridge, is told by whoever has the document.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Optional

from ..bridge.desired import DesiredBridge
from ..bridge.lost import is_certain
from ..bridge.model import Bridge, bridges
from ..bridge.plan import amend as amend_bridges
from ..bridge.plan import scope as bridge_scope
from ..core.errors import MooringError
from ..endpoint.following import as_it_is, is_inside
from ..endpoint.leases import on_subnet
from ..endpoint.pending import find_behind
from ..endpoint.plan import amend as amend_endpoints
from ..firewall.model import FAMILIES
from ..host.draft import Draft
from ..host.endpoints import Endpoint, endpoints, find_homes
from ..host.model import HostState, Scope
from ..host.ways import find_unread
from ..netns.model import HOST
from ..ports.ledger import Ledger
from .ports import keep_bridges, put_back
from .recall import find_doubtful
from .repairs import told
from .settle import begin, settle
from .shapers import find_unlimited


def scope(look: HostState) -> Scope:
    """What has to be read to tell."""
    inside = [lease.reads for lease in endpoints(look) if not lease.adopted]
    return Scope.union([bridge_scope([], look), Scope(firewall=True, others=True, every_name=True), *inside])


def find_drift(state: HostState, ledger: Ledger) -> list[str]:
    """A sentence for each difference, of which those that any run repairs are its actions."""
    every, named = Draft.of(_narrow(state), ledger), Draft.of(state, ledger)
    for draft in (every, named):
        begin(draft)
    settle(every)
    put_back(named)
    problems = [*_name_endpoints(named), *_name_bridges(named), *(each.problem for each in every.assumed)]
    keep_bridges(named)
    problems += [f"{name}: {problem}" for name, problem in named.failed.items()]
    actions = [action.text for draft in (every, named) for action in told(draft)]
    return list(dict.fromkeys([*actions, *problems, *find_doubtful(state), *find_unlimited(state)]))


def _narrow(state: HostState) -> HostState:
    """The host as a run reads it that names nothing: what is inside of containers may change rules."""
    found = state.copy()
    found.namespaces = {HOST: found.host}
    paths = (*find_unread(found, ()), *find_homes(found), *(lease.path for lease in find_behind(state)))
    found.namespaces.update({path: state.namespaces[path] for path in paths if path in state.namespaces})
    return found


def _name_bridges(draft: Draft) -> list[str]:
    """What makes bridges what a task would that says no more than their names."""
    own = {name: bridge for name, bridge in bridges(draft.state).items() if is_certain(bridge.link)}
    lacking = [name for name, bridge in own.items() if not bridge.declared("ipv4")]  # a task would choose another one
    named = [DesiredBridge(name, ip_forward=own[name].forward) for name in own if name not in lacking]
    return [*(f"bridge {name} lacks its IPv4 address: give it back with bip of docker_bridge" for name in lacking),
            *_lacking_v6(draft.state, own), *_plan(lambda: amend_bridges(draft, named))]


def _lacking_v6(state: HostState, own: Mapping[str, Bridge]) -> list[str]:
    """Bridges that have lost IPv6, as the kernel does to each that is set down: what their containers have tells it."""
    behind: dict[str, list[str]] = {}
    for lease in endpoints(state):
        if lease.ip("ipv6") and lease.bridge in own and not own[lease.bridge].declared("ipv6"):
            behind.setdefault(lease.bridge, []).append(f"{lease.container} has {lease.ip('ipv6')}")
    return [f"bridge {name} lacks its IPv6 address ({leases[0]}): give it back with bip6 of docker_bridge"
            for name, leases in behind.items()]


def _name_endpoints(draft: Draft) -> list[str]:
    """The same of interfaces of containers, but for those that engines have made."""
    own = bridges(draft.state)
    items = [as_it_is(lease, own) for lease in endpoints(draft.state)
             if lease.bridge and not lease.adopted and _fits(lease, own.get(lease.bridge))
             and is_inside(draft.state, lease) and all(key in draft.observed.sysctls for key in lease.reads.sysctls)]
    return _plan(lambda: amend_endpoints(draft, items))


def _fits(lease: Endpoint, bridge: Optional[Bridge]) -> bool:
    """Whether the bridge of an endpoint has the subnets that its addresses are of. Else that is what has to be told."""
    return bridge is None or all(bridge.subnet(family) and on_subnet(lease.with_prefix(family), bridge.subnet(family))
                                 for family in FAMILIES if lease.ip(family))


def _plan(planner: Callable[[], None]) -> list[str]:
    """Why nothing could be planned."""
    try:
        planner()
    except MooringError as error:
        return [str(error)]
    return []
