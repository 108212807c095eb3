# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of interfaces: asked for, kept, changed, taken away, and what somebody else does to them."""
from __future__ import annotations

import dataclasses
import json
from typing import Any, Optional

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.applied.text import parse
from ansible_collections.mooring.net.plugins.module_utils._internal.core.names import endpoint_link
from ansible_collections.mooring.net.plugins.module_utils._internal.link.bandwidth import ifb_name
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link, Shaper
from ansible_collections.mooring.net.plugins.module_utils._internal.link.operations import LinkAdd, LinkDel
from ansible_collections.mooring.net.plugins.module_utils._internal.link.shapers import ShaperDel, ShaperSet
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST, named_path
from world import World, picture

BOTH = {"ingress": "10mbit", "egress": "2mbit", "egress_burst": "64kb"}
OUTER, IFB = endpoint_link("web", "eth0"), ifb_name("web", "eth0")


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge(fixed_cidr_v6="2001:db8:5::/64")
    return found


def limits(world: World) -> dict[tuple[str, str], Any]:
    """Rates in bit/s of buckets, and where ingress leads."""
    return {key: each.target or each.rate * 8 for key, each in (world.state.shapers or {}).items() if each.own}


ALL = {(OUTER, "root"): 10_000_000, (IFB, "root"): 2_000_000, (OUTER, "ingress"): IFB}


def attach(world: World, bandwidth: Optional[dict[str, Any]] = None, **given: Any) -> Any:
    return world.run("netns_attach", netns="web", bandwidth=bandwidth, **{"bridge": "br0", **given})


def test_limits_are_there_before_the_container_is_set_up(world: World) -> None:
    checked = world.check("netns_attach", netns="web", bandwidth=BOTH)
    plan = attach(world, BOTH)
    assert limits(world) == ALL and checked.steps == plan.steps
    assert plan.after[0]["bandwidth"] == BOTH and world.info()["endpoints"][0]["bandwidth"] == BOTH
    first_inside = next(number for number, operation in enumerate(plan.operations)
                        if operation.netns == named_path("web"))
    assert all(number < first_inside for number, operation in enumerate(plan.operations)
               if isinstance(operation, ShaperSet))
    assert [action for action in plan.steps if "limit" in action or "lead" in action or "ifb" in action] == [
        f"limit what {OUTER} sends to 10mbit (burst 32kb)", f"create ifb {IFB}",
        f"limit what {IFB} sends to 2mbit (burst 64kb)", f"lead what {OUTER} receives through {IFB}"]
    assert attach(world, BOTH).operations == () and attach(world).operations == ()
    assert world.info()["drift"] == []
    assert IFB in world.info()["interfaces"]


def test_a_rate_changes_in_place(world: World) -> None:
    attach(world, BOTH)
    plan = attach(world, {**BOTH, "ingress": "20mbit"})
    assert limits(world)[OUTER, "root"] == 20_000_000
    assert [type(each).__name__ for each in plan.operations if "haper" in type(each).__name__] == ["ShaperSet"]
    (change,) = [each for each in plan.operations if isinstance(each, ShaperSet)]
    assert change.lines() == ([f"limit what {OUTER} sends to 10mbit (burst 32kb)"],
                              [f"limit what {OUTER} sends to 20mbit (burst 32kb)"])
    assert isinstance(change.inverse(), ShaperSet) and change.inverse().shaper == change.before


@pytest.mark.parametrize("left", [{"ingress": "10mbit"}, {"egress": "2mbit"}, {}])
def test_what_is_not_named_is_taken_away(world: World, left: dict[str, str]) -> None:
    attach(world)
    before = picture(world.state)
    attach(world, BOTH)
    plan = attach(world, left)
    assert world.info()["endpoints"][0]["bandwidth"] == left
    assert (IFB in world.state.host.links) == ("egress" in left)
    if "egress" not in left:  # what is led to an interface that is gone is lost
        order = [type(each).__name__ for each in plan.operations]
        assert order.index("ShaperDel") < order.index("LinkDel")
    attach(world, {})
    assert limits(world) == {} and picture(world.state) == before
    assert attach(world, {}).operations == ()


def test_they_go_with_the_container(world: World) -> None:
    attach(world, BOTH)
    plan = attach(world, state="absent")
    assert world.state.shapers == {} and IFB not in world.state.host.links
    assert not [each for each in plan.operations if isinstance(each, ShaperDel)]


