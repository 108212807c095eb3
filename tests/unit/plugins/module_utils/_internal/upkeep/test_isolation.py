# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ports of a bridge with icc: false are isolated from each other, and when that changes."""
from __future__ import annotations

import dataclasses
import itertools
import random

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.link.operations import LinkAdd, LinkSet
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.isolation import choose_ends
from world import World

NAMES = ("web", "shop", "db", "idle")


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge()
    for name in NAMES:
        found.attach(name, exposed_ports=["5432"])
    found.run("icc_policy", bridge="br0", icc=False)
    return found


def isolated(world: World) -> set[str]:
    return {endpoint["container"] for endpoint in world.info()["endpoints"] if endpoint["isolated"]}


def test_all_without_links_and_published_ports_are_isolated(world: World) -> None:
    assert isolated(world) == set(NAMES)
    assert world.run("icc_policy", bridge="br0", icc=False).operations == ()


def test_none_with_icc(world: World) -> None:
    plan = world.run("icc_policy", bridge="br0", icc=True)
    assert isolated(world) == set()
    assert sum(": isolated off (was on)" in action for action in plan.steps) == len(NAMES)


def test_one_end_of_a_link_is_not_isolated_and_is_so_again_without_it(world: World) -> None:
    world.link("web", "db")
    world.link("shop", "db")
    assert isolated(world) == set(NAMES) - {"db"}
    world.link("shop", "idle", "web")
    assert isolated(world) == {"db", "idle"}
    for name in ("web", "shop"):
        world.run("icc_policy", netns=name, links=[])
    assert isolated(world) == set(NAMES)


def test_a_link_that_opens_nothing_needs_no_frames(world: World) -> None:
    world.attach("db", exposed_ports=[])
    world.link("web", "db")
    assert isolated(world) == set(NAMES)


@pytest.mark.parametrize(("port", "more", "heard"), [
    ("8080:5432", {}, True), ("127.0.0.1:8080:5432", {}, False), ("192.0.2.10:8080:5432", {}, True),
    ("8080:5432", {"allow_from": ["198.51.100.0/24"]}, False), ("8080:5432", {"allow_from": ["192.168.5.8/29"]}, True),
    ("8080:5432", {"allow_from": ["192.168.0.0/16"]}, True), ("8080:5432", {"allow_from": ["2001:db8::/32"]}, False)])
def test_a_container_with_a_port_that_neighbours_may_use_is_not_isolated(world: World, port: str, more: dict,
                                                                         heard: bool) -> None:
    world.run("port_publish", netns="web", published_ports=[port], **more)
    assert isolated(world) == set(NAMES) - ({"web"} if heard else set())
    world.run("port_publish", netns="web", published_ports=[])
    assert isolated(world) == set(NAMES)


def test_a_bridge_without_nat_is_the_same() -> None:
    world = World()
    world.run("docker_bridge", name="br0", bip="10.30.0.1/24", gateway_mode="routed")
    for name in NAMES:
        world.attach(name, bridge="br0")
    world.run("icc_policy", bridge="br0", icc=False)
    world.run("port_publish", netns="web", published_ports=["80"])
    assert isolated(world) == set(NAMES) - {"web"}


def test_who_comes_is_isolated_before_its_inside_is_made(world: World) -> None:
    plan = world.run("netns_attach", netns="fresh", bridge="br0")
    at = [isinstance(operation, LinkAdd) for operation in plan.operations].index(True)
    assert plan.steps[at + 1].endswith(": isolated on (was off)")
    assert all(operation.netns == "/run/netns/fresh" for operation in plan.operations[at + 2:at + 5])
    assert isolated(world) == {*NAMES, "fresh"}


def test_what_somebody_switches_off_is_drift(world: World) -> None:
    name = next(iter(world.state.host.ports_of("br0"))).name
    link = world.state.host.links[name]
    world.host.carry_out(LinkSet("", link, dataclasses.replace(link, isolated=False)))
    assert world.info()["drift"] == [f"set {name}: isolated on (was off)"]
    assert world.run("port_publish", netns="web", published_ports=[]).steps == [f"set {name}: isolated on (was off)"]


def test_who_moves_to_another_bridge_is_as_that_one(world: World) -> None:
    world.run("docker_bridge", name="br1", bip="10.9.0.1/24")
    for bridge, expected in (("br1", {"web", "shop", "db"}), ("br0", set(NAMES))):
        world.run("netns_attach", netns="idle", bridge=bridge)
        assert isolated(world) == expected
        assert world.run("netns_attach", netns="idle", bridge=bridge).operations == ()


def test_the_ends_chosen_touch_every_link_and_none_is_needless() -> None:
    dice = random.Random(6)
    for _round in range(300):
        names = [("br0", str(number)) for number in range(dice.randint(2, 9))]
        pairs = {(dice.choice(names), dice.choice(names)) for _pair in range(dice.randint(1, 14))}
        published = set(dice.sample(names, dice.randint(0, 2)))
        found = choose_ends(pairs, published)
        assert not found & published
        open_ends = found | published
        proper = [(one, other) for one, other in pairs if one != other]
        assert all({one, other} & open_ends for one, other in proper)
        assert all(any({one, other} & open_ends == {place} for one, other in proper) for place in found)
        assert choose_ends(sorted(pairs, reverse=True), published) == found


@pytest.mark.parametrize(("pairs", "expected"), [
    ([("a", "b")], {"b"}), ([("b", "a")], {"a"}), ([("a", "z"), ("b", "z"), ("c", "z")], {"z"}),
    ([("a", "x"), ("a", "y"), ("a", "z")], {"a"}), ([("a", "b"), ("b", "a")], {"a"}), ([("a", "a")], set()),
    ([("a", "b"), ("b", "c")], {"b"}), ([("a", "b"), ("b", "c"), ("c", "d")], {"b", "c"})])
def test_as_few_ends_as_a_first_look_finds(pairs: list, expected: set) -> None:
    places = {name: ("br0", name) for name in itertools.chain(*pairs)}
    assert choose_ends([(places[one], places[other]) for one, other in pairs], set()) == {
        places[name] for name in expected}
