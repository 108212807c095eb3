# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers on bridges: their addresses, what follows them, what stays when they go and come back."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.names import KNOWN_AFTER_APPLY
from ansible_collections.mooring.net.plugins.module_utils._internal.core.plan import Assumption

from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Namespace
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link, Route
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST, NamedNetns, named_path
from world import World, picture


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge()
    return found


def foreign_namespace(world: World, name: str, *links: Link) -> None:
    world.state.named[name] = NamedNetns(500)
    lo = Link("lo", "loopback", 1)
    world.state.namespaces[named_path(name)] = Namespace(500, {link.name: link for link in (lo, *links)})


# -- a new endpoint ---------------------------------------------------------------------------------------------------

def test_a_new_endpoint_on_a_fresh_host(world: World) -> None:
    plan = world.run("netns_attach", netns="web", exposed_ports=["80", "53/udp"])
    host_end = plan.after[0]["host_interface"]
    assert plan.steps[:2] == ["create namespace web", f"create veth pair {host_end} on br0 - eth0 in web"]
    inner, outer = world.inner("web"), world.state.host.links[host_end]
    assert (inner.up, inner.addresses, inner.mac) == (True, ("192.168.5.2/24",), "02:42:c0:a8:05:02")
    assert (outer.up, outer.controller, outer.hairpin) == (True, "br0", True)
    assert outer.alias == "mooring:endpoint:web:if=eth0 ip=192.168.5.2/24 mac=ip expose=80/tcp,53/udp"
    assert world.inner("web", "lo").up
    assert Route("default", "eth0", "192.168.5.1") in world.state.namespaces[named_path("web")].routes
    assert plan.before == (None,) and plan.after[0]["gateway"] == "192.168.5.1"
    assert world.state.sysctls[named_path("web"), "net/ipv6/conf/eth0/disable_ipv6"] == "1"


def test_an_endpoint_of_both_families(world: World) -> None:
    world.bridge(fixed_cidr_v6="2001:db8:5::/64")
    plan = world.run("netns_attach", netns="web")
    assert (plan.after[0]["address"], plan.after[0]["address_v6"]) == ("192.168.5.2/24", "2001:db8:5::2/64")
    assert Route("default", "eth0", "2001:db8:5::1", "ipv6") in world.state.namespaces[named_path("web")].routes


def test_a_bridge_that_gets_ipv6_later(world: World) -> None:
    world.attach("web")
    world.bridge(fixed_cidr_v6="2001:db8:5::/64")
    plan = world.run("netns_attach", netns="web")
    assert plan.after[0]["address_v6"] == "2001:db8:5::2/64"
    world.bridge(ipv6=False)
    assert world.run("netns_attach", netns="web").after[0]["address_v6"] == ""


def test_mac_mtu_queue_gateway_routes_and_sysctls(world: World) -> None:
    options: dict[str, Any] = {
        "netns": "web", "mac_address": "02:00:00:00:00:07", "mtu": "1400", "tx_queue_len": 50, "gateway": "192.168.5.9",
        "routes": [{"destination": "10.0.0.0/8", "gateway": "192.168.5.7"}],
        "sysctls": {"net.ipv4.conf.IFNAME.rp_filter": 2}}
    world.run("netns_attach", **options)
    inner = world.inner("web")
    assert (inner.mac, inner.mtu, inner.tx_queue_len) == ("02:00:00:00:00:07", 1400, 50)
    routes = world.state.namespaces[named_path("web")].routes
    assert Route("default", "eth0", "192.168.5.9") in routes and Route("10.0.0.0/8", "eth0", "192.168.5.7") in routes
    assert world.state.sysctls[named_path("web"), "net/ipv4/conf/eth0/rp_filter"] == "2"
    assert world.run("netns_attach", **options).operations == ()


def test_several_interfaces_and_only_one_default_route(world: World) -> None:
    world.bridge("br1", "192.168.6.1/24")
    world.run("netns_attach", netns="web", bridge="br0")
    world.run("netns_attach", netns="web", bridge="br1", interface_name="eth1")
    netns = world.state.namespaces[named_path("web")]
    assert [route.interface for route in netns.routes if route.destination == "default"] == ["eth0"]
    world.run("netns_attach", netns="web", interface_name="eth1", default_route=True)
    assert [route.gateway for route in netns.routes if route.destination == "default"] == ["192.168.6.1"]
    world.run("netns_attach", netns="web", interface_name="eth1", default_route=False)
    assert not [route for route in netns.routes if route.destination == "default"]


