# SPDX-License-Identifier: GPL-3.0-or-later
"""A port that somebody took off its bridge is drift, and comes back with the next run, whatever that is about."""
from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.names import endpoint_link
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from world import World, picture

WEB = endpoint_link("web", "eth0")


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge()
    found.bridge("br1", "192.168.6.1/24")
    found.attach("web", "db", bridge="br1", exposed_ports=["80"])
    found.publish("web", "8080:80")
    return found


def take_off(world: World, name: str = WEB, **changes: Any) -> None:
    links = world.state.host.links
    links[name] = dataclasses.replace(links[name], controller="", hairpin=False, **changes)


@pytest.mark.parametrize(("module", "given"), [
    ("docker_bridge", {"name": "br0"}), ("netns_attach", {"netns": "web"}), ("netns_attach", {"netns": "db"}),
    ("port_publish", {"netns": "web", "published_ports": ["8080:80"]}), ("icc_policy", {"netns": "db", "links": []})])
@pytest.mark.parametrize("up", [True, False])
def test_it_comes_back(world: World, module: str, given: dict[str, Any], up: bool) -> None:
    before = picture(world.state)
    neighbours = set(world.state.neighbours or ())
    take_off(world, up=up)
    drift = world.info()["drift"]
    assert drift[0] == "put web back on bridge br1 (somebody took it off)"
    checked = world.check(module, **given)
    done = world.run(module, **given)
    assert done.actions == checked.actions and set(drift) <= set(done.actions)
    assert picture(world.state) == before and set(world.state.neighbours or ()) == neighbours
    assert world.info()["drift"] == []


def test_one_that_leaves_is_not_put_back(world: World) -> None:
    take_off(world)
    world.run("netns_attach", netns="web", state="absent")
    assert WEB not in world.state.host.links and world.info()["drift"] == []


def test_one_that_moves_goes_where_it_is_asked_to(world: World) -> None:
    take_off(world)
    assert world.run("netns_attach", netns="web", bridge="br0").after[0]["bridge"] == "br0"
    assert world.info()["drift"] == []


def test_where_nobody_knows_where_it_belongs_it_is_said(world: World) -> None:
    for name in ("web", "db"):
        take_off(world, endpoint_link(name, "eth0"))
    del world.state.host.links["br1"]  # somebody else did it
    assert not [line for line in world.info()["drift"] if line.startswith(f"set {WEB}")]
    assert [line for line in world.info()["leftovers"] if line.startswith("interface")] == [
        f"interface {endpoint_link(name, 'eth0')} of {name}: is on no bridge" for name in ("db", "web")]


def test_an_interface_of_somebody_else_stays_where_it_is(world: World) -> None:
    world.state.host.links["theirs"] = Link("theirs", "veth", 77, up=True)
    assert world.bridge("br0", None).steps == [] and world.state.host.links["theirs"].controller == ""
