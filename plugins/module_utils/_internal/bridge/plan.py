# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a Docker-style bridge exist, or go. Pure."""
from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from ..core.errors import MooringError, OptionError
from ..core.names import bridge_mac
from ..core.plan import MAKE_LINK, RECORD_BRIDGE, View
from ..firewall.model import COMMANDS, FAMILIES
from ..host.draft import Draft
from ..host.endpoints import endpoints
from ..host.model import HostState, Scope
from ..host.settings import FORWARDING_OF
from ..link.model import IPV6_MIN_MTU, Link
from ..link.operations import LinkAdd, LinkDel
from ..netns.model import HOST
from ..ports.ledger import Ledger
from . import auxiliary, ipv6
from .administrator import asks_user, take_wish
from .desired import DesiredBridge
from .egress import is_list, limit_bridges, shown
from .exceptions import check_all, refuse_closing
from .forwarding import ROUTE_LOCALNET, add_guard, forward, pass_on_guard
from .leaving import find_leases, leave
from .lost import is_certain
from .merge import merge, refuse_making
from .model import Bridge, bridge_of
from .outbound import check_places, warn_of_absent
from .recording import address, record
from .ruleless import warn_of_idle
from .uplink import check_ways_out, decide_uplink, warn_of_uplinks


def scope(items: Sequence[DesiredBridge], look: HostState) -> Scope:
    """Also the inside of the endpoints that follow a change of their bridge."""
    changing = {item.name for item in items if _changes(item, look)}
    following = [endpoint for endpoint in endpoints(look) if endpoint.bridge in changing]
    settings = (*ipv6.OF_BRIDGES, ROUTE_LOCALNET, *FORWARDING_OF.values())
    taken_over = [(HOST, name.format(item.name)) for item in items if item.adopt for name in settings]
    naming = {item.name for item in items if item.container_names}
    named = [endpoint for endpoint in endpoints(look) if endpoint.bridge in naming]
    own = Scope(sysctls=((HOST, ipv6.DISABLE_ALL), *ipv6.NEW, *taken_over), bridge_sysctls=settings,
                firewall=True, others=True, lists=any(is_list(item.allow_to) for item in items),
                names=frozenset(endpoint.container for endpoint in (*following, *named)))
    return Scope.union([own, *(endpoint.reads for endpoint in following if not endpoint.adopted)])


def _changes(item: DesiredBridge, look: HostState) -> bool:
    """Whether a bridge that is there goes, or gets another address, MTU or gateway."""
    link = look.host.links.get(item.name)
    before = bridge_of(link) if link else None
    if before is None or not item.present:
        return before is not None
    with contextlib.suppress(MooringError):  # what is refused will be when it is planned
        after = merge(before, item, look)
        return any(getattr(before.link, name) != getattr(after.link, name) for name in ("addresses", "mtu")) or (
            (before.gateway, before.gateway_v6, before.internal) != (after.gateway, after.gateway_v6, after.internal))
    return False


def release(draft: Draft, items: Sequence[DesiredBridge]) -> None:
    """:raises MooringError: for a bridge that has endpoints, unless the user says so"""
    for item in draft.each(items):
        if not item.present:
            leave(draft, item)
            draft.bridges_released = True


def amend(draft: Draft, items: Sequence[DesiredBridge]) -> None:
    """:raises MooringError: when something asked for contradicts what is there"""
    given = {item.name: tuple(filter(None, (item.bip, item.bip6))) for item in items if item.present}
    for item in draft.each(items):
        if item.present:
            avoided = tuple(address for name, told in given.items() if name != item.name for address in told)
            _present(draft, replace(item, avoided=avoided))
            draft.bridges_asked.append(item.name)
    take_wish(draft, items)
    check_all(draft, items)
    check_ways_out(draft, items)
    check_places(draft, items)
    limit_bridges(draft, items)
    present = [item.name for item in items if item.present]
    warn_of_uplinks(draft, present)
    warn_of_absent(draft, present)
    warn_of_idle(draft, items)
    pass_on_guard(draft, any(item.forward_others for item in items))


def views(state: HostState, ledger: Ledger, items: Sequence[DesiredBridge]) -> list[View]:
    return [view(state, ledger, item.name) for item in items]