def test_which_bridge(world: World) -> None:
    assert World().refuses("netns_attach", netns="web") == (
        "bridge: not given, and this collection manages none on this host: create one with docker_bridge")
    world.attach("web")
    world.bridge("br1", "192.168.6.1/24")
    assert world.run("netns_attach", netns="web").operations == ()
    assert world.refuses("netns_attach", netns="db") == (
        "bridge: not given, and this collection manages several bridges on this host (br0, br1): name one")


# -- addresses --------------------------------------------------------------------------------------------------------

def test_the_lowest_free_address_is_given(world: World) -> None:
    world.run("netns_attach", netns="db", address="192.168.5.3")
    assert world.attach("a", "b", "c") == ["192.168.5.2/24", "192.168.5.4/24", "192.168.5.5/24"]
    world.run("netns_attach", netns="a", state="absent")
    assert world.attach("d") == ["192.168.5.2/24"]


@pytest.mark.parametrize(("bip", "options", "addresses"), [
    ("192.168.5.5/24", {}, ["192.168.5.1/24", "192.168.5.2/24", "192.168.5.3/24", "192.168.5.4/24", "192.168.5.6/24"]),
    ("192.168.5.1/24", {"fixed_cidr": "192.168.5.128/25"}, ["192.168.5.128/24", "192.168.5.129/24"]),
    ("192.168.5.1/24", {"default_gateway": "192.168.5.2"}, ["192.168.5.3/24"]),
    ("10.0.0.1/30", {}, ["10.0.0.2/30"]), ("10.0.0.2/30", {}, ["10.0.0.1/30"]),
    ("10.0.0.0/31", {}, ["10.0.0.1/31"]), ("10.0.0.1/31", {}, ["10.0.0.0/31"]),
])
def test_addresses_of_a_bridge(bip: str, options: dict, addresses: list[str]) -> None:
    world = World()
    world.bridge("br0", bip, **options)
    assert world.attach(*(f"c{number}" for number in range(len(addresses)))) == addresses


def test_an_exhausted_pool_names_its_holders() -> None:
    world = World()
    world.bridge("br0", "10.0.0.1/30")
    world.attach("web")
    message = world.refuses("netns_attach", netns="db")
    assert message.startswith("bridge br0 has no free ipv4 address left in 10.0.0.0/30: ")
    assert "bridge br0" in message and "container web" in message and "the network itself" in message


@pytest.mark.parametrize(("address", "message"), [
    ("192.168.5.2", "is taken by container web"), ("192.168.5.1", "is taken by bridge br0"),
    ("192.168.5.0", "is taken by the network itself"), ("192.168.5.255", "is taken by the network itself"),
    ("192.168.5.254", "is taken by the default gateway of bridge br0"),
    ("10.0.0.1", "is not in 192.168.5.0/24, the subnet of bridge br0"),
    ("192.168.5.7/25", "has another prefix length than 192.168.5.0/24"),
])
def test_an_address_that_cannot_be_had(world: World, address: str, message: str) -> None:
    world.bridge(default_gateway="192.168.5.254")
    world.attach("web")
    found = world.refuses("netns_attach", netns="db", address=address)
    assert found.startswith(f"address: '{address}' {message}") and found.endswith(".")


def test_two_items_that_ask_for_one_address(world: World) -> None:
    items = [{"netns": "a", "address": "192.168.5.9"}, {"netns": "b", "address": "192.168.5.9"}]
    assert "is taken by container a" in world.refuses("netns_attach", config=items)


def test_an_address_that_an_item_gives_up_is_free_for_the_next(world: World) -> None:
    world.attach("a", "b")
    items = [{"netns": "a", "address": "192.168.5.50"}, {"netns": "b", "address": "192.168.5.2"}]
    plan = world.run("netns_attach", config=items)
    assert [item["address"] for item in plan.after] == ["192.168.5.50/24", "192.168.5.2/24"]


def test_an_ipv6_address_on_a_bridge_without_ipv6(world: World) -> None:
    assert world.refuses("netns_attach", netns="web", address_v6="2001:db8::9") == (
        "address_v6: '2001:db8::9' cannot be used: bridge br0 has no ipv6 address. Give the bridge one with "
        "docker_bridge first.")


def test_an_attached_container_keeps_its_address(world: World) -> None:
    world.attach("a", "b")
    world.run("netns_attach", netns="a", state="absent")
    assert world.attach("b") == ["192.168.5.3/24"]
    assert world.run("netns_attach", netns="b", mtu="1300").after[0]["address"] == "192.168.5.3/24"


