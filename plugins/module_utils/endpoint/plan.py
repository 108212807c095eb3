# SPDX-License-Identifier: GPL-3.0-or-later
"""What gives a container an interface on a bridge, or takes it away. Pure."""
from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ..bridge.model import Bridge, bridges
from ..core.errors import MooringError, OptionError
from ..core.names import ALIAS_LENGTH, endpoint_link, mac_of
from ..core.plan import KNOWN_AFTER_APPLY, Draft, Plan
from ..firewall.plan import plan_rules
from ..host.model import HostState, Scope
from ..host.operations import (AddrAdd, AddrDel, LinkAdd, LinkDel, LinkSet, NetnsAdd, NetnsDel, Peer, RouteAdd,
                               RouteDel, SysctlSet)
from ..ipam.plan import check_address, lowest_free, reserved
from ..link.model import Link, Route
from ..netns.model import HOST, Resolved, label_of_path
from ..policy import ledger
from .model import DesiredEndpoint, Endpoint, endpoint_mark, endpoints

BRIDGE_PORTS = 1023  # BR_MAX_PORTS of the kernel, less the number that it keeps for none
FAMILIES = ("ipv4", "ipv6")
HOST_V6 = "net/ipv6/conf/all/disable_ipv6"  # exists where the kernel has IPv6


def scope(desired: Sequence[DesiredEndpoint]) -> Scope:
    paths = tuple(dict.fromkeys(item.resolved.path for item in desired if not item.resolved.missing))
    sysctls = tuple((item.resolved.path, _disable_v6(item)) for item in desired if not item.resolved.missing)
    return Scope(namespaces=paths, sysctls=(*sysctls, (HOST, HOST_V6)), firewall=True)


def _disable_v6(item: DesiredEndpoint) -> str:
    return f"net/ipv6/conf/{item.interface_name}/disable_ipv6"


def plan(desired: Sequence[DesiredEndpoint], state: HostState) -> Plan:
    """All items in one plan. :raises MooringError: when something asked for contradicts what is there"""
    planner = _Planner(state)
    before = [planner.view(item) for item in desired]
    for item in desired:
        if item.present:
            planner.attach(item)
        else:
            planner.detach(item)
    planner.check_room()
    plan_rules(planner.draft, state, removed=planner.removed())
    return planner.draft.finish(before, [planner.view(item) for item in desired])


