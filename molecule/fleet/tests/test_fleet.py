# SPDX-License-Identifier: GPL-3.0-or-later
"""Five hosts, reached by SSH as a user who becomes root: a roll-out that fails on one of them, and is finished."""
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import testhosts

SCENARIO, PROJECT = (Path(os.environ[f"MOLECULE_{name}_DIRECTORY"]) for name in ("SCENARIO", "PROJECT"))
ADDRESS = {f"fleet-{number}": f"192.0.2.{4 * number - 2}" for number in range(1, 6)}
FAILING = "fleet-3"
OTHERS = set(ADDRESS) - {FAILING}
PORTS = {"fleet-1": (8080, "web", 80), "fleet-2": (8080, "web", 80), "fleet-3": (8080, "web", 80),
         "fleet-4": (5432, "db", 5432), "fleet-5": (9090, "web", 80)}
RELEASED = 8081  # the port that the second release publishes everywhere

# Says who it is, and who asks.
SERVER = """
import socket, sys
server = socket.create_server(("0.0.0.0", int(sys.argv[1])))
print("ready", flush=True)
while True:
    connection, client = server.accept()
    connection.sendall((sys.argv[2] + " asked by " + client[0]).encode())
    connection.close()
"""
CLIENT = """
import socket, sys
for place in sys.argv[1:]:
    address, port = place.split(":")
    try:
        with socket.create_connection((address, int(port)), timeout=2) as client:
            print(client.recv(100).decode())
    except OSError:
        print("closed")
"""


def ask(port_of):
    """What answers at a port of each host, asked by the controller."""
    places = [f"{ADDRESS[host]}:{port}" for host, port in port_of.items()]
    done = subprocess.run([sys.executable, "-c", CLIENT, *places], stdout=subprocess.PIPE, text=True, check=True)
    return dict(zip(port_of, done.stdout.splitlines()))


def answer(*hosts):
    return {host: f"{host} asked by 198.51.100.2" for host in hosts}


def play(playbook, *arguments, **settings):
    """Play for the fleet: the exit status, by host the counts of the recap, and the output."""
    command = [Path(sys.executable).parent / "ansible-playbook", f"--inventory={PROJECT}/molecule/shared/inventory/",
               f"--inventory={SCENARIO}/inventory/", "-e", "mooring_hosts=fleet", *arguments, playbook]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=300, check=False, env={**os.environ, **settings})
    recap = re.findall(r"^(\S+) +: (.*)$", done.stdout.rpartition("PLAY RECAP")[2], re.MULTILINE)
    return done.returncode, {name: {key: int(count) for key, count in re.findall(r"(\w+)=(\d+)", counts)}
                             for name, counts in recap}, done.stdout


def serve(host, port, text, *enter):
    server = testhosts.Host.get(host).popen([*enter, sys.executable, "-c", SERVER, str(port), text],
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    assert server.stdout.readline() == "ready\n"
    return server


def end(server):
    server.kill()
    server.wait()
    server.stdout.close()


@pytest.fixture(autouse=True, scope="module")
def _servers():
    servers = [serve(host, port, host, "nsenter", f"--net=/run/netns/{name}", "--")
               for host, (_published, name, port) in PORTS.items()]
    yield
    for server in servers:
        end(server)


@pytest.fixture(scope="module")
def blocked():
    """The second release while another program has its port on one host: what came of it, and the program."""
    other = serve(FAILING, RELEASED, "another program")
    yield *play(str(SCENARIO / "converge.yml"), "-e", "fleet_release=2"), other
    end(other)


def test_each_host_has_what_its_group_or_itself_says():
    assert ask({host: port for host, (port, _name, _inside) in PORTS.items()}) == answer(*ADDRESS)
    assert set(ask(dict.fromkeys(ADDRESS, RELEASED)).values()) == {"closed"}


def test_nobody_logs_in_as_root():
    """That what follows has gone the way it is to go."""
    status, counts, output = play("mooring.net.inspect", "--limit=fleet-1", "-e", "mooring_picture=", "-e",
                                  "ansible_user=root")
    assert status == 4 and counts["fleet-1"]["unreachable"] == 1 and "Permission denied" in output, output


def test_a_host_that_fails_is_as_before_and_holds_up_nobody(blocked):
    status, counts, output, _other = blocked
    assert status == 2, output
    assert {host for host, count in counts.items() if count["failed"]} == {FAILING}, output
    assert {host for host, count in counts.items() if count["changed"]} == OTHERS, output
    assert f"{RELEASED}" in output and "in use" in output, output
    assert ask(dict.fromkeys(ADDRESS, RELEASED)) == {
        **answer(*OTHERS), FAILING: "another program asked by 198.51.100.2"}
    assert ask({FAILING: PORTS[FAILING][0]}) == answer(FAILING)


def test_the_next_run_finishes_it_and_changes_nothing_else(blocked):
    """With another strategy, and without pipelining: modules are files then, put there by an unprivileged user."""
    end(blocked[3])
    status, counts, output = play("mooring.net.site", "-e", "fleet_release=2", "-vvv", ANSIBLE_STRATEGY="free",
                                  ANSIBLE_PIPELINING="0")
    assert status == 0 and all(f"<{address}> PUT " in output for address in ADDRESS.values()), output
    assert {host for host, count in counts.items() if count["changed"]} == {FAILING}, output
    assert ask(dict.fromkeys(ADDRESS, RELEASED)) == answer(*ADDRESS)


def test_a_part_of_the_fleet_and_nothing_to_do(blocked):
    status, counts, output = play("mooring.net.site", "-e", "fleet_release=2", "--limit=back:fleet-3")
    assert status == 0 and set(counts) == {"fleet-3", "fleet-4", "fleet-5"}, output
    assert not any(count["changed"] for count in counts.values()), output