def test_the_mac_address_follows_the_address_unless_it_was_given(world: World) -> None:
    world.attach("a")
    world.run("netns_attach", netns="a", address="192.168.5.30")
    assert world.inner("a").mac == "02:42:c0:a8:05:1e" and world.inner("a").addresses == ("192.168.5.30/24",)
    world.run("netns_attach", netns="b", mac_address="02:00:00:00:00:01")
    world.run("netns_attach", netns="b", address="192.168.5.31")
    assert world.inner("b").mac == "02:00:00:00:00:01"


def test_another_bridge_another_address(world: World) -> None:
    world.bridge("br1", "192.168.6.1/24")
    world.run("netns_attach", netns="web", bridge="br0")
    plan = world.run("netns_attach", netns="web", bridge="br1")
    assert plan.after[0]["address"] == "192.168.6.2/24" and plan.after[0]["gateway"] == "192.168.6.1"
    assert world.inner("web").addresses == ("192.168.6.2/24",)


# -- rules follow -----------------------------------------------------------------------------------------------------

def test_published_ports_and_links_follow_the_address(world: World) -> None:
    world.attach("web", "db", exposed_ports=["5432"])
    world.publish("web", "8080:80")
    world.link("web", "db:database")
    world.run("netns_attach", config=[{"netns": "web", "address": "192.168.5.40"}, {"netns": "db",
                                                                                   "address": "192.168.5.50"}])
    assert world.info()["published_ports"] == ["web 0.0.0.0:8080->192.168.5.40:80/tcp"]
    assert world.info()["links"] == ["web link db:database 192.168.5.40->192.168.5.50:5432/tcp"]


def test_with_the_container_its_ports_and_links_go(world: World) -> None:
    world.attach("web", "db", exposed_ports=["5432"])
    world.publish("web", "8080:80")
    world.publish("db", "5432:5432")
    world.link("web", "db")
    world.run("netns_attach", netns="db", state="absent")
    assert world.info()["published_ports"] == ["web 0.0.0.0:8080->192.168.5.2:80/tcp"]
    assert world.info()["links"] == [] and world.info()["leftovers"] == []


def test_a_link_ends_when_its_ends_part(world: World) -> None:
    world.bridge("br1", "192.168.6.1/24")
    world.attach("web", "db", exposed_ports=["5432"], bridge="br0")
    world.link("web", "db")
    world.run("netns_attach", netns="db", bridge="br1")
    assert world.info()["links"] == []


# -- a container that comes back --------------------------------------------------------------------------------------

def restarted(world: World, name: str = "web") -> dict[str, Any]:
    path = world.start(name)
    plan = world.run("netns_attach", container=name)
    assert plan.after[0]["netns_path"] == path and world.state.named[name].link == path
    return dict(plan.after[0])


@pytest.mark.parametrize("what", ["published", "source of a link", "target of a link"])
def test_a_container_that_comes_back_has_its_address_and_its_rules(world: World, what: str) -> None:
    world.bridge(fixed_cidr_v6="2001:db8:5::/64")
    world.attach("filler")
    world.start("web")
    world.run("netns_attach", container="web", exposed_ports=["80"])
    world.attach("other", exposed_ports=["1"])
    if what == "published":
        world.run("port_publish", container="web", published_ports=["8080:80"])
    elif what == "source of a link":
        world.run("icc_policy", container="web", links=["other"])
    else:
        world.link("other", "web")
    world.run("netns_attach", netns="filler", state="absent")
    rules = (world.info()["published_ports"], world.info()["links"])
    again = restarted(world)
    assert (again["address"], again["address_v6"]) == ("192.168.5.3/24", "2001:db8:5::3/64")
    assert (world.info()["published_ports"], world.info()["links"]) == rules and any(rules)
    assert world.run("netns_attach", container="web").operations == ()


def test_a_named_namespace_whose_interface_was_deleted(world: World) -> None:
    world.attach("filler", "web")
    world.run("netns_attach", netns="filler", state="absent")
    world.publish("web", "8080:80")
    host_end = next(name for name in world.state.host.links if name.startswith("veth"))
    world.host._remove(HOST, host_end)
    world.host._remove(named_path("web"), "eth0")
    assert world.attach("web") == ["192.168.5.3/24"]
    assert world.info()["published_ports"] == ["web 0.0.0.0:8080->192.168.5.3:80/tcp"]