class _Planner:
    """The leases of the host, kept at hand so that a thousand items do not read all links a thousand times."""

    def __init__(self, observed: HostState) -> None:
        self.draft = Draft(observed.copy())
        self.bridges = bridges(observed)
        self._leases = {(e.container, e.interface): e for e in endpoints(observed)}
        self._taken: dict[tuple[str, str], dict[int, str]] = {}
        self._next: dict[tuple[str, str], int] = {}
        self._detached: set[str] = set()
        # Addresses that rules still point at: another container must not get them while it can be avoided, since
        # its predecessor may come back, and since the rules go only after the link.
        self._remembered = {p.container_ip: p.container for p in ledger.publications(observed)}
        self._remembered.update({link.target_ip: link.target for link in ledger.links(observed)})
        self._last = {container: ip for ip, container in self._remembered.items()}

    @property
    def state(self) -> HostState:
        return self.draft.state

    def removed(self) -> set[str]:
        """Containers that have lost their last endpoint."""
        return self._detached - {container for container, _interface in self._leases}

    # -- attach ---------------------------------------------------------------------------------------------------

    def attach(self, item: DesiredEndpoint) -> None:
        resolved = item.resolved
        bridge = self._bridge(item)
        lease = self._leases.get((resolved.label, item.interface_name))
        self._namespace(item)
        inner = self._inner(item, lease)
        if lease and inner is None:
            self._drop(lease)  # the container came back with a new namespace, or somebody deleted its interface
        addresses = {family: self._address(family, item, bridge, lease) for family in FAMILIES}
        exposed = self._exposed(item, lease)
        mark = endpoint_mark(resolved.label, item.interface_name, addresses["ipv4"], addresses["ipv6"], exposed)
        if len(mark.text) > ALIAS_LENGTH:
            raise OptionError("exposed_ports", ", ".join(exposed), f"do not fit into the mark of the endpoint, which has "
                              f"{ALIAS_LENGTH} characters", "Write neighbouring ports as ranges, like 8000-8010/tcp")
        mtu = item.mtu if isinstance(item.mtu, int) else bridge.link.mtu if item.mtu or inner is None else inner.mtu
        wanted = Link(endpoint_link(resolved.label, item.interface_name), "veth", up=True, mtu=mtu, alias=mark.text,
                      controller=bridge.name, hairpin=True)
        mac = item.mac_address or (mac_of(addresses["ipv4"].partition("/")[0])
                                   if addresses["ipv4"] not in ("", KNOWN_AFTER_APPLY) else "")
        if inner is None:
            self._create(item, wanted, mac)
        else:
            self._adjust(item, lease, wanted, inner, mac)
        self._configure(item, bridge, lease if inner else None, addresses)
        link = self.state.host.links[wanted.name]
        self._leases[resolved.label, item.interface_name] = Endpoint(
            resolved.label, item.interface_name, link, addresses["ipv4"], addresses["ipv6"], exposed)

    def _bridge(self, item: DesiredEndpoint) -> Bridge:
        """The bridge named, the one that the endpoint is on, or the only one there is."""
        lease = self._leases.get((item.resolved.label, item.interface_name))
        name = item.bridge or (lease.bridge if lease else None)
        if name is None:
            if len(self.bridges) != 1:
                raise MooringError("bridge: not given, and this host has " + (
                    f"several bridges of ours ({', '.join(self.bridges)})" if self.bridges
                    else "none of ours: make one with docker_bridge"))
            name = next(iter(self.bridges))
        if name in self.bridges:
            return self.bridges[name]
        if name in self.state.host.links:
            raise OptionError("bridge", name, "is not a bridge of ours",
                              f"Take it over with docker_bridge name={name} adopt=true, or name another")
        self.draft.assume(f"bridge {name} does not exist: make it with docker_bridge first")
        return Bridge(Link(name, "bridge"))

    def _namespace(self, item: DesiredEndpoint) -> None:
        """The namespace exists, or will; a container or process also has its name under /run/netns."""
        resolved = item.resolved
        if resolved.missing:
            self.draft.assume(resolved.missing)
            self.state.namespaces.setdefault(resolved.path, type(self.state.host)())
            return
        if resolved.path not in self.state.namespaces:
            if item.target.kind != "netns":
                raise OptionError(item.target.kind, item.target.value, "has no network namespace that can be entered",
                                  "Give one that exists")
            if not item.create_netns:
                raise OptionError("netns", item.target.value, "does not exist",
                                  f"Make it with `ip netns add {item.target.value}`, or leave out create_netns: false")
            self._remove_stale(item.target.value)
            self.draft.do(NetnsAdd(item.target.value))
        if resolved.registers:
            self._register(resolved)

    def _remove_stale(self, name: str) -> None:
        """A name that leads nowhere: the link to a process that ended."""
        if (entry := self.state.named.get(name)) is None:
            return
        if not entry.own:
            raise OptionError("netns", name, "is a file in /run/netns that leads to no namespace and is not ours",
                              f"Remove it with `ip netns delete {name}`")
        self.draft.do(NetnsDel(name, bool(entry.link)))

    def _register(self, resolved: Resolved) -> None:
        entry = self.state.named.get(resolved.registers)
        inode = self.state.namespaces[resolved.path].inode
        if entry and entry.inode == inode and entry.link in ("", resolved.path):
            return
        if entry and entry.inode not in (0, inode) and not (entry.own and entry.link):
            raise OptionError("name", resolved.registers, "is already the name of another network namespace",
                              "Give this endpoint another one with the option name")
        if entry:
            self.draft.do(NetnsDel(resolved.registers, bool(entry.link)))
        self.draft.do(NetnsAdd(resolved.registers, resolved.path, inode))

    def _inner(self, item: DesiredEndpoint, lease: Optional[Endpoint]) -> Optional[Link]:
        """The container's end of the lease, None when it has to be made.

        :raises OptionError: when an interface of that name is there and is not the other end of ours
        """
        found = self.state.namespaces[item.resolved.path].links.get(item.interface_name)
        if found is None:
            return None
        if lease and (found.index, found.peer_index) == (lease.link.peer_index, lease.link.index):
            return found
        raise OptionError("interface_name", item.interface_name, f"exists already in {item.resolved.label} and was not "
                          "made here", "Give another name for the interface, or remove the existing one")

    def _address(self, family: str, item: DesiredEndpoint, bridge: Bridge, lease: Optional[Endpoint]) -> str:
        """The address asked for, the one that the endpoint has, the one it had, or the lowest free one."""
        option, requested = ("address", item.address) if family == "ipv4" else ("address_v6", item.address_v6)
        subnet = bridge.subnet(family)
        if not subnet:
            if bridge.name in self.bridges:
                if requested:
                    raise OptionError(option, requested, f"cannot be used: bridge {bridge.name} has no {family} address",
                                      "Give the bridge one with docker_bridge first")
                return ""
            return (requested or KNOWN_AFTER_APPLY) if family == "ipv4" else requested or ""
        taken = self._taken_on(bridge, family)
        label = item.resolved.label
        if requested:
            own = lease.ip(family) if lease and lease.bridge == bridge.name else ""
            if own:
                taken = {number: holder for number, holder in taken.items() if number != _number(own)}
            chosen = check_address(option, requested, subnet, bridge.name, taken)
        else:
            chosen = self._kept(family, bridge, lease, taken) or self._remembered_for(label, family, bridge, taken)
        if not chosen:
            chosen = self._lowest(family, bridge, taken)
        self._taken_on(bridge, family)[_number(chosen)] = f"container {label}"
        return chosen

    def _kept(self, family: str, bridge: Bridge, lease: Optional[Endpoint], taken: Mapping[int, str]) -> str:
        """The address that the endpoint has, where it is still one of this bridge."""
        if lease is None:
            return ""
        address = lease.address if family == "ipv4" else lease.address_v6
        if not address or ipaddress.ip_interface(address).network != ipaddress.ip_network(bridge.subnet(family)):
            return ""
        return address if taken.get(_number(address), f"container {lease.container}") == f"container {lease.container}" else ""

    def _remembered_for(self, label: str, family: str, bridge: Bridge, taken: Mapping[int, str]) -> str:
        """The address that rules of a container that was gone for a while still point at."""
        ip = self._last.get(label, "")
        subnet = ipaddress.ip_network(bridge.subnet(family))
        if not ip or ip == KNOWN_AFTER_APPLY or ipaddress.ip_address(ip) not in subnet or _number(ip) in taken:
            return ""
        return f"{ip}/{subnet.prefixlen}"

    def _lowest(self, family: str, bridge: Bridge, taken: Mapping[int, str]) -> str:
        avoid = {_number(ip) for ip in self._remembered if ip != KNOWN_AFTER_APPLY and (":" in ip) == (family == "ipv6")}
        pool = bridge.pool if family == "ipv4" else bridge.pool_v6
        key = (bridge.name, family)
        chosen = lowest_free(bridge.subnet(family), pool, taken, avoid, self._next.get(key, 0))
        if chosen is None:
            holders = sorted(set(taken.values()))
            raise MooringError(f"bridge {bridge.name} has no free {family} address left in {pool or bridge.subnet(family)}: "
                               f"{len(taken)} are taken by {', '.join(holders[:5])}"
                               + (f" and {len(holders) - 5} more" if len(holders) > 5 else ""))
        if _number(chosen) not in avoid:
            # Everything below is taken now: the next search of this run starts here.
            self._next[key] = _number(chosen) + 1 if not avoid else 0
        return chosen

    def _taken_on(self, bridge: Bridge, family: str) -> dict[int, str]:
        """Who holds which address of a bridge, as numbers: endpoints, gateways, and what the network itself needs."""
        key = (bridge.name, family)
        if key not in self._taken:
            gateway = bridge.gateway if family == "ipv4" else bridge.gateway_v6
            found = {number: "the network itself" for number in reserved(bridge.subnet(family))}
            found[_number(bridge.address(family))] = f"bridge {bridge.name}"
            if gateway:
                found[_number(gateway)] = f"the default gateway of bridge {bridge.name}"
            for lease in self._leases.values():
                if lease.bridge == bridge.name and lease.ip(family):
                    found[_number(lease.ip(family))] = f"container {lease.container}"
            self._taken[key] = found
        return self._taken[key]

    @staticmethod
    def _exposed(item: DesiredEndpoint, lease: Optional[Endpoint]) -> tuple[str, ...]:
        if item.exposed_ports is None:
            return lease.exposed if lease else ()
        return tuple(dict.fromkeys(port.text for port in item.exposed_ports))

    def _create(self, item: DesiredEndpoint, wanted: Link, mac: str) -> None:
        existing = self.state.host.links.get(wanted.name)
        if existing is not None:
            raise MooringError(f"interface {wanted.name}, which would be the host's end for {item.resolved.label}, exists "
                               f"and is not ours: remove it with `ip link delete {wanted.name}`")
        path = item.resolved.path
        self.draft.do(LinkAdd(HOST, wanted, Peer(path, item.interface_name, mac, wanted.mtu)))

    def _adjust(self, item: DesiredEndpoint, lease: Endpoint, wanted: Link, inner: Link, mac: str) -> None:
        outer = lease.link
        new = outer.replaced(up=True, mtu=wanted.mtu, alias=wanted.alias, controller=wanted.controller, hairpin=True)
        if new != outer:
            self.draft.do(LinkSet(HOST, outer, new))
        moved = lease.ip("ipv4") and mac_of(lease.ip("ipv4")) == inner.mac
        new = inner.replaced(mtu=wanted.mtu, mac=mac if item.mac_address or moved else inner.mac)
        if new != inner:
            self.draft.do(LinkSet(item.resolved.path, inner, new))

    def _configure(self, item: DesiredEndpoint, bridge: Bridge, lease: Optional[Endpoint],
                   addresses: Mapping[str, str]) -> None:
        """The inside: interfaces up, addresses, default route. The order is that in which the kernel needs it."""
        path, name = item.resolved.path, item.interface_name
        netns = self.state.namespaces[path]
        if not addresses["ipv6"]:
            # As Docker does for a container without an IPv6 network; where the value cannot be read yet it is 0.
            value = self.state.sysctls.get((path, _disable_v6(item)))
            if value != "1" and self.state.sysctls.get((HOST, HOST_V6)) is not None:
                self.draft.do(SysctlSet(path, _disable_v6(item), "1", value))
        for link in (netns.links.get("lo"), netns.links.get(name)):
            if link is not None and not link.up:
                self.draft.do(LinkSet(path, link, link.replaced(up=True)))
        for family in FAMILIES:
            self._addresses_inside(item, lease, family, addresses[family])
        for family in FAMILIES:
            gateway = (bridge.gateway or bridge.address("ipv4")) if family == "ipv4" else (
                bridge.gateway_v6 or bridge.address("ipv6"))
            if addresses[family]:
                self._default_route(item, family, gateway.partition("/")[0] or KNOWN_AFTER_APPLY)

    def _addresses_inside(self, item: DesiredEndpoint, lease: Optional[Endpoint], family: str, wanted: str) -> None:
        path, name = item.resolved.path, item.interface_name
        link = self.state.namespaces[path].links[name]  # as the operations before have left it
        old = "" if lease is None else lease.address if family == "ipv4" else lease.address_v6
        if old and old != wanted and old in link.addresses:
            # The kernel drops a route with the last address of its interface, and keeps it otherwise: take it away
            # first, so that what follows does not depend on that.
            route = self.state.namespaces[path].default_route(family)
            if route and route.interface == name:
                self.draft.do(RouteDel(path, route))
            self.draft.do(AddrDel(path, name, old))
        if wanted and wanted not in link.addresses:
            self.draft.do(AddrAdd(path, name, wanted))

    def _default_route(self, item: DesiredEndpoint, family: str, gateway: str) -> None:
        path, name = item.resolved.path, item.interface_name
        current = self.state.namespaces[path].default_route(family)
        wanted = Route("default", name, gateway, family)
        if item.default_route is False:
            if current == wanted:
                self.draft.do(RouteDel(path, current))
            return
        if current == wanted or (current and current.interface != name and not item.default_route):
            return
        if current:
            self.draft.do(RouteDel(path, current))
        self.draft.do(RouteAdd(path, wanted))

    # -- detach ---------------------------------------------------------------------------------------------------

    def detach(self, item: DesiredEndpoint) -> None:
        label = item.resolved.label
        lease = self._leases.get((label, item.interface_name))
        if lease:
            self._drop(lease)
        self._detached.add(label)
        if any(container == label for container, _interface in self._leases):
            return
        name = item.resolved.registers or (item.target.value if item.target.kind == "netns" else label)
        entry = self.state.named.get(name)
        if entry and entry.own:
            self.draft.do(NetnsDel(name, bool(entry.link)))

    def _drop(self, lease: Endpoint) -> None:
        self.draft.do(LinkDel(HOST, lease.link))
        del self._leases[lease.container, lease.interface]
        bridge = self.bridges.get(lease.bridge)
        for family in FAMILIES:
            if bridge and lease.ip(family) and bridge.subnet(family):
                self._taken_on(bridge, family).pop(_number(lease.ip(family)), None)
                self._remembered.setdefault(lease.ip(family), lease.container)
                self._last.setdefault(lease.container, lease.ip(family))

    # -- the whole ------------------------------------------------------------------------------------------------

    def check_room(self) -> None:
        """The kernel would refuse the 1024th port of a bridge half way through."""
        for name in self.bridges:
            ports = len(self.state.host.ports_of(name))
            if ports > BRIDGE_PORTS:
                raise MooringError(f"bridge {name} would have {ports} ports, and the kernel allows {BRIDGE_PORTS}: "
                                   "spread the containers over several bridges")

    def view(self, item: DesiredEndpoint) -> Optional[Mapping[str, Any]]:
        """An endpoint as it is returned to the user, None when there is none."""
        lease = self._leases.get((item.resolved.label, item.interface_name))
        if lease is None:
            return None
        netns = self.state.namespaces.get(item.resolved.path)
        inner = netns.links.get(item.interface_name) if netns else None
        route = netns.default_route("ipv4") if netns else None
        return {"container": lease.container, "interface_name": lease.interface, "bridge": lease.bridge,
                "address": lease.address, "address_v6": lease.address_v6, "host_interface": lease.link.name,
                "mac_address": inner.mac if inner else "", "mtu": lease.link.mtu,
                "gateway": route.gateway if route and route.interface == lease.interface else "",
                "netns": label_of_path(item.resolved.path), "netns_path": item.resolved.path,
                "exposed_ports": list(lease.exposed)}


def _number(address: str) -> int:
    return int(ipaddress.ip_interface(address).ip) if address not in ("", KNOWN_AFTER_APPLY) else -1
