# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of the units that have containers wired which an engine starts later. Pure.

::

    an engine starts a container -> mooring-engine@.path -> mooring-started.service -> mooring-wire.service

Watched is where an engine makes an entry for each start of a container (:data:`engine.model.RUNNING`). It is made once
the container has a network namespace, a few hundredths of a second before its process runs, and ``inspect`` of either
engine waits until a start that has begun is over. So whoever looks after the entry was made finds it running. What
happens while systemd reads its units again (``daemon-reload``) systemd does not see: a timer looks as well. Seen with
Docker 20.10 and 26.1, Podman 4.3 and 5.4, runc and crun, cgroupfs and systemd as drivers of cgroups.
"""
from __future__ import annotations

from ..applied.model import PATH
from ..boot.model import REPAIR, REPLAY
from ..engine.model import RUNNING
from .model import ARCHIVE, ISOLATED, Enabled

WATCHER, STARTED, WIRE = "mooring-engines.target", "mooring-started", "mooring-wire"
ENABLED = {WATCHER: Enabled("paths.target")}
SECONDS = 60  # from one look to the next, where no container has started

# For one that is not there systemd watches the folder above: an engine may be installed later. None has a "-", which is
# another character in the name of a unit.
WATCHED = tuple(folder for folders in RUNNING.values() for folder in folders)

_WATCHER = """\
[Unit]
Description=Watch for containers that engines start
Wants={watches} {wire}.timer

[Install]
WantedBy=paths.target
"""

_WATCH = """\
# A unit for each folder: systemd gives up all watches of a unit for a moment when something happens beside one that is
# not there, and a change at that moment would be lost.
[Unit]
Description=Watch %f, where an engine has an entry for each container that runs
PartOf={watcher}
StartLimitIntervalSec=0

[Path]
PathChanged=%f
Unit={started}.service
# Else it would stop to watch, for good, where containers come and go quickly.
TriggerLimitIntervalSec=0
"""

_TIMER = """\
[Unit]
Description=Look for containers that started while systemd did not watch
PartOf={watcher}

[Timer]
OnActiveSec={seconds}
OnUnitInactiveSec={seconds}
AccuracySec=5
"""

_STARTED = """\
# Does nothing by itself: systemd does not watch a path while the unit behind it is active, and this one is so for no
# longer than it takes to ask for the other one. A container that comes meanwhile is found by that, which starts after.
[Unit]
Description=Have containers wired that an engine has started
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/bin/systemctl --no-block restart {wire}.service
LogLevelMax=notice
"""

_WIRE = """\
[Unit]
Description=Wire containers that an engine has started
ConditionPathExists={order}
# At a start of the host the whole network comes first.
After={started}.service {replay}.service
OnFailure={repair}.service
StartLimitIntervalSec=0

[Service]
Type=oneshot
TimeoutSec=300
ExecStart={python} {isolated} {archive} replay --started
# What a container keeps from being done in it is in the journal, and is no reason to bring back all of the network.
SuccessExitStatus=1
# To be restarted means to end by itself and to run again: nothing is left half done.
KillSignal=SIGCONT
# A child that waits for what a container has mounted is not waited for.
KillMode=process
"""


def units(python: str) -> dict[str, str]:
    """The units by name, the one that watches last. :param python: path of the Python that runs the program"""
    words = {"watcher": WATCHER, "started": STARTED, "wire": WIRE, "replay": REPLAY, "repair": REPAIR, "order": PATH,
             "python": python, "isolated": ISOLATED, "archive": ARCHIVE, "seconds": str(SECONDS),
             "watches": " ".join(map(watch_of, WATCHED))}
    texts = {f"{WIRE}.service": _WIRE, f"{WIRE}.timer": _TIMER, f"{STARTED}.service": _STARTED,
             "mooring-engine@.path": _WATCH, WATCHER: _WATCHER}
    return {name: text.format(**words) for name, text in texts.items()}


def watch_of(folder: str) -> str:
    """The unit that watches a folder: systemd-escape(1), --path."""
    return f"mooring-engine@{folder[1:].replace('/', '-')}.path"
