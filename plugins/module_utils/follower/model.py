# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that lets running containers follow the host's resolv.conf, as files and as units of systemd. Values.

Managed by this collection is what lies below its folder, and the units whose names begin with its name.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional

ABOVE = "/usr/local/lib"
ROOT = f"{ABOVE}/mooring"
RECORD = f"{ROOT}/installed.json"
UNITS = "/etc/systemd/system"
WATCHER = "mooring-resolv.path"
UNIT = f"{UNITS}/{WATCHER}"
WANTED = f"{UNITS}/paths.target.wants/{WATCHER}"
BOOTED = "/run/systemd/system"  # sd_booted(3)


@dataclass(frozen=True)
class Installed:
    """What there is of it on a host.

    :param systemd: whether systemd is the first process
    :param files: the content of regular files of root with mode 0644, by path; None where it is something else
    :param enabled: whether the watcher starts with the host
    :param fault: what the Python that is to run the program lacks, "" where it lacks nothing
    """

    systemd: bool = True
    files: Mapping[str, Optional[str]] = field(default_factory=dict)
    enabled: bool = False
    fault: str = ""
