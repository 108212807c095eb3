# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of all units that close, bring back and guard the network of a host. Pure.

::

    flushers -> mooring-gate -> network-pre.target -> network.target -> mooring.service -> mooring.target, engines
    the timer; a flusher starts, reloads, stops -> mooring-guard -- a hook is gone --> mooring-repair
    one that restores rules does so -> mooring-repair: the gate is loaded, mooring.service is reloaded

Nothing here is resident, and nothing runs Python unless a hook is gone. Sources: systemd.unit(5), systemd.service(5),
systemd.timer(5), systemd.special(7), of versions 247 to 257.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..firewall.iptables.gate import guard_command, load_command
from ..firewall.model import FAMILIES
from ..applied.model import FOLDER
from ..host.lasting import GATE as GATE_FILE
from ..host.lasting import GUARD as GUARD_FILE
from ..host.lasting import USER_GATE as USER_GATE_FILE
from .model import DROP_IN, ENGINES, FLUSHERS, GATE, GUARD, REPAIR, REPLAY, SECONDS, TARGET, TIMER, UNITS, Flusher

HEAD = "# SPDX-License-Identifier: GPL-3.0-or-later\n# Managed by the Ansible collection mooring.net.\n"
CLOSING = ("raw", "mangle", "filter")
SYSTEMCTL = "/bin/systemctl --no-block"

_GATE = """\
[Unit]
Description=Close all bridges of mooring.net until their network is back
DefaultDependencies=no
ConditionPathExists={gate}
RequiresMountsFor={folder}
Wants=network-pre.target
After=systemd-modules-load.service {flushers}
Before=network-pre.target shutdown.target {engines}
Conflicts=shutdown.target
StartLimitIntervalSec=0

[Service]
Type=oneshot
# A table in which rules of mooring.net are is left as it is: its transaction is refused (status 1). So is the first of
# two for the table filter where the chain of the administrator is there, and the last one where it is not.
{commands}

[Install]
WantedBy=sysinit.target
"""

_REPLAY = """\
[Unit]
Description=Bring back the network of mooring.net
ConditionPathExists={order}
RequiresMountsFor={folder}
PartOf={target}
# It does not want the gate, which would be started again with each reload.
After={gate}.service network.target {flushers}
Before={target} {engines}
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
# Engines wait for it, and are not to do so for ever.
TimeoutStartSec=300
ExecStart={program} replay --boot
ExecReload={program} replay
"""

_TARGET = """\
[Unit]
Description=Network of mooring.net
Wants={replay}.service
After={replay}.service

[Install]
WantedBy=multi-user.target
"""

_GUARD = """\
[Unit]
Description=Look whether the rules of mooring.net are there
ConditionPathExists={guard}
RequiresMountsFor={folder}
# Not while they are being brought back.
After={replay}.service {gate}.service
OnFailure={repair}.service
StartLimitIntervalSec=0

[Service]
Type=oneshot
{commands}
# Nothing in the journal but what is missing.
LogLevelMax=notice
"""

_REPAIR = """\
[Unit]
Description=Bring back rules of mooring.net that somebody has removed
StartLimitIntervalSec=0

[Service]
Type=oneshot
# Closed at once: what follows takes longer, and waits for whoever is about to start.
{commands}
ExecStart={systemctl} reload-or-restart {replay}.service
# What the guard has found is being seen to.
ExecStartPost=-/bin/systemctl reset-failed {guard}.service
"""

_TIMER = """\
[Unit]
Description=Look every {seconds} seconds whether the rules of mooring.net are there

[Timer]
OnActiveSec={seconds}
OnUnitInactiveSec={seconds}
AccuracySec=1

[Install]
WantedBy=timers.target
"""


def units(programs: Mapping[str, str], program: str, order: str, seconds: int = SECONDS) -> dict[str, str]:
    """The content of each file of systemd, by its path, in the order in which they are written.

    :param programs: the path of what reads rules (iptables-restore, ip6tables-restore) by family, as the host finds it:
        where that leads to is for the host to say. A family that is not in it has no rules here
    :param program: the path of the program that brings the network back with the argument ``replay``
    :param order: the path of the file that says what the network is
    :param seconds: between two looks at hooks
    """
    gate = [f"-{load_command(programs[family], table, _path(GATE_FILE, family))}"
            for family in FAMILIES if family in programs for table in CLOSING]
    gate += [f"-{load_command(programs[family], 'filter', _path(USER_GATE_FILE, family))}"
             for family in FAMILIES if family in programs]
    guard = [guard_command(programs[family], _path(GUARD_FILE, family)) for family in FAMILIES if family in programs]
    words = {"folder": FOLDER, "gate": GATE, "replay": REPLAY, "repair": REPAIR, "target": TARGET,
             "flushers": " ".join(each.name for each in FLUSHERS if not each.precedes), "engines": " ".join(ENGINES),
             "program": program, "order": order, "systemctl": SYSTEMCTL, "seconds": str(seconds)}
    own = {
        f"{GATE}.service": _GATE.format(**{**words, "gate": _path(GATE_FILE, "ipv4"), "commands": _starts(gate)}),
        f"{REPLAY}.service": _REPLAY.format(**words), TARGET: _TARGET.format(**words),
        f"{REPAIR}.service": _REPAIR.format(**words, guard=GUARD, commands=_starts(gate)),
        f"{GUARD}.service": _GUARD.format(**words, guard=_path(GUARD_FILE, "ipv4"), commands=_starts(guard)),
        TIMER: _TIMER.format(**words)}
    drop_ins = {f"{flusher.name}.d/{DROP_IN}": _drop_in(flusher) for flusher in FLUSHERS}
    return {f"{UNITS}/{name}": HEAD + text for name, text in {**drop_ins, **own}.items()}


def _path(name: str, family: str) -> str:
    return f"{FOLDER}/{name.format(family)}"


def _starts(commands: Iterable[str]) -> str:
    return "\n".join(f"ExecStart={command}" for command in commands)


def _drop_in(flusher: Flusher) -> str:
    """What a unit of somebody else does when it has started, was reloaded, and has stopped.

    With ``+`` whatever it may not do itself; with ``-`` a failure is none of its. A unit that is part of another one
    (PartOf=) stops before it does, and would see nothing of a flush at its end.
    """
    if flusher.precedes:
        return f"[Service]\nExecStartPost=-+{SYSTEMCTL} reload-or-restart {REPLAY}.service\n"
    look = f"-+{SYSTEMCTL} restart {REPAIR if flusher.restores else GUARD}.service"
    after = [*([f"-+{flusher.settled}"] if flusher.settled else []), look]
    lines = [f"ExecStartPost={command}" for command in after]
    lines += [f"ExecReload={command}" for command in after] if flusher.reloads else []
    return "\n".join(["[Service]", *lines, f"ExecStopPost={look}", ""])