@pytest.mark.parametrize("gone", ["published", "source", "target"])
def test_an_address_that_rules_point_to_goes_to_nobody_else(world: World, gone: str) -> None:
    for name in ("published", "source", "target"):
        world.start(name)
    world.run("netns_attach", config=[{"container": name} for name in ("published", "source", "target")],
              exposed_ports=["80"])
    world.run("port_publish", container="published", published_ports=["8080:80"])
    world.run("icc_policy", container="source", links=["target"])
    before = (world.info()["published_ports"], world.info()["links"])
    address = next(e["address"] for e in world.info()["endpoints"] if e["container"] == gone)
    world.start(gone)  # its interface went with its old namespace, and nothing was run since
    assert address not in world.attach("new1", "new2")
    assert (world.info()["published_ports"], world.info()["links"]) == before
    assert world.run("netns_attach", container=gone).after[0]["address"] == address


def test_unless_no_other_address_is_left() -> None:
    world = World()
    world.bridge("br0", "10.0.0.1/29")
    world.start("web")
    world.run("netns_attach", container="web")
    world.run("port_publish", container="web", published_ports=["8080:80"])
    world.start("web")
    assert world.attach(*"abcde") == [f"10.0.0.{last}/29" for last in (3, 4, 5, 6, 2)]
    assert world.info()["published_ports"] == []


def test_an_address_given_up_in_the_same_task_is_the_last_resort() -> None:
    world = World()
    world.bridge("br0", "10.0.0.1/29")
    world.attach("old")
    items = [{"netns": name} for name in "abcd"] + [{"netns": "old", "state": "absent"}, {"netns": "e"}]
    plan = world.run("netns_attach", config=items)
    assert plan.after[-1]["address"] == "10.0.0.2/29"


# -- going ------------------------------------------------------------------------------------------------------------

def test_absent_after_present_leaves_the_host_as_before(world: World) -> None:
    world.start("ctr")
    world.process(77)
    foreign_namespace(world, "theirs")
    world.host.settle(list(world.state.namespaces))
    before = picture(world.state, sysctls=False)
    config = [{"netns": "web"}, {"container": "ctr"}, {"pid": 77, "name": "legacy"}, {"netns": "theirs"},
              {"netns": "web", "interface_name": "eth1", "address": "192.168.5.99"}]
    world.run("netns_attach", config=config)
    world.publish("web", "8080:80", "53/udp")
    keys = ("netns", "container", "pid", "name", "interface_name")
    config = [{key: item[key] for key in keys if key in item} for item in config]
    plan = world.run("netns_attach", config=config, state="absent")
    found = picture(world.state, sysctls=False)
    for path in ("/proc/1001/ns/net", "/proc/77/ns/net", named_path("theirs")):
        found["links"][path]["lo"] = replace(found["links"][path]["lo"], up=False)
    assert found == before
    assert set(plan.after) == {None}
    assert world.run("netns_attach", config=config, state="absent").operations == ()


def test_one_interface_of_two_goes(world: World) -> None:
    world.run("netns_attach", netns="web")
    world.run("netns_attach", netns="web", interface_name="eth1")
    world.publish("web", "8080:80")
    world.run("netns_attach", netns="web", interface_name="eth1", state="absent")
    assert set(world.state.namespaces[named_path("web")].links) == {"lo", "eth0"}
    assert world.info()["published_ports"] == ["web 0.0.0.0:8080->192.168.5.2:80/tcp"]


def test_a_container_that_is_gone_can_be_detached(world: World) -> None:
    world.start("web")
    world.run("netns_attach", container="web")
    world.run("port_publish", container="web", published_ports=["8080:80"])
    world.host.end_namespace("/proc/1001/ns/net")
    del world.engine["web"]
    world.run("netns_attach", container="web", state="absent")
    assert world.state.named == {} and world.info()["published_ports"] == []


# -- what belongs to others -------------------------------------------------------------------------------------------

def test_the_bridge_of_somebody_else(world: World) -> None:
    world.state.host.links["docker0"] = Link("docker0", "bridge", 30)
    assert world.refuses("netns_attach", netns="web", bridge="docker0") == (
        "bridge: 'docker0' is not a bridge that this collection manages. Take it over with docker_bridge name=docker0 "
        "adopt=true, or name "
        "another.")


