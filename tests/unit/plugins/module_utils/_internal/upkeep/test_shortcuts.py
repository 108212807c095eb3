# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges whose rules are all ours are in one interface group; nothing but what is under way asks for it."""
from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import FAMILIES
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.operations import RestoreTable
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import BRIDGE_GROUP, Link
from ansible_collections.mooring.net.plugins.module_utils._internal.link.operations import LinkSet
from world import World

OTHER = 77  # a group that somebody uses for something else


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge()
    found.bridge("br1", "192.168.6.1/24")
    found.attach("web", bridge="br1", exposed_ports=["80"])
    return found


def change(world: World, name: str, **changes: Any) -> None:
    links = world.state.host.links
    links[name] = dataclasses.replace(links[name], **changes)


def groups(world: World) -> dict[str, int]:
    return {link.name: link.group for link in world.state.host.links.values() if link.kind == "bridge"}


def asking(world: World) -> list[str]:
    """The rules that ask for a group."""
    return [line for table in world.state.tables.values() for chain in table.chains.values() for line in chain.lines
            if "devgroup" in line]


def test_bridges_are_born_in_the_group_and_rules_of_both_families_ask_for_it(world: World) -> None:
    assert groups(world) == {"br0": BRIDGE_GROUP, "br1": BRIDGE_GROUP}
    assert len(asking(world)) == 2 * len(FAMILIES)
    for line in asking(world):
        assert line.startswith("-A MOORING-BEGUN ") and line.endswith("-j ACCEPT")
        assert f"-group {BRIDGE_GROUP:#x}" in line
    assert world.info()["drift"] == []


def test_only_what_is_under_way_comes_to_the_rules_that_ask(world: World) -> None:
    for family in FAMILIES:
        chains = world.state.tables[family, "filter"].chains
        leading = [line for chain in chains.values() for line in chain.lines if line.endswith("-j MOORING-BEGUN")]
        assert len(leading) == 1 and "--ctstate RELATED,ESTABLISHED" in leading[0]


@pytest.mark.parametrize("group", [0, OTHER])
@pytest.mark.parametrize(("module", "given"), [
    ("docker_bridge", {"name": "br0"}), ("netns_attach", {"netns": "web"}),
    ("port_publish", {"netns": "web", "published_ports": []}), ("icc_policy", {"netns": "web", "links": []})])
def test_one_that_was_taken_out_is_drift_and_comes_back(world: World, module: str, given: dict[str, Any],
                                                        group: int) -> None:
    change(world, "br1", group=group)
    assert world.info()["drift"] == [f"set br1: group {BRIDGE_GROUP} (was {group})"]
    [operation] = world.run(module, **given).operations
    assert isinstance(operation, LinkSet) and groups(world)["br1"] == BRIDGE_GROUP
    assert world.run(module, **given).operations == ()


@pytest.mark.parametrize("option", [{"iptables": False}, {"ip6tables": False}])
def test_a_bridge_with_rules_of_others_leaves_it_and_joins_again(world: World, option: dict[str, Any]) -> None:
    world.run("docker_bridge", name="br0", **option)
    assert groups(world) == {"br0": 0, "br1": BRIDGE_GROUP}
    world.bridge("br2", "192.168.7.1/24", **option)
    assert groups(world)["br2"] == 0
    change(world, "br2", group=OTHER)
    assert world.run("docker_bridge", name="br2").operations == (), "another group says nothing to our rules"
    world.run("docker_bridge", name="br0", **dict.fromkeys(option, True))
    assert groups(world)["br0"] == BRIDGE_GROUP


@pytest.mark.parametrize("group", [0, OTHER])
def test_an_adopted_bridge_keeps_its_group_and_has_it_when_it_is_given_back(world: World, group: int) -> None:
    world.state.host.links["lxcbr0"] = Link("lxcbr0", "bridge", 50, up=True, addresses=("10.9.0.1/24",), group=group)
    world.run("docker_bridge", name="lxcbr0", adopt=True)
    assert groups(world)["lxcbr0"] == group and world.info()["drift"] == []
    world.run("docker_bridge", name="lxcbr0", state="absent")
    assert groups(world)["lxcbr0"] == group


def test_only_adopted_bridges_need_no_rule_that_asks() -> None:
    world = World()
    world.state.host.links["lxcbr0"] = Link("lxcbr0", "bridge", 50, up=True, addresses=("10.9.0.1/24",))
    world.run("docker_bridge", name="lxcbr0", adopt=True)
    assert asking(world) == []


@pytest.mark.parametrize("name", ["docker0", "tap0"])
def test_with_an_interface_of_others_in_the_group_rules_do_without_it(world: World, name: str) -> None:
    before = asking(world)
    kind = "bridge" if name == "docker0" else "tun"
    world.state.host.links[name] = Link(name, kind, 60, up=True, group=BRIDGE_GROUP)
    plan = world.run("docker_bridge", name="br0")
    assert asking(world) == [] and world.state.host.links[name].group == BRIDGE_GROUP
    assert {(operation.family, operation.table) for operation in plan.operations if isinstance(
        operation, RestoreTable)} == {(family, "filter") for family in FAMILIES}
    assert len(plan.operations) == len(FAMILIES) and world.run("docker_bridge", name="br0").operations == ()
    change(world, name, group=0)
    world.run("docker_bridge", name="br0")
    assert asking(world) == before


def test_a_kernel_that_does_not_know_groups_has_all_other_rules(world: World) -> None:
    def others() -> dict[tuple[str, str], dict[str, tuple[str, ...]]]:
        return {key: {name: tuple(line for line in chain.lines if "MOORING-BEGUN" not in line)
                      for name, chain in table.chains.items() if name != "MOORING-BEGUN"}
                for key, table in world.state.tables.items()}

    before = others()
    world.state.groups = False
    plan = world.run("docker_bridge", name="br0")
    assert asking(world) == [] and others() == before and plan.warnings == ()
    assert world.run("docker_bridge", name="br0").operations == ()
    world.bridge("br2", "192.168.7.1/24")
    assert groups(world)["br2"] == BRIDGE_GROUP and asking(world) == []


def test_bridges_of_an_earlier_version_join_before_rules_ask(world: World) -> None:
    world.state.groups = False
    world.run("docker_bridge", name="br0")
    for name in ("br0", "br1"):
        change(world, name, group=0)
    world.state.groups = True
    plan = world.run("netns_attach", netns="web")
    assert [action.split(":")[0] for action in plan.steps] == [
        "set br0", "set br1", "ipv4 filter table", "ipv6 filter table"]
    assert world.info()["drift"] == []
