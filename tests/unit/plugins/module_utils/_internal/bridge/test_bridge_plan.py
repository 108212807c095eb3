# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges: made, changed, adopted, removed, and never confused with those of others."""
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.link.operations import LinkDel
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link, Route
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST
from world import World, picture


def foreign_bridge(world: World, name: str = "docker0") -> None:
    world.state.host.links[name] = Link(name, "bridge", 20, up=True, mac="02:42:00:00:00:09",
                                        addresses=("172.30.0.1/16",), tx_queue_len=1000)
    world.state.host.links["veth9"] = Link("veth9", "veth", 21, 2, up=True, mac="02:00:00:00:00:09", controller=name,
                                           tx_queue_len=1000)
    world.host.settle([HOST])


def test_a_new_bridge_on_a_fresh_host() -> None:
    world = World()
    plan = world.bridge(mtu="1400", stp=True)
    made = plan.steps.index("create bridge br0")
    assert plan.steps[made + 1] == "add address 192.168.5.1/24 to br0"
    # Protection before the bridge: packets must not wait for its containers behind the rules.
    assert all("table: create" in action for action in plan.steps[:made]) and made == 6
    link = world.state.host.links["br0"]
    assert (link.up, link.mtu, link.stp, link.addresses) == (True, 1400, True, ("192.168.5.1/24",))
    assert link.alias == "mooring:bridge:br0:guard=ipv4" and link.mac.startswith("02:6d:")
    assert plan.before == (None,) and plan.after[0]["subnet"] == "192.168.5.0/24"
    assert world.state.sysctls[HOST, "net/ipv4/ip_forward"] == "1"


def test_without_bip_the_first_pool_that_is_free() -> None:
    world = World()
    world.state.host.routes.append(Route("172.16.0.0/14", "ens3", "192.0.2.1"))
    world.state.nameservers = ("172.20.3.4",)
    assert world.bridge("a", None).after[0]["bip"] == "172.21.0.1/16"
    assert world.bridge("b", None).after[0]["bip"] == "172.22.0.1/16"
    assert world.bridge("b", None).operations == ()


def test_without_a_free_pool() -> None:
    world = World()
    world.state.host.routes += [Route(network, "ens3", "192.0.2.1") for network in ("172.16.0.0/12", "192.168.0.0/16")]
    assert world.refuses("docker_bridge", name="br0") == (
        "bip: '' was not given, and each of Docker's 31 default pools overlaps a route or a name server of this host, "
        "or another bridge. Give an address with a prefix length, like 10.99.0.1/24, or default_address_pools.")


def test_the_mtu_is_that_of_the_default_route() -> None:
    world = World()
    links = world.state.host.links
    links["ens3"] = replace(links["ens3"], mtu=9000)
    assert world.bridge().after[0]["mtu"] == 9000
    links["ens3"] = replace(links["ens3"], mtu=1450)
    assert world.bridge().operations == ()
    assert world.bridge(mtu="auto").after[0]["mtu"] == 1450


def test_an_option_that_is_not_given_stays() -> None:
    world = World()
    world.bridge(ip_masq=False, fixed_cidr="192.168.5.128/25", default_gateway="192.168.5.254", mtu="1300")
    again = world.bridge("br0", None)
    assert again.operations == ()
    assert {again.after[0][key] for key in ("fixed_cidr", "default_gateway", "mtu")} == {
        "192.168.5.128/25", "192.168.5.254", 1300}
    assert again.after[0]["ip_masq"] is False


def test_another_address_replaces_the_one_it_had() -> None:
    world = World()
    world.bridge()
    world.bridge(bip="192.168.7.1/24")
    assert world.state.host.links["br0"].addresses == ("192.168.7.1/24",)


def test_ipv6_comes_and_goes() -> None:
    world = World()
    world.bridge(fixed_cidr_v6="2001:db8:5::/64")
    assert world.state.host.links["br0"].addresses == ("192.168.5.1/24", "2001:db8:5::1/64")
    assert world.state.sysctls[HOST, "net/ipv6/conf/all/forwarding"] == "1"
    world.bridge(ipv6=False, fixed_cidr_v6=None)
    assert world.state.host.links["br0"].addresses == ("192.168.5.1/24",)


@pytest.mark.parametrize(("value", "why"), [("1", "net.ipv6.conf.all.disable_ipv6 is 1"), (None, "the kernel runs")])
def test_ipv6_on_a_host_without_it(value: str | None, why: str) -> None:
    world = World()
    world.state.sysctls[HOST, "net/ipv6/conf/all/disable_ipv6"] = value
    world.host.sysctl = lambda netns, name: world.state.sysctls.get((netns, name))
    message = world.refuses("docker_bridge", name="br0", bip6="2001:db8::1/64")
    assert message.startswith(f"ipv6: 'True' is not possible: IPv6 is disabled on this host ({why}")
    assert message.endswith("Enable it on the host, or say ipv6: false.")


