# SPDX-License-Identifier: GPL-3.0-or-later
"""At which interface of a container its ports are published, and whose clients go round: by its routes."""
from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.core.plan import FORGET
from ansible_collections.mooring.net.plugins.module_utils._internal.host import ways
from ansible_collections.mooring.net.plugins.module_utils._internal.host.addresses import Addresses
from ansible_collections.mooring.net.plugins.module_utils._internal.host.endpoints import Endpoint
from ansible_collections.mooring.net.plugins.module_utils._internal.host.ledger import read_ledger
from ansible_collections.mooring.net.plugins.module_utils._internal.host.operations import ConntrackFlush, NetnsAdd
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link, Route
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import named_path
from ansible_collections.mooring.net.plugins.module_utils._internal.policy.model import Policy
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.detour import Detour
from ansible_collections.mooring.net.plugins.module_utils._internal.run import converge as pipeline
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.transition import meet
from world import Failed, World, desired, picture

FRONT, BACK = "10.1.0.2", "10.2.0.2"
FRONT6, BACK6 = "2001:db8:1::2", "2001:db8:2::2"


@pytest.fixture
def world() -> World:
    """A container on two bridges, whose default routes lead through the first one."""
    found = World()
    found.run("docker_bridge", config=[{"name": "front", "bip": "10.1.0.1/24", "bip6": "2001:db8:1::1/64"},
                                       {"name": "back", "bip": "10.2.0.1/24", "bip6": "2001:db8:2::1/64"}])
    attach(found)
    return found


def attach(world: World, front: Any = (), back: Any = ()) -> Any:
    return world.run("netns_attach", config=[
        {"netns": "web", "bridge": "front", **dict(front)},
        {"netns": "web", "bridge": "back", "interface_name": "eth1", **dict(back)}])


def lead(world: World, gateway: str, interface: str = "eth1", family: str = "ipv4", netns: str = "web") -> None:
    """Somebody gives the container another default route; "" takes it away."""
    here = world.state.namespaces[named_path(netns)]
    here.routes = [route for route in here.routes if (route.destination, route.family) != ("default", family)]
    if gateway:
        here.routes.append(Route("default", interface, gateway, family))


def places(world: World, container: str = "web") -> list[str]:
    """The addresses of a container that its ports lead to."""
    return sorted({p.container_ip for p in read_ledger(world.state).publications_of(container)})


def detours(world: World) -> list[str]:
    return [f"{each.source}->{each.address}" for each in read_ledger(world.state).detours]


# Those who are answered another way than they came: of the other bridge.
OF_FRONT = ["10.2.0.0/24->10.1.0.2", "2001:db8:2::/64->2001:db8:1::2"]
OF_BACK = ["10.1.0.0/24->10.2.0.2", "2001:db8:1::/64->2001:db8:2::2"]


def test_ports_lead_to_the_interface_with_the_default_route(world: World) -> None:
    world.publish("web", "8080:80")
    assert places(world) == [FRONT, FRONT6] and detours(world) == OF_FRONT
    attach(world, back={"default_route": True})
    assert places(world) == [BACK, BACK6] and detours(world) == OF_BACK
    assert world.run("port_publish", netns="web", published_ports=["8080:80"]).operations == ()


def test_each_family_goes_its_own_way(world: World) -> None:
    lead(world, "2001:db8:2::1", family="ipv6")
    world.publish("web", "8080:80")
    assert places(world) == [FRONT, BACK6] and detours(world) == [OF_FRONT[0], OF_BACK[1]]


def test_ports_follow_a_route_that_moved_between_runs(world: World) -> None:
    world.publish("web", "8080:80")
    assert world.info()["drift"] == []
    lead(world, "10.2.0.1")
    drift = world.info()["drift"]
    assert drift and places(world) == [FRONT, FRONT6]
    change = {"name": "front", "bip": "10.1.0.1/24"}
    assert world.check("docker_bridge", **change).actions == drift
    assert drift == ["lead 8080/tcp of web to 10.2.0.2 (was 10.1.0.2)"]
    world.run("docker_bridge", **change)
    assert places(world) == sorted([BACK, FRONT6]) and world.info()["drift"] == []


