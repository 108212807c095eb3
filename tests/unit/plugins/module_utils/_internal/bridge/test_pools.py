# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges that choose their subnets from pools, and bridges that somebody else is to make."""
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.filter.document import FilterModule
from ansible_collections.mooring.net.plugins.module_utils._internal.applied.model import NAME, Applied
from ansible_collections.mooring.net.plugins.module_utils._internal.applied.text import parse
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link, Route
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST
from ansible_collections.mooring.net.plugins.module_utils._internal.persist.missing import find_missing, without
from ansible_collections.mooring.net.plugins.module_utils._internal.persist.replay import parts
from ansible_collections.mooring.net.plugins.module_utils._internal.run import converge as pipeline
from ansible_collections.mooring.net.plugins.module_utils._internal.run.converge import Manner
from world import World

POOLS = [{"base": "172.30.0.0/16", "size": 24}, {"base": "fd00:30::/48", "size": 64}]


def addresses(plan: Any) -> list[tuple[str, str]]:
    return [(view["bip"], view["bip6"]) for view in plan.after]


def test_each_bridge_gets_the_first_subnet_that_is_free_and_keeps_it() -> None:
    world = World()
    world.state.host.routes += [Route("172.30.0.0/24", "ens3", "192.0.2.1"),
                                Route("fd00:30::/63", "ens3", "fe80::1", "ipv6")]
    world.state.nameservers = ("172.30.2.53", "fd00:30:0:2::53")
    asked = {"config": [{"name": "a", "ipv6": True, "default_address_pools": POOLS},
                        {"name": "b", "default_address_pools": POOLS},
                        {"name": "c", "ipv6": True, "bip": "172.30.3.1/24", "default_address_pools": POOLS},
                        {"name": "d", "bip6": "fd00:30:0:3::1/64", "bip": "10.9.0.1/24"}]}
    expected = [("172.30.1.1/24", "fd00:30:0:4::1/64"), ("172.30.4.1/24", ""), ("172.30.3.1/24", "fd00:30:0:5::1/64"),
                ("10.9.0.1/24", "fd00:30:0:3::1/64")]
    assert addresses(world.check("docker_bridge", **asked)) == expected
    assert addresses(world.run("docker_bridge", **asked)) == expected
    assert world.run("docker_bridge", **asked).operations == ()
    other = [{"base": "10.77.0.0/16", "size": 24}, {"base": "fd00:77::/48", "size": 64}]
    assert world.run("docker_bridge", name="a", ipv6=True, default_address_pools=other).operations == ()
    # The family that it lacks it may still get.
    assert addresses(world.run("docker_bridge", name="b", ipv6=True, default_address_pools=other)) == [
        ("172.30.4.1/24", "fd00:77::1/64")]


def test_a_family_without_a_pool_has_dockers_own() -> None:
    world = World()
    assert addresses(world.run("docker_bridge", name="a", ipv6=True, default_address_pools=POOLS[1:])) == [
        ("172.17.0.1/16", "fd00:30::1/64")]
    assert addresses(world.run("docker_bridge", name="b", default_address_pools=[])) == [("172.18.0.1/16", "")]
    assert "or a pool of IPv6 in default_address_pools" in world.refuses(
        "docker_bridge", name="c", ipv6=True, default_address_pools=POOLS[:1])


def test_pools_that_are_used_up_are_named() -> None:
    world = World()
    small = [{"base": "172.30.0.0/24", "size": 24}, {"base": "fd00:30::/64", "size": 64}]
    world.run("docker_bridge", name="a", ipv6=True, default_address_pools=small)
    assert world.refuses("docker_bridge", name="b", default_address_pools=small) == (
        "default_address_pools: '172.30.0.0/24 size 24' has no subnet left for bridge b: each overlaps a route or a "
        "name server of this host, or another bridge. Add a pool, or give the bridge bip, an address with a "
        "prefix length, like 10.99.0.1/24.")
    assert "'fd00:30::/64 size 64' has no subnet left for bridge b" in world.refuses(
        "docker_bridge", name="b", bip="10.0.0.1/24", ipv6=True, default_address_pools=small)
    assert "size found in default_address_pools" in world.refuses(
        "docker_bridge", name="b", default_address_pools=[{"base": "10.0.0.0/8"}])


