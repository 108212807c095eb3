# SPDX-License-Identifier: GPL-3.0-or-later
"""Links that have lost their mark: they keep what they had, it is told, and what is certainly ours gets it back."""
from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.names import endpoint_link
from world import World, picture

BRIDGES: list[dict[str, Any]] = [
    {}, {"icc": False}, {"ip_masq": False}, {"iptables": False}, {"ip6tables": False}, {"ip_forward": True},
    {"gateway_mode": "routed"}, {"bip6": "2001:db8:5::1/64", "gateway_mode_v6": "routed"},
    {"bip6": "2001:db8:5::1/64", "icc": False, "trusted_networks": ["192.0.2.0/24", "2001:db8:9::/64"]},
    {"trusted_interfaces": ["ens3"], "trusted_networks": ["192.0.2.7"]}, {"allow_bridges": ["other"]},
    {"internal": True}, {"internal": True, "bip6": "2001:db8:5::1/64", "icc": False},
    {"internal": True, "gateway_mode": "isolated"}, {"outbound_address": "192.0.2.10"},
    {"bip6": "2001:db8:5::1/64", "outbound_address_v6": "2001:db8::9", "allow_bridges": ["other"]}]


@pytest.fixture(params=BRIDGES, ids=str)
def world(request: pytest.FixtureRequest) -> World:
    given = dict(request.param)
    icc = given.pop("icc", True)
    found = World()
    found.bridge("other", "10.8.0.1/24")
    found.bridge(**given)
    found.attach("web", "db", bridge="br0")
    if not icc:
        found.run("icc_policy", bridge="br0", icc=False)
    if given.get("iptables", True) and not {"gateway_mode", "internal"} & set(given):
        found.publish("web", "127.0.0.1:8080:80")
    return found


def lose(world: World, *names: str, **changes: Any) -> None:
    links = world.state.host.links
    for name in names:
        links[name] = dataclasses.replace(links[name], alias="", **changes)


def test_a_bridge_gets_its_settings_from_its_rules(world: World) -> None:
    before, shown = picture(world.state), world.info()["bridges"]
    lose(world, "br0")
    found = world.info()
    assert found["drift"] == ["record the settings of br0"] and found["bridges"] == shown
    plan = world.run("icc_policy", bridge="other", icc=True)
    assert plan.steps == found["drift"]
    assert picture(world.state) == before and world.info()["drift"] == []


def test_one_of_that_name_keeps_its_rules_until_it_is_named(world: World) -> None:
    """Its MAC address says nothing, so somebody else may have made it since."""
    before, shown = picture(world.state)["tables"], world.info()["bridges"]
    lose(world, "br0", mac="02:00:00:00:00:09")
    assert "lost its mark" in world.info()["drift"][-1]
    plan = world.run("icc_policy", bridge="other", icc=True)
    assert plan.steps == [] and "lost its mark" in plan.warnings[-1]
    assert picture(world.state)["tables"] == before
    assert "mac_address" in world.refuses("docker_bridge", name="br0")
    assert "is not a bridge" in world.refuses("icc_policy", bridge="br0", icc=True)
    world.run("docker_bridge", name="br0", mac_address="02:00:00:00:00:09")
    assert picture(world.state)["tables"] == before and world.info()["drift"] == []
    assert world.info()["bridges"] == [{**each, "mac_address": "02:00:00:00:00:09"} if each["name"] == "br0" else each
                                       for each in shown]


def test_who_lets_go_of_one_is_rid_of_its_rules(world: World) -> None:
    lose(world, "br0", mac="02:00:00:00:00:09")
    plan = world.run("docker_bridge", name="br0", state="absent", force=True)
    assert "br0" in world.state.host.links and "left alone" in plan.warnings[0]
    assert not any("-br0" in name for table in world.state.tables.values() for name in table.chains)


def test_an_exclusive_document_removes_what_has_lost_its_mark(world: World) -> None:
    lose(world, "br0", endpoint_link("web", "eth0"))
    world.document([], exclusive=True)
    assert set(world.state.host.links) == {"lo", "ens3"}
    assert not any(table.chains for table in world.state.tables.values())


def test_an_end_gets_its_lease_back(world: World) -> None:
    before = picture(world.state)
    lose(world, endpoint_link("web", "eth0"), endpoint_link("db", "eth0"))
    drift = world.info()["drift"]
    assert sorted(drift) == sorted(f"record the settings of {endpoint_link(name, 'eth0')}" for name in ("web", "db"))
    assert world.run("icc_policy", bridge="other", icc=True).steps == drift
    assert picture(world.state) == before


