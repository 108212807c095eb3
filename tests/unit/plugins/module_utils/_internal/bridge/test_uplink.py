# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges that the host's own network is behind: taken over with consent, and known by their containers' addresses."""
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.host.operations import ConntrackFlush
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link, Route
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST
from rules import ruleset
from world import World

ACCEPT_RA = "net/ipv6/conf/br-lan/accept_ra"


def lan(kind: str = "", default: bool = False) -> World:
    """A host with br-lan, of which an interface of some kind is a port."""
    world = World()
    world.state.host.links["br-lan"] = Link("br-lan", "bridge", 20, up=True, mac="02:42:00:00:00:09",
                                            addresses=("10.1.0.5/24",), tx_queue_len=1000)
    world.state.host.links["port9"] = Link("port9", kind, 21, up=True, mac="02:00:00:00:00:09", controller="br-lan",
                                           tx_queue_len=1000)
    world.host.settle([HOST])
    if default:
        world.state.host.routes[:] = [route for route in world.state.host.routes if route.destination != "default"]
        world.state.host.routes.append(Route("default", "br-lan", "10.1.0.1"))
    return world


def consented() -> World:
    world = lan(default=True)
    world.bridge("br-lan", None, adopt_uplink=True, fixed_cidr="10.1.0.192/27")
    return world


@pytest.mark.parametrize(("kind", "default", "reason"), [
    ("", False, "port9 is a port of it"), ("bond", False, "port9 is a port of it"),
    ("vlan", False, "port9 is a port of it"), ("vxlan", False, "port9 is a port of it"),
    ("veth", True, "the host's default route goes by it"),
    ("", True, "port9 is a port of it and the host's default route goes by it"),
])
def test_it_is_refused_without_consent(kind: str, default: bool, reason: str) -> None:
    for given in ({"adopt": True}, {"adopt": True, "adopt_uplink": False}):
        message = lan(kind, default).refuses("docker_bridge", name="br-lan", **given)
        assert f"'br-lan' is the way of this host to the outside ({reason})" in message
        assert "say adopt_uplink: true" in message


def test_half_a_default_route_is_one_too() -> None:
    world = lan("veth")
    world.state.host.routes.append(Route("128.0.0.0/1", "br-lan", "10.1.0.1"))
    assert "default route" in world.refuses("docker_bridge", name="br-lan", adopt=True)


@pytest.mark.parametrize("kind", ["veth", "tun"])
def test_containers_machines_and_routers_in_them_are_no_uplink(kind: str) -> None:
    world = lan(kind)
    world.state.host.routes.append(Route("10.77.0.0/16", "br-lan", "10.1.0.9"))
    plan = world.bridge("br-lan", None, adopt=True)
    assert plan.after[0]["adopted"] and not plan.after[0]["uplink"] and not plan.warnings


def test_consent_is_remembered_until_it_is_taken_back() -> None:
    world = consented()
    assert world.bridge("br-lan", None).operations == ()
    assert world.bridge("br-lan", None, adopt=True).after[0]["uplink"]
    message = world.refuses("docker_bridge", name="br-lan", adopt_uplink=False)
    assert message.startswith("adopt_uplink: 'False' contradicts bridge br-lan: port9 is a port of it and the host's")
    del world.state.host.links["port9"]
    world.state.host.routes[:] = [route for route in world.state.host.routes if route.interface != "br-lan"]
    assert not world.bridge("br-lan", None, adopt_uplink=False).after[0]["uplink"]


def test_a_bridge_that_becomes_the_way_out_is_said() -> None:
    world = World()
    world.bridge()
    world.state.host.routes.append(Route("0.0.0.0/1", "br0", "192.168.5.9"))
    assert "bridge br0: the host's default route goes by it" in world.bridge().warnings[0]
    assert world.bridge(adopt_uplink=True, fixed_cidr="192.168.5.128/25").warnings == ()
    assert world.bridge().warnings == ()


def test_only_its_containers_are_counted_and_named() -> None:
    world = consented()
    assert world.bridge("br-lan", None).after[0]["endpoints"] == []
    world.attach("web", bridge="br-lan")
    assert world.bridge("br-lan", None).after[0]["endpoints"] == ["web"]
    assert "bridge br-lan has 1 endpoint (web): detach" in world.refuses("docker_bridge", name="br-lan", state="absent")
    world.run("netns_attach", netns="web", state="absent")
    plan = world.run("docker_bridge", name="br-lan", state="absent")
    assert plan.after == (None,) and world.state.host.links["port9"].controller == "br-lan"


def test_a_bridge_of_ours_does_not_take_ports_of_others_with_it_unseen() -> None:
    world = World()
    world.bridge()
    for name in ("ens8", "ens9"):
        world.state.host.links[name] = Link(name, "", 90, up=True, controller="br0")
    assert world.bridge().after[0]["endpoints"] == []
    message = world.refuses("docker_bridge", name="br0", state="absent")
    assert message.startswith("bridge br0 has 2 ports of no container (ens8, ens9): take them off")
    assert world.run("docker_bridge", name="br0", state="absent", force=True).after == (None,)


