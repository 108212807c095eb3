# SPDX-License-Identifier: GPL-3.0-or-later
"""Through which of its interfaces a container's default routes lead."""
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link, Route
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import named_path
from world import World


@pytest.fixture
def world() -> World:
    found = World()
    found.run("docker_bridge", config=[
        {"name": "front", "bip": "10.1.0.1/24", "bip6": "2001:db8:1::1/64"},
        {"name": "back", "bip": "10.2.0.1/24", "bip6": "2001:db8:2::1/64"}])
    return found


def eth0(**options: Any) -> dict[str, Any]:
    return {"netns": "web", "bridge": "front", **options}


def eth1(**options: Any) -> dict[str, Any]:
    return {"netns": "web", "bridge": "back", "interface_name": "eth1", **options}


def attach(world: World, *items: dict[str, Any]) -> None:
    """Attach, and see that a second run has nothing to do."""
    world.run("netns_attach", config=list(items))
    assert world.run("netns_attach", config=list(items)).operations == ()


def out(world: World, netns: str = "web") -> dict[str, str]:
    return {route.family: route.interface for route in world.state.namespaces[named_path(netns)].routes
            if route.destination == "default"}


@pytest.mark.parametrize("given", [
    {"address": "10.2.0.99"}, {"address_v6": "2001:db8:2::9"}, {"address": "10.2.0.99", "address_v6": "2001:db8:2::9"}])
def test_an_interface_with_a_given_address_does_not_take_it_from_the_first_one(
        world: World, given: dict[str, Any]) -> None:
    attach(world, eth0(), eth1(**given))
    assert out(world) == {"ipv4": "eth0", "ipv6": "eth0"}
    links = world.state.namespaces[named_path("web")].links
    assert list(links) == ["lo", "eth0", "eth1"]  # made in the order of the task as well


def test_given_addresses_are_reserved_before_others_are_chosen(world: World) -> None:
    plan = world.run("netns_attach", config=[{"netns": "first", "bridge": "front"},
                                             {"netns": "second", "bridge": "front", "address": "10.1.0.2"}])
    assert [item["address"] for item in plan.after] == ["10.1.0.3/24", "10.1.0.2/24"]


def test_the_order_of_the_task_decides_and_not_the_name(world: World) -> None:
    attach(world, eth1(), eth0())
    assert out(world) == {"ipv4": "eth1", "ipv6": "eth1"}
    attach(world, eth0(), eth1())
    assert out(world) == {"ipv4": "eth0", "ipv6": "eth0"}


def test_each_family_has_the_first_interface_with_a_gateway_of_it(world: World) -> None:
    world.bridge("old", "10.3.0.1/24")
    attach(world, {"netns": "web", "bridge": "old", "interface_name": "eth9"}, eth0(), eth1())
    assert out(world) == {"ipv4": "eth9", "ipv6": "eth0"}


def test_what_is_asked_for_comes_before_the_order(world: World) -> None:
    attach(world, eth0(), eth1(default_route=True))
    assert out(world) == {"ipv4": "eth1", "ipv6": "eth1"}
    attach(world, eth0(default_route=False), eth1())
    assert out(world) == {"ipv4": "eth1", "ipv6": "eth1"}
    attach(world, eth0(default_route=False), eth1(default_route=False))
    assert out(world) == {}


def test_one_through_an_interface_that_the_task_does_not_list_stays(world: World) -> None:
    attach(world, eth0())
    attach(world, eth1(address="10.2.0.99"))
    assert out(world) == {"ipv4": "eth0", "ipv6": "eth0"}
    here = world.state.namespaces[named_path("web")]
    here.links["tun0"] = Link("tun0", "tun", 77, up=True, addresses=("10.8.0.2/24",))
    here.routes = [route for route in here.routes if route.destination != "default"]
    here.routes.append(Route("default", "tun0", "10.8.0.1"))
    attach(world, eth0(), eth1())
    assert out(world) == {"ipv4": "tun0", "ipv6": "eth0"}


def test_two_interfaces_cannot_both_have_it(world: World) -> None:
    assert world.refuses("netns_attach", config=[eth0(default_route=True), eth1(default_route=True)]) == (
        "config[1] (netns web): default_route: 'True' is said of eth0 and eth1 of web, and there is one default route "
        "of ipv4. Say it of one of them.")


def test_two_interfaces_of_different_families_can(world: World) -> None:
    world.bridge("old", "10.3.0.1/24")
    world.bridge("front", "10.1.0.1/24", ip6tables=True)
    attach(world, {"netns": "web", "bridge": "old", "interface_name": "eth9", "default_route": True},
           eth0(default_route=False), eth1())
    assert out(world) == {"ipv4": "eth9", "ipv6": "eth1"}


def test_a_default_route_among_the_routes_of_an_interface(world: World) -> None:
    attach(world, eth0(), eth1(routes=[{"destination": "default", "gateway": "10.2.0.77"}]))
    assert Route("default", "eth1", "10.2.0.77") in world.state.namespaces[named_path("web")].routes
    assert out(world) == {"ipv4": "eth1", "ipv6": "eth0"}


def test_those_who_follow_their_bridge_keep_what_was_chosen_for_each_family(world: World) -> None:
    attach(world, eth0(), eth1())
    here = world.state.namespaces[named_path("web")]
    here.routes = [route for route in here.routes if (route.destination, route.family) != ("default", "ipv6")]
    here.routes.append(Route("default", "eth1", "2001:db8:2::77", "ipv6"))
    for name, number in (("front", 1), ("back", 2)):
        world.bridge(name, f"10.{number}.0.1/24", mtu="1400")
        assert out(world) == {"ipv4": "eth0", "ipv6": "eth1"}
    assert Route("default", "eth1", "2001:db8:2::77", "ipv6") in here.routes
    world.bridge("back", "10.5.0.1/24", mtu="1400")
    assert out(world) == {"ipv4": "eth0", "ipv6": "eth1"}


def test_those_who_follow_get_the_default_route_of_a_family_that_their_bridge_has_got() -> None:
    world = World()
    world.run("docker_bridge", config=[{"name": "front", "bip": "10.1.0.1/24"}, {"name": "back", "bip": "10.2.0.1/24"}])
    attach(world, eth0(), eth1())
    for name, number in (("back", 2), ("front", 1)):
        world.bridge(name, f"10.{number}.0.1/24", bip6=f"2001:db8:{number}::1/64")
    assert out(world) == {"ipv4": "eth0", "ipv6": "eth0"}


def test_one_interface_of_the_host_for_two_containers(world: World) -> None:
    world.run("veth_pair", name="A", peer={"name": "B"})
    assert world.refuses("netns_attach", config=[eth0(interface="B"), {
        "netns": "db", "bridge": "front", "interface": "A"}]).startswith(
            "config[1] (netns db): interface: 'A' becomes an interface of web in this task already. Name another one")
