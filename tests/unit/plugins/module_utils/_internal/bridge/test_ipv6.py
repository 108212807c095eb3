# SPDX-License-Identifier: GPL-3.0-or-later
"""IPv6 on bridges, and hosts that go on to hear their routers when forwarding begins."""
from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST, named_path
from world import World

FAMILY6 = {"bip6": "2001:db8:5::1/64"}
FORWARDING, NEW = "net/ipv6/conf/all/forwarding", "net/ipv6/conf/default/{}"


def ra(interface: str) -> str:
    return f"net/ipv6/conf/{interface}/accept_ra"


def host(**values: str) -> World:
    """A host with these accept_ra by interface."""
    world = World()
    world.state.host.links["ens4"] = Link("ens4", "", 9, up=True)
    world.state.host.links["bond0"] = Link("bond0", "bond", 10, up=True)
    world.state.host.links["ens5"] = Link("ens5", "", 11, up=True, controller="bond0")
    for interface, value in values.items():
        world.state.sysctls[HOST, ra(interface)] = value
    return world


def heard(world: World) -> dict[str, str]:
    return {name.split("/")[3]: value for (netns, name), value in world.state.sysctls.items()
            if netns == HOST and name.endswith("/accept_ra") and value}


def test_interfaces_that_hear_routers_go_on_before_forwarding_begins() -> None:
    """Whatever routes the host has at the moment: an advertisement may bring an address and no route."""
    world = host(ens3="1", ens4="1", bond0="0", ens5="1", lo="1", default="1")
    plan = world.bridge(**FAMILY6)
    changes = [action for action in plan.steps if "accept_ra" in action or "all.forwarding" in action]
    assert changes == ["set net.ipv6.conf.br0.accept_ra to 0", *(
        f"set net.ipv6.conf.{name}.accept_ra to 2 (was 1)" for name in ("ens3", "ens4", "default")),
        "set net.ipv6.conf.all.forwarding to 1 (was 0)"]
    assert heard(world) == {"br0": "0", "ens3": "2", "ens4": "2", "bond0": "0", "ens5": "1", "lo": "1", "default": "2"}
    assert world.bridge(**FAMILY6).operations == ()


@pytest.mark.parametrize("options", [{}, {**FAMILY6, "ip_forward": False}])
def test_without_forwarding_of_ipv6_nothing_of_that_changes(options: dict[str, object]) -> None:
    world = host(ens3="1", default="1")
    world.bridge(**options)
    assert heard(world)["ens3"] == heard(world)["default"] == "1"


def test_what_hears_none_does_not_begin_to() -> None:
    """An interface that forwards ignores routers with accept_ra 1."""
    world = host(ens3="1", default="1")
    for name in ("all", "default", "ens3"):
        world.state.sysctls[HOST, f"net/ipv6/conf/{name}/forwarding"] = "1"
    world.bridge(**FAMILY6)
    assert heard(world)["ens3"] == heard(world)["default"] == "1"


def test_the_kernel_does_not_forget_routes_when_a_bridge_begins_to_forward() -> None:
    """A host forwards, and hears routers by the one interface that does not."""
    world = host(ens3="1", ens4="0", bond0="0")
    for name, value in (("all", "1"), ("default", "0"), ("ens3", "0")):
        world.state.sysctls[HOST, f"net/ipv6/conf/{name}/forwarding"] = value
    actions = world.bridge(**FAMILY6).steps
    assert actions[-2:] == ["set net.ipv6.conf.ens3.accept_ra to 2 (was 1)", "set net.ipv6.conf.br0.forwarding to 1"]


def test_a_bridge_has_ipv6_where_new_interfaces_begin_without() -> None:
    world = World()
    world.state.sysctls[HOST, NEW.format("disable_ipv6")] = "1"
    plan = world.bridge(**FAMILY6)
    begin = plan.steps.index("set net.ipv6.conf.br0.disable_ipv6 to 0")
    assert plan.steps[begin - 1:begin + 3] == [
        "create bridge br0", "set net.ipv6.conf.br0.disable_ipv6 to 0", "add address 192.168.5.1/24 to br0",
        "add address 2001:db8:5::1/64 to br0"]
    world.state.sysctls[HOST, "net/ipv6/conf/br0/disable_ipv6"] = "1"
    world.state.host.links["br0"] = dataclasses.replace(world.state.host.links["br0"], addresses=("192.168.5.1/24",))
    world.bridge(**FAMILY6)
    assert world.state.sysctls[HOST, "net/ipv6/conf/br0/disable_ipv6"] == "0"
    world.bridge("br1", "192.168.6.1/24")
    assert world.state.sysctls.get((HOST, "net/ipv6/conf/br1/disable_ipv6")) is None


def test_a_container_has_ipv6_where_its_new_interfaces_begin_without() -> None:
    world = World()
    world.bridge(**FAMILY6)
    path = world.start("web")
    world.state.sysctls[path, NEW.format("disable_ipv6")] = "1"
    world.run("netns_attach", container="web")
    assert world.state.sysctls[path, "net/ipv6/conf/eth0/disable_ipv6"] == "0"
    assert world.run("netns_attach", container="web").operations == ()


