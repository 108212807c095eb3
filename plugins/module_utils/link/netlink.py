# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter for links, addresses and routes: a namespace as a value, and operations as batches of messages."""
from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
from collections.abc import Iterator, Sequence
from typing import Any

from ..core.errors import HostError
from ..host.model import Namespace
from ..host.operations import AddrAdd, AddrDel, LinkAdd, LinkDel, LinkMove, LinkSet, RouteAdd, RouteDel
from ..netns.enter import entered, home
from ..netns.model import HOST
from . import rtnl
from .model import Link, Route

_IFF_UP, _IFF_LOOPBACK = 0x1, 0x8
_SCOPE_LINK, _SCOPE_UNIVERSE = 253, 0
_TABLE_MAIN, _PROTOCOL_STATIC, _UNICAST = 254, 4, 1
_NODAD = 0x02
_SKIP_STATISTICS = 0x08  # RTEXT_FILTER_SKIP_STATS: a third of each message
_FAMILIES = {socket.AF_INET: "ipv4", socket.AF_INET6: "ipv6"}
_DELETION_GROUP = 0x6D6F6F72  # "moor": links about to be deleted together

_REASONS = {
    errno.EEXIST: "it exists already, although it did not a moment ago: another program made it",
    errno.ENODEV: "the interface is gone, although it was there a moment ago",
    errno.EPERM: "not permitted: this needs root with CAP_NET_ADMIN",
    errno.EXFULL: "the bridge is full: the kernel allows 1023 ports",
    errno.EBUSY: "the kernel says that it is in use",
    errno.ENETUNREACH: "the gateway is not in a network of the interface",
}


def snapshot(path: str) -> Namespace:
    """Links with their addresses, and the routes of the main table, of the namespace at ``path``.

    :raises HostError: when it cannot be entered
    """
    with entered(path), rtnl.RtnlSocket() as kernel:
        inode = os.stat("/proc/self/ns/net").st_ino
        messages = list(kernel.dump(rtnl.GETLINK, [["IFLA_EXT_MASK", _SKIP_STATISTICS]]))
        names = {message["index"]: message.get_attr("IFLA_IFNAME") for message in messages}
        addresses = _addresses(kernel)
        links = [_link(message, names, addresses) for message in messages]
        routes = [route for message in kernel.dump(rtnl.GETROUTE, table=_TABLE_MAIN)
                  if (route := _route(message, names))]
    return Namespace(inode, {link.name: link for link in links}, routes)


def _addresses(kernel: rtnl.RtnlSocket) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for message in kernel.dump(rtnl.GETADDR):
        if message["family"] in _FAMILIES and message["scope"] != _SCOPE_LINK:
            address = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
            found.setdefault(message["index"], []).append(f"{address}/{message['prefixlen']}")
    return found


