# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is to come back to: whatever was asked for, the file leads to the same host again."""
from __future__ import annotations

from typing import Optional

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.applied.model import NAME, POLICIES, Applied
from ansible_collections.mooring.net.plugins.module_utils._internal.applied.text import parse
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import ObservedTable
from ansible_collections.mooring.net.plugins.module_utils._internal.persist.replay import parts
from documents import Document, documents, seen
from hypothesis import event, given
from hypothesis import strategies as st
from world import World


def kept() -> World:
    """A host that is to come back to what it is asked for. It forwards already: who switches that on guards it."""
    world = World()
    world.state.sysctls.update({key: "1" for key in world.state.sysctls if key[1].endswith("forward")
                                or key[1].endswith("all/forwarding")})
    world.state.persistent = True
    return world


def order(world: World) -> Applied:
    return parse(world.state.lasting[NAME])


def fresh(world: World) -> World:
    """The same host after a reboot: nothing is there but the file."""
    again = kept()
    again.state.lasting = dict(world.state.lasting)
    return again


def replayed(world: World) -> World:
    again = fresh(world)
    again.converge(parts(order(world)))
    return again


def say_links_again(world: World) -> None:
    """A link keeps the ports that its target exposed when it was asked for, until it is asked for again."""
    links = [dict(options) for options in order(world).of(POLICIES) if options.get("links")]
    world.run("icc_policy", config=links)


@given(st.lists(documents(), min_size=1, max_size=4))
def test_a_host_comes_back_as_it_was(found: list[Document]) -> None:
    world, count = kept(), 0
    for document in found:
        try:
            world.document(document)
            count += 1
        except MooringError:
            continue
        assert world.converge(parts(order(world))).operations == ()
        say_links_again(world)
        again = replayed(world)
        assert seen(again) == seen(world)
        assert order(again) == order(world)
    event(f"{count} documents")


@pytest.mark.parametrize("ports", [[], ["80"]])
def test_a_link_keeps_the_ports_that_it_was_given_none_as_well(ports: list) -> None:
    world = kept()
    world.bridge()
    world.attach("web", exposed_ports=ports)
    world.attach("shop")
    world.run("icc_policy", netns="shop", links=["web"])
    world.run("port_publish", netns="web", published_ports=["8090:90"])
    before = seen(world)
    assert world.converge(parts(order(world))).operations == () and seen(world) == before
    # Once somebody has flushed the rules, nothing tells which ports they were.
    world.state.tables.update({key: ObservedTable() for key in world.state.tables if key[1] == "filter"})
    world.converge(parts(order(world)))
    assert any("90" in str(link) for link in world.info()["links"])


@pytest.mark.parametrize(("options", "masquerade"), [
    ({"gateway_mode": "routed"}, None), ({"gateway_mode": "routed", "gateway_mode_v6": "routed", "ipv6": True,
                                          "fixed_cidr_v6": "2001:db8::/64"}, None),
    ({"gateway_mode": "routed", "ipv6": True, "fixed_cidr_v6": "2001:db8::/64"}, True), ({}, True),
    ({"outbound_address": "192.0.2.10", "outbound_address_v6": "2001:db8:2::1"}, True),
    ({"internal": True}, None), ({"ip_masq": False}, False),
    ({"internal": True, "gateway_mode": "isolated", "fixed_cidr_v6": "2001:db8::/64"}, None),
    ({"gateway_mode": "routed", "ip_masq": False}, False)])
def test_nothing_is_said_of_masquerade_where_all_is_routed(options: dict, masquerade: Optional[bool]) -> None:
    """Such a bridge refuses ip_masq: true."""
    world = kept()
    world.run("docker_bridge", name="br0", bip="10.0.0.1/24", **options)
    assert world.converge(parts(order(world))).operations == ()
    [bridge] = replayed(world).info()["bridges"]
    assert bridge == world.info()["bridges"][0]
    assert order(world).items["docker_bridge", "br0"].get("ip_masq") in (masquerade, options.get("ip_masq"))


BY_PID = {"pid": 1001, "name": "c1"}


@pytest.mark.parametrize(("tasks", "named"), [
    ([{"pid": 1001}], {"pid": 1001}), ([BY_PID], BY_PID), ([BY_PID, {**BY_PID, "mtu": 1400}], BY_PID),
    ([{"container": "c1"}], {"container": "c1"}),
    ([{"container": "c1"}, {"netns": "c1", "exposed_ports": [80]}], {"container": "c1"}),
    ([BY_PID, {"netns": "c1", "exposed_ports": [80]}], BY_PID),
    ([{"container": "c1"}, BY_PID], BY_PID), ([BY_PID, {"container": "c1"}], {"container": "c1"}),
    ([{"netns_path": "/proc/1001/ns/net", "name": "c1"}], {"netns_path": "/proc/1001/ns/net", "name": "c1"}),
    ([{"netns": "c1"}], {"netns": "c1"})])
def test_a_container_is_known_by_one_name_whatever_tasks_have_called_it(tasks: list[dict], named: dict) -> None:
    """With two of them nothing of the host would come back: neither after a flush nor after a reboot."""
    world = kept()
    world.bridge()
    if "netns" not in named:
        assert world.start("c1") == "/proc/1001/ns/net"
    for task in tasks:
        world.run("netns_attach", bridge="br0", **task)
    world.run("docker_bridge", name="br0", mtu=1400)
    [item] = order(world).of("netns_attach")
    assert {name: value for name, value in item.items() if name in ("container", "pid", "netns", "netns_path",
                                                                    "name")} == named
    assert world.converge(parts(order(world))).operations == ()


def test_an_end_of_a_pair_is_that_of_one_pair() -> None:
    """A pair with no end on the host, which is then led there; and one that is put into another container."""
    world = kept()
    for name in ("web", "db"):
        world.run("netns_attach", netns=name, network_mode="none")
    for place in ({"netns_path": "/run/netns/web"}, {}, {"netns": "db"}, {"netns": "web"}):
        world.run("veth_pair", name="p", **place, peer={"name": "q", "netns": "web"})
        [item] = order(world).of("veth_pair")
        assert item == {"name": "p", **place, "peer": {"name": "q", "netns": "web"}}
        assert world.converge(parts(order(world))).operations == ()
    world.run("veth_pair", name="p", peer={"name": "q", "netns": "db"})
    assert len(order(world).of("veth_pair")) == 2 and world.converge(parts(order(world))).operations == ()


@pytest.mark.parametrize(("module", "given"), [
    ("netns_attach", {"bridge": "br0"}), ("port_publish", {"published_ports": ["8080:80"]}),
    ("icc_policy", {"links": ["web"]}), ("container_dns", {})])
def test_a_task_that_fails_leaves_nothing_that_keeps_the_host_from_coming_back(module: str, given: dict) -> None:
    """A path has no name for a container in it. What is waited for is what has one."""
    world = kept()
    world.bridge()
    world.attach("web")
    world.state.namespaces["/run/netns/a b"] = world.state.namespaces[world.process(1001)]
    before = world.state.lasting[NAME]
    assert "netns_path: 'a b' is not the name of a" in world.refuses(module, netns_path="/run/netns/a b", **given)
    assert world.state.lasting[NAME] == before and world.converge(parts(order(world))).operations == ()
