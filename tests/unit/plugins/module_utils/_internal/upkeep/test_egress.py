# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of where containers may send: whose they are, how they change, what becomes of them when something is lost."""
from __future__ import annotations

import dataclasses
import re

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.plan import CLOSE
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import FAMILIES, ObservedTable
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.set_operations import (
    SetAdd, SetDel, SetFill)
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.sets import AddressSet, sets_of
from ansible_collections.mooring.net.plugins.module_utils._internal.host.ledger import read_ledger
from ansible_collections.mooring.net.plugins.module_utils._internal.host.model import BRIDGE_CALLS
from ansible_collections.mooring.net.plugins.module_utils._internal.link.addressing import AddrAdd
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.link.operations import LinkAdd, Peer
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST
from ansible_collections.mooring.net.plugins.module_utils._internal.policy.model import End, Policy
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.allow import AllowList, Limit, Place
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.allow_spec import parse_texts
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.egress import meet_ends, meet_limits
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.gate import gate_files
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.rules import policy_of
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.transition import meet
from egress import answers
from world import World

ONE, OTHER = ["192.0.2.53:53", "[2001:db8::/32]:443/tcp"], ["192.0.2.53:53", "198.51.100.0/24"]


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge("front", "10.10.0.1/24", fixed_cidr_v6="2001:db8:10::/64")
    found.bridge("back", "10.20.0.1/24")
    found.run("netns_attach", netns="web", bridge="front", allow_to=ONE)
    found.run("netns_attach", netns="shop", bridge="front")
    return found


def rules(world: World, family: str = "ipv4", table: str = "mangle") -> str:
    return "\n".join(line for chain in world.state.tables[family, table].chains.values() for line in chain.lines)


def port(world: World, name: str) -> str:
    return world.run("netns_attach", netns=name).after[0]["host_interface"]


def shown(world: World, name: str = "web") -> object:
    return world.run("netns_attach", netns=name).after[0]["allow_to"]


def digest(texts: list) -> str:
    return parse_texts(texts).digest


def test_a_list_is_kept_shown_changed_and_taken_away(world: World) -> None:
    assert shown(world) == ONE and shown(world, "shop") is None
    assert not world.run("netns_attach", netns="web").steps
    assert not world.run("netns_attach", netns="web", allow_to=list(reversed(ONE))).steps
    info = world.run("network_info").after[0]
    assert {each["container"]: each["allow_to"] for each in info["endpoints"]} == {"web": ONE, "shop": None}
    assert world.run("netns_attach", netns="web", allow_to=OTHER).after[0]["allow_to"] == OTHER
    assert {name[13:25] for name in world.state.sets} == {digest(OTHER)}
    assert world.run("netns_attach", netns="web", allow_to="").after[0]["allow_to"] == []
    assert not world.state.sets and "--match-set" not in rules(world)
    assert f"--physdev-in {port(world, 'web')} " in rules(world)
    assert world.run("netns_attach", netns="web", allow_to=["anywhere"]).after[0]["allow_to"] is None
    assert not rules(world) and not rules(world, "ipv6") and not world.state.tables["ipv4", "mangle"].hooks


def test_a_bridge_has_one_as_well(world: World) -> None:
    plan = world.run("docker_bridge", name="back", allow_to=OTHER)
    assert plan.after[0]["allow_to"] == OTHER and "-i back " in rules(world)
    assert world.run("docker_bridge", name="back", allow_to="anywhere").after[0]["allow_to"] is None
    assert "-i back " not in rules(world)


def test_two_containers_share_a_set_and_two_bridges_do(world: World) -> None:
    world.run("netns_attach", netns="shop", allow_to=ONE)
    world.run("docker_bridge", name="back", allow_to=ONE)
    assert {name[13:25] for name in world.state.sets} == {digest(ONE)} and len(world.state.sets) == 2
    world.run("netns_attach", netns="web", state="absent")
    assert len(world.state.sets) == 2
    world.run("netns_attach", netns="shop", state="absent")
    world.run("docker_bridge", name="back", allow_to="anywhere")
    assert not world.state.sets


