# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter for the table of tracked connections. A failure here is a warning: the connections end by themselves.

A busy host tracks a hundred thousand connections. Of each only the two directions are looked at, and those to be
forgotten go to the kernel in few writes. Layouts and numbers: linux/netfilter/nfnetlink_conntrack.h.
"""
from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Mapping

from ..link.decode import address_text, attribute, attributes
from ..link.rtnl import NETFILTER, RtnlSocket, message
from .operations import ConntrackFlush

_GET, _DELETE = 1 << 8 | 1, 1 << 8 | 2  # NFNL_SUBSYS_CTNETLINK
_FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
_PROTOCOLS = {socket.IPPROTO_TCP: "tcp", socket.IPPROTO_UDP: "udp", 132: "sctp"}
_HEADER = 4  # bytes of struct nfgenmsg: family, version, resource
_ORIGINAL, _REPLY, _ID, _ZONE = 1, 2, 12, 18
_ADDRESSES, _TRANSPORT = 1, 2
_SOURCE, _DESTINATION = ({socket.AF_INET: first, socket.AF_INET6: first + 2} for first in (1, 2))


def flush(operation: ConntrackFlush) -> list[str]:
    """Delete the connections that the operation names; a list of warnings, empty when all went well.

    A translated connection keeps its first packet's translation for life: after a port has moved, a client that keeps
    sending (UDP, mostly) would go on reaching the container that had it before.
    """
    header = struct.pack("=BBH", _FAMILIES[operation.family], 0, 0)
    try:
        with RtnlSocket(NETFILTER) as kernel:
            entries = [entry for entry in kernel.dump(_GET, header) if operation.concerns(*_ends(entry))]
            codes = set(kernel.send([message(_DELETE, header + _name(entry)) for entry in entries]))
    except OSError as error:
        return [f"could not {operation.describe()}: {error}"]
    codes -= {0, errno.ENOENT}  # it ended meanwhile
    return [f"could not {operation.describe()}: {os.strerror(code)}" for code in sorted(codes)]


def _ends(entry: bytes) -> tuple[str, str, int, str, str]:
    """Protocol, where the client sends, with port, who answers, and the client."""
    words = attributes(entry, _HEADER)
    original = attributes(words.get(_ORIGINAL, b""))
    transport = attributes(original.get(_TRANSPORT, b""))
    return (_PROTOCOLS.get(transport.get(1, b"\0")[0], ""), _address(original, _DESTINATION),
            int.from_bytes(transport.get(3, b""), "big"), _address(attributes(words.get(_REPLY, b"")), _SOURCE),
            _address(original, _SOURCE))


def _address(direction: Mapping[int, bytes], kinds: Mapping[socket.AddressFamily, int]) -> str:
    words = attributes(direction.get(_ADDRESSES, b""))
    for family, kind in kinds.items():
        if kind in words:
            return address_text(family, words[kind])
    return ""


def _name(entry: bytes) -> bytes:
    """The attributes that name a connection to the kernel; with its id, no later one of the same ends is meant."""
    words = attributes(entry, _HEADER)
    return b"".join(attribute(kind, words[kind], nested=kind == _ORIGINAL) for kind in (_ORIGINAL, _ID, _ZONE)
                    if kind in words)
