# SPDX-License-Identifier: GPL-3.0-or-later
"""How often something may run that others set off."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.pace import BURST, LONGEST, SHARE, after, pause


def run(seconds: float, used: float, every: float = 0.0) -> tuple[int, float]:
    """What is set off all the time, for so long: how often it runs, and the longest pause."""
    now, paid, runs, longest = 1000.0, 0.0, 0, 0.0
    while now < 1000.0 + seconds:
        longest = max(longest, pause(paid, now))
        now += pause(paid, now) + used
        paid, runs = after(paid, now, used), runs + 1
        now += max(0.0, every - used)
    return runs, longest


def test_it_runs_at_once_after_a_rest() -> None:
    assert run(BURST, 0.5)[1] == 0


@pytest.mark.parametrize("used", [0.01, 0.1, 1.0])
def test_in_the_long_run_it_takes_a_share_of_a_processor(used: float) -> None:
    runs, longest = run(1000, used)
    assert runs * used == pytest.approx(1000 * SHARE + BURST, rel=0.05)
    assert longest <= used / SHARE


def test_what_comes_rarely_never_waits() -> None:
    assert run(10000, 0.5, every=2.0)[1] == 0


@pytest.mark.parametrize("paid", [1e12, float("inf"), -1e12])
def test_a_clock_that_was_wrong_is_forgotten_soon(paid: float) -> None:
    assert 0 <= pause(paid, 1000.0) <= LONGEST
    assert 1000.0 <= after(paid, 1000.0, 0.1) <= 1000.0 + BURST / SHARE + LONGEST + 0.1 / SHARE