def test_a_thousand_entries_are_no_rule_more(world: World) -> None:
    few = len(re.findall("-j RETURN", rules(world)))
    world.run("netns_attach", netns="web", allow_to=[*ONE, *(f"10.{n // 256}.{n % 256}.0/24:80" for n in range(1000))])
    assert len(re.findall("-j RETURN", rules(world))) == few
    assert not world.run("netns_attach", netns="web").steps and len(shown(world)) == 1002


def test_many_containers_are_found_in_a_few_steps(world: World) -> None:
    world.run("netns_attach", bridge="front", config=[{"netns": f"c{n}", "allow_to": ONE} for n in range(64)])
    chains = world.state.tables["ipv4", "mangle"].chains
    assert max(len(chain.lines) for name, chain in chains.items() if name.startswith("MOORING-FROM")) < 24
    assert sum(" -g MOORING-LIST-" in line for chain in chains.values() for line in chain.lines) == 65


def test_a_new_container_is_limited_before_it_is_there(world: World) -> None:
    actions = world.run("netns_attach", netns="new", bridge="back", allow_to=ONE).steps
    places = [next(place for place, each in enumerate(actions) if text in each)
              for text in ("MOORING-FROM-back", "create veth pair")]
    assert places == sorted(places)


def test_sets_come_before_rules_and_go_after_them(world: World) -> None:
    plan = world.run("netns_attach", netns="web", allow_to=OTHER)
    kinds = [type(each).__name__ for each in plan.operations]
    written = [place for place, kind in enumerate(kinds) if kind == "RestoreTable"]
    assert max(place for place, kind in enumerate(kinds) if kind == "SetAdd") < min(written)
    assert min(place for place, kind in enumerate(kinds) if kind == "SetDel") > max(written)
    assert SetAdd.stage == CLOSE


def limits(*found: tuple[str, str, list]) -> Policy:
    lists = [parse_texts(texts) for _bridge, _port, texts in found]
    return Policy(limits=tuple(Limit(bridge, each.digest, place, *(("c", "eth0") if place else ()))
                               for (bridge, place, _texts), each in zip(found, lists)),
                  lists={each.digest: each for each in lists})


@pytest.mark.parametrize(("before", "after", "between"), [
    ([("b", "p", ONE)], [("b", "p", OTHER)], {("b", "p"): ["192.0.2.53:53"]}),
    ([("b", "p", ["10.0.0.1"])], [("b", "p", ["10.0.0.2"])], {("b", "p"): []}),
    ([], [("b", "p", ONE)], {("b", "p"): ONE}), ([("b", "p", ONE)], [], {("b", "p"): ONE}),
    ([("b", "", ONE)], [("b", "p", OTHER)], {("b", ""): ONE, ("b", "p"): ["192.0.2.53:53"]}),
    ([("b", "p", OTHER)], [("b", "", ONE)], {("b", ""): ONE, ("b", "p"): ["192.0.2.53:53"]}),
    ([("a", "p", ONE)], [("b", "p", OTHER)], {("a", "p"): ONE, ("b", "p"): OTHER}),
])
def test_between_two_lists_passes_what_is_in_both(before: list, after: list, between: dict) -> None:
    found, lists = meet_limits(limits(*before), limits(*after))
    assert {(each.bridge, each.port): list(lists[each.digest].texts) for each in found} == between


def test_a_list_that_nobody_knows_meets_nothing() -> None:
    before = dataclasses.replace(limits(("b", "p", ONE)), lists={})
    found, lists = meet_limits(before, limits(("b", "p", OTHER)))
    assert [lists[each.digest] for each in found] == [AllowList()]


# -- what is lost -----------------------------------------------------------------------------------------------------

def everything(world: World) -> tuple:
    return rules(world), rules(world, "ipv6"), dict(world.state.sets)


def flush(world: World) -> None:
    for family in FAMILIES:
        world.state.tables[family, "mangle"] = ObservedTable()


