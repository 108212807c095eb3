# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a Docker-style bridge exist, or go. Pure."""
from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ..core.errors import MooringError, OptionError
from ..core.names import bridge_mac
from ..core.plan import Draft, Plan
from ..endpoint import follow
from ..endpoint import plan as endpoint_plan
from ..endpoint.model import DesiredEndpoint, endpoint_of, endpoints
from ..firewall.plan import plan_rules
from ..host.model import HostState, Scope
from ..host.operations import AddrAdd, AddrDel, LinkAdd, LinkDel, LinkSet, SysctlSet
from ..ipam.plan import POOLS, choose_pool
from ..link.model import BRIDGE, Link, Mark
from ..netns.model import HOST
from .model import Bridge, DesiredBridge, bridge_of, bridges

FORWARDING = "net/ipv4/ip_forward"
FORWARDING_V6 = ("net/ipv6/conf/all/forwarding", "net/ipv6/conf/default/forwarding")
DISABLE_V6 = "net/ipv6/conf/all/disable_ipv6"
ACCEPT_RA = "net/ipv6/conf/{}/accept_ra"
DEFAULT_MTU = 1500  # Docker's DefaultNetworkMtu


def scope(desired: Sequence[DesiredBridge]) -> Scope:
    names = (FORWARDING, *FORWARDING_V6, DISABLE_V6)
    return Scope(sysctls=tuple((HOST, name) for name in names), bridge_sysctls=(ACCEPT_RA,),
                 uplink_sysctls=(ACCEPT_RA,), firewall=True)


def plan(desired: Sequence[DesiredBridge], state: HostState) -> Plan:
    """:raises MooringError: when something asked for contradicts what is there"""
    draft = Draft(state.copy())
    for item in desired:
        if item.present:
            _present(draft, item)
        else:
            _absent(draft, item)
    following = _following(draft, state)
    unread = [item for item in following if item.path not in state.namespaces]
    if unread:
        return Plan(needs=endpoint_plan.scope(unread))
    follow.follow(draft, state, following)
    gone = {e.container for e in endpoints(state)} - {e.container for e in endpoints(draft.state)}
    plan_rules(draft, state, removed=gone)
    return draft.finish([view(state, item.name) for item in desired],
                        [view(draft.state, item.name) for item in desired])


def _following(draft: Draft, observed: HostState) -> list[DesiredEndpoint]:
    """Endpoints of bridges that change in what concerns them."""
    after = bridges(draft.state)
    return [item for name, before in bridges(observed).items() if name in after and after[name] != before
            for item in follow.items(observed, before, after[name])]


def view(state: HostState, name: str) -> Optional[Mapping[str, Any]]:
    """A bridge as it is returned to the user, None when it is not there or not ours."""
    link = state.host.links.get(name)
    bridge = bridge_of(link) if link else None
    if bridge is None:
        return None
    found = {"name": name, "bip": bridge.address("ipv4"), "subnet": bridge.subnet("ipv4"), "mtu": bridge.link.mtu,
             "mac_address": bridge.link.mac, "up": bridge.link.up, "stp": bridge.link.stp,
             "ip_masq": bridge.masquerade, "icc": bridge.icc, "iptables": bridge.iptables,
             "ip6tables": bridge.ip6tables, "fixed_cidr": bridge.pool, "default_gateway": bridge.gateway,
             "ipv6": bool(bridge.address("ipv6")), "bip6": bridge.address("ipv6"), "subnet_v6": bridge.subnet("ipv6"),
             "fixed_cidr_v6": bridge.pool_v6, "default_gateway_v6": bridge.gateway_v6, "adopted": bridge.adopted,
             "endpoints": sorted(_holder(port) for port in state.host.ports_of(name))}
    return found


def _holder(port: Link) -> str:
    """Who a port of a bridge belongs to: the container where it is an endpoint of ours."""
    endpoint = endpoint_of(port)
    return endpoint.container if endpoint else port.name


