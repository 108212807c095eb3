# SPDX-License-Identifier: GPL-3.0-or-later
"""Forwarding on the host: the kernel settings that a bridge needs, and what must not come with them. Pure."""
from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable

from ..core.plan import CLOSE
from ..firewall.model import FAMILIES, GUARD
from ..host.draft import Draft
from ..host.model import HostState
from ..host.operations import SysctlSet
from ..host.settings import FORWARDING, FORWARDING_OF, known
from ..netns.model import HOST
from .desired import DesiredBridge
from .ipv6 import heed_routers
from .lost import is_certain
from .marking import change_mark
from .model import Bridge, awaited_bridges, bridges

ROUTE_LOCALNET = "net/ipv4/conf/{}/route_localnet"
# What the forwarding of bridges depends on: that of the host, and what new interfaces get.
SWITCHES = tuple((HOST, name) for family in FAMILIES
                 for name in (FORWARDING[family], FORWARDING_OF[family].format("default")))


def add_guard(bridge: Bridge, desired: DesiredBridge, state: HostState) -> Bridge:
    """The bridge with its guard: the families of which this run switches forwarding on for the whole host.

    The host was no router before. It becomes none between its other interfaces, unless the user says so.
    """
    if desired.forward_others:
        return dataclasses.replace(bridge, guard=())
    found = dict.fromkeys(bridge.guard)
    if desired.ip_forward and not bridge.internal:
        for family in FAMILIES:
            if bridge.address(family) and state.sysctls.get((HOST, FORWARDING[family])) == "0":
                found[family] = None
    return dataclasses.replace(bridge, guard=tuple(found))


def pass_on_guard(draft: Draft, released: bool) -> None:
    """A guard without a bridge that has rules goes to one that has; where there is none, it ends, and that is said.

    :param released: whether the user asked for forwarding between others in this task
    """
    before, after = dict.fromkeys((*_guards(draft.observed), *find_noted(draft.observed))), _guards(draft.state)
    for family in before:
        if family in after:
            continue
        if released:
            draft.unguarded.add(family)
        elif not _pass_on(draft, family) and (draft.bridges_released or family in _guards(draft.observed)):
            draft.unguarded.add(family)
            if draft.state.sysctls.get((HOST, FORWARDING[family])) != "0":
                _warn_open(draft, family)
    for bridge in bridges(draft.state).values():
        for family in bridge.guard:
            if family not in {**before, **after}:
                _warn_open(draft, family)


def keep_guard(draft: Draft) -> None:
    """The guard of a bridge that somebody has deleted goes to another one; without one its chain keeps it."""
    for family in find_noted(draft.observed):
        if family not in draft.unguarded and family not in _guards(draft.state):
            _pass_on(draft, family)


def _pass_on(draft: Draft, family: str) -> bool:
    """Whether there is a bridge with rules, which has the guard from now on."""
    heir = next((bridge for bridge in bridges(draft.state).values() if bridge.filters(family)
                 and bridge.link.is_marked), None)
    if heir is not None:
        change_mark(draft, heir, guard=(*heir.guard, family))
    return heir is not None


def find_guarded(state: HostState, own: Iterable[Bridge], unguarded: Collection[str] = ()) -> tuple[str, ...]:
    """Families whose guard is to be in force. Its chain tells it as well as the mark of a bridge.

    :param unguarded: those of which the chain counts no more
    """
    marked = [family for bridge in own for family in bridge.guard if bridge.filters(family)]
    return tuple(dict.fromkeys((*marked, *(family for family in find_noted(state) if family not in unguarded))))


def find_noted(state: HostState) -> list[str]:
    """Families whose guard has a chain."""
    return [family for family in FAMILIES if (table := state.tables.get((family, "filter"))) and GUARD in table.chains]


def _guards(state: HostState) -> dict[str, None]:
    """Families whose guard is in force by the mark of a bridge, be it one that comes back."""
    return {family: None for own in (bridges(state), awaited_bridges(state)) for bridge in own.values()
            for family in bridge.guard if bridge.filters(family)}


def _warn_open(draft: Draft, family: str) -> None:
    name = FORWARDING[family].replace("/", ".")
    draft.warn(f"forwarding ({family}) was switched on for a bridge and stays on, and no bridge has rules that keep "
               "the host from forwarding between its other interfaces. Switch it off if nobody else has come to need "
               f"it: `sysctl -w {name}=0`")


def forward(draft: Draft, desired: DesiredBridge) -> None:
    """The forwarding of the host that a bridge needs, once there are rules."""
    bridge = bridges(draft.state)[desired.name]
    if not bridge.iptables:
        close_loopback(draft, bridge.name)
    for family in FAMILIES if desired.ip_forward and not bridge.internal else ():
        # A bridge without IPv4 may get an address of it in a later run.
        if (family == "ipv4" or bridge.address(family)) and draft.state.sysctls.get((HOST, FORWARDING[family])) == "0":
            if family == "ipv6":
                heed_routers(draft, switching=True)
            draft.do(SysctlSet(HOST, FORWARDING[family], "1", "0"))


def keep_forwarding(draft: Draft) -> None:
    """Bridges forward where the host does. The kernel asks the interface that a packet comes in by.

    A new bridge gets what ``conf.default`` says, which systemd-networkd and others set to 0.
    """
    for bridge in bridges(draft.state).values():
        for family in FAMILIES:
            # Behind a bridge with an uplink the host may live from router advertisements, and be no router there.
            if not (bridge.forward and bridge.address(family) and is_certain(bridge.link)) or bridge.internal or (
                    family == "ipv6" and bridge.uplink):
                continue
            name = FORWARDING_OF[family].format(bridge.name)
            if draft.state.sysctls.get((HOST, FORWARDING[family])) == "1" and (
                    known(draft.state.sysctls, HOST, name) == "0"):
                if family == "ipv6":
                    heed_routers(draft, switching=False)
                draft.do(SysctlSet(HOST, name, "1", draft.state.sysctls.get((HOST, name))))


def close_loopback(draft: Draft, name: str) -> None:
    """Without the rule that drops it, a container could address the host's loopback."""
    localnet = ROUTE_LOCALNET.format(name)
    if draft.state.sysctls.get((HOST, localnet)) == "1":
        draft.do(SysctlSet(HOST, localnet, "0", "1"), CLOSE)
