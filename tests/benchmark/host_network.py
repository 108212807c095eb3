# SPDX-License-Identifier: GPL-3.0-or-later
"""What the network of a whole host costs: host_network with a document of N containers, each with a port and names.

Run by `./run benchmark host_network`, in a sandbox and there in test hosts.
"""
import contextlib
import os
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / folder)
                for folder in ("hosts", "functional", "benchmark/support")]
from containers import box  # noqa: E402
from tables import Samples, head, machine, shown, table  # noqa: E402

COUNTS = (10, 100, 1000)  # a bridge of Linux has 1023 ports at most
REPEATS = 5
LARGE, REPEATS_OF_LARGE = 1000, 3
NEIGHBOURS = 10  # every tenth container is linked to the one beside it
FIRST_PORT = 20000
BASE = 100  # what a container costs among so many is what the goal of growth is about
FIRST, AGAIN, REMOVED = "first run", "unchanged run", "removal"
WALL, CPU = "wall", "CPU"
GOAL_OF_GROWTH = 1.5
GOALS_OF_CPU = {(AGAIN, LARGE): "1.0"}
BEFORE = {FIRST: "18.5", AGAIN: "9.0"}  # seconds for the links, measured before there was host_network


def document(count):
    """Containers of one bridge, each with a published port, some with a link."""
    return network([{"name": f"c{number}", "exposed_ports": [80],
                     "published_ports": [f"{FIRST_PORT + number}:80"],
                     "links": [f"c{number + 1}:neighbour"] if not number % NEIGHBOURS else []}
                    for number in range(count)])


def linked(count):
    """Containers of which each is linked to the next one, the last one to the first."""
    return network([{"name": f"c{number}", "exposed_ports": [80],
                     "links": [f"c{(number + 1) % count}:next"]} for number in range(count)])


def network(containers, **more):
    return [{"name": "br0", "bip": "172.17.0.1/16", "icc": False, "containers": containers, **more}]


def named(count):
    """Containers that publish nothing and find each other by name: as many lines in as many files."""
    return network([{"name": f"c{number}"} for number in range(count)], container_names=True)


def unnamed(count):
    """The same without their names in each other's files."""
    return network([{"name": f"c{number}"} for number in range(count)])


class Measured:
    """A host on which the module takes its turns, and the time that it took by what it did."""

    def __init__(self, here, networks, count):
        self._here, self._networks, self.count = here, networks, count
        self.samples, self.operations = Samples(), {}

    def turn(self):
        """From nothing to all of it, once more, and back to nothing."""
        self._run(FIRST, networks=self._networks)
        for name in ("c0", f"c{self.count - 1}"):  # it has to lead to something that works
            self._here.sh(f"ip netns exec {name} ping -qc1 -W5 172.17.0.1")
        self._run(AGAIN, networks=self._networks)
        self._run(REMOVED, networks=[], exclusive=True)

    def _run(self, what, **params):
        used, start = self._here.pipeline.clock(), time.perf_counter()
        found = self._here.run("host_network", **params)
        self.samples.add(WALL, what, time.perf_counter() - start)
        self.samples.add(CPU, what, self._here.pipeline.clock() - used)
        self.operations[what] = len(found["operations"])
        if (what == AGAIN) != (not found["actions"]):
            raise SystemExit(f"the {what} of {self.count} containers was to do something else: {found['actions']}")

    def each(self, clock, what):
        return self.samples.median(clock, what) / self.count


@contextlib.contextmanager
def hosts(make, counts):
    """A host for each N: a process that has had 1000 containers in hand has a larger heap to look through after it."""
    with contextlib.ExitStack() as stack:
        found = {count: Measured(stack.enter_context(box()), make(count), count) for count in counts}
        for measured in found.values():
            measured.turn()  # imports
            measured.samples = Samples()
        yield found


def measure(cases, repeats):
    """In turns: what else the machine does meets all of them alike."""
    for number in range(max(repeats.values())):
        for count, measured in cases.items():
            if number < repeats[count]:
                measured.turn()


def whole_hosts():
    with hosts(document, COUNTS) as cases:
        measure(cases, {count: REPEATS_OF_LARGE if count == LARGE else REPEATS for count in COUNTS})
    head("The network of a host: seconds of a run, milliseconds per container", machine(),
         f"Medians of {REPEATS} interleaved repeats, of {REPEATS_OF_LARGE} for {LARGE}: host_network as one task,",
         "without Ansible around it, in a process that has it imported. N containers of one bridge without icc, each",
         f"with a published port, hosts, hostname and resolv.conf, every {NEIGHBOURS}th linked to the one beside it.",
         f"{FIRST}: also makes the bridge and the namespaces. {REMOVED}: an empty document that is exclusive.",
         f"{CPU}: of the process and of the commands that it runs; the kernel itself takes more to make interfaces and",
         f"to take them away. Growth: of the {CPU} per container, from {BASE} to N.", "")
    rows = []
    for what in (FIRST, AGAIN, REMOVED):
        for count, case in cases.items():
            growth = case.each(CPU, what) / cases[BASE].each(CPU, what)
            rows.append([f"{count}", what, f"{case.operations[what]}", shown(case.samples.median(WALL, what)),
                         shown(case.samples.median(CPU, what)), GOALS_OF_CPU.get((what, count), ""),
                         shown(case.each(WALL, what), 1e-3), shown(case.each(CPU, what), 1e-3),
                         f"{growth:.2f}x" if count > BASE else "", f"<= {GOAL_OF_GROWTH}x" if count > BASE else ""])
    table(["N", "", "operations", f"{WALL}, s", f"{CPU}, s", "goal", f"{WALL}, ms each", f"{CPU}, ms each", "growth",
           "goal"], rows)


def links():
    with hosts(linked, (LARGE,)) as cases:
        measure(cases, {LARGE: REPEATS_OF_LARGE})
    case = cases[LARGE]
    head(f"{LARGE} links of {LARGE} containers on a bridge without icc: seconds of a run", machine(),
         f"Medians of {REPEATS_OF_LARGE} repeats. Each container is linked to the next one, and publishes nothing.",
         "Before: what they took before host_network, measured at another time.", "")
    table(["", "operations", WALL, CPU, "before"], [
        [what, f"{case.operations[what]}", shown(case.samples.median(WALL, what)),
         shown(case.samples.median(CPU, what)), BEFORE.get(what, "")] for what in (FIRST, AGAIN, REMOVED)])


def names():
    counts = COUNTS[1:]
    with hosts(named, counts) as listed, hosts(unnamed, counts) as plain:
        for _number in range(REPEATS_OF_LARGE):
            for case in (*plain.values(), *listed.values()):
                case.turn()
    head("Containers that find each other by name: seconds of a run", machine(),
         f"Medians of {REPEATS_OF_LARGE} repeats. container_names writes N lines into each of N files; the last column",
         "is what such a line costs, of the CPU of the run beyond that of the same network without it.", "")
    rows = []
    for what in (FIRST, AGAIN, REMOVED):
        for count in counts:
            without, with_names = (case[count].samples.median(CPU, what) for case in (plain, listed))
            rows.append([f"{count}", what, shown(without), shown(with_names),
                         shown((with_names - without) / count ** 2, 1e-6)])
    table(["N", "", f"{CPU} without, s", f"{CPU}, s", "us each line"], rows)


CASES = {"whole_hosts": whole_hosts, "links": links, "names": names}
for name in os.environ.get("CASES", " ".join(CASES)).split():
    CASES[name]()
