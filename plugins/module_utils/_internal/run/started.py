# SPDX-License-Identifier: GPL-3.0-or-later
"""What wires containers that an engine has started: ``mooring replay --started``, see :mod:`boot.engines`.

It is run for each start of a container on the host, whoever's it is. So it looks first, with a few files: nearly all of
the time that a run takes goes by until what it consists of is loaded.
"""
from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Optional

from ..core import folders, pace
from ..engine.inspect import find_running, inspect
from ..engine.model import Answers
from ..host import varlib
from ..netns import processes, registry
from ..netns.model import NetnsMark
from ..persist.started import find_waiting, narrow

SECONDS = 3  # for engines to answer: a start that takes longer is not to keep others waiting


def wire() -> int:
    """Wire who is there now, and was not when the network was set up. The exit status, as of ``mooring replay``."""
    with paced():
        order = varlib.read_applied(varlib.read())
        waiting = find_waiting(order, registry.read_marks(), _runs) if order is not None else {}
        if order is None or not waiting:
            return 0
        answers = inspect(list(waiting.values()), find_running(), SECONDS)
        if not answers.found:
            return 0
        from . import commands  # only now: to load it takes ten times as long as to look
        came = [label for label, name in waiting.items() if name in answers.found]
        return commands.replay(select=lambda order: narrow(order, came), ask=_knowing(answers))


def _runs(mark: NetnsMark) -> bool:
    """Whether the process is there that had the namespace of a mark."""
    _root, _proc, number, *_rest = [*mark.entry.split("/"), "", "", ""]
    return mark.identity is not None and number.isdigit() and mark.identity.boot == processes.boot() and (
        processes.start_time(int(number)) == mark.identity.started != "")


def _knowing(answers: Answers) -> Callable[[Sequence[str]], Answers]:
    """The question to engines of the run: the answers that are there already are used once."""
    left = dict(answers.found)

    def ask(containers: Sequence[str]) -> Answers:
        known = {name: left.pop(name) for name in containers if name in left}
        rest = inspect([name for name in containers if name not in known])
        return Answers({**known, **rest.found}, rest.problems, rest.stopped)

    return ask


@contextlib.contextmanager
def paced() -> Iterator[None]:
    """Containers that keep starting have it run again and again, and are not to keep a processor busy with that."""
    (under, place), name = os.path.split(os.path.dirname(pace.FILE)), os.path.basename(pace.FILE)
    with folders.open_own(under, place, make=True) as folder:
        paid = _number(folders.read_file(folder, name))
        time.sleep(pace.pause(paid, time.monotonic()))
        try:
            yield
        finally:
            used = sum(os.times()[:4])  # of the commands that it has run, too
            folders.write_file(folder, name, f"{pace.after(paid, time.monotonic(), used):.3f}\n")


def _number(text: Optional[str]) -> float:
    with contextlib.suppress(ValueError):
        return found if math.isfinite(found := float(text or 0)) else 0.0
    return 0.0