def _link(message: Any, names: dict[int, str], addresses: dict[int, list[str]]) -> Link:
    kind = "loopback" if message["flags"] & _IFF_LOOPBACK else (
        message.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND") or "")
    stp = kind == "bridge" and message.get_nested("IFLA_LINKINFO", "IFLA_INFO_DATA", "IFLA_BR_STP_STATE")
    controller = message.get_attr("IFLA_MASTER")
    hairpin = controller and message.get_nested("IFLA_LINKINFO", "IFLA_INFO_SLAVE_DATA", "IFLA_BRPORT_MODE")
    return Link(message.get_attr("IFLA_IFNAME"), kind, message["index"], message.get_attr("IFLA_LINK") or 0,
                bool(message["flags"] & _IFF_UP), message.get_attr("IFLA_MTU") or 0,
                message.get_attr("IFLA_ADDRESS") or "", message.get_attr("IFLA_IFALIAS") or "",
                names.get(controller, "") if controller else "", tuple(addresses.get(message["index"], ())),
                bool(stp), bool(hairpin), message.get_attr("IFLA_TXQLEN", -1))


def _route(message: Any, names: dict[int, str]) -> Route | None:
    if message.get_attr("RTA_TABLE", message["table"]) != _TABLE_MAIN or message["type"] != _UNICAST:
        return None
    family = _FAMILIES.get(message["family"])
    if family is None:
        return None
    target = message.get_attr("RTA_DST")
    destination = f"{target}/{message['dst_len']}" if target else "default"
    hops = message.get_attr("RTA_MULTIPATH") or [message]
    hop = hops[0]
    interface = names.get(hop.get_attr("RTA_OIF") or hop.get("oif") or 0, "")
    return Route(destination, interface, hop.get_attr("RTA_GATEWAY") or "", family)


def execute(path: str, operations: Sequence[Any]) -> Iterator[Any]:
    """Carry out operations of one namespace in as few writes as possible; yields each one that was done.

    :raises HostError: for the first that failed, after the done ones were yielded
    """
    with contextlib.ExitStack() as stack:
        here = stack.enter_context(home())
        stack.enter_context(entered(path))
        kernel = stack.enter_context(rtnl.RtnlSocket())
        if len(operations) > 1 and all(isinstance(operation, LinkDel) for operation in operations):
            yield from _delete_together(kernel, operations)
            return
        yield from _Batch(kernel, stack, here).run(operations)


class _Batch:
    """Messages on their way to the kernel, each with the operation that it belongs to."""

    def __init__(self, kernel: rtnl.RtnlSocket, stack: contextlib.ExitStack, here: int) -> None:
        self._kernel = kernel
        self._stack = stack
        self._namespaces = {HOST: here}
        self._waiting: list[tuple[Any, bytes]] = []
        self._done: list[Any] = []

    def run(self, operations: Sequence[Any]) -> Iterator[Any]:
        try:
            for operation in operations:
                for message in self._messages(operation):
                    self._waiting.append((operation, message))
            self._flush()
        except HostError:
            yield from self._done
            raise
        yield from self._done

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        outcome = self._kernel.send([message for _operation, message in waiting])
        for (operation, _message), code in zip(waiting, outcome):
            # An operation of two messages counts as done from the first one on: what it did must be undone.
            if code == 0 and operation not in self._done[-1:]:
                self._done.append(operation)
        failed = next(((operation, code) for (operation, _), code in zip(waiting, outcome) if code), None)
        if failed:
            raise failure(*failed)

    def _index(self, name: str) -> int:
        return rtnl.index_of(name, self._flush)

    def _namespace(self, path: str) -> int:
        if path not in self._namespaces:
            try:
                self._namespaces[path] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise HostError(f"namespace {path} cannot be opened: {error.strerror}") from error
            self._stack.callback(os.close, self._namespaces[path])
        return self._namespaces[path]

    def _messages(self, operation: Any) -> Iterator[bytes]:
        return {LinkAdd: self._link_add, LinkSet: self._link_set, LinkDel: self._link_del, AddrAdd: self._address,
                AddrDel: self._address, RouteAdd: self._route, RouteDel: self._route,
                LinkMove: self._link_move}[type(operation)](operation)

    def _link_add(self, operation: LinkAdd) -> Iterator[bytes]:
        link, peer = operation.link, operation.peer
        info: list[Any] = [["IFLA_INFO_KIND", link.kind]]
        attributes: list[Any] = [["IFLA_IFNAME", link.name], ["IFLA_MTU", link.mtu]]
        if link.mac:
            attributes.append(["IFLA_ADDRESS", link.mac])
        if link.controller:
            attributes.append(["IFLA_MASTER", self._index(link.controller)])
        if link.kind == "bridge":
            info.append(["IFLA_INFO_DATA", {"attrs": [["IFLA_BR_STP_STATE", int(link.stp)]]}])
        if peer:
            # One queue each is where a veth ends anyhow; asked for, the kernel does not first make one for each CPU.
            queues = [["IFLA_NUM_TX_QUEUES", 1], ["IFLA_NUM_RX_QUEUES", 1]]
            other: list[Any] = [["IFLA_IFNAME", peer.name], ["IFLA_MTU", peer.mtu or link.mtu],
                                ["IFLA_NET_NS_FD", self._namespace(peer.netns)], *queues]
            if peer.mac:
                other.append(["IFLA_ADDRESS", peer.mac])
            attributes += queues
            info.append(["IFLA_INFO_DATA", {"attrs": [["VETH_INFO_PEER", {"attrs": other}]]}])
        attributes.append(["IFLA_LINKINFO", {"attrs": info}])
        yield rtnl.encode(rtnl.NEWLINK, rtnl.CREATE | rtnl.EXCLUSIVE, attributes,
                          flags=_IFF_UP if link.up else 0, change=_IFF_UP)
        # The kernel takes no alias at creation. The second message is in the same write, which the kernel finishes
        # whatever happens to this process: a link without its mark cannot stay behind.
        more: list[Any] = [["IFLA_IFNAME", link.name], ["IFLA_IFALIAS", link.alias]]
        if link.hairpin:
            more.append(_hairpin(True))
        if link.alias or link.hairpin:
            yield rtnl.encode(rtnl.NEWLINK, 0, more)

    def _link_set(self, operation: LinkSet) -> Iterator[bytes]:
        changes = operation.changes
        new = operation.new
        attributes: list[Any] = [["IFLA_IFNAME", new.name]]
        fields = {}
        if "name" in changes:
            fields["index"] = self._index(operation.old.name)
        for key, attribute in (("mtu", "IFLA_MTU"), ("mac", "IFLA_ADDRESS"), ("alias", "IFLA_IFALIAS"),
                               ("tx_queue_len", "IFLA_TXQLEN")):
            if key in changes:
                attributes.append([attribute, getattr(new, key)])
        if "controller" in changes:
            attributes.append(["IFLA_MASTER", self._index(new.controller) if new.controller else 0])
        if "stp" in changes:
            attributes.append(["IFLA_LINKINFO", {"attrs": [
                ["IFLA_INFO_KIND", "bridge"], ["IFLA_INFO_DATA", {"attrs": [["IFLA_BR_STP_STATE", int(new.stp)]]}]]}])
        if "up" in changes:
            fields.update(flags=_IFF_UP if new.up else 0, change=_IFF_UP)
        if len(attributes) > 1 or fields:
            yield rtnl.encode(rtnl.NEWLINK, 0, attributes, **fields)
        if "hairpin" in changes and new.controller:
            yield rtnl.encode(rtnl.NEWLINK, 0, [["IFLA_IFNAME", new.name], _hairpin(new.hairpin)])

    def _link_move(self, operation: LinkMove) -> Iterator[bytes]:
        # Name and namespace in one message: the link is never there under a name that is taken.
        yield rtnl.encode(rtnl.NEWLINK, 0, [["IFLA_IFNAME", operation.name],
                                            ["IFLA_NET_NS_FD", self._namespace(operation.target)]],
                          index=self._index(operation.link.name))

    def _link_del(self, operation: LinkDel) -> Iterator[bytes]:
        yield rtnl.encode(rtnl.DELLINK, 0, [["IFLA_IFNAME", operation.link.name]])

    def _address(self, operation: Any) -> Iterator[bytes]:
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
                          attributes, index=self._index(operation.interface), prefixlen=address.network.prefixlen,
                          family=socket.AF_INET if address.version == 4 else socket.AF_INET6)

    def _route(self, operation: Any) -> Iterator[bytes]:
        route = operation.route
        attributes: list[Any] = [["RTA_TABLE", _TABLE_MAIN], ["RTA_OIF", self._index(route.interface)]]
        length = 0
        if route.destination != "default":
            network = ipaddress.ip_network(route.destination)
            length = network.prefixlen
            attributes.append(["RTA_DST", str(network.network_address)])
        if route.gateway:
            attributes.append(["RTA_GATEWAY", route.gateway])
        adding = isinstance(operation, RouteAdd)
        yield rtnl.encode(rtnl.NEWROUTE if adding else rtnl.DELROUTE, rtnl.CREATE | rtnl.EXCLUSIVE if adding else 0,
                          attributes, family=socket.AF_INET if route.family == "ipv4" else socket.AF_INET6,
                          dst_len=length, table=_TABLE_MAIN, proto=_PROTOCOL_STATIC, type=_UNICAST,
                          scope=_SCOPE_UNIVERSE if route.gateway else _SCOPE_LINK)


