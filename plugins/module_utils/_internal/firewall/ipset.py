# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter for sets of addresses. Layouts and numbers: linux/netfilter/ipset/ip_set.h, ip_set_hash.h.

The kernel is asked directly: no program ipset is needed, and pyroute2's class for sets differs from version to version.
"""
from __future__ import annotations

import errno
import ipaddress
import os
import socket
import struct
import time
from collections.abc import Iterable, Iterator

from ..core.errors import HostError
from ..core.undo import Undo
from ..link.decode import attribute, attribute_list, attributes
from ..link.rtnl import CREATE, EXCLUSIVE, NETFILTER, RtnlSocket, message
from ..ports.allow import Place
from .iptables.adapter import find_lacking
from .model import FAMILIES
from .set_operations import SetAdd, SetDel, SetFill
from .sets import AddressSet, digest_of

_SUBSYSTEM = 6 << 8  # NFNL_SUBSYS_IPSET
_CREATE, _DESTROY, _LIST, _ADD, _DEL, _TYPE = (_SUBSYSTEM | number for number in (2, 3, 7, 9, 10, 13))
_REQUEST = struct.pack("=BBH", socket.AF_INET, 0, 0) + attribute(1, b"\x06")  # struct nfgenmsg, IPSET_ATTR_PROTOCOL
_HEADER = 4  # bytes of struct nfgenmsg
_SETNAME, _TYPENAME, _REVISION, _FAMILY, _FLAGS, _DATA, _ADT = 2, 3, 4, 5, 6, 7, 8
_IP, _CIDR, _PORT, _PROTO, _MAXELEM = 1, 3, 4, 7, 19
_BIG_ENDIAN = 0x4000  # NLA_F_NET_BYTEORDER
_LIST_NAMES = 2  # IPSET_FLAG_LIST_SETNAME
_NFPROTO = {"ipv4": 2, "ipv6": 10}
_PROTOCOLS = {"": 0, "tcp": 6, "udp": 17, "sctp": 132}
_NUMBERS = {number: name for name, number in _PROTOCOLS.items()}
_MOST = 65536
_BUSY = 4100  # IPSET_ERR_BUSY: some rule asks the set
_ERRORS = {_BUSY: "a rule still asks it", 4098: "the kernel has no such type of set", 4103: "it holds that already",
           4352: "it is full"}
_PATIENCE, _PAUSE = 3.0, 0.02  # seconds: nf_tables lets go of the sets of a rule some time after the rule is gone
MODULE = "/sys/module/ip_set"


def find_problem() -> str:
    """Why rules cannot ask sets of addresses on this host, as a sentence, "" where they can."""
    if problem := find_lacking("set"):
        return problem
    for kind in ("hash:net", "hash:net,port"):
        request = _REQUEST + attribute(_TYPENAME, kind.encode() + b"\0")
        try:
            with RtnlSocket(NETFILTER) as kernel:
                asked = [message(_TYPE, request + attribute(_FAMILY, bytes([_NFPROTO[family]]))) for family in FAMILIES]
                if any(kernel.send(asked)):
                    return f"the kernel of this host lacks sets of the type {kind} (ip_set)"
        except OSError as error:
            return f"the kernel of this host has no sets of addresses (ip_set): {error.strerror}"
    return ""


def snapshot() -> dict[str, AddressSet]:
    """All sets that have a name of ours. Nothing is asked where the kernel has not loaded them: to ask is to load."""
    if os.path.isdir("/sys/module") and not os.path.isdir(MODULE):
        return {}
    names = _REQUEST + attribute(_FLAGS | _BIG_ENDIAN, struct.pack("!I", _LIST_NAMES))
    try:
        with RtnlSocket(NETFILTER) as kernel:
            found = [name for payload in kernel.dump(_LIST, names)
                     if digest_of(name := _text(attributes(payload, _HEADER).get(_SETNAME, b"")))]
            return {name: _read(name, kernel.dump(_LIST, _named(name))) for name in found}
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT):  # the kernel knows no sets
            return {}
        raise HostError(f"cannot read the sets of addresses of this host: {error.strerror}") from error


def _read(name: str, payloads: Iterable[bytes]) -> AddressSet:
    """One set; the first message says what it is, and all of them what is in it."""
    kind, family, places = "", "", set()
    for payload in payloads:
        words = attributes(payload, _HEADER)
        if _TYPENAME in words:
            kind = _text(words[_TYPENAME])
            family = "ipv6" if words.get(_FAMILY, b"\0")[0] == _NFPROTO["ipv6"] else "ipv4"
        for _kind, entry in attribute_list(words.get(_ADT, b"")):
            places.add(_place(attributes(entry)))
    usual = {"hash:net": False, "hash:net,port": True}
    return AddressSet(name, family, usual.get(kind, False), frozenset(places), "" if kind in usual else kind)


def _place(words: dict[int, bytes]) -> Place:
    raw = next(iter(attributes(words.get(_IP, b"")).values()), bytes(4))
    address = ipaddress.ip_address(raw)
    length = words[_CIDR][0] if _CIDR in words else address.max_prefixlen
    port = int.from_bytes(words.get(_PORT, b""), "big")
    number = words.get(_PROTO, b"\0")[0]
    return Place(f"{address}/{length}", _NUMBERS.get(number, str(number)), port)


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="replace")


def _named(name: str) -> bytes:
    return _REQUEST + attribute(_SETNAME, name.encode() + b"\0")


# -- operations -------------------------------------------------------------------------------------------------------

def add(operation: SetAdd) -> None:
    """:raises HostError: when the kernel refuses it, with nothing left of it"""
    new = operation.new
    kind = "hash:net,port" if new.with_ports else "hash:net"
    request = _named(new.name) + attribute(_TYPENAME, kind.encode() + b"\0") + attribute(_REVISION, b"\0")
    request += attribute(_FAMILY, bytes([_NFPROTO[new.family]]))
    request += attribute(_DATA, attribute(_MAXELEM | _BIG_ENDIAN, struct.pack("!I", _MOST)), nested=True)
    with RtnlSocket(NETFILTER) as kernel:
        _require(operation, kernel.send([message(_CREATE, request, CREATE | EXCLUSIVE)]))
        with Undo() as undo:
            undo.by(f"set {new.name}", kernel.send, [message(_DESTROY, _named(new.name))])
            _require(operation, kernel.send([*_entries(_ADD, new, sorted(new.places))]))


def fill(operation: SetFill) -> None:
    """:raises HostError: when the kernel refuses it"""
    with RtnlSocket(NETFILTER) as kernel:
        _require(operation, kernel.send([*_entries(_DEL, operation.new, operation.gone),
                                         *_entries(_ADD, operation.new, operation.missing)]))


def delete(operation: SetDel) -> None:
    """:raises HostError: when a rule of others asks the set"""
    until = time.monotonic() + _PATIENCE
    with RtnlSocket(NETFILTER) as kernel:
        while (codes := kernel.send([message(_DESTROY, _named(operation.old.name))])) == [_BUSY]:
            if time.monotonic() > until:
                break
            time.sleep(_PAUSE)
        _require(operation, codes)


def _entries(kind: int, which: AddressSet, places: Iterable[Place]) -> Iterator[bytes]:
    """A message for each entry; one that is there already, or gone already, is no error."""
    for place in places:
        network = ipaddress.ip_network(place.network)
        address = attribute((1 if network.version == 4 else 2) | _BIG_ENDIAN, network.network_address.packed)
        data = attribute(_IP, address, nested=True) + attribute(_CIDR, bytes([network.prefixlen]))
        if which.with_ports:
            data += attribute(_PORT | _BIG_ENDIAN, struct.pack("!H", place.port))
            number = _PROTOCOLS[place.protocol] if place.protocol in _PROTOCOLS else int(place.protocol)
            data += attribute(_PROTO, bytes([number]))
        yield message(kind, _named(which.name) + attribute(_DATA, data, nested=True))


def _require(operation: SetAdd | SetDel | SetFill, codes: Iterable[int]) -> None:
    for code in codes:
        if code:
            raise HostError(f"cannot {operation.describe()}: {_ERRORS.get(code) or os.strerror(code)}")