def _present(draft: Draft, desired: DesiredBridge) -> None:
    link = draft.state.host.links.get(desired.name)
    if desired.ipv6:
        _require_ipv6(draft.state)
    if link is None:
        fresh = Bridge(Link(desired.name, "bridge", mac=bridge_mac(desired.name), up=True))
        bridge = _merge(fresh, desired, draft.state)
        addresses, bare = bridge.link.addresses, bridge.link.replaced(addresses=())
        draft.do(LinkAdd(HOST, bare.replaced(alias=Mark(BRIDGE, desired.name, bridge.settings()).text)))
    else:
        current = _own(link, desired)
        bridge = _merge(current, desired, draft.state)
        addresses = bridge.link.addresses
        new = bridge.link.replaced(up=True, addresses=link.addresses,
                                   alias=Mark(BRIDGE, desired.name, bridge.settings()).text)
        if new != link:
            draft.do(LinkSet(HOST, link, new))
        for address in link.addresses:
            if address not in addresses:
                draft.do(AddrDel(HOST, desired.name, address))
    for address in addresses:
        if link is None or address not in link.addresses:
            _refuse_overlap(draft.state, desired, address)
            draft.do(AddrAdd(HOST, desired.name, address))
    _forward(draft, desired)


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
    return current


def _merge(current: Bridge, desired: DesiredBridge, state: HostState) -> Bridge:
    """What the bridge will be: options that are not given leave things as they are."""
    keep = {"masquerade": desired.ip_masq, "iptables": desired.iptables, "ip6tables": desired.ip6tables,
            "pool": desired.fixed_cidr, "gateway": desired.default_gateway, "pool_v6": desired.fixed_cidr_v6,
            "gateway_v6": desired.default_gateway_v6}
    settings = {key: value for key, value in keep.items() if value is not None}
    if desired.ipv6 is False:
        settings.update(pool_v6="", gateway_v6="")
    link = current.link
    addresses = _addresses(current, desired, state)
    changes: dict[str, Any] = {"addresses": addresses}
    if desired.mtu is not None or not link.index:
        changes["mtu"] = desired.mtu if isinstance(desired.mtu, int) else default_mtu(state, desired.name)
    if desired.stp is not None:
        changes["stp"] = desired.stp
    if desired.mac_address is not None:
        changes["mac"] = desired.mac_address
    merged = dataclasses.replace(current, link=link.replaced(**changes), **settings)
    _check_parts(merged)
    if not merged.iptables and not merged.icc:
        raise OptionError("iptables", False, f"contradicts icc: false of bridge {desired.name}, which is made of rules",
                          "Say icc: true with icc_policy first")
    return merged


def _addresses(current: Bridge, desired: DesiredBridge, state: HostState) -> tuple[str, ...]:
    """Own bridges have exactly the addresses asked for; an adopted one keeps what it had beside them."""
    found = []
    for family, wanted in (("ipv4", desired.bip), ("ipv6", desired.bip6)):
        has = current.address(family)
        if wanted is None and not has and family == "ipv4":
            wanted = _pool_address(state, desired.name)
        if wanted is None and has and not (family == "ipv6" and desired.ipv6 is False):
            wanted = has
        if wanted:
            found.append(wanted)
    if current.adopted:
        found += [address for address in current.link.addresses if address not in found]
    return tuple(found)


def _pool_address(state: HostState, name: str) -> str:
    routes = [route.destination for route in state.host.routes if route.interface != name]
    routes += [str(ipaddress.ip_interface(address).network) for link in state.host.links.values()
               if link.name != name for address in link.addresses]
    pool = choose_pool(routes, state.nameservers)
    if pool is None:
        raise OptionError("bip", "", f"was not given, and each of Docker's {len(POOLS)} default pools overlaps a route "
                          "or a name server of this host", "Give an address with a prefix length, like 10.99.0.1/24")
    network = ipaddress.ip_network(pool)
    return f"{network.network_address + 1}/{network.prefixlen}"


def default_mtu(state: HostState, name: str) -> int:
    """The MTU of the interface that has the default route (Docker 1.5), else 1500."""
    route = state.host.default_route("ipv4") or state.host.default_route("ipv6")
    link = state.host.links.get(route.interface) if route and route.interface != name else None
    return link.mtu if link else DEFAULT_MTU


