# SPDX-License-Identifier: GPL-3.0-or-later
"""What the document in the inventory has made of the host: as tools see it, and as connections meet it."""
import json
import subprocess
import sys

import pytest

import testhosts

testinfra_hosts = ["testhost://mooring-default"]

HOST, OUTSIDE = "192.0.2.2", "192.0.2.1"

# Answers with the address that it saw; a second argument makes it UDP.
SERVER = """
import socket, sys
tcp = len(sys.argv) == 2
server = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("0.0.0.0", int(sys.argv[1])))
if tcp:
    server.listen()
print("ready", flush=True)
while True:
    if tcp:
        connection, client = server.accept()
        connection.sendall(client[0].encode())
        connection.close()
    else:
        _text, client = server.recvfrom(100)
        server.sendto(client[0].encode(), client)
"""
CLIENT = """
import socket, sys
client = socket.socket(socket.AF_INET, socket.SOCK_STREAM if len(sys.argv) == 3 else socket.SOCK_DGRAM)
client.settimeout(1)
try:
    client.connect((sys.argv[1], int(sys.argv[2])))
    client.send(b"?")
    print(client.recv(100).decode())
except ConnectionRefusedError:
    print("refused")
except TimeoutError:
    print("no answer")
"""


def place(name):
    """A test host, and what enters the container of that name when it is one."""
    if name in ("host", "outside"):
        return testhosts.Host.get({"host": "mooring-default", "outside": "outside-default"}[name]), []
    return testhosts.Host.get("mooring-default"), ["nsenter", f"--net=/run/netns/{name}", "--"]


@pytest.fixture(autouse=True, scope="module")
def _servers():
    wanted = [("web", 80), ("web", 443), ("db", 5432), ("db", 5433), ("cache", 53, "udp"), ("cache", 7001),
              ("cache", 7003), ("outside", 9)]
    servers = []
    for name, *arguments in wanted:
        host, enter = place(name)
        servers.append(host.popen([*enter, sys.executable, "-c", SERVER, *arguments], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, text=True))
    for server in servers:
        assert server.stdout.readline() == "ready\n"
    yield
    for server in servers:
        server.kill()
        server.wait()
        server.stdout.close()


def ask(name, address, port, *udp):
    """What a server answers: the address that it saw."""
    host, enter = place(name)
    return host.run([*enter, sys.executable, "-c", CLIENT, address, port, *udp]).stdout.strip()


def interface(host, name, netns=None):
    prefix = f"nsenter --net=/run/netns/{netns} " if netns else ""
    return json.loads(host.check_output(f"{prefix}ip -json -details address show dev {name}"))[0]


def addresses(link):
    return [f"{found['local']}/{found['prefixlen']}" for found in link["addr_info"] if found["family"] == "inet"]


def test_the_bridges_are_up_with_their_addresses(host):
    for name, address, mtu in (("bridge0", "192.168.5.1/24", 1500), ("bridge1", "192.168.6.1/24", 1400)):
        link = interface(host, name)
        assert "UP" in link["flags"]
        assert addresses(link) == [address]
        assert link["mtu"] == mtu


def test_the_containers_have_addresses_and_one_default_route(host):
    assert addresses(interface(host, "eth0", "web")) == ["192.168.5.2/24"]
    assert addresses(interface(host, "eth0", "db")) == ["192.168.5.20/24"]
    assert addresses(interface(host, "eth1", "web")) == ["192.168.6.2/24"]
    assert interface(host, "eth0", "cache")["mtu"] == 1400
    routes = json.loads(host.check_output("nsenter --net=/run/netns/web ip -json route show default"))
    assert [(route["gateway"], route["dev"]) for route in routes] == [("192.168.5.1", "eth0")]


def test_a_container_that_is_absent_was_not_made(host):
    assert not host.file("/run/netns/gone").exists


def test_the_host_forwards(host):
    assert host.sysctl("net.ipv4.ip_forward") == 1


def test_published_ports_answer_the_outside():
    assert ask("outside", HOST, 8080) == OUTSIDE
    assert ask("outside", HOST, 7001) == OUTSIDE
    assert ask("outside", HOST, 53, "udp") == OUTSIDE


def test_published_ports_answer_the_host():
    assert ask("host", "127.0.0.1", 8080) == "192.168.5.1"
    assert ask("host", HOST, 8080) in ("192.168.5.1", HOST)


def test_published_ports_answer_containers():
    assert ask("web", HOST, 8080)
    assert ask("db", HOST, 8080) not in ("refused", "no answer")


def test_a_port_of_the_loopback_is_for_the_host_alone():
    assert ask("host", "127.0.0.1", 49153) == "192.168.5.1"
    assert ask("outside", HOST, 49153) == "refused"


def test_what_is_not_published_is_closed():
    assert ask("outside", HOST, 7003) == "refused"
    assert ask("outside", "192.168.5.2", 80) == "no answer"
    assert ask("outside", "192.168.5.20", 5432) == "no answer"


def test_a_link_opens_the_exposed_port_and_nothing_else():
    assert ask("web", "192.168.5.20", 5432) == "192.168.5.2"
    assert ask("web", "192.168.5.20", 5433) == "no answer"
    assert ask("db", "192.168.5.2", 80) == "no answer"


def test_bridges_are_isolated_from_each_other():
    assert ask("cache", "192.168.5.20", 5432) == "no answer"


def test_containers_of_a_bridge_with_icc_talk_to_each_other():
    assert ask("web", "192.168.6.3", 7003) == "192.168.6.2"


def test_containers_reach_the_outside_as_the_host():
    assert ask("web", OUTSIDE, 9) == HOST
    assert ask("cache", OUTSIDE, 9) == HOST


def test_containers_have_names(host):
    assert host.check_output("ip netns exec web getent hosts database").split() == ["192.168.5.20", "database", "db"]
    assert host.check_output("ip netns exec web cat /etc/hostname") == "web"
    assert "192.168.5.2\tweb.example.com web" in host.file("/etc/netns/web/hosts").content_string
    assert "nameserver 192.168.5.1\n" in host.file("/etc/netns/web/resolv.conf").content_string
    assert host.file("/etc/netns/db/resolv.conf").contains("nameserver")
