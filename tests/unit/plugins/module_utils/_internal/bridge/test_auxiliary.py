# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of a bridge that no container gets."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.applied.text import parse
from world import World


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge(fixed_cidr_v6="2001:db8:5::/64", aux_addresses={"router": "192.168.5.2", "dns": "2001:db8:5::2"})
    return found


def test_no_container_gets_them(world: World) -> None:
    plan = world.run("netns_attach", netns="web")
    assert (plan.after[0]["address"], plan.after[0]["address_v6"]) == ("192.168.5.3/24", "2001:db8:5::3/64")
    for option, address, name in (("address", "192.168.5.2", "router"), ("address_v6", "2001:db8:5::2", "dns")):
        assert world.refuses("netns_attach", netns="db", **{option: address}).startswith(
            f"{option}: '{address}' is taken by {name} (aux_addresses of bridge br0)")


def test_they_are_kept_and_taken_away(world: World) -> None:
    wanted = {"router": "192.168.5.2", "dns": "2001:db8:5::2"}
    assert world.run("docker_bridge", name="br0").operations == ()
    assert world.info()["bridges"][0]["aux_addresses"] == wanted
    assert world.run("docker_bridge", name="br0", aux_addresses=wanted).operations == ()
    assert world.check("docker_bridge", name="br0", aux_addresses={}).steps == ["record the settings of br0"]
    world.run("docker_bridge", name="br0", aux_addresses={})
    assert world.info()["bridges"][0]["aux_addresses"] == {} and world.attach("web") == ["192.168.5.2/24"]


@pytest.mark.parametrize("given, says", [
    ({"router": "192.168.5.3"}, "aux_addresses.router: '192.168.5.3' is taken by container web"),
    ({"router": "2001:db8:5::3"}, "aux_addresses.router: '2001:db8:5::3' is taken by container web"),
    ({"router": "192.168.5.1"}, "aux_addresses.router: '192.168.5.1' is taken by the bridge itself"),
    ({"router": "10.0.0.1"}, "aux_addresses.router: '10.0.0.1' is not in 192.168.5.0/24, the subnet of bridge br0"),
    ({"router": "2001:db8::1"}, "aux_addresses.router: '2001:db8::1' is not in 2001:db8:5::/64"),
    ({"router": "nowhere"}, "aux_addresses.router: 'nowhere' is not an IP address"),
    ({"router": "192.168.5.9/24"}, "aux_addresses.router: '192.168.5.9/24' is not an IP address"),
    ({"a": "192.168.5.9", "b": "192.168.5.9"}, "aux_addresses.b: '192.168.5.9' is the address of a already"),
    ({"a@b": "192.168.5.9"}, "aux_addresses: 'a@b' is not a name for an address"),
    ({f"n{number}": f"192.168.5.{number}" for number in range(100, 120)}, "aux_addresses: ")])
def test_what_cannot_be_is_refused(world: World, given: dict[str, str], says: str) -> None:
    world.attach("web")
    assert world.refuses("docker_bridge", name="br0", aux_addresses=given).startswith(says)


def test_another_subnet_needs_other_ones(world: World) -> None:
    message = world.refuses("docker_bridge", name="br0", bip="10.9.0.1/24")
    assert message.startswith("aux_addresses.router: '192.168.5.2' is not in 10.9.0.0/24")
    world.run("docker_bridge", name="br0", bip="10.9.0.1/24", aux_addresses={"router": "10.9.0.2"})
    assert world.attach("web") == ["10.9.0.3/24"]


def test_a_host_comes_back_to_them() -> None:
    world = World()
    world.state.persistent = True
    wanted = {"router": "192.168.5.2"}
    world.bridge(aux_addresses=wanted)
    assert parse(world.state.lasting["applied.json"]).of("docker_bridge")[0]["aux_addresses"] == wanted
    world.run("docker_bridge", name="br0", aux_addresses={})
    assert "aux_addresses" not in parse(world.state.lasting["applied.json"]).of("docker_bridge")[0]