def _check_parts(bridge: Bridge) -> None:
    for family, pairs in (("ipv4", (("fixed_cidr", bridge.pool), ("default_gateway", bridge.gateway))),
                          ("ipv6", (("fixed_cidr_v6", bridge.pool_v6), ("default_gateway_v6", bridge.gateway_v6)))):
        subnet = bridge.subnet(family)
        for option, value in pairs:
            if value and not (subnet and ipaddress.ip_network(value).subnet_of(ipaddress.ip_network(subnet))):
                remedy = f"Give a part of {subnet}" if subnet else "Give bip6 as well"
                raise OptionError(option, value, f"is not inside {subnet or 'a subnet of the family'}, the subnet of "
                                  f"bridge {bridge.name}", remedy)


def _refuse_overlap(state: HostState, desired: DesiredBridge, address: str) -> None:
    """A bridge inside a network that the host reaches elsewhere cuts the host off from that network."""
    if desired.allow_overlap:
        return
    network = ipaddress.ip_interface(address).network
    option = "bip" if network.version == 4 else "bip6"
    others = [(route.destination, f"the route to {route.destination}", route.interface) for route in state.host.routes
              if route.destination != "default"]
    others += [(str(ipaddress.ip_interface(other).network), f"the address {other}", link.name)
               for link in state.host.links.values() for other in link.addresses]
    for destination, what, interface in others:
        other = ipaddress.ip_network(destination, strict=False)
        if interface != desired.name and other.version == network.version and network.overlaps(other):
            raise OptionError(option, address, f"overlaps {what} of interface {interface}",
                              "Choose another network, or say allow_overlap: true")


def _require_ipv6(state: HostState) -> None:
    value = state.sysctls.get((HOST, DISABLE_V6))
    if value != "0":
        why = "the kernel runs without it" if value is None else "net.ipv6.conf.all.disable_ipv6 is 1"
        raise OptionError("ipv6", True, f"is not possible: IPv6 is disabled on this host ({why})",
                          "Enable it on the host, or say ipv6: false")


def _forward(draft: Draft, desired: DesiredBridge) -> None:
    bridge = bridges(draft.state)[desired.name]
    wanted = {}
    if bridge.address("ipv6"):
        wanted[ACCEPT_RA.format(bridge.name)] = "0"  # as Docker: a container must not be a router for the host
    if desired.ip_forward:
        wanted[FORWARDING] = "1"
        if bridge.address("ipv6"):
            wanted.update(_accepting_routers(draft.state))
            wanted.update(dict.fromkeys(FORWARDING_V6, "1"))
    for name, value in wanted.items():
        previous = draft.state.sysctls.get((HOST, name))
        if previous != value and (previous is not None or name == ACCEPT_RA.format(bridge.name)):
            draft.do(SysctlSet(HOST, name, value, previous))


def _accepting_routers(state: HostState) -> dict[str, str]:
    """With forwarding on, the kernel ignores router advertisements unless accept_ra is 2 (ip-sysctl).

    A host that got its default route by one would lose it when the route's lifetime ends.
    """
    uplinks = {route.interface for route in state.host.routes
               if route.destination == "default" and route.family == "ipv6"}
    names = [ACCEPT_RA.format(uplink) for uplink in sorted(uplinks)]
    return {name: "2" for name in names if state.sysctls.get((HOST, name)) == "1"}


def _absent(draft: Draft, desired: DesiredBridge) -> None:
    link = draft.state.host.links.get(desired.name)
    if link is None:
        return
    bridge = bridge_of(link)
    if bridge is None:
        # Not an error: an adopted bridge that was given back is in this condition.
        draft.warn(f"{desired.name} was not made by this collection and is left alone: remove it by hand (`ip link "
                   f"delete {desired.name}`) if it is not needed")
        return
    ports = draft.state.host.ports_of(desired.name)
    if ports and not desired.force:
        raise MooringError(f"bridge {desired.name} has {len(ports)} endpoints ({_some(ports)}): detach them first "
                           "with netns_attach state=absent, or say force: true to remove them with it")
    for port in ports:
        if endpoint_of(port) is not None:
            draft.do(LinkDel(HOST, port))
    if bridge.adopted:
        draft.do(LinkSet(HOST, link, link.replaced(alias="")))
    else:
        draft.do(LinkDel(HOST, link))


def _some(ports: Sequence[Link], limit: int = 5) -> str:
    names = [_holder(port) for port in ports]
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