def test_an_interface_of_somebody_else_in_the_container(world: World) -> None:
    foreign_namespace(world, "theirs", Link("eth0", "veth", 9, 10, mac="02:00:00:00:00:01", tx_queue_len=1000))
    message = world.refuses("netns_attach", netns="theirs")
    assert message.startswith("interface_name: 'eth0' exists already in theirs") and "Give another name" in message
    world.run("netns_attach", netns="theirs", interface_name="net1")
    world.run("netns_attach", netns="theirs", interface_name="net1", state="absent")
    assert "eth0" in world.state.namespaces[named_path("theirs")].links


def test_a_link_of_somebody_else_with_our_name_for_it(world: World) -> None:
    name = world.check("netns_attach", netns="web").after[0]["host_interface"]
    world.state.host.links[name] = Link(name, "dummy", 31, mac="02:00:00:00:00:01", tx_queue_len=1000)
    assert f"remove it with `ip link delete {name}`" in world.refuses("netns_attach", netns="web")


def test_a_default_route_through_another_interface_stays(world: World) -> None:
    foreign_namespace(world, "theirs", Link("net0", "veth", 9, 10, up=True, mac="02:00:00:00:00:01",
                                            addresses=("10.9.0.2/24",), tx_queue_len=1000))
    netns = world.state.namespaces[named_path("theirs")]
    netns.routes.append(Route("default", "net0", "10.9.0.1"))
    assert world.run("netns_attach", netns="theirs").after[0]["gateway"] == ""
    assert Route("default", "net0", "10.9.0.1") in netns.routes
    assert world.run("netns_attach", netns="theirs", default_route=True).after[0]["gateway"] == "192.168.5.1"


# -- check mode -------------------------------------------------------------------------------------------------------

def test_in_check_mode_a_missing_bridge_is_assumed() -> None:
    plan = World().check("netns_attach", config=[{"netns": "a"}, {"netns": "b", "address": "10.0.0.2"}], bridge="br9")
    assert plan.assumed == (Assumption("bridge br9 does not exist: create it with docker_bridge first",
                                       "creates bridge br9"),)
    assert plan.after[0]["address"] == KNOWN_AFTER_APPLY
    assert plan.after[1]["address"].startswith("10.0.0.2")
    assert any("create veth pair" in action and "on br9" in action for action in plan.steps)


# -- modes ------------------------------------------------------------------------------------------------------------

def test_mode_none_has_a_loopback_and_nothing_else(world: World) -> None:
    world.run("netns_attach", netns="web", network_mode="none")
    assert set(world.state.namespaces[named_path("web")].links) == {"lo"} and world.inner("web", "lo").up
    assert world.run("netns_attach", netns="web", network_mode="none").operations == ()


def test_mode_none_takes_the_interface_away(world: World) -> None:
    world.attach("web")
    world.publish("web", "8080:80")
    world.run("netns_attach", netns="web", network_mode="none")
    assert world.info()["endpoints"] == [] and world.info()["published_ports"] == []


@pytest.mark.parametrize("mode", ["host", "container:db"])
def test_a_shared_network(world: World, mode: str) -> None:
    world.attach("db")
    before = picture(world.state)
    world.run("netns_attach", netns="web", network_mode=mode)
    assert world.state.named["web"].link == ("/proc/1/ns/net" if mode == "host" else named_path("db"))
    assert world.run("netns_attach", netns="web", network_mode=mode).operations == ()
    world.run("netns_attach", netns="web", network_mode=mode, state="absent")
    assert picture(world.state) == before


def test_a_running_container_cannot_be_moved_into_another_network(world: World) -> None:
    world.attach("db")
    world.start("web")
    message = world.refuses("netns_attach", container="web", network_mode="container:db")
    assert "cannot be given to web, which runs with a network of its own" in message


# -- many -------------------------------------------------------------------------------------------------------------

def test_a_thousand_endpoints_in_one_task() -> None:
    world = World()
    world.bridge("br0", "10.0.0.1/20")
    names = [f"c{number}" for number in range(1000)]
    addresses = world.attach(*names)
    assert addresses == [f"10.0.{(number + 2) // 256}.{(number + 2) % 256}/20" for number in range(1000)]
    assert len({link.mac for link in world.state.host.links.values()}) == len(world.state.host.links)


def test_more_ports_than_a_bridge_has() -> None:
    world = World()
    world.bridge("br0", "10.0.0.1/20")
    message = world.refuses("netns_attach", config=[{"netns": f"c{number}"} for number in range(1024)])
    assert message == ("bridge br0 would have 1024 ports, and the kernel allows 1023: spread the containers over "
                       "several bridges")


