# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kernel makes of operations, in memory. For tests.

What an operation says of itself (``apply``) is what a plan believes. Here is what the kernel adds: the other end of a
pair is known, connected routes come and go with addresses, secondary addresses go with their primary one, interfaces
without a MAC address get one, per-interface sysctls live with it.
"""
from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable
from typing import Any, Optional

from ..core.errors import HostError
from ..files.model import ObservedFile
from ..firewall.iptables.saved import target_of
from ..firewall.model import USER
from ..link.model import IPV6_MIN_MTU, Route, forget_neighbours, forget_shapers
from ..netns.model import named_path
from ..ports.model import family_of
from .endpoints import DISABLE_V6
from .memory_sets import Sets
from .memory_settings import Settings, require
from .model import HostState


class Memory(Settings, Sets):
    """A state that operations are carried out on, with the knowledge that a state has no place for."""

    def __init__(self, state: HostState) -> None:
        self.state = state
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}  # the other end of a veth, both ways
        self._connected: dict[int, set[Route]] = {}  # routes that the kernel made, by identity of the namespace
        self._dirty: set[str] = set()
        self._macs = 0
        self.settle(state.namespaces)

    def carry_out(self, operation: Any) -> None:
        """Apply one operation. :raises HostError: when a kernel would refuse it"""
        try:
            getattr(self, f"_{type(operation).__name__}", self._plain)(operation)
        except KeyError as missing:
            raise HostError(f"{missing.args[0]!r} is not there") from missing
        self._dirty.add(operation.netns)

    def end_namespace(self, path: str) -> None:
        """The last process of a namespace ends: its links go, and with them their other ends."""
        gone = self.state.namespaces.pop(path, None)
        self._connected.pop(id(gone), None)
        for alias in [alias for alias, netns in self.state.namespaces.items() if netns is gone and gone]:
            del self.state.namespaces[alias]
        for name, entry in self.state.named.items():
            if entry.link == path:
                self.state.named[name] = dataclasses.replace(entry, inode=0)
        for end in [end for end in self._pairs if end[0] == path]:
            self._remove(*self._pairs.pop(end, end))
        self.state.sysctls = {key: value for key, value in self.state.sysctls.items() if key[0] != path}
        self.settle()

    # -- what a kernel says to each operation ---------------------------------------------------------------------

    def _plain(self, operation: Any) -> None:
        operation.apply(self.state)

    def _NetnsAdd(self, operation: Any) -> None:
        require(operation.name not in self.state.named, f"{named_path(operation.name)} exists")
        require(not operation.target or operation.target in self.state.namespaces, f"{operation.target} leads nowhere")
        operation.apply(self.state)

    def _NetnsDel(self, operation: Any) -> None:
        require(operation.name in self.state.named, f"{named_path(operation.name)} does not exist")
        if not operation.linked:
            self.end_namespace(named_path(operation.name))
        operation.apply(self.state)

    def _LinkAdd(self, operation: Any) -> None:
        here, link, peer = self.state.namespaces[operation.netns], operation.link, operation.peer
        require(link.name not in here.links, f"{link.name} exists")
        require(not link.addresses, "a new link has no addresses")
        self._require_bridge(operation.netns, link.controller)
        if peer:
            require(peer.name not in self.state.namespaces[peer.netns].links, f"{peer.name} exists")
            self._pairs[operation.netns, link.name] = (peer.netns, peer.name)
            self._pairs[peer.netns, peer.name] = (operation.netns, link.name)
            self._dirty.add(peer.netns)
        operation.apply(self.state)

    def _LinkSet(self, operation: Any) -> None:
        name = operation.new.name
        if "name" in operation.changes:
            require(name not in self.state.namespaces[operation.netns].links, f"{name} exists")
            if (other := self._pairs.pop((operation.netns, operation.old.name), None)) is not None:
                self._pairs[operation.netns, name], self._pairs[other] = other, (operation.netns, name)
        self._require_bridge(operation.netns, operation.changes.get("controller", ("", ""))[1])
        operation.apply(self.state)
        if "mtu" in operation.changes and operation.new.mtu < IPV6_MIN_MTU:
            self._end_ipv6(operation.netns, name)
        if "controller" in operation.changes and not operation.new.controller:
            links = self.state.namespaces[operation.netns].links
            links[name] = dataclasses.replace(links[name], hairpin=False, isolated=False)

    def _LinkMove(self, operation: Any) -> None:
        require(operation.name not in self.state.namespaces[operation.target].links, f"{operation.name} exists")
        self.state.namespaces[operation.netns].links[operation.link.name]
        operation.apply(self.state)
        self._dirty.add(operation.target)
        if (other := self._pairs.pop((operation.netns, operation.link.name), None)) is not None:
            here = (operation.target, operation.name)
            self._pairs[other], self._pairs[here] = here, other

    def _LinkDel(self, operation: Any) -> None:
        self.state.namespaces[operation.netns].links[operation.link.name]
        other = self._pairs.pop((operation.netns, operation.link.name), None)
        self._remove(operation.netns, operation.link.name)
        if other:
            self._remove(*other)

    def _AddrAdd(self, operation: Any) -> None:
        link = self.state.namespaces[operation.netns].links[operation.interface]
        require(operation.address not in link.addresses, "the address exists")
        disabled = ":" in operation.address and self.sysctl(operation.netns, DISABLE_V6.format(link.name)) == "1"
        require(not disabled, "IPv6 is disabled on this device")
        require(":" not in operation.address or link.mtu >= IPV6_MIN_MTU, "the MTU is too small for IPv6")
        operation.apply(self.state)

    def _AddrDel(self, operation: Any) -> None:
        links = self.state.namespaces[operation.netns].links
        link = links[operation.interface]
        require(operation.address in link.addresses, "there is no such address")
        operation.apply(self.state)
        gone = ipaddress.ip_interface(operation.address)
        same = [a for a in link.addresses if ipaddress.ip_interface(a).network == gone.network]
        if gone.version == 4 and same[0] == operation.address:
            left = tuple(a for a in link.addresses if a not in same)
            links[link.name] = dataclasses.replace(links[link.name], addresses=left)

    def _RouteAdd(self, operation: Any) -> None:
        route, here = operation.route, self.state.namespaces[operation.netns]
        self.settle({operation.netns} & self._dirty)
        require(here.links[route.interface].up, "the interface is down")
        require(all((route.destination, route.family) != (other.destination, other.family) for other in here.routes),
                "there is a route to it")
        require(not route.gateway or route.gateway.startswith("fe80:") or any(
            ipaddress.ip_address(route.gateway) in ipaddress.ip_network(other.destination) for other in here.routes
            if other.interface == route.interface and other.destination != "default" and not other.gateway),
            "the gateway is not in a network of the interface")
        operation.apply(self.state)

    def _RouteDel(self, operation: Any) -> None:
        require(operation.route in self.state.namespaces[operation.netns].routes, "there is no such route")
        operation.apply(self.state)

    def _NeighbourAdd(self, operation: Any) -> None:
        link = self.state.host.links.get(operation.neighbour.interface)
        if link is None:  # its container has ended
            return
        require(link.kind == "bridge" if operation.neighbour.address else bool(link.controller), "it is on no bridge")
        operation.apply(self.state)

    def _NeighbourDel(self, operation: Any) -> None:
        require(operation.neighbour.key in (self.state.neighbours or {}), "there is none")
        operation.apply(self.state)

    def _RestoreTable(self, operation: Any) -> None:
        key = (operation.family, operation.table)
        before = list(self.state.tables[key].hooks)
        operation.apply(self.state)
        for hook in operation.hooks_gone:
            found = next((each for each in before if (each.chain, each.line) == (hook.chain, hook.line)), None)
            if found is None:
                raise HostError(f"there is no rule {hook.line}")
            before.remove(found)
        inserted = [hook for hook in operation.hooks_new if hook.position == 1]
        hooks = [dataclasses.replace(hook, position=hook.position + sum(new.chain == hook.chain for new in inserted))
                 for hook in before]
        for number, hook in enumerate(inserted):
            later = sum(new.chain == hook.chain for new in inserted[number + 1:])
            hooks.append(dataclasses.replace(hook, position=1 + later))
        for hook in [hook for hook in operation.hooks_new if hook not in inserted]:
            end = max([0, *(other.position for other in hooks if other.chain == hook.chain)])
            hooks.append(dataclasses.replace(hook, position=end + 1))
        chains = self.state.tables[key].chains
        for line in [line for chain in chains.values() for line in chain.lines] + [hook.line for hook in hooks]:
            target = target_of(line)
            there = target in chains or target == USER and self.state.tables[key].user is not None
            require(not target.startswith("MOORING") or there, f"{target} is not there or still in use")
            self._require_sets(line)
        self.state.tables[key] = dataclasses.replace(self.state.tables[key], hooks=tuple(hooks))

    def _FileWrite(self, operation: Any) -> None:
        current = self.state.files.get(operation.place, ObservedFile())
        require(not current.problem and current.text == operation.previous, "somebody else changed it meanwhile")
        operation.apply(self.state)

    def _FileDel(self, operation: Any) -> None:
        require(self.state.files[operation.place].text is not None, "there is no such file")
        operation.apply(self.state)
        del self.state.files[operation.place]

    def _HostnameSet(self, operation: Any) -> None:
        require(self.state.hostnames[operation.pid] is not None, "the process shares the host's own name")
        operation.apply(self.state)

    # -- consequences ---------------------------------------------------------------------------------------------

    def _require_bridge(self, netns: str, name: str) -> None:
        require(not name or self.state.namespaces[netns].links[name].kind == "bridge", f"{name} is not a bridge")

    def _remove(self, netns: str, name: str) -> None:
        self._pairs.pop((netns, name), None)
        here = self.state.namespaces.get(netns)
        if here is None:
            return
        here.links.pop(name, None)
        forget_neighbours(self.state, netns, name)
        forget_shapers(self.state, netns, name)
        here.routes = [route for route in here.routes if route.interface != name]
        self._dirty.add(netns)
        for port in here.ports_of(name):
            here.links[port.name] = dataclasses.replace(port, controller="", hairpin=False, isolated=False)
        self.state.sysctls = {key: value for key, value in self.state.sysctls.items()
                              if key[0] != netns or f"/conf/{name}/" not in key[1]}

    def settle(self, paths: Optional[Iterable[str]] = None) -> None:
        """Routes as links and addresses allow them, and a MAC address for every link."""
        paths = set(self._dirty if paths is None else paths)
        for here in [self.state.namespaces[path] for path in paths if path in self.state.namespaces]:
            for link in [link for link in here.links.values() if not link.mac and link.kind != "loopback"]:
                self._macs += 1
                mac = f"0a:00:00:00:{self._macs >> 8:02x}:{self._macs & 255:02x}"
                here.links[link.name] = dataclasses.replace(link, mac=mac)
            for link in [link for link in here.links.values() if link.tx_queue_len < 0]:
                here.links[link.name] = dataclasses.replace(link, tx_queue_len=1000)
            places = {Route(str(ipaddress.ip_interface(a).network), link.name, "", family_of(a)): None
                      for link in here.links.values() if link.up and link.kind != "loopback" for a in link.addresses}
            made = self._connected.get(id(here), set())
            # With its last address of a family an interface loses all routes of it; one without any keeps those it has.
            lost = {(r.interface, r.family) for r in made} - {(r.interface, r.family) for r in places}
            lost |= {(link.name, family) for link in here.links.values() if not link.up for family in ("ipv4", "ipv6")}
            kept = [route for route in here.routes if route in places or route not in made
                    and (route.interface, route.family) not in lost]
            here.routes = kept + [route for route in places if route not in kept]
            self._connected[id(here)] = set(places)
        self._dirty -= paths
