# SPDX-License-Identifier: GPL-3.0-or-later
"""Two real Docker daemons after their move to bridge0: their containers, and the connections that these get."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import testhosts

ENGINE, HANDED = "mooring-engine", "mooring-handed"
ADDRESS = {ENGINE: "192.0.2.2", HANDED: "198.51.100.2"}
OUTSIDE = "192.0.2.1"

# Answers with the address that it saw.
SERVER = """
import socket, sys
server = socket.create_server(("0.0.0.0", int(sys.argv[1])))
print("ready", flush=True)
while True:
    connection, client = server.accept()
    connection.recv(1000)
    connection.sendall(("HTTP/1.0 200 OK\\r\\n\\r\\nseen as " + client[0] + "\\n").encode())
    connection.close()
"""
CLIENT = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=1).read().decode())"


def run(name, *command, check=True):
    return testhosts.Host.get(name).run(command, check=check).stdout.strip()


def docker(name, *words, check=True):
    return run(name, "docker", *words, check=check)


def page(address, port, host="outside-engine", container=None):
    """What is served there, "" when nobody answers: to a host, or to a container of Docker."""
    url = f"http://{address}:{port}/"
    if container:
        return run(host, "docker", "exec", container, "timeout", "1", "wget", "-qO-", url, check=False)
    return run(host, sys.executable, "-c", CLIENT, url, check=False)


def address(name, container):
    return docker(name, "inspect", "--format", "{{.NetworkSettings.Networks.bridge.IPAddress}}", container)


def links(name):
    return {link["ifname"]: link for link in json.loads(run(name, "ip", "-json", "-details", "address"))}


@pytest.fixture(autouse=True, scope="module")
def _world():
    """Servers beside those of Docker, and a container that is started after the move."""
    servers = [testhosts.Host.get(name).popen([*enter, sys.executable, "-c", SERVER, port], stdin=subprocess.DEVNULL,
                                              stdout=subprocess.PIPE, text=True)
               for name, enter, port in ((ENGINE, ["nsenter", "--net=/run/netns/side", "--"], 80),
                                         ("outside-engine", [], 9))]
    for server in servers:
        assert server.stdout.readline() == "ready\n"
    serve = "mkdir /www; echo page of after >/www/index.html; trap exit TERM; httpd -f -h /www & wait"
    docker(ENGINE, "run", "--detach", "--name=after", "--publish=8081:80", "busybox", "sh", "-c", serve)
    yield
    docker(ENGINE, "rm", "--force", "after")
    for server in servers:
        server.kill()
        server.wait()
        server.stdout.close()


@pytest.mark.parametrize("name", [ENGINE, HANDED])
def test_the_daemon_is_on_bridge0_and_no_docker0_is_left(name):
    found = links(name)
    assert "docker0" not in found
    assert [entry["local"] for entry in found["bridge0"]["addr_info"] if entry["family"] == "inet"] == ["192.168.5.1"]
    assert found["bridge0"]["mtu"] == (1400 if name == ENGINE else 1500)
    rules = "".join(run(name, program) for program in ("iptables-save", "ip6tables-save"))
    assert "-s 172.17.0.0/16" not in rules and "FORWARD -o docker0" not in rules


@pytest.mark.parametrize("name", [ENGINE, HANDED])
def test_keys_of_others_are_kept(name):
    keys = json.loads(testhosts.Host.get(name).path("/etc/docker/daemon.json").read_text())
    assert list(keys)[:3] == ["data-root", "cgroup-parent", "bridge"]
    assert (keys["data-root"], keys["cgroup-parent"], keys["bridge"]) == ("/tmp/docker", "/docker", "bridge0")
    assert "bip" not in keys  # which dockerd refuses beside bridge


def test_a_container_from_before_runs_on_the_new_bridge():
    assert docker(ENGINE, "inspect", "--format", "{{.State.Running}}", "before") == "true"
    assert address(ENGINE, "before").startswith("192.168.5.")
    assert links(ENGINE)["bridge0"]["operstate"] == "UP"
    assert page(ADDRESS[ENGINE], 8080) == "page of before"


def test_a_container_from_after_does_as_well():
    assert address(ENGINE, "after").startswith("192.168.5.")
    assert page(ADDRESS[ENGINE], 8081) == "page of after"
    assert "mtu 1400" in docker(ENGINE, "exec", "after", "ip", "address", "show", "eth0")


def test_our_published_ports_are_beside_those_of_docker():
    assert page(ADDRESS[ENGINE], 9090) == f"seen as {OUTSIDE}"
    assert page(ADDRESS[ENGINE], 9091) == "page of plain"
    assert page(ADDRESS[ENGINE], 9092) == ""


def test_containers_of_a_bridge_without_icc_do_not_reach_each_other():
    for source, target in (("after", "before"), ("before", "after")):
        assert page(address(ENGINE, target), 80, ENGINE, source) == ""
        assert page(ADDRESS[ENGINE], 9090, ENGINE, source).startswith("seen as ")


def test_the_host_reaches_them():
    assert page(address(ENGINE, "before"), 80, ENGINE) == "page of before"
    assert page("127.0.0.1", 8081, ENGINE) == "page of after"


def test_containers_of_both_reach_the_outside_as_the_host():
    for container in ("before", "after", "plain"):
        assert page(OUTSIDE, 9, ENGINE, container) == f"seen as {ADDRESS[ENGINE]}"


@pytest.mark.parametrize("container", ["before", "after"])
def test_containers_have_the_dns_options(container):
    lines = docker(ENGINE, "exec", container, "cat", "/etc/resolv.conf").splitlines()
    assert sorted(line for line in lines if not line.startswith("#")) == ["nameserver 192.0.2.53", "search example.com"]


def test_a_daemon_without_rules_has_its_ports_from_the_document():
    assert page(ADDRESS[HANDED], 8080) == "page of shop"
    assert page(address(HANDED, "shop"), 80, HANDED) == "page of shop"
    assert page(address(HANDED, "shop"), 80, HANDED, "store") == ""
    assert page(address(HANDED, "store"), 80, HANDED, "shop") == ""
    assert page(OUTSIDE, 9, HANDED, "store") == f"seen as {ADDRESS[HANDED]}"


def test_ports_work_after_a_restart_of_the_daemon():
    """The last of those about the daemon. Docker starts again only what says so."""
    docker(ENGINE, "update", "--restart=always", "before", "after")
    run(ENGINE, "systemctl", "restart", "docker.service")
    assert docker(ENGINE, "inspect", "--format", "{{.State.Running}}", "before", "after").split() == ["true", "true"]
    assert page(ADDRESS[ENGINE], 8080) == "page of before"
    assert page(ADDRESS[ENGINE], 8081) == "page of after"
    assert page(ADDRESS[ENGINE], 9090) == f"seen as {OUTSIDE}"
    assert page(address(ENGINE, "after"), 80, ENGINE, "before") == ""
    assert "docker0" not in links(ENGINE)


def test_the_network_that_the_hosts_are_in_is_untouched():
    picture = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "network").read_text()
    now = []
    for command in ("ip address", "ip route", "iptables-save", "ip6tables-save", "sysctl net.ipv4.ip_forward"):
        written = subprocess.run(command.split(), stdout=subprocess.PIPE, text=True, check=True).stdout
        now += [line for line in written.splitlines() if not line.startswith("#")]
    assert "lo:" in picture and now == picture.splitlines()