def test_the_host_goes_on_to_hear_its_routers() -> None:
    world = lan(default=True)
    world.state.sysctls[HOST, ACCEPT_RA] = "1"
    world.bridge("br-lan", None, adopt_uplink=True, fixed_cidr="10.1.0.192/27")
    assert world.state.sysctls[HOST, ACCEPT_RA] == "1"
    world.bridge("br0", bip6="2001:db8:5::1/64")
    assert world.state.sysctls[HOST, ACCEPT_RA] == "2"
    assert world.state.sysctls[HOST, "net/ipv6/conf/br0/accept_ra"] == "0"
    assert world.bridge("br-lan", None).operations == ()


def test_connections_of_the_host_to_its_neighbours_are_not_forgotten() -> None:
    world = lan(default=True)
    plan = world.bridge("br-lan", None, adopt_uplink=True, fixed_cidr="10.1.0.192/27")
    plan = world.bridge("br-lan", None, ip_masq=False)
    assert not [operation for operation in plan.operations if isinstance(operation, ConntrackFlush)]
    world.attach("web", bridge="br-lan")
    plan = world.bridge("br-lan", None, ip_masq=True)
    flushed = [operation for operation in plan.operations if isinstance(operation, ConntrackFlush)]
    assert [operation.outward for operation in flushed] == [("10.1.0.192",)]


def test_frames_pass_the_rules_once_it_has_containers() -> None:
    world = consented()
    assert (HOST, "net/bridge/bridge-nf-call-iptables") not in world.state.sysctls
    plan = world.run("netns_attach", netns="web", bridge="br-lan")
    assert "set net.bridge.bridge-nf-call-iptables to 1" in plan.steps
    assert "net.bridge.bridge-nf-call-iptables becomes 1, since bridge br-lan has an uplink" in plan.warnings[0]
    assert world.run("netns_attach", netns="web", bridge="br-lan").warnings == ()


def test_no_bridge_is_opened_to_it() -> None:
    world = consented()
    world.bridge("front", "10.10.0.1/24")
    for name, other in (("front", "br-lan"), ("br-lan", "front")):
        message = world.refuses("docker_bridge", name=name, allow_bridges=[other])
        assert f"allow_bridges: '{other}' cannot be: behind bridge br-lan is the host's own network" in message
    other = lan(default=True)
    other.bridge("front", "10.10.0.1/24", allow_bridges=["br-lan"])
    warnings = other.bridge("br-lan", None, adopt_uplink=True, fixed_cidr="10.1.0.192/27").warnings
    assert "allow_bridges opens nothing between br-lan and front" in " ".join(warnings)
    assert "front from br-lan" not in ruleset(other.state, "ipv4")


def test_who_is_on_it_may_be_trusted() -> None:
    world = consented()
    world.bridge("front", "10.10.0.1/24", trusted_interfaces=["br-lan"], trusted_networks=["10.1.0.0/28"])
    world.bridge("br-lan", None, trusted_networks=["10.1.0.7"])
    assert "front trusted br-lan" in ruleset(world.state, "ipv4")


def test_addresses_that_others_may_have_are_said() -> None:
    world = lan(default=True)
    warnings = world.bridge("br-lan", None, adopt_uplink=True).warnings
    assert "bridge br-lan has an uplink and no fixed_cidr" in warnings[0]
    assert world.bridge("br-lan", None, fixed_cidr="10.1.0.192/27").warnings == ()


@pytest.mark.parametrize("kind", ["veth", ""])
def test_a_document_takes_a_bridge_over_and_publishes_in_one_task(kind: str) -> None:
    """Its settings are read although nothing says yet that it is ours."""
    world = lan(kind, default=not kind)
    for family in ("ipv4", "ipv6"):
        world.state.sysctls[HOST, f"net/{family}/conf/default/forwarding"] = "1"
    world.state.sysctls[HOST, "net/ipv4/ip_forward"] = "1"
    for name in ("forwarding", "route_localnet"):
        world.state.sysctls[HOST, f"net/ipv4/conf/br-lan/{name}"] = "0"
    consent = {"adopt": True} if kind else {"adopt_uplink": True}
    network = {"name": "br-lan", **consent, "fixed_cidr": "10.1.0.192/27", "containers": [
        {"name": "web", "published_ports": ["8080:80"]}]}
    world.document([network])
    for name in ("forwarding", "route_localnet"):
        assert world.state.sysctls[HOST, f"net/ipv4/conf/br-lan/{name}"] == "1"
    assert world.document([network]).operations == ()