@pytest.mark.parametrize(("bip", "what"), [
    ("192.0.2.129/25", "overlaps the route to 192.0.2.0/24 of interface ens3"),
    ("10.20.30.1/24", "overlaps the route to 10.0.0.0/8 of interface ens3"),
    ("0.0.0.1/1", "overlaps the route to")])
def test_a_subnet_that_the_host_reaches_elsewhere(bip: str, what: str) -> None:
    world = World()
    world.state.host.routes.append(Route("10.0.0.0/8", "ens3", "192.0.2.1"))
    message = world.refuses("docker_bridge", name="br0", bip=bip)
    assert message.startswith(f"bip: '{bip}' {what}")
    assert message.endswith("Choose another network, or say allow_overlap: true.")
    assert world.bridge(bip=bip, allow_overlap=True).operations


def test_two_bridges_of_one_task_must_not_overlap_either() -> None:
    message = World().refuses("docker_bridge", config=[{"name": "a", "bip": "10.0.0.1/16"},
                                                      {"name": "b", "bip": "10.0.9.1/24"}])
    assert "overlaps" in message and "interface a" in message


def test_the_bridge_of_somebody_else_is_left_alone() -> None:
    world = World()
    foreign_bridge(world)
    assert world.refuses("docker_bridge", name="docker0", bip="172.30.0.1/16") == (
        "name: 'docker0' is a bridge that somebody else made. Choose another name, or say adopt: true to manage it "
        "from now on.")
    for name in ("docker0", "ens3"):
        plan = world.run("docker_bridge", name=name, state="absent", force=True)
        assert plan.operations == ()
        assert f"{name} is not managed by this collection and is left alone" in plan.warnings[0]
    assert "is an interface of kind ethernet, not a bridge" in world.refuses("docker_bridge", name="ens3")


def test_an_adopted_bridge_keeps_what_it_had_and_is_given_back() -> None:
    world = World()
    foreign_bridge(world)
    before = picture(world.state, sysctls=False)
    plan = world.bridge("docker0", None, adopt=True)
    assert plan.after[0]["adopted"] and world.state.host.links["docker0"].addresses == ("172.30.0.1/16",)
    assert world.bridge("docker0", None).operations == ()
    world.bridge("docker0", None, state="absent", force=True)
    assert picture(world.state, sysctls=False) == before


def test_a_bridge_with_endpoints_is_removed_by_force_only() -> None:
    world = World()
    world.bridge()
    world.attach("web", "db")
    message = world.refuses("docker_bridge", name="br0", state="absent")
    assert message.startswith("bridge br0 has 2 endpoints (db, web): detach them first") or "(web, db)" in message
    world.run("docker_bridge", name="br0", state="absent", force=True)
    assert set(world.state.host.links) == {"lo", "ens3"}
    assert not any(world.state.tables[key].chains or world.state.tables[key].hooks for key in world.state.tables)


def test_ports_of_a_bridge_that_goes_by_force_close() -> None:
    world = World()
    world.bridge()
    world.bridge("br1", "192.168.6.1/24")
    world.attach("web", bridge="br0")
    world.publish("web", "8080:80")
    world.run("docker_bridge", name="br0", state="absent", force=True)
    assert world.info()["published_ports"] == []
    assert world.info()["leftovers"] == []


def test_force_takes_no_port_that_is_not_ours() -> None:
    world = World()
    world.bridge()
    world.state.host.links["tap0"] = Link("tap0", "tun", 90, up=True, mac="02:00:00:00:00:99", controller="br0",
                                          tx_queue_len=1000)
    plan = world.run("docker_bridge", name="br0", state="absent", force=True)
    assert [op.link.name for op in plan.operations if isinstance(op, LinkDel)] == ["br0"]
    assert world.state.host.links["tap0"].controller == ""


def test_absent_after_present_leaves_the_host_as_before() -> None:
    world = World()
    before = picture(world.state, sysctls=False)
    world.run("docker_bridge", config=[{"name": "a", "bip": "10.1.0.1/16"}, {"name": "b", "bip6": "2001:db8::1/64"}])
    plan = world.run("docker_bridge", config=[{"name": "a"}, {"name": "b"}], state="absent")
    assert picture(world.state, sysctls=False) == before
    assert plan.after == (None, None)
    assert world.run("docker_bridge", name="a", state="absent").operations == ()


