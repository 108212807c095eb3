# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is to come back to after each kind of task: what is kept, what is waited for, and what is gone."""
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.applied.model import NAME, PATH, Applied
from ansible_collections.mooring.net.plugins.module_utils._internal.applied.text import parse, render, without_ended
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import HostError, MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import ObservedTable
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import named_path
from ansible_collections.mooring.net.plugins.module_utils._internal.persist.replay import parts
from ansible_collections.mooring.net.plugins.module_utils._internal.run import converge as pipeline
from ansible_collections.mooring.net.plugins.module_utils._internal.run.converge import Manner
from world import Failed, World


@pytest.fixture
def world() -> World:
    found = World()
    found.state.persistent = True
    found.bridge("br0", "192.168.5.1/24")
    return found


def items(world: World, module: str) -> list[dict[str, Any]]:
    return [dict(options) for options in parse(world.state.lasting[NAME]).of(module)]


def replay(world: World, changing: bool = True) -> Any:
    """The program on this host: who is not there is left out."""
    order = parse(world.state.lasting[NAME])
    with world._system():
        return pipeline.converge(parts(order), world.host, changing, Manner(changing, certain=True))


def test_chosen_addresses_and_host_ports_are_in_it(world: World) -> None:
    world.attach("web")
    world.publish("web", "80", "127.0.0.1::443/udp", "8000-8001:90-91", allow_from=["10.0.0.0/8"])
    assert items(world, "netns_attach") == [{"address": "192.168.5.2/24", "bridge": "br0", "netns": "web"}]
    assert items(world, "port_publish") == [{"netns": "web", "allow_from": ["10.0.0.0/8"], "published_ports": [
        "0.0.0.0:8000-8001:90-91/tcp", "0.0.0.0:49153:80/tcp", "127.0.0.1:49153:443/udp"]}]


def test_later_tasks_are_merged_and_what_is_usual_is_left_out(world: World) -> None:
    world.run("netns_attach", netns="web", interface_name="net1", sysctls={"net.ipv4.conf.IFNAME.rp_filter": 2})
    world.run("netns_attach", netns="web", interface_name="net1", mtu=1400, adopt=False)
    assert items(world, "netns_attach") == [{
        "address": "192.168.5.2/24", "bridge": "br0", "netns": "web", "interface_name": "net1", "mtu": 1400,
        "sysctls": {"net.ipv4.conf.IFNAME.rp_filter": 2}}]
    world.bridge("br0", "192.168.5.1/24", trusted_networks=["10.0.0.0/8"])
    world.bridge("br0", None, allow_overlap=True)
    [bridge] = items(world, "docker_bridge")
    assert bridge["trusted_networks"] == ["10.0.0.0/8"] and bridge["allow_overlap"] and "force" not in bridge


def test_what_docker_bridge_says_of_icc_is_the_policy_that_the_other_module_changes(world: World) -> None:
    world.run("docker_bridge", name="br0", icc=False)
    assert items(world, "icc_policy") == [{"bridge": "br0", "icc": False}] and "icc" not in items(
        world, "docker_bridge")[0]
    assert replay(world).operations == ()
    world.run("icc_policy", bridge="br0", icc=True)
    assert items(world, "icc_policy") == [] and replay(world).operations == ()
    assert world.run("docker_bridge", name="br0").after[0]["icc"] is True


def test_a_container_on_another_bridge_begins_anew(world: World) -> None:
    world.bridge("br1", "10.1.0.1/24")
    world.run("netns_attach", netns="web", bridge="br0", gateway="192.168.5.77")
    world.run("netns_attach", netns="web", bridge="br1")
    assert items(world, "netns_attach") == [{"address": "10.1.0.2/24", "bridge": "br1", "netns": "web"}]


def test_what_goes_is_not_asked_for_any_more(world: World) -> None:
    world.attach("web", "db")
    world.publish("web", "80")
    world.link("web", "db")
    world.name("web")
    world.run("netns_attach", netns="db", state="absent")
    assert items(world, "icc_policy") == []
    world.run("netns_attach", netns="web", state="absent")
    assert all(items(world, module) == [] for module in ("netns_attach", "port_publish", "container_dns"))
    world.run("docker_bridge", name="br0", state="absent")
    assert items(world, "docker_bridge") == []


