# SPDX-License-Identifier: GPL-3.0-or-later
"""One endpoint after the other: how each gets its interface, or loses it. Pure."""
from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Optional

from ..bridge.model import Bridge, bridges
from ..core.errors import MooringError, OptionError, concerning
from ..core.model import KNOWN_AFTER_APPLY, is_known
from ..core.names import endpoint_link, mac_of
from ..core.plan import RECORD_ENDPOINT
from ..firewall.model import FAMILIES
from ..host.draft import Draft
from ..host.endpoints import Endpoint
from ..host.endpoints import release as release_endpoint
from ..link.model import Link, Namespace
from ..link.operations import LinkAdd, LinkDel, LinkMove, LinkSet, Peer
from ..netns.model import HOST
from . import adopt, inside, namespace
from .following import follows_mtu
from .leases import Leases, choose_exposed, require_room
from .model import LocatedEndpoint

BRIDGE_PORTS = 1023  # BR_MAX_PORTS of the kernel, less the number that it keeps for none


class Kept(NamedTuple):
    """An endpoint that stays, with the container's end of it."""

    lease: Endpoint
    inner: Link


class Planner:
    """A draft, the bridges of its state, and its leases."""

    def __init__(self, draft: Draft, items: Sequence[LocatedEndpoint]) -> None:
        self.draft = draft
        self.bridges = bridges(draft.state)
        self.former = bridges(draft.observed)
        self.leases = Leases(draft, items)

    def rank(self, item: LocatedEndpoint) -> int:
        """Given addresses come first, then those that are there, then chosen ones; who shares a network comes last."""
        if item.mode != "bridge":
            return 3 + item.depth
        if item.address or item.address_v6 or item.adopt:
            return 0
        return 1 if self.leases.get(item.label, item.interface_name) else 2

    def attach(self, item: LocatedEndpoint) -> None:
        lease = self.leases.get(item.label, item.interface_name)
        self._leave_shared(item)
        taken, kept = self._find_present(item, lease)
        namespace.ensure(self.draft, item)
        if taken is not None:
            self.leases.hold(adopt.take_over(self.draft, taken))
            return
        if lease and kept is None:
            self._drop(lease)  # the container came back with a new namespace, or somebody deleted its interface
        given = adopt.given_pair(self.draft, item) if kept is None else None
        bridge = self._bridge(item, lease, given)
        addresses = {family: self._address(family, item, bridge, lease) for family in FAMILIES}
        inside.require_mtu(item, addresses)
        new = self._lease(item, bridge, addresses, kept, given)
        routes = inside.give_up(self.draft, item, kept.lease, addresses) if kept else []
        if given is not None:
            self._move(item, given, new)
        elif kept is None:
            self._create(item, new)
        else:
            self._adjust(item, kept, new)
        inside.configure(self.draft, item, bridge, addresses, routes)
        self.leases.put(dataclasses.replace(new, link=self.draft.state.host.links[new.link.name]))

    def unplug(self, item: LocatedEndpoint) -> None:
        """Before a container shares the network of another one, or has none."""
        for lease in list(self.leases.of(item.label)):
            self._drop(lease)
        self.draft.ledger.forget(item.label)

    def share(self, item: LocatedEndpoint) -> None:
        """The modes without an interface of the container's own."""
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
        if not self.leases.has(item.label):
            self.draft.ledger.forget(item.label)
            namespace.forget(self.draft, item)

    def _drop(self, lease: Endpoint) -> None:
        release_endpoint(self.draft, lease)
        self.leases.drop(lease)

    def _bridge(self, item: LocatedEndpoint, lease: Optional[Endpoint], given: Optional[adopt.GivenPair]) -> Bridge:
        """The bridge named, the one that the endpoint is on, or the only one there is."""
        links = self.draft.state.host.links
        own = lease.bridge if lease else given.outer.controller if given else None
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

    def _kept(self, item: LocatedEndpoint, found: Optional[Link], lease: Optional[Endpoint]) -> Optional[Kept]:
        """The lease with the container's end of it, None when that has to be made.

        :raises OptionError: when an interface of that name is there and is not the other end of ours
        """
        outer = self.draft.state.host.links.get(endpoint_link(item.label, item.interface_name))
        if found is None or (outer and outer.unfinished and outer.peer_index == found.index):
            return None
        if lease and (found.index, found.peer_index) == (lease.link.peer_index, lease.link.index):
            return Kept(lease, found)
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
        return requested or (KNOWN_AFTER_APPLY if family == "ipv4" and not bridge.link.index else "")

    def _lease(self, item: LocatedEndpoint, bridge: Bridge, addresses: Mapping[str, str], kept: Optional[Kept],
               given: Optional[adopt.GivenPair]) -> Endpoint:
        """The endpoint as it will be; its link is the host's end."""
        outer = kept.lease.link if kept else given.outer if given else Link(
            endpoint_link(item.label, item.interface_name), "veth")
        pair = kept.lease.pair if kept else given.name if given else ""
        # What was asked for before is what the host's end has: a container can only change its own.
        follows = item.mtu or kept is None or self._follows_mtu(kept.lease, bridge)
        mtu = item.mtu if isinstance(item.mtu, int) else bridge.link.mtu if follows else outer.mtu
        found = Endpoint(item.label, item.interface_name, outer, address=addresses["ipv4"],
                         address_v6=addresses["ipv6"], exposed=choose_exposed(item, kept.lease if kept else None),
                         pair=pair)
        require_room(found)
        return dataclasses.replace(found, link=dataclasses.replace(
            outer, up=True, mtu=mtu, alias=found.mark.text, controller=bridge.name, hairpin=True,
            tx_queue_len=outer.tx_queue_len if item.tx_queue_len is None else item.tx_queue_len))

    def _follows_mtu(self, lease: Endpoint, bridge: Bridge) -> bool:
        before = self.former.get(bridge.name)
        return bool(before and lease.bridge == bridge.name and follows_mtu(lease, before, bridge))

    @staticmethod
    def _mac(item: LocatedEndpoint, new: Endpoint) -> str:
        return item.mac_address or (mac_of(new.ip("ipv4")) if new.address and is_known(new.address) else "")

    def _create(self, item: LocatedEndpoint, new: Endpoint) -> None:
        present = self.draft.state.host.links.get(new.link.name)
        if present is not None and present.unfinished:
            self.draft.do(LinkDel(HOST, present))
        elif present is not None:
            raise MooringError(f"interface {new.link.name}, which would be the host's end for {item.label}, exists "
                               "and is not managed by this collection: remove it with `ip link delete "
                               f"{new.link.name}`")
        peer = Peer(item.path, item.interface_name, self._mac(item, new), new.link.mtu)
        self.draft.do(LinkAdd(HOST, new.link, peer))

    def _move(self, item: LocatedEndpoint, given: adopt.GivenPair, new: Endpoint) -> None:
        """An existing pair becomes the endpoint's: one end moves in as it is to be, then the other one gets the mark.

        In between it is a pair that lacks an end, which veth_pair makes anew.
        """
        fitting = dataclasses.replace(given.inner, mtu=new.link.mtu, mac=self._mac(item, new) or given.inner.mac)
        if fitting != given.inner:
            self.draft.do(LinkSet(HOST, given.inner, fitting))
        self.draft.do(LinkMove(HOST, fitting, item.path, item.interface_name))
        if given.outer != new.link:
            self.draft.do(LinkSet(HOST, given.outer, new.link, item.path))

    def _adjust(self, item: LocatedEndpoint, kept: Kept, new: Endpoint) -> None:
        if new.link != kept.lease.link:
            self.draft.do(LinkSet(HOST, kept.lease.link, new.link, item.path), RECORD_ENDPOINT)
        address = kept.lease.ip("ipv4")
        derived = bool(address) and kept.inner.mac == mac_of(address)
        self._set_inner(item, new, derived)

    def _set_inner(self, item: LocatedEndpoint, new: Endpoint, derive_mac: bool) -> None:
        """MTU and MAC of the container's end; a MAC that was derived from the address follows it."""
        inner = self.draft.state.namespaces[item.path].links[item.interface_name]
        mac = self._mac(item, new) if item.mac_address or derive_mac else ""
        wanted = dataclasses.replace(inner, mtu=new.link.mtu, mac=mac or inner.mac)
        if wanted != inner:
            self.draft.do(LinkSet(item.path, inner, wanted))

    def check_room(self) -> None:
        """The kernel would refuse the 1024th port of a bridge half way through."""
        for name in self.bridges:
            ports = len(self.draft.state.host.ports_of(name))
            if ports > BRIDGE_PORTS:
                raise MooringError(f"bridge {name} would have {ports} ports, and the kernel allows {BRIDGE_PORTS}: "
                                   "spread the containers over several bridges")
