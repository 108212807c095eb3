# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses, gateways and routes that a kernel would refuse half way are refused before anything is done."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link, Route
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import named_path
from world import World


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge(bip6="2001:db8:5::1/64")
    return found


UNUSABLE = ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "ff02::1", "::ffff:10.0.0.1"]


@pytest.mark.parametrize("address", UNUSABLE)
def test_what_no_interface_and_no_router_has(world: World, address: str) -> None:
    v6 = "_v6" if ":" in address else ""
    length = 64 if v6 else 24
    for option, module, given in (
            (f"address{v6}", "netns_attach", {"netns": "web", f"address{v6}": address}),
            (f"address{v6}", "netns_attach", {"netns": "web", f"address{v6}": f"{address}/{length}"}),
            (f"gateway{v6}", "netns_attach", {"netns": "web", f"gateway{v6}": address}),
            ("routes", "netns_attach", {"netns": "web", "routes": [{"destination": "default", "gateway": address}]}),
            (f"default_gateway{v6}", "docker_bridge", {"name": "br0", f"default_gateway{v6}": address}),
            ("bip6" if v6 else "bip", "docker_bridge", {"name": "br1", "bip6" if v6 else "bip": f"{address}/{length}"}),
            ("addresses", "veth_pair", {"name": "a", "addresses": [f"{address}/{length}"], "peer": {"name": "b"}}),
            ("routes", "veth_pair", {"name": "a", "peer": {"name": "b"}, "routes": [
                {"destination": "default", "gateway": address}]})):
        assert world.refuses(module, **given).startswith(f"{option}: "), given


@pytest.mark.parametrize(("given", "message"), [
    ({"gateway": "192.168.6.9"}, "gateway: '192.168.6.9' is not reached through eth0, whose networks are 192.168.5.0/"),
    ({"gateway_v6": "2001:db8:6::9"}, "gateway_v6: '2001:db8:6::9' is not reached through eth0, whose networks are "),
    ({"gateway": "192.168.5.77", "address": "192.168.5.77"}, "gateway: '192.168.5.77' has an address of its own"),
    ({"gateway_v6": "2001:db8:5::7", "address_v6": "2001:db8:5::7"}, "gateway_v6: '2001:db8:5::7' has an address of"),
    ({"gateway": "192.168.5.255"}, "gateway: '192.168.5.255' has a broadcast address as its gateway"),
    ({"routes": [{"destination": "10.0.0.0/8", "gateway": "10.0.0.1"}]},
     "routes: '10.0.0.0/8 via 10.0.0.1' is not reached through eth0"),
    ({"routes": [{"destination": "default", "gateway": "10.0.0.1"}]}, "routes: 'default via 10.0.0.1' is not reached"),
    ({"routes": [{"destination": "192.168.5.0/24", "gateway": "192.168.5.1"}]},
     "routes: '192.168.5.0/24 via 192.168.5.1' leads to the network of eth0 itself"),
    ({"routes": [{"destination": "10.0.0.0/8", "gateway": "192.168.5.1"}, {"destination": "10.0.0.0/8"}]},
     "is the second route to 10.0.0.0/8"),
    ({"interface_name": "lo"}, "interface_name: 'lo' is the loopback of every container"),
    ({"address_v6": "fe80::5"}, "address_v6: 'fe80::5' is a link-local address"),
    ({"sysctls": {"net.ipv4.nope": "1"}}, "sysctls: 'net.ipv4.nope=1' names no setting of this kernel"),
])
def test_what_the_network_of_a_container_does_not_allow(world: World, given: dict[str, object], message: str) -> None:
    assert message in world.refuses("netns_attach", netns="web", **given)


