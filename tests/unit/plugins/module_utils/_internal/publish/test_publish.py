# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports of containers; the choice of host ports has tests of its own under ports/."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.core.plan import Assumption, Plan
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.operations import RestoreTable
from ansible_collections.mooring.net.plugins.module_utils._internal.host.operations import ConntrackFlush
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST, named_path
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.model import Socket
from world import World, desired, picture


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge()
    found.attach("web", "db", exposed_ports=["80", "53/udp"])
    return found


@pytest.mark.parametrize(("options", "message"), [
    ({}, "published_ports: not given. Say which ports (an empty list for none), or publish_all_ports: true"),
    ({"published_ports": ["0:80"]}, "published_ports: '0:80' has port 0 as a host port. Leave the host"),
    ({"published_ports": ["8080:0"]}, "published_ports: '8080:0' has port 0 as a container port. Use a port from 1 to"),
    ({"published_ports": ["65536:80"]}, "published_ports: '65536:80' has the host port 65536, above the highest port"),
    ({"published_ports": ["80:80/icmp"]}, "published_ports: '80:80/icmp' has the unknown protocol 'icmp'"),
    ({"published_ports": ["lo:80:80"]}, "published_ports: 'lo:80:80' has 'lo' as its host address, which is the"),
    ({"published_ports": ["1-3:1-4"]}, "published_ports: '1-3:1-4' has 3 host port(s), 1-3, for 4 container ports"),
    ({"published_ports": [], "default_host_ip": "lo"}, "default_host_ip: 'lo' is the loopback: 127.0.0.1 is its"),
    ({"published_ports": [], "default_host_ip": "fe80::1%a"}, "default_host_ip: 'fe80::1%a' is link-local, so that"),
    ({"published_ports": [], "allow_from": ["10.0.0.1/8"]}, "allow_from: '10.0.0.1/8' has bits set behind its prefix"),
    ({"published_ports": [], "dynamic_port_range": "9-1"}, "dynamic_port_range: '9-1' has the dynamic ports 9-1"),
    ({"publish_all_ports": True, "exposed_ports": ["x"]}, "exposed_ports: 'x' has 'x' as a container port"),
])
def test_a_wrong_option(options: dict, message: str) -> None:
    with pytest.raises(MooringError) as caught:
        desired("port_publish", {"netns": "web", **options})
    assert str(caught.value).startswith(message)


def test_ports_open_and_close(world: World) -> None:
    before = picture(world.state, sysctls=False)
    assert world.publish("web", "8080:80", "127.0.0.1::443", "7000-7002:8000-8002/udp") == [
        "0.0.0.0:7000-7002->192.168.5.2:8000-8002/udp", "0.0.0.0:8080->192.168.5.2:80/tcp",
        "127.0.0.1:49153->192.168.5.2:443/tcp"]
    assert world.publish("web", "8080:80") == ["0.0.0.0:8080->192.168.5.2:80/tcp"]
    assert world.run("port_publish", netns="web", state="absent").after[0]["published_ports"] == []
    assert picture(world.state, sysctls=False) == before
    assert world.run("port_publish", netns="web", state="absent").operations == ()


def test_a_dynamic_port_stays(world: World) -> None:
    world.publish("db", "80")
    first = world.publish("web", "80")
    world.publish("db")
    assert world.run("port_publish", netns="web", published_ports=["80"]).operations == ()
    assert first[0] in world.publish("web", "80", "81")


def test_all_exposed_ports(world: World) -> None:
    found = world.run("port_publish", netns="web", published_ports=["8080:80"], publish_all_ports=True).after[0]
    assert found["published_ports"] == ["0.0.0.0:8080->192.168.5.2:80/tcp", "0.0.0.0:49153->192.168.5.2:53/udp"] or set(
        found["published_ports"]) == {"0.0.0.0:8080->192.168.5.2:80/tcp", "0.0.0.0:49153->192.168.5.2:53/udp"}


