# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs to wire containers: this collection beside the recipe of Docker's documentation, in the same run.

Run by `./run benchmark wiring`, in a sandbox and there in a test host.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / folder)
                for folder in ("hosts", "functional", "benchmark/support")]
from containers import CHECKOUT, box  # noqa: E402
from tables import Samples, head, machine, ratio, seconds, shown, table  # noqa: E402

COUNTS = (1, 10, 100, 1000)
BY_HAND = (1, 10, 100)
ANSIBLE = 100
REPEATS = 3  # and one for 1000
FIRST, AGAIN, REMOVED = "first run", "no-change run", "removal"
OURS, HAND, TASK, EMPTY = "modules", "by hand", "ansible", "ansible, ping"

RECIPE = """\
ip link add A{n} type veth peer name B{n}
ip link set A{n} master br0
ip link set A{n} up
ip link set B{n} netns c{n}
ip netns exec c{n} ip link set dev B{n} name eth0
ip netns exec c{n} ip link set lo up
ip netns exec c{n} ip link set eth0 up
ip netns exec c{n} ip addr add 172.17.{third}.{fourth}/16 dev eth0
ip netns exec c{n} ip route add default via 172.17.0.1
"""


def names(count):
    return [f"c{number}" for number in range(count)]


def by_hand(here, count):
    lines = [RECIPE.format(n=number, third=(number + 2) // 256, fourth=(number + 2) % 256) for number in range(count)]
    here.host.run(["sh", "-e"], input="".join(lines), timeout=600)


def removed_by_hand(here, count):
    here.host.run(["sh", "-e"], input="".join(f"ip link delete A{number}\n" for number in range(count)), timeout=600)


def ansible(here, module, arguments):
    """A whole run of the program `ansible` with one task."""
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".collections"),
                   "ANSIBLE_PIPELINING": "1", "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "LC_ALL": "C.UTF-8",
                   "ANSIBLE_CONNECTION_PLUGINS": str(CHECKOUT / "tests" / "hosts" / "connection_plugins")}
    variables = {"ansible_connection": "testhost", "ansible_python_interpreter": sys.executable}
    subprocess.run([Path(sys.executable).parent / "ansible", f"--inventory={here.host.name},", here.host.name,
                    "--extra-vars", json.dumps(variables), "--module-name", module, "--args", json.dumps(arguments)],
                   env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)


def check(here, count):
    """Each way has to lead to the same: an endpoint that reaches its gateway."""
    for name in {names(count)[0], names(count)[-1]}:
        here.sh(f"ip netns exec {name} ping -qc1 -W5 172.17.0.1")


def measure(here, samples, count):
    config = [{"netns": name} for name in names(count)]
    samples.add(OURS, (FIRST, count), seconds(here.run, "netns_attach", config=config) / count)
    check(here, count)
    samples.add(OURS, (AGAIN, count), seconds(here.run, "netns_attach", config=config) / count)
    samples.add(OURS, (REMOVED, count), seconds(here.run, "netns_attach", config=config, state="absent") / count)
    if count in BY_HAND:
        samples.add(HAND, (FIRST, count), seconds(by_hand, here, count) / count)
        check(here, count)
        samples.add(HAND, (REMOVED, count), seconds(removed_by_hand, here, count) / count)
    if count == ANSIBLE:
        for column, arguments in ((FIRST, {"config": config}), (AGAIN, {"config": config}),
                                  (REMOVED, {"config": config, "state": "absent"})):
            samples.add(TASK, (column, count),
                        seconds(ansible, here, "mooring.net.netns_attach", arguments) / count)
        samples.add(EMPTY, (FIRST, count), seconds(ansible, here, "ansible.builtin.ping", {"data": "pong"}) / count)


def main():
    samples = Samples()
    with box() as here:
        here.run("docker_bridge", name="br0", bip="172.17.0.1/16")
        # The containers are there already, as those of an engine are; they have no network.
        here.host.run(["ip", "-batch", "-"], input="".join(f"netns add {name}\n" for name in names(max(COUNTS))))
        measure(here, Samples(), 1)  # imports
        for _repeat in range(REPEATS):
            for count in COUNTS[:-1]:
                measure(here, samples, count)
        measure(here, samples, COUNTS[-1])
    head("Wiring: milliseconds per endpoint", machine(),
         f"Medians of {REPEATS} interleaved repeats, one for {COUNTS[-1]}. In all of them the namespaces exist before.",
         f"{OURS}: netns_attach as one task of N items, without Ansible around it, in a process that has it imported.",
         f"{HAND}: the document's recipe, 9 commands for each endpoint in one shell; `ip link delete` for each at the",
         "end. It has no no-change run: at its second run it fails.",
         f"{TASK}: a whole run of the program `ansible` with that one task; {EMPTY}: the same with nothing to do.", "")
    rows = []
    for count in COUNTS:
        for column in (FIRST, AGAIN, REMOVED):
            ours, hand, task = (samples.median(row, (column, count)) for row in (OURS, HAND, TASK))
            empty = samples.median(EMPTY, (FIRST, count))
            rows.append([f"{count}", column, shown(ours, 1e-3), shown(hand, 1e-3), ratio(hand, ours),
                         shown(task, 1e-3), ratio(hand, task), shown(empty, 1e-3)])
    table(["N", "", OURS, HAND, f"{HAND} / {OURS}", TASK, f"{HAND} / {TASK}", EMPTY], rows)


main()