def test_a_container_that_is_not_there_is_waited_for_until_it_is_taken_away(world: World) -> None:
    path = world.start("web")
    world.attach("db")
    world.run("netns_attach", container="web")
    world.run("port_publish", container="web", published_ports=["80"])
    world.run("icc_policy", container="db", links=["web"])
    before = parse(world.state.lasting[NAME]).items
    world.host.end_namespace(path)
    del world.engine["web"]
    world.attach("other")  # a run about something else
    assert [each["published_ports"] for each in items(world, "port_publish")] == [["0.0.0.0:49153:80/tcp"]]
    waiting = replay(world, changing=False)
    assert waiting.operations == () and waiting.absent == {"web"}
    done = replay(world)
    assert done.absent == {"web"} and done.failed.keys() == {"web"}
    assert "the link from db to web waits for web, which is not there" in done.warnings
    assert before.items() <= parse(world.state.lasting[NAME]).items.items()
    world.start("web")
    assert replay(world).absent == frozenset() and replay(world).operations == ()
    assert world.info()["published_ports"] == ["web 0.0.0.0:49153->192.168.5.3:80/tcp"]
    world.run("netns_attach", container="web", state="absent")
    assert items(world, "port_publish") == [] and items(world, "icc_policy") == []


def test_nobody_gets_the_address_and_the_port_of_who_is_waited_for(world: World) -> None:
    world.start("web")
    world.run("netns_attach", container="web")
    world.run("port_publish", container="web", published_ports=["80"])
    again = World()  # after a reboot, before the engine has started
    again.state.lasting = dict(world.state.lasting)
    replay(again)
    assert again.attach("other") == ["192.168.5.3/24"]
    assert again.publish("other", "80") == ["0.0.0.0:49154->192.168.5.3:80/tcp"]
    refusal = again.refuses("port_publish", netns="other", published_ports=["49153:80"])
    assert "already published by container web" in refusal
    again.start("web")
    assert replay(again).failed == {} and again.info()["published_ports"] == [
        "other 0.0.0.0:49154->192.168.5.3:80/tcp", "web 0.0.0.0:49153->192.168.5.2:80/tcp"]


def test_who_waits_can_be_taken_away(world: World) -> None:
    path = world.start("web")
    world.run("netns_attach", container="web")
    world.run("port_publish", container="web", published_ports=["80"])
    world.host.end_namespace(path)
    del world.engine["web"]
    world.run("netns_attach", container="web", state="absent")
    assert items(world, "netns_attach") == items(world, "port_publish") == []


def test_a_container_that_keeps_something_from_being_done_is_asked_for_all_the_same(world: World) -> None:
    with pytest.raises(Failed):
        world.run("netns_attach", config=[{"netns": "web"}, {"container": "nobody", "address": "192.168.5.9"}])
    assert [each["address"] for each in items(world, "netns_attach")] == ["192.168.5.2/24", "192.168.5.9"]


def test_an_exclusive_document_is_all_that_is_asked_for(world: World) -> None:
    path = world.start("web")
    world.run("netns_attach", container="web")
    world.run("veth_pair", name="p0", peer={"name": "p1"})
    world.host.end_namespace(path)
    del world.engine["web"]
    world.document([{"name": "br1", "bip": "10.1.0.1/24", "containers": [{"name": "db"}]}], exclusive=True)
    assert [each["name"] for each in items(world, "docker_bridge")] == ["br1"]
    assert [each["netns"] for each in items(world, "netns_attach")] == ["db"] and items(world, "veth_pair") == []


def test_a_pair_that_became_the_interface_of_a_container_is_still_asked_for(world: World) -> None:
    world.run("veth_pair", name="p0", peer={"name": "p1"})
    world.run("netns_attach", netns="web", interface="p1")
    assert [each["name"] for each in items(world, "veth_pair")] == ["p0"]
    again = World()
    again.state.lasting = dict(world.state.lasting)
    replay(again)
    assert again.info()["endpoints"] == world.info()["endpoints"]


def test_what_was_there_before_anybody_asked_for_the_file_is_in_it() -> None:
    world = World()
    world.bridge("br0", "192.168.5.1/24")
    world.run("icc_policy", bridge="br0", icc=False)
    world.attach("web", "db")
    world.publish("web", "80")
    world.link("web", "db")
    world.run("netns_attach", netns="alone", network_mode="none")
    assert NAME not in world.state.lasting
    plan = world.document([], persist=True)
    assert plan.steps[0] == f"write {PATH}"
    again = World()
    again.state.lasting = dict(world.state.lasting)
    replay(again)
    for key in ("bridges", "endpoints", "published_ports", "links", "namespaces"):
        assert again.info()[key] == world.info()[key]


