# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports of containers on a bridge that is routed: open at the container's own address."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.operations import RestoreTable
from ansible_collections.mooring.net.plugins.module_utils._internal.host.operations import ConntrackFlush
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.model import Socket
from world import World, picture


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge("plain", "10.30.0.1/24", fixed_cidr_v6="2001:db8:30::/64", gateway_mode="routed")
    found.attach("web", "db", bridge="plain", exposed_ports=["80", "53/udp"])
    return found


OPEN = ["10.30.0.2:80->10.30.0.2:80/tcp", "[2001:db8:30::2]:80->[2001:db8:30::2]:80/tcp"]


def test_ports_open_and_close(world: World) -> None:
    before = picture(world.state, sysctls=False)
    assert world.publish("web", "80") == OPEN
    assert world.run("port_publish", netns="web", published_ports=["80"]).operations == ()
    assert world.info()["published_ports"] == [f"web {text}" for text in OPEN] and world.info()["drift"] == []
    assert not any("route_localnet" in name for _netns, name in world.state.sysctls)
    world.run("port_publish", netns="web", state="absent")
    assert picture(world.state, sysctls=False) == before


def test_one_port_more_touches_one_chain(world: World) -> None:
    world.publish("web", "80")
    plan = world.run("port_publish", config=[{"netns": "web", "published_ports": ["80", "81"]}])
    changed = [(op.family, op.table, [c.name for c in op.chains]) for op in plan.operations
               if isinstance(op, RestoreTable)]
    assert [(family, table, len(names)) for family, table, names in changed] == [
        ("ipv4", "filter", 1), ("ipv6", "filter", 1)]
    assert changed[0][2] == ["MOORING-AT-10.30.0.0"]


def test_no_host_port_is_in_the_way(world: World) -> None:
    world.bridge("nat", "10.40.0.1/24")
    world.attach("app", bridge="nat")
    world.state.sockets = (Socket("tcp", "0.0.0.0", 81, "nginx (pid 12)"),)
    world.publish("app", "80:80")
    assert len(world.publish("web", "80", "81")) == len(world.publish("db", "80", "81")) == 4
    assert world.publish("app", "80:80", "5432:80") and world.info()["drift"] == []


def test_all_exposed_ports(world: World) -> None:
    found = world.run("port_publish", netns="web", publish_all_ports=True).after[0]
    assert [(port["host_ip"], port["host_port"], port["protocol"]) for port in found["ports"]] == [
        ("10.30.0.2", 53, "udp"), ("10.30.0.2", 80, "tcp"), ("2001:db8:30::2", 53, "udp"),
        ("2001:db8:30::2", 80, "tcp")]


def test_a_host_port_is_refused_before_anything_is_touched(world: World) -> None:
    message = world.refuses("port_publish", config=[{"netns": "db", "published_ports": ["80"]},
                                                    {"netns": "web", "published_ports": ["8080:80"]}])
    assert message.startswith("config[1] (netns web): published_ports: '8080:80/tcp' has the host port 8080, and web "
                              "is reached at its own")
    assert "::1, from which" in world.refuses("port_publish", netns="web", published_ports=["[::1]::80"])


def test_check_mode_goes_on_where_an_earlier_task_would_change_the_mode(world: World) -> None:
    plan = world.check("port_publish", config=[{"netns": "db", "published_ports": ["80"]},
                                               {"netns": "web", "published_ports": ["8080:80"]}])
    assert [each.task for each in plan.assumed] == ["changes the gateway mode of the bridge of container web"]
    assert plan.assumed[0].problem.startswith("published_ports: '8080:80/tcp' has the host port")
    assert [len(item["ports"]) for item in plan.after] == [2, 0] and plan.warnings == ()


def test_ports_follow_their_container(world: World) -> None:
    world.publish("web", "80")
    world.attach("web", address="10.30.0.77", address_v6="2001:db8:30::77")
    assert world.info()["published_ports"] == ["web 10.30.0.77:80->10.30.0.77:80/tcp",
                                               "web [2001:db8:30::77]:80->[2001:db8:30::77]:80/tcp"]
    world.bridge("plain", "10.31.0.1/24")
    assert world.info()["published_ports"][0] == "web 10.31.0.77:80->10.31.0.77:80/tcp"
    world.run("netns_attach", netns="web", state="absent")
    assert world.info()["published_ports"] == []


def test_an_open_port_closes_before_its_address_has_a_new_holder(world: World) -> None:
    world.publish("web", "80")
    world.host.end_namespace("/run/netns/web")
    del world.state.named["web"]
    plan = world.run("netns_attach", netns="new", address="10.30.0.2")
    first = plan.operations[0]
    assert (first.family, first.table) == ("ipv4", "filter")
    [closed] = [change for change in first.chains if change.name == "MOORING-AT-10.30.0.0"]
    assert "ACCEPT" in str(closed.before) and "ACCEPT" not in str(closed.after), "noted, and closed"
    assert [text for text in world.info()["published_ports"] if "10.30.0.2" in text] == []


def test_udp_clients_of_a_port_that_closes_are_forgotten(world: World) -> None:
    world.publish("web", "53/udp", "80")
    plan = world.run("port_publish", netns="web", published_ports=["80"])
    found = [operation for operation in plan.operations if isinstance(operation, ConntrackFlush)]
    assert [(op.family, op.ports, op.inward) for op in found] == [
        ("ipv4", (), (("10.30.0.2", 53, 53),)), ("ipv6", (), (("2001:db8:30::2", 53, 53),))]
    assert found[0].describe() == "forget tracked connections of udp to 10.30.0.2"


def test_a_link_counts_open_ports_as_exposed(world: World) -> None:
    world.publish("db", "5432")
    world.run("icc_policy", bridge="plain", icc=False)
    found = world.run("icc_policy", netns="web", links=["db"]).after[0]["links"]
    assert {(link["address"], link["ports"]) for link in found} >= {("10.30.0.3", "5432"), ("2001:db8:30::3", "5432")}


def test_one_family_is_translated_and_the_other_is_not(world: World) -> None:
    world.bridge("mixed", "10.40.0.1/24", fixed_cidr_v6="2001:db8:40::/64", gateway_mode_v6="routed")
    world.attach("app", bridge="mixed")
    assert world.publish("app", "8080:80", "443") == [
        "0.0.0.0:8080->10.40.0.2:80/tcp", "0.0.0.0:49153->10.40.0.2:443/tcp",
        "[2001:db8:40::2]:80->[2001:db8:40::2]:80/tcp", "[2001:db8:40::2]:443->[2001:db8:40::2]:443/tcp"]
    assert world.run("port_publish", netns="app", published_ports=["8080:80", "443"]).operations == ()
    assert world.publish("app", "8080:80", allow_from=["10.0.0.0/8"]) == [
        "0.0.0.0:8080->10.40.0.2:80/tcp from 10.0.0.0/8"]
