# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs of virtual interfaces between two places."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link, Route
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import named_path
from world import World, desired, picture


def parse(**options: object) -> object:
    return desired("veth_pair", {"name": "A", "peer": {"name": "B"}, **options})[0]


@pytest.mark.parametrize(("options", "message"), [
    ({"peer": None}, "peer: not given. Say what the other end is, like peer: {name: B}"),
    ({"name": "x" * 16}, "name: 'xxxxxxxxxxxxxxxx' has 16 characters"),
    ({"peer": {"name": "a/b"}}, "peer.name: 'a/b' is not an interface name"),
    ({"peer": {"name": "A"}}, "peer.name: 'A' is the name of both ends in one namespace"),
    ({"mtu": "auto"}, "mtu: 'auto' is not an MTU. Give a number of bytes"),
    ({"peer": {"name": "B", "mtu": "1"}}, "peer.mtu: '1' is not an MTU"),
    ({"mac_address": "x"}, "mac_address: 'x' is not a MAC address"),
    ({"addresses": ["10.0.0.1"]}, "addresses: '10.0.0.1' lacks a prefix length. Give it like 10.0.0.1/30"),
    ({"addresses": ["10.0.0/8"]}, "addresses: '10.0.0/8' is not an address"),
    ({"peer": {"name": "B", "addresses": ["x"]}}, "peer.addresses: 'x' is not an address"),
    ({"routes": [{"destination": "10.0.0.1/8"}]}, "routes: "),
    ({"routes": [{"destination": "default", "gateway": "x"}]}, "routes: "),
    ({"netns": "web", "bridge": "br0"}, "bridge: 'br0' cannot have an end in a container's namespace as a port"),
    ({"netns": "web", "pid": 4}, "pid and netns are given together"),
])
def test_a_wrong_option(options: dict, message: str) -> None:
    with pytest.raises(MooringError) as caught:
        parse(**options)
    assert str(caught.value).startswith(message)


def test_the_same_name_in_two_namespaces() -> None:
    found = parse(peer={"name": "A", "netns": "web"})
    assert (found.first.name, found.second.name, found.name) == ("A", "A", "A")


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge()
    found.attach("web", "db")
    return found


BETWEEN = {"name": "to-db", "netns": "web", "addresses": ["10.1.1.1/30"], "peer": {
    "name": "to-web", "netns": "db", "addresses": ["10.1.1.2/30"],
    "routes": [{"destination": "10.50.0.0/16", "gateway": "10.1.1.1"}]}}
GONE = {"name": "to-db", "netns": "web", "peer": {"name": "to-web", "netns": "db"}, "state": "absent"}


def test_a_pair_on_a_bridge(world: World) -> None:
    plan = world.run("veth_pair", name="A", bridge="br0", peer={"name": "B"})
    assert plan.steps[0] == "create veth pair A - B"
    links = world.state.host.links
    assert (links["A"].controller, links["A"].up, links["B"].up) == ("br0", True, True)
    assert links["A"].alias == links["B"].alias == "mooring:veth:A:"
    assert [end["name"] for end in plan.after[0]["ends"]] == ["A", "B"]


def test_a_pair_between_two_containers(world: World) -> None:
    world.run("veth_pair", **BETWEEN)
    assert world.inner("web", "to-db").addresses == ("10.1.1.1/30",)
    assert Route("10.50.0.0/16", "to-web", "10.1.1.1") in world.state.namespaces[named_path("db")].routes
    assert world.run("veth_pair", **BETWEEN).operations == ()


def test_absent_after_present_leaves_the_host_as_before(world: World) -> None:
    before = picture(world.state)
    world.run("veth_pair", **BETWEEN)
    world.run("veth_pair", **GONE)
    assert picture(world.state) == before
    assert world.run("veth_pair", **GONE).operations == ()


def test_one_pair_goes_and_the_other_stays(world: World) -> None:
    world.attach("x", "y")
    other = {"name": "p", "netns": "x", "peer": {"name": "q", "netns": "y"}}
    world.run("veth_pair", config=[BETWEEN, other])
    plan = world.run("veth_pair", config=[GONE, other])
    assert plan.steps == ["delete veth to-db in web"]
    assert {"p"} <= set(world.state.namespaces[named_path("x")].links)
    assert world.run("veth_pair", **other).operations == ()