def test_the_file_goes_where_it_is_not_wanted(world: World) -> None:
    assert f"remove {PATH}" in world.document([], persist=False).steps
    assert NAME not in world.state.lasting


def test_a_number_of_a_process_counts_for_that_process_only(world: World) -> None:
    world.process(77)
    world.run("netns_attach", pid=77)
    order = parse(world.state.lasting[NAME])
    assert order.processes.keys() == {"77"} and order.of("netns_attach")[0]["pid"] == 77
    which = order.processes["77"]
    assert without_ended(order, lambda _number: which) == order
    assert without_ended(order, lambda _number: "another boot 1").of("netns_attach") == []
    assert without_ended(Applied(order.items), lambda _number: which).of("netns_attach") == []


def test_a_namespace_of_others_that_is_not_there_yet_stops_nobody(world: World) -> None:
    world.attach("web")
    world.name("web", hostname="front")
    del world.state.named["web"]
    world.host.end_namespace(named_path("web"))
    again = World()
    order = parse(world.state.lasting[NAME])
    kept = Applied({key: options for key, options in order.items.items() if key[0] != "netns_attach"})
    again.state.lasting[NAME] = render(kept)
    done = replay(again)
    assert done.absent == {"web"} and "br0" in again.state.host.links


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 1, "docker_bridge": [{}]}',
                                  '{"version": 1, "netns_attach": 1}', '{"version": 1, "processes": []}'])
def test_a_damaged_file_is_said(text: str) -> None:
    with pytest.raises(HostError, match=f"{PATH} is damaged .*: put back a copy of it, or remove it"):
        parse(text)


def test_a_file_of_a_later_version_is_refused() -> None:
    with pytest.raises(HostError, match="has version 2, and this version of the collection knows 1"):
        parse('{"version": 2}')


def test_an_item_that_this_version_does_not_take_is_named() -> None:
    order = parse('{"version": 1, "docker_bridge": [{"name": "br0", "bip": "nonsense"}]}')
    with pytest.raises(MooringError, match=f"{PATH}: docker_bridge br0: bip: 'nonsense' lacks a prefix length"):
        parts(order)


def test_ports_that_an_internal_bridge_refuses_are_not_waited_for(world: World) -> None:
    """Nothing else would come back either, once the container is there."""
    path = world.start("web")
    world.run("netns_attach", container="web")
    world.run("port_publish", container="web", published_ports=["80"])
    world.host.end_namespace(path)
    del world.engine["web"]
    world.run("docker_bridge", name="br0", internal=True, force=True)
    assert items(world, "port_publish") == [] and items(world, "netns_attach")
    world.start("web")
    replay(world)
    assert world.info()["endpoints"][0]["bridge"] == "br0" and world.info()["published_ports"] == []


def test_where_containers_may_send_comes_back(world: World) -> None:
    """An empty list, too, which closes everything."""
    lists: dict[str, Any] = {"web": ["192.0.2.53:53"], "db": []}
    for name, allowed in lists.items():
        world.run("netns_attach", netns=name, bridge="br0", allow_to=allowed)
    world.run("docker_bridge", name="br0", allow_to=["192.0.2.0/24", "[2001:db8::/32]:443/tcp"])
    assert {each["netns"]: each["allow_to"] for each in items(world, "netns_attach")} == lists
    assert items(world, "docker_bridge")[0]["allow_to"] == ["192.0.2.0/24", "[2001:db8::/32]:443/tcp"]
    kept, sets = world.state.lasting[NAME], dict(world.state.sets)
    other = World()
    other.state.persistent, other.state.lasting = True, dict(world.state.lasting)
    replay(other)
    assert other.state.lasting[NAME] == kept and other.state.sets == sets
    world.run("netns_attach", netns="web", allow_to="anywhere")
    world.run("docker_bridge", name="br0", allow_to="anywhere")
    assert "allow_to" not in items(world, "docker_bridge")[0]
    assert ["allow_to" in each for each in items(world, "netns_attach")] == [False, True]


def test_a_list_that_the_host_does_not_know_any_more_comes_back_from_it(world: World) -> None:
    world.run("netns_attach", netns="web", bridge="br0", allow_to=["192.0.2.53:53"])
    sets = dict(world.state.sets)
    world.state.sets.clear()
    world.state.tables["ipv4", "mangle"] = world.state.tables["ipv6", "mangle"] = ObservedTable()
    world.run("docker_bridge", name="br0")
    assert not world.state.sets and items(world, "netns_attach")[0]["allow_to"] == ["192.0.2.53:53"]
    replay(world)
    assert world.state.sets == sets