def test_a_port_of_another_container(world: World) -> None:
    world.publish("web", "8080:80")
    assert world.refuses("port_publish", netns="db", published_ports=["127.0.0.1:8080:80"]) == (
        "published_ports: '127.0.0.1:8080:80/tcp' asks for host port 8080/tcp, which is already published by container "
        "web (0.0.0.0:8080->192.168.5.2:80/tcp). Choose another host port, or leave it out to have one chosen.")


def test_a_port_that_an_earlier_task_would_free_is_no_error_in_check_mode(world: World) -> None:
    world.publish("web", "8080:80")
    plan = world.check("port_publish", netns="db", published_ports=["8080:80"])
    assert [assumption.task for assumption in plan.assumed] == [
        "closes port 0.0.0.0:8080->192.168.5.2:80/tcp of container web"]
    assert [assumption.problem.partition(". ")[0] for assumption in plan.assumed] == [
        "published_ports: '8080:80/tcp' asks for host port 8080/tcp, which is already published by container web "
        "(0.0.0.0:8080->192.168.5.2:80/tcp)"]
    items = [{"netns": name, "published_ports": ["8080:80"]} for name in ("web", "db")]
    with pytest.raises(MooringError, match=r"^config\[1\] \(netns db\): .* already published by container web"):
        world.check("port_publish", config=items)


def test_a_port_of_a_process(world: World) -> None:
    world.state.sockets = (Socket("tcp", "0.0.0.0", 8080, "nginx (pid 12)"),)
    message = world.refuses("port_publish", netns="web", published_ports=["8080:80"])
    assert "is in use by nginx (pid 12), which listens on 0.0.0.0:8080" in message
    assert world.publish("web", "8080:80/udp")


@pytest.mark.parametrize("turned", [False, True])
def test_ports_change_hands_in_one_task(world: World, turned: bool) -> None:
    world.publish("web", "8080:80")
    items = [{"netns": "web", "published_ports": ["8081:80"]}, {"netns": "db", "published_ports": ["8080:80"]}]
    plan = world.run("port_publish", config=items[::-1] if turned else items)
    assert sorted(port for item in plan.after for port in item["published_ports"]) == [
        "0.0.0.0:8080->192.168.5.3:80/tcp", "0.0.0.0:8081->192.168.5.2:80/tcp"]


def test_a_port_of_a_container_that_goes_in_the_same_task(world: World) -> None:
    world.publish("web", "8080:80")
    items = [{"netns": "db", "published_ports": ["8080:80"]}, {"netns": "web", "state": "absent"}]
    plan = world.run("port_publish", config=items)
    assert [item["published_ports"] for item in plan.after] == [["0.0.0.0:8080->192.168.5.3:80/tcp"], []]


def test_a_container_that_is_nowhere(world: World) -> None:
    message = "container app is on no bridge that this collection manages: attach it with netns_attach first"
    assert world.refuses("port_publish", netns="app", published_ports=["80"]) == f"{message}."
    plan = world.check("port_publish", netns="app", published_ports=["8080:80"])
    assert plan.assumed == (Assumption(message, "attaches container app", "app"),)
    assert plan.after[0]["published_ports"] == ["0.0.0.0:8080->(known after apply):80/tcp"]
    assert "is not a running container (docker says: no such container" in world.refuses(
        "port_publish", container="app", published_ports=["80"])


def test_a_bridge_without_rules(world: World) -> None:
    world.bridge("br1", "192.168.6.1/24", iptables=False)
    world.run("netns_attach", netns="app", bridge="br1")
    assert world.refuses("port_publish", netns="app", published_ports=["80"]).startswith(
        "ports of app cannot be published: it is on bridge br1, which has iptables: false. Say iptables: true")


