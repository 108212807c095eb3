# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges without rules: what needs them is refused in each order and mode, what means nothing without them is told."""
from __future__ import annotations

from typing import Any

import pytest
from world import World, uplink_state

BRIDGE = {"name": "b", "bip": "10.1.0.1/24", "bip6": "2001:db8:1::1/64"}
SWITCHES = ("iptables", "ip6tables")


@pytest.fixture
def world() -> World:
    return World(uplink_state())


@pytest.mark.parametrize("switch", SWITCHES)
def test_icc_off_and_no_rules_in_one_task_leave_nothing(world: World, switch: str) -> None:
    for mode in (world.check, world.run):
        with pytest.raises(Exception) as caught:
            mode("docker_bridge", **BRIDGE, icc=False, **{switch: False})
        assert str(caught.value) == (f"icc: 'False' needs rules, and bridge b has {switch}: false. "
                                     f"Say {switch}: true for it, or icc: true.")
    said = world.document_refuses([{**BRIDGE, "icc": False, switch: False, "containers": [{"name": "web"}]}])
    assert said.startswith("networks[0] (b): icc: 'False' needs rules, and bridge b has ")
    assert "b" not in world.state.host.links and not world.host.executed


@pytest.mark.parametrize("switch", SWITCHES)
def test_one_after_the_other_is_refused_by_either_module(world: World, switch: str) -> None:
    world.run("docker_bridge", **BRIDGE, **{switch: False})
    message = f"icc: 'False' needs rules, and bridge b has {switch}: false. Say {switch}: true for "
    assert world.refuses("docker_bridge", name="b", icc=False).startswith(message)
    assert world.refuses("icc_policy", bridge="b", icc=False).startswith(message)
    world.run("docker_bridge", name="b", icc=False, **{switch: True})
    assert world.refuses("docker_bridge", name="b", **{switch: False}) == (
        f"{switch}: 'False' contradicts icc: false of bridge b, which is made of rules. Say icc: true as well.")
    assert world.run("docker_bridge", name="b", icc=True, **{switch: False}).after[0]["icc"] is True


def test_ipv6_counts_where_there_is_some(world: World) -> None:
    world.run("docker_bridge", name="b", bip="10.1.0.1/24", icc=False, ip6tables=False)
    assert world.refuses("docker_bridge", **BRIDGE).startswith("ip6tables: 'False' contradicts icc: false of bridge b")


def test_it_is_what_icc_policy_sets(world: World) -> None:
    assert world.run("docker_bridge", **BRIDGE, icc=False).after[0]["icc"] is False
    assert world.run("docker_bridge", name="b").operations == world.run("docker_bridge", name="b", icc=False).operations
    assert world.run("icc_policy", bridge="b", icc=False).operations == ()
    world.run("icc_policy", bridge="b", icc=True)
    assert world.run("docker_bridge", name="b").after[0]["icc"] is True


def told(world: World, **given: Any) -> list[str]:
    return [each for each in world.run("docker_bridge", **given).warnings if not each.startswith("forwarding (")]


@pytest.mark.parametrize(("given", "options"), [
    ({"ip_masq": True}, "ip_masq: true of it says"),
    ({"gateway_mode": "routed"}, "gateway_mode: routed of it says"),
    ({"trusted_interfaces": ["wg0"], "trusted_networks": ["10.9.0.0/24"]},
     "trusted_interfaces and trusted_networks of it say")])
def test_what_says_nothing_without_rules_is_told(world: World, given: dict[str, Any], options: str) -> None:
    base = {"name": "b", "bip": "10.1.0.1/24"}
    assert told(world, **base, **given, iptables=False) == [
        "bridge b has iptables: false, so that its containers are open to everybody who has a route to them, and "
        f"nothing is translated: {options} nothing there"]
    assert told(world, **base) == []
    assert told(world, **base, **given, iptables=True) == []


def test_each_family_for_itself(world: World) -> None:
    assert told(world, **BRIDGE, ip_masq=True, gateway_mode="nat", gateway_mode_v6="nat", iptables=False) == []
    both = told(world, name="b", ip_masq=True, ip6tables=False, trusted_networks=["2001:db8:9::/64"])
    assert len(both) == 1 and both[0].startswith("bridge b has iptables: false and ip6tables: false, so that")
    assert "ip_masq: true and trusted_networks of it say nothing" in both[0]


def test_a_chain_of_the_administrators_that_nothing_asks(world: World) -> None:
    assert told(world, name="b", bip="10.1.0.1/24", iptables=False, user_chain=True) == [
        "user_chain: no bridge has rules of iptables, so that MOORING-USER is asked by nothing there until one has "
        "(iptables: true)"]
    assert told(world, name="c", bip="10.2.0.1/24", user_chain=True) == []
