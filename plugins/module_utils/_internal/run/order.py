# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has been asked for, and the plan that leads to it."""
from __future__ import annotations

import time
from collections.abc import Callable
from typing import Optional

from ..applied.model import PATH, Applied
from ..core.errors import MooringError, OutdatedError
from ..core.plan import Plan
from ..host import proc, varlib
from ..host.real import RealHost
from ..persist import missing
from ..persist.replay import parts
from .converge import Ask, Manner, converge

LOOK = 0.2  # seconds between two looks for a bridge
ATTEMPTS = 10  # for a file that other runs keep writing

Select = Callable[[Applied], Applied]


def find_order(changing: bool, select: Select = lambda order: order,
               ask: Optional[Ask] = None) -> tuple[Optional[Applied], Plan]:
    """The order of the host, and the plan that leads to it; again where a run has changed it meanwhile.

    What needs a bridge that somebody else makes and has not made is left out, which a warning says.
    """
    for _attempt in range(ATTEMPTS):
        order = read_order()
        if order is None:
            return None, Plan()
        host, lacking = RealHost(), missing.find_missing(order, proc.has_interface)
        try:
            plan = converge(parts(missing.without(select(order), lacking)), host, changing, Manner(
                changing, certain=True, ask=ask, is_current=_same_as(order)))
        except OutdatedError:
            continue
        return order, Plan(**{**vars(plan), "warnings": (
            *map(missing.describe, lacking), *plan.warnings, *host.warnings)})
    raise MooringError(f"{PATH} has changed {ATTEMPTS} times while it was read: try again when the runs that change it "
                       "have ended")


def await_bridges(seconds: float) -> None:
    """Wait for the bridges that somebody else makes, who may be about to do so when a host starts."""
    deadline = time.monotonic() + seconds
    while (order := read_order()) is not None and missing.find_missing(order, proc.has_interface) and (
            time.monotonic() < deadline):
        time.sleep(LOOK)


def read_order() -> Optional[Applied]:
    """What the host comes back to, None where nobody has asked for that. :raises HostError: see :mod:`host.varlib`"""
    return varlib.read_applied(varlib.read())


def _same_as(order: Applied) -> Callable[[], bool]:
    return lambda: read_order() == order
