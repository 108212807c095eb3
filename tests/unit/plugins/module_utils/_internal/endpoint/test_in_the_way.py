# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and routes that a container has given itself are in its own way, and in nobody else's."""
from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import named_path
from ansible_collections.mooring.net.plugins.module_utils._internal.run import plan as plans
from world import Failed, World

ROUTE = {"destination": "10.9.0.0/24", "gateway": "192.168.5.9"}
NETWORK = {"name": "br0", "bip": "192.168.5.1/24", "bip6": "2001:db8:5::1/64"}


@pytest.fixture
def world() -> World:
    found = World()
    found.document([{**NETWORK, "containers": [{"name": "web", "routes": [ROUTE]}, {"name": "db"}]}])
    return found


def give(world: World, netns: str, interface: str, **changes: Any) -> None:
    links = world.state.namespaces[named_path(netns)].links
    link = links.get(interface, Link(interface, "veth", 77))
    more = (*link.addresses, *changes.pop("addresses", ()))
    links[interface] = dataclasses.replace(link, addresses=more, **changes)


@pytest.mark.parametrize(("interface", "address", "problem"), [
    ("eth0", "192.168.5.9/32", "routes: '10.9.0.0/24 via 192.168.5.9' has an address of its own as its gateway"),
    ("own0", "192.168.5.9/32", "routes: '10.9.0.0/24 via 192.168.5.9' has an address of its own as its gateway"),
    ("eth0", "10.9.0.7/24", "routes: '10.9.0.0/24 via 192.168.5.9' leads to the network of eth0 itself"),
    ("eth0", "2001:db8:5::1/128", "its gateway 2001:db8:5::1 is an address that the container has itself"),
    ("own0", "2001:db8:5::1/128", "its gateway 2001:db8:5::1 is an address that the container has itself")])
def test_the_rest_of_a_document_is_done(world: World, interface: str, address: str, problem: str) -> None:
    give(world, "web", interface, addresses=(address,))
    document = [{**NETWORK, "containers": [{"name": "web", "routes": [ROUTE], "published_ports": ["81:81"]},
                                           {"name": "db", "published_ports": ["80:80"]}, {"name": "new"}]}]
    for changing in (False, True):
        with pytest.raises(Failed, match=problem) as caught:
            world.document(document, changing)
        assert list(caught.value.plan.failed) == ["web"]
    assert world.inner("new").addresses and world.info()["published_ports"][0].startswith("db ")


def test_what_cannot_be_whatever_the_container_has_is_refused(world: World) -> None:
    items = [{"netns": "web", "routes": [{"destination": "10.0.0.0/8", "gateway": "10.1.0.1"}]}, {"netns": "db"}]
    give(world, "web", "own0", addresses=("10.1.0.1/24",))
    assert world.refuses("netns_attach", config=items).startswith(
        "config[0] (netns web): routes: '10.0.0.0/8 via 10.1.0.1' is not reached through eth0")
    give(world, "web", "eth0", addresses=("10.2.0.7/24",))
    items[0]["routes"] = [{"destination": "10.0.0.0/8", "gateway": "10.2.0.1"}]
    assert "add route 10.0.0.0/8 via 10.2.0.1 dev eth0 in web" in world.check("netns_attach", config=items).steps


def test_pairs_with_an_end_in_it_are_no_concern_of_others(world: World) -> None:
    def pair(name: str, netns: str) -> dict[str, Any]:
        return {"name": name, "peer": {"name": "in0", "netns": netns, "addresses": ["10.7.0.2/24", "2001:db8:7::2/64"],
                                       "routes": [{"destination": "10.8.0.0/24", "gateway": "10.7.0.9"}]}}
    pairs = [pair("a", "web"), pair("b", "db")]
    world.run("veth_pair", config=pairs)
    for mtu, problem in ((1000, "mtu: '1000' is too small for IPv6"),
                         (1500, "has an address of its own as its gateway")):
        give(world, "web", "in0", mtu=mtu)
        give(world, "web", "own0", addresses=("10.7.0.9/32",))
        pairs[1]["mtu"] = 1300 + mtu // 10
        with pytest.raises(Failed, match=problem) as caught:
            world.run("veth_pair", config=pairs)
        assert list(caught.value.plan.failed) == ["web"] and world.state.host.links["b"].mtu == pairs[1]["mtu"]


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_a_network_without_a_route_to_it_comes_back_with_its_address(world: World, family: str) -> None:
    here = world.state.namespaces[named_path("web")]
    before = list(here.routes)
    here.routes = [route for route in before if route.family != family]
    address = next(each for each in world.inner("web").addresses if (":" in each) == (family == "ipv6"))
    steps = world.check("netns_attach", netns="web").steps
    assert [step for step in steps if "address" in step] == [
        f"remove address {address} from eth0 in web", f"add address {address} to eth0 in web"]
    world.run("netns_attach", netns="web", routes=[ROUTE])
    assert sorted(here.routes, key=str) == sorted(before, key=str)


def test_what_is_in_the_way_of_many_is_found_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many containers fight back: to plan again for each of them would hold up all others."""
    world, names = World(), [f"c{number}" for number in range(6)]
    world.document([{**NETWORK, "containers": [{"name": name, "routes": [ROUTE]} for name in names]}])
    for name in names[1:]:
        give(world, name, "eth0", addresses=("192.168.5.9/32",))
    made, make = [], plans._plan  # pylint: disable=protected-access
    monkeypatch.setattr(plans, "_plan", lambda *given: made.append(given) or make(*given))
    document = [{**NETWORK, "containers": [{"name": name, "routes": [ROUTE], "published_ports": ["80"]}
                                           for name in names]}]
    with pytest.raises(Failed) as caught:
        world.document(document, False)
    assert list(caught.value.plan.failed) == names[1:] and len(made) == 2
