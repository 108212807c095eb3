# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations on links, addresses and routes as pyroute2's messages. Adapter."""
from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Protocol, Union

from ..core.plan import Operation
from ..link.addressing import AddrAdd, AddrDel, RouteAdd, RouteDel
from ..link.neighbours import NeighbourAdd, NeighbourDel
from ..link.operations import LinkAdd, LinkDel, LinkMove, LinkSet
from ..link.shapers import ShaperDel, ShaperSet
from . import qdisc, rtnl
from .decode import (
    BARRIERS, IFF_UP, IFLA_LINKINFO, INFO_SLAVE_DATA, INFO_SLAVE_KIND, SCOPE_LINK, TABLE_MAIN, UNFINISHED_GROUP,
    UNICAST, attribute, neighbour_request,
)
from .model import FROM, HOPS, Link, Route
from .parse import MTU_RANGE

# IFLA_BRPORT_MODE, IFLA_BRPORT_ISOLATED, IFLA_BRPORT_FLUSH of linux/if_link.h. By number, because a pyroute2 that has
# no name for an attribute leaves it out without a word: 0.5.14 has none for the second.
_PORT_SETTINGS, _FLUSH = {"hairpin": 4, "isolated": 33}, 24
_NF_CALLS = {"ipv4": "IFLA_BR_NF_CALL_IPTABLES", "ipv6": "IFLA_BR_NF_CALL_IP6TABLES"}
_SCOPE_UNIVERSE, _SCOPE_ANY, _PROTOCOL_STATIC = 0, 255, 4  # RT_SCOPE_NOWHERE fits every scope
_NODAD = 0x02


class Second(bytes):
    """A message that is only sent when the first one of its operation succeeded.

    It names the link, and a link of that name that was there before would be somebody else's.
    """


class Place(Protocol):
    """Where the messages will be sent: what only the kernel knows there."""

    def index(self, name: str) -> int:
        """Index of an interface, 0 when there is none."""

    def namespace(self, path: str) -> int:
        """An open file of a namespace."""

    @property
    def renames_while_up(self) -> bool:
        """Whether an interface that is up can get another name."""


def messages(operation: Operation, place: Place) -> Iterator[bytes]:
    """The messages that carry out one operation, in order."""
    return _ENCODERS[type(operation)](operation, place)


def _link_add(operation: LinkAdd, place: Place) -> Iterator[bytes]:
    link, peer = operation.link, operation.peer
    info: list[Any] = [["IFLA_INFO_KIND", link.kind]]
    # A bridge follows the smallest MTU among its ports until its own is changed (br_mtu_auto_adjust()), and what it is
    # created with does not count: so it is created with another one, and changed below.
    pinned = link.kind == "bridge"
    attributes: list[Any] = [["IFLA_IFNAME", link.name], ["IFLA_MTU", _another_mtu(link.mtu) if pinned else link.mtu]]
    if link.mac:
        attributes.append(["IFLA_ADDRESS", link.mac])
    if link.tx_queue_len >= 0:
        attributes.append(["IFLA_TXQLEN", link.tx_queue_len])
    if link.controller:
        attributes.append(["IFLA_MASTER", place.index(link.controller)])
    if link.kind == "bridge":
        info.append(["IFLA_INFO_DATA", {"attrs": [["IFLA_BR_STP_STATE", int(link.stp)]]}])
    if peer:
        # One queue each is where a veth ends anyhow; asked for, the kernel does not first make one for each CPU.
        queues = [["IFLA_NUM_TX_QUEUES", 1], ["IFLA_NUM_RX_QUEUES", 1]]
        other: list[Any] = [["IFLA_IFNAME", peer.name], ["IFLA_MTU", peer.mtu or link.mtu],
                            ["IFLA_NET_NS_FD", place.namespace(peer.netns)], *queues]
        if peer.mac:
            other.append(["IFLA_ADDRESS", peer.mac])
        attributes += queues
        info.append(["IFLA_INFO_DATA", {"attrs": [["VETH_INFO_PEER", {"attrs": other}]]}])
    attributes.append(["IFLA_LINKINFO", {"attrs": info}])
    # The kernel takes no alias at creation, but it takes a group: that is the mark until the alias stands.
    attributes.append(["IFLA_GROUP", UNFINISHED_GROUP])
    yield rtnl.encode(rtnl.NEWLINK, rtnl.CREATE | rtnl.EXCLUSIVE, attributes,
                      flags=IFF_UP if link.up else 0, change=IFF_UP)
    more: list[Any] = [["IFLA_IFNAME", link.name], ["IFLA_GROUP", link.group]]
    if link.alias:
        more.append(["IFLA_IFALIAS", link.alias])
    if pinned:
        more.append(["IFLA_MTU", link.mtu])
    settings = {number: b"\1" for key, number in _PORT_SETTINGS.items() if getattr(link, key)}
    yield Second(rtnl.encode(rtnl.NEWLINK, 0, more, _port(settings) if settings else b""))


