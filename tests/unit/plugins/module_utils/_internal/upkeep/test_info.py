# SPDX-License-Identifier: GPL-3.0-or-later
"""What network_info says of a host."""
from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import ObservedTable
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from world import World, picture


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge()
    found.bridge("br1", "192.168.6.1/24")
    found.attach("web", "db", bridge="br0", exposed_ports=["5432"])
    found.run("netns_attach", netns="app", bridge="br1")
    found.publish("web", "8080:80")
    found.link("web", "db:database")
    found.run("veth_pair", name="A", peer={"name": "B"})
    return found


def test_a_fresh_host_has_nothing() -> None:
    assert {key: value for key, value in World().info().items() if value} == {}


def test_everything(world: World) -> None:
    found = world.info()
    assert [bridge["name"] for bridge in found["bridges"]] == ["br0", "br1"]
    assert [endpoint["container"] for endpoint in found["endpoints"]] == ["app", "db", "web"]
    assert found["endpoints"][2]["published_ports"] == ["0.0.0.0:8080->192.168.5.2:80/tcp"]
    assert found["endpoints"][2]["links"] == ["db:database"]
    assert found["bridges"][0]["endpoints"] == ["db", "web"]
    assert (found["veth_pairs"][0], sorted(found["namespaces"])) == ("A", ["app", "db", "web"])
    assert (found["drift"], found["leftovers"]) == ([], [])


def test_one_bridge_or_one_container(world: World) -> None:
    assert [e["container"] for e in world.info(bridge="br1")["endpoints"]] == ["app"]
    assert [b["name"] for b in world.info(container="db")["bridges"]] == ["br0"]
    assert world.info(container="db")["published_ports"] == []
    assert world.info(container="nobody")["endpoints"] == []


def test_asking_changes_nothing(world: World) -> None:
    before = picture(world.state)
    plan = world.run("network_info", config=[{"bridge": "br0"}, {"container": "web"}])
    assert plan.operations == () and len(plan.after) == 2 and picture(world.state) == before


def test_flushed_rules_are_drift_and_the_next_run_repairs_them(world: World) -> None:
    before = picture(world.state)
    for key, table in world.state.tables.items():
        world.state.tables[key] = ObservedTable(table.chains, ())
    world.state.tables["ipv4", "raw"] = ObservedTable()
    drift = world.info()["drift"]
    assert drift == ["repair rules of br0 and br1 (somebody removed them)"]
    world.bridge("br0", None)
    assert picture(world.state) == before and world.info()["drift"] == []


def test_leftovers(world: World) -> None:
    world.host.end_namespace("/run/netns/web")
    world.state.named["web"] = dataclasses.replace(world.state.named["web"], inode=0)
    assert world.info()["leftovers"] == [
        "published port web 0.0.0.0:8080->192.168.5.2:80/tcp: web is not attached",
        "link web link db:database 192.168.5.2->192.168.5.3:5432/tcp: one of its containers is not attached",
        "/run/netns/web: leads nowhere"]
    world.run("netns_attach", netns="web", state="absent")
    assert world.info()["leftovers"] == []


def test_ports_and_neighbours_as_values(world: World) -> None:
    links = world.state.host.links
    links["docker0"] = Link("docker0", "bridge", 70, addresses=("172.17.0.1/16",))
    links["veth1"] = Link("veth1", "veth", 71, up=True, controller="docker0")
    links["vnet0"] = Link("vnet0", "tun", 72, up=True, controller="br0")
    found = world.info()
    assert found["ports"] == [{
        "container": "web", "bridge": "br0", "host_ip": "0.0.0.0", "interface": "", "host_port": 8080,
        "container_ip": "192.168.5.2", "container_port": 80, "protocol": "tcp", "count": 1, "allow_from": []}]
    assert [bridge["other_ports"] for bridge in found["bridges"]] == [["vnet0"], []]
    assert found["other_bridges"] == [
        {"name": "docker0", "addresses": ["172.17.0.1/16"], "mtu": 1500, "up": False, "ports": ["veth1"]}]
    assert [(end["container"], end["engine"], end["mac_address"]) for end in found["endpoints"]] == [
        ("app", "netns", "02:42:c0:a8:06:02"), ("db", "netns", "02:42:c0:a8:05:03"),
        ("web", "netns", "02:42:c0:a8:05:02")]
    assert [(end["name"], end["interface"], end["bridge"]) for end in found["veth_ends"]] == [
        ("A", "A", ""), ("A", "B", "")]


def test_the_mac_address_is_the_one_that_the_container_has(world: World) -> None:
    inside = world.state.namespaces["/run/netns/web"].links
    inside["eth0"] = dataclasses.replace(inside["eth0"], mac="02:00:00:00:00:09")
    assert world.info(container="web")["endpoints"][0]["mac_address"] == "02:00:00:00:00:09"


def test_one_question_has_the_ports_of_its_container_only(world: World) -> None:
    world.publish("db", "5432:5432")
    assert [port["container"] for port in world.info(container="db")["ports"]] == ["db"]
    assert world.info(container="db")["other_bridges"] == world.info(container="db")["veth_ends"] == []


def test_the_engine_of_a_container(world: World) -> None:
    world.start("shop")
    world.run("netns_attach", container="shop", bridge="br0")
    world.run("container_dns", container="shop")
    assert [end["engine"] for end in world.info(container="shop")["endpoints"]] == ["docker"]
