# SPDX-License-Identifier: GPL-3.0-or-later
"""What published ports cost: to publish them, and for each connection to one of them.

Run by `./run benchmark firewall`, in a sandbox and there in test hosts. Beside it stands Docker's layout: three rules
for each port, in linear chains, which its daemon adds by one `iptables --wait -C` and one `iptables --wait -A` each.
"""
import contextlib
import socket
import struct
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / folder)
                for folder in ("hosts", "functional", "benchmark/support")]
from containers import BOX, box  # noqa: E402
from tables import Samples, head, machine, ratio, seconds, shown, table  # noqa: E402
from traffic import Place  # noqa: E402

PUBLISHED = (1, 100, 1000, 10000)
BY_HAND = (1, 100)
CONNECTED = (10, 1000, 10000)
REPEATS = 5
ROUNDS, IN_A_ROW, WARM_UP = 60, 20, 4
FIRST_PORT = 20000
OURS, RESTORE, DAEMON, HAND = "modules", "its restore", "iptables -C, -A", "iptables -A"
PLAIN, TREE, LINEAR, MIDDLE = "no published port", "this collection", "Docker's layout", "its middle port"
GOALS_OF_PUBLISHING = {100: "200x"}
GOALS_OF_CONNECTIONS = {1000: "4x", 10000: "40x"}
GOAL_OF_GROWTH = 1.1
ADDRESS = "172.17.0.2"

RULES = {
    "nat": ("DOCKER ! -i br0 -p tcp -m tcp --dport {port} -j DNAT --to-destination {address}:{port}",
            "POSTROUTING -s {address}/32 -d {address}/32 -p tcp -m tcp --dport {port} -j MASQUERADE"),
    "filter": ("DOCKER -d {address}/32 ! -i br0 -o br0 -p tcp -m tcp --dport {port} -j ACCEPT",),
}
CHAINS = {
    "nat": ":DOCKER - [0:0]\n-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n",
    "filter": ":DOCKER - [0:0]\n-A FORWARD -o br0 -j DOCKER\n"
              "-A FORWARD -o br0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A FORWARD -i br0 -j ACCEPT\n",
}


def ports(count):
    return range(FIRST_PORT, FIRST_PORT + count)


def one_by_one(here, count, how):
    """Docker's rules for so many ports, each given to an iptables of its own: from one shell, which costs less."""
    flush_rules(here)
    for name, text in CHAINS.items():
        here.host.run(["iptables-restore", "--noflush"], input=f"*{name}\n{text}COMMIT\n")
    lines = []
    for port in ports(count):
        for name, each in RULES.items():
            for rule in each:
                words = rule.format(port=port, address=ADDRESS)
                check = f"iptables --wait -t {name} -C {words} 2>/dev/null || " if how == DAEMON else ""
                lines.append(f"{check}iptables --wait -t {name} -A {words}")
    taken = seconds(here.host.run, ["sh", "-e"], input="\n".join(lines), timeout=600)
    flush_rules(here)
    here.run("docker_bridge", name="br0")  # puts its own rules back
    return taken


def all_at_once(here, count):
    """Docker's layout for so many ports."""
    flush_rules(here)
    here.host.run(["iptables-restore", "--noflush"], timeout=600, input="".join(
        f"*{name}\n{CHAINS[name]}" + "".join(f"-A {rule.format(port=port, address=ADDRESS)}\n"
                                             for rule in each for port in ports(count)) + "COMMIT\n"
        for name, each in RULES.items()))


def flush_rules(here):
    here.sh("for table in nat filter raw; do iptables -t $table -F; iptables -t $table -X; done")


def publish(here, count):
    return here.run("port_publish", container="web", published_ports=[f"{port}:{port}" for port in ports(count)])


def publish_by_steps(here, count):
    """The same, operation by operation: the seconds that the one transaction takes which writes the rules."""
    actions = here.pipeline.plan("port_publish", container="web",
                                 published_ports=[f"{port}:{port}" for port in ports(count)])
    taken = {action: seconds(here.pipeline.step, number) for number, action in enumerate(actions)}
    return sum(taken[action] for action in actions if " table: " in action)


def withdraw(here):
    here.run("port_publish", container="web", state="absent")


class Listener:
    """A port of a host that is connected to from another host, in a container where it is published."""

    def __init__(self, here, port, netns="web"):
        self._outside, self._port = here.outside, port
        self._server = (Place(here.host, netns) if netns else here.place).socket(socket.AF_INET, socket.SOCK_STREAM)
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._server.bind(("0.0.0.0", port))
        self._server.listen(16)

    def connect(self):
        """Seconds of a connect(): the kernel completes it when the SYN has been answered, without any program."""
        with self._outside.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.settimeout(5)
            start = time.perf_counter()
            client.connect((BOX, self._port))
            taken = time.perf_counter() - start
            self._server.accept()[0].close()
        return taken