def _another_mtu(mtu: int) -> int:
    return mtu - 1 if mtu > MTU_RANGE[0] else mtu + 1


def _link_set(operation: LinkSet, place: Place) -> Iterator[bytes]:
    changes = operation.changes
    new = operation.new
    attributes: list[Any] = [["IFLA_IFNAME", new.name]]
    fields = {}
    if "name" in changes:
        fields["index"] = place.index(operation.old.name)
    for key, its_name in (("mtu", "IFLA_MTU"), ("mac", "IFLA_ADDRESS"), ("alias", "IFLA_IFALIAS"),
                          ("tx_queue_len", "IFLA_TXQLEN"), ("group", "IFLA_GROUP")):
        if key in changes:
            attributes.append([its_name, getattr(new, key)])
    if "controller" in changes:
        attributes.append(["IFLA_MASTER", place.index(new.controller) if new.controller else 0])
    if of_bridge := list(_bridge_settings(changes.keys(), new)):
        attributes.append(["IFLA_LINKINFO", {"attrs": [
            ["IFLA_INFO_KIND", "bridge"], ["IFLA_INFO_DATA", {"attrs": of_bridge}]]}])
    if "up" in changes:
        fields.update(flags=IFF_UP if new.up else 0, change=IFF_UP)
    # Until Linux 6.2 an interface that is up keeps its name.
    if "name" in changes and operation.old.up and not place.renames_while_up:
        yield rtnl.encode(rtnl.NEWLINK, 0, [], flags=0, change=IFF_UP, index=fields["index"])
        fields.update(flags=IFF_UP if new.up else 0, change=IFF_UP)
    if len(attributes) > 1 or fields:
        yield rtnl.encode(rtnl.NEWLINK, 0, attributes, **fields)
    # A link that becomes a port of another bridge begins there with all of them off.
    settings = {number: bytes([getattr(new, key)]) for key, number in _PORT_SETTINGS.items()
                if key in changes or ("controller" in changes and getattr(new, key))}
    if new.controller and settings:
        yield rtnl.encode(rtnl.NEWLINK, 0, [["IFLA_IFNAME", new.name]], _port(settings))
    # A port of ours says in its alias whose addresses are behind it. A MAC follows an address, and until its new holder
    # sends something the bridge would go on to send to the former one.
    if new.controller and "alias" in changes and "controller" not in changes:
        yield rtnl.encode(rtnl.NEWLINK, 0, [["IFLA_IFNAME", new.name]], _port({_FLUSH: b""}))


def _bridge_settings(changes: Collection[str], link: Link) -> Iterator[list[Any]]:
    if "stp" in changes:
        yield ["IFLA_BR_STP_STATE", int(link.stp)]
    if "nf_calls" in changes:
        yield from ([name, int(family in link.nf_calls)] for family, name in _NF_CALLS.items())


def _link_move(operation: LinkMove, place: Place) -> Iterator[bytes]:
    # Name and namespace in one message: the link is never there under a name that is taken.
    yield rtnl.encode(rtnl.NEWLINK, 0, [["IFLA_IFNAME", operation.name],
                                        ["IFLA_NET_NS_FD", place.namespace(operation.target)]],
                      index=place.index(operation.link.name))


def _link_del(operation: LinkDel, place: Place) -> Iterator[bytes]:
    yield rtnl.encode(rtnl.DELLINK, 0, [["IFLA_IFNAME", operation.link.name]])


def _address(operation: Union[AddrAdd, AddrDel], place: Place) -> Iterator[bytes]:
    address = ipaddress.ip_interface(operation.address)
    attributes: list[Any] = [["IFA_LOCAL", str(address.ip)], ["IFA_ADDRESS", str(address.ip)]]
    if address.version == 4 and address.network.prefixlen < 31:
        attributes.append(["IFA_BROADCAST", str(address.network.broadcast_address)])
    if address.version == 6:
        # Addresses come from a ledger, so there is no other to detect, and detection keeps one unusable for a
        # second; a bridge port in hairpin mode would even send the probe back to its sender.
        attributes.append(["IFA_FLAGS", _NODAD])
    adding = isinstance(operation, AddrAdd)
    yield rtnl.encode(rtnl.NEWADDR if adding else rtnl.DELADDR, rtnl.CREATE | rtnl.EXCLUSIVE if adding else 0,
                      attributes, index=place.index(operation.interface), prefixlen=address.network.prefixlen,
                      family=socket.AF_INET if address.version == 4 else socket.AF_INET6)


