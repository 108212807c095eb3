# SPDX-License-Identifier: GPL-3.0-or-later
"""Items of one task that concern each other, and a preview of tasks that build on each other."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.run.frame import diff
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import NamedNetns
from world import World


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge()
    return found


def test_fixed_addresses_come_before_chosen_ones_whatever_the_order(world: World) -> None:
    plan = world.run("netns_attach", config=[{"netns": "web"}, {"netns": "db", "address": "192.168.5.2"}])
    assert [item["address"] for item in plan.after] == ["192.168.5.3/24", "192.168.5.2/24"]


def test_two_containers_swap_their_addresses(world: World) -> None:
    assert world.attach("a", "b") == ["192.168.5.2/24", "192.168.5.3/24"]
    plan = world.run("netns_attach", config=[{"netns": "a", "address": "192.168.5.3"},
                                             {"netns": "b", "address": "192.168.5.2"}])
    assert [item["address"] for item in plan.after] == ["192.168.5.3/24", "192.168.5.2/24"]


def test_one_address_for_two_containers_is_refused(world: World) -> None:
    message = world.refuses("netns_attach", config=[{"netns": "a", "address": "192.168.5.3"},
                                                    {"netns": "b", "address": "192.168.5.3"}])
    assert message.startswith("config[1] (netns b): address: '192.168.5.3' is taken by container a")


@pytest.mark.parametrize("family", ["address", "address_v6"])
def test_one_address_for_two_containers_is_refused_also_where_one_of_them_has_it(family: str) -> None:
    world = World()
    world.bridge(fixed_cidr_v6="2001:db8:5::/64")
    address = {"address": "192.168.5.9", "address_v6": "2001:db8:5::9"}[family]
    world.run("netns_attach", netns="b", **{family: address})
    for first, second in (("a", "b"), ("b", "a")):
        message = world.refuses("netns_attach", config=[{"netns": first, family: address},
                                                        {"netns": second, family: address}])
        assert f"{address}' is taken by container {first}" in message
    assert "is taken by container b" in world.refuses("netns_attach", config=[
        {"netns": "b", family: address}, {"netns": "b", "interface_name": "eth1", family: address}])


@pytest.mark.parametrize(("bip", "kept"), [
    ("192.168.0.1/16", ["192.168.5.2/16", "192.168.5.20/16"]), ("192.168.5.1/28", ["192.168.5.2/28", "192.168.5.3/28"]),
    ("10.8.0.1/24", ["10.8.0.2/24", "10.8.0.20/24"]), ("192.168.4.1/23", ["192.168.5.2/23", "192.168.5.20/23"]),
])
def test_endpoints_keep_their_place_on_another_subnet(world: World, bip: str, kept: list[str]) -> None:
    world.run("netns_attach", config=[{"netns": "web"}, {"netns": "db", "address": "192.168.5.20"}])
    world.bridge(bip=bip)
    assert [each["address"] for each in sorted(world.info()["endpoints"], key=lambda each: each["container"] != "web")
            ] == kept


def test_the_owner_of_a_shared_network_may_come_later_in_the_task(world: World) -> None:
    world.run("netns_attach", config=[{"netns": "sidecar", "network_mode": "container:web"}, {"netns": "web"}])
    assert world.state.named["sidecar"].link == "/run/netns/web"


@pytest.mark.parametrize("module", ["netns_attach", "port_publish"])
def test_one_container_under_two_names_is_named(world: World, module: str) -> None:
    world.start("web")
    world.run("netns_attach", container="web")
    given = {} if module == "netns_attach" else {"published_ports": []}
    with pytest.raises(MooringError, match=r"config\[1\] \(.*\): .*web stands twice in this task"):
        world.run(module, config=[{"container": "web", **given}, {"netns": "web", **given}])


def test_the_mark_of_a_namespace_that_somebody_removed_goes(world: World) -> None:
    world.attach("web")
    world.host.end_namespace("/run/netns/web")
    world.state.named["web"] = NamedNetns(0, own=True)
    assert world.run("netns_attach", netns="web", state="absent").steps == [
        "remove namespace web", "remove neighbour 192.168.5.2 on br0: 02:42:c0:a8:05:02"]
    assert "web" not in world.state.named


def test_a_pair_is_removed_by_its_name_alone(world: World) -> None:
    world.attach("web")
    world.run("veth_pair", name="C", netns="web", peer={"name": "D"})
    assert world.info()["veth_pairs"] == ["C"]
    world.run("veth_pair", name="C", state="absent")
    assert "D" not in world.state.host.links and "C" not in world.state.namespaces["/run/netns/web"].links


@pytest.mark.parametrize(("module", "given"), [
    ("netns_attach", {"netns": "web", "bridge": "br9"}),
    ("netns_attach", {"config": [{"netns": "web"}, {"netns": "db"}], "bridge": "br9"}),
    ("netns_attach", {"netns": "new", "interface": "nope"}),
    ("netns_attach", {"netns": "web", "interface": "nope", "interface_name": "eth1", "bridge": "br9"}),
    ("port_publish", {"netns": "nobody", "published_ports": ["8080:80", "[::]:9:9"], "allow_from": ["2001:db8::/32"]}),
    ("port_publish", {"netns": "nobody", "published_ports": ["80"], "default_host_ip": "::"}),
    ("icc_policy", {"netns": "nobody", "links": ["web"]}), ("icc_policy", {"netns": "web", "links": ["nobody"]}),
    ("container_dns", {"netns": "nobody", "dns_servers": ["host-gateway"]}),
    ("veth_pair", {"name": "A", "bridge": "br9", "peer": {"name": "B", "netns": "nobody"}}),
    ("icc_policy", {"bridge": "br9", "icc": False}),
])
def test_what_is_not_known_yet_does_not_stop_a_preview(world: World, module: str, given: dict) -> None:
    """Also where ports, links and names depend on it."""
    world.bridge(fixed_cidr_v6="2001:db8:5::/64")
    world.attach("web", "db")
    world.publish("web", "8080:80", "53:53/udp")
    world.run("icc_policy", config=[{"bridge": "br0", "icc": False}, {"netns": "web", "links": ["db"]},
                                    {"netns": "db", "links": ["web"]}])
    world.run("container_dns", config=[{"netns": "web"}, {"netns": "db"}])
    plan = world.check(module, **given)
    assert plan.assumed and diff(plan.plan)


def test_a_preview_on_a_fresh_host_shows_ports_and_policy() -> None:
    world = World()
    ports = world.check("port_publish", netns="web", published_ports=["8080:80"])
    assert ports.assumed and "8080/tcp -> web:80 (from everywhere)" in diff(ports)["after"]
    policy = world.check("icc_policy", bridge="br0", icc=False)
    assert policy.assumed and "bridge br0: icc false" in diff(policy)["after"]
    assert world.state.host.links.keys() == World().state.host.links.keys()
