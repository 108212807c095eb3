# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of all files of the program that follows the host's resolv.conf. Pure."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping

from .model import RECORD, ROOT, UNITS

# What of module_utils the program consists of: the modules' own code.
PROGRAM = (
    "core/child.py", "core/errors.py", "core/folders.py", "core/lock.py", "core/plan.py", "core/regular.py",
    "core/trust.py", "files/access.py", "files/adapter.py", "files/block.py", "files/contained.py", "files/hosts.py",
    "files/marks.py", "files/model.py", "files/operations.py", "files/render.py", "files/templates.py",
    "names/follow.py", "names/resolv.py", "names/writing.py", "netns/processes.py", "netns/rights.py",
    "netns/syscalls.py",
)

# What is watched beside /etc/resolv.conf: its folder, since systemd misses that a link is replaced by another one; what
# a link may lead to, which systemd only watches where it is there; and systemd-resolved's real servers. None has a "-",
# which is another character in the name of a unit.
BESIDES = ("/etc", "/run/systemd/resolve/resolv.conf", "/run/NetworkManager/resolv.conf",
           "/run/resolvconf/resolv.conf", "/run/netconfig/resolv.conf", "/run/connman/resolv.conf")

HEAD = "# SPDX-License-Identifier: GPL-3.0-or-later\n# Managed by the Ansible collection mooring.net.\n"

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
WorkingDirectory=/usr/local/lib
ExecStart={python} -m mooring.names.follow
# To be restarted means to end by itself and to run again: files are never left half written.
KillSignal=SIGCONT
# A child that waits for what a container has mounted is not waited for.
KillMode=process
"""


def units(python: str) -> dict[str, str]:
    """The units by name, the one that watches last: systemd.path(5), systemd.service(5)."""
    wants = "\n".join(f"Wants=mooring-resolv@{path[1:].replace('/', '-')}.path" for path in BESIDES)
    return {"mooring-resolv-follow.service": HEAD + FOLLOW.format(python=python),
            "mooring-resolv.service": HEAD + STARTED,
            "mooring-resolv@.path": HEAD + BESIDE,
            "mooring-resolv.path": HEAD + PATH.format(wants=wants)}


def content(python: str, source_of: Callable[[str], str]) -> dict[str, str]:
    """The content of each file, by its path on the host, in the order in which they are written.

    :param python: path of the Python that runs the program
    :param source_of: the text of a file of ``PROGRAM``
    """
    files = {f"{ROOT}/{name}": source_of(name) for name in PROGRAM}
    files |= {f"{UNITS}/{name}": text for name, text in units(python).items()}
    return {**files, RECORD: _record(files)}


def digest(files: Mapping[str, str]) -> str:
    """What :func:`content` is known by: the digest that its record has."""
    found: str = json.loads(files[RECORD])["digest"]
    return found


def recorded(text: str) -> tuple[str, ...]:
    """The paths that a record names, none where it is damaged."""
    try:
        return tuple(str(path) for path in json.loads(text)["files"])
    except (ValueError, KeyError, TypeError):
        return ()


def _record(files: Mapping[str, str]) -> str:
    digests = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in files.items()}
    whole = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
    return json.dumps({"digest": whole, "files": digests}, indent=1) + "\n"
