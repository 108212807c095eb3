# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter for the listening sockets of a host: sock_diag(7), and /proc/net where the kernel has no such thing.

For /proc/net/tcp the kernel walks its table of connections, which takes it milliseconds even when the table is empty;
asked for listening sockets only, sock_diag does not. It also tells IPV6_V6ONLY. Layouts: linux/inet_diag.h, proc(5).
"""
from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import Union

from ..link.decode import attributes
from ..link.rtnl import RtnlSocket
from ..ports.model import Socket
from ..ports.sets import PortSet

_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY = 4, 20
_INET_DIAG_SKV6ONLY = 11
# struct inet_diag_req_v2 up to the id: family, protocol, extensions, states; the id is empty, for any socket.
_REQUEST = struct.Struct("=BBBxI48x")
# struct inet_diag_msg: family, state, ports in network order, addresses, then (behind what is of no use here) the inode
_FOUND = struct.Struct("=BB2x2s2s16s16s12x16xI")
# Listening: TCP_LISTEN; an unconnected UDP socket is in state TCP_CLOSE.
_STATES = {"tcp": (socket.IPPROTO_TCP, 10), "udp": (socket.IPPROTO_UDP, 7)}
_FAMILIES = {socket.AF_INET: "", socket.AF_INET6: "6"}

SECONDS = 2  # for the search of processes; a host with 1000 of them takes some 30 ms

_SCTP = "/proc/self/net/sctp/eps"
_SCTP_LISTENING = 10  # SCTP_SS_LISTENING of the kernel

# Protocol, address, port, inode, whether a wildcard of IPv6 takes IPv4 as well.
_Listener = tuple[str, str, int, str, bool]


def snapshot(named: Iterable[tuple[str, int, int]]) -> tuple[Socket, ...]:
    """All listening sockets of the namespace that is entered.

    Only those in the ranges of ``named`` (protocol, first and last port) get their process looked up: that reads the
    descriptors of the host's processes.
    """
    try:
        found = from_kernel()
    except OSError:
        found = from_files()
    found += from_endpoints(_text(_SCTP))
    wanted = PortSet(named)
    inodes = {inode for protocol, _address, port, inode, _dual in found if (protocol, port) in wanted}
    processes = _processes(inodes) if inodes else {}
    return tuple(Socket(protocol, address, port, processes.get(inode, ""), dual_stack)
                 for protocol, address, port, inode, dual_stack in found)


def from_kernel() -> list[_Listener]:
    """:raises OSError: where the kernel does not know sock_diag for a protocol, or may not load its module"""
    with RtnlSocket(_NETLINK_SOCK_DIAG) as kernel:
        return [entry for protocol in _STATES for family in _FAMILIES for entry in _ask(kernel, protocol, family)]


def from_files() -> list[_Listener]:
    """IPV6_V6ONLY does not stand there: a wildcard is taken to hold IPv4 as well, as is the default."""
    return [entry for protocol in _STATES for suffix in _FAMILIES.values() for entry in _read(protocol, suffix)]


def from_endpoints(text: str) -> list[_Listener]:
    """Listening endpoints of SCTP, which sock_diag has a module of its own for (net/sctp/proc.c of the kernel).

    Columns are ENDPT, SOCK, STY, SST, HBKT, LPORT, UID, INODE and LADDRS, of which there may be several.
    """
    found: list[_Listener] = []
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) > 8 and words[3] == str(_SCTP_LISTENING):
            for address in map(_canonical, words[8:]):
                found.append(("sctp", address, int(words[5]), words[7], address == "::"))
    return found


def _ask(kernel: RtnlSocket, protocol: str, family: int) -> Iterator[_Listener]:
    number, state = _STATES[protocol]
    for payload in kernel.dump(_SOCK_DIAG_BY_FAMILY, _REQUEST.pack(family, number, 0, 1 << state)):
        _family, _state, port, peer, source, _destination, inode = _FOUND.unpack_from(payload)
        # A UDP socket that is connected receives from its peer only and does not hold the port for others.
        if peer == b"\0\0":
            address = _canonical(source[:4] if family == socket.AF_INET else source)
            only = attributes(payload, _FOUND.size).get(_INET_DIAG_SKV6ONLY, b"\0")[0]
            yield protocol, address, int.from_bytes(port, "big"), str(inode), address == "::" and not only


def _text(path: str) -> str:
    """The text of a file, "" where there is none: a protocol that the kernel has not."""
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except OSError:
        return ""


def _read(protocol: str, suffix: str) -> Iterator[_Listener]:
    for line in _text(f"/proc/self/net/{protocol}{suffix}").splitlines()[1:]:
        words = line.split()
        local, _colon, port = words[1].partition(":")
        if words[3] == f"{_STATES[protocol][1]:02X}" and words[2].endswith(":0000"):
            # 32-bit words in the byte order of the machine
            numbers = [int(local[start:start + 8], 16) for start in range(0, len(local), 8)]
            address = _canonical(struct.pack(f"={len(numbers)}I", *numbers))
            yield protocol, address, int(port, 16), words[9], address == "::"


def _canonical(packed: Union[bytes, str]) -> str:
    """An address as canonical text. A socket of family IPv6 that is bound to an IPv4 address takes IPv4 only."""
    found = ip_address(packed)
    return str(getattr(found, "ipv4_mapped", None) or found)


def _processes(inodes: set[str]) -> dict[str, str]:
    """``name (pid N)`` of a process that holds each socket.

    A process may have a million descriptors, and a container any number of processes: after a while some stay unnamed.
    """
    found: dict[str, str] = {}
    deadline = time.monotonic() + SECONDS
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            for descriptor in os.scandir(f"/proc/{pid}/fd"):
                if len(found) == len(inodes) or time.monotonic() > deadline:
                    return found
                target = os.readlink(descriptor.path)
                if target.startswith("socket:[") and target[8:-1] in inodes:
                    with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as comm:
                        found.setdefault(target[8:-1], f"{comm.read().strip()} (pid {pid})")
        except OSError:
            continue  # the process ended meanwhile
    return found
