# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces that a container engine made: taken over with their addresses, never changed inside, given back."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.link.addressing import AddrAdd
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link, Route
from ansible_collections.mooring.net.plugins.module_utils._internal.link.operations import LinkAdd, LinkSet, Peer
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST, named_path
from world import Failed, World, picture


def start(world: World, container: str, address: str = "192.168.5.130/24", bridge: str = "br0") -> str:
    """The engine starts a container on a bridge; the name of the host's end."""
    return connect(world, world.start(container), "eth0", address, bridge)


def connect(world: World, path: str, interface: str, address: str, bridge: str) -> str:
    """The engine gives a container an interface on a bridge; the name of the host's end."""
    outer = Link(f"vethd{world.state.namespaces[path].inode}{interface}"[:15], "veth", controller=bridge, up=True)
    for operation in (LinkAdd(HOST, outer, Peer(path, interface)), AddrAdd(path, interface, address)):
        world.host.carry_out(operation)
    inner = world.state.namespaces[path].links[interface]
    world.host.carry_out(LinkSet(path, inner, replace(inner, up=True)))
    world.host.settle()
    return outer.name


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge()
    return found


def test_the_mark_and_hairpin_mode_are_all_that_changes(world: World) -> None:
    name = start(world, "shop")
    plan = world.run("netns_attach", container="shop", adopt=True, exposed_ports=["80"])
    assert plan.steps == ["register /proc/1001/ns/net as namespace shop",
                            f"set {name}: hairpin on (was off), and record its settings"]
    assert world.state.host.links[name].alias == (
        "mooring:endpoint:shop:if=eth0 ip=192.168.5.130/24 expose=80/tcp adopted=plain")
    assert (plan.after[0]["address"], plan.after[0]["adopted"]) == ("192.168.5.130/24", True)
    assert world.run("netns_attach", container="shop", adopt=True).operations == ()
    assert world.run("netns_attach", container="shop").operations == (), "adopted once, it needs no second word"


def test_its_ports_are_published_and_its_links_open(world: World) -> None:
    start(world, "shop")
    world.run("netns_attach", container="shop", adopt=True, exposed_ports=["80"])
    world.attach("web")
    plan = world.run("port_publish", container="shop", published_ports=["8080:80"])
    assert plan.after[0]["published_ports"] == ["0.0.0.0:8080->192.168.5.130:80/tcp"]
    plan = world.link("web", "shop:store")
    assert [link["address"] for link in plan.after[0]["links"]] == ["192.168.5.130"]


def test_its_ports_are_where_its_engine_leads_its_default_route(world: World) -> None:
    world.bridge("br1", "192.168.6.1/24")
    start(world, "shop")
    path = f"/proc/{world.engine['shop']}/ns/net"
    connect(world, path, "eth1", "192.168.6.130/24", "br1")
    here = world.state.namespaces[path]
    here.routes.append(Route("default", "eth1", "192.168.6.1"))
    networks = [{"name": name, "containers": [
        {"name": "shop", "container": "shop", "interface_name": interface, "adopt": True}]}
        for name, interface in (("br0", "eth0"), ("br1", "eth1"))]
    shop = networks[0]["containers"][0]
    with pytest.raises(Failed, match="8080:80/tcp' is to lead to shop on br0, and its IPv4 leaves by eth1 on br1"):
        world.document([{**networks[0], "containers": [{**shop, "published_ports": ["8080:80"]}]}, networks[1]])
    networks[1]["containers"][0]["published_ports"] = ["8080:80"]
    world.document(networks)
    assert world.info()["published_ports"] == ["shop 0.0.0.0:8080->192.168.6.130:80/tcp"]
    assert world.document(networks).operations == ()
    here.routes = [replace(route, interface="eth0", gateway="192.168.5.1") if route.destination == "default" else route
                   for route in here.routes]
    world.bridge()
    assert world.info()["published_ports"] == ["shop 0.0.0.0:8080->192.168.5.130:80/tcp"]
    assert [route.interface for route in here.routes if route.destination == "default"] == ["eth0"]


def test_it_is_given_back_as_it_was(world: World) -> None:
    name = start(world, "shop")
    before = picture(world.state)
    world.run("netns_attach", container="shop", adopt=True)
    world.run("port_publish", container="shop", published_ports=["8080:80"])
    world.run("netns_attach", container="shop", state="absent")
    after = picture(world.state)
    assert (after["links"], after["named"]) == (before["links"], before["named"])
    assert world.info()["published_ports"] == []
    # A daemon without its proxy sets hairpin mode itself, and keeps it.
    outer = world.state.host.links[name]
    world.host.carry_out(LinkSet(HOST, outer, replace(outer, hairpin=True)))
    world.run("netns_attach", container="shop", adopt=True)
    world.run("netns_attach", container="shop", state="absent")
    assert (world.state.host.links[name].hairpin, world.state.host.links[name].alias) == (True, "")


