# SPDX-License-Identifier: GPL-3.0-or-later
"""Links, addresses and routes out of the kernel's messages, and the requests for them. Pure.

pyroute2 decodes every attribute of a message, about sixty for a bridge port, of which a dozen are needed here: for a
thousand links that is the difference between 50 ms and two seconds in every run. Layouts and numbers: rtnetlink(7),
linux/if_link.h, linux/if_addr.h, linux/rtnetlink.h.
"""
from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Optional

from .model import FROM, HOPS, METRIC_V6, NEIGHBOUR_PROTOCOL, UNFINISHED, Link, Mark, Neighbour, Route

_LINK = struct.Struct("=BxHiII")  # struct ifinfomsg: family, type, index, flags, change
_ADDRESS = struct.Struct("=BBBBi")  # struct ifaddrmsg: family, prefix length, flags, scope, index
_ROUTE = struct.Struct("=BBBBBBBBI")  # struct rtmsg: family, lengths, tos, table, protocol, scope, type, flags
_NEIGHBOUR = struct.Struct("=BxxxiHBB")  # struct ndmsg: family, index, state, flags, type
_HOP = struct.Struct("=HBBi")  # struct rtnexthop: length, flags, hops, interface
_ATTRIBUTE = struct.Struct("=HH")  # struct nlattr: length, type
_TYPE = 0x3FFF  # NLA_TYPE_MASK: the two bits above are flags
_NESTED = 0x8000  # NLA_F_NESTED

IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK, IFLA_MASTER, IFLA_TXQLEN = 1, 3, 4, 5, 10, 13
IFLA_LINKINFO, IFLA_IFALIAS, IFLA_AF_SPEC, IFLA_GROUP, _IFLA_PROP_LIST = 18, 20, 26, 27, 52
INFO_KIND, _INFO_DATA, INFO_SLAVE_KIND, INFO_SLAVE_DATA = 1, 2, 4, 5
_BR_STP_STATE, _BRPORT_MODE, _BRPORT_ISOLATED = 5, 4, 33
_BR_NF_CALLS = {"ipv4": 36, "ipv6": 37}  # IFLA_BR_NF_CALL_IPTABLES, IFLA_BR_NF_CALL_IP6TABLES
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_SRC, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY = 1, 2, 4, 5, 6
_RTA_MULTIPATH, _RTA_TABLE, _RTA_NH_ID = 9, 15, 30
_AF_BRIDGE = 7  # Python has no name for it
_NDA_DST, _NDA_LLADDR, _NDA_PROTOCOL = 1, 2, 12
_NUD_NOARP, _NUD_PERMANENT, _NTF_MASTER, _NTF_STICKY = 0x40, 0x80, 0x04, 0x40  # linux/neighbour.h

