# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter for the table of tracked connections. A failure here is a warning: the connections end by themselves."""
from __future__ import annotations

import errno
import socket
from typing import Any

from .operations import ConntrackFlush

_FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
_PROTOCOLS = {socket.IPPROTO_TCP: "tcp", socket.IPPROTO_UDP: "udp", 132: "sctp"}


def flush(operation: ConntrackFlush) -> list[str]:
    """Delete the connections that the operation names; a list of warnings, empty when all went well.

    A translated connection keeps its first packet's translation for life: after a port has moved, a client that keeps
    sending (UDP, mostly) would go on reaching the container that had it before.
    """
    from pyroute2.netlink.exceptions import NetlinkError
    from pyroute2.netlink.nfnetlink.nfctsocket import NFCTSocket

    family = _FAMILIES[operation.family]
    try:
        with NFCTSocket(nfgen_family=family) as kernel:
            for entry in [entry for entry in kernel.dump() if _concerns(entry, operation)]:
                _delete(kernel, entry, family)
    except (NetlinkError, OSError) as error:
        return [f"could not {operation.describe()}: {error}"]
    return []


def _delete(kernel: Any, entry: Any, family: int) -> None:
    from pyroute2.netlink.exceptions import NetlinkError
    from pyroute2.netlink.nfnetlink.nfctsocket import NFCTAttrTuple

    source, destination, protocol, source_port, port = _ends(entry, "CTA_TUPLE_ORIG")
    try:
        kernel.entry("del", tuple_orig=NFCTAttrTuple(family=family, saddr=source, daddr=destination, proto=protocol,
                                                     sport=source_port, dport=port))
    except NetlinkError as error:
        if error.code != errno.ENOENT:  # it ended meanwhile
            raise


def _ends(entry: Any, direction: str) -> tuple[str, str, int, int, int]:
    """Source, destination, protocol and ports of one direction (CTA_TUPLE_ORIG or CTA_TUPLE_REPLY)."""
    both = entry.get_attr(direction)
    addresses = both.get_attr("CTA_TUPLE_IP")
    kind = "V4" if addresses.get_attr("CTA_IP_V4_SRC") else "V6"
    transport = both.get_attr("CTA_TUPLE_PROTO")
    return (addresses.get_attr(f"CTA_IP_{kind}_SRC") or "", addresses.get_attr(f"CTA_IP_{kind}_DST") or "",
            transport.get_attr("CTA_PROTO_NUM") or 0, transport.get_attr("CTA_PROTO_SRC_PORT") or 0,
            transport.get_attr("CTA_PROTO_DST_PORT") or 0)


def _concerns(entry: Any, operation: ConntrackFlush) -> bool:
    source, destination, protocol, _from, port = _ends(entry, "CTA_TUPLE_ORIG")
    replier = _ends(entry, "CTA_TUPLE_REPLY")[0]
    return operation.concerns(_PROTOCOLS.get(protocol, ""), destination, port, replier, source)
