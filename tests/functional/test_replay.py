# SPDX-License-Identifier: GPL-3.0-or-later
"""The command mooring: a host comes back to what it has been asked for, by itself."""
import json
import subprocess
import sys

import pytest
from containers import once
from pipeline import PROGRAM, install_program
from test_reboots import PROGRAMS, end
from traffic import expect_answers, expect_closed
from worlds import BACKENDS, BOX, BOX6, OUTSIDE, OUTSIDE6, world

pytestmark = once

APPLIED = "/var/lib/mooring/applied.json"


@pytest.fixture(scope="module", params=BACKENDS)
def here(request):
    with world(request.param) as found:
        install_program(found.box)
        yield found


@pytest.fixture
def network(here):
    """Three containers whose addresses and ports depend on the order in which they came."""
    run = here.pipeline.run
    run("host_network", persist=True, networks=[{
        "name": "front", "bip": "192.168.5.1/24", "bip6": "2001:db8:5::1/64", "icc": False, "containers": [
            {"name": "old"}, {"name": "web", "published_ports": ["80", "8081:81"], "links": ["shop:back"]},
            {"name": "shop", "exposed_ports": [5432]}]}])
    run("container_dns", netns="old", state="absent")
    run("netns_attach", netns="old", state="absent")
    run("netns_attach", netns="late")  # which gets the address of old
    run("port_publish", netns="shop", published_ports=["80"])
    run("icc_policy", netns="web", links=["shop:back"])  # which opens that port as well
    yield here
    run("host_network", networks=[], exclusive=True, persist=False)
    assert here.box.run(["sh", "-ec", "find /var/lib/mooring /run/mooring 2>/dev/null || true"]).stdout == ""


def mooring(here, *arguments, status=0):
    done = here.box.run([PROGRAM, *arguments], check=False)
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stdout.splitlines()


def start_again(here, *names):
    """What a start of the host leaves: what is on its disk."""
    end(here, *names)
    here.box.run(["sh", "-ec", "ip link delete front; rm -rf /run/mooring /etc/netns; sysctl -qw net.ipv4.ip_forward=0 "
                               "net.ipv6.conf.all.forwarding=0"])
    for program in PROGRAMS:
        for table in ("raw", "nat", "filter"):
            here.box.run([program, "-t", table, "-F"])
            here.box.run([program, "-t", table, "-X"])


def seen(here):
    """The network as its containers and its clients see it."""
    found = here.pipeline.run("network_info")["network"]
    return {key: found[key] for key in ("endpoints", "published_ports", "links", "namespaces", "drift", "leftovers")}


def test_a_host_comes_back_with_the_same_addresses_and_ports(network):
    here, before = network, seen(network)
    assert mooring(here, "check") == [] and mooring(here, "replay") == []
    start_again(here, "web", "shop", "late")
    lost = mooring(here, "check", status=1)
    assert any(line.startswith("create bridge front with ") for line in lost)
    assert mooring(here, "replay", "--boot") == lost
    assert seen(here) == before and mooring(here, "check") == []
    ports = {text.split(" ")[0]: text for text in before["published_ports"] if "[" not in text and ":80/" in text}
    for name in ("web", "shop"):
        here.serve(here.container(name), name, (80, 5432))
    port = {name: int(text.split(":")[1].split("-")[0]) for name, text in ports.items()}
    expect_answers(*(((here.outside, "tcp", address, port[name]), f"{name}:80", source) for name in ports
                     for address, source in ((BOX, OUTSIDE), (BOX6, OUTSIDE6))))
    back = here.box.run(["grep", "-w", "back", "/etc/netns/web/hosts"]).stdout.split()[0]
    expect_answers(((here.container("web"), "tcp", back, 5432), "shop:5432", before_ip(before, "web")))
    expect_closed(here.servers, (here.container("late"), "tcp", back, 5432))


def before_ip(before, name):
    return next(each["address"] for each in before["endpoints"] if each["container"] == name).partition("/")[0]


@pytest.mark.parametrize("flushed", [("filter",), ("nat",), ("raw",), ("raw", "nat", "filter")])
def test_what_somebody_flushes_comes_back(network, flushed):
    here, before = network, seen(network)
    for program in PROGRAMS:
        for table in flushed:
            here.box.run([program, "-t", table, "-F"])
            here.box.run([program, "-t", table, "-X"])
    assert mooring(here, "check", status=1)
    assert mooring(here, "replay") and mooring(here, "replay") == [] == mooring(here, "check")
    assert seen(here) == before