def test_a_mark_that_the_kernel_has_no_room_for(world: World) -> None:
    message = world.refuses("netns_attach", netns="web", exposed_ports=[str(port) for port in range(1, 99)])
    assert message.startswith("exposed_ports: '1/tcp, 2/tcp") and "Write neighbouring ports as ranges" in message


# -- what a neighbour says --------------------------------------------------------------------------------------------

CLOSED = ("net/ipv4/conf/all/accept_redirects", "net/ipv4/conf/eth0/accept_redirects",
          "net/ipv6/conf/eth0/accept_redirects", "net/ipv6/conf/eth0/accept_ra")


def heeded(world: World, container: str = "web") -> list[str]:
    return [name for name in CLOSED if world.host.sysctl(named_path(container), name) != "0"]


def test_redirects_and_router_advertisements_are_not_heeded(world: World) -> None:
    world.bridge(fixed_cidr_v6="2001:db8:5::/64")
    plan = world.run("netns_attach", netns="web")
    assert heeded(world) == []
    up = plan.steps.index("set eth0 in web: up")
    assert {f"set {name.replace('/', '.')} in web to 0" for name in CLOSED} <= {
        action.partition(" (")[0] for action in plan.steps[:up]}
    assert world.run("netns_attach", netns="web").operations == ()


def test_without_ipv6_there_is_nothing_to_be_heeded_of_it(world: World) -> None:
    world.attach("web")
    assert heeded(world) == list(CLOSED[2:])
    world.bridge(fixed_cidr_v6="2001:db8:5::/64")
    assert heeded(world) == []
    names = [operation.name for operation in world.host.executed if getattr(operation, "netns", "") == named_path("web")
             and getattr(operation, "name", "").startswith("net/ipv6")]
    assert names[-3:] == [CLOSED[2], CLOSED[3], "net/ipv6/conf/eth0/disable_ipv6"]


def test_what_a_container_opens_for_itself_is_closed_again(world: World) -> None:
    world.bridge(fixed_cidr_v6="2001:db8:5::/64")
    world.attach("web")
    for name in CLOSED:
        world.state.sysctls[named_path("web"), name] = "1"
    plan = world.run("netns_attach", netns="web")
    assert plan.steps == [f"set {name.replace('/', '.')} in web to 0 (was 1)" for name in CLOSED]
    assert heeded(world) == []


def test_what_the_user_says_of_them_counts(world: World) -> None:
    world.bridge(fixed_cidr_v6="2001:db8:5::/64")
    said = {"net.ipv6.conf.IFNAME.accept_ra": 2, "net.ipv4.conf.all.accept_redirects": 1}
    world.run("netns_attach", netns="web", sysctls=said)
    assert heeded(world) == [CLOSED[0], CLOSED[3]]
    assert world.run("netns_attach", netns="web", sysctls=said).operations == ()


def test_on_a_bridge_of_others_routers_are_heeded(world: World) -> None:
    world.state.host.links["lan"] = Link("lan", "bridge", 9, up=True)
    world.run("veth_pair", name="one", peer={"name": "other"})
    world.run("netns_attach", netns="web", interface="other", bridge="lan", address="10.1.0.2/24")
    assert heeded(world) == list(CLOSED)


def test_a_container_gives_up_the_address_that_its_bridge_gets() -> None:
    world = World()
    world.bridge("br0", "10.8.0.9/24")
    assert world.attach("web", "db") == ["10.8.0.1/24", "10.8.0.2/24"]
    world.publish("web", "8080:80")
    world.bridge("br0", "10.8.0.1/24")
    assert world.inner("web").addresses == ("10.8.0.3/24",) and world.inner("db").addresses == ("10.8.0.2/24",)
    assert world.info()["published_ports"] == ["web 0.0.0.0:8080->10.8.0.3:80/tcp"]


def test_the_mtu_follows_to_another_bridge_unless_it_was_given() -> None:
    world = World()
    world.bridge("br0", "10.8.0.1/24")
    world.bridge("br1", "10.9.0.1/24", mtu="1400")
    world.run("netns_attach", config=[{"netns": "web", "bridge": "br0"},
                                      {"netns": "own", "bridge": "br0", "mtu": 1450}])
    world.run("netns_attach", config=[{"netns": "web", "bridge": "br1"}, {"netns": "own", "bridge": "br1"}])
    assert (world.inner("web").mtu, world.inner("own").mtu) == (1400, 1450)
