# SPDX-License-Identifier: GPL-3.0-or-later
"""The units that let running containers follow the host's resolv.conf. Pure."""
from __future__ import annotations

from .model import ARCHIVE, ISOLATED, Enabled

WATCHER = "mooring-resolv.path"
ENABLED = {WATCHER: Enabled("paths.target")}

# What is watched beside /etc/resolv.conf: its folder, since systemd misses that a link is replaced by another one; what
# a link may lead to, which systemd only watches where it is there; and systemd-resolved's real servers. None has a "-",
# which is another character in the name of a unit.
BESIDES = ("/etc", "/run/systemd/resolve/resolv.conf", "/run/NetworkManager/resolv.conf",
           "/run/resolvconf/resolv.conf", "/run/netconfig/resolv.conf", "/run/connman/resolv.conf")

PATH = """\
[Unit]
Description=Watch the host's resolv.conf, which containers follow
{wants}
# Once at the start, for what has changed before: the files of named namespaces outlive a reboot.
Wants=mooring-resolv-follow.service

[Path]
PathChanged=/etc/resolv.conf

[Install]
WantedBy=paths.target
"""

BESIDE = """\
# A unit for each file: systemd gives up all watches of a unit for a moment when something happens beside a file that is
# not there, and a change at that moment would be lost.
[Unit]
Description=Watch %f, where the host's resolv.conf may come from
PartOf=mooring-resolv.path
Before=mooring-resolv-follow.service

[Path]
PathChanged=%f
Unit=mooring-resolv.service
"""

STARTED = """\
# Does nothing by itself: systemd does not watch a path while the unit behind it is active, and this one is so for no
# longer than it takes to ask for the other one. A change that comes meanwhile is read by that, which starts after it.
[Unit]
Description=Have containers follow the host's resolv.conf
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/bin/systemctl --no-block restart mooring-resolv-follow.service
"""

FOLLOW = """\
[Unit]
Description=Bring resolv.conf of containers up to date
After=mooring-resolv.path mooring-resolv.service
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart={python} {isolated} {archive} follow
# To be restarted means to end by itself and to run again: files are never left half written.
KillSignal=SIGCONT
# A child that waits for what a container has mounted is not waited for.
KillMode=process
"""


def units(python: str) -> dict[str, str]:
    """The units by name, the one that watches last: systemd.path(5), systemd.service(5)."""
    wants = "\n".join(f"Wants=mooring-resolv@{path[1:].replace('/', '-')}.path" for path in BESIDES)
    return {"mooring-resolv-follow.service": FOLLOW.format(python=python, isolated=ISOLATED, archive=ARCHIVE),
            "mooring-resolv.service": STARTED,
            "mooring-resolv@.path": BESIDE,
            WATCHER: PATH.format(wants=wants)}