def test_a_named_container_that_is_not_there_is_waited_for(network):
    here = network
    end(here, "shop")
    here.pipeline.run("netns_attach", netns="other")  # a run that is not about it
    waiting = json.loads("\n".join(mooring(here, "show", "--json")))["waiting"]
    assert waiting == ["shop"] and "WAITS FOR" in mooring(here, "show")
    assert mooring(here, "replay") and mooring(here, "check") == []
    here.serve(here.container("shop"), "shop", (80,))
    assert json.loads("\n".join(mooring(here, "show", "--json")))["waiting"] == []


def test_what_was_taken_away_does_not_come_back(network):
    here, run = network, network.pipeline.run
    run("port_publish", netns="web", published_ports=[])
    run("netns_attach", netns="late", state="absent")
    run("icc_policy", netns="web", links=[])
    before = seen(here)
    start_again(here, "web", "shop")
    mooring(here, "replay", "--boot")
    assert seen(here) == before and "late" not in before["namespaces"]


def test_the_file_is_roots_alone_and_a_change_of_it_is_told(network):
    here = network
    found = here.box.run(["stat", "-c", "%a %u %n", "/var/lib/mooring", APPLIED]).stdout.splitlines()
    assert found == ["700 0 /var/lib/mooring", f"600 0 {APPLIED}"]
    plan = here.pipeline.run("port_publish", check=True, netns="web", published_ports=["8082:82"])
    assert plan["operations"][0] == f"write {APPLIED}"
    assert plan["actions"][-1] == "save the network for the next boot (/var/lib/mooring)"
    assert plan["diff"]["after"].splitlines()[-1] == "network for the next boot (/var/lib/mooring): up to date"
    here.box.run(["sh", "-ec", f"chmod 666 {APPLIED}"])
    done = here.box.run([PROGRAM, "replay"], check=False)
    assert done.returncode == 2 and "can be written by others than root (mode 0666)" in done.stderr
    here.box.run(["sh", "-ec", f"chmod 600 {APPLIED}"])


def test_without_the_file_nothing_is_kept(here):
    here.pipeline.run("docker_bridge", name="front", bip="192.168.5.1/24")
    assert here.box.run(["sh", "-ec", f"test -e {APPLIED} || echo none"]).stdout == "none\n"
    assert mooring(here, "replay") == [] == mooring(here, "check")
    here.pipeline.run("docker_bridge", name="front", state="absent")


OTHERS_BRIDGE = """ip link add lab type bridge; ip address add 172.30.0.1/24 dev lab; ip link set lab up"""


@once
def test_a_bridge_that_somebody_else_makes_is_waited_for(network):
    """When the host starts it may be about to come; later a replay finds it."""
    here = network
    here.box.run(["sh", "-ec", OTHERS_BRIDGE])
    here.pipeline.run("docker_bridge", name="lab", must_exist=True, adopt=True)
    here.pipeline.run("netns_attach", netns="inlab", bridge="lab")
    here.pipeline.run("port_publish", netns="inlab", published_ports=["8090:80"])
    before = seen(here)
    start_again(here, "web", "shop", "late", "inlab")
    here.box.run(["ip", "link", "delete", "lab"])
    told = here.box.run([PROGRAM, "replay"])
    assert "waits for bridge lab, which somebody else makes (must_exist) and which is not there" in told.stderr
    assert {each["container"] for each in seen(here)["endpoints"]} == {"web", "shop", "late"}
    here.box.run(["sh", "-ec", f"(sleep 0.5; {OTHERS_BRIDGE}) >/dev/null 2>&1 &"])
    told = here.box.run([PROGRAM, "replay", "--boot"])
    assert "waits for bridge" not in told.stderr and seen(here) == before
    assert mooring(here, "check") == []
    here.pipeline.run("docker_bridge", name="lab", state="absent", force=True)
    here.box.run(["ip", "link", "delete", "lab"])


@once
def test_a_process_that_listens_on_a_published_port_is_told_and_is_no_difference(network):
    here = network
    listen = "import socket, sys; s = socket.create_server(('', 8081)); print('up', flush=True); sys.stdin.read()"
    with here.box.popen([sys.executable, "-c", listen], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        text=True) as process:
        assert process.stdout.readline() == "up\n"
        told = here.box.run([PROGRAM, "check"])
        assert told.stdout == ""
        assert "listens on 0.0.0.0:8081/tcp of the host, which is published for web" in told.stderr
        assert "listens on 0.0.0.0:8081/tcp" in here.box.run([PROGRAM, "show"]).stdout
        process.communicate("")
    assert here.box.run([PROGRAM, "check"]).stderr == ""
