# SPDX-License-Identifier: GPL-3.0-or-later
"""Forwarding on the host: the kernel settings that a bridge needs, and what must not come with them. Pure."""
from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ..core.errors import OptionError
from ..core.plan import CLOSE, MAKE_LINK
from ..firewall.model import FAMILIES
from ..host.draft import Draft
from ..host.model import HostState
from ..host.operations import SysctlSet
from ..host.settings import FORWARDING, FORWARDING_OF, known
from ..link.operations import LinkSet
from ..netns.model import HOST
from .model import Bridge, DesiredBridge, bridges

DISABLE_V6 = "net/ipv6/conf/all/disable_ipv6"
ACCEPT_RA = "net/ipv6/conf/{}/accept_ra"
DAD_TRANSMITS = "net/ipv6/conf/{}/dad_transmits"
ROUTE_LOCALNET = "net/ipv4/conf/{}/route_localnet"
# What the forwarding of bridges depends on: that of the host, and what new interfaces get.
SWITCHES = tuple((HOST, name) for family in FAMILIES
                 for name in (FORWARDING[family], FORWARDING_OF[family].format("default")))


def require_ipv6(state: HostState) -> None:
    value = state.sysctls.get((HOST, DISABLE_V6))
    if value != "0":
        why = "the kernel runs without it" if value is None else "net.ipv6.conf.all.disable_ipv6 is 1"
        raise OptionError("ipv6", True, f"is not possible: IPv6 is disabled on this host ({why})",
                          "Enable it on the host, or say ipv6: false")


def add_guard(bridge: Bridge, desired: DesiredBridge, state: HostState) -> Bridge:
    """The bridge with its guard: the families of which this run switches forwarding on for the whole host.

    The host was no router before. It becomes none between its other interfaces, unless the user says so.
    """
    if desired.forward_others:
        return dataclasses.replace(bridge, guard=())
    found = dict.fromkeys(bridge.guard)
    if desired.ip_forward:
        for family in FAMILIES:
            if bridge.address(family) and state.sysctls.get((HOST, FORWARDING[family])) == "0":
                found[family] = None
    return dataclasses.replace(bridge, guard=tuple(found))


def pass_on_guard(draft: Draft, released: bool) -> None:
    """A guard without a bridge that has rules goes to one that has; where there is none, that is said.

    :param released: whether the user asked for forwarding between others in this task
    """
    before, after = _guards(draft.observed), _guards(draft.state)
    for family in before:
        if family in after or released:
            continue
        heir = next((bridge for bridge in bridges(draft.state).values() if bridge.filters(family)), None)
        if heir is not None:
            alias = dataclasses.replace(heir, guard=(*heir.guard, family)).mark.text
            draft.do(LinkSet(HOST, heir.link, dataclasses.replace(heir.link, alias=alias)))
        elif draft.state.sysctls.get((HOST, FORWARDING[family])) != "0":
            _warn_open(draft, family)
    for bridge in bridges(draft.state).values():
        for family in bridge.guard:
            if family not in {**before, **after}:
                _warn_open(draft, family)


def _guards(state: HostState) -> dict[str, None]:
    """Families whose guard is in force."""
    return {family: None for bridge in bridges(state).values() for family in bridge.guard if bridge.filters(family)}


def _warn_open(draft: Draft, family: str) -> None:
    name = FORWARDING[family].replace("/", ".")
    draft.warn(f"forwarding ({family}) was switched on for a bridge and stays on, and no bridge has rules that keep "
               "the host from forwarding between its other interfaces. Switch it off if nobody else has come to need "
               f"it: `sysctl -w {name}=0`")


def forward(draft: Draft, desired: DesiredBridge) -> None:
    """The kernel settings of a bridge, and those of the host that it needs."""
    bridge = bridges(draft.state)[desired.name]
    wanted: dict[str, str] = {}
    if draft.state.sysctls.get((HOST, DISABLE_V6)) is not None and not bridge.uplink:
        # Whatever the bridge's families are: a container that sends router advertisements would become the host's
        # router (CVE-2020-13401).
        wanted[ACCEPT_RA.format(bridge.name)] = "0"
    if bridge.address("ipv6") and not bridge.uplink:
        # The bridge asks for its containers from its link-local address. Its MAC address is made for it, so there is
        # none to detect, and detection would leave new containers unreachable for a second or two.
        wanted[DAD_TRANSMITS.format(bridge.name)] = "0"
    if not bridge.iptables:
        close_loopback(draft, bridge.name)
    if desired.ip_forward:
        wanted[FORWARDING["ipv4"]] = "1"
        if bridge.address("ipv6"):
            wanted.update(_accepting_routers(draft.state))
            wanted[FORWARDING["ipv6"]] = "1"
    for name, value in wanted.items():
        previous = draft.state.sysctls.get((HOST, name))
        own = bridge.name in name.split("/")
        if previous != value and (previous is not None or own):
            # Those of the bridge before anything is attached to it, those of the host once there are rules.
            draft.do(SysctlSet(HOST, name, value, previous), MAKE_LINK if own else None)


def keep_forwarding(draft: Draft) -> None:
    """Bridges forward where the host does. The kernel asks the interface that a packet comes in by.

    A new bridge gets what ``conf.default`` says, which systemd-networkd and others set to 0.
    """
    for bridge in bridges(draft.state).values():
        for family in FAMILIES:
            # Behind a bridge with an uplink the host may live from router advertisements, and be no router there.
            if not (bridge.forward and bridge.address(family)) or (family == "ipv6" and bridge.uplink):
                continue
            name = FORWARDING_OF[family].format(bridge.name)
            if draft.state.sysctls.get((HOST, FORWARDING[family])) == "1" and (
                    known(draft.state.sysctls, HOST, name) == "0"):
                draft.do(SysctlSet(HOST, name, "1", draft.state.sysctls.get((HOST, name))))


def close_loopback(draft: Draft, name: str) -> None:
    """Without the rule that drops it, a container could address the host's loopback."""
    localnet = ROUTE_LOCALNET.format(name)
    if draft.state.sysctls.get((HOST, localnet)) == "1":
        draft.do(SysctlSet(HOST, localnet, "0", "1"), CLOSE)


def _accepting_routers(state: HostState) -> Mapping[str, str]:
    """With forwarding on, the kernel ignores router advertisements unless accept_ra is 2 (ip-sysctl).

    A host that got its default route by one would lose it when the route's lifetime ends.
    """
    uplinks = {route.interface for route in state.host.routes
               if route.destination == "default" and route.family == "ipv6"}
    names = [ACCEPT_RA.format(uplink) for uplink in sorted(uplinks)]
    return {name: "2" for name in names if state.sysctls.get((HOST, name)) == "1"}
