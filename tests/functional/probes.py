# SPDX-License-Identifier: GPL-3.0-or-later
"""Datagrams that never stop, each with a port of its own, while something happens: which get through, and when."""
import threading
import time
from dataclasses import dataclass, field

from traffic import Call

PAUSE = 0.02  # seconds between two rounds: fifty datagrams a second of each kind


@dataclass
class Seen:
    """What became of the datagrams of one kind.

    ``through`` are the times, in seconds after what happened, at which one was sent that a server has got; ``lost`` of
    those that none has got.
    """

    through: list = field(default_factory=list)
    lost: list = field(default_factory=list)


class Probes:
    """Datagrams of several kinds, by name: ``(place, protocol, address, port)``."""

    def __init__(self, servers, **calls):
        self._servers, self._calls = servers, calls
        self._sent = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_exception):
        self._stopping.set()
        self._thread.join()

    def _run(self):
        while not self._stopping.wait(PAUSE):
            for name, call in self._calls.items():
                started = Call(*call)
                self._sent.append((name, time.monotonic(), started.token))
                started.close()

    def seen(self, since):
        """What became of those that were sent since then, by name."""
        self._servers.settle()
        found = {name: Seen() for name in self._calls}
        for name, sent, token in list(self._sent):
            if sent >= since:
                (found[name].through if token in self._servers.seen else found[name].lost).append(sent - since)
        return found

    def all_is(self, opened, closed, during=0.3):
        """Whether all of some kinds get through and none of the others does, for a while by now."""
        found = self.seen(time.monotonic() - during)
        return all(found[name].through and not found[name].lost for name in opened) and all(
            found[name].lost and not found[name].through for name in closed)