def test_a_bridge_and_its_ends_at_once(world: World) -> None:
    before = picture(world.state)
    lose(world, "br0", endpoint_link("web", "eth0"))
    world.run("netns_attach", netns="web")
    assert picture(world.state) == before and world.info()["drift"] == []


def test_a_container_does_not_choose_what_its_end_is_marked_with() -> None:
    """It may give itself any address; what was set of its neighbours is the host's."""
    world = World()
    world.bridge()
    world.attach("web", "db")
    web = world.inner("web")
    world.state.namespaces["/run/netns/web"].links["eth0"] = dataclasses.replace(
        web, addresses=("192.168.5.3/24",), mac="02:42:c0:a8:05:03")
    alias = world.state.host.links[endpoint_link("web", "eth0")].alias
    lose(world, endpoint_link("web", "eth0"))
    world.run("icc_policy", bridge="br0", icc=True)
    assert world.state.host.links[endpoint_link("web", "eth0")].alias == alias


def test_an_end_of_which_nothing_tells_the_lease_is_made_anew_by_who_names_it() -> None:
    world = World()
    world.bridge()
    world.attach("web")
    lose(world, endpoint_link("web", "eth0"))
    (world.state.neighbours or {}).clear()
    world.run("icc_policy", bridge="br0", icc=True)
    assert not world.state.host.links[endpoint_link("web", "eth0")].alias
    plan = world.run("netns_attach", netns="web")
    assert plan.steps[0] == f"delete veth {endpoint_link('web', 'eth0')}"
    assert plan.after[0]["address"] == "192.168.5.2/24" and world.info()["drift"] == []


def test_a_bridge_of_that_name_that_is_taken_over_is_somebody_elses() -> None:
    world = World()
    world.bridge()
    lose(world, "br0", mac="02:00:00:00:00:09")
    assert world.run("docker_bridge", name="br0", adopt=True).after[0]["adopted"]
    world.run("docker_bridge", name="br0", state="absent")
    assert "br0" in world.state.host.links


def test_nothing_is_done_to_a_bridge_that_may_be_somebody_elses() -> None:
    world = World()
    world.bridge()
    lose(world, "br0", mac="02:00:00:00:00:09", up=False, group=7)
    before = picture(world.state)
    assert world.run("netns_attach", netns="nobody", state="absent").steps == []
    assert picture(world.state) == before and len(world.info()["drift"]) == 1


def test_an_end_of_a_pair_has_its_name_from_the_other_one() -> None:
    world = World()
    world.bridge()
    world.run("veth_pair", name="a", peer={"name": "b"})
    before = picture(world.state)
    lose(world, "b")
    assert world.info()["drift"] == ["record the settings of b"]
    world.run("icc_policy", bridge="br0", icc=True)
    assert picture(world.state) == before


@pytest.mark.parametrize("others", [(), ("other",)])
def test_the_guard_outlasts_the_bridge_that_it_came_with(others: tuple[str, ...]) -> None:
    """Forwarding stays on, and the next bridge finds it on."""
    world = World()
    world.bridge()
    for name in others:
        world.bridge(name, "10.8.0.1/24")
    assert guards(world) == ["ipv4"]
    del world.state.host.links["br0"]
    world.run("netns_attach", netns="nobody", state="absent")
    assert guards(world) == ["ipv4"] and world.info()["drift"] == []
    world.bridge("br1", "10.7.0.1/24")
    assert guards(world) == ["ipv4"]
    assert any("guard=ipv4" in link.alias for link in world.state.host.links.values())
    plan = world.document([], exclusive=True)
    assert guards(world) == [] and any("stays on" in warning for warning in plan.warnings)


@pytest.mark.parametrize("given", [{"forward_others": True}, {"state": "absent"}])
def test_the_guard_without_a_bridge_ends_when_somebody_says_so(given: dict[str, Any]) -> None:
    world = World()
    world.bridge()
    del world.state.host.links["br0"]
    bip = {} if "state" in given else {"bip": "10.7.0.1/24"}
    world.run("docker_bridge", name="br0", **bip, **given)
    assert guards(world) == []


def test_a_document_without_networks_ends_the_guard_of_a_bridge_that_is_gone() -> None:
    world = World()
    world.bridge()
    del world.state.host.links["br0"]
    world.document([], exclusive=True)
    assert not any(table.chains or table.hooks for table in world.state.tables.values())


def guards(world: World) -> list[str]:
    return [family for (family, table), found in world.state.tables.items() if "MOORING-OTHERS" in found.chains]
