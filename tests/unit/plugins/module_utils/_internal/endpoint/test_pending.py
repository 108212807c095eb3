# SPDX-License-Identifier: GPL-3.0-or-later
"""What is under way inside of a container is told by its end on the host, and completed or taken back by any run."""
from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.names import ALIAS_LENGTH
from ansible_collections.mooring.net.plugins.module_utils._internal.host.endpoints import Endpoint, endpoints
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST, NamedNetns, named_path
from world import Failed, World


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge("front", "192.168.5.1/24", bip6="2001:db8:5::1/64")
    found.attach("web", "shop", bridge="front")
    found.publish("web", "8080:80")
    return found


def lease(world: World, name: str = "web") -> Endpoint:
    return next(each for each in endpoints(world.state) if each.container == name)


def inner(world: World, name: str = "web") -> Link:
    link = world.inner(name)
    return dataclasses.replace(link, addresses=tuple(sorted(link.addresses)))


def default_route(world: World, name: str = "web", family: str = "ipv4") -> str:
    found = world.state.namespaces[named_path(name)].default_route(family)
    return found.gateway if found else ""


def kill(world: World, after: str, module: str, /, **given: Any) -> None:
    """Run a task, and kill it after the last operation that is described like this."""
    operations = world.check(module, **given).plan.operations
    number = max(number for number, each in enumerate(operations, 1) if after in each.describe())
    world.host.execute(operations[:number])


def something_else(world: World) -> None:
    world.run("netns_attach", netns="nobody", state="absent")


@pytest.mark.parametrize("given", [{"address": "192.168.5.77"}, {"address_v6": "2001:db8:5::77"}, {"mtu": "1400"}])
def test_a_killed_change_of_one_container_is_taken_back_by_any_task(world: World, given: dict[str, Any]) -> None:
    before, inside = lease(world), inner(world)
    kill(world, "in web", "netns_attach", netns="web", **given)
    assert inner(world) != inside and lease(world).pending
    assert any("pending" in each or " in web" in each for each in world.info()["drift"])
    something_else(world)
    assert inner(world) == inside and lease(world) == before
    assert "web 0.0.0.0:8080->192.168.5.2:80/tcp" in world.info()["published_ports"]
    assert world.info()["drift"] == []


@pytest.mark.parametrize("given", [{"bip": "192.168.5.9/24"}, {"bip": "10.9.0.1/24"}, {"mtu": "1400"},
                                   {"default_gateway": "192.168.5.254"}, {"internal": True, "force": True}])
def test_a_killed_change_of_a_bridge_is_taken_back_by_any_task(world: World, given: dict[str, Any]) -> None:
    before, inside, routes = lease(world, "shop"), inner(world, "shop"), default_route(world, "shop")
    ports = world.info()["published_ports"]
    kill(world, "in shop", "docker_bridge", name="front", **given)
    something_else(world)
    assert world.info()["published_ports"] == ports
    assert (inner(world, "shop"), lease(world, "shop"), default_route(world, "shop")) == (inside, before, routes)
    assert world.info()["drift"] == []


def test_a_container_without_a_default_route_has_none_once_it_is_taken_back(world: World) -> None:
    world.run("netns_attach", netns="shop", default_route=False)
    kill(world, "in shop", "docker_bridge", name="front", bip="10.9.0.1/24")
    something_else(world)
    assert default_route(world, "shop") == ""


@pytest.mark.parametrize("given", [{"mtu": "1400"}, {"default_gateway": "192.168.5.254"}, {"bip": "10.9.0.1/24"}])
def test_who_could_not_follow_a_bridge_follows_with_the_next_run(world: World, given: dict[str, Any]) -> None:
    path, entry = named_path("shop"), world.state.named["shop"]
    away = world.state.namespaces.pop(path)
    world.state.named["shop"] = NamedNetns(0, own=True)
    with pytest.raises(Failed, match="cannot be reached"):
        world.run("docker_bridge", name="front", **given)
    world.state.namespaces[path], world.state.named["shop"] = away, entry
    something_else(world)
    bridge = world.state.host.links["front"]
    assert world.inner("shop").mtu == lease(world, "shop").link.mtu == bridge.mtu
    gateway = given.get("default_gateway", given.get("bip", "192.168.5.1/24").partition("/")[0])
    assert default_route(world, "shop") == gateway
    assert lease(world, "shop").pending == () and world.info()["drift"] == []


def test_a_changed_default_gateway_is_followed_and_one_of_the_containers_own_stays(world: World) -> None:
    world.run("netns_attach", netns="shop", gateway="192.168.5.77")
    world.bridge("front", None, default_gateway="192.168.5.254")
    assert (default_route(world), default_route(world, "shop")) == ("192.168.5.254", "192.168.5.77")
    world.bridge("front", None, default_gateway_v6="2001:db8:5::fe")
    assert default_route(world, "web", "ipv6") == "2001:db8:5::fe"


def test_where_there_is_no_room_for_all_of_it_there_is_for_less(world: World) -> None:
    ports = [f"{port}" for port in range(20001, 20032, 2)]
    world.run("netns_attach", netns="web", exposed_ports=ports)
    assert ALIAS_LENGTH - 30 < len(lease(world).mark.text) <= ALIAS_LENGTH
    kill(world, "in web", "docker_bridge", name="front", mtu="1400")
    assert lease(world).pending == ("mtu",)
    something_else(world)
    assert world.inner("web").mtu == 1500 and lease(world).pending == ()


def test_a_mark_that_says_nothing_of_it_is_read_as_before(world: World) -> None:
    found = lease(world)
    assert found.pending == () and "pending" not in found.mark.text
    with_it = dataclasses.replace(found, pending=("10.9.0.2/24", "mtu"))
    assert "pending=10.9.0.2/24,mtu" in with_it.mark.text and with_it.given("ipv4") == ["192.168.5.2/24", "10.9.0.2/24"]
    assert HOST not in with_it.reads.namespaces