def test_a_route_that_is_of_no_use_leaves_ports_where_they_are_and_port_publish_takes_eth0(world: World) -> None:
    attach(world, back={"default_route": True})
    world.publish("web", "8080:80")
    everybody = ["0.0.0.0/0->10.2.0.2", OF_BACK[1]]
    lead(world, "")
    world.bridge("front", "10.1.0.1/24")
    assert places(world) == [BACK, BACK6] and detours(world) == everybody
    lead(world, "10.9.0.1", "tun0")
    assert world.run("docker_bridge", name="front", bip="10.1.0.1/24").operations == ()
    world.publish("web", "8080:80")
    assert places(world) == sorted([FRONT, BACK6])


def test_the_interface_that_has_the_default_route_goes(world: World) -> None:
    world.publish("web", "8080:80")
    world.run("netns_attach", netns="web", state="absent")
    assert places(world) == [BACK, BACK6]
    assert detours(world) == ["0.0.0.0/0->10.2.0.2", "::/0->2001:db8:2::2"]


def test_one_run_moves_the_route_and_publishes(world: World) -> None:
    networks = [{"name": name, "bip": f"10.{number}.0.1/24", "bip6": f"2001:db8:{number}::1/64", "containers": [
        {"name": "web", "interface_name": interface}]}
        for number, name, interface in ((1, "front", "eth0"), (2, "back", "eth1"))]
    networks[0]["containers"][0]["published_ports"] = ["8080:80"]
    world.document(networks)
    assert places(world) == [FRONT, FRONT6]
    networks[1]["containers"][0].update(default_route=True, published_ports=["8080:80"])
    del networks[0]["containers"][0]["published_ports"]
    shown, done = world.document(networks, False), world.document(networks)
    assert shown.steps == done.steps and places(world) == [BACK, BACK6]
    assert world.document(networks).operations == ()


def test_an_engines_container_is_found_by_the_path_that_the_run_knows() -> None:
    world = World()
    world.run("docker_bridge", config=[{"name": "front", "bip": "10.1.0.1/24"}, {"name": "back", "bip": "10.2.0.1/24"}])
    world.start("shop")
    options = {"front": {"interface_name": "eth0"},
               "back": {"interface_name": "eth1", "default_route": True, "published_ports": ["8080:80"]}}
    networks = [{"name": name, "containers": [{"name": "shop", "container": "shop", **of_shop}]}
                for name, of_shop in options.items()]
    for _restart in range(2):
        world.document(networks)
        assert places(world, "shop") == [BACK]
        assert world.document(networks).operations == ()
        world.start("shop")


def test_a_container_with_another_name_than_its_namespace_has(world: World) -> None:
    """It is registered under its own one as well, which leads to what the run works on."""
    world.host.carry_out(NetnsAdd("home"))
    items = [{"netns": "home", "name": "guest", "bridge": name, "interface_name": interface, "default_route": leads}
             for name, interface, leads in (("front", "eth0", None), ("back", "eth1", True))]
    world.run("netns_attach", config=items[:1])
    world.run("port_publish", netns="guest", published_ports=["8080:80"])
    world.run("netns_attach", config=items)
    assert places(world, "guest") == ["10.2.0.3", "2001:db8:2::3"]


def test_who_has_lost_its_address_and_its_way_out_is_found_at_eth0() -> None:
    """Whatever comes first by name."""
    leases = [Endpoint("web", name, Link(f"v{name}"), address=f"{address}/24")
              for name, address in (("alpha", BACK), ("eth0", FRONT))]
    assert Addresses(leases).current("web", "ipv4", "10.9.0.9") == FRONT
    assert Addresses(leases).current("web", "ipv4", BACK) == BACK


