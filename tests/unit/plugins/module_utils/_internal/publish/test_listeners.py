# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of the host that listen on ports which are published already: who is named, and where."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.host.sockets import from_endpoints
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.model import Claim, Publication, Socket
from ansible_collections.mooring.net.plugins.module_utils._internal.publish.conflicts import occupied_by
from ansible_collections.mooring.net.plugins.module_utils._internal.publish.listeners import find_listeners
from world import World

WEB = Publication("web", "0.0.0.0", 8080, "192.168.5.2", 80, "tcp")
LOCAL = Publication("db", "127.0.0.1", 5432, "192.168.5.3", 5432, "tcp")
ONE = Publication("dns", "192.0.2.10", 53, "192.168.5.4", 53, "udp")
RANGE = Publication("ftp", "0.0.0.0", 6000, "192.168.5.5", 6000, "tcp", 11)
WEB6 = Publication("web", "::", 8080, "2001:db8::2", 80, "tcp")
SCTP = Publication("sig", "0.0.0.0", 3868, "192.168.5.6", 3868, "sctp")
OPEN = Publication("own", "192.168.6.2", 8081, "192.168.6.2", 8081, "tcp")
ALL = (WEB, LOCAL, ONE, RANGE, WEB6, SCTP, OPEN)


def named(socket: Socket) -> list[str]:
    """Containers and host addresses whose port a socket is behind."""
    sentences = list(find_listeners([socket], ALL, occupied_by(())))
    return [f"{p.container} {p.host_ip}" for p in ALL if any(
        f"published for {p.container} ({p.text})" in sentence for sentence in sentences)]


@pytest.mark.parametrize(("socket", "found"), [
    (Socket("tcp", "0.0.0.0", 8080, "nginx (pid 7)"), ["web 0.0.0.0"]),
    (Socket("tcp", "127.0.0.1", 8080, ""), ["web 0.0.0.0"]), (Socket("udp", "0.0.0.0", 8080, ""), []),
    (Socket("tcp", "::", 8080, "", dual_stack=True), ["web 0.0.0.0", "web ::"]),
    (Socket("tcp", "::", 8080, ""), ["web ::"]), (Socket("tcp", "::ffff:192.0.2.10", 8080, ""), ["web 0.0.0.0"]),
    (Socket("tcp", "fe80::1%ens3", 8080, ""), ["web ::"]), (Socket("tcp", "0.0.0.0", 5432, ""), ["db 127.0.0.1"]),
    (Socket("tcp", "192.0.2.10", 5432, ""), []), (Socket("udp", "192.0.2.11", 53, ""), []),
    (Socket("udp", "192.0.2.10", 53, ""), ["dns 192.0.2.10"]), (Socket("udp", "0.0.0.0", 53, ""), ["dns 192.0.2.10"]),
    (Socket("tcp", "0.0.0.0", 6000, ""), ["ftp 0.0.0.0"]), (Socket("tcp", "0.0.0.0", 6010, ""), ["ftp 0.0.0.0"]),
    (Socket("tcp", "0.0.0.0", 6011, ""), []), (Socket("tcp", "0.0.0.0", 5999, ""), []),
    (Socket("sctp", "0.0.0.0", 3868, ""), ["sig 0.0.0.0"]), (Socket("tcp", "0.0.0.0", 8081, ""), [])])
def test_who_listens_behind_which_port(socket: Socket, found: list[str]) -> None:
    assert named(socket) == found


def test_what_is_said() -> None:
    one = Socket("tcp", "0.0.0.0", 8080, "nginx (pid 7)")
    assert list(find_listeners([one, one], [WEB], occupied_by(()))) == [
        "nginx (pid 7) listens on 0.0.0.0:8080/tcp of the host, which is published for web "
        "(0.0.0.0:8080->192.168.5.2:80/tcp): such connections go to web and never reach it. Stop it or let it listen "
        "elsewhere, or publish another host port"]
    [loopback] = find_listeners([Socket("tcp", "::1", 8080, "")], ALL, occupied_by(()))
    assert loopback.startswith("a process of the host listens on [::1]:8080/tcp of the host, which is published for "
                               "web ([::]:8080->[2001:db8::2]:80/tcp): only what is sent to ::1 itself reaches it.")
    proxy = Socket("tcp", "0.0.0.0", 8080, "docker-proxy (pid 9)")
    [docker] = find_listeners([proxy], [WEB], occupied_by(()))
    assert docker.startswith("docker-proxy (pid 9), which publishes ports of containers of Docker, listens on")
    claim = Claim("ipv4", "nat", "DOCKER", "0.0.0.0", ((8080, 8080),), "tcp", "172.17.0.2:80")
    assert not list(find_listeners([proxy], [WEB], occupied_by([claim])))


def test_runs_and_network_info_name_it_and_it_is_no_drift() -> None:
    world = World()
    world.bridge(fixed_cidr_v6="2001:db8:5::/64")
    world.attach("web", "db")
    world.publish("web", "8080:80")
    world.publish("db", "5432:5432")
    world.state.sockets = (Socket("tcp", "::", 8080, "nginx (pid 7)", dual_stack=True),)
    again = world.run("port_publish", netns="web", published_ports=["8080:80"])
    assert again.operations == () and len(again.warnings) == 2
    assert all(each.startswith("nginx (pid 7) listens on [::]:8080/tcp") for each in again.warnings)
    assert not world.run("port_publish", netns="db", published_ports=["5432:5432"]).warnings
    info = world.info()
    assert info["obstacles"] == list(again.warnings) and info["drift"] == []
    assert world.info(container="db")["obstacles"] == []
    document = [{"name": "br0", "containers": [{"name": "web", "published_ports": ["8080:80"]}]}]
    assert set(again.warnings) <= set(world.document(document).warnings)


EPS = """\
 ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS
ffff8880046 ffff88800 2   10  29   3868      0 19321 0.0.0.0
ffff8880047 ffff88801 1   7   30   3869      0 19322 127.0.0.1
ffff8880048 ffff88802 2   10  31   3870      0 19323 192.0.2.10 2001:0db8:0000:0000:0000:0000:0000:0001
ffff8880049 ffff88803 2   10  32   3871      0 19324 0000:0000:0000:0000:0000:0000:0000:0000
"""


def test_endpoints_of_sctp() -> None:
    assert from_endpoints(EPS) == [
        ("sctp", "0.0.0.0", 3868, "19321", False), ("sctp", "192.0.2.10", 3870, "19323", False),
        ("sctp", "2001:db8::1", 3870, "19323", False), ("sctp", "::", 3871, "19324", True)]
    assert from_endpoints("") == []
