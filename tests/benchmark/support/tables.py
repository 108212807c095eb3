# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks share: time, medians, tables. They print, and assert nothing about time."""
import os
import platform
import statistics
import sys
import time
from importlib.metadata import version


def seconds(function, *arguments, **options):
    """How long a call takes."""
    start = time.perf_counter()
    function(*arguments, **options)
    return time.perf_counter() - start


class Samples:
    """Measurements by (row, column), of which the medians count."""

    def __init__(self):
        self._found = {}

    def add(self, row, column, value):
        self._found.setdefault((row, column), []).append(value)

    def median(self, row, column):
        """None where nothing was measured."""
        found = self._found.get((row, column))
        return statistics.median(found) if found else None

    def quartile(self, row, column):
        """The lower one: for what takes so little time that others on the machine disturb it now and then."""
        return statistics.quantiles(self._found[row, column], n=4)[0]


def head(title, *lines):
    print(f"\n{title}\n{'=' * len(title)}")
    for line in lines:
        print(line)


def machine(*others):
    """One line on where the figures come from."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return "; ".join([f"Linux {platform.release()}", f"{os.cpu_count()} cores", f"load {load}",
                      f"Python {platform.python_version()}", f"pyroute2 {version('pyroute2')}", *others])


def table(columns, rows):
    """Print rows of texts; all but the first column are set to the right."""
    lines = [columns, *rows]
    widths = [max(len(line[number]) for line in lines) for number in range(len(columns))]
    for number, line in enumerate(lines):
        cells = [text.ljust(width) if not place else text.rjust(width)
                 for place, (text, width) in enumerate(zip(line, widths))]
        print("  " + "  ".join(cells).rstrip())
        if not number:
            print("  " + "  ".join("-" * width for width in widths))
    sys.stdout.flush()


def shown(value, unit=1.0, digits=2):
    return "" if value is None else f"{value / unit:.{digits}f}"


def ratio(one, other):
    return "" if not one or not other else f"{one / other:.1f}x"