def test_a_bridge_without_ipv4_rules_publishes_what_names_ipv6(world: World) -> None:
    world.bridge("br1", "192.168.6.1/24", fixed_cidr_v6="2001:db8:6::/64", iptables=False)
    world.run("netns_attach", netns="app", bridge="br1")
    assert world.publish("app", "[::]:8080:80") == ["[::]:8080->[2001:db8:6::2]:80/tcp"]
    for ports in (["8081:80"], ["[::]:8080:80", "192.0.2.10:8081:80"]):
        assert world.refuses("port_publish", netns="app", published_ports=ports).startswith(
            "ports of app cannot be published: it is on bridge br1, which has iptables: false. Say iptables: true")


def test_a_bridge_without_ipv6_rules_publishes_ipv4_only(world: World) -> None:
    """Also where another bridge has such rules, whose chains would take them in."""
    for name, number, switch in (("br1", 6, False), ("br2", 7, True)):
        world.bridge(name, f"192.168.{number}.1/24", fixed_cidr_v6=f"2001:db8:{number}::/64", ip6tables=switch)
    world.run("netns_attach", netns="app", bridge="br1")
    assert world.publish("app", "8080:80") == ["0.0.0.0:8080->192.168.6.2:80/tcp"]
    message = "ports of app cannot be published: it is on bridge br1, which has ip6tables: false. Say ip6tables: true"
    for options in ({"published_ports": ["[2001:db8::1]:8081:80"]},
                    {"published_ports": ["8081:80"], "default_host_ip": "[2001:db8::1]"}):
        assert world.refuses("port_publish", netns="app", **options).startswith(message)
    world.bridge("br1", None, ip6tables=True)
    assert world.publish("app", "8080:80")[1:] == ["[::]:8080->[2001:db8:6::2]:80/tcp"]
    assert world.refuses("docker_bridge", name="br1", ip6tables=False).startswith(
        "ip6tables: 'False' would close 1 published ports and links of br1 (app [::]:8080->")
    world.bridge("br1", None, ip6tables=False, force=True)
    assert world.info()["published_ports"] == ["app 0.0.0.0:8080->192.168.6.2:80/tcp"]


def test_both_families(world: World) -> None:
    world.bridge("br1", "192.168.6.1/24", fixed_cidr_v6="2001:db8:6::/64")
    world.run("netns_attach", netns="web", bridge="br1")
    assert world.publish("web", "8080:80") == [
        "0.0.0.0:8080->192.168.6.2:80/tcp", "[::]:8080->[2001:db8:6::2]:80/tcp"]
    assert "has no IPv6 address" in world.refuses("port_publish", netns="db", published_ports=["[2001:db8::1]:9:9"])
    assert "cannot be published on ::1" in world.refuses("port_publish", netns="db", published_ports=["[::1]:9:9"])


def test_loopback_needs_route_localnet(world: World) -> None:
    plan = world.run("port_publish", netns="web", published_ports=["192.0.2.10:8080:80"])
    assert not any("route_localnet" in action for action in plan.steps)
    plan = world.run("port_publish", netns="web", published_ports=["127.0.0.1:8080:80"])
    assert "set net.ipv4.conf.br0.route_localnet to 1 (was 0)" in plan.steps
    assert world.state.sysctls[HOST, "net/ipv4/conf/br0/route_localnet"] == "1"


LOCALNET = "net/ipv4/conf/br0/route_localnet"
OFF = "set net.ipv4.conf.br0.route_localnet to 0 (was 1)"


@pytest.mark.parametrize("port", ["127.0.0.1:8080:80", "127.7.0.1:8080:80", "8080:80"])
def test_without_a_port_by_the_loopback_there_is_no_route_localnet(world: World, port: str) -> None:
    world.run("port_publish", netns="web", published_ports=[port, "127.0.0.1:8081:81"])
    assert OFF not in world.run("port_publish", netns="web", published_ports=[port]).steps
    plan = world.run("port_publish", netns="web", published_ports=["192.0.2.10:8080:80"])
    assert OFF in plan.steps and world.state.sysctls[HOST, LOCALNET] == "0"
    assert world.run("network_info").after[0]["drift"] == []


