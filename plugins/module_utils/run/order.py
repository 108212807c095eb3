# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has been asked for, and the plan that leads to it."""
from __future__ import annotations

from collections.abc import Callable
from typing import Optional

from ..applied.model import PATH, Applied
from ..core.errors import MooringError, OutdatedError
from ..core.plan import Plan
from ..host import varlib
from ..host.real import RealHost
from ..persist.replay import parts
from .converge import Ask, Manner, converge

ATTEMPTS = 10  # for a file that other runs keep writing

Select = Callable[[Applied], Applied]


def find_order(changing: bool, select: Select = lambda order: order,
               ask: Optional[Ask] = None) -> tuple[Optional[Applied], Plan]:
    """The order of the host, and the plan that leads to it; again where a run has changed it meanwhile."""
    for _attempt in range(ATTEMPTS):
        order = read_order()
        if order is None:
            return None, Plan()
        host = RealHost()
        try:
            plan = converge(parts(select(order)), host, changing, Manner(
                changing, certain=True, ask=ask, is_current=_same_as(order)))
        except OutdatedError:
            continue
        return order, Plan(**{**vars(plan), "warnings": (*plan.warnings, *host.warnings)})
    raise MooringError(f"{PATH} has changed {ATTEMPTS} times while it was read: try again when the runs that change it "
                       "have ended")


def read_order() -> Optional[Applied]:
    """What the host comes back to, None where nobody has asked for that. :raises HostError: see :mod:`host.varlib`"""
    return varlib.read_applied(varlib.read())


def _same_as(order: Applied) -> Callable[[], bool]:
    return lambda: read_order() == order