def view(state: HostState, ledger: Ledger, name: str) -> View:
    """A bridge as it is returned to the user, None when it is not there or not ours."""
    link = state.host.links.get(name)
    bridge = bridge_of(link) if link else None
    if bridge is None:
        return None
    found = {"name": name, "bip": bridge.declared("ipv4"), "subnet": bridge.subnet("ipv4"), "mtu": bridge.link.mtu,
             "mac_address": bridge.link.mac, "up": bridge.link.up, "stp": bridge.link.stp,
             "ip_masq": bridge.masquerade, "outbound_address": bridge.outbound,
             "outbound_address_v6": bridge.outbound_v6, "icc": bridge.icc, "iptables": bridge.iptables,
             "ip6tables": bridge.ip6tables, "fixed_cidr": bridge.pool, "default_gateway": bridge.gateway,
             "ipv6": bool(bridge.subnet("ipv6")), "bip6": bridge.declared("ipv6"), "subnet_v6": bridge.subnet("ipv6"),
             "fixed_cidr_v6": bridge.pool_v6, "default_gateway_v6": bridge.gateway_v6, "adopted": bridge.adopted,
             "uplink": bridge.uplink, "internal": bridge.internal, "user_chain": asks_user(state),
             "forward_others": not bridge.guard, "gateway_mode": bridge.gateway_mode("ipv4"),
             "gateway_mode_v6": bridge.gateway_mode("ipv6"), "allow_bridges": list(bridge.allowed),
             "trusted_interfaces": list(bridge.trusted_interfaces),
             "trusted_networks": list(bridge.trusted_networks), "container_names": bridge.names,
             "allow_to": shown(ledger, bridge.limit),
             "aux_addresses": auxiliary.named(bridge),
             "endpoints": sorted(lease.container for lease in find_leases(state.host.ports_of(name)))}
    return found


def _present(draft: Draft, desired: DesiredBridge) -> None:
    link = draft.state.host.links.get(desired.name)
    if desired.ipv6:
        ipv6.require_ipv6(draft.state)
    if link is not None and link.unfinished:
        draft.do(LinkDel(HOST, link))
        link = None
    if link is None:
        refuse_making(desired)
        fresh = Bridge(Link(desired.name, "bridge", mac=bridge_mac(desired.name), up=True))
        bridge = _complete(fresh, desired, draft.state)
        bare = replace(bridge.link, addresses=(), group=bridge.group)
        draft.do(LinkAdd(HOST, replace(bare, alias=bridge.mark.text)))
        current, recorded = fresh, None
    else:
        current = _own(link, desired)
        _refuse_loss(draft, current, desired)
        bridge = _complete(current, desired, draft.state)
        refuse_closing(draft, current, bridge, desired)
        recorded = record(draft, link, current, bridge)
    address(draft, desired, current, bridge, recorded, MAKE_LINK if link is None else RECORD_BRIDGE)
    ipv6.configure(draft, bridge, RECORD_BRIDGE if link and link.mtu < IPV6_MIN_MTU else MAKE_LINK)
    forward(draft, desired)


def _complete(bridge: Bridge, desired: DesiredBridge, state: HostState) -> Bridge:
    """A bridge as it will be."""
    merged = merge(decide_uplink(bridge, desired, state), desired, state)
    ipv6.require_mtu(merged, desired)
    return add_guard(merged, desired, state)


def _refuse_loss(draft: Draft, bridge: Bridge, desired: DesiredBridge) -> None:
    """Rules are the only ledger of published ports and of what links open: taking them away loses both."""
    held = {endpoint.ip(family) for endpoint in endpoints(draft.state) if endpoint.bridge == bridge.name
            for family in FAMILIES}
    for family, wanted in (("ipv4", desired.iptables), ("ipv6", desired.ip6tables)):
        if wanted is not False or not bridge.filters(family) or desired.force:
            continue
        kept = [f"{p.container} {p.text}" for p in draft.ledger.publications
                if p.container_ip in held and p.family == family]
        kept += [link.note for link in draft.ledger.links
                 if link.bridge == bridge.name and link.family == family and link.opens]
        if kept:
            raise OptionError(COMMANDS[family], False, f"would close {len(kept)} published ports and links of "
                              f"{bridge.name} ({kept[0]}{', ...' if kept[1:] else ''})",
                              "Remove them first, or say force: true")


def _own(link: Link, desired: DesiredBridge) -> Bridge:
    if link.kind != "bridge":
        raise OptionError("name", desired.name, f"is an interface of kind {link.kind or 'ethernet'}, not a bridge",
                          "Choose another name")
    current = bridge_of(link)
    if current is None:
        if not desired.adopt:
            raise OptionError("name", desired.name, "is a bridge that somebody else made",
                              "Choose another name, or say adopt: true to manage it from now on")
        return Bridge(link, adopted=True)
    if not is_certain(link) and desired.adopt is False and desired.mac_address != link.mac:
        raise OptionError("name", desired.name, "is a bridge that has rules of this collection and has lost its mark, "
                          f"and its MAC address {link.mac} is not made of its name: somebody else may have made it",
                          "Give that as mac_address if it is the bridge's, say adopt: true to take it over, or state: "
                          "absent to let go of its rules")
    return current if is_certain(link) or desired.mac_address == link.mac else replace(current, adopted=True)
