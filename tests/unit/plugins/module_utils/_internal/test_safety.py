# SPDX-License-Identifier: GPL-3.0-or-later
"""What must never happen: rules that point at somebody else, the host taken for a container, things lost in silence."""
from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.names import endpoint_link
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Namespace
from ansible_collections.mooring.net.plugins.module_utils._internal.host.operations import NetnsAdd
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import (DELETION_GROUP, UNFINISHED, Link,
                                                                                       Mark, Route)
from ansible_collections.mooring.net.plugins.module_utils._internal.link.operations import LinkAdd, Peer
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST, NamedNetns
from world import World

LOCALNET = "net/ipv4/conf/br0/route_localnet"


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge()
    return found


def gone(world: World, name: str) -> None:
    """Somebody removes a namespace; its veth goes with it, its published ports do not."""
    world.host.end_namespace(f"/run/netns/{name}")
    world.state.named[name] = NamedNetns(0, own=True)


def test_rules_for_an_address_close_before_it_has_a_new_holder(world: World) -> None:
    world.attach("a")
    world.publish("a", "8080:80")
    gone(world, "a")
    plan = world.run("netns_attach", netns="b", address="192.168.5.2")
    first = plan.operations[0]
    assert (first.family, first.table) == ("ipv4", "nat")
    rules = [line for change in first.chains if change.after for line in change.after.lines if "8080" in line]
    assert rules and not any("DNAT" in line for line in rules), "noted, and closed"
    assert not world.info()["published_ports"]


def test_ports_of_a_departed_container_do_not_outlive_its_subnet(world: World) -> None:
    world.bridge("other", "10.9.0.1/24")
    world.attach("a", bridge="br0")
    world.publish("a", "8080:80")
    gone(world, "a")
    world.bridge("br0", "10.8.0.1/24")
    assert not world.info()["published_ports"]


def test_the_host_is_no_container(world: World) -> None:
    world.state.namespaces["/proc/1/ns/net"] = world.state.host
    world.state.host.inode = world.state.host.inode or 4026531840
    assert "is in the network of the host itself" in world.refuses("netns_attach", pid=1)


def test_a_container_does_not_share_its_own_network(world: World) -> None:
    world.attach("web")
    assert "names the container itself" in world.refuses("netns_attach", netns="web", network_mode="container:web")


def test_the_name_of_another_container_does_not_take_its_address(world: World) -> None:
    world.attach("web")
    world.publish("web", "8080:80")
    path = world.process(77)
    assert "already the name of another" in world.refuses("netns_attach", netns_path=path, name="web")


def test_a_name_whose_namespace_was_removed_can_be_used_again(world: World) -> None:
    world.attach("web")
    gone(world, "web")
    world.process(77)
    world.run("netns_attach", pid=77, name="web")
    assert world.state.named["web"].link == "/proc/77/ns/net"


def test_of_several_pairs_with_one_name_none_is_guessed(world: World) -> None:
    world.attach("c1", "c2")
    for number in (1, 2):
        world.run("veth_pair", name="e1", netns=f"c{number}", peer={"name": f"p{number}"})
    assert "several pairs e1" in world.refuses("veth_pair", name="e1", state="absent")
    world.run("veth_pair", name="e1", netns="c2", peer={"name": "p2"}, state="absent")
    assert "p1" in world.state.host.links and "p2" not in world.state.host.links


def test_no_bridge_listens_to_routers(world: World) -> None:
    assert world.state.sysctls[HOST, "net/ipv6/conf/br0/accept_ra"] == "0"


def test_rules_are_not_given_up_with_what_they_hold(world: World) -> None:
    world.attach("web")
    world.publish("web", "8080:80")
    message = world.refuses("docker_bridge", name="br0", iptables=False)
    assert "would close 1 published ports and links of br0" in message
    assert world.state.sysctls[HOST, LOCALNET] == "1"
    plan = world.run("docker_bridge", name="br0", iptables=False, force=True)
    assert world.state.sysctls[HOST, LOCALNET] == "0"
    assert plan.steps[0] == "set net.ipv4.conf.br0.route_localnet to 0 (was 1)"  # before the rules that it needs go


def test_a_bridge_that_is_given_back_does_not_lead_to_the_loopback(world: World) -> None:
    world.state.host.links["theirs"] = Link("theirs", "bridge", 50, up=True, addresses=("10.50.0.1/24",))
    localnet = "net/ipv4/conf/theirs/route_localnet"
    world.state.sysctls[HOST, localnet] = "0"
    world.run("docker_bridge", name="theirs", adopt=True)
    world.attach("web", bridge="theirs")
    world.publish("web", "127.0.0.1:8080:80")
    assert world.state.sysctls[HOST, localnet] == "1"
    plan = world.run("docker_bridge", name="theirs", state="absent", force=True)
    assert plan.steps[0] == "set net.ipv4.conf.theirs.route_localnet to 0 (was 1)"
    assert world.run("docker_bridge", name="theirs", state="absent").operations == ()