def test_a_bridge_that_is_removed_by_force_leaves_the_engine_its_interface(world: World) -> None:
    name = start(world, "shop")
    world.run("netns_attach", container="shop", adopt=True)
    world.attach("web")
    world.run("docker_bridge", name="br0", state="absent", force=True)
    left = world.state.host.links[name]
    assert (left.alias, left.controller) == ("", "")
    assert not [link for link in world.state.host.links.values() if link.mark]


def test_a_restart_ends_it_and_the_next_run_takes_the_new_one_over(world: World) -> None:
    start(world, "shop")
    world.run("netns_attach", container="shop", adopt=True)
    world.run("port_publish", container="shop", published_ports=["8080:80"])
    start(world, "shop", "192.168.5.131/24")
    assert "say adopt: true" in world.refuses("netns_attach", container="shop")
    world.run("netns_attach", container="shop", adopt=True)
    assert world.info()["published_ports"] == ["shop 0.0.0.0:8080->192.168.5.131:80/tcp"]


def test_a_container_without_an_interface_gets_one(world: World) -> None:
    world.start("quiet")
    plan = world.run("netns_attach", container="quiet", adopt=True)
    assert (plan.after[0]["address"], plan.after[0]["adopted"]) == ("192.168.5.2/24", False)
    assert world.run("netns_attach", container="quiet", adopt=True).operations == ()


def test_its_address_is_nobody_elses(world: World) -> None:
    start(world, "shop", "192.168.5.2/24")
    plan = world.run("netns_attach", config=[{"netns": "web"}, {"container": "shop", "adopt": True}])
    assert [item["address"] for item in plan.after] == ["192.168.5.3/24", "192.168.5.2/24"]
    start(world, "late", "192.168.5.3/24")
    assert world.refuses("netns_attach", container="late", adopt=True) == (
        "adopt: container late got the address 192.168.5.3 from its engine, and container web got it from this "
        "collection. Let "
        "them take theirs from different parts of the subnet: fixed_cidr of docker_bridge, and fixed-cidr of the "
        "engine.")


def test_it_stays_when_the_bridge_changes(world: World) -> None:
    start(world, "shop")
    world.run("netns_attach", container="shop", adopt=True)
    plan = world.bridge(bip="192.168.5.9/24", mtu="1400")
    assert not any("shop" in action or "veth" in action for action in plan.steps)


@pytest.mark.parametrize("given, message", [
    ({"mtu": "1400", "gateway": "192.168.5.9"}, "gateway, mtu: given for shop, whose eth0 its engine made"),
    ({"address": "192.168.5.7"}, "address: '192.168.5.7' is not what the engine gave to shop (192.168.5.130/24)"),
    ({"address_v6": "2001:db8::7"}, "address_v6: '2001:db8::7' is not what the engine gave to shop (none)"),
    ({"exposed_ports": [str(port) for port in range(1000, 1200, 2)]}, "exposed_ports: '1000/tcp, 1002/tcp, "),
    ({"bridge": "br1"}, "bridge: 'br1' is not where interface eth0 of shop is, which is on br0"),
])
def test_it_stays_as_the_engine_made_it(world: World, given: dict[str, Any], message: str) -> None:
    world.bridge("br1", "192.168.6.1/24")
    start(world, "shop")
    assert world.refuses("netns_attach", container="shop", adopt=True, **given).startswith(message)
    same = {"address": "192.168.5.130", "bridge": "br0"}
    assert world.run("netns_attach", container="shop", adopt=True, **same).operations


def test_what_is_on_no_bridge_of_ours_is_left_alone(world: World) -> None:
    world.state.host.links["docker0"] = Link("docker0", "bridge", 77, up=True)
    start(world, "shop", "172.17.0.2/16", "docker0")
    assert world.refuses("netns_attach", container="shop", adopt=True).startswith(
        "adopt: 'True' is not possible: interface eth0 of shop is on docker0, which this collection does not manage. "
        "Take the bridge")


def test_an_endpoint_is_not_another_containers_too(world: World) -> None:
    world.attach("web")
    message = world.refuses("netns_attach", netns_path=named_path("web"), name="thief", adopt=True)
    assert "interface eth0 of thief belongs to container web already" in message


@pytest.mark.parametrize("isolated", [False, True])
def test_its_port_is_isolated_as_it_was_when_it_is_given_back(world: World, isolated: bool) -> None:
    name = start(world, "shop")
    outer = world.state.host.links[name]
    world.host.carry_out(LinkSet(HOST, outer, replace(outer, isolated=isolated)))
    for icc in (False, True, False):
        world.run("icc_policy", bridge="br0", icc=icc)
        world.run("netns_attach", container="shop", adopt=True)
        assert world.state.host.links[name].isolated is (isolated or not icc)
    world.run("netns_attach", container="shop", state="absent")
    assert world.state.host.links[name].isolated is isolated
