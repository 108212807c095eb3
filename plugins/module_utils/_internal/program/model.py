# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``mooring`` on a host, and the units of systemd that run it. Values.

Managed by this collection is what lies below its folder, the units whose names begin with its name, and the link that
is the command.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional

from ..boot import model as boot

ABOVE = "/usr/local/lib"
ROOT = f"{ABOVE}/mooring"
ARCHIVE = f"{ROOT}/mooring.pyz"
RECORD = f"{ROOT}/installed.json"
COMMAND = "/usr/local/sbin/mooring"  # a link to the archive
UNITS = boot.UNITS
PREFIX = f"{UNITS}/mooring"
ISOLATED = "-I"  # python(1): neither the environment nor the folder somebody is in say what root runs
BOOTED = "/run/systemd/system"  # sd_booted(3)


@dataclass(frozen=True)
class Enabled:
    """How a unit is put to work.

    :param wanted_by: the unit that starts it with the host
    :param now: what systemctl(1) does to it when it is installed, "" for nothing
    :param waits: whether that is waited for, which is not to be where it waits for the lock of the run
    """

    wanted_by: str
    now: str = "restart"
    waits: bool = True


@dataclass(frozen=True)
class Features:
    """What the program does by itself.

    :param follow_resolv_conf: whether running containers follow the host's resolv.conf
    :param persist: whether the network comes back after a reboot and after a flush of the rules
    :param check_interval: seconds between two looks whether the rules are there, 0 for none
    """

    follow_resolv_conf: bool = True
    persist: bool = True
    check_interval: int = 15


@dataclass(frozen=True)
class Program:
    """What is to be installed.

    :param files: content by path, in the order in which it is written
    :param enabled: the units that are put to work, in that order
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    enabled: Mapping[str, Enabled] = field(default_factory=dict)


@dataclass(frozen=True)
class Installed:
    """What there is of it on a host.

    :param systemd: whether systemd is the first process
    :param files: the content of regular files of root with the right mode, by path; None where it is something else
    :param enabled: the units of it that start with the host
    :param command: whether the command leads to the archive
    :param fault: what the Python that is to run the program lacks, "" where it lacks nothing
    """

    systemd: bool = True
    files: Mapping[str, Optional[bytes]] = field(default_factory=dict)
    enabled: frozenset[str] = frozenset()
    command: bool = False
    fault: str = ""


def mode_of(path: str) -> int:
    return 0o755 if path == ARCHIVE else 0o644


def wants_link(unit: str, enabled: Enabled) -> str:
    """What systemctl(1) makes of ``WantedBy=`` when it enables a unit."""
    return f"{UNITS}/{enabled.wanted_by}.wants/{unit}"
