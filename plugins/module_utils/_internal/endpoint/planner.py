# SPDX-License-Identifier: GPL-3.0-or-later
"""One endpoint after the other: how each gets its interface, or loses it. Pure."""
from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Optional

from ..bridge.model import Bridge, Subnets, bridges
from ..core.errors import MooringError, OptionError, concerning
from ..core.model import KNOWN_AFTER_APPLY
from ..core.names import endpoint_link
from ..firewall.model import FAMILIES
from ..host.draft import Draft
from ..host.endpoints import Endpoint, endpoints
from ..host.endpoints import release as release_endpoint
from ..link.bandwidth import Bandwidth
from ..link.model import Link, Namespace
from ..link.operations import LinkDel
from ..link.reach import is_own_broadcast
from ..netns.model import HOST
from . import adopt, inside, namespace
from .allowed import choose_limit, require_limits
from .following import follows_mtu
from .leading import Made, lead_out
from .leases import Leases
from .limits import choose_bandwidth, require_bandwidth
from .making import make_interface
from .model import LocatedEndpoint
from .pending import MTU, record
from .recorded import choose_aliases, choose_exposed, require_room
from .reserved import Kept, Reserved, choose_mac


class Planner:
    """A draft, the bridges of its state, and its leases."""

    def __init__(self, draft: Draft, items: Sequence[LocatedEndpoint]) -> None:
        self.draft = draft
        self.bridges = bridges(draft.state)
        self.former = bridges(draft.observed)
        self.leases = Leases(draft, items)
        self._reserved: dict[tuple[str, str], Reserved] = {}
        self._claimed: dict[str, str] = {}  # pairs whose end becomes a container's, with the container

    def rank(self, item: LocatedEndpoint) -> int:
        """Given addresses are reserved first, then those that are there, then others are chosen."""
        if item.address or item.address_v6 or item.adopt:
            return 0
        return 1 if self.leases.get(item.label, item.interface_name) else 2

    def reserve(self, item: LocatedEndpoint) -> None:
        """The namespace of an endpoint and its addresses. One that an engine made has all that it gets."""
        lease = self.leases.get(item.label, item.interface_name)
        self._leave_shared(item)
        taken, kept = self._find_present(item, lease)
        namespace.ensure(self.draft, item)
        if taken is not None:
            require_bandwidth(self.draft, item, taken)
            require_limits(self.draft, taken, self.bridges.get(taken.bridge))
            self.leases.hold(adopt.take_over(self.draft, taken))
            return
        if lease and kept is None:
            self._drop(lease)  # the container came back with a new namespace, or somebody deleted its interface
        given = self._given(item) if kept is None else None
        bridge = self._bridge(item, lease, given)
        addresses = {family: self._address(family, item, bridge, lease) for family in FAMILIES}
        inside.require_mtu(item, addresses)
        new = self._lease(item, bridge, addresses, kept, given, choose_bandwidth(item, lease))
        require_bandwidth(self.draft, item, new)
        of_others = bridge.name in self.draft.state.host.links and bridge.name not in self.bridges
        require_limits(self.draft, new, None if of_others else bridge)
        self._reserved[item.label, item.interface_name] = Reserved(Made(item, bridge, addresses), new, kept, given)
        self.leases.put(new)

    def make(self, items: Sequence[LocatedEndpoint]) -> None:
        """The interfaces that are reserved, in the order of the task; a container's default routes after its last."""
        keys = [(item.label, item.interface_name) for item in items]
        waiting = [self._reserved[key] for key in keys if key in self._reserved and key[0] not in self.draft.failed]
        left = Counter(reserved.made.item.path for reserved in waiting)
        made: dict[str, list[Reserved]] = {}
        for item, reserved in zip(self.draft.each([each.made.item for each in waiting]), waiting):
            with self.draft.halfway():
                self.leases.put(make_interface(self.draft, reserved))
                path = item.path
                made.setdefault(path, []).append(reserved)
                if len(made[path]) == left[path]:
                    lead_out(self.draft, [each.made for each in made[path] if each.made.item.leads])
                    for each in made[path]:
                        record(self.draft, each, self.former)

    def _given(self, item: LocatedEndpoint) -> Optional[adopt.GivenPair]:
        """:raises OptionError: when another item of the task has the interface already"""
        given = adopt.given_pair(self.draft, item)
        if given and (other := self._claimed.setdefault(given.name, item.label)) != item.label:
            raise OptionError("interface", item.interface, f"becomes an interface of {other} in this task already",
                              "Name another one, or leave the option out to have a pair made")
        return given

    def unplug(self, item: LocatedEndpoint) -> None:
        """Before a container shares the network of another one, or has none."""
        for lease in list(self.leases.of(item.label)):
            self._drop(lease)
        self.draft.ledger.forget(item.label)

    def share(self, item: LocatedEndpoint) -> None:
        """The modes without an interface of the container's own."""
        if item.left_out:
            mode = f"container:{item.owner}" if item.owner else item.mode
            self.draft.warn(f"{', '.join(item.left_out)} of {item.label} has no effect with network_mode {mode!r}, in "
                            "which a container has no interface of its own" + (
                                f": say it for {item.owner}" if item.owner else ""))
        if item.mode == "none":
            self._leave_shared(item)
            namespace.isolate(self.draft, item)
        else:
            namespace.share(self.draft, item)

    def _leave_shared(self, item: LocatedEndpoint) -> None:
        if not self.leases.has(item.label) and namespace.is_shared(self.draft, item):
            namespace.forget(self.draft, item)

    def detach(self, item: LocatedEndpoint) -> None:
        lease = self.leases.get(item.label, item.interface_name)
        if lease:
            self._drop(lease)
        self.draft.ledger.limits.pop((item.label, item.interface_name), None)
        if not self.leases.has(item.label):
            self.draft.ledger.forget(item.label)
            namespace.forget(self.draft, item)

    def _drop(self, lease: Endpoint) -> None:
        release_endpoint(self.draft, lease)
        self.leases.drop(lease)

    def _bridge(self, item: LocatedEndpoint, lease: Optional[Endpoint], given: Optional[adopt.GivenPair]) -> Bridge:
        """The bridge named, the one that the endpoint is on, or the only one there is."""
        links = self.draft.state.host.links
        own = (lease.bridge or self._home(lease)) if lease else given.outer.controller if given else None
        name = item.bridge or own
        if not name and item.interface and not given:
            return Bridge(Link(KNOWN_AFTER_APPLY, "bridge"))
        if not name:
            if len(self.bridges) != 1:
                raise MooringError("bridge: not given, and this collection manages " + (
                    f"several bridges on this host ({', '.join(self.bridges)}): name one" if self.bridges
                    else "none on this host: create one with docker_bridge"))
            name = next(iter(self.bridges))
        if name in self.bridges:
            return self.bridges[name]
        if name not in links:
            self.draft.assume(f"bridge {name} does not exist: create it with docker_bridge first",
                              f"creates bridge {name}")
            return Bridge(Link(name, "bridge"))
        if item.interface or (lease and lease.pair):
            # Somebody else's: it gives no address, and no gateway.
            return Bridge(dataclasses.replace(links[name], addresses=()))
        raise OptionError("bridge", name, "is not a bridge that this collection manages",
                          f"Take it over with docker_bridge name={name} adopt=true, or name another")

    def _find_present(self, item: LocatedEndpoint, lease: Optional[Endpoint]
                      ) -> tuple[Optional[Endpoint], Optional[Kept]]:
        """What there is of the interface: an endpoint to be taken over, or a lease with its container's end.

        :raises ContainerError: when the container has something else there; nothing is planned for it by then
        """
        inner = self.draft.state.namespaces.get(item.path, Namespace()).find(item.interface_name)
        taken = adopt.adopted_endpoint(self.draft, item, inner, lease, self.bridges)
        with concerning(item.label):
            if taken is not None:
                self.leases.check(taken)
                return taken, None
            return None, self._kept(item, inner, lease)

    def _home(self, lease: Endpoint) -> str:
        """The bridge of an endpoint that somebody took off it, by its address."""
        found = Subnets(self.bridges.values()).home((lease.ip("ipv4"), lease.ip("ipv6")))
        return found.name if found else ""

    def _kept(self, item: LocatedEndpoint, found: Optional[Link], lease: Optional[Endpoint]) -> Optional[Kept]:
        """The lease with the container's end of it, None when that has to be made.

        :raises OptionError: when an interface of that name is there and is not the other end of ours
        """
        outer = self.draft.state.host.links.get(endpoint_link(item.label, item.interface_name))
        if found is None or (outer and outer.unfinished and outer.peer_index == found.index):
            return None
        if lease and (found.index, found.peer_index) == (lease.link.peer_index, lease.link.index):
            return Kept(lease, found)
        if outer and outer.mark is None and (found.index, found.peer_index) == (outer.peer_index, outer.index):
            # Its name is made of those of the container and the interface. Nothing tells its lease: it is made anew.
            self.draft.do(LinkDel(HOST, outer))
            return None
        other = next((each for each in endpoints(self.draft.state) if each.container != item.label and
                      (each.link.peer_index, each.link.index) == (found.index, found.peer_index)), None)
        if other is not None:
            raise OptionError("network_mode", "bridge", f"is not possible for {item.label}, which has the network of "
                              f"{other.container} and its interface {item.interface_name}",
                              f"Say network_mode: container:{other.container}, or start it with a network of its own")
        raise OptionError("interface_name", item.interface_name, f"exists already in {item.label}, and this collection "
                          "did not make it", "Give another name for the interface, remove the existing one, or say "
                          "adopt: true to take over one that the container's engine made")

    def _address(self, family: str, item: LocatedEndpoint, bridge: Bridge, lease: Optional[Endpoint]) -> str:
        option, requested = item.requested(family)
        if bridge.subnet(family):
            return self.leases.choose(family, item, bridge, lease)
        if requested and bridge.name in self.bridges:
            raise OptionError(option, requested, f"cannot be used: bridge {bridge.name} has no {family} address",
                              "Give the bridge one with docker_bridge first")
        if requested and bridge.link.index and "/" not in requested:
            raise OptionError(option, requested, f"lacks a prefix length, and bridge {bridge.name}, which this "
                              "collection does not manage, gives none",
                              f"Give it like {requested}/{24 if family == 'ipv4' else 64}")
        if requested and "/" in requested and is_own_broadcast(requested):
            raise OptionError(option, requested, "is the address of its network itself, or its broadcast address",
                              "Give another one")
        return requested or (KNOWN_AFTER_APPLY if family == "ipv4" and not bridge.link.index else "")

    def _lease(self, item: LocatedEndpoint, bridge: Bridge, addresses: Mapping[str, str], kept: Optional[Kept],
               given: Optional[adopt.GivenPair], bandwidth: Bandwidth) -> Endpoint:
        """The endpoint as it will be; its link is the host's end."""
        outer = kept.lease.link if kept else given.outer if given else Link(
            endpoint_link(item.label, item.interface_name), "veth")
        pair = kept.lease.pair if kept else given.name if given else ""
        # What was asked for before is what the host's end has: a container can only change its own.
        follows = item.mtu or kept is None or self._follows_mtu(kept.lease, bridge)
        # Where the two ends differ, and the container's has the bridge's, somebody else has changed the host's.
        follows = follows or kept is not None and kept.inner.mtu == bridge.link.mtu
        mtu = item.mtu if isinstance(item.mtu, int) else bridge.link.mtu if follows else outer.mtu
        found = Endpoint(item.label, item.interface_name, outer, address=addresses["ipv4"],
                         address_v6=addresses["ipv6"], exposed=choose_exposed(item, kept.lease if kept else None),
                         pair=pair, mac=choose_mac(item, addresses, kept), bandwidth=bandwidth,
                         aliases=choose_aliases(item, kept.lease if kept else None),
                         limit=choose_limit(self.draft, item))
        require_room(found)
        return dataclasses.replace(found, link=dataclasses.replace(
            outer, up=True, mtu=mtu, alias=found.mark.text, controller=bridge.name, hairpin=True,
            tx_queue_len=outer.tx_queue_len if item.tx_queue_len is None else item.tx_queue_len))

    def _follows_mtu(self, lease: Endpoint, bridge: Bridge) -> bool:
        before = self.former.get(lease.bridge)
        return MTU in lease.pending or bool(before and follows_mtu(lease, before, bridge))