def test_on_the_way_from_one_route_to_another_one_clients_of_both_go_round() -> None:
    old, new = Detour("web", FRONT, "10.2.0.0/24"), Detour("web", BACK, "10.1.0.0/24")
    assert meet(Policy(detours=(old,)), Policy(detours=(new,))).detours == (old, new)


def test_each_interface_lists_the_ports_that_lead_to_it(world: World) -> None:
    lead(world, "2001:db8:2::1", family="ipv6")
    world.publish("web", "8080:80")
    assert {each["interface_name"]: each["published_ports"] for each in world.info()["endpoints"]} == {
        "eth0": ["0.0.0.0:8080->10.1.0.2:80/tcp"], "eth1": ["[::]:8080->[2001:db8:2::2]:80/tcp"]}


def test_what_nobody_reads_stays(world: World) -> None:
    """A container of which no path is known keeps its ports where they are."""
    world.process(77)
    config = [{"pid": 77, "name": "odd", "bridge": name, "interface_name": interface}
              for name, interface in (("front", "eth0"), ("back", "eth1"))]
    world.run("netns_attach", config=config)
    world.publish("odd", "8080:80")
    before, lines = places(world, "odd"), detours(world)
    del world.state.namespaces[named_path("odd")]
    lead_at = world.state.namespaces["/proc/77/ns/net"]
    lead_at.routes = [route for route in lead_at.routes if route.destination != "default"]
    world.run("docker_bridge", name="front", bip="10.1.0.1/24")
    assert places(world, "odd") == before and detours(world) == lines


# -- bridges that cannot have ports -----------------------------------------------------------------------------------

def test_a_bridge_without_rules_is_passed_over(world: World) -> None:
    world.run("docker_bridge", name="front", bip="10.1.0.1/24", iptables=False)
    world.publish("web", "8080:80")
    assert places(world) == sorted([BACK, FRONT6])
    assert detours(world) == ["0.0.0.0/0->10.2.0.2", OF_FRONT[1]]


def test_ports_do_not_follow_to_a_bridge_that_cannot_have_them(world: World) -> None:
    world.publish("web", "8080:80")
    for more in ({"iptables": False}, {"iptables": True, "gateway_mode": "routed", "force": True}):
        world.run("docker_bridge", name="back", bip="10.2.0.1/24", **more)
        lead(world, "10.2.0.1")
        done = world.run("docker_bridge", name="front", bip="10.1.0.1/24")
        assert done.warnings == () and places(world) == [FRONT, FRONT6]
        assert detours(world) == ["0.0.0.0/0->10.1.0.2", OF_FRONT[1]]
        lead(world, "10.1.0.1", "eth0")


def test_ports_at_a_containers_own_address_follow_and_nobody_goes_round(world: World) -> None:
    for name, number in (("front", 1), ("back", 2)):
        world.bridge(name, f"10.{number}.0.1/24", gateway_mode="routed", gateway_mode_v6="routed")
    world.publish("web", "80")
    assert places(world) == [FRONT, FRONT6]
    lead(world, "10.2.0.1")
    world.run("docker_bridge", name="front", bip="10.1.0.1/24")
    assert places(world) == sorted([BACK, FRONT6]) and detours(world) == []


# -- who goes round ---------------------------------------------------------------------------------------------------