def test_flushed_rules_come_back_from_marks_and_sets(world: World) -> None:
    before = everything(world)
    flush(world)
    assert any(each.startswith("repair rules of ") for each in world.run("network_info").after[0]["drift"])
    world.run("docker_bridge", name="back")
    assert everything(world) == before


def test_sets_are_repaired_from_rules(world: World) -> None:
    before = everything(world)
    for name, found in list(world.state.sets.items()):
        world.state.sets[name] = dataclasses.replace(found, places=frozenset({Place("10.9.0.0/16", *(
            ("tcp", 1) if found.with_ports else ("", 0)))}))
    assert sum("repair set" in each for each in world.run("network_info").after[0]["drift"]) == 2
    plan = world.run("docker_bridge", name="back")
    assert all(isinstance(each, SetFill) for each in plan.operations) and everything(world) == before


def test_where_nothing_tells_a_list_everything_is_closed_until_it_is_said_again(world: World) -> None:
    before = everything(world)
    flush(world)
    world.state.sets.clear()
    plan = world.run("docker_bridge", name="back")
    assert any("allow_to of container web: its list is not known any more" in each for each in plan.warnings)
    assert "--match-set" not in rules(world) and f"--physdev-in {port(world, 'web')} " in rules(world)
    assert shown(world) == ["(unknown)"]
    world.run("netns_attach", netns="web", allow_to=ONE)
    assert everything(world) == before


def test_an_end_without_its_alias_is_limited_all_the_same(world: World) -> None:
    before, name = everything(world), port(world, "web")
    world.state.host.links[name] = dataclasses.replace(world.state.host.links[name], alias="")
    world.run("docker_bridge", name="back")
    assert everything(world) == before and shown(world) == ONE


def test_a_bridge_without_its_alias_is_limited_all_the_same(world: World) -> None:
    world.run("docker_bridge", name="back", allow_to=OTHER)
    before = everything(world)
    world.state.host.links["back"] = dataclasses.replace(world.state.host.links["back"], alias="")
    world.run("docker_bridge", name="front")
    assert everything(world) == before and world.run("docker_bridge", name="back").after[0]["allow_to"] == OTHER


def test_a_container_that_comes_back_has_its_list_and_one_that_left_has_none(world: World) -> None:
    world.start("job")
    world.run("netns_attach", container="job", bridge="front", allow_to=OTHER)
    world.start("job")
    world.run("docker_bridge", name="back")
    assert digest(OTHER) in rules(world), "whoever attaches it finds it limited"
    assert world.run("netns_attach", container="job", bridge="front").after[0]["allow_to"] == OTHER
    world.run("netns_attach", container="job", state="absent")
    assert digest(OTHER) not in rules(world)
    assert world.run("netns_attach", container="job", bridge="front").after[0]["allow_to"] is None


@pytest.mark.parametrize("family", FAMILIES)
def test_rules_of_others_do_not_come_before_it(world: World, family: str) -> None:
    """One that accepts would let out what the list closes."""
    table = world.state.tables[family, "mangle"]
    [hook] = table.hooks
    world.state.tables[family, "mangle"] = dataclasses.replace(table, hooks=(dataclasses.replace(hook, position=2),))
    assert world.info()["drift"] and world.run("docker_bridge", name="back").steps
    assert [each.position for each in world.state.tables[family, "mangle"].hooks] == [1]
    assert not world.run("docker_bridge", name="back").steps and not world.info()["drift"]


def test_sets_of_a_killed_run_go(world: World) -> None:
    left = sets_of(digest(OTHER), parse_texts(OTHER), "ipv4")
    world.state.sets.update({each.name: each for each in left})
    plan = world.run("docker_bridge", name="back")
    assert [each.old for each in plan.operations if isinstance(each, SetDel)] == left