IFF_UP, _IFF_LOOPBACK = 0x1, 0x8
TABLE_MAIN, UNICAST, SCOPE_LINK = 254, 1, 253
# RTN_LOCAL, RTN_BLACKHOLE and the next ones: the namespace takes what goes there for its own, or drops it.
BARRIERS = {2: "local", 6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw"}
UNFINISHED_GROUP = 0x6D6F6F73  # the group of a link of ours from its creation until its mark stands
_FAMILIES = {socket.AF_INET: "ipv4", socket.AF_INET6: "ipv6"}


_SETTING = struct.Struct("=i")
# Family, attribute within IFLA_AF_SPEC (IFLA_INET_CONF, IFLA_INET6_CONF), place among its numbers, name. The places
# are those of linux/ip.h (IPV4_DEVCONF_..., from 1 on) and linux/ipv6.h (DEVCONF_..., from 0 on).
_SETTINGS = ((socket.AF_INET, 1, 3, "net/ipv4/conf/{}/accept_redirects"),
             (socket.AF_INET6, 2, 3, "net/ipv6/conf/{}/accept_ra"),
             (socket.AF_INET6, 2, 4, "net/ipv6/conf/{}/accept_redirects"),
             (socket.AF_INET6, 2, 26, "net/ipv6/conf/{}/disable_ipv6"))

# What a dump is asked for: links without their statistics, which are a third of each message (IFLA_EXT_MASK with
# RTEXT_FILTER_SKIP_STATS); all addresses; the routes of the main table.
LINKS = _LINK.pack(0, 0, 0, 0, 0) + _ATTRIBUTE.pack(8, 29) + struct.pack("=I", 0x08)
ADDRESSES = _ADDRESS.pack(0, 0, 0, 0, 0)
ROUTES = _ROUTE.pack(0, 0, 0, 0, TABLE_MAIN, 0, 0, 0, 0)
NEIGHBOURS = _NEIGHBOUR.pack(0, 0, 0, 0, 0)
PLACES = _NEIGHBOUR.pack(_AF_BRIDGE, 0, 0, 0, 0)  # the MAC addresses that bridges know


def attributes(data: bytes, offset: int = 0) -> dict[int, bytes]:
    """The attributes that begin at ``offset``, by type; of several with one type the last.

    Not by way of attribute_list(): this is what most of the time goes to in a run that reads a thousand namespaces.
    """
    found: dict[int, bytes] = {}
    last = len(data) - _ATTRIBUTE.size
    while offset <= last:
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size:
            break
        found[kind & _TYPE] = data[offset + _ATTRIBUTE.size:offset + length]
        offset += (length + 3) & ~3
    return found


def attribute_list(data: bytes, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """The same in order, with all of one type."""
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size:
            break
        yield kind & _TYPE, data[offset + _ATTRIBUTE.size:offset + length]
        offset += (length + 3) & ~3


def attribute(kind: int, value: bytes, nested: bool = False) -> bytes:
    """One attribute of a request, with what fills it up to a multiple of four bytes."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind | (_NESTED if nested else 0)) + value + bytes(
        -len(value) % 4)


def _number(value: Optional[bytes], default: int = 0) -> int:
    return int.from_bytes(value, sys.byteorder) if value else default


def _text(value: Optional[bytes]) -> str:
    return value.rstrip(b"\0").decode(errors="replace") if value else ""


def address_text(family: int, data: bytes) -> str:
    """An address as all of our values have it: what the standard library makes of those that are read from options.

    inet_ntop() of libc has dots in some of IPv6, ``::1.2.3.4`` where the other one has ``::102:304`` (RFC 5952, 5).
    """
    text = socket.inet_ntop(family, data)
    return str(ipaddress.IPv6Address(data)) if family == socket.AF_INET6 and "." in text else text


def link_group(payload: bytes) -> int:
    return _number(attributes(payload, _LINK.size).get(IFLA_GROUP))


def link(payload: bytes) -> tuple[Link, int]:
    """A link without its addresses, and the index of its bridge, 0 for none."""
    _family, _type, index, flags, _change = _LINK.unpack_from(payload)
    words = attributes(payload, _LINK.size)
    info = attributes(words.get(IFLA_LINKINFO, b""))
    kind = "loopback" if flags & _IFF_LOOPBACK else _text(info.get(INFO_KIND))
    bridge = attributes(info.get(_INFO_DATA, b"")) if kind == "bridge" else {}
    port = attributes(info.get(INFO_SLAVE_DATA, b""))
    controller = _number(words.get(IFLA_MASTER))
    alias = _text(words.get(IFLA_IFALIAS))
    if not alias and _number(words.get(IFLA_GROUP)) == UNFINISHED_GROUP:
        alias = Mark(UNFINISHED, _text(words.get(IFLA_IFNAME))).text
    found = Link(_text(words.get(IFLA_IFNAME)), kind, index, peer_index=_number(words.get(IFLA_LINK)),
                 up=bool(flags & IFF_UP), mtu=_number(words.get(IFLA_MTU)),
                 mac=":".join(f"{byte:02x}" for byte in words.get(IFLA_ADDRESS, b"")), alias=alias,
                 stp=bool(_number(bridge.get(_BR_STP_STATE))),
                 nf_calls=_nf_calls(bridge) if bridge else (),
                 hairpin=bool(controller and _number(port.get(_BRPORT_MODE))),
                 isolated=bool(controller and _number(port.get(_BRPORT_ISOLATED))),
                 tx_queue_len=_number(words.get(IFLA_TXQLEN), -1), group=_number(words.get(IFLA_GROUP)),
                 other_names=tuple(_text(name) for _kind, name in attribute_list(words.get(_IFLA_PROP_LIST, b""))))
    return found, controller


def _nf_calls(bridge: Mapping[int, bytes]) -> tuple[str, ...]:
    return tuple(family for family, number in _BR_NF_CALLS.items() if _number(bridge.get(number)))


def settings(payload: bytes) -> Iterator[tuple[str, Optional[str]]]:
    """Kernel settings of a link, by their names below /proc/sys, None for those that it does not have now.

    To open the file of one costs as much as to decode the whole message, where it stands as well.
    """
    if _LINK.unpack_from(payload)[3] & _IFF_LOOPBACK:
        return  # nobody asks for those of lo
    words = attributes(payload, _LINK.size)
    name, families = _text(words.get(IFLA_IFNAME)), attributes(words.get(IFLA_AF_SPEC, b""))
    for family, kind, place, template in _SETTINGS:
        values = attributes(families.get(family, b"")).get(kind, b"")
        known = len(values) >= (place + 1) * _SETTING.size
        yield template.format(name), str(_SETTING.unpack_from(values, place * _SETTING.size)[0]) if known else None


def address(payload: bytes) -> Optional[tuple[int, str]]:
    """Index of the link and address with prefix length; None for what no Link shows, such as link-local ones."""
    family, length, _flags, scope, index = _ADDRESS.unpack_from(payload)
    if family not in _FAMILIES or scope == SCOPE_LINK:
        return None
    words = attributes(payload, _ADDRESS.size)
    return index, f"{address_text(family, words.get(_IFA_LOCAL) or words[_IFA_ADDRESS])}/{length}"


def in_order(addresses: Sequence[str]) -> tuple[str, ...]:
    """Addresses of a link in the order in which they came: of IPv6 the kernel shows the last one first
    (ipv6_link_dev_addr()).
    """
    return (*(each for each in addresses if ":" not in each), *(each for each in reversed(addresses) if ":" in each))


def route(payload: bytes, names: Mapping[int, str]) -> Optional[Route]:
    """A route of the main table that leads somewhere, or a barrier.

    None for what the kernel made for itself, and for one that only packets with a type of service take.
    """
    family, length, source, tos, table, _protocol, _scope, kind, _flags = _ROUTE.unpack_from(payload)
    if family not in _FAMILIES or tos or (kind != UNICAST and kind not in BARRIERS):
        return None
    words = attributes(payload, _ROUTE.size)
    if _number(words.get(_RTA_TABLE), table) != TABLE_MAIN:
        return None
    destination = f"{address_text(family, words[_RTA_DST])}/{length}" if _RTA_DST in words else "default"
    metric = _number(words.get(_RTA_PRIORITY))
    interface = _number(words.get(_RTA_OIF))
    shape = HOPS if _RTA_MULTIPATH in words or _RTA_NH_ID in words else BARRIERS.get(kind, "")
    if kind in BARRIERS and shape == HOPS:
        interface = 0  # a next hop object that is a blackhole: the kernel shows it as one, and keeps it as none
    if source:
        shape = f"{FROM}{socket.inet_ntop(family, words[_RTA_SRC])}/{source}"
    if _RTA_MULTIPATH in words:
        hops = words[_RTA_MULTIPATH]
        size, _flags, _hops, interface = _HOP.unpack_from(hops)
        words = attributes(hops[:size], _HOP.size)
    gateway = address_text(family, words[_RTA_GATEWAY]) if _RTA_GATEWAY in words else ""
    return Route(destination, names.get(interface, ""), gateway, _FAMILIES[family],
                 0 if family == socket.AF_INET6 and metric == METRIC_V6 else metric, shape)


def neighbour(payload: bytes, names: Mapping[int, str]) -> Optional[Neighbour]:
    """What was set of an address, or of a MAC address behind a port; None for what a kernel has found out itself.

    :param names: of the interfaces that are asked about, by index
    """
    family, index, state, flags, _type = _NEIGHBOUR.unpack_from(payload)
    fixed = (flags & _NTF_STICKY and state & _NUD_NOARP) if family == _AF_BRIDGE else state & _NUD_PERMANENT
    if not fixed or index not in names:
        return None
    words = attributes(payload, _NEIGHBOUR.size)
    mac = ":".join(f"{byte:02x}" for byte in words.get(_NDA_LLADDR, b""))
    if family == _AF_BRIDGE:
        return Neighbour(names[index], mac)
    own = _number(words.get(_NDA_PROTOCOL)) == NEIGHBOUR_PROTOCOL
    return Neighbour(names[index], mac, address_text(family, words[_NDA_DST]), own) if family in _FAMILIES else None


def place_request(index: int, mac: str) -> bytes:
    """The payload that asks where a MAC address is, of the bridge of a port."""
    return _NEIGHBOUR.pack(_AF_BRIDGE, index, 0, _NTF_MASTER, 0) + attribute(
        _NDA_LLADDR, bytes.fromhex(mac.replace(":", "")))


def neighbour_request(each: Neighbour, index: int, adding: bool) -> bytes:
    """The payload that sets or removes one; pyroute2 0.5.14 has no name for some of these attributes."""
    mac = attribute(_NDA_LLADDR, bytes.fromhex(each.mac.replace(":", "")))
    if not each.address:
        flags = _NTF_MASTER | (_NTF_STICKY if adding else 0)
        return _NEIGHBOUR.pack(_AF_BRIDGE, index, _NUD_NOARP, flags, 0) + mac
    family = socket.AF_INET6 if ":" in each.address else socket.AF_INET
    words = attribute(_NDA_DST, socket.inet_pton(family, each.address))
    if adding:
        words += mac + attribute(_NDA_PROTOCOL, bytes([NEIGHBOUR_PROTOCOL]))
    return _NEIGHBOUR.pack(family, index, _NUD_PERMANENT, 0, 0) + words