@pytest.mark.parametrize("adopted", [False, True])
def test_a_bridge_that_gets_the_card_of_the_host_keeps_the_addresses_of_the_host(adopted: bool) -> None:
    """Else any run would cut the host off, and whoever works on it."""
    world = lan("veth") if adopted else World()
    world.bridge("br-lan", None if adopted else "10.1.0.5/24", adopt=adopted)
    world.bridge("front", "10.2.0.1/24")
    links = world.state.host.links
    links["ens3"] = replace(links["ens3"], controller="br-lan", addresses=())
    links["br-lan"] = replace(links["br-lan"], addresses=("10.1.0.5/24", "192.0.2.10/24", "192.0.2.11/24"))
    said = "bridge br-lan: ens3 is a port of it, and all behind it count as containers"
    assert not any("address" in line for line in world.info()["drift"])
    assert world.info()["obstacles"][0].startswith(said)
    for module, given in (("netns_attach", {"netns": "web", "bridge": "front"}), ("docker_bridge", {"name": "br-lan"}),
                          ("docker_bridge", {"name": "front"}), ("icc_policy", {"bridge": "front", "icc": True})):
        assert [warning.startswith(said) for warning in world.run(module, **given).warnings] == [True]
        assert links["br-lan"].addresses == ("10.1.0.5/24", "192.0.2.10/24", "192.0.2.11/24")
    world.bridge("br-lan", None, adopt_uplink=True, fixed_cidr="10.1.0.192/27")
    assert world.info()["obstacles"] == [] and "192.0.2.11/24" in world.state.host.links["br-lan"].addresses
    links = world.state.host.links
    links["ens3"] = replace(links["ens3"], controller="")
    world.bridge("br-lan", None, adopt_uplink=False)
    world.bridge("front", "10.2.0.1/24")
    left = world.state.host.links["br-lan"].addresses
    assert ("192.0.2.11/24" in left) is adopted and left[0] == "10.1.0.5/24"


def test_it_gets_no_other_address_beside_those_of_the_host() -> None:
    world = World()
    world.bridge()
    links = world.state.host.links
    links["ens3"] = replace(links["ens3"], controller="br0", addresses=())
    links["br0"] = replace(links["br0"], addresses=("192.168.5.1/24", "192.0.2.10/24"))
    assert world.refuses("docker_bridge", name="br0", bip="192.168.7.1/24") == (
        "bip: '192.168.7.1/24' is not the address of br0, which leads to the outside and has 192.168.5.1/24, "
        "192.0.2.10/24. Take those of the host off it first, or leave the option out.")
    for order in (("192.168.5.1/24", "192.0.2.10/24"), ("192.0.2.10/24", "192.168.5.1/24")):
        links["br0"] = replace(links["br0"], addresses=order)
        world.bridge()
        assert links["br0"].addresses == order


def test_what_joins_bridges_of_several_hosts_is_not_warned_of() -> None:
    world = World()
    world.bridge()
    world.state.host.links["vx0"] = Link("vx0", "vxlan", 33, up=True, controller="br0")
    assert world.bridge().warnings == () and world.info()["obstacles"] == []


@pytest.mark.parametrize("addresses", [("192.168.5.1/24", "192.0.2.10/24"), ("192.0.2.10/24", "192.168.5.1/24"),
                                       ("192.0.2.10/24",), ()])
@pytest.mark.parametrize("exclusive", [False, True])
def test_a_bridge_that_is_the_hosts_own_way_is_let_go_and_not_deleted(addresses: tuple[str, ...], exclusive: bool
                                                                      ) -> None:
    """Not by a document that does not name it either: who cleans up by it would lose the host."""
    world = World()
    world.bridge()
    world.attach("web")
    links = world.state.host.links
    links["ens3"] = replace(links["ens3"], controller="br0", addresses=())
    links["br0"] = replace(links["br0"], addresses=addresses)
    gone = world.document([], exclusive=True) if exclusive else world.run(
        "docker_bridge", name="br0", state="absent", force=True)
    has = f", and it has {' and '.join(addresses)}" if addresses else ""
    assert gone.warnings[0] == (
        f"bridge br0 stays, without rules of this collection: ens3 is a port of it{has}. Move that elsewhere, and "
        "remove the bridge by hand (`ip link delete br0`)")
    left = world.state.host.links["br0"]
    assert (left.addresses, left.alias, left.group, world.state.host.links["ens3"].controller) == (
        addresses, "", 0, "br0")
    assert world.info()["bridges"] == [] and "MOORING" not in str(world.state.tables)


def test_the_route_of_a_vpn_keeps_no_bridge_from_going() -> None:
    world = World()
    world.bridge()
    world.state.host.routes.append(Route("0.0.0.0/1", "br0", "192.168.5.9"))
    world.run("docker_bridge", name="br0", state="absent")
    assert "br0" not in world.state.host.links