def test_a_document_says_it_for_all_its_networks() -> None:
    world = World()
    own = [{"base": "10.50.0.0/16", "size": 26}]
    networks = [{"name": "a", "ipv6": True}, {"name": "b", "default_address_pools": own}, {"name": "c"},
                {"name": "gone", "state": "absent"}]
    plan = world.document(networks, default_address_pools=POOLS)
    found = {bridge["name"]: (bridge["bip"], bridge["bip6"]) for bridge in plan.after[-1][0]["bridges"]}
    assert found == {"a": ("172.30.0.1/24", "fd00:30::1/64"), "b": ("10.50.0.1/26", ""), "c": ("172.30.1.1/24", "")}
    assert world.document(networks, default_address_pools=POOLS).operations == ()
    select = FilterModule().filters()["bridges"]
    assert [item.get("default_address_pools") for item in select(networks, POOLS)] == [POOLS, own, POOLS, None]
    assert [item.get("default_address_pools") for item in select(networks)] == [None, own, None, None]


@pytest.mark.parametrize("rules", [True, False])
def test_what_a_host_comes_back_to_is_not_given_away(rules: bool) -> None:
    """After a reboot, before its bridges are there. Of those without rules only what was asked for tells."""
    world = World()
    world.state.persistent = True
    world.run("docker_bridge", name="a", default_address_pools=POOLS, iptables=rules, ip6tables=rules)
    [kept] = parse(world.state.lasting[NAME]).of("docker_bridge")
    assert kept["bip"] == "172.30.0.1/24" and "default_address_pools" not in kept
    again = World()
    again.state.lasting, again.state.persistent = dict(world.state.lasting), True
    again.state.applied = parse(world.state.lasting[NAME])
    assert addresses(again.run("docker_bridge", name="b", default_address_pools=POOLS)) == [("172.30.1.1/24", "")]


def test_a_bridge_that_comes_back_keeps_its_subnet_where_but_the_gate_tells_of_it() -> None:
    """Somebody has removed what the host comes back to."""
    world, again = World(), World()
    world.state.persistent = again.state.persistent = True
    world.run("docker_bridge", name="a", default_address_pools=POOLS)
    again.state.lasting = {name: text for name, text in world.state.lasting.items() if name != NAME}
    assert addresses(again.run("docker_bridge", name="b", default_address_pools=POOLS)) == [("172.30.1.1/24", "")]


def made_by_others(world: World, name: str = "br-lab") -> None:
    world.state.host.links[name] = Link(name, "bridge", 20, up=True, mac="02:42:00:00:00:09",
                                        addresses=("172.30.0.1/24",), tx_queue_len=1000)
    world.host.settle([HOST])


@pytest.mark.parametrize("adopt", [False, True])
def test_a_bridge_that_must_exist_is_never_made(adopt: bool) -> None:
    world = World()
    asked = {"name": "br-lab", "must_exist": True, "adopt": adopt}
    message = ("name: 'br-lab' does not exist, and must_exist says that somebody else makes it. Make it first, or "
               "leave out must_exist to have it made here.")
    assert world.refuses("docker_bridge", **asked) == message
    with pytest.raises(Exception, match="must_exist says that somebody else makes it"):
        world.check("docker_bridge", **asked)
    assert world.document_refuses([{**asked, "containers": [{"name": "web"}]}]).endswith(message)
    made_by_others(world)
    if not adopt:
        assert "say adopt: true to manage it" in world.refuses("docker_bridge", **asked)
        return
    assert world.run("docker_bridge", **asked).after[0]["adopted"]
    assert world.run("docker_bridge", **asked).operations == ()
    world.run("docker_bridge", **asked, state="absent")
    assert world.state.host.links["br-lab"].alias == ""
    del world.state.host.links["br-lab"]
    assert world.run("docker_bridge", **asked, state="absent").operations == ()