def _route_add(operation: RouteAdd, place: Place) -> Iterator[bytes]:
    route = operation.route
    attributes, family, length = _destination(route)
    attributes.append(["RTA_OIF", place.index(route.interface)])
    if route.gateway:
        attributes.append(["RTA_GATEWAY", route.gateway])
    if route.metric:
        attributes.append(["RTA_PRIORITY", route.metric])
    yield rtnl.encode(rtnl.NEWROUTE, rtnl.CREATE | rtnl.EXCLUSIVE, attributes, family=family, dst_len=length,
                      table=TABLE_MAIN, proto=_PROTOCOL_STATIC, type=UNICAST,
                      scope=_SCOPE_UNIVERSE if route.gateway else SCOPE_LINK)


def _route_del(operation: RouteDel, place: Place) -> Iterator[bytes]:
    """Whoever made it, and whatever else it says: what the message leaves open fits all (fib_table_delete())."""
    route = operation.route
    attributes, family, length = _destination(route)
    barrier = next((number for number, kind in BARRIERS.items() if kind == route.kind), 0)
    if route.interface and route.kind != HOPS and (not barrier or family == socket.AF_INET6):
        attributes.append(["RTA_OIF", place.index(route.interface)])
        if route.gateway:
            attributes.append(["RTA_GATEWAY", route.gateway])
    if route.rank:
        attributes.append(["RTA_PRIORITY", route.rank])
    source, _slash, source_length = route.kind.removeprefix(FROM).partition("/")
    if source_length:
        attributes.append(["RTA_SRC", source])
    yield rtnl.encode(rtnl.DELROUTE, 0, attributes, family=family, dst_len=length, src_len=int(source_length or 0),
                      table=TABLE_MAIN, proto=0, type=barrier or UNICAST, scope=_SCOPE_ANY)


def _destination(route: Route) -> tuple[list[Any], int, int]:
    """What a message says of a route's destination: attributes, family, prefix length."""
    attributes: list[Any] = [["RTA_TABLE", TABLE_MAIN]]
    family = socket.AF_INET if route.family == "ipv4" else socket.AF_INET6
    if route.destination == "default":
        return attributes, family, 0
    network = ipaddress.ip_network(route.destination)
    return [*attributes, ["RTA_DST", str(network.network_address)]], family, network.prefixlen


def _neighbour(operation: Union[NeighbourAdd, NeighbourDel], place: Place) -> Iterator[bytes]:
    adding = isinstance(operation, NeighbourAdd)
    index = place.index(operation.neighbour.interface)
    if index:  # else its container has ended by now
        yield rtnl.message(rtnl.NEWNEIGH if adding else rtnl.DELNEIGH,
                           neighbour_request(operation.neighbour, index, adding),
                           rtnl.CREATE | rtnl.REPLACE if adding else 0)


def _shaper_set(operation: ShaperSet, place: Place) -> Iterator[bytes]:
    shaper = operation.shaper
    index = place.index(shaper.interface)
    if index:  # else its container has ended by now
        yield from qdisc.setting(shaper, operation.before, index, place.index(shaper.target) if shaper.target else 0)


def _shaper_del(operation: ShaperDel, place: Place) -> Iterator[bytes]:
    index = place.index(operation.shaper.interface)
    if index:
        yield qdisc.ending(operation.shaper, index)


def _port(settings: Mapping[int, bytes]) -> bytes:
    """Settings of a bridge port, by number: br_netlink.c of the kernel."""
    data = b"".join(attribute(number, value) for number, value in settings.items())
    return attribute(IFLA_LINKINFO, attribute(INFO_SLAVE_KIND, b"bridge\0") + attribute(INFO_SLAVE_DATA, data))


# What encodes an operation takes those of its own class.
_ENCODERS: Mapping[type[object], Callable[[Any, Place], Iterator[bytes]]] = {
    LinkAdd: _link_add, LinkSet: _link_set, LinkMove: _link_move, LinkDel: _link_del, AddrAdd: _address,
    AddrDel: _address, RouteAdd: _route_add, RouteDel: _route_del,
    NeighbourAdd: _neighbour, NeighbourDel: _neighbour, ShaperSet: _shaper_set, ShaperDel: _shaper_del}