def test_addresses_are_those_of_the_list(world: World) -> None:
    world.run("veth_pair", name="A", addresses=["10.9.0.1/24"], peer={"name": "B"})
    world.run("veth_pair", name="A", addresses=["10.9.1.1/24", "fd00::1/64"], peer={"name": "B"})
    assert set(world.state.host.links["A"].addresses) == {"10.9.1.1/24", "fd00::1/64"}
    assert world.run("veth_pair", name="A", peer={"name": "B"}).operations == ()
    world.run("veth_pair", name="A", addresses=[], peer={"name": "B"})
    assert world.state.host.links["A"].addresses == ()


def test_the_second_address_of_a_network_outlives_the_first(world: World) -> None:
    """The kernel takes secondary addresses away together with their primary one."""
    world.run("veth_pair", name="A", addresses=["10.9.0.1/24", "10.9.0.2/24"], peer={"name": "B"})
    world.run("veth_pair", name="A", addresses=["10.9.0.2/24"], peer={"name": "B"})
    assert world.state.host.links["A"].addresses == ("10.9.0.2/24",)


def test_properties_change_in_place(world: World) -> None:
    world.run("veth_pair", name="A", bridge="br0", peer={"name": "B"})
    world.run("veth_pair", name="A", bridge="", mtu="1300", mac_address="02:00:00:00:00:05", up=False,
              peer={"name": "B"})
    link = world.state.host.links["A"]
    assert (link.controller, link.mtu, link.mac, link.up) == ("", 1300, "02:00:00:00:00:05", False)


def test_an_end_that_moves_is_made_anew(world: World) -> None:
    world.run("veth_pair", name="A", peer={"name": "B"})
    world.run("veth_pair", name="A", peer={"name": "B", "netns": "web"})
    assert "B" not in world.state.host.links and "B" in world.state.namespaces[named_path("web")].links


def test_an_interface_of_somebody_else(world: World) -> None:
    world.state.host.links["B"] = Link("B", "dummy", 55, mac="02:00:00:00:00:01", tx_queue_len=1000)
    assert world.refuses("veth_pair", name="A", peer={"name": "B"}) == (
        "peer.name: 'B' exists and is not an end of this pair. Choose another name, or remove the existing interface.")
    assert "is left alone" in world.refuses("veth_pair", name="A", peer={"name": "B"}, state="absent")


def test_ends_of_two_pairs(world: World) -> None:
    world.run("veth_pair", config=[{"name": "A", "peer": {"name": "B"}}, {"name": "C", "peer": {"name": "D"}}])
    assert "exists and is not an end of this pair" in world.refuses("veth_pair", name="A", peer={"name": "D"})


def test_what_is_missing(world: World) -> None:
    assert world.refuses("veth_pair", name="A", peer={"name": "B", "netns": "nope"}) == (
        "namespace nope does not exist: create it with netns_attach or `ip netns add nope` first.")
    assert world.refuses("veth_pair", name="A", bridge="br9", peer={"name": "B"}) == (
        "bridge br9 does not exist: create it with docker_bridge first")
    assert "is not a bridge" in world.refuses("veth_pair", name="A", bridge="ens3", peer={"name": "B"})
    plan = world.check("veth_pair", name="A", bridge="br9", peer={"name": "B", "netns": "nope"})
    assert len(plan.assumed) == 2 and plan.operations


def test_a_pair_becomes_a_containers_interface(world: World) -> None:
    before = picture(world.state)
    world.run("veth_pair", name="A", bridge="br0", peer={"name": "B"})
    plan = world.run("netns_attach", netns="web", interface="B", interface_name="eth1")
    assert plan.after[0]["host_interface"] == "A" and "B" not in world.state.host.links
    assert world.inner("web", "eth1").addresses == ("192.168.5.4/24",)
    assert world.run("netns_attach", netns="web", interface="B", interface_name="eth1").operations == ()
    assert world.run("veth_pair", name="A", bridge="br0", peer={"name": "B"}).operations == ()
    world.run("netns_attach", netns="web", interface_name="eth1", state="absent")
    assert picture(world.state) == before