def test_it_stays_for_a_container_that_may_come_back(world: World) -> None:
    world.run("port_publish", netns="web", published_ports=["127.0.0.1:8080:80"])
    world.host.end_namespace(named_path("web"))
    assert OFF not in world.bridge("br1", "10.1.0.1/24").steps
    assert OFF in world.run("port_publish", container="web", state="absent").steps


def test_it_ends_where_somebody_else_has_switched_it_on(world: World) -> None:
    world.state.sysctls[HOST, LOCALNET] = "1"
    assert world.run("network_info").after[0]["drift"] == [OFF]
    assert world.bridge("br0", None).steps == [OFF]


def test_a_new_bridge_does_not_begin_with_it(world: World) -> None:
    world.state.sysctls[HOST, "net/ipv4/conf/default/route_localnet"] = "1"
    assert "set net.ipv4.conf.br1.route_localnet to 0" in world.bridge("br1", "10.1.0.1/24").steps


@pytest.mark.parametrize("options", [{"adopt": True}, {"adopt": True, "iptables": False}])
def test_it_is_left_alone_where_others_may_need_it(world: World, options: Mapping[str, bool]) -> None:
    world.state.host.links["theirs"] = Link("theirs", "bridge", 50, up=True, addresses=("10.50.0.1/24",))
    world.state.sysctls[HOST, "net/ipv4/conf/theirs/route_localnet"] = "1"
    world.run("docker_bridge", name="theirs", **options)
    assert world.state.sysctls[HOST, "net/ipv4/conf/theirs/route_localnet"] == ("1" if len(options) == 1 else "0")


def test_sources(world: World) -> None:
    options = {"netns": "web", "published_ports": ["8080:80"], "allow_from": ["192.0.2.0/24", "10.0.0.0/8"]}
    plan = world.run("port_publish", **options)
    assert plan.after[0]["ports"][0]["allow_from"] == ["10.0.0.0/8", "192.0.2.0/24"]
    assert world.run("port_publish", **options).operations == ()


def test_old_connections_are_forgotten(world: World) -> None:
    world.publish("web", "53:53/udp", "8080:80")
    plan = world.run("port_publish", netns="web", published_ports=["54:53/udp"])
    flush = [operation for operation in plan.operations if isinstance(operation, ConntrackFlush)]
    local = ("192.0.2.10", "192.168.5.1")
    assert flush == [ConntrackFlush("ipv4", (("udp", 53, 53), ("udp", 54, 54)), (), local)]
    plan = world.run("port_publish", netns="web", state="absent")
    assert ConntrackFlush("ipv4", (("udp", 54, 54),), ("192.168.5.2",), local) in plan.operations
    assert plan.operations[-1].describe().startswith("forget tracked connections of udp port 54")


def test_hundreds_of_containers_in_one_task(world: World) -> None:
    names = [f"c{number}" for number in range(200)]
    world.attach(*names)
    plan = world.run("port_publish", config=[{"netns": name, "published_ports": [f"{10000 + number}:80", "443"]}
                                             for number, name in enumerate(names)])
    ports = [port["host_port"] for item in plan.after for port in item["ports"]]
    assert len(set(ports)) == 400
    assert sorted(port for port in ports if port >= 49153) == list(range(49153, 49353))