def test_networks_behind_other_interfaces_and_no_more_than_a_few(world: World) -> None:
    attach(world, back={"routes": [{"destination": "10.50.0.0/16", "gateway": "10.2.0.1"}]})
    here = world.state.namespaces[named_path("web")]
    here.links["vpn"] = Link("vpn", "tun", 77, up=True, addresses=("10.8.0.2/32",))
    here.routes += [Route("0.0.0.0/1", "vpn"), *(Route("fe80::/64", name, "", "ipv6") for name in ("eth1", "vpn"))]
    world.publish("web", "8080:80")
    assert detours(world) == ["0.0.0.0/1->10.1.0.2", OF_FRONT[1]]  # one network that has all the others in it
    here.routes = [route for route in here.routes if route.destination != "0.0.0.0/1"]
    world.publish("web", "8080:80")
    assert detours(world) == ["10.2.0.0/24->10.1.0.2", "10.50.0.0/16->10.1.0.2", "10.8.0.2/32->10.1.0.2", OF_FRONT[1]]
    here.routes += [Route(f"10.{60 + number * 2}.0.0/16", "vpn") for number in range(ways.MOST_DETOURS)]
    world.publish("web", "8080:80")
    assert detours(world) == ["0.0.0.0/0->10.1.0.2", OF_FRONT[1]]


def test_a_new_subnet_of_the_other_bridge(world: World) -> None:
    world.publish("web", "8080:80")
    world.bridge("back", "10.3.0.1/24")
    assert detours(world) == ["10.3.0.0/24->10.1.0.2", OF_FRONT[1]]


def test_udp_clients_that_get_another_source_are_forgotten(world: World) -> None:
    world.publish("web", "8080:80", "8080:80/udp")
    lead(world, "")
    flushes = [each for each in world.check("docker_bridge", name="front", bip="10.1.0.1/24").operations
               if isinstance(each, ConntrackFlush)]
    assert [(each.family, each.ports, each.stage) for each in flushes] == [("ipv4", (("udp", 8080, 8080),), FORGET)]


def test_an_interface_that_was_renamed_inside_is_the_same(world: World) -> None:
    here = world.state.namespaces[named_path("web")]
    here.links["mine"] = dataclasses.replace(here.links.pop("eth0"), name="mine")
    here.routes = [dataclasses.replace(route, interface="mine" if route.interface == "eth0" else route.interface)
                   for route in here.routes]
    world.publish("web", "8080:80")
    assert places(world) == [FRONT, FRONT6] and detours(world) == OF_FRONT


@pytest.mark.parametrize("note", ["web 10.0.0.0/8->10.1.0.2", "web ::/0->2001:db8::2"])
def test_a_note_is_read_back(note: str) -> None:
    found = Detour.parse(note)
    assert found and found.note == note


@pytest.mark.parametrize("note", ["", "web", "web 10.0.0.0/8", "web 0.0.0.0:80->10.1.0.2:80/tcp", "web x->10.1.0.2",
                                  "detours at 10.1.0.0/28"])
def test_other_notes_are_no_detours(note: str) -> None:
    assert Detour.parse(note) is None


def test_only_routes_that_decide_are_read(world: World) -> None:
    """Of containers with one interface nothing is read for the routes of others, and nothing is read twice."""
    world.attach("single", bridge="front")
    world.publish("single", "8081:80")
    state = world.host.snapshot(lambda look: pipeline.Scope(firewall=True))
    assert ways.find_unread(state, ()) == []
    world.publish("web", "8080:80")
    state = world.host.look()
    state.tables = world.state.tables
    assert ways.find_unread(state, ()) == [named_path("web")]
    assert ways.find_unread(state, ("single", "gone")) == [named_path("single"), named_path("web")]
    state.namespaces["/proc/99/ns/net"] = world.state.namespaces[named_path("web")]
    assert ways.find_unread(state, ()) == []


# -- ports of a network -----------------------------------------------------------------------------------------------

def on(*bridges: str, **given: Any) -> dict[str, Any]:
    return {"netns": "web", "published_ports": ["8080:80", "8081:81"], "published_on": list(bridges), **given}