def test_they_go_when_the_container_has_ended_and_come_back_when_it_is_asked_for(world: World) -> None:
    for _start in range(2):
        world.start("app")
        world.run("netns_attach", container="app", bandwidth=BOTH)
        assert len(limits(world)) == 3
    world.host.end_namespace(f"/proc/{world.engine['app']}/ns/net")
    ifb = ifb_name("app", "eth0")
    assert limits(world) == {(ifb, "root"): 2_000_000}
    world.run("docker_bridge", name="br0")
    assert limits(world) == {} and ifb not in world.state.host.links


def test_a_container_with_a_new_namespace_keeps_its_limits(world: World) -> None:
    path = world.start("app")
    world.run("netns_attach", container="app", bandwidth=BOTH)
    world.state.namespaces[path].links.pop("eth0")  # somebody has taken it for another one
    world.run("netns_attach", container="app")
    assert set(limits(world).values()) == {10_000_000, 2_000_000, ifb_name("app", "eth0")}


def test_a_host_that_comes_back_limits_them_again(world: World) -> None:
    world.state.persistent = True
    attach(world, BOTH)
    (item,) = parse(world.state.lasting["applied.json"]).of("netns_attach")
    assert item["bandwidth"] == BOTH
    attach(world, {"ingress": "1mbit"})
    (item,) = parse(world.state.lasting["applied.json"]).of("netns_attach")
    assert item["bandwidth"] == {"ingress": "1mbit"}
    attach(world, {})
    (item,) = parse(world.state.lasting["applied.json"]).of("netns_attach")
    assert "bandwidth" not in item
    json.dumps(item)


def put(world: World, interface: str, place: str, **changed: Any) -> None:
    shapers = world.state.shapers
    assert shapers is not None
    shapers[interface, place] = dataclasses.replace(shapers[interface, place], **changed)


def break_(world: World, how: str) -> None:
    shapers, links = world.state.shapers, world.state.host.links
    assert shapers is not None
    if how == "no bucket":
        del shapers[OUTER, "root"]
    elif how == "another rate":
        put(world, OUTER, "root", rate=99)
    elif how == "another burst":
        put(world, OUTER, "root", burst=2000, limit=2000 + 62500)
    elif how == "a peak rate":
        put(world, OUTER, "root", altered=True)
    elif how == "no redirection":
        del shapers[OUTER, "ingress"]
    elif how == "another filter":
        put(world, OUTER, "ingress", altered=True)
    elif how == "no ifb":
        del links[IFB]
        del shapers[IFB, "root"]
        put(world, OUTER, "ingress", target="")
    elif how == "ifb without bucket":
        del shapers[IFB, "root"]
    elif how == "ifb with another discipline":
        shapers[IFB, "root"] = Shaper(IFB, "root", "fq_codel")
    elif how == "ifb down":
        links[IFB] = dataclasses.replace(links[IFB], up=False)
    elif how == "ifb without alias":
        links[IFB] = dataclasses.replace(links[IFB], alias="")
    elif how == "end without alias":
        links[OUTER] = dataclasses.replace(links[OUTER], alias="")
    else:
        raise AssertionError(how)


@pytest.mark.parametrize("how", [
    "no bucket", "another rate", "another burst", "a peak rate", "no redirection", "another filter", "no ifb",
    "ifb without bucket", "ifb with another discipline", "ifb down", "ifb without alias", "end without alias"])
def test_what_somebody_changes_is_told_and_any_run_repairs_it(world: World, how: str) -> None:
    world.bridge("other", "10.9.0.1/24")
    attach(world, BOTH)
    before, mac = picture(world.state), world.state.host.links[IFB].mac
    break_(world, how)
    assert world.info()["drift"]
    world.run("docker_bridge", name="other")
    links = world.state.host.links
    if how == "no ifb":
        links[IFB] = dataclasses.replace(links[IFB], mac=mac)
    assert limits(world) == ALL and picture(world.state) == before and world.info()["drift"] == []


def test_filters_of_others_beside_ours_are_left_alone(world: World) -> None:
    attach(world, BOTH)
    put(world, OUTER, "ingress", shared=True)
    assert world.info()["drift"] == [] and attach(world, BOTH).operations == ()
    gone = [each for each in attach(world, {"ingress": "10mbit"}).operations if isinstance(each, ShaperDel)]
    assert [each.shaper.shared for each in gone] == [True]


