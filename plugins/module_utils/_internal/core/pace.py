# SPDX-License-Identifier: GPL-3.0-or-later
"""How often something may run that others set off: at once after a rest, and a share of a processor in the long run.

A leaky bucket: what was used is owed, and is paid off as time goes by. Pure.
"""
from __future__ import annotations

FILE = "/run/mooring/pace"  # has the time, of the kernel's monotonic clock, at which nothing is owed any more
SHARE = 0.25  # of one processor
BURST = 5.0  # seconds of a processor that may be owed
LONGEST = 5.0  # seconds; a clock that was wrong keeps nobody waiting for longer


def pause(paid: float, now: float) -> float:
    """Seconds to wait before the next run.

    :param paid: the time at which nothing is owed any more, see :func:`after`
    """
    return min(max(paid - now - BURST / SHARE, 0.0), LONGEST)


def after(paid: float, now: float, used: float) -> float:
    """When nothing is owed any more, after a run. :param used: seconds of a processor that it took"""
    return min(max(paid, now), now + BURST / SHARE + LONGEST) + used / SHARE