def measure_publishing(here, samples, count):
    samples.add(OURS, count, seconds(publish, here, count))
    samples.add(f"{OURS}, again", count, seconds(publish, here, count))
    samples.add(f"{OURS}, removal", count, seconds(withdraw, here))
    samples.add(RESTORE, count, publish_by_steps(here, count))
    withdraw(here)
    for how in (DAEMON, HAND) if count in BY_HAND else ():
        samples.add(how, count, one_by_one(here, count, how))


def publishing():
    samples = Samples()
    with contextlib.ExitStack() as stack:
        # One for each N: a process that has had 10,000 ports in hand has a larger heap to look through ever after.
        hosts = {count: stack.enter_context(wired_box()) for count in PUBLISHED}
        backend = hosts[1].sh("iptables --version").strip()
        for here in hosts.values():
            publish(here, 1)  # imports
            withdraw(here)
        for _repeat in range(REPEATS):
            for count, here in hosts.items():
                measure_publishing(here, samples, count)
    head("Publishing ports: milliseconds in all", machine(backend), f"Medians of {REPEATS} interleaved repeats.",
         f"{OURS}: port_publish with N ports as one task, without Ansible around it; again without a change; removed.",
         f"{RESTORE}: what of this iptables-restore takes. The rest is to read all rules of both families, to plan,",
         "and to read and plan once more, which has to find nothing left to do.",
         f"{DAEMON}: what Docker's daemon does, three rules for each port, for each rule one command that looks for it",
         f"and one that adds it, in one shell. {HAND}: without looking for it. The goal is for {DAEMON}, and",
         "was set from what iptables-restore takes.", "")
    rows = (OURS, RESTORE, f"{OURS}, again", f"{OURS}, removal", DAEMON, HAND)
    table(["N", *rows, f"{DAEMON} / {OURS}", f"/ {RESTORE}", "goal", f"{HAND} / {OURS}"], [
        [f"{count}", *(shown(samples.median(row, count), 1e-3, 1) for row in rows),
         ratio(samples.median(DAEMON, count), samples.median(OURS, count)),
         ratio(samples.median(DAEMON, count), samples.median(RESTORE, count)), GOALS_OF_PUBLISHING.get(count, ""),
         ratio(samples.median(HAND, count), samples.median(OURS, count))] for count in PUBLISHED])


@contextlib.contextmanager
def wired_box():
    with box(outside=True) as here:
        here.run("docker_bridge", name="br0", bip="172.17.0.1/16")
        here.run("netns_attach", netns="web")
        yield here


def connecting():
    """Every case has a host of its own, and takes its turn: what else the machine does meets all of them alike."""
    samples = Samples()
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context(wired_box())
        backend = plain.sh("iptables --version").strip()
        cases = [(PLAIN, 0, Listener(plain, FIRST_PORT - 1, ""))]
        for count in CONNECTED:
            tree, linear = stack.enter_context(wired_box()), stack.enter_context(wired_box())
            publish(tree, count)
            all_at_once(linear, count)
            last, middle = ports(count)[-1], ports(count)[count // 2]
            cases += [(TREE, count, Listener(tree, last)), (LINEAR, count, Listener(linear, last)),
                      (MIDDLE, count, Listener(linear, middle))]
        for _round in range(ROUNDS):
            for row, count, listener in cases:
                for number in range(IN_A_ROW):
                    taken = listener.connect()
                    if number >= WARM_UP:  # the first ones find in the processor's caches what the case before left
                        samples.add(row, count, taken)
    without, few = samples.median(PLAIN, 0), samples.median(TREE, CONNECTED[0])
    head("A TCP connection from another host to the last of N published ports: microseconds", machine(backend),
         f"Medians of {ROUNDS * (IN_A_ROW - WARM_UP)} calls of connect(), {IN_A_ROW} at a time of each case in turn.",
         f"{TREE}: N ports of port_publish. {LINEAR}: N ports with its three rules each.",
         f"A port of the host itself, with no rule for any port, takes {shown(without, 1e-6, 1)}.", "")
    table(["N", TREE, LINEAR, MIDDLE, f"{LINEAR} / {TREE}", "goal", f"{MIDDLE} / {TREE}",
           f"{TREE}, of that with {CONNECTED[0]}", "goal", "of that without"], [
        [f"{count}", *(shown(samples.median(row, count), 1e-6, 1) for row in (TREE, LINEAR, MIDDLE)),
         ratio(samples.median(LINEAR, count), samples.median(TREE, count)), GOALS_OF_CONNECTIONS.get(count, ""),
         ratio(samples.median(MIDDLE, count), samples.median(TREE, count)),
         shown(samples.median(TREE, count) / few), f"<= {GOAL_OF_GROWTH:.2f}",
         shown(samples.median(TREE, count) / without)] for count in CONNECTED])


publishing()
connecting()
