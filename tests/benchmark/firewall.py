# SPDX-License-Identifier: GPL-3.0-or-later
"""What published ports cost: to publish them, and for each connection to one of them.

Run by `./run benchmark firewall`, in a sandbox and there in test hosts. Beside it stands Docker's layout on the same
host: three rules for each port, in linear chains.
"""
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
CONNECTIONS = 1000
REPEATS = 3
FIRST_PORT = 20000
OURS, HAND = "modules", "iptables, per rule"
PLAIN, TREE, LINEAR = "no published port", "this collection", "Docker's layout"
ADDRESS = "172.17.0.2"

RULES = {
    "nat": ("-A DOCKER ! -i br0 -p tcp -m tcp --dport {port} -j DNAT --to-destination {address}:{port}",
            "-A POSTROUTING -s {address}/32 -d {address}/32 -p tcp -m tcp --dport {port} -j MASQUERADE"),
    "filter": ("-A DOCKER -d {address}/32 ! -i br0 -o br0 -p tcp -m tcp --dport {port} -j ACCEPT",),
}
CHAINS = {
    "nat": ":DOCKER - [0:0]\n-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n",
    "filter": ":DOCKER - [0:0]\n-A FORWARD -o br0 -j DOCKER\n"
              "-A FORWARD -o br0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A FORWARD -i br0 -j ACCEPT\n",
}


def ports(count):
    return range(FIRST_PORT, FIRST_PORT + count)


def rules(here, count, program):
    """Docker's rules for so many ports, given to iptables one by one or to iptables-restore all at once."""
    flush_rules(here)
    if program == "iptables":
        lines = [f"iptables -t {table} {line.format(port=port, address=ADDRESS)}"
                 for port in ports(count) for table, each in RULES.items() for line in each]
        for table, text in CHAINS.items():
            here.host.run(["iptables-restore", "--noflush"], input=f"*{table}\n{text}COMMIT\n")
        return lambda: here.host.run(["sh", "-e"], input="\n".join(lines), timeout=600)
    lines = [f"*{table}\n{CHAINS[table]}" + "".join(
        f"{line.format(port=port, address=ADDRESS)}\n" for line in each for port in ports(count)) + "COMMIT\n"
        for table, each in RULES.items()]
    return lambda: here.host.run(["iptables-restore", "--noflush"], input="".join(lines), timeout=600)


def flush_rules(here):
    here.sh("for table in nat filter raw; do iptables -t $table -F; iptables -t $table -X; done")


def publish(here, count):
    return here.run("port_publish", container="web", published_ports=[f"{port}:{port}" for port in ports(count)])


def withdraw(here):
    here.run("port_publish", container="web", state="absent")


def connect(here, port):
    """Median seconds of a connect() from another host, through the host's rules where the port is published.

    The kernel completes it when the SYN has been answered: no program of either side is in it.
    """
    target = here.place if port == FIRST_PORT - 1 else Place(here.host, "web")
    found, reset = [], struct.pack("ii", 1, 0)
    with target.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("0.0.0.0", port))
        server.listen(16)
        for _number in range(CONNECTIONS):
            with here.outside.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                client.settimeout(5)
                start = time.perf_counter()
                client.connect((BOX, port))
                found.append(time.perf_counter() - start)
                server.accept()[0].close()
    return sorted(found)[len(found) // 2]


def measure_publishing(here, samples, count):
    samples.add(OURS, count, seconds(publish, here, count))
    samples.add(f"{OURS}, again", count, seconds(publish, here, count))
    samples.add(f"{OURS}, removal", count, seconds(withdraw, here))
    if count in BY_HAND:
        samples.add(HAND, count, seconds(rules(here, count, "iptables")))
        flush_rules(here)
        here.run("docker_bridge", name="br0")  # puts its own rules back


def measure_connections(here, samples, count):
    last = ports(count)[-1]
    samples.add(PLAIN, count, connect(here, FIRST_PORT - 1))
    publish(here, count)
    samples.add(TREE, count, connect(here, last))
    withdraw(here)
    rules(here, count, "iptables-restore")()
    samples.add(LINEAR, count, connect(here, last))
    flush_rules(here)
    here.run("docker_bridge", name="br0")


def main():
    publishing, connecting = Samples(), Samples()
    with box(outside=True) as here:
        here.run("docker_bridge", name="br0", bip="172.17.0.1/16")
        here.run("netns_attach", netns="web")
        backend = here.sh("iptables --version").strip()
        publish(here, 1)  # imports
        withdraw(here)
        for _repeat in range(REPEATS):
            for count in PUBLISHED:
                measure_publishing(here, publishing, count)
        # Only now: withdrawing a port looks through the connections that the kernel tracks, of which these make many.
        for _repeat in range(REPEATS):
            for count in CONNECTED:
                measure_connections(here, connecting, count)
    head("Publishing ports: milliseconds in all", machine(backend), f"Medians of {REPEATS} interleaved repeats.",
         f"{OURS}: port_publish with N ports as one task, without Ansible around it; again without a change; removed.",
         f"{HAND}: Docker's three rules for each port, one `iptables` command for each rule, in one shell.", "")
    table(["N", OURS, f"{OURS}, again", f"{OURS}, removal", HAND, "ratio"], [
        [f"{count}", *(shown(publishing.median(row, count), 1e-3, 1)
                       for row in (OURS, f"{OURS}, again", f"{OURS}, removal", HAND)),
         ratio(publishing.median(HAND, count), publishing.median(OURS, count))] for count in PUBLISHED])
    head("A TCP connection from another host to the last of N published ports: microseconds", machine(backend),
         f"Medians of {REPEATS} interleaved repeats of the median of {CONNECTIONS} calls of connect().",
         f"{PLAIN}: a port of the host itself, with no rule for it. {TREE}: N ports of port_publish, for both address",
         f"families. {LINEAR}: the same N ports with its three rules each, written at once by iptables-restore.", "")
    table(["N", PLAIN, TREE, LINEAR, f"{LINEAR} / {TREE}", f"{TREE} / {PLAIN}"], [
        [f"{count}", *(shown(connecting.median(row, count), 1e-6, 1) for row in (PLAIN, TREE, LINEAR)),
         ratio(connecting.median(LINEAR, count), connecting.median(TREE, count)),
         ratio(connecting.median(TREE, count), connecting.median(PLAIN, count))] for count in CONNECTED])


main()