def test_the_gate_closes_without_sets(world: World) -> None:
    world.run("docker_bridge", name="back", allow_to=OTHER)
    files = gate_files(policy_of(world.state, read_ledger(world.state)))
    for family in FAMILIES:
        gate, guard = files[f"gate.{family}"], files[f"guard.{family}"]
        assert "*mangle\n-N MOORING-EGRESS" in gate and "--match-set" not in gate + guard
        assert re.search(f"-A MOORING-FROM-front .*--physdev-in {port(world, 'web')} .* -g MOORING-LIST-", gate)
        assert re.search("-A MOORING-LIST-.*to nowhere else.* -j DROP", gate) and "MOORING-ENTRIES" not in gate
        assert re.search("-C MOORING-FROM-front .*--physdev-in .* -g MOORING-LIST-", guard)
        found = guard.split("*mangle")[1].split("COMMIT")[0].splitlines()
        asked = [line for line in found if "-C MOORING" in line]
        assert asked and all(line.replace("-C", "-A", 1) in rules(world, family) for line in asked)
        assert [line for line in found if line.startswith("-C PREROUTING ") and line.endswith("-j MOORING-EGRESS")]


# -- what is refused --------------------------------------------------------------------------------------------------

def test_a_network_of_ones_own_is_needed(world: World) -> None:
    for mode, text in (("container:web", "it shares that of web. Say it for web, whose list holds for both"),
                       ("host", "it uses the host's. Leave it out"), ("none", "it has none. Leave it out")):
        message = world.refuses("netns_attach", netns="other", network_mode=mode, allow_to=[])
        assert message.startswith("allow_to: '' is for a network of the container's own") and text in message


@pytest.mark.parametrize(("option", "command"), [("iptables", "iptables"), ("ip6tables", "ip6tables")])
def test_rules_are_needed(world: World, option: str, command: str) -> None:
    world.bridge("bare", "10.30.0.1/24", **{option: False})
    for task in (("docker_bridge", {"name": "bare"}), ("netns_attach", {"netns": "x", "bridge": "bare"})):
        message = world.refuses(task[0], **task[1], allow_to=ONE)
        assert message.startswith(f"allow_to: '{', '.join(ONE)}' needs rules, and bridge bare has {command}: false.")
    assert world.refuses("docker_bridge", name="front", force=True, **{option: False}).startswith(
        f"{option}: 'False' contradicts allow_to of container web")
    world.run("docker_bridge", name="back", allow_to=[])
    assert "contradicts allow_to of the bridge" in world.refuses("docker_bridge", name="back", **{option: False})


def test_a_kernel_without_sets_is_told_before_anything_is_touched(world: World) -> None:
    world.state.sets_problem = "the kernel of this host lacks the match set (xt_set)"
    for task in (("docker_bridge", {"name": "front"}), ("netns_attach", {"netns": "shop"})):
        message = world.refuses(task[0], **task[1], allow_to=OTHER)
        assert message.startswith(f"allow_to: '{', '.join(OTHER)}' cannot be kept: the kernel of this host lacks")
    assert world.run("netns_attach", netns="shop", allow_to=[]).after[0]["allow_to"] == []


def test_a_set_of_somebody_else_is_left_alone(world: World) -> None:
    name = sets_of(digest(OTHER), parse_texts(OTHER), "ipv4")[0].name
    world.state.sets[name] = AddressSet(name, "ipv4", False, kind="hash:ip")
    assert not world.run("docker_bridge", name="back").steps
    message = world.refuses("netns_attach", netns="shop", allow_to=OTHER)
    assert message.endswith(f"Remove that one: `ipset destroy {name}`.")


def test_ports_are_told_by_the_kernel_only_where_frames_pass_the_rules(world: World) -> None:
    fresh = World()
    fresh.bridge("front", "10.10.0.1/24")
    fresh.run("docker_bridge", name="front", allow_to=ONE)
    assert not any(fresh.state.sysctls.get((HOST, name)) for name in BRIDGE_CALLS.values())
    actions = fresh.run("netns_attach", netns="web", bridge="front", allow_to=OTHER).steps
    assert actions[0] == "load kernel module br_netfilter"
    assert all(fresh.state.sysctls[HOST, name] == "1" for name in BRIDGE_CALLS.values())
    fresh.state.sysctls[HOST, BRIDGE_CALLS["ipv4"]] = "0"
    assert fresh.run("docker_bridge", name="front").steps == ["set net.bridge.bridge-nf-call-iptables to 1 (was 0)"]