@pytest.mark.parametrize(("protocol", "destination", "port", "replier", "concerned"), [
    ("udp", "192.0.2.10", 53, "192.168.5.2", True),  # translated
    ("udp", "192.0.2.10", 53, "192.0.2.10", True),  # since before the port was published
    ("udp", "127.0.0.53", 53, "127.0.0.53", True),
    ("udp", "9.9.9.9", 53, "9.9.9.9", False),  # what containers ask the world passes by
    ("udp", "192.0.2.10", 54, "192.0.2.10", False),
    ("tcp", "192.0.2.10", 53, "192.0.2.10", False),
    ("tcp", "192.0.2.10", 8080, "192.168.5.9", True),  # a container that is gone
    ("tcp", "192.168.5.9", 8080, "192.168.5.9", False),  # whoever has its address now
    ("udp", "10.30.0.77", 80, "10.30.0.77", True),  # a container that was reached directly
    ("udp", "10.30.0.77", 79, "10.30.0.77", False),
    ("udp", "10.31.0.77", 80, "10.31.0.77", False),
    ("tcp", "10.30.0.77", 80, "10.30.0.77", False),
])
def test_which_connections_are_forgotten(protocol: str, destination: str, port: int, replier: str,
                                         concerned: bool) -> None:
    flush = ConntrackFlush("ipv4", (("udp", 52, 53),), ("192.168.5.9",), ("192.0.2.10", "192.168.5.1"),
                           (("10.30.0.0/24", 80, 90),), ("10.40.0.0/24",))
    assert flush.concerns(protocol, destination, port, replier, "10.41.0.2") is concerned
    assert flush.concerns(protocol, destination, port, replier, "10.40.0.2") is (concerned or protocol == "udp")


def restored(plan: Plan) -> list[tuple[str, str, list[str]]]:
    """Family, table and chains of each transaction of a plan."""
    return [(operation.family, operation.table, [change.name for change in operation.chains])
            for operation in plan.operations if isinstance(operation, RestoreTable)]


def test_ten_thousand_ports_are_one_transaction_and_one_more_is_one_chain(world: World) -> None:
    ports = dict.fromkeys(range(20000, 30000), 80)

    def options(change: dict[int, int]) -> dict[str, Any]:
        return {"netns": "web", "published_ports": [f"{host}:{inside}" for host, inside in {**ports, **change}.items()
                                                    if inside]}

    found = restored(world.run("port_publish", **options({})))
    assert [(family, table) for family, table, _chains in found] == [("ipv4", "nat")]
    # The top, 11 blocks of 1024 (19456 is the first, 29696 the last) and 157 of 64 (19968 to 30015).
    assert len(found[0][2]) == 1 + 11 + 157
    for port, inside in ((25000, 81), (25000, 0), (30000, 80)):  # changed, removed, added
        leaf = f"MOORING-TCP-{port - port % 64}-{port - port % 64 + 63}"
        plan = world.check("port_publish", **options({port: inside}))
        assert restored(plan) == [("ipv4", "nat", [leaf])]
        assert len(plan.operations) == 1  # no tracked connection is touched either
    assert world.check("port_publish", **options({})).operations == ()


def test_no_ports_can_be_published_where_there_are_no_rules(world: World) -> None:
    world.bridge("br1", "192.168.6.1/24", iptables=False)
    world.run("netns_attach", netns="app", bridge="br1")
    assert world.publish("app") == []


def test_what_is_published_for_nobody_is_said(world: World) -> None:
    def warnings(*ports: str, **options: Any) -> tuple[str, ...]:
        return world.run("port_publish", netns="web", published_ports=list(ports), **options).warnings

    assert warnings("192.0.2.10:80:80", "127.0.0.53:81:80", "82:80", "192.168.5.1:83:80") == ()
    assert warnings("203.0.113.9:80:80", "203.0.113.9:81:80", "224.0.0.1:53:53/udp") == (
        "ports of web are published on 203.0.113.9, which no interface of this host has: they are reached there only "
        "once one has it, or a route of type local",
        "ports of web are published on 224.0.0.1, which no interface of this host has: they are reached there only "
        "once one has it, or a route of type local")
    assert warnings("80:80", allow_from=["2001:db8::/32"]) == (
        "allow_from: web has no address of the family of 2001:db8::/32, so its ports are open to nobody",)
    assert warnings("80:80", allow_from=["2001:db8::/32", "192.0.2.0/24"]) == ()
    assert warnings(allow_from=["2001:db8::/32"]) == ()