def _hairpin(on: bool) -> list[Any]:
    return ["IFLA_LINKINFO", {"attrs": [["IFLA_INFO_SLAVE_KIND", "bridge"],
                                        ["IFLA_INFO_SLAVE_DATA", {"attrs": [["IFLA_BRPORT_MODE", int(on)]]}]]}]


def _delete_together(kernel: rtnl.RtnlSocket, operations: Sequence[LinkDel]) -> Iterator[Any]:
    """Delete many links as one interface group: the kernel then waits for its grace period (18 ms) once, not for each.

    :raises HostError: when the group is in use, or as soon as the kernel refuses
    """
    if any(message.get_attr("IFLA_GROUP") == _DELETION_GROUP for message in kernel.dump(rtnl.GETLINK)):
        raise HostError(f"interface group {_DELETION_GROUP} is in use: take the links that `ip link show group "
                        f"{_DELETION_GROUP}` lists out of it")
    outcome = kernel.send([rtnl.encode(rtnl.NEWLINK, 0, [["IFLA_IFNAME", operation.link.name],
                                                         ["IFLA_GROUP", _DELETION_GROUP]]) for operation in operations])
    present = [operation for operation, code in zip(operations, outcome) if code == 0]
    if present and (code := kernel.send([rtnl.encode(rtnl.DELLINK, 0, [["IFLA_GROUP", _DELETION_GROUP]])])[0]):
        raise failure(present[0], code)
    yield from present
    for operation, code in zip(operations, outcome):
        if code:
            raise failure(operation, code)


def failure(operation: Any, code: int) -> HostError:
    """The error of an operation that the kernel refused."""
    return HostError(f"cannot {operation.describe()}: {_REASONS.get(code, os.strerror(code))}")
