# SPDX-License-Identifier: GPL-3.0-or-later
"""Forwarding is a setting of each interface: ours have it, and where those of others lack it, that is said."""
from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.host.model import outer_links
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link, Route
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST
from world import World

SWITCH, OF_BR0, NEW = "net/ipv4/ip_forward", "net/ipv4/conf/br0/forwarding", "net/ipv4/conf/default/forwarding"
SWITCH6, OF_BR0_V6 = "net/ipv6/conf/all/forwarding", "net/ipv6/conf/br0/forwarding"


def forwarding(**given: str) -> World:
    """A host that forwards, but not on new interfaces."""
    world = World()
    for family in ("ipv4", "ipv6"):
        world.state.sysctls[HOST, f"net/{family}/conf/default/forwarding"] = "0"
    world.state.sysctls[HOST, SWITCH] = world.state.sysctls[HOST, SWITCH6] = "1"
    world.state.host.links["ens3"] = dataclasses.replace(world.state.host.links["ens3"],
                                                         addresses=("192.0.2.10/24", "2001:db8::10/64"))
    world.state.sysctls[HOST, "net/ipv4/conf/ens3/forwarding"] = given.get("ens3", "1")
    return world


def test_a_bridge_that_would_be_born_without_it_has_it() -> None:
    world = forwarding()
    wanted = ["set net.ipv4.conf.br0.forwarding to 1", "set net.ipv6.conf.br0.forwarding to 1"]
    shown = world.check("docker_bridge", name="br0", bip="192.168.5.1/24", bip6="2001:db8:5::1/64")
    assert [action for action in shown.steps if "forwarding" in action] == wanted
    assert world.bridge(bip6="2001:db8:5::1/64").steps == shown.steps
    assert world.state.sysctls[HOST, OF_BR0] == world.state.sysctls[HOST, OF_BR0_V6] == "1"
    assert world.state.sysctls[HOST, NEW] == "0"


def test_a_family_that_the_bridge_lacks_and_a_host_that_does_not_forward_are_left_alone() -> None:
    world = forwarding()
    assert not any("ipv6.conf.br0.forwarding" in action for action in world.bridge().steps)
    world = World()
    assert not any("br0.forwarding" in action for action in world.bridge(ip_forward=False).steps)


def test_when_the_whole_host_begins_no_interface_needs_it() -> None:
    world = World()
    assert [action for action in world.bridge().steps if "forward" in action and "set " in action] == [
        "set net.ipv4.ip_forward to 1 (was 0)"]


@pytest.mark.parametrize(("name", "given"), [
    ("netns_attach", {"netns": "web"}), ("port_publish", {"netns": "web", "published_ports": []}),
    ("icc_policy", {"bridge": "br0", "icc": True}), ("docker_bridge", {"name": "br0"})])
def test_every_run_puts_it_back(name: str, given: dict[str, object]) -> None:
    world = forwarding()
    world.bridge()
    world.attach("web")
    world.state.sysctls[HOST, OF_BR0] = "0"
    assert world.info()["drift"] == ["set net.ipv4.conf.br0.forwarding to 1 (was 0)"]
    assert world.check(name, **given).steps == world.run(name, **given).steps == [
        "set net.ipv4.conf.br0.forwarding to 1 (was 0)"]


def test_who_does_not_want_forwarding_gets_none() -> None:
    world = forwarding()
    world.bridge(ip_forward=False)
    world.attach("web")
    assert world.state.sysctls.get((HOST, OF_BR0)) is None and world.info()["drift"] == []
    assert world.bridge(ip_forward=False).warnings == ()


def test_an_uplink_without_it_is_an_obstacle() -> None:
    world = forwarding(ens3="0")
    world.state.host.links["ens4"] = Link("ens4", "", 9, up=True, addresses=("198.51.100.9/24",))
    begin = "net.ipv4.conf.ens3.forwarding is 0, so that nothing that comes in by ens3 gets to "
    bridge = f"{begin}containers of br0, nor any reply to them. Set it to 1 where it is set to 0"
    world.state.sysctls[HOST, "net/ipv4/conf/ens4/forwarding"] = "1"
    assert [warning.startswith(bridge) for warning in world.bridge().warnings] == [True]
    world.attach("web")
    plan = world.run("port_publish", netns="web", published_ports=["8080:80"])
    assert [warning.startswith(f"{begin}published ports of web. ") for warning in plan.warnings] == [True]
    assert world.run("port_publish", netns="web", published_ports=["127.0.0.1:8080:80"]).warnings == ()
    world.publish("web", "8080:80")
    assert [obstacle.startswith(f"{begin}published ports of web and containers of br0")
            for obstacle in world.info()["obstacles"]] == [True]
    world.state.sysctls[HOST, "net/ipv4/conf/ens3/forwarding"] = "1"
    assert world.info()["obstacles"] == []


