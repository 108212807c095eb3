# SPDX-License-Identifier: GPL-3.0-or-later
"""What installs the command ``mooring`` on a host, as a module of Ansible."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..core.argspec import COMMON, NUMBER, STATE
from ..core.errors import MooringError, OptionError
from ..core.lock import host_lock
from ..core.plan import Plan
from ..program import adapter
from ..program.content import content, recorded_units
from ..program.model import Features
from ..program.plan import check_python, paths_of, plan_install, plan_remove, units_of
from ..program.record import read_program
from . import frame, program

OPTIONS: dict[str, Any] = {
    **STATE,
    "python": {"type": "path"},
    "follow_resolv_conf": {"type": "bool"},
    "persist": {"type": "bool"},
    "check_interval": NUMBER,
    **COMMON,
}
LONGEST = 86400  # seconds; a network that may be open for longer than a day is not looked after
# It is packed and not run here; what Ansible brings to the host is what somebody imports.
PACKED = program.__name__


def run_program_module() -> None:
    """Run the module from its parameters to its result."""
    frame.run(OPTIONS, (), converge_program, lambda _params, _plan: {"program": read_program()})


def converge_program(params: Mapping[str, Any], changing: bool) -> Plan:
    """Plan, carry out where the run is a changing one, and plan again: nothing may be left.

    :raises MooringError: before anything is touched, when the Python is none that can run the program; when the host
        refuses; and when it is not as planned in the end
    """
    present, python = params["state"] == "present", check_python(params["python"] or adapter.choose_python())
    check_interval(params)

    def plan() -> Plan:
        observed = adapter.read_installed(paths, units, python if present else "")
        return plan_install(observed, wanted, recorded) if present else plan_remove(observed, recorded)

    with host_lock(params["lock_timeout"], writes=changing):
        record = adapter.read_record()
        features, restore = choose_features(params, adapter.read_features(record)), adapter.find_restore()
        if present and features.persist and not restore:
            raise OptionError("persist", True, "needs iptables, and this host has none",
                              "Install iptables first, or say persist: false")
        wanted = content(python, adapter.source_of, features, restore)
        paths, units = paths_of(wanted, record), units_of(wanted, record)
        recorded = recorded_units(record) if present else units
        found = plan()
        if changing and found.operations:
            adapter.carry_out(found.operations)
            if left := plan().steps:
                raise MooringError(f"the host did not end up as planned. Still to do: {'; '.join(left)}")
    return found


def check_interval(params: Mapping[str, Any]) -> None:
    """:raises OptionError: for an interval that makes no sense"""
    seconds = params["check_interval"]
    if seconds is not None and not 0 <= seconds <= LONGEST:
        raise OptionError("check_interval", seconds, "is not a number of seconds that makes sense",
                          f"Give 1 to {LONGEST}, or 0 for no timer")


def choose_features(params: Mapping[str, Any], installed: Features) -> Features:
    """What the program is to do by itself: what a task says nothing of stays."""
    return replace(installed, **{name: params[name] for name in ("follow_resolv_conf", "persist", "check_interval")
                                 if params[name] is not None})