@pytest.mark.parametrize("given", [
    {"gateway_v6": "fe80::1"}, {"gateway": "192.168.5.9", "gateway_v6": "2001:db8:5::9"},
    {"routes": [{"destination": "192.168.5.0/24"}]},  # which the kernel makes itself
    {"routes": [{"destination": "10.9.9.9/32"}, {"destination": "10.0.0.0/8", "gateway": "10.9.9.9"}]},
    {"routes": [{"destination": "2001:db8:77::/48", "gateway": "fe80::9"}]},
    {"sysctls": {"net.ipv4.conf.IFNAME.rp_filter": "2"}}])
def test_what_it_allows(world: World, given: dict[str, object]) -> None:
    world.run("netns_attach", netns="web", **given)
    assert world.run("netns_attach", netns="web", **given).operations == ()


def test_gateways_of_a_bridge() -> None:
    world = World()
    world.bridge(bip6="2001:db8:5::1/64")
    for gateway in ("192.168.5.0", "192.168.5.255"):
        assert "is the address of the network 192.168.5.0/24 itself or its broadcast" in world.refuses(
            "docker_bridge", name="br0", default_gateway=gateway)
    assert "is not inside 192.168.5.0/24" in world.refuses("docker_bridge", name="br0", default_gateway="10.0.0.1")
    world.bridge(default_gateway_v6="fe80::1", bip6="2001:db8:5::1/64")
    world.attach("web")
    routes = world.state.namespaces[named_path("web")].routes
    assert Route("default", "eth0", "fe80::1", "ipv6") in [
        Route(route.destination, route.interface, route.gateway, route.family) for route in routes]


def test_a_container_that_is_the_gateway_of_its_bridge_has_no_route_to_itself() -> None:
    world = World()
    world.bridge()
    world.attach("router")
    world.bridge(default_gateway="192.168.5.2")
    world.attach("web")
    assert world.state.namespaces[named_path("web")].default_route("ipv4").gateway == "192.168.5.2"
    world.run("netns_attach", netns="router")
    assert world.run("netns_attach", netns="router").operations == ()


@pytest.mark.parametrize("address", ["192.168.9.0/24", "192.168.9.255/24"])
def test_an_end_of_a_pair_has_no_address_of_its_network(world: World, address: str) -> None:
    assert "is the address of its network itself, or its broadcast address" in world.refuses(
        "veth_pair", name="a", addresses=[address], peer={"name": "b"})
    world.run("veth_pair", name="a", addresses=["192.168.9.0/31", "2001:db8:9::/64"], peer={"name": "b"})


@pytest.mark.parametrize("mtu", [0, 67, 65536])
def test_an_mtu_that_no_interface_has(world: World, mtu: int) -> None:
    for module, given in (("docker_bridge", {"name": "br1", "mtu": str(mtu)}),
                          ("netns_attach", {"netns": "web", "mtu": str(mtu)}),
                          ("veth_pair", {"name": "a", "mtu": mtu, "peer": {"name": "b"}})):
        assert f"mtu: '{mtu}' is not an MTU" in world.refuses(module, **given)


@pytest.mark.parametrize("pool", ["ff02::/64", "::/64", "fe80::/64", "::ffff:10.0.0.0/104", "2001:db8:7::5/128"])
def test_an_address_that_is_made_of_a_pool_has_to_be_one(pool: str) -> None:
    assert World().refuses("docker_bridge", name="br0", fixed_cidr_v6=pool).startswith("fixed_cidr_v6: ")


def test_an_address_on_a_bridge_of_others_is_none_of_its_network() -> None:
    world = World()
    world.state.host.links["theirs"] = Link("theirs", "bridge", 50, up=True)
    world.run("veth_pair", name="a", bridge="theirs", peer={"name": "b"})
    for address in ("10.0.0.0/24", "10.0.0.255/24"):
        assert "is the address of its network itself, or its broadcast" in world.refuses(
            "netns_attach", netns="web", interface="b", bridge="theirs", address=address)
    world.run("netns_attach", netns="web", interface="b", bridge="theirs", address="10.0.0.0/31")
