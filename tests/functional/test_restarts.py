# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers by every name they have, in real engines; they restart, they go, and their daemon does not answer."""
import os
import signal
import sys
import time

import pytest
from containers import Engine, Process, box, once
from pipeline import CHECKOUT, PipelineError
from traffic import Servers, expect_answers, expect_closed
from worlds import sysctl

GATEWAY, OUT = "192.168.5.1", "198.51.100.2"
PUBLISHED = ["8080:80", "8080:80/udp", "127.0.0.1:8081:80"]


@pytest.fixture(scope="module", params=["docker", "podman"])
def engine(request):
    with box("docker", outside=True) as found:
        found.run("docker_bridge", name="br0", bip=f"{GATEWAY}/24")
        yield Engine(found, request.param)


@pytest.fixture(scope="module")
def here():
    """A host without an engine."""
    with box(outside=True) as found:
        found.run("docker_bridge", name="br0", bip=f"{GATEWAY}/24")
        yield found


# Names


@once
def test_name_full_id_and_short_id_mean_the_same_container(engine):
    here, identifier = engine.here, engine.start("named")
    before = here.run("netns_attach", container="named")
    assert before["changed"] and before["endpoint"]["container"] == "named"
    for name in (identifier, identifier[:12], identifier[:6]):
        again = here.run("netns_attach", container=name)
        assert (again["actions"], again["endpoint"]) == ([], before["endpoint"])
    found = here.run("port_publish", container=identifier[:12], published_ports=["8090:80"])["publication"]
    assert found["container"] == "named"
    assert here.unchanged("port_publish", container="named", published_ports=["8090:80"])
    here.run("netns_attach", container=identifier[:12], state="absent")
    assert not here.exists("/run/netns/named") and here.ports("br0") == []


@once
def test_a_container_that_is_stopped_or_unknown_is_refused_with_what_the_engine_says(engine):
    here = engine.here
    engine.start("halted")
    engine("stop", "--time=0", "halted")
    with pytest.raises(PipelineError, match=f"container: 'halted' is not running, says {engine.program}. Start it with "
                                            f"`{engine.program} start halted`"):
        here.run("netns_attach", container="halted")
    with pytest.raises(PipelineError, match=f"container: 'nobody' is not a running container .*{engine.program} says: "
                                            ".*[Nn]o such"):
        here.run("netns_attach", container="nobody")
    assert here.ports("br0") == []


@once
def test_a_daemon_that_is_silent_is_an_error_after_a_bounded_time(engine):
    """With a bound of half a second instead of 20."""
    if engine.program == "podman":
        pytest.skip("Podman has no daemon")
    here = engine.here
    engine.start("waiting")
    script = ("import sys; sys.path.append(sys.argv[1])\n"
              "from ansible_collections.mooring.net.plugins.module_utils._internal.engine import inspect\n"
              "inspect.LEAST = 0.5\n"
              "answers = inspect.inspect(['waiting'], seconds=0.5)\n"
              "print(*answers.found, *answers.problems.values())\n")
    ask = [sys.executable, "-c", script, CHECKOUT / ".collections"]
    assert here.host.run(ask).stdout == "waiting\n"
    engine.daemon.process.send_signal(signal.SIGSTOP)
    try:
        said = here.host.run(ask).stdout
    finally:
        engine.daemon.process.send_signal(signal.SIGCONT)
        os.kill(engine.daemon.process.pid, signal.SIGCONT)  # nsenter stops with its child
    assert said.startswith("docker: docker inspect ")
    assert "did not answer within 0.5 seconds; podman says: " in said


def test_without_an_engine_the_message_says_so(here):
    with pytest.raises(PipelineError, match="container: 'web' is not a running container .*podman is not installed.*"
                                            "use netns, pid or netns_path"):
        here.run("netns_attach", container="web")


# Restarts


@once
def test_a_restarted_container_has_its_address_and_its_ports_again(engine):
    here = engine.here
    engine.start("web")
    engine.start("second")
    attach = {"config": [{"container": "web", "mac_address": "02:00:00:00:00:07"}, {"container": "second"}]}
    publish = {"container": "web", "published_ports": PUBLISHED}
    first = here.run("netns_attach", **attach)["endpoints"]
    here.run("port_publish", **publish)
    assert here.run("network_info")["network"]["leftovers"] == []
    # The servers are not in here.servers: their sockets would keep the old namespace.
    calls = [((here.outside, "tcp", "198.51.100.1", 8080), "web:80", OUT),
             ((here.outside, "udp", "198.51.100.1", 8080), "web:80", OUT),
             ((here.place, "tcp", "127.0.0.1", 8081), "web:80", GATEWAY),
             ((engine.place("second"), "tcp", first[0]["address"].split("/")[0], 80), "web:80",
              first[1]["address"].split("/")[0])]
    with Servers() as servers:
        servers.serve(engine.place("web"), "web", (80,))
        expect_answers(*calls)
    engine.restart("second")
    new = engine.restart("web")
    assert here.host.path("/run/netns/web").is_symlink()
    here.servers.serve(new, "web", (80,))
    expect_closed(here.servers, (here.outside, "tcp", "198.51.100.1", 8080))
    # The other one first: it must not get the address of the one that is still away.
    again = here.run("netns_attach", config=attach["config"][::-1])
    kept = ("container", "address", "mac_address", "host_interface", "interface_name", "gateway")
    assert [{key: endpoint[key] for key in kept} for endpoint in again["endpoints"][::-1]] == [
        {key: endpoint[key] for key in kept} for endpoint in first]
    assert here.inode("/run/netns/web") == here.inode(engine.netns("web"))
    assert here.run("port_publish", **publish)["actions"] == [] and here.unchanged("netns_attach", **attach)
    expect_answers(*calls[:3])
    assert here.run("network_info")["network"]["drift"] == []
    here.run("netns_attach", state="absent", config=[{"container": "web"}, {"container": "second"}])
    assert here.ports("br0") == [] and here.run("network_info")["network"]["published_ports"] == []