def test_an_end_of_a_pair_has_ipv6_where_new_interfaces_begin_without() -> None:
    world = World()
    world.bridge()
    world.attach("c1")
    for path in (HOST, named_path("c1")):
        world.state.sysctls[path, NEW.format("disable_ipv6")] = "1"
    pair = {"name": "a", "addresses": ["2001:db8:9::1/64"],
            "peer": {"name": "b", "netns": "c1", "addresses": ["2001:db8:9::2/64"]}}
    world.run("veth_pair", **pair)
    assert world.state.sysctls[HOST, "net/ipv6/conf/a/disable_ipv6"] == "0"
    assert world.state.sysctls[named_path("c1"), "net/ipv6/conf/b/disable_ipv6"] == "0"
    assert world.run("veth_pair", **pair).operations == ()


# MTU


def test_a_bridge_without_ipv6_may_have_a_small_mtu() -> None:
    world = World()
    plan = world.bridge(mtu="1200")
    assert not any("ipv6.conf.br0" in action for action in plan.steps)
    world.attach("web")
    assert (world.state.host.links["br0"].mtu, world.inner("web").mtu) == (1200, 1200)
    assert world.bridge(mtu="1200").operations == ()


def test_a_larger_mtu_comes_before_the_settings_that_come_with_it() -> None:
    world = World()
    world.bridge(mtu="1200")
    actions = world.bridge(mtu="1500").steps
    assert actions == ["set br0: mtu 1500 (was 1200)", "set net.ipv6.conf.br0.accept_ra to 0"]


@pytest.mark.parametrize("before", [{}, {"mtu": "1200"}, FAMILY6])
def test_a_small_mtu_with_ipv6_is_refused(before: dict[str, object]) -> None:
    world = World()
    world.bridge(**before)
    given = {"name": "br0", **FAMILY6, "mtu": "1200"} if before is not FAMILY6 else {"name": "br0", "mtu": "1200"}
    message = world.refuses("docker_bridge", **given)
    assert "mtu: '1200' is too small for IPv6" in message and "Give at least 1280, or" in message


def test_a_default_route_with_a_small_mtu_gives_none_with_ipv6() -> None:
    world = World()
    world.state.host.links["ens3"] = dataclasses.replace(world.state.host.links["ens3"], mtu=1200)
    for mtu in (None, "auto"):
        message = world.refuses("docker_bridge", name="br0", **FAMILY6, mtu=mtu)
        assert "mtu: 'auto' is 1200 here and too small for IPv6" in message


def lowered() -> World:
    """Somebody made the MTU of a bridge with IPv6 too small for it."""
    world = World()
    world.bridge(**FAMILY6)
    world.attach("web")
    world.state.host.links["br0"] = dataclasses.replace(world.state.host.links["br0"], mtu=1200)
    world.host._end_ipv6(HOST, "br0")
    return world


@pytest.mark.parametrize("mtu", [None, "1500", "auto"])
def test_a_lowered_mtu_is_repaired_and_then_what_the_kernel_took_away(mtu: str | None) -> None:
    world = lowered()
    actions = world.bridge(**FAMILY6, mtu=mtu).steps
    assert actions[:4] == [
        "set br0: mtu 1500 (was 1200)", "add address 2001:db8:5::1/64 to br0", "set net.ipv6.conf.br0.accept_ra to 0",
        "set net.ipv6.conf.br0.dad_transmits to 0"]
    assert world.bridge(**FAMILY6, mtu=mtu).operations == ()
    assert world.state.host.links["br0"].addresses == ("192.168.5.1/24", "2001:db8:5::1/64")


def test_a_small_mtu_of_a_container_with_ipv6_is_refused() -> None:
    world = World()
    world.bridge(**FAMILY6)
    message = world.refuses("netns_attach", netns="web", mtu="1200")
    assert message.startswith("mtu: '1200' is too small for IPv6, and web gets 2001:db8:5::2/64")
    world.bridge("plain", "192.168.6.1/24")
    world.run("netns_attach", netns="web", bridge="plain", mtu="1200")
    assert world.run("netns_attach", netns="web", bridge="plain", mtu="1200").operations == ()


def test_a_small_mtu_of_an_end_with_ipv6_is_refused() -> None:
    world = World()
    pair = {"name": "a", "addresses": ["10.0.0.1/30", "2001:db8::1/64"], "peer": {"name": "b"}}
    assert "mtu: '1200' is too small for IPv6, and a is to have 2001:db8::1/64" in world.refuses(
        "veth_pair", **pair, mtu=1200)
    world.run("veth_pair", **{**pair, "addresses": ["10.0.0.1/30"]}, mtu=1200)
    assert "too small for IPv6" in world.refuses("veth_pair", **pair)


def test_ipv6_goes_before_an_mtu_that_is_too_small_for_it() -> None:
    """The kernel would take the addresses away first, and the run could not any more."""
    world = World()
    world.bridge(bip6="2001:db8:5::1/64")
    world.attach("web")
    world.run("docker_bridge", name="br0", mtu="1000", ipv6=False)
    assert world.state.host.links["br0"].addresses == ("192.168.5.1/24",)
    assert world.state.host.links["br0"].mtu == world.inner("web").mtu == 1000
    pair = {"name": "a", "peer": {"name": "b", "netns": "web"}}
    world.run("veth_pair", **pair, addresses=["10.0.0.1/30", "2001:db8::1/64"], mtu=1500)
    world.run("veth_pair", **pair, addresses=["10.0.0.1/30"], mtu=1000)
    assert (world.state.host.links["a"].addresses, world.state.host.links["a"].mtu) == (("10.0.0.1/30",), 1000)