def test_one_that_this_collection_made_is_there_as_well() -> None:
    world = World()
    world.state.persistent = True
    world.bridge()
    assert world.run("docker_bridge", name="br0", must_exist=True, mtu=1400).steps
    # What it was made from is kept, so that it is made again.
    assert "must_exist" not in parse(world.state.lasting[NAME]).of("docker_bridge")[0]
    world.run("docker_bridge", name="br0", must_exist=True, state="absent")
    assert "br0" not in world.state.host.links


def boot(order: Applied, world: World) -> Any:
    def is_there(name: str) -> bool:
        return name in world.state.host.links

    with world._system():
        return pipeline.converge(parts(without(order, find_missing(order, is_there))), world.host, True,
                                 Manner(True, certain=True))


def test_a_host_comes_back_without_it_and_with_it_when_it_is_there() -> None:
    world = World()
    world.state.persistent = True
    made_by_others(world)
    world.document([
        {"name": "br-lab", "must_exist": True, "adopt": True, "icc": False, "containers": [
            {"name": "web", "published_ports": ["8080:80"], "links": ["lab"], "exposed_ports": [80]}, {"name": "lab"}]},
        {"name": "br0", "bip": "192.168.5.1/24", "containers": [
            {"name": "db", "published_ports": ["5432:5432"], "links": ["both:site"]},
            {"name": "both"}]},
        {"name": "br-two", "bip": "192.168.6.1/24", "containers": [
            {"name": "both", "interface_name": "eth1", "default_route": True, "published_ports": ["90:90"]}]}])
    order = parse(world.state.lasting[NAME])
    assert {"must_exist": True, "adopt": True}.items() <= order.items["docker_bridge", "br-lab"].items()
    again = World()
    again.state.lasting, again.state.persistent, again.state.applied = dict(world.state.lasting), True, order
    boot(order, again)
    info = again.info()
    assert [bridge["name"] for bridge in info["bridges"]] == ["br-two", "br0"]
    assert {endpoint["container"] for endpoint in info["endpoints"]} == {"both", "db"}
    assert len(info["published_ports"]) == 2
    assert parse(again.state.lasting[NAME]).items == order.items
    made_by_others(again)
    boot(order, again)
    assert {endpoint["container"] for endpoint in again.info()["endpoints"]} == {"both", "db", "lab", "web"}
    assert "web 0.0.0.0:8080->172.30.0.2:80/tcp" in again.info()["published_ports"]
    assert parse(again.state.lasting[NAME]).items == order.items
    assert boot(order, again).operations == ()


def test_what_needs_a_bridge_that_is_missing() -> None:
    order = Applied({
        ("docker_bridge", "br9"): {"name": "br9", "must_exist": True}, ("docker_bridge", "br0"): {"name": "br0"},
        ("icc_policy", "bridge br9"): {"bridge": "br9", "icc": False},
        ("netns_attach", "web eth0"): {"netns": "web", "bridge": "br9"},
        ("netns_attach", "side eth0"): {"netns": "side", "network_mode": "container:web"},
        ("netns_attach", "more eth0"): {"netns": "more", "network_mode": "container:side"},
        ("netns_attach", "both eth0"): {"netns": "both", "bridge": "br9"},
        ("netns_attach", "both eth1"): {"netns": "both", "bridge": "br0", "interface_name": "eth1"},
        ("port_publish", "web"): {"netns": "web", "published_ports": ["80:80"]},
        ("port_publish", "both"): {"netns": "both", "published_ports": ["81:81", "82:82"],
                                   "published_on": ["br9", "br0"]},
        ("container_dns", "web"): {"netns": "web"}, ("veth_pair", "p"): {"name": "p", "peer": {"bridge": "br9"}},
        ("veth_pair", "q"): {"name": "q"}})
    assert find_missing(order, lambda name: name == "br0") == ["br9"] and find_missing(order, bool) == []
    left = without(order, ["br9"])
    assert sorted(left.items) == [("docker_bridge", "br0"), ("netns_attach", "both eth1"), ("port_publish", "both"),
                                  ("veth_pair", "q")]
    assert left.items["port_publish", "both"] == {
        "netns": "both", "published_ports": ["82:82"], "published_on": ["br0"]}
    assert without(order, []) is order