def test_another_interface_matters_for_ports_at_its_address() -> None:
    world = forwarding()
    world.state.host.links["ens4"] = Link("ens4", "", 9, up=True, addresses=("198.51.100.9/24",))
    world.state.sysctls[HOST, "net/ipv4/conf/ens4/forwarding"] = "0"
    assert world.bridge().warnings == ()
    world.attach("web")
    for port, said in (("8080:80", True), ("198.51.100.9:8080:80", True), ("192.0.2.10:8080:80", False)):
        plan = world.run("port_publish", netns="web", published_ports=[port])
        assert bool(plan.warnings) is said
        assert not said or "net.ipv4.conf.ens4.forwarding is 0" in plan.warnings[0]


@pytest.mark.parametrize("switch", [SWITCH, SWITCH6])
def test_a_host_that_does_not_forward_any_more_is_an_obstacle(switch: str) -> None:
    begin = f"{switch.replace('/', '.')} is 0, so that nothing from outside gets to published ports of web. docker_"
    world = forwarding()
    world.bridge(bip6="2001:db8:5::1/64")
    world.attach("web")
    world.publish("web", "8080:80")
    world.state.sysctls[HOST, switch] = "0"
    plan = world.run("port_publish", netns="web", published_ports=["8080:80"])
    assert plan.operations == ()
    assert [warning.startswith(begin) for warning in plan.warnings] == [True]
    assert begin.partition(",")[0] in world.info()["obstacles"][0]
    assert world.run("docker_bridge", name="br0").warnings == ()
    assert world.info()["obstacles"] == []


def test_interfaces_that_packets_come_in_by() -> None:
    world = World()
    world.bridge()
    for number, (name, kind, controller) in enumerate((("bond0", "bond", ""), ("ens8", "", "bond0"), ("red", "vrf", ""),
                                                       ("ens9", "", "red"), ("docker0", "bridge", ""),
                                                       ("veth7", "veth", "docker0")), 40):
        world.state.host.links[name] = Link(name, kind, number, up=True, controller=controller)
    assert sorted(link.name for link in outer_links(world.state.host)) == ["bond0", "docker0", "ens3", "ens9", "red"]


def test_a_vpn_with_two_halves_of_a_default_route_is_an_uplink() -> None:
    world = forwarding()
    world.state.host.links["tun0"] = Link("tun0", "tun", 9, up=True, addresses=("10.8.0.2/24",))
    world.state.host.routes.append(Route("0.0.0.0/1", "tun0", "10.8.0.1"))
    world.state.sysctls[HOST, "net/ipv4/conf/tun0/forwarding"] = "0"
    assert "net.ipv4.conf.tun0.forwarding is 0" in world.bridge().warnings[0]


def test_ports_at_an_address_of_another_interface_come_in_by_the_uplink() -> None:
    world = forwarding(ens3="0")
    world.state.host.links["eth9"] = Link("eth9", "", 19, up=True, addresses=("203.0.113.1/24",))
    world.state.sysctls[HOST, "net/ipv4/conf/eth9/forwarding"] = "1"
    world.bridge()
    world.attach("web")
    warnings = world.run("port_publish", netns="web", published_ports=["203.0.113.1:8080:80"]).warnings
    assert [each.split(",")[0] for each in warnings] == ["net.ipv4.conf.ens3.forwarding is 0"]


def test_ipv6_is_not_forwarded_by_an_uplink_that_hears_routers() -> None:
    world = World()
    world.bridge(bip6="2001:db8:5::1/64")
    world.state.host.routes.append(Route("default", "br0", "2001:db8:5::9", "ipv6"))
    world.bridge(adopt_uplink=True, fixed_cidr="192.168.5.128/25")
    setting = HOST, "net/ipv6/conf/br0/forwarding"
    world.state.sysctls[setting] = "0"
    assert world.bridge().operations == () and world.state.sysctls[setting] == "0"