def test_check_mode_on_a_fresh_host() -> None:
    world = World()
    plan = world.check("netns_attach", netns="web", bridge="later", allow_to=ONE)
    assert plan.after[0]["allow_to"] == ONE


def delete_by_hand(world: World, name: str) -> None:
    links = world.state.host.links
    del links[name]
    links.update({port: dataclasses.replace(link, controller="") for port, link in links.items()
                  if link.controller == name})


def leading(world: World) -> list[str]:
    """Rules that packets come to."""
    return [line for line in rules(world).splitlines() if not re.match("-A MOORING-(AWAY|ENTRIES)", line)]


@pytest.mark.parametrize("others", [True, False])
def test_a_list_outlives_its_bridge_that_somebody_deletes_by_hand(others: bool) -> None:
    """The container is there still, and its mark says that it is limited: only where to would be forgotten."""
    world = World()
    world.bridge("front", "10.10.0.1/24")
    world.run("netns_attach", netns="web", bridge="front", allow_to=ONE)
    if others:
        world.bridge("back", "10.20.0.1/24")
    delete_by_hand(world, "front")
    world.run("container_dns", netns="web", hostname="web")  # a run about something else
    assert leading(world) == [] and not world.state.sets and world.info()["drift"] == []
    assert world.bridge("front", "10.10.0.1/24").warnings == ()
    assert world.run("netns_attach", netns="web", bridge="front").after[0]["allow_to"] == ONE
    assert "front to ports" in rules(world) and world.info()["drift"] == []
    world.run("netns_attach", netns="web", state="absent")
    assert not rules(world) and not world.state.sets


@pytest.mark.parametrize("first", ["bridge", "container"])
@pytest.mark.parametrize("others", [True, False])
def test_a_list_outlives_its_container_and_its_bridge_in_any_order(first: str, others: bool) -> None:
    world = World()
    world.bridge("front", "10.10.0.1/24")
    world.start("job")
    world.run("netns_attach", container="job", bridge="front", allow_to=ONE)
    if others:
        world.bridge("back", "10.20.0.1/24")
    for step in ("bridge", "container") if first == "bridge" else ("container", "bridge"):
        if step == "bridge":
            delete_by_hand(world, "front")
        else:
            world.stop("job")
        world.run("icc_policy", config=[])  # a run about nothing
    assert leading(world) == [] and not world.state.sets and world.info()["drift"] == []
    before = rules(world)
    world.run("icc_policy", config=[])
    assert rules(world) == before and "MOORING-AWAY" in before
    world.bridge("front", "10.10.0.1/24")
    assert any(" -g MOORING-LIST-" in line for line in leading(world)), "limited before it is there"
    world.start("job")
    assert world.run("netns_attach", container="job", bridge="front").after[0]["allow_to"] == ONE
    assert world.info()["drift"] == [] and "MOORING-AWAY" not in rules(world)


def test_who_comes_back_on_another_bridge_is_limited_there() -> None:
    world = World()
    world.bridge("front", "10.10.0.1/24")
    world.bridge("back", "10.20.0.1/24")
    world.start("job")
    world.run("netns_attach", container="job", bridge="front", allow_to=ONE)
    world.stop("job")
    delete_by_hand(world, "front")
    world.run("icc_policy", config=[])
    world.start("job")
    plan = world.run("netns_attach", container="job", bridge="back")
    assert plan.after[0]["allow_to"] == ONE and "back to ports" in rules(world) and "MOORING-AWAY" not in rules(world)
    places = [next(place for place, each in enumerate(plan.steps) if text in each)
              for text in ("MOORING-FROM-back", "create veth pair")]
    assert places == sorted(places)


