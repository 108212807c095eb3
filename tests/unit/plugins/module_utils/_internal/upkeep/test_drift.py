# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of changes by hand that a table of a real host cannot tell apart."""
from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.names import endpoint_link
from world import World

WEB = endpoint_link("web", "eth0")


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge(bip6="2001:db8:5::1/64")
    found.attach("web", "db")
    return found


def change(world: World, path: str, name: str, **changes: Any) -> None:
    links = world.state.namespaces[path].links
    links[name] = dataclasses.replace(links[name], **changes)


def test_no_other_address_is_told_for_one_that_a_bridge_lacks(world: World) -> None:
    change(world, "", "br0", addresses=("2001:db8:5::1/64",))
    drift = world.info()["drift"]
    assert "bridge br0 lacks its IPv4 address: give it back with bip of docker_bridge" in drift
    assert not any("add address" in line or "remove address" in line for line in drift)


@pytest.mark.parametrize("changes", [{}, {"mtu": 1200}], ids=str)
def test_it_is_told_that_a_bridge_has_lost_ipv6(world: World, changes: dict[str, Any]) -> None:
    """The kernel takes it from each interface that is set down, or gets an MTU of less than 1280."""
    world.bridge("br1", "192.168.6.1/24")
    change(world, "", "br0", addresses=("192.168.5.1/24",), **changes)
    drift = world.info()["drift"]
    assert "bridge br0 lacks its IPv6 address (db has 2001:db8:5::3): give it back with bip6 of docker_bridge" in drift
    assert not any("br1 lacks" in line for line in drift)
    world.run("docker_bridge", name="br0", bip6="2001:db8:5::1/64")
    assert world.info()["drift"] == []


@pytest.mark.parametrize(("changes", "told"), [
    ({"up": False}, f"set {WEB}: up"), ({"hairpin": False}, f"set {WEB}: hairpin on (was off)"),
    ({"isolated": True}, f"set {WEB}: isolated off (was on)"), ({"mtu": 1300}, f"set {WEB}: mtu 1500 (was 1300)"),
    ({"addresses": ("10.7.0.1/24",)}, f"remove address 10.7.0.1/24 from {WEB}")])
def test_what_is_told_of_a_host_s_end(world: World, changes: dict[str, Any], told: str) -> None:
    change(world, "", WEB, **changes)
    assert world.info()["drift"] == [told]
    assert world.run("netns_attach", netns="web").steps == [told]


@pytest.mark.parametrize(("changes", "told"), [
    ({"up": False}, "set eth0 in web: up"), ({"mtu": 1300}, "set eth0 in web: mtu 1500 (was 1300)"),
    ({"mac": "02:00:00:00:00:09"}, "set eth0 in web: mac 02:42:c0:a8:05:02 (was 02:00:00:00:00:09)"),
    ({"addresses": ("192.168.5.2/24",)}, "add address 2001:db8:5::2/64 to eth0 in web")])
def test_what_is_told_of_a_container_s_end(world: World, changes: dict[str, Any], told: str) -> None:
    change(world, "/run/netns/web", "eth0", **changes)
    assert world.info()["drift"] == [told]
    assert world.check("icc_policy", bridge="br0", icc=True).steps == []
    assert world.run("netns_attach", netns="web").steps == [told]


def test_a_container_that_chose_its_own_mtu_is_told_and_a_given_one_stays(world: World) -> None:
    world.run("netns_attach", netns="web", mtu=1400)
    assert world.info()["drift"] == []
    change(world, "/run/netns/web", "eth0", mtu=1300)
    assert world.info()["drift"] == ["set eth0 in web: mtu 1400 (was 1300)"]


def test_a_second_address_of_a_bridge_is_one_too_many_unless_it_was_adopted(world: World) -> None:
    addresses = world.state.host.links["br0"].addresses
    change(world, "", "br0", addresses=(*addresses, "10.7.0.1/24", "2001:db8:7::1/64"))
    assert world.info()["drift"] == [f"remove address {address} from br0" for address in ("2001:db8:7::1/64",
                                                                                          "10.7.0.1/24")]
    change(world, "", "br0", addresses=addresses)
    world.state.host.links["theirs"] = dataclasses.replace(
        world.state.host.links["ens3"], name="theirs", kind="bridge", index=77,
        addresses=("10.5.0.1/24", "10.6.0.1/24"))
    world.run("docker_bridge", name="theirs", adopt=True)
    assert world.info()["drift"] == []


def test_a_link_with_another_name_is_told_by_its_mark(world: World) -> None:
    links = world.state.host.links
    for name, other in ((WEB, "vethother"), ("br0", "other")):
        links[other] = dataclasses.replace(links.pop(name), name=other)
    for name in (WEB, endpoint_link("db", "eth0")):
        key = "vethother" if name == WEB else name
        links[key] = dataclasses.replace(links[key], controller="other")
    drift = world.info()["drift"]
    assert "set other: name br0 (was other)" in drift and f"set vethother: name {WEB} (was vethother)" in drift
    world.run("netns_attach", netns="nobody", state="absent")
    assert {"br0", WEB} <= set(world.state.host.links) and world.info()["drift"] == []


def test_several_addresses_of_one_network_are_taken_away_each_once(world: World) -> None:
    """With the first one the kernel takes those that came later."""
    world.bridge("br1", "192.168.6.1/24")
    own = world.state.host.links["br1"].addresses
    more = ("10.7.0.1/24", "10.7.0.2/24", "192.168.6.9/24", "10.7.0.3/24")
    for name in (WEB, "br1"):
        change(world, "", name, addresses=(*world.state.host.links[name].addresses, *more))
    assert len(world.info()["drift"]) == 8
    world.run("icc_policy", bridge="br0", icc=True)
    assert world.info()["drift"] == [] and not world.state.host.links[WEB].addresses
    assert world.state.host.links["br1"].addresses == own
    change(world, "", "br1", addresses=(*own, *more))
    world.bridge("br1", "192.168.8.1/24")
    assert world.state.host.links["br1"].addresses == ("192.168.8.1/24",)