@once
def test_a_container_that_is_gone_leaves_no_link_and_its_rest_can_be_removed(engine):
    here = engine.here
    engine.start("brief")
    here.run("netns_attach", container="brief")
    here.run("port_publish", container="brief", published_ports=["8091:80"])
    ports = here.ports("br0")
    engine.remove("brief")
    here.gone(ports)
    left = here.run("network_info")["network"]["leftovers"]
    assert any("brief" in line and "8091" in line for line in left) and "/run/netns/brief: leads nowhere" in left
    with pytest.raises(PipelineError, match="container: 'brief' is not a running container"):
        here.run("netns_attach", container="brief")
    assert here.run("netns_attach", container="brief", state="absent")["changed"]
    assert here.unchanged("netns_attach", container="brief", state="absent")
    network = here.run("network_info")["network"]
    assert network["leftovers"] == [] and network["published_ports"] == [] and not here.exists("/run/netns/brief")


# Without an engine


def test_a_process_by_its_pid_and_another_one_by_the_same_name(here):
    first, second = _own_network(here), _own_network(here)
    one = here.run("netns_attach", pid=first, name="job")["endpoint"]
    assert here.unchanged("netns_attach", pid=first, name="job")
    with Servers() as servers:
        servers.serve(Process(here.host, "job", first), "job", (80,))
        expect_answers(((here.place, "tcp", one["address"].split("/")[0], 80), "job:80", GATEWAY))
    _end(here, first)
    other = here.run("netns_attach", pid=second, name="job")["endpoint"]
    assert other["address"] == one["address"]
    assert here.inode("/run/netns/job") == here.inode(f"/proc/{second}/ns/net")
    with pytest.raises(PipelineError, match=f"pid: '{first}' is not a running process"):
        here.run("netns_attach", pid=first, name="job")
    here.run("netns_attach", pid=second, name="job", state="absent")
    assert not here.exists("/run/netns/job") and here.addresses("eth0", f"/proc/{second}/ns/net") == []
    _end(here, second)


def _own_network(here):
    """The pid, in the host, of a new process with a network of its own."""
    pid = int(here.sh("unshare --net sleep 1000 >/dev/null 2>&1 & echo $!"))
    while here.inode(f"/proc/{pid}/ns/net") == here.inode("/proc/1/ns/net"):
        time.sleep(0.01)
    return pid


def _end(here, pid):
    here.sh(f"kill {pid}; while [ -e /proc/{pid}/ns ]; do sleep 0.02; done")


def test_a_path_that_somebody_else_registered(here):
    here.sh("ip netns add theirs; mkdir /run/other; touch /run/other/ns; mount --bind /run/netns/theirs /run/other/ns")
    endpoint = here.run("netns_attach", netns_path="/run/other/ns", name="theirs-too")["endpoint"]
    assert endpoint["container"] == "theirs-too"
    assert here.addresses("eth0", "theirs") == [endpoint["address"]]
    assert here.unchanged("netns_attach", netns_path="/run/other/ns", name="theirs-too")
    here.run("netns_attach", netns_path="/run/other/ns", name="theirs-too", state="absent")
    assert here.addresses("eth0", "theirs") == [] and here.exists("/run/netns/theirs")
    here.sh("umount /run/other/ns; ip netns delete theirs")
    with pytest.raises(PipelineError, match="netns_path: '/run/other/gone' does not exist"):
        here.run("netns_attach", netns_path="/run/other/gone")


def test_a_stale_name_is_replaced_when_it_is_ours_only(here):
    pid = _own_network(here)
    here.run("netns_attach", pid=pid, name="stale")
    _end(here, pid)
    assert here.host.path("/run/netns/stale").is_symlink()
    endpoint = here.run("netns_attach", netns="stale")["endpoint"]
    assert not here.host.path("/run/netns/stale").is_symlink()
    assert here.addresses("eth0", "stale") == [endpoint["address"]]
    here.run("netns_attach", netns="stale", state="absent")
    here.sh("ln -s /proc/999999/ns/net /run/netns/foreign")
    with pytest.raises(PipelineError, match="'foreign' is a file in /run/netns that leads to no namespace and is not "
                                            "managed by this collection"):
        here.run("netns_attach", netns="foreign")
    assert os.readlink(here.host.path("/run/netns/foreign")) == "/proc/999999/ns/net"
    here.sh("rm /run/netns/foreign")


def test_forwarding_stays_on_over_it_all(here):
    sysctl(here.host, "net.ipv4.ip_forward", 0)
    assert here.run("docker_bridge", name="br0")["sysctls"] == [
        {"name": "net.ipv4.ip_forward", "value": "1", "previous": "0"}]
