# SPDX-License-Identifier: GPL-3.0-or-later
"""One container that is not there, ends or fights back keeps nobody else from anything."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import HostError
from ansible_collections.mooring.net.plugins.module_utils._internal.core.plan import Operation
from ansible_collections.mooring.net.plugins.module_utils._internal.files.model import ObservedFile
from ansible_collections.mooring.net.plugins.module_utils._internal.host.operations import SysctlSet
from ansible_collections.mooring.net.plugins.module_utils._internal.link.addressing import AddrAdd, RouteAdd
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link, Route
from ansible_collections.mooring.net.plugins.module_utils._internal.link.operations import LinkAdd, LinkSet
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST, named_path
from ansible_collections.mooring.net.plugins.module_utils._internal.run.frame import describe_failed
from world import Failed, World, netns_place, picture

EVIL = named_path("evil")
TRIO = [{"netns": name, "bridge": "br0"} for name in ("a", "evil", "z")]


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge(fixed_cidr_v6="2001:db8:5::/64")
    return found


def fails(world: World, module: str, /, **given: Any) -> Failed:
    with pytest.raises(Failed) as caught:
        world.run(module, **given)
    return caught.value


def resist(world: World, resists: Callable[[Operation], bool]) -> None:
    """Let the kernel refuse operations, as it does when a container was quicker."""
    carry_out = world.host.carry_out

    def refuse(operation: Operation) -> None:
        if resists(operation):
            raise HostError("Invalid argument")
        carry_out(operation)

    world.host.carry_out = refuse


@pytest.mark.parametrize("kind", [AddrAdd, RouteAdd, LinkAdd])
def test_what_a_container_refuses_is_reported_and_the_rest_is_done(world: World, kind: type[object]) -> None:
    resist(world, lambda operation: isinstance(operation, kind) and EVIL in (operation.netns,
                                                                             getattr(operation, "inside", "")))
    failed = fails(world, "netns_attach", config=TRIO)
    assert list(failed.plan.failed) == ["evil"] and "in evil" in str(failed) and "Invalid argument" in str(failed)
    assert [world.inner(name).addresses[0] for name in "az"] == ["192.168.5.2/24", "192.168.5.4/24"]
    assert fails(world, "netns_attach", config=TRIO).plan.steps == []
    del world.host.carry_out
    world.run("netns_attach", config=TRIO)
    assert world.inner("evil").addresses[0] == "192.168.5.3/24"


def test_nothing_is_recorded_that_is_not_inside(world: World) -> None:
    world.run("netns_attach", config=TRIO)
    resist(world, lambda operation: operation.netns == EVIL)
    fails(world, "netns_attach", config=[{"netns": "evil", "address": "192.168.5.99"},
                                         {"netns": "a", "address": "192.168.5.98"}])
    assert [each["address"] for each in world.info()["endpoints"]] == [
        "192.168.5.98/24", "192.168.5.3/24", "192.168.5.4/24"]
    assert world.inner("evil").addresses[0] == "192.168.5.3/24"


def test_the_whole_document_but_that_container(world: World) -> None:
    resist(world, lambda operation: isinstance(operation, LinkAdd) and operation.inside == EVIL)
    document = [{"name": "br0", "bip": "192.168.5.1/24", "icc": False, "containers": [
        {"name": "evil", "published_ports": ["8080:80"], "exposed_ports": ["80"]},
        {"name": "a", "published_ports": ["8081:80"], "links": ["evil"]}]}]
    with pytest.raises(Failed) as caught:
        world.document(document)
    assert list(caught.value.plan.failed) == ["evil"]
    assert {port.split()[0] for port in world.info()["published_ports"]} == {"a"} and not world.info()["links"]
    del world.host.carry_out
    world.document(document)
    assert {port.split()[0] for port in world.info()["published_ports"]} == {"a", "evil"} and world.info()["links"]


def test_a_container_that_is_not_running(world: World) -> None:
    failed = fails(world, "netns_attach", config=[{"container": "gone", "bridge": "br0"}, TRIO[0]])
    assert "container: 'gone' is not a running container" in str(failed)
    assert world.inner("a").addresses[0] == "192.168.5.2/24"
    for module, more in (("port_publish", {"published_ports": ["80"]}), ("container_dns", {}),
                         ("icc_policy", {"links": ["z"]}), ("veth_pair", {"name": "x", "peer": {"name": "y"}})):
        before = picture(world.state)
        failed = fails(world, module, config=[{"container": "gone", **more}])
        assert list(failed.plan.failed) == ["gone"] and picture(world.state) == before


def test_files_that_a_container_took_away(world: World) -> None:
    world.run("netns_attach", config=TRIO)
    world.state.files[netns_place("evil", "hosts")] = ObservedFile(problem="is a symbolic link, which is not followed")
    failed = fails(world, "container_dns", config=[{"netns": name} for name in ("a", "evil", "z")])
    assert "names of evil: netns: 'evil' cannot get a hosts" in str(failed) and "is a symbolic link" in str(failed)
    assert all("192.168.5." in world.text(name) for name in "az")
    assert fails(world, "container_dns", config=[{"netns": "evil"}, {"netns": "a"}]).plan.steps == []


def test_a_file_that_cannot_be_written(world: World) -> None:
    world.run("netns_attach", config=TRIO)
    resist(world, lambda operation: getattr(operation, "place", None) == netns_place("evil", "hosts"))
    failed = fails(world, "container_dns", config=[{"netns": name} for name in ("a", "evil", "z")])
    assert list(failed.plan.failed) == ["evil"] and "cannot create hosts of evil" in str(failed)
    assert all("192.168.5." in world.text(name) for name in "az")


def test_what_a_container_changes_all_the_time_is_reported(world: World) -> None:
    world.run("netns_attach", config=TRIO)
    execute = world.host.execute

    def restless(operations: Any) -> list[Operation]:
        done = execute(operations)
        world.state.namespaces[EVIL].routes = [route for route in world.state.namespaces[EVIL].routes
                                               if route.destination != "default"]
        return done

    world.host.execute = restless
    failed = fails(world, "netns_attach", config=[{**item, "mtu": "1400"} for item in TRIO])
    assert list(failed.plan.failed) == ["evil"] and "something in it changes what was set up just now." in str(failed)
    assert "Still to do: add route default via 192.168.5.1 dev eth0 in evil" in str(failed)
    assert [world.inner(name).mtu for name in ("a", "evil", "z")] == [1400] * 3


def test_a_bridge_that_changes_goes_on_without_who_cannot_follow(world: World) -> None:
    world.run("netns_attach", config=TRIO)
    del world.state.namespaces[EVIL]
    failed = fails(world, "docker_bridge", name="br0", bip="192.168.6.1/24")
    assert "it is to follow its bridge br0 and cannot be reached: there is no network namespace /run/netns/evil" in str(
        failed)
    assert all(f"192.168.6.{number}/24" in world.inner(name).addresses for name, number in (("a", 2), ("z", 4)))


@pytest.mark.parametrize("gateway", ["", "192.168.5.77"])
def test_a_default_route_of_its_own_does_not_stop_the_bridge(world: World, gateway: str) -> None:
    world.run("netns_attach", config=TRIO)
    routes = world.state.namespaces[EVIL].routes
    routes[:] = [route for route in routes if route.destination != "default"] + [Route("default", "eth0", gateway)]
    world.bridge(bip="192.168.6.1/24")
    assert world.state.namespaces[EVIL].default_route("ipv4") == Route("default", "eth0", "192.168.6.1")


def test_an_end_of_a_pair_that_the_container_took_the_name_of(world: World) -> None:
    pair = {"name": "x", "netns": "evil", "peer": {"name": "y"}}
    world.run("netns_attach", config=[{"netns": "evil", "network_mode": "none"}])
    world.run("veth_pair", **pair)
    links = world.state.namespaces[EVIL].links
    links["mine"], links["x"] = links.pop("x"), Link("x", "bridge", 77)
    failed = fails(world, "veth_pair", config=[pair, {"name": "p", "peer": {"name": "q"}}])
    assert "name: 'x' exists in evil and is not an end of this pair" in str(failed) and "p" in world.state.host.links
    world.run("veth_pair", **pair, state="absent")
    assert "y" not in world.state.host.links


def test_another_name_of_a_link_is_a_name_as_well(world: World) -> None:
    world.run("netns_attach", netns="evil", network_mode="none")
    world.state.namespaces[EVIL].links["mine"] = Link("mine", "bridge", 9, other_names=("eth0",))
    assert "interface_name: 'eth0' exists already in evil" in str(fails(world, "netns_attach", config=TRIO))


def test_what_concerns_everybody_stops_everybody(world: World) -> None:
    resist(world, lambda operation: isinstance(operation, LinkSet) and operation.netns == HOST)
    world.bridge("br1", "10.0.0.1/24")
    message = world.refuses("docker_bridge", name="br1", mtu="1300")
    assert "Invalid argument" in message


def test_operations_in_a_container_that_failed_are_not_tried() -> None:
    world = World()
    path = "/proc/9/ns/net"
    operations = [AddrAdd(path, "eth0", "10.0.0.2/24"), SysctlSet(path, "net/ipv4/conf/eth0/rp_filter", "1")]
    assert world.host.execute(operations) == [] and list(world.host.setbacks.why) == [path]
    assert "add address" in world.host.setbacks.why[path]


def test_the_message() -> None:
    assert describe_failed({"web": "pid: '1' is gone."}, among_others=False) == "container web: pid: '1' is gone."
    assert describe_failed({"b": "b is gone", "a": "cannot."}, among_others=True) == (
        "container a: cannot; b is gone. The rest of this task is not held up by that.")
