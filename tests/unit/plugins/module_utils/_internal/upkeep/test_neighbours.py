# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the host says that its containers are, and when that changes."""
from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.host.endpoints import endpoints
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link, Neighbour
from ansible_collections.mooring.net.plugins.module_utils._internal.link.neighbours import NeighbourAdd, NeighbourDel
from ansible_collections.mooring.net.plugins.module_utils._internal.link.operations import LinkSet
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import named_path
from world import World

WEB, DB, OTHER = "02:42:c0:a8:05:02", "02:42:c0:a8:05:03", "02:42:c0:a8:05:09"


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge(fixed_cidr_v6="2001:db8:5::/64")
    found.attach("web")
    return found


def known(world: World) -> dict[str, str]:
    """What the host says of addresses, and of MAC addresses by container."""
    names = {endpoint.link.name: endpoint.container for endpoint in endpoints(world.state)}
    return {each.address or each.mac: each.mac if each.address else names[each.interface]
            for each in (world.state.neighbours or {}).values()}


def test_a_lease_is_known_to_the_host_after_its_inside_was_made(world: World) -> None:
    assert known(world) == {"192.168.5.2": WEB, "2001:db8:5::2": WEB, WEB: "web"}
    plan = world.run("netns_attach", netns="db")
    adding = [isinstance(operation, NeighbourAdd) for operation in plan.operations]
    assert adding.index(True) > max(number for number, operation in enumerate(plan.operations)
                                    if operation.netns == named_path("db"))
    assert world.run("netns_attach", netns="db").operations == ()
    assert world.check("netns_attach", netns="third").steps == world.run("netns_attach", netns="third").steps


def test_what_was_set_goes_with_the_lease(world: World) -> None:
    plan = world.run("netns_attach", netns="web", state="absent")
    assert known(world) == {}
    assert plan.steps[-2:] == [f"remove neighbour 192.168.5.2 on br0: {WEB}",
                                 f"remove neighbour 2001:db8:5::2 on br0: {WEB}"]
    world.attach("web")
    plan = world.run("docker_bridge", name="br0", state="absent", force=True)
    assert known(world) == {} and not any(isinstance(each, NeighbourDel) for each in plan.operations)


def test_it_follows_the_address(world: World) -> None:
    plan = world.run("netns_attach", netns="web", address="192.168.5.9")
    assert known(world) == {"192.168.5.9": OTHER, "2001:db8:5::2": OTHER, OTHER: "web"}
    kinds = [type(operation).__name__ for operation in plan.operations]
    first = kinds.index("AddrDel")
    assert "NeighbourDel" in kinds[:first] and "NeighbourAdd" not in kinds[:first]
    assert [kind for kind in kinds[first:] if kind.startswith("Neighbour")] == ["NeighbourAdd"] * 3


def test_it_follows_a_given_mac_address_and_keeps_it(world: World) -> None:
    mac = "02:00:00:00:00:07"
    world.run("netns_attach", netns="web", mac_address=mac)
    assert known(world) == {"192.168.5.2": mac, "2001:db8:5::2": mac, mac: "web"}
    world.run("netns_attach", netns="web", address="192.168.5.9")
    assert known(world) == {"192.168.5.9": mac, "2001:db8:5::2": mac, mac: "web"}
    assert world.inner("web").mac == mac


def test_containers_that_exchange_their_addresses(world: World) -> None:
    world.attach("db")
    plan = world.run("netns_attach", config=[{"netns": "web", "address": "192.168.5.3"},
                                             {"netns": "db", "address": "192.168.5.2"}])
    assert known(world) == {"192.168.5.2": WEB, "2001:db8:5::2": DB, "192.168.5.3": DB, "2001:db8:5::3": WEB,
                            WEB: "db", DB: "web"}
    assert "192.168.5.2" not in " ".join(action for action in plan.steps if "neighbour" in action)


def test_it_follows_to_another_bridge_and_to_another_subnet(world: World) -> None:
    world.run("docker_bridge", name="br1", bip="10.9.0.1/24")
    world.run("netns_attach", netns="web", bridge="br1")
    mac = "02:42:0a:09:00:02"
    assert known(world) == {"10.9.0.2": mac, mac: "web"}
    world.bridge("br1", "10.8.0.1/24")
    mac = "02:42:0a:08:00:02"
    assert known(world) == {"10.8.0.2": mac, mac: "web"}
    assert {each.interface for each in world.state.neighbours.values() if each.address} == {"br1"}


def test_what_somebody_removes_or_changes_is_drift(world: World) -> None:
    gone = world.state.neighbours.pop(("br0", "192.168.5.2"))
    wrong = world.state.neighbours["br0", "2001:db8:5::2"] = Neighbour("br0", OTHER, "2001:db8:5::2")
    actions = [f"remove neighbour {wrong.address} on br0: {OTHER}", f"set neighbour {gone.address} on br0: {WEB}",
               f"set neighbour {wrong.address} on br0: {WEB}"]
    assert world.info()["drift"] == actions
    assert world.run("port_publish", netns="web", published_ports=[]).steps == actions


