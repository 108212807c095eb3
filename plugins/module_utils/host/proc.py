# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter for /proc: sysctls, listening sockets, kernel modules. Formats: proc(5), ip-sysctl.rst of the kernel."""
from __future__ import annotations

import ipaddress
import os
import struct
from collections.abc import Iterable
from typing import Optional

from ..core import command
from ..core.errors import HostError
from ..netns.enter import entered
from ..ports.model import Socket
from .operations import ModuleLoad, SysctlSet

_LISTEN = {"tcp": "0A", "udp": "07"}  # TCP_LISTEN; an unconnected UDP socket is in state TCP_CLOSE


def read_sysctl(name: str) -> Optional[str]:
    """The value of a name with slashes in the namespace that is entered, None where there is no such name.

    Where it is several words, the kernel puts tabs between them; here they have single spaces.
    """
    try:
        with open(f"/proc/sys/{name}", encoding="ascii") as file:
            return " ".join(file.read().split())
    except OSError:
        return None


def read_sysctls(wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Optional[str]]:
    """Values by ``(namespace, name)``; a namespace that is not there has no values."""
    names: dict[str, list[str]] = {}
    for netns, name in wanted:
        names.setdefault(netns, []).append(name)
    found: dict[tuple[str, str], Optional[str]] = {}
    for netns, here in names.items():
        try:
            with entered(netns):
                found.update({(netns, name): read_sysctl(name) for name in here})
        except HostError:
            found.update({(netns, name): None for name in here})
    return found


def write_sysctl(operation: SysctlSet) -> None:
    with entered(operation.netns):
        try:
            with open(f"/proc/sys/{operation.name}", "w", encoding="ascii") as file:
                file.write(operation.value)
        except OSError as error:
            raise HostError(f"cannot {operation.describe()}: {error.strerror}") from error


def load_module(operation: ModuleLoad) -> None:
    done = command.run(["modprobe", operation.name])
    if done.code:
        raise HostError(f"cannot {operation.describe()}: {done.err.strip() or done.out.strip()}")


def reserved_ports() -> tuple[tuple[int, int], ...]:
    """net.ipv4.ip_local_reserved_ports as ranges."""
    found = []
    for word in (read_sysctl("net/ipv4/ip_local_reserved_ports") or "").split(","):
        if word:
            first, _dash, last = word.partition("-")
            found.append((int(first), int(last or first)))
    return tuple(found)


def nameservers() -> tuple[str, ...]:
    """Addresses of the nameserver lines in /etc/resolv.conf."""
    try:
        with open("/etc/resolv.conf", encoding="utf-8", errors="replace") as file:
            words = [line.split() for line in file]
    except OSError:
        return ()
    return tuple(line[1] for line in words if len(line) > 1 and line[0] == "nameserver")


def sockets(named: Iterable[tuple[str, int]]) -> tuple[Socket, ...]:
    """All listening sockets of the host's namespace.

    Only those of ``named`` (protocol, port) get their process looked up: that reads every descriptor of the host.
    """
    found = []
    for protocol, state in _LISTEN.items():
        for suffix in ("", "6"):
            found += [(protocol, *entry) for entry in _listening(f"/proc/self/net/{protocol}{suffix}", state)]
    wanted = set(named)
    inodes = {inode for protocol, _address, port, inode in found if (protocol, port) in wanted}
    processes = _processes(inodes) if inodes else {}
    # IPV6_V6ONLY of another process's socket cannot be read: a wildcard one is taken to hold IPv4 as well, as is
    # the default (net.ipv6.bindv6only=0).
    return tuple(Socket(protocol, address, port, processes.get(inode, ""), dual_stack=address == "::")
                 for protocol, address, port, inode in found)


def _listening(path: str, state: str) -> Iterable[tuple[str, int, str]]:
    try:
        with open(path, encoding="ascii") as file:
            lines = file.readlines()[1:]
    except OSError:
        return
    for line in lines:
        words = line.split()
        address, _colon, port = words[1].partition(":")
        # A UDP socket that is connected receives from its peer only and does not hold the port for others.
        if words[3] == state and words[2].endswith(":0000"):
            yield _address(address), int(port, 16), words[9]


def _address(text: str) -> str:
    """An address of /proc/net: 32-bit words in the byte order of the machine."""
    words = [int(text[start:start + 8], 16) for start in range(0, len(text), 8)]
    found = ipaddress.ip_address(struct.pack(f"={len(words)}I", *words))
    # A socket of family IPv6 that is bound to an IPv4 address takes IPv4 only.
    return str(getattr(found, "ipv4_mapped", None) or found)


def _processes(inodes: set[str]) -> dict[str, str]:
    """``name (pid N)`` of a process that holds each socket."""
    found: dict[str, str] = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            for descriptor in os.scandir(f"/proc/{pid}/fd"):
                target = os.readlink(descriptor.path)
                if target.startswith("socket:[") and target[8:-1] in inodes:
                    with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as comm:
                        found.setdefault(target[8:-1], f"{comm.read().strip()} (pid {pid})")
        except OSError:
            continue  # the process ended meanwhile
    return found