@pytest.mark.parametrize("place, name, kind", [("root", "ingress", "netem"), ("ingress", "egress", "clsact")])
def test_what_others_have_put_there_is_refused_and_stays(world: World, place: str, name: str, kind: str) -> None:
    world.bridge("other", "10.9.0.1/24")
    attach(world)
    assert world.state.shapers is not None
    world.state.shapers[OUTER, place] = Shaper(OUTER, place, kind)
    message = world.refuses("netns_attach", netns="web", bandwidth={name: "5mbit"})
    assert message.startswith(f"bandwidth.{name}: '5mbit' cannot be kept: somebody else has put a discipline of the "
                              f"kind {kind} on {OUTER}, the host's end of web. Remove it with `tc qdisc delete dev")
    world.run("docker_bridge", name="other")
    assert world.state.shapers[OUTER, place].kind == kind and world.info()["drift"] == []
    del world.state.shapers[OUTER, place]
    attach(world, {name: "5mbit"})
    world.state.shapers[OUTER, place] = Shaper(OUTER, place, kind)  # in the place of ours
    (sentence,) = [each for each in world.info()["drift"] if "somebody else has put there" in each]
    assert kind in sentence and sentence in world.run("docker_bridge", name="other").warnings
    assert world.state.shapers[OUTER, place].kind == kind


@pytest.mark.parametrize("lacking, name", [("sch_tbf", "ingress"), ("ifb", "egress"), ("sch_ingress", "egress"),
                                           ("cls_u32 or act_mirred", "egress"), ("sch_tbf", "egress")])
def test_what_the_kernel_has_not_is_refused_by_the_name_of_the_option(world: World, lacking: str, name: str) -> None:
    world.state.lacking = frozenset({lacking})
    assert world.refuses("netns_attach", netns="web", bandwidth={name: "5mbit"}) == (
        f"bandwidth.{name}: '5mbit' needs {lacking}, which the kernel of this host has not. Install the kernel's "
        f"modules, or leave {name} out.")
    if lacking != "sch_tbf":
        attach(world, {"ingress": "5mbit"})
    attach(world, {})


def test_the_kernel_is_asked_only_for_what_is_new(world: World) -> None:
    attach(world, BOTH)
    world.state.lacking = frozenset({"sch_tbf"})  # would be refused if anybody asked
    assert attach(world, BOTH).operations == ()


@pytest.mark.parametrize("mode, remedy", [("host", "say network_mode: bridge"), ("none", "say network_mode: bridge"),
                                          ("container:db", "give them to db, whose network it shares")])
def test_who_has_no_interface_of_its_own_has_no_limits(world: World, mode: str, remedy: str) -> None:
    message = world.refuses("netns_attach", netns="web", network_mode=mode, bandwidth={"ingress": "1mbit"})
    assert "conflicts with bandwidth" in message and remedy in message


def test_a_bucket_holds_a_packet(world: World) -> None:
    assert world.refuses("netns_attach", netns="web", bandwidth={"ingress": "1mbit", "ingress_burst": 1500}) == (
        "bandwidth.ingress_burst: '1500b' is too small for the MTU 1500 of eth0: no packet of that size would ever "
        "pass. Give at least 1522 bytes.")
    attach(world, {"ingress": "1mbit", "ingress_burst": 2000})
    assert world.state.shapers and world.state.shapers[OUTER, "root"].burst == 2000
    world.run("docker_bridge", name="br0", mtu=9000)  # which the endpoint follows
    assert world.state.host.links[OUTER].mtu == 9000 and world.state.shapers[OUTER, "root"].burst == 9022
    world.run("docker_bridge", name="br0", mtu=1500)
    assert world.state.shapers[OUTER, "root"].burst == 2000


def adopt(world: World) -> None:
    """An engine has put a container on the bridge."""
    path = world.start("app", "bridge")
    links, here = world.state.host.links, world.state.namespaces[path].links
    links["engine"] = Link("engine", "veth", 90, 91, up=True, mac="02:42:00:00:00:01", controller="br0")
    here["eth0"] = Link("eth0", "veth", 91, 90, up=True, mac="02:42:00:00:00:02", addresses=("192.168.5.50/24",))
    world.host.settle([HOST, path])