@pytest.mark.parametrize("flushed", [False, True])
def test_on_a_persistent_host_its_order_tells_the_list_where_nothing_else_does(flushed: bool) -> None:
    world = World()
    world.state.persistent = True
    world.bridge("front", "10.10.0.1/24")
    world.start("job")
    world.run("netns_attach", container="job", bridge="front", allow_to=ONE)
    world.stop("job")
    delete_by_hand(world, "front")
    world.run("icc_policy", config=[])
    if flushed:
        flush(world)
        world.state.sets.clear()
    world.bridge("front", "10.10.0.1/24")
    world.start("job")
    assert world.run("netns_attach", container="job", bridge="front").after[0]["allow_to"] == ONE
    assert "front to ports" in rules(world) and world.info()["drift"] == []
    assert '"allow_to": ["192.0.2.53:53", "[2001:db8::/32]:443/tcp"]' in world.state.lasting["applied.json"]
    assert world.run("netns_attach", container="job", allow_to="anywhere").after[0]["allow_to"] is None
    world.run("netns_attach", container="job")
    assert shown_of(world, "job") is None and "allow_to" not in world.state.lasting["applied.json"]


def shown_of(world: World, container: str) -> object:
    return next(each["allow_to"] for each in world.info()["endpoints"] if each["container"] == container)


@pytest.mark.parametrize("ending", [
    {"module": "netns_attach", "container": "job", "state": "absent"},
    {"module": "docker_bridge", "name": "front", "state": "absent"}, {"module": "exclusive"}])
def test_what_ends_a_list_that_is_remembered(ending: dict) -> None:
    world = World()
    world.bridge("front", "10.10.0.1/24")
    world.start("job")
    world.run("netns_attach", container="job", bridge="front", allow_to=ONE)
    world.stop("job")
    delete_by_hand(world, "front")
    world.run("icc_policy", config=[])
    assert "MOORING-AWAY" in rules(world)
    task = dict(ending)
    module = task.pop("module")
    if module == "exclusive":
        world.document([], exclusive=True)
    else:
        world.run(module, **task)
    assert not rules(world) and not world.state.sets and world.info()["drift"] == []


# -- a list on an internal bridge -------------------------------------------------------------------------------------

CLOSED = ("allow_to of {whose}: {entries} cannot be reached, since bridge inner is internal: nothing leaves it, "
          "whatever a list says. Attach the container to another bridge as well, or say internal: false")
INNER = {"name": "inner", "bip": "10.50.0.1/24", "bip6": "2001:db8:50::1/64"}


def closed(plan: object) -> list[str]:
    return [each for each in plan.warnings if each.startswith("allow_to of ")]


def test_entries_that_lead_out_of_an_internal_bridge_are_told() -> None:
    world = World()
    of_bridge = CLOSED.format(whose="bridge inner", entries="192.0.2.53:53, [2001:db8::1]:443/tcp")
    given = ["192.0.2.53:53", "[2001:db8::1]:443/tcp", "10.50.0.1:53", "10.0.0.0/8", "2001:db8:50::1", "fe80::/10"]
    for changing in (False, True):
        assert closed(world.run("docker_bridge", changing, **INNER, internal=True, allow_to=given)) == [of_bridge]
    of_container = CLOSED.format(whose="container web", entries="192.0.2.1, 192.0.2.2, 192.0.2.3 and 1 more")
    task = {"netns": "web", "bridge": "inner", "allow_to": [f"192.0.2.{number}" for number in (1, 2, 3, 4)]}
    for changing in (False, True):
        assert closed(world.run("netns_attach", changing, **task)) == [of_container]
    assert closed(world.run("netns_attach", netns="web")) == [of_container]
    assert closed(world.run("docker_bridge", name="inner")) == [of_bridge, of_container]
    assert closed(world.run("netns_attach", netns="shop", bridge="inner")) == [], "it is about neither"
    assert closed(world.run("docker_bridge", name="inner", internal=False)) == []


def test_a_document_tells_it_once() -> None:
    networks = [{**INNER, "internal": True, "containers": [{"name": "web", "allow_to": ["192.0.2.53"]},
                                                           {"name": "shop", "allow_to": ["10.50.0.1"]}]}]
    world = World()
    told = [CLOSED.format(whose="container web", entries="192.0.2.53")]
    assert closed(world.document(networks, False)) == told and closed(world.document(networks)) == told


