# SPDX-License-Identifier: GPL-3.0-or-later
"""What a list of destinations costs a packet: round trips and connections outwards, with 1 and 1000 entries.

Run by `./run benchmark egress`, in a sandbox and there in test hosts. All cases of a backend are containers of one
host, and take turns: what else the machine does meets all of them alike.
"""
import contextlib
import socket
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / folder)
                for folder in ("hosts", "functional", "benchmark/support")]
from containers import OUTSIDE, box  # noqa: E402
from tables import Samples, head, machine, shown, table  # noqa: E402
from traffic import Place  # noqa: E402
from worlds import BACKENDS, use_backend  # noqa: E402

NONE, ONE, MANY, OF_BRIDGE = "no list", "1 entry", "1000 entries", "1000, of the bridge"
CASES = (NONE, ONE, MANY, OF_BRIDGE)
ROUNDS, TRIPS, CONNECTIONS = 100, 100, 5
PORT = 8080
GOAL = 1.05
TRIP, NEW = "round trip", "connection"
LISTS = {ONE: [f"{OUTSIDE}:{PORT}/tcp"],
         MANY: [f"{OUTSIDE}:{PORT}/tcp", *(f"10.{number // 250}.{number % 250}.0/24:443/tcp" for number in range(999))]}


class Case:
    """A host with a container of each kind."""

    def __init__(self, stack, backend):
        here = stack.enter_context(box(outside=True))
        use_backend(here.host, backend)
        here.run("docker_bridge", config=[{"name": "br0", "bip": "10.200.0.1/24"},
                                          {"name": "br1", "bip": "10.201.0.1/24", "allow_to": LISTS[MANY]}])
        here.run("netns_attach", config=[{"netns": f"c{number}", "bridge": "br1" if name == OF_BRIDGE else "br0",
                                          **({"allow_to": LISTS[name]} if name in LISTS else {})}
                                         for number, name in enumerate(CASES)])
        self.outside = here.outside.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.outside.bind(("0.0.0.0", PORT))
        self.outside.listen(16)
        self.inner = {name: Place(here.host, f"c{number}") for number, name in enumerate(CASES)}
        self.ends = {name: self.connect(name)[1:] for name in CASES}

    def connect(self, name):
        """Seconds that connect() took, and both ends."""
        client = self.inner[name].socket(socket.AF_INET, socket.SOCK_STREAM)
        client.settimeout(5)
        start = time.perf_counter()
        client.connect((OUTSIDE, PORT))
        taken = time.perf_counter() - start
        found = self.outside.accept()[0]
        for end in (client, found):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset leaves no TIME_WAIT
            end.settimeout(5)
        return taken, client, found

    def measure(self, samples, backend):
        for name in CASES:
            _trips(self.ends[name], TRIPS // 5)  # what the case before left in the processor's caches
            samples.add(TRIP, (backend, name), _trips(self.ends[name], TRIPS) / TRIPS)
            for number in range(CONNECTIONS + 1):
                taken, *ends = self.connect(name)
                for end in ends:
                    end.close()
                if number:
                    samples.add(NEW, (backend, name), taken)


def _trips(ends, count):
    """Seconds of so many round trips, of which one process has both ends."""
    one, other = ends
    start = time.perf_counter()
    for _trip in range(count):
        one.send(b"x")
        other.recv(1)
        other.send(b"x")
        one.recv(1)
    return time.perf_counter() - start


def main():
    samples = Samples()
    with contextlib.ExitStack() as stack:
        cases = {backend: Case(stack, backend) for backend in BACKENDS}
        for _round in range(ROUNDS):
            for backend, case in cases.items():
                case.measure(samples, backend)
    head("What packets pay for a list of destinations: microseconds, and how many times those with 1 entry", machine(),
         f"Lower quartiles of {ROUNDS} interleaved rounds: others keep the processors busy at times.",
         "From a container to another host, where one process has both ends: nearly all of it is the kernel's way.")
    print()
    table(["", "list", *(text for row in (TRIP, NEW) for text in (row, "/ 1 entry", "goal"))], [
        [backend, name, *(text for row in (TRIP, NEW) for text in (
            shown(samples.quartile(row, (backend, name)), 1e-6, 2),
            shown(samples.quartile(row, (backend, name)) / samples.quartile(row, (backend, ONE)), digits=3),
            f"<= {GOAL}" if name == MANY else ""))] for backend in BACKENDS for name in CASES])


main()