def test_an_interface_of_an_engine_is_limited_and_given_back_without_limits(world: World) -> None:
    adopt(world)
    world.run("netns_attach", container="app", adopt=True)
    before = picture(world.state)
    world.run("netns_attach", container="app", adopt=True, bandwidth=BOTH)
    assert limits(world)["engine", "root"] == 10_000_000
    world.run("netns_attach", container="app", adopt=True)
    assert len(limits(world)) == 3 and world.info()["drift"] == []
    world.run("netns_attach", container="app", adopt=True, bandwidth={})
    assert limits(world) == {} and picture(world.state) == before
    world.run("netns_attach", container="app", adopt=True, bandwidth=BOTH)
    plan = world.run("netns_attach", container="app", state="absent")
    assert limits(world) == {} and ifb_name("app", "eth0") not in world.state.host.links
    order = [type(each).__name__ for each in plan.operations]
    assert order.index("ShaperDel") < order.index("LinkSet")  # as long as the mark tells that it is ours


def test_a_discipline_like_ours_on_an_interface_of_others_stays(world: World) -> None:
    assert world.state.shapers is not None
    world.state.host.links["theirs"] = Link("theirs", "veth", 70, 71, up=True)
    world.state.shapers["theirs", "root"] = Shaper("theirs", "root", "tbf", own=True, rate=1, burst=1, limit=1)
    attach(world, BOTH)
    attach(world, state="absent")
    assert ("theirs", "root") in world.state.shapers


def test_a_failed_run_leaves_no_limit(world: World) -> None:
    attach(world)
    before = picture(world.state)
    for number in range(8):
        world.host.fail_at = len(world.host.executed) + number
        try:
            attach(world, BOTH)
        except Exception:
            assert limits(world) == {} and picture(world.state) == before
            continue
        break
    assert limits(world) == ALL and number > 2


def test_what_a_killed_run_leaves_the_next_one_completes_or_ends(world: World) -> None:
    """Every prefix of a run, and then a run about something else."""
    world.bridge("other", "10.9.0.1/24")
    attach(world)
    for before, after in ((None, BOTH), (BOTH, {}), (BOTH, {"ingress": "1mbit"})):
        if before:
            attach(world, before)
        operations = world.check("netns_attach", netns="web", bandwidth=after).operations
        for length in range(len(operations) + 1):
            other = world.copy()
            other.host.execute(operations[:length])
            other.run("docker_bridge", name="other")
            assert other.info()["drift"] == []
            other.run("netns_attach", netns="web", bandwidth=after)
            assert other.info()["endpoints"][0]["bandwidth"] == after
            assert other.run("netns_attach", netns="web", bandwidth=after).operations == ()
        attach(world, after)


def test_two_interfaces_of_a_container_have_limits_of_their_own(world: World) -> None:
    world.bridge("other", "10.9.0.1/24")
    attach(world, {"egress": "2mbit"})
    attach(world, {"egress": "4mbit"}, bridge="other", interface_name="eth1")
    assert limits(world)[ifb_name("web", "eth1"), "root"] == 4_000_000
    world.run("netns_attach", netns="web", interface_name="eth1", state="absent")
    assert sorted(limits(world).values(), key=str) == [2_000_000, IFB]


def test_the_document_takes_limits(world: World) -> None:
    networks = [{"name": "br0", "bip": "192.168.5.1/24", "containers": [{"name": "web", "bandwidth": BOTH}]}]
    world.document(networks)
    assert limits(world) == ALL
    assert not world.document(networks).operations
    assert world.document_refuses([{**networks[0], "containers": [{"name": "web", "bandwidth": {"ingress": "x"}}]}]
                                  ).startswith("networks[0] (br0): containers[0] (web): bandwidth.ingress: 'x' is")
    world.document([], True, exclusive=True)
    assert limits(world) == {} and not [each for each in world.state.host.links.values() if each.kind == "ifb"]


def test_an_ifb_of_ours_is_made_once(world: World) -> None:
    made = [each for each in attach(world, BOTH).operations if isinstance(each, LinkAdd) and each.link.kind == "ifb"]
    assert len(made) == 1 and isinstance(made[0].inverse(), LinkDel) and "mooring:ifb:web:if=eth0" == made[0].link.alias
