# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of systemd that let the network of a host outlive a run. Values."""
from __future__ import annotations

from dataclasses import dataclass

UNITS = "/etc/systemd/system"
GATE, REPLAY, REPAIR, GUARD = "mooring-gate", "mooring", "mooring-repair", "mooring-guard"  # services
TARGET, TIMER = "mooring.target", f"{GUARD}.timer"
DROP_IN = "mooring.conf"  # the name of what units of others are told, in a folder of each
# What starts by itself, with whom it does so (systemctl(1), enable).
ENABLED = {f"{GATE}.service": "sysinit.target", TARGET: "multi-user.target", TIMER: "timers.target"}
SECONDS = 15  # between two looks of the guard


@dataclass(frozen=True)
class Flusher:
    """A unit of somebody else that takes rules of everybody away, or puts others before them.

    :param reloads: whether systemd can reload it; a unit that could not before could it with our drop-in
    :param settled: a command that ends once what its start or reload has begun is over, "" where systemd waits
    :param restores: whether it may put back rules of ours as they were some time ago, hooks included, which the guard
        does not see
    :param precedes: whether all that it does is to put rules before our hooks, which the guard does not see either
    """

    name: str
    reloads: bool = False
    settled: str = ""
    restores: bool = False
    precedes: bool = False


FLUSHERS = (
    Flusher("nftables.service", reloads=True, restores=True),
    # Its name is on the bus before its rules are there, and after SIGHUP it reloads some time. It answers when ready.
    Flusher("firewalld.service", reloads=True, settled="/usr/bin/firewall-cmd --quiet --state"),
    Flusher("ufw.service"),
    Flusher("netfilter-persistent.service", restores=True),
    # iptables-services of Fedora and its like, and Arch Linux
    Flusher("iptables.service", reloads=True, restores=True),
    Flusher("ip6tables.service", reloads=True, restores=True),
    Flusher("docker.service", precedes=True),
)
# What starts containers, beside what systemd starts after network.target.
ENGINES = ("docker.service", "containerd.service", "podman.service", "podman-restart.service", "crio.service")