def test_a_bridge_that_becomes_internal_tells_the_lists_that_it_closes(world: World) -> None:
    told = closed(world.run("docker_bridge", name="front", internal=True))
    assert len(told) == 1 and told[0].startswith("allow_to of container web: 192.0.2.53:53 cannot be reached")


def test_what_docker_asks_from_the_host_is_told(world: World) -> None:
    """Of containers that it has given their interface, where it asks a server of the host's own loopback."""
    path = world.start("job")
    for operation in (LinkAdd(HOST, Link("vethjob", "veth", controller="front", up=True), Peer(path, "eth0")),
                      AddrAdd(path, "eth0", "10.10.0.77/24")):
        world.host.carry_out(operation)
    world.host.settle()
    task = {"container": "job", "adopt": True}
    for servers, allow_to, told in ((("192.0.2.53",), ONE, 0), (("192.0.2.53", "127.0.0.53"), ONE, 1),
                                    (("::1",), [], 1), (("127.0.0.53",), "anywhere", 0)):
        world.state.nameservers = servers
        warned = closed(world.run("netns_attach", **task, allow_to=allow_to))
        assert len(warned) == told
    world.run("netns_attach", **task, allow_to=[])
    assert closed(world.run("netns_attach", **task)) == [
        "allow_to of container job: on a network of docker network create it asks Docker for names (127.0.0.11), and "
        "Docker asks 127.0.0.53 from the host, past any list. Start it with --dns and a server of the list, which is "
        "asked from the container"]
    assert closed(world.run("netns_attach", netns="web")) == [], "it has none of Docker's"


@pytest.mark.parametrize("options", [{"allow_to": []}, {"allow_to": [], "icc": False}, {"icc": False}, {}],
                         ids=["bridge", "bridge-without-icc", "container-without-icc", "container"])
def test_a_container_answers_in_connections_to_itself_only(world: World, options: dict) -> None:
    """In the name of a neighbour, or with an error of ICMP about its connection, it would get out. Of a bridge with a
    list of its own and ``icc: true`` the kernel tells no ports: there containers answer for each other."""
    if "allow_to" in options:
        world.run("netns_attach", netns="web", allow_to="anywhere")
    if options:
        world.run("docker_bridge", name="front", **options)
    leases = {end["container"]: end for end in world.info()["endpoints"]}
    for key in ("address", "address_v6"):
        web, shop = (leases[name][key].partition("/")[0] for name in ("web", "shop"))
        assert answers(world, "web", web, web)
        told = options != {"allow_to": []}
        assert answers(world, "web", shop, shop) is not told  # in its name
        assert answers(world, "web", web, shop) is not told  # an error
        gateway = "10.10.0.1" if key == "address" else "2001:db8:10::1"
        assert not answers(world, "web", gateway, web) and not answers(world, "web", gateway, gateway)
        assert answers(world, "shop", shop, shop)


def test_who_answers_follows_his_address(world: World) -> None:
    world.run("netns_attach", netns="web", address="10.10.0.77")
    assert answers(world, "web", "10.10.0.77", "10.10.0.77") and not answers(world, "web", "10.10.0.2", "10.10.0.2")
    assert not world.run("netns_attach", netns="web").steps


def test_while_an_address_moves_both_answer(world: World) -> None:
    one, other = (End("front", "veth1", addresses) for addresses in (("10.10.0.2",), ("10.10.0.3", "2001:db8::3")))
    assert meet_ends([one, End("front", "veth0")], [other]) == (
        End("front", "veth0"), End("front", "veth1", ("10.10.0.2", "10.10.0.3", "2001:db8::3")))
    assert other.of("ipv6") == ["2001:db8::3"]
    assert meet(Policy(ends=(one,)), Policy(ends=(other,))).ends == meet_ends([one], [other])


def test_the_gate_knows_nobody_who_answers(world: World) -> None:
    """What is closed when a host starts does not change with each container that comes."""
    before = gate_files(policy_of(world.state, read_ledger(world.state)))
    assert "--ctreplsrc" in rules(world) and not any("--ctreplsrc" in text for text in before.values())