def test_an_entry_leads_to_its_network_or_is_refused(world: World) -> None:
    before = world.run("port_publish", **on("front")).after
    assert places(world) == [FRONT, FRONT6]
    assert world.run("port_publish", **on("front", "front")).operations == () and before
    assert world.refuses("port_publish", **on("front", "back")) == (
        "published_ports: '8081:81/tcp' is to lead to web on back, and its IPv4 leaves by eth0 on front, so that "
        "answers would not come back the way of the question. List it under front, or say default_route: true for the "
        "interface on back.")
    assert world.refuses("port_publish", **on("nowhere")) == (
        "published_on: 'nowhere' is no bridge that web is on. Name one of front, back.")


def test_a_container_that_moves_its_route_keeps_nobody_else_from_a_run(world: World) -> None:
    world.attach("db", bridge="front")
    world.run("port_publish", **on("front"))
    lead(world, "10.2.0.1")
    lead(world, "2001:db8:2::1", family="ipv6")
    with pytest.raises(Failed, match="'8080:80/tcp' is to lead to web on front, and its IPv4 leaves by eth1 on back"):
        world.run("port_publish", config=[on("front"), {"netns": "db", "published_ports": ["8082:80"]}])
    assert places(world, "db") == ["10.1.0.3", "2001:db8:1::3"] and places(world) == [BACK, BACK6]


def test_what_the_document_itself_says_wrong_is_refused_before_anything_is_done(world: World) -> None:
    containers = [{"name": "web", "published_ports": ["8080:80"]}, {"name": "web", "default_route": True}]
    containers[1]["interface_name"] = "eth1"
    before = picture(world.state)
    with pytest.raises(MooringError, match="'8080:80/tcp' is to lead to web on front, and its IPv4 leaves by eth1 on"):
        world.document([{"name": name, "containers": [each, {"name": f"new-{name}"}]}
                        for name, each in zip(("front", "back"), containers)])
    assert picture(world.state) == before


def test_an_entry_of_one_family(world: World) -> None:
    lead(world, "2001:db8:2::1", family="ipv6")
    done = world.run("port_publish", **on("front", "back"))
    assert done.after[0]["published_ports"] == [
        "0.0.0.0:8080->10.1.0.2:80/tcp", "[::]:8081->[2001:db8:2::2]:81/tcp"]
    assert done.warnings == (
        "published_ports: 8080:80/tcp of web stands under front and is published by IPv4 only, since its IPv6 leaves "
        "by way of back: list it there as well",
        "published_ports: 8081:81/tcp of web stands under back and is published by IPv6 only, since its IPv4 leaves "
        "by way of front: list it there as well")
    assert world.run("port_publish", **on("front", "back")).operations == ()
    twice = {**on("front", "back"), "published_ports": ["8080:80", "8080:80"]}
    assert world.run("port_publish", **twice).after[0]["published_ports"] == [
        "0.0.0.0:8080->10.1.0.2:80/tcp", "[::]:8080->[2001:db8:2::2]:80/tcp"]
    assert "its IPv6 leaves by eth1 on back" in world.refuses("port_publish", **on("front", default_host_ip="::"))


def test_where_no_route_decides_the_first_network_that_is_named_does(world: World) -> None:
    for family in ("ipv4", "ipv6"):
        lead(world, "", family=family)
    world.run("port_publish", **on("back"))
    assert places(world) == [BACK, BACK6]
    assert world.run("docker_bridge", name="front", bip="10.1.0.1/24").operations == ()
    assert "List it under back" in world.refuses("port_publish", **on("back", "front"))


def test_as_many_networks_as_entries() -> None:
    with pytest.raises(MooringError) as caught:
        desired("port_publish", {"netns": "web", "published_ports": ["80", "81", "82"], "published_on": ["a", "b"]})
    assert str(caught.value) == ("published_on: 'a, b' has 2 names for 3 entries of published_ports. Name one bridge "
                                 "for all of them, or one for each, in their order.")


def test_in_check_mode_a_container_that_is_to_be_attached_has_no_network_yet() -> None:
    world = World()
    world.bridge("front", "10.1.0.1/24")
    assert world.check("port_publish", **on("front")).after[0]["published_ports"]
