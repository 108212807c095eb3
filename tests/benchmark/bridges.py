# SPDX-License-Identifier: GPL-3.0-or-later
"""What a packet pays for the number of bridges: round trips over one hop and new connections, with 1, 10, 100 bridges.

Run by `./run benchmark bridges`, in a sandbox and there in test hosts. Each case has a host of its own, and takes its
turn: what else the machine does meets all of them alike.
"""
import contextlib
import os
import signal
import socket
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / folder)
                for folder in ("hosts", "functional", "benchmark/support")]
from containers import BOX, OUTSIDE, box  # noqa: E402
from tables import Samples, head, machine, shown, table  # noqa: E402
from traffic import Place  # noqa: E402
from worlds import BACKENDS, use_backend  # noqa: E402

COUNTS = (1, 10, 100)
CONTAINERS = 4
ROUNDS, TRIPS, CONNECTIONS, WARM_UP = 100, 100, 5, 2
PORT = 8080
GOAL = 1.03
ALIKE, ANY = "alike", "any"
TRIP, OUTWARD = "round trip in", "round trip out"
ALONE, ALONE_OUTWARD, NEW, NEW_OUTWARD = "packets in", "packets out", "connection in", "connection out"
_FIRST, _SECOND = "abcdefghijklmnopqrstuvwxyz", "aeiouy"


def bridge_names(kind, count):
    """Names that count up, and such as people give, which begin with any letter."""
    if kind == ALIKE:
        return [f"br{number}" for number in range(count)]
    return [_FIRST[number * 7 % 26] + _SECOND[number // 26 % 6] + f"n{number % 5}" for number in range(count)]


class Case:
    """A host with so many bridges, and with containers on some of them that have published a port."""

    def __init__(self, stack, backend, kind, count):
        self.here = stack.enter_context(box(outside=True))
        use_backend(self.here.host, backend)
        names = bridge_names(kind, count)
        self.here.run("docker_bridge", config=[{"name": name, "bip": f"10.{100 + number // 50}.{number % 50}.1/24"}
                                               for number, name in enumerate(names)])
        # On bridges that are found in few steps and in many; always as many, for the processor's caches.
        places = range(CONTAINERS)
        self.here.run("netns_attach", config=[
            {"netns": f"c{place}", "bridge": names[place * (count - 1) // (CONTAINERS - 1)]} for place in places])
        self.here.run("port_publish", config=[{"container": f"c{place}", "published_ports": [f"{PORT + place}:{PORT}"]}
                                              for place in places])
        self.outside = _listener(self.here.outside)
        self.ways = [(place, Place(self.here.host, f"c{place}")) for place in places]
        self.inside = {place: _listener(inner) for place, inner in self.ways}
        self.alone = {place: (self.connect_in(place)[1:], self.connect_out(place, inner)[1:])
                      for place, inner in self.ways}
        self.echoed = {place: (stack.enter_context(_echoed(*self.connect_in(place)[1:])),
                               stack.enter_context(_echoed(*self.connect_out(place, inner)[1:])))
                       for place, inner in self.ways}

    def connect_in(self, place):
        return _connect(self.here.outside, self.inside[place], BOX, PORT + place)

    def connect_out(self, _place, inner):
        return _connect(inner, self.outside, OUTSIDE, PORT)

    def measure(self, samples, column):
        for place, inner in self.ways:
            for rows, both in (((TRIP, OUTWARD), self.echoed), ((ALONE, ALONE_OUTWARD), self.alone)):
                for row, ends in zip(rows, both[place]):
                    _trips(ends, TRIPS // 5)  # what the case before left in the processor's caches
                    samples.add(row, column, _trips(ends, TRIPS) / TRIPS)
            for row, connect in ((NEW, self.connect_in), (NEW_OUTWARD, lambda at, inner=inner: self.connect_out(
                    at, inner))):
                for number in range(CONNECTIONS + WARM_UP):
                    taken, *ends = connect(place)
                    for end in ends:
                        end.close()
                    if number >= WARM_UP:
                        samples.add(row, column, taken)


def _listener(place):
    server = place.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("0.0.0.0", PORT))
    server.listen(16)
    return server


def _connect(place, server, address, port):
    """Seconds that connect() took, and both ends."""
    client = place.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.settimeout(5)
    start = time.perf_counter()
    client.connect((address, port))
    taken = time.perf_counter() - start
    found = server.accept()[0]
    for end in (client, found):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset leaves no TIME_WAIT behind
        end.settimeout(5)
    return taken, client, found


@contextlib.contextmanager
def _echoed(one, other):
    """The first end of a connection, of which a process of its own holds the other one and echoes what comes."""
    child = os.fork()
    if not child:
        other.settimeout(None)
        while word := other.recv(1):
            other.send(word)
        os._exit(0)
    other.close()
    try:
        yield one, None
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _trips(ends, count):
    """Seconds of so many round trips. Packets between namespaces arrive before the call returns that sends them."""
    one, other = ends
    start = time.perf_counter()
    for _trip in range(count):
        one.send(b"x")
        if other:
            other.recv(1)
            other.send(b"x")
        one.recv(1)
    return time.perf_counter() - start


def main():
    samples = Samples()
    columns = [(backend, kind, count) for backend in BACKENDS for kind in (ALIKE, ANY) for count in COUNTS
               if kind == ALIKE or count > 1]
    with contextlib.ExitStack() as stack:
        cases = {column: Case(stack, *column) for column in columns}
        for _round in range(ROUNDS):
            for column, case in cases.items():
                case.measure(samples, column)
    head("What packets pay for the number of bridges: microseconds, and how many times those with 1 bridge",
         machine(), f"Lower quartiles of {ROUNDS} interleaved rounds with {CONTAINERS} containers: others keep the "
         "processors busy at times.",
         "in: from another host to a published port. out: from a container to another host.",
         f"Names of bridges are br0, br1 ... ({ALIKE}) or begin with any letter ({ANY}).")
    show(samples, columns, f"{TRIP}, {OUTWARD}: between two processes.", (TRIP, OUTWARD), f"<= {GOAL}")
    show(samples, columns, f"{ALONE}, {ALONE_OUTWARD}: the same where one process has both ends, and nobody is woken "
         "up: nearly all of it is\nthe way through the kernel.",
         (ALONE, ALONE_OUTWARD), "")
    show(samples, columns, f"{NEW}, {NEW_OUTWARD}: connect().", (NEW, NEW_OUTWARD), "")


def show(samples, columns, title, rows, goal):
    print(f"\n{title}\n")
    table(["", "names", "N", *(text for row in rows for text in (row, "/ N=1", "goal" if goal else ""))], [
        [backend, kind, f"{count}", *(text for row in rows for text in (
            shown(samples.quartile(row, (backend, kind, count)), 1e-6, 2),
            shown(samples.quartile(row, (backend, kind, count)) / samples.quartile(row, (backend, ALIKE, 1)), digits=3),
            goal if count > 1 else ""))] for backend, kind, count in columns])


main()
