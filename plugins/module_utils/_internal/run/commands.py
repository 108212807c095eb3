# SPDX-License-Identifier: GPL-3.0-or-later
"""What the commands of ``mooring`` do that need the whole of the modules' code."""
from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional

from ..applied.model import PATH
from ..core.errors import printable
from ..core.plan import Plan
from ..engine.model import Answers
from ..host.real import RealHost
from ..host.resource import Part
from ..upkeep.info import RESOURCE as NETWORK
from ..upkeep.info import DesiredInfo
from ..upkeep.table import table
from .converge import Ask, converge
from .order import Select, await_bridges, find_order, read_order

SAME, DIFFERENT = 0, 1  # as diff(1) says it


def replay(select: Select = lambda order: order, ask: Optional[Ask] = None,
           patience: float = 0) -> int:
    """Bring the network back to what the host has been asked for. The exit status.

    :param select: what of it is brought back
    :param ask: the question to container engines, None for the usual one
    :param patience: seconds to wait for bridges that somebody else makes
    """
    await_bridges(patience)
    order, plan = find_order(changing=True, select=select, ask=ask)
    if order is None:
        sys.stderr.write(f"mooring: nothing to bring back, since there is no {PATH}\n")
        return SAME
    _write(plan.actions)
    return _tell(plan)


def check() -> int:
    """Say what differs from what the host has been asked for, and change nothing. The exit status."""
    order, plan = find_order(changing=False)
    found = plan.actions if order is not None else _network()["drift"]
    _write(found)
    return max(_tell(plan), DIFFERENT if found else SAME)


def _write(lines: Iterable[str]) -> None:
    """A line each: a name that a container gave itself may have a line break in it."""
    sys.stdout.write("".join(f"{printable(line, '')}\n" for line in lines))


def _tell(plan: Plan) -> int:
    """Say what is waited for, and what a container keeps from being done."""
    for warning in plan.warnings:
        _complain(warning)
    for name, why in sorted(plan.failed.items()):
        _complain(f"{'waits for' if name in plan.absent else 'container'} {name}: {why}")
    return DIFFERENT if plan.failed.keys() - plan.absent else SAME


def _complain(text: str) -> None:
    """What goes on in a further line is seen not to be a message of its own."""
    sys.stderr.write(f"mooring: {printable(text)}".replace("\n", "\n  ") + "\n")


def show(as_json: bool) -> int:
    """Show the network of the host. The exit status."""
    network = _network()
    order = read_order()
    there = {endpoint["container"] for endpoint in network["endpoints"]}
    waiting = sorted(order.containers - there) if order is not None else []
    if as_json:
        sys.stdout.write(json.dumps({**network, "waiting": waiting}, indent=2) + "\n")
    else:
        sys.stdout.write(table(network, waiting))
    return SAME


def _network() -> Mapping[str, Any]:
    plan = converge([Part(NETWORK, (DesiredInfo(),))], RealHost(), changing=False)
    return plan.after[0][0] or {}


def ask_nobody(containers: Sequence[str]) -> Answers:
    """To ask an engine would start it, where its socket does that, and it is to start after this."""
    return Answers(problems=dict.fromkeys(containers, "container engines start later"))