def test_a_bridge_without_rules() -> None:
    world = World()
    world.bridge(iptables=False, ip6tables=False)
    assert not any(table.chains or table.hooks for table in world.state.tables.values())
    world.run("docker_bridge", name="br0", iptables=True)
    assert "MOORING-IN-br0" in world.state.tables["ipv4", "filter"].chains
    assert not world.state.tables["ipv6", "filter"].chains


def test_rules_cannot_go_while_icc_is_off() -> None:
    world = World()
    world.bridge()
    world.run("icc_policy", bridge="br0", icc=False)
    assert world.refuses("docker_bridge", name="br0", iptables=False) == (
        "iptables: 'False' contradicts icc: false of bridge br0, which is made of rules. Say icc: true as well.")


@pytest.mark.parametrize(("family", "command"), [("ipv4", "iptables"), ("ipv6", "ip6tables")])
def test_a_host_without_iptables(family: str, command: str) -> None:
    world = World()
    world.state.unusable[family] = f"{command} is not installed: install the package iptables"
    message = world.refuses("docker_bridge", name="br0", bip="10.0.0.1/24", bip6="2001:db8::1/64")
    assert message == (f"bridge br0 needs rules: {command} is not installed: install the package iptables (or say "
                       f"{command}: false for the bridge, to do without them)")
    world.bridge(bip="10.0.0.1/24", bip6="2001:db8::1/64", **{command: False})


def test_what_all_bridges_lack_is_said_once() -> None:
    world = World()
    world.bridge("br1", "10.1.0.1/24")
    world.bridge("br0", "10.0.0.1/24")
    world.state.unusable["ipv4"] = "there are rules in both backends"
    assert world.refuses("docker_bridge", name="br2", bip="10.2.0.1/24") == (
        "bridges br0, br1, br2 need rules: there are rules in both backends (or say iptables: false for the bridge, to "
        "do without them)")


def test_ip6tables_may_be_missing_where_nothing_has_ipv6() -> None:
    world = World()
    world.state.unusable["ipv6"] = "ip6tables is not installed"
    world.bridge()


def test_forwarding_is_switched_on_and_never_off() -> None:
    world = World()
    assert not any("ip_forward" in action for action in world.bridge(ip_forward=False).steps)
    assert world.bridge().steps[-1] == "set net.ipv4.ip_forward to 1 (was 0)"
    assert world.bridge(ip_forward=False).steps == ["record the settings of br0"]
    assert world.bridge(ip_forward=False).operations == ()


def test_forwarding_between_others_stays_closed_where_we_switched_it_on() -> None:
    world = World()
    plan = world.bridge()
    assert plan.after[0]["forward_others"] is False
    assert "MOORING-OTHERS" in world.state.tables["ipv4", "filter"].chains
    assert "MOORING-OTHERS" not in world.state.tables["ipv6", "filter"].chains
    hook = next(hook for hook in world.state.tables["ipv4", "filter"].hooks if hook.line.endswith("-j MOORING-OTHERS"))
    assert hook.position > 1
    assert world.bridge().operations == ()
    assert world.bridge(forward_others=True).after[0]["forward_others"] is True
    assert "MOORING-OTHERS" not in world.state.tables["ipv4", "filter"].chains
    assert world.bridge().operations == ()


def test_a_host_that_was_forwarding_is_left_as_it_is() -> None:
    world = World()
    world.state.sysctls[HOST, "net/ipv4/ip_forward"] = "1"
    assert world.bridge().after[0]["forward_others"] is True
    assert "MOORING-OTHERS" not in world.state.tables["ipv4", "filter"].chains


def test_the_guard_stays_with_another_bridge_and_its_end_is_said() -> None:
    world = World()
    world.bridge("a", "10.0.1.1/24")
    world.bridge("b", "10.0.2.1/24")
    assert not world.run("docker_bridge", name="a", state="absent").warnings
    assert world.state.host.links["b"].alias == "mooring:bridge:b:guard=ipv4"
    assert "MOORING-OTHERS" in world.state.tables["ipv4", "filter"].chains
    warnings = world.run("docker_bridge", name="b", state="absent").warnings
    assert len(warnings) == 1 and "stays on" in warnings[0]
    assert warnings[0].endswith("`sysctl -w net.ipv4.ip_forward=0`")


def test_a_gateway_outside_of_the_subnet_that_the_bridge_has() -> None:
    world = World()
    world.bridge()
    assert world.refuses("docker_bridge", name="br0", default_gateway="10.0.0.1") == (
        "default_gateway: '10.0.0.1' is not inside 192.168.5.0/24, the subnet of bridge br0. Give a part of "
        "192.168.5.0/24.")
