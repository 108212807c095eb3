# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter for /proc: sysctls, name servers, kernel modules. Formats: proc(5), ip-sysctl.rst of the kernel."""
from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from typing import Optional

from ..core import command
from ..core.errors import HostError
from ..core.regular import read_regular
from ..netns.enter import Namespaces
from .operations import ModuleLoad, SysctlSet

_NOT_ALLOWED = (errno.EROFS, errno.EACCES, errno.EPERM)  # in a container, whose engine mounts /proc/sys read-only


def read_sysctl(name: str) -> Optional[str]:
    """The value of a name with slashes in the namespace that is entered, None where there is no such name.

    Where it is several words, the kernel puts tabs between them; here they have single spaces.
    """
    try:
        with open(f"/proc/sys/{name}", encoding="ascii", errors="backslashreplace") as file:
            return " ".join(file.read().split())
    except OSError:
        return None


def read_sysctls(wanted: Iterable[tuple[str, str]],
                 namespaces: Optional[Namespaces] = None) -> dict[tuple[str, str], Optional[str]]:
    """Values by ``(namespace, name)``; a namespace that is not there has no values."""
    names: dict[str, list[str]] = {}
    for netns, name in wanted:
        names.setdefault(netns, []).append(name)
    found: dict[tuple[str, str], Optional[str]] = {}
    namespaces = namespaces or Namespaces()
    for netns, here in names.items():
        try:
            with namespaces.enter(netns):
                found.update({(netns, name): read_sysctl(name) for name in here})
        except HostError:
            found.update({(netns, name): None for name in here})
    return found


def write_sysctl(operation: SysctlSet, namespaces: Optional[Namespaces] = None) -> None:
    """:raises HostError: where it cannot be set; one that may not be is no error where it is as it is to be"""
    with (namespaces or Namespaces()).enter(operation.netns):
        try:
            with open(f"/proc/sys/{operation.name}", "w", encoding="ascii") as file:
                file.write(operation.value)
        except OSError as error:
            # An interface that is made in this run may come with that value, by conf/default or by the kernel.
            if error.errno in _NOT_ALLOWED and read_sysctl(operation.name) == operation.value:
                return
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
        words = [line.split() for line in read_regular("/etc/resolv.conf", follow=True).splitlines()]
    except OSError:
        return ()
    return tuple(line[1] for line in words if len(line) > 1 and line[0] == "nameserver")


def has_interface(name: str) -> bool:
    """Whether the host has an interface of that name."""
    try:
        return socket.if_nametoindex(name) > 0
    except OSError:
        return False