def test_what_others_have_set_stays(world: World) -> None:
    theirs = {("br0", address): Neighbour("br0", OTHER, address, own=False)
              for address in ("192.168.5.2", "192.168.5.77")}
    world.state.neighbours.update(theirs)
    for given in ({"address": "192.168.5.77"}, {"state": "absent"}):
        world.run("netns_attach", netns="web", **given)
        assert {key: each for key, each in world.state.neighbours.items() if not each.own} == theirs
    assert world.state.neighbours == theirs


def test_a_mac_address_that_two_have_is_at_no_port(world: World) -> None:
    for name in ("one", "other"):
        world.run("netns_attach", netns=name, mac_address=OTHER)
    assert {address: mac for address, mac in known(world).items() if OTHER in (address, mac)} == {
        "192.168.5.3": OTHER, "2001:db8:5::3": OTHER, "192.168.5.4": OTHER, "2001:db8:5::4": OTHER}
    assert world.run("netns_attach", netns="other").operations == ()


def test_a_lease_from_before_is_known_as_soon_as_its_container_is_named(world: World) -> None:
    link = next(endpoint.link for endpoint in endpoints(world.state))
    world.host.carry_out(LinkSet("", link, dataclasses.replace(link, alias=link.alias.replace(" mac=ip", ""))))
    for own in list(world.state.neighbours):
        del world.state.neighbours[own]
    assert world.run("port_publish", netns="web", published_ports=[]).operations == ()
    world.run("netns_attach", netns="web")
    assert known(world) == {"192.168.5.2": WEB, "2001:db8:5::2": WEB, WEB: "web"}


def test_a_lease_from_before_with_a_mac_address_of_its_own_is_left_to_itself(world: World) -> None:
    link = next(endpoint.link for endpoint in endpoints(world.state))
    world.host.carry_out(LinkSet("", link, dataclasses.replace(link, alias=link.alias.replace(" mac=ip", ""))))
    inner = world.inner("web")
    world.host.carry_out(LinkSet(named_path("web"), inner, dataclasses.replace(inner, mac=OTHER)))
    world.run("netns_attach", netns="web")
    assert known(world) == {} and world.inner("web").mac == OTHER


def test_what_a_container_does_to_its_mac_address_is_undone(world: World) -> None:
    inner = world.inner("web")
    world.host.carry_out(LinkSet(named_path("web"), inner, dataclasses.replace(inner, mac=OTHER)))
    world.run("netns_attach", netns="web")
    assert world.inner("web").mac == WEB


def test_on_a_bridge_of_others_nothing_is_set(world: World) -> None:
    world.run("veth_pair", name="one", peer={"name": "other"})
    world.state.host.links["lan"] = dataclasses.replace(world.state.host.links["br0"], name="lan", alias="", index=77)
    world.run("netns_attach", netns="far", interface="other", bridge="lan", address="10.1.0.2/24")
    assert known(world) == {"192.168.5.2": WEB, "2001:db8:5::2": WEB, WEB: "web"}


def test_a_kernel_that_keeps_no_word_of_whose_they_are_has_none(world: World) -> None:
    world.state.neighbours = None
    world.attach("db")
    assert world.info()["drift"] == [] and world.state.neighbours is None


def test_a_bridge_with_another_mac_address_has_forgotten_all(world: World) -> None:
    before = known(world)
    plan = world.run("docker_bridge", name="br0", mac_address="02:00:00:00:00:01")
    assert [action.split()[0] for action in plan.steps] == ["set"] * 3 and known(world) == before


def test_addresses_on_an_adopted_bridge_are_asked_for(world: World) -> None:
    world.state.host.links["lan"] = Link("lan", "bridge", 77, up=True, addresses=("10.1.0.1/24",))
    world.run("docker_bridge", name="lan", adopt=True)
    world.run("netns_attach", netns="far", bridge="lan")
    mac = "02:42:0a:01:00:02"
    assert {address: whose for address, whose in known(world).items() if mac in (address, whose)} == {mac: "far"}
    world.run("docker_bridge", name="lan", state="absent", force=True)
    assert mac not in known(world)


@pytest.mark.parametrize("bip", ["192.168.5.100/24", "192.168.5.1/25"])
def test_a_bridge_with_another_address_has_forgotten_those_of_ipv4(world: World, bip: str) -> None:
    before = known(world)
    plan = world.bridge(bip=bip, fixed_cidr_v6="2001:db8:5::/64")
    assert [action for action in plan.steps if "neighbour" in action] == [f"set neighbour 192.168.5.2 on br0: {WEB}"]
    assert known(world) == before
