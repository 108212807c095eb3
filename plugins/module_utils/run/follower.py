# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that follows the host's resolv.conf as a module of Ansible."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.argspec import STATE
from ..core.errors import MooringError
from ..core.lock import host_lock
from ..core.plan import Plan
from ..follower import adapter
from ..follower.content import content
from ..follower.plan import check_python, paths_of, plan_install, plan_remove
from ..follower.record import read_follower
from . import frame

OPTIONS: dict[str, Any] = {**STATE, "python": {"type": "path", "default": "/usr/bin/python3"}}


def run_follower_module() -> None:
    """Run the module from its parameters to its result."""
    frame.run(OPTIONS, (), converge_follower, lambda _params, _plan: {"follower": read_follower()})


def converge_follower(params: Mapping[str, Any], changing: bool) -> Plan:
    """Plan, carry out where the run is a changing one, and plan again: nothing may be left.

    :raises MooringError: before anything is touched, when the Python is none that can run the program; when the host
        refuses; and when it is not as planned in the end
    """
    present, python = params["state"] == "present", check_python(params["python"])
    wanted = content(python, adapter.source_of)

    def plan() -> Plan:
        observed = adapter.read_installed(paths, python if present else "")
        return plan_install(observed, wanted) if present else plan_remove(observed)

    with host_lock():
        paths = paths_of(wanted, adapter.read_record())
        found = plan()
        if changing and found.operations:
            adapter.carry_out(found.operations)
            if left := plan().actions:
                raise MooringError(f"the host did not end up as planned. Still to do: {'; '.join(left)}")
    return found
