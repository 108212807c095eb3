# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames that go from one port of a bridge to another, and what makes the kernel show them to rules. Pure.

The kernel shows them for all bridges of a host (the sysctls of br_netfilter), or for one, whatever the sysctls say
(``nf_call_iptables`` of ip-link(8)). Docker sets the former, and so do we. For each bridge that needs it the
latter is set too: a file of sysctl.d that says 0, as guides for virtual machines advise, opens nothing between its
containers.
"""
from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from ..bridge.lost import is_certain
from ..bridge.model import Bridge, with_leases
from ..core.plan import CLOSE
from ..firewall.model import FAMILIES
from ..host.draft import Draft
from ..host.model import BRIDGE_CALLS, HostState
from ..host.operations import ModuleLoad, SysctlSet
from ..link.operations import LinkSet
from ..netns.model import HOST


def find_bridged(state: HostState, own: Iterable[Bridge], limited: Collection[str]) -> tuple[str, ...]:
    """The families for which frames between two ports of a bridge pass iptables, or will: also of one of others."""
    values = {family: state.sysctls.get((HOST, name)) for family, name in BRIDGE_CALLS.items()}
    filtered = {family for family in FAMILIES if any(_filters_frames(bridge, family, limited) for bridge in own)}
    # The module that one family needs begins with 1 for both (brnf_init_net() of the kernel).
    loaded = any(values[family] is None for family in filtered)
    shown = {family for link in state.host.links.values() for family in link.nf_calls if values[family] is not None}
    return tuple(family for family, value in values.items() if value == "1" or family in filtered or family in shown
                 or (loaded and value is None))


def ask_rules(draft: Draft, family: str, limited: Collection[str]) -> None:
    """Frames between two ports of a bridge pass iptables only with this sysctl, and only then it is known by which port
    something comes in: it is part of icc: false, and of lists of where single containers may send.

    :param limited: bridges with such containers
    """
    name = BRIDGE_CALLS[family]
    filtered = [bridge for bridge in with_leases(draft.state).values() if _filters_frames(bridge, family, limited)]
    value = draft.state.sysctls.get((HOST, name))
    if not filtered or value == "1":
        return
    load = ModuleLoad("br_netfilter")
    if value is None and load not in draft.operations:
        draft.do(load, CLOSE)
    draft.do(SysctlSet(HOST, name, "1", value), CLOSE)
    if outer := [bridge.name for bridge in filtered if bridge.uplink]:
        draft.warn(f"{name.replace('/', '.')} becomes 1, since bridge {outer[0]} has an uplink and containers: rules "
                   "of others decide from now on about what goes between two ports of any bridge of this host, too")


def keep_calls(draft: Draft, limited: Collection[str]) -> None:
    """Add to the draft what shows rules the frames of each bridge that needs it, and of no other one of ours.

    On adopted ones it is never switched off, since others may have set it for rules of their own.

    :param limited: bridges with containers that have lists
    """
    for bridge in with_leases(draft.state).values():
        link = bridge.link
        kept = FAMILIES if bridge.adopted else draft.state.unusable
        wanted = tuple(family for family in FAMILIES if _filters_frames(bridge, family, limited)
                       or family in kept and family in link.nf_calls)
        if link.nf_calls != wanted and is_certain(link):
            draft.do(LinkSet(HOST, link, replace(link, nf_calls=wanted)))


def _filters_frames(bridge: Bridge, family: str, limited: Collection[str]) -> bool:
    """Whether rules decide what goes between two ports of a bridge, or ask by which one something comes in."""
    return bridge.filters(family) and (not bridge.icc or bridge.name in limited
                                       or (bridge.uplink and bool(bridge.inside(family))))
