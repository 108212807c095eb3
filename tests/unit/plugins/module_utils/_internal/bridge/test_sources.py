# SPDX-License-Identifier: GPL-3.0-or-later
"""From which addresses something may come in by a bridge, and what holds while they change."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.bridge.model import bridges
from ansible_collections.mooring.net.plugins.module_utils._internal.bridge.sources import find_sources, meet_sources
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.operations import RestoreTable
from ansible_collections.mooring.net.plugins.module_utils._internal.link.addressing import AddrAdd, AddrDel
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link, Route
from ansible_collections.mooring.net.plugins.module_utils._internal.link.operations import LinkAdd
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST
from world import World

SOURCES = "MOORING-SOURCES"


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge("front", "10.10.0.1/24", fixed_cidr_v6="2001:db8:10::/64")
    found.bridge("back", "10.20.0.1/24")
    return found


def sources(world: World, family: str = "ipv4") -> dict[str, tuple[str, ...]]:
    found = find_sources(world.state, bridges(world.state))
    return {name: networks for (name, kind), networks in found.items() if kind == family}


def lines(world: World, chain: str, family: str = "ipv4") -> str:
    found = world.state.tables[family, "raw"].chains.get(chain)
    return "\n".join(found.lines) if found else ""


def test_they_are_those_of_the_bridges_own_subnets(world: World) -> None:
    assert sources(world) == {"front": ("10.10.0.0/24",), "back": ("10.20.0.0/24",)}
    assert sources(world, "ipv6") == {"front": ("2001:db8:10::/64",), "back": ()}, "no IPv6 comes from a bridge without"
    assert "-s 10.10.0.0/24 -i front" in lines(world, SOURCES)
    assert "-i back" in lines(world, "MOORING-INSIDE", "ipv6") and "-i back" not in lines(world, SOURCES, "ipv6")


def test_nobody_is_the_host_with_an_ipv6_address_of_the_bridge(world: World) -> None:
    text = lines(world, SOURCES, "ipv6")
    assert text.index("-s 2001:db8:10::1 -i front") < text.index("-s 2001:db8:10::/64 -i front")
    assert "-j DROP" in text.splitlines()[0]


def test_a_bridge_with_an_interface_of_the_host_is_left_alone(world: World) -> None:
    world.state.host.links["ens4"] = Link("ens4", "", 70, up=True, controller="front")
    world.run("docker_bridge", name="front")
    assert sources(world) == {"back": ("10.20.0.0/24",)}
    assert "front" not in lines(world, SOURCES) + lines(world, "MOORING-INSIDE")


def test_an_adopted_bridge_is_left_alone_while_ports_of_others_are_on_it(world: World) -> None:
    world.host.execute([LinkAdd(HOST, Link("theirs", "bridge", up=True)), AddrAdd(HOST, "theirs", "10.40.0.1/24"),
                        AddrAdd(HOST, "theirs", "10.41.0.1/24")])
    world.run("docker_bridge", name="theirs", adopt=True)
    assert sources(world)["theirs"] == ("10.40.0.0/24", "10.41.0.0/24")
    world.attach("web", bridge="theirs")
    assert "theirs" in sources(world)
    world.state.host.links["vnet0"] = Link("vnet0", "tun", 71, up=True, controller="theirs")
    assert "theirs" not in sources(world)
    world.state.host.links["vnet0"] = Link("vnet0", "tun", 71, up=True, controller="front")
    assert {"front", "theirs"} <= set(sources(world)), "who puts a port on a bridge of ours takes an address of it"


def test_what_the_host_routes_through_a_container_may_come_from_there(world: World) -> None:
    world.state.host.routes += [
        Route("10.99.0.0/16", "front", "10.10.0.9"), Route("10.10.0.128/25", "front", "10.10.0.9"),
        Route("10.98.0.0/16", "front", "10.77.0.9"), Route("10.97.0.0/16", "front")]
    assert sources(world)["front"] == ("10.10.0.0/24", "10.99.0.0/16")
    assert world.run("docker_bridge", name="front").steps == ["ipv4 raw table: replace MOORING-SOURCES"]
    world.state.host.routes.append(Route("default", "front", "10.10.0.254"))
    assert "front" not in sources(world) and "front" in sources(world, "ipv6")


def test_a_family_without_rules_of_ours_is_not_looked_at(world: World) -> None:
    world.run("docker_bridge", name="front", iptables=False)
    assert "front" not in lines(world, SOURCES) + lines(world, "MOORING-INSIDE")
    assert "-i front" in lines(world, SOURCES, "ipv6")
    world.run("docker_bridge", config=[{"name": name, "iptables": False} for name in ("front", "back")])
    assert not lines(world, SOURCES)


def test_a_bridge_that_gets_another_subnet_lets_both_through_on_the_way() -> None:
    before = {("a", "ipv4"): ("10.1.0.0/24",), ("b", "ipv4"): ("10.2.0.0/24",)}
    assert meet_sources(before, {**before, ("a", "ipv4"): ("10.3.0.0/24",)})["a", "ipv4"] == (
        "10.1.0.0/24", "10.3.0.0/24")


def test_but_not_what_was_anothers_before() -> None:
    before = {("a", "ipv4"): ("10.1.0.0/24",), ("b", "ipv4"): ("10.2.0.0/24",), ("c", "ipv4"): ("10.3.0.0/24",)}
    after = {("a", "ipv4"): ("10.2.0.0/16",), ("b", "ipv4"): ("10.1.0.0/24",), ("d", "ipv4"): ("10.4.0.0/24",)}
    assert meet_sources(before, after) == {**before, ("d", "ipv4"): ("10.4.0.0/24",)}


def test_a_bridge_that_is_looked_at_before_or_afterwards_is_so_on_the_way() -> None:
    one = {("a", "ipv4"): ("10.1.0.0/24",)}
    assert meet_sources(one, {}) == meet_sources({}, one) == one


def test_no_container_is_cut_off_while_its_bridge_moves(world: World) -> None:
    """Before and after each operation what the bridge's own containers send passes, at the address they have then."""
    world.attach("web", bridge="front")
    plan = world.check("docker_bridge", name="front", bip="10.30.0.1/24")
    assert any(isinstance(operation, AddrAdd) for operation in plan.operations)
    for operation in plan.operations:
        world.host.execute([operation])
        inner = world.state.namespaces["/run/netns/web"].links["eth0"].addresses
        text = lines(world, SOURCES)
        assert all(f"-s {address.rpartition('.')[0]}.0/24 -i front" in text for address in inner if "." in address)
    assert "10.10.0.0/24" not in lines(world, SOURCES)


def test_an_interface_loses_its_ipv4_routes_with_its_last_address(world: World) -> None:
    world.state.host.routes += [Route("10.99.0.0/16", "front", "10.10.0.9"), Route("10.98.0.0/16", "back", "10.20.0.9"),
                                Route("2001:db8:99::/64", "front", "2001:db8:10::9", "ipv6")]
    state = world.state.copy()
    AddrDel(HOST, "front", "10.10.0.1/24").apply(state)
    left = {route.destination for route in state.host.routes}
    assert "10.99.0.0/16" not in left and {"10.98.0.0/16", "2001:db8:99::/64"} <= left


def test_a_bridge_that_moves_forgets_what_was_routed_through_it(world: World) -> None:
    world.state.host.routes.append(Route("10.99.0.0/16", "front", "10.10.0.9"))
    world.run("docker_bridge", name="front")
    assert "10.99.0.0/16" in lines(world, SOURCES)
    plan = world.run("docker_bridge", name="front", bip="10.10.0.2/24")
    assert any(isinstance(operation, RestoreTable) for operation in plan.operations)
    assert "10.99.0.0/16" not in lines(world, SOURCES)
