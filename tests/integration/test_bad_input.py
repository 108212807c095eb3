# SPDX-License-Identifier: GPL-3.0-or-later
"""What wrong options get: a message with the option, the value, what is wrong and what would be right; nothing else."""
import subprocess
import sys

import pytest
import testhosts
from plays import play, task
from worlds import picture

LISTEN = "import socket, sys; s = socket.create_server(('0.0.0.0', 9090)); print('up', flush=True); sys.stdin.read()"
BRIDGE = {"name": "br0", "bip": "10.5.0.1/24"}
LONG = "a" * 16

# A task with a wrong option, and parts of the message that it gets, in order.
WRONG = [
    (("docker_bridge", {"name": "br1", "bip": "10.6.0.300/24"}), ["bip: '10.6.0.300/24'", "192.168.5.1/24"]),
    (("docker_bridge", {"name": "br1", "bip": "10.6.0.1"}),
     ["bip: '10.6.0.1' lacks a prefix length", "192.168.5.1/24"]),
    (("docker_bridge", {"name": "br1", "bip": "10.6.0.0/24"}),
     ["bip: '10.6.0.0/24' is the address of the network itself", "10.6.0.1/24"]),
    (("docker_bridge", {"name": "br1", "bip": "192.0.2.99/25"}),
     ["bip: '192.0.2.99/25' overlaps the route to 192.0.2.0/24 of interface eth0", "allow_overlap: true"]),
    (("docker_bridge", {"name": "br1", "bip": "10.6.0.1/24", "fixed_cidr": "10.7.0.0/25"}),
     ["fixed_cidr: '10.7.0.0/25' is not inside 10.6.0.0/24"]),
    (("docker_bridge", {"name": LONG, "bip": "10.6.0.1/24"}),
     [f"name: '{LONG}' has 16 characters and the kernel allows 15", "shorter"]),
    (("docker_bridge", {"name": "br1", "bip": "10.6.0.1/24", "mtu": "big"}), ["mtu: 'big' is not an MTU", "65535"]),
    (("docker_bridge", {"name": "eth0"}), ["name: 'eth0' is an interface of kind veth, not a bridge", "another name"]),
    (("docker_bridge", {"name": "foreign"}), ["name: 'foreign' is a bridge that somebody else made", "adopt: true"]),
    (("docker_bridge", {"name": "br0", "state": "absent"}), ["br0 has 1 endpoint", "web", "force: true"]),
    (("docker_bridge", {"config": [{"name": "br1"}, {"name": "br1"}]}), ["bridge br1 stands twice"]),
    (("docker_bridge", {"config": [{"name": "br1"}, {"nam": "br2"}]}), ["config[1]", "nam"]),
    (("docker_bridge", {"bip": "10.6.0.1/24"}), ["name: not given"]),
    (("netns_attach", {"netns": "db", "bridge": "br0", "address": "10.6.0.9"}),
     ["address: '10.6.0.9' is not in 10.5.0.0/24, the subnet of bridge br0"]),
    (("netns_attach", {"netns": "db", "bridge": "br0", "address": "10.5.0.20"}),
     ["address: '10.5.0.20' is taken by container web"]),
    (("netns_attach", {"netns": "db", "bridge": "br0", "address": "10.5.0.1"}),
     ["address: '10.5.0.1' is taken by bridge br0"]),
    (("netns_attach", {"netns": "db", "bridge": "br0", "address": "ten"}), ["address: 'ten' is not an IP address"]),
    (("netns_attach", {"container": "nobody", "bridge": "br0"}),
     ["container: 'nobody' is not a running container", "docker", "podman", "netns, pid or netns_path"]),
    (("netns_attach", {"pid": 4194000, "bridge": "br0"}), ["pid: ", "4194000", "is not a running process"]),
    (("netns_attach", {"pid": 0, "bridge": "br0"}), ["pid: '0' is not the number of a process"]),
    (("netns_attach", {"netns": "db", "bridge": "br0", "create_netns": False}),
     ["netns: 'db' does not exist", "ip netns add db"]),
    (("netns_attach", {"netns_path": "/run/netns/db", "bridge": "br0"}),
     ["netns_path: '/run/netns/db' does not exist"]),
    (("netns_attach", {"netns": "db", "bridge": "br0", "interface_name": LONG}),
     [f"interface_name: '{LONG}' has 16 characters and the kernel allows 15"]),
    (("netns_attach", {"netns": "db", "bridge": "br7"}), ["bridge br7 does not exist", "docker_bridge"]),
    (("netns_attach", {"netns": "db", "pid": 1}),
     ["pid and netns are given together, and only one of them can name the container"]),
    (("netns_attach", {"bridge": "br0"}), ["no container is named"]),
    (("port_publish", {"container": "web", "published_ports": ["0:80"]}),
     ["published_ports: '0:80' has port 0", "Leave the host port out"]),
    (("port_publish", {"container": "web", "published_ports": ["65536:80"]}), ["published_ports: '65536:80'", "65535"]),
    (("port_publish", {"container": "web", "published_ports": ["8081:80/tpc"]}),
     ["published_ports: '8081:80/tpc'", "tpc", "tcp"]),
    (("port_publish", {"container": "web", "published_ports": ["8080-8082:80-81"]}),
     ["published_ports: '8080-8082:80-81'", "has 3 host port(s)"]),
    (("port_publish", {"container": "other", "published_ports": ["8080:80"]}),
     ["published_ports: '8080:80", "8080/tcp", "is already published by container web"]),
    (("port_publish", {"container": "web", "published_ports": ["9090:80"]}),
     ["published_ports: '9090:80", "9090/tcp", "is in use by python", "pid "]),
    (("port_publish", {"container": "web"}), ["published_ports: not given"]),
    (("port_publish", {"container": "nobody", "published_ports": ["8099:80"]}), ["nobody", "not a running container"]),
    (("port_publish", {"container": "web", "published_ports": ["8099:80"], "allow_from": ["10.0.0.1/8"]}),
     ["allow_from: '10.0.0.1/8'", "10.0.0.0/8"]),
    (("icc_policy", {"bridge": "foreign", "icc": False}),
     ["bridge: 'foreign' is not a bridge that this collection manages", "adopt"]),
    (("icc_policy", {"container": "web", "links": ["nobody:x"]}), ["nobody", "netns_attach first"]),
    (("icc_policy", {"container": "web", "links": ["other:not..a"]}), ["links: 'other:not..a'", "host name"]),
    (("veth_pair", {"name": "a", "peer": {"name": "a"}}), ["peer.name: 'a' is the name of both ends"]),
    (("veth_pair", {"name": "eth0", "peer": {"name": "b"}}), ["name: 'eth0' exists and is not an end of this pair"]),
    (("veth_pair", {"name": "a", "addresses": ["10.9.0.1"], "peer": {"name": "b"}}),
     ["addresses: '10.9.0.1' lacks a prefix length"]),
    (("veth_pair", {"name": "a", "peer": {"name": "b", "netns": "nowhere"}}), ["namespace nowhere does not exist"]),
    (("docker_bridge", {"name": "br1", "bip": "10.6.0.1/24", "ipv6": True}), ["ipv6: 'True' needs a network", "bip6"]),
    (("container_dns", {"netns": "web", "hostname": "a_b"}), ["hostname: 'a_b' is not a host name (RFC 1123)"]),
    (("container_dns", {"netns": "web", "dns_servers": ["192.0.2.1\nsearch evil"]}),
     ["dns_servers: '192.0.2.1\\nsearch evil' is not an IP address", "host-gateway"]),
    (("container_dns", {"netns": "web", "dns_search_domains": [".", "example.com"]}),
     ["dns_search_domains: '., example.com' has '.'", "Give '.' alone"]),
    (("container_dns", {"netns": "web", "etc_hosts": {"x": "y"}}), ["etc_hosts: 'y' is not an IP address"]),
    (("container_dns", {"netns": "nowhere"}), ["there is no namespace nowhere", "netns_attach"]),
    (("container_dns", {"netns_path": "/proc/1/ns/net"}), ["netns_path: '/proc/1/ns/net' is not below /run/netns"]),
    (("container_dns", {"pid": 1}), ["pid: '1' cannot get a hosts: /proc/1/root/etc/hosts is the host's own file"]),
    (("container_dns", {"container": "nobody"}), ["container: 'nobody' is not a running container", "docker"]),
    (("container_dns", {"netns": "web", "hosts_template": "{% raw %}{{ nobody }}{% endraw %}"}),
     ["hosts_template: '{{ nobody }}' cannot be rendered", "'nobody' is undefined", "Known are addresses"]),
    # What YAML makes of 53:53, no, 1.10 and 10:20:30:40:50:59.
    (("port_publish", {"container": "web", "published_ports": [3233]}),
     ["published_ports[0]: '3233' is a number and no text", "53:53", "quotes"]),
    (("port_publish", {"container": "web", "published_ports": 3233}),
     ["published_ports: '3233' is a number and no list", "53:53", "quotes"]),
    (("port_publish", {"config": [{"container": "web", "published_ports": ["80:80", 3233]}]}),
     ["config[0] (container web): published_ports[1]: '3233' is a number", "53:53", "quotes"]),
    (("netns_attach", {"netns": False, "bridge": "br0"}), ["netns: 'False' is a truth value and no text", "quotes"]),
    (("netns_attach", {"netns": "db", "bridge": "br0", "mac_address": 8041827059}),
     ["mac_address: '8041827059' is a number", "10:20:30:40:50:59", "quotes"]),
    (("host_network", {"networks": [{"name": 1.1, "bip": "10.6.0.1/24"}]}),
     ["networks[0].name: '1.1' is a number", "1.10", "quotes"]),
    (("host_network", {"networks": [{"name": "br0", "containers": [{"name": "web", "links": [620]}]}]}),
     ["networks[0] (br0): containers[0] (web): links[0]: '620' is a number", "10:20", "quotes"]),
    (("veth_pair", {"name": "a", "peer": 5}), ["peer: '5' is no dictionary"]),
    (("netns_attach", {"netns": "db", "bridge": "br0", "tx_queue_len": "inf"}),
     ["tx_queue_len: 'inf' is no whole number", "decimal digits"]),
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """All wrong tasks on one host, in one run of Ansible."""
    with testhosts.Host.up("bad-input") as host, testhosts.Host.up("bad-input-outside") as outside:
        testhosts.link(host, "eth0", ["192.0.2.1/24"], outside, "eth0", ["192.0.2.2/24"])
        host.run(["ip", "link", "add", "foreign", "type", "bridge"])
        right = [task("a bridge", "docker_bridge", **BRIDGE),
                 task("another", "docker_bridge", name="br2", bip="10.8.0.1/24"),
                 task("web", "netns_attach", netns="web", bridge="br0", address="10.5.0.20"),
                 task("other", "netns_attach", netns="other", bridge="br2"),
                 task("a port", "port_publish", container="web", published_ports=["8080:80"])]
        wrong = [task(f"{number}", module, **options) for number, ((module, options), _parts) in enumerate(WRONG)]
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with host.popen([sys.executable, "-c", LISTEN], **streams) as server:
            assert server.stdout.readline() == "up\n"
            found = play(tmp_path_factory.mktemp("bad"), host, [*right, *wrong])
            server.communicate("")
        assert {outcome.status for outcome in found[:len(right)]} == {"changed"}
        yield found[len(right) - 1].picture, found[len(right):]


@pytest.mark.parametrize("number", range(len(WRONG)), ids=lambda number: f"{number}-{WRONG[number][0][0]}")
def test_a_wrong_option_is_explained_and_nothing_is_touched(outcomes, number):
    before, found = outcomes
    outcome, (wrong, parts) = found[number], WRONG[number]
    assert outcome.status == "failed", f"{wrong} was accepted: {outcome.result}"
    place = 0
    for part in parts:
        assert part in outcome.message[place:], f"{part!r} is missing in: {outcome.message}"
        place = outcome.message.index(part, place)
    assert "Traceback" not in outcome.message and "should be reported" not in outcome.message
    assert outcome.picture == before


def test_without_root_the_message_says_become(new_host, tmp_path):
    found, = play(tmp_path, new_host(), [task("as nobody", "docker_bridge", **BRIDGE, _become=True,
                                              _become_user="nobody", _become_method="su",
                                              _become_flags="-s /bin/sh")])
    assert found.status == "failed" and "root" in found.message and "become: true" in found.message, found.message


def test_without_pyroute2_the_message_names_the_package(new_host, tmp_path):
    host = new_host()
    before = picture(host)
    found, = play(tmp_path, host, [task("without", "docker_bridge", **BRIDGE,
                                        _vars={"ansible_python_interpreter": "/usr/bin/python3"})])
    assert found.status == "failed"
    assert all(part in found.message for part in ("pyroute2", "python3-pyroute2", "/usr/bin/python3")), found.message
    assert found.picture == before


def test_another_interpreter_that_has_pyroute2_is_found(new_host, tmp_path):
    host = new_host()
    program = host.path("/usr/local/bin/python3")
    program.unlink(missing_ok=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    variables = {"ansible_python_interpreter": "/usr/bin/python3"}
    found = play(tmp_path, host, [task("check", "docker_bridge", check=True, **BRIDGE, _vars=variables),
                                  task("apply", "docker_bridge", **BRIDGE, _vars=variables),
                                  task("again", "docker_bridge", **BRIDGE, _vars=variables)])
    assert [outcome.status for outcome in found] == ["changed", "changed", "ok"], [o.message for o in found]


def test_without_iptables_the_message_names_the_package(new_host, tmp_path):
    host = new_host()
    host.run(["sh", "-c", "rm /usr/sbin/iptables* /usr/sbin/ip6tables*"])
    found = play(tmp_path, host, [task("rules", "docker_bridge", **BRIDGE),
                                  task("no rules", "docker_bridge", **BRIDGE, iptables=False, ip6tables=False)])
    assert found[0].status == "failed"
    assert all(part in found[0].message for part in ("br0", "install the package iptables", "iptables: false"))
    assert found[1].status == "changed", found[1].message


def test_without_ipv6_the_message_says_so(new_host, tmp_path):
    host = new_host()
    host.run(["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"])
    found = play(tmp_path, host, [
        task("ipv6", "docker_bridge", **BRIDGE, bip6="2001:db8:5::1/64"), task("ipv4", "docker_bridge", **BRIDGE),
        task("a container", "netns_attach", netns="web"), task("again", "netns_attach", netns="web")])
    assert found[0].status == "failed"
    assert "IPv6 is disabled on this host (net.ipv6.conf.all.disable_ipv6 is 1)" in found[0].message
    assert [outcome.status for outcome in found[1:]] == ["changed", "changed", "ok"]