def test_a_guard_without_rules_is_said(world: World) -> None:
    world.bridge("other", "10.9.0.1/24", iptables=False)
    warnings = world.run("docker_bridge", name="br0", iptables=False).warnings
    assert any("no bridge has rules" in warning for warning in warnings)
    world.run("docker_bridge", name="other", iptables=True)


def test_an_adopted_bridge_keeps_its_address_and_says_so(world: World) -> None:
    world.state.host.links["theirs"] = Link("theirs", "bridge", 50, up=True, addresses=("10.50.0.1/24",))
    message = world.refuses("docker_bridge", name="theirs", bip="10.60.0.1/24", adopt=True)
    assert "is not the address of theirs, which is adopted with 10.50.0.1/24" in message


def test_an_empty_text_takes_a_setting_away(world: World) -> None:
    world.bridge(fixed_cidr="192.168.5.128/25", default_gateway="192.168.5.254")
    plan = world.bridge(fixed_cidr="", default_gateway="")
    assert (plan.after[0]["fixed_cidr"], plan.after[0]["default_gateway"]) == ("", "")
    assert world.bridge(bip="", mtu="", mac_address="").operations == ()


def test_explicit_ports_of_a_task_come_before_chosen_ones(world: World) -> None:
    world.attach("a", "b")
    plan = world.run("port_publish", config=[{"netns": "a", "published_ports": ["80"]},
                                             {"netns": "b", "published_ports": ["49153:80"]}])
    assert [item["ports"][0]["host_port"] for item in plan.after] == [49154, 49153]


def test_a_changed_mtu_leaves_the_default_route_as_it_was_chosen(world: World) -> None:
    world.attach("none", default_route=False)
    world.attach("other", gateway="192.168.5.254")
    before = {name: list(world.state.namespaces[f"/run/netns/{name}"].routes) for name in ("none", "other")}
    world.bridge(mtu="1400")
    assert world.inner("none").mtu == 1400
    assert {name: list(world.state.namespaces[f"/run/netns/{name}"].routes) for name in before} == before


def test_a_route_gives_way_to_its_successor(world: World) -> None:
    world.attach("web", routes=[{"destination": "10.0.0.0/8", "gateway": "192.168.5.9"}])
    world.attach("web", routes=[{"destination": "10.0.0.0/8", "gateway": "192.168.5.8"}])
    routes = [route for route in world.state.namespaces["/run/netns/web"].routes if route.destination == "10.0.0.0/8"]
    assert routes == [Route("10.0.0.0/8", "eth0", "192.168.5.8")]


def test_halves_of_the_world_are_a_default_route() -> None:
    world = World()
    world.state.host.routes += [Route("0.0.0.0/1", "eth0", "203.0.113.9"), Route("128.0.0.0/1", "eth0", "203.0.113.9")]
    assert world.bridge(bip=None).after[0]["bip"] == "172.17.0.1/16"


def test_a_namespace_that_holds_nothing_of_ours_stays(world: World) -> None:
    world.state.named["theirs"] = NamedNetns(900)
    world.state.namespaces["/run/netns/theirs"] = Namespace(900, {"lo": Link("lo", "loopback", 1)})
    assert world.run("netns_attach", netns="theirs", state="absent").operations == ()


def test_what_a_killed_run_left_unfinished_is_made_anew(world: World) -> None:
    unfinished = Mark(UNFINISHED, "x").text
    half = Link(endpoint_link("web", "eth0"), "veth", alias=unfinished)
    world.host.execute([NetnsAdd("web"), LinkAdd(HOST, half, Peer("/run/netns/web", "eth0")),
                        LinkAdd(HOST, Link("br9", "bridge", alias=unfinished))])
    other = world.copy()
    assert world.run("netns_attach", netns="web", bridge="br0").steps[:2] == [
        f"delete veth {half.name}", "delete bridge br9"]
    actions = other.bridge("br9", "10.9.0.1/24").steps
    assert {f"delete veth {half.name}", "delete bridge br9"} < set(actions) and "create bridge br9" in actions


def test_what_a_killed_run_was_about_to_make_or_to_delete_is_seen_by_every_run(world: World) -> None:
    """The next one may be about something else: nobody but this collection knows what that is."""
    world.attach("web")
    veth = endpoint_link("web", "eth0")
    world.host.execute([LinkAdd(HOST, Link("br9", "bridge", alias=Mark(UNFINISHED, "br9").text))])
    links = world.state.host.links
    links[veth] = dataclasses.replace(links[veth], group=DELETION_GROUP)
    assert world.info()["drift"] == ["delete bridge br9", f"set {veth}: group 0 (was {DELETION_GROUP})"]
    world.run("netns_attach", netns="db", bridge="br0")
    assert "br9" not in links and links[veth].group == 0 and not world.info()["drift"]
