# SPDX-License-Identifier: GPL-3.0-or-later
"""What root may not do on a host that is a container itself. Adapter.

Engines start containers without capabilities(7) that change the network or mount something, and with a read-only
``/proc/sys``. What the kernel then says ("Operation not permitted") names neither.

A run may also be in a mount namespace of its own, as systemd, unshare(1) and ip-netns(8) make them: what it mounts
there nobody else sees, and it ends with the run (mount_namespaces(7)). The kernel says nothing of that at all.
"""
from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection

from .errors import MooringError

NET_ADMIN, SYS_ADMIN = 12, 21  # linux/capability.h
SYSCTLS, NAMES = "/proc/sys", "/run/netns"
# Of the network namespaces under NAMES: those of the host are not seen, and those of the run not by the host.
HIDDEN, PRIVATE = "names of the host", "mounts of the host"
# What is written to of each. Where systemd-nspawn gives a container a network of its own, /proc/sys is read-only, and
# net in it is not (SYSTEMD_NSPAWN_API_VFS_WRITABLE in systemd-nspawn(1)).
_WRITTEN = {SYSCTLS: f"{SYSCTLS}/net", NAMES: NAMES}
_PRIVILEGED = "If the host is a container, start it with --privileged (Docker, Podman)"
_LEAVE = ("Run it outside of what made that (unshare, ip netns exec, a unit of systemd with PrivateTmp or the like), "
          "or in that of process 1: nsenter --mount --target 1")
LACKS = {
    "CAP_NET_ADMIN": "root has not the capability CAP_NET_ADMIN here, without which neither interfaces nor rules can "
                     f"be changed. {_PRIVILEGED}",
    "CAP_SYS_ADMIN": "root has not the capability CAP_SYS_ADMIN here, without which no network namespace can be made "
                     f"or entered. {_PRIVILEGED}",
    SYSCTLS: f"{SYSCTLS} is mounted read-only here, so that no sysctl can be set. {_PRIVILEGED}, or mount it anew: "
             f"mount --options remount,rw {SYSCTLS}",
    NAMES: f"{NAMES} is mounted read-only here, so that no network namespace gets a name. Mount a tmpfs there that "
           "can be written to, or nothing",
    HIDDEN: f"{NAMES} is not that of the host here, since this run has a mount namespace of its own, in which "
            "something else is mounted there. So it sees no network namespace that has a name, and nobody else would "
            f"see one that it makes. {_LEAVE}",
    PRIVATE: f"what is mounted below {NAMES} here does not reach the host, since this run has a mount namespace of its "
             f"own. So nobody else would see a network namespace that it makes, which would end with it. {_LEAVE}",
}
_REFUSALS = {"CAP_SYS_ADMIN": "Operation not permitted", SYSCTLS: "Read-only file system",
             NAMES: f"{NAMES}.*Read-only file system"}


def lacking() -> frozenset[str]:
    """What is missing: names of capabilities, and folders that are mounted read-only."""
    found = set()
    with contextlib.suppress(OSError), open("/proc/self/status", encoding="ascii", errors="replace") as status:
        found |= _without(status.read())
    for folder, written in _WRITTEN.items():
        with contextlib.suppress(OSError):
            if os.statvfs(written).f_flag & os.ST_RDONLY:
                found.add(folder)
    return frozenset(found)


def _without(status: str) -> set[str]:
    """The capabilities that a process lacks by its /proc/PID/status; none where that does not say."""
    effective = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    bits = int(effective[1], 16) if effective else -1
    wanted = {"CAP_NET_ADMIN": NET_ADMIN, "CAP_SYS_ADMIN": SYS_ADMIN}
    return {name for name, bit in wanted.items() if not bits >> bit & 1}


def require(lacks: Collection[str]) -> None:
    """:raises MooringError: when what every module needs is missing, also in check mode"""
    if "CAP_NET_ADMIN" in lacks:
        raise MooringError(LACKS["CAP_NET_ADMIN"])


def expect(lacks: Collection[str], needed: Collection[str]) -> list[str]:
    """What check mode says of a host where a run may be refused something that it needs."""
    return [f"a run may be refused what it needs: {LACKS[each]}" for each in sorted(lacks) if each in needed]


def explain(message: str, lacks: Collection[str]) -> str:
    """A message of the kernel's refusal, with what is missing on this host and what to do."""
    why = [LACKS[each] for each in (NAMES, SYSCTLS, "CAP_SYS_ADMIN")
           if each in lacks and re.search(_REFUSALS[each], message, re.DOTALL)]
    return f"{message.rstrip('.')}: {why[0]}" if why else message
