# SPDX-License-Identifier: GPL-3.0-or-later
"""What people are told of a run: compared with files that are read in a review, and for any documents."""
from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.bridge.model import Bridge
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.core.names import endpoint_link
from ansible_collections.mooring.net.plugins.module_utils._internal.core.plan import Plan
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import ObservedTable
from ansible_collections.mooring.net.plugins.module_utils._internal.host.operations import SysctlSet
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.run.frame import describe_plan, diff
from ansible_collections.mooring.net.plugins.module_utils._internal.telling.bridges import _changes
from documents import Document, documents
from hypothesis import given
from hypothesis import strategies as st
from world import World

GOLDEN = Path(__file__).resolve().parents[4] / "data" / "actions"
WEB: dict[str, Any] = {"name": "web", "published_ports": ["8080:80", "127.0.0.1::443"], "links": ["db:database"]}
README: dict[str, Any] = {"name": "bridge0", "bip": "192.168.5.1/24", "icc": False, "containers": [
    WEB, {"name": "db", "address": "192.168.5.20", "exposed_ports": [5432]}]}


def finished() -> World:
    found = World()
    found.document([README])
    return found


def flush(world: World) -> None:
    for key in world.state.tables:
        world.state.tables[key] = ObservedTable()


def with_web(**changes: Any) -> list[dict[str, Any]]:
    return [{**README, "containers": [{**WEB, **changes}, *README["containers"][1:]]}]


def fresh_host() -> Plan:
    return World().document([README])


def port_changed() -> Plan:
    return finished().document(with_web(published_ports=["8081:80", "127.0.0.1::443"]))


def container_removed() -> Plan:
    return finished().document([{**README, "containers": README["containers"][1:]}], exclusive=True)


def address_changed() -> Plan:
    return finished().document([{**README, "bip": "192.168.6.1/24", "containers": [WEB, {
        "name": "db", "address": "192.168.6.20", "exposed_ports": [5432]}]}])


def flushed() -> Plan:
    world = finished()
    flush(world)
    return world.document([README])


def ipv6_added() -> Plan:
    return finished().document([{**README, "fixed_cidr_v6": "2001:db8:5::/64"}])


def bridge_removed() -> Plan:
    return finished().document([{**README, "state": "absent", "force": True}])


def saved_for_the_next_boot() -> Plan:
    world = World()
    world.state.persistent = True
    return world.document([README])


def port_changed_and_saved() -> Plan:
    world = World()
    world.state.persistent = True
    world.document([README])
    return world.document(with_web(published_ports=["8081:80", "127.0.0.1::443"]))


def moved_with_other_options() -> Plan:
    world = finished()
    world.bridge("br1", "192.168.7.1/24")
    return world.run("netns_attach", netns="web", bridge="br1", exposed_ports=["80"], aliases=["shop"])


PAIR: dict[str, Any] = {"name": "A", "bridge": "bridge0", "peer": {
    "name": "eth1", "netns": "db", "mtu": 1400, "addresses": ["10.0.0.1/24", "fd00::1/64"]}}


def paired() -> World:
    world = finished()
    world.run("veth_pair", **PAIR)
    return world


def pair_made() -> Plan:
    return finished().run("veth_pair", **PAIR)


def pair_changed() -> Plan:
    return paired().run("veth_pair", **{**PAIR, "bridge": "", "up": False})


def pair_removed() -> Plan:
    return paired().run("veth_pair", **{**PAIR, "state": "absent"})


def mark_restored() -> Plan:
    world = paired()
    world.state.host.links["A"] = dataclasses.replace(world.state.host.links["A"], alias="")
    return world.run("veth_pair", **PAIR)


CASES: dict[str, Callable[[], Plan]] = {each.__name__: each for each in (
    fresh_host, port_changed, container_removed, address_changed, flushed, ipv6_added, bridge_removed,
    saved_for_the_next_boot, port_changed_and_saved, moved_with_other_options, pair_made, pair_changed, pair_removed,
    mark_restored)}


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, request: pytest.FixtureRequest) -> None:
    plan = CASES[name]()
    parts = ("\n".join(plan.actions), *(f"--- {side}\n{text}" for side, text in diff(plan).items()))
    found = "\n".join(f"{part.rstrip()}\n" for part in parts)
    path = GOLDEN / f"{name}.txt"
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8"), f"{path.name}: if this is meant, run pytest --update-golden"


@given(st.lists(documents(), min_size=1, max_size=3))
def test_any_document_is_told_in_the_words_of_documents(found: list[Document]) -> None:
    """That each operation belongs to something that is told is looked at for every task of every test, see World."""
    world, known = World(), set()
    for document in found:
        try:
            shown = world.document(document, False)
            done = world.document(document)
        except MooringError:
            continue
        assert (shown.actions, diff(shown)) == (done.actions, diff(done))
        ours = r"MOORING|hook|jump|#|(?<!user_)chain|veth|repair"
        assert not [text for text in done.actions if re.search(ours, text)]
        before, after = diff(done)["before"], diff(done)["after"]
        assert not re.search(r"MOORING|hook|jump|#[0-9a-f]{4}", before + after)
        assert not [line for line in before.splitlines() if line.split()[0] in set("abcd") - known]
        known = {lease["container"] for lease in world.info()["endpoints"]}


def told(world: World, module: str, **given: Any) -> list[str]:
    checked = world.check(module, **given).actions
    assert world.run(module, **given).actions == checked
    return checked


def test_ports_are_told_by_who_may_come() -> None:
    world = World()
    world.bridge()
    world.attach("web")
    ask: dict[str, Any] = {"netns": "web", "published_ports": [
        "8080:80", "192.0.2.10:53:53/udp", "9000-9003:9000-9003"]}
    assert told(world, "port_publish", **ask) == [
        "publish 192.0.2.10:53/udp -> web:53 (from everywhere)", "publish 8080/tcp -> web:80 (from everywhere)",
        "publish 9000-9003/tcp -> web:9000-9003 (from everywhere)"]
    ask["allow_from"] = ["10.0.0.0/8"]
    assert told(world, "port_publish", **ask)[1] == (
        "publish 8080/tcp -> web:80 (from 10.0.0.0/8, was from everywhere)")
    assert told(world, "port_publish", netns="web", state="absent")[0] == "close 192.0.2.10:53/udp of web"


def test_one_family_of_a_port_is_told_where_the_other_stays() -> None:
    world = World()
    world.bridge(bip6="2001:db8:5::1/64")
    world.attach("web")
    world.publish("web", "0.0.0.0:8080:80")
    assert "publish 8080/tcp -> web:80 (from everywhere) by IPv6 as well" in told(
        world, "port_publish", netns="web", published_ports=["8080:80"])
    assert "close 8080/tcp of web for IPv4" in told(
        world, "port_publish", netns="web", published_ports=["[::]:8080:80"])


def test_a_port_at_a_container_s_own_address_is_opened() -> None:
    world = World()
    world.bridge(gateway_mode="routed")
    world.attach("web")
    assert "open 80/tcp of web (from everywhere)" in told(world, "port_publish", netns="web", published_ports=["80"])


def test_links_are_told_by_what_they_open() -> None:
    world = World()
    world.bridge()
    world.attach("web", "db")
    assert "let web find db as database" in told(world, "icc_policy", netns="web", links=["db:database"])
    given: dict[str, Any] = {"netns": "web", "links": ["db:database"], "exposed_ports": ["5432", "53/udp"]}
    assert told(world, "icc_policy", **given)[0] == "let web use 53/udp and 5432/tcp of db as database"
    assert told(world, "icc_policy", netns="web", links=[])[0] == "end the link from web to db as database"


@pytest.mark.parametrize(("given", "words"), [
    ({"icc": False}, "set icc of bridge br0 to false (was true)"),
    ({"mtu": "1400"}, "set mtu of bridge br0 to 1400 (was 1500)"),
    ({"ip_masq": False}, "set ip_masq of bridge br0 to false (was true)"),
    ({"trusted_networks": ["10.0.0.0/8"]}, "set trusted_networks of bridge br0 to 10.0.0.0/8 (was none)"),
    ({"bip": "192.168.5.9/24"}, "give bridge br0 the address 192.168.5.9/24 (was 192.168.5.1/24)")])
def test_bridges_are_told_by_their_options(given: dict[str, Any], words: str) -> None:
    world = World()
    world.bridge()
    world.attach("web")
    icc = {key: value for key, value in given.items() if key == "icc"}
    assert words in (told(world, "icc_policy", bridge="br0", **icc) if icc else
                     told(world, "docker_bridge", name="br0", **given))


def test_each_thing_that_a_bridge_can_be_is_an_option_that_is_told() -> None:
    """A new one gets a line in telling/bridges.py, so that nobody reads that some settings were recorded."""
    plain = Bridge(Link("br0", "bridge", mtu=1500))
    changes: dict[str, Any] = {"str": "10.0.0.0/8", "bool": None, "tuple[str, ...]": ("ipv4",)}
    silent = {"link", "adopted", "leases", "guard"}  # the address; taken over; of no mark; a rule of the host
    for each in dataclasses.fields(Bridge):
        value = changes.get(str(each.type))
        new = dataclasses.replace(plain, **{each.name: not getattr(plain, each.name) if value is None else value})
        assert each.name in silent or list(_changes(plain, new)), each.name


def test_interfaces_are_told_by_where_they_are() -> None:
    world = World()
    world.bridge()
    world.bridge("br1", "192.168.6.1/24")
    assert told(world, "netns_attach", netns="web", bridge="br0", interface_name="eth1") == [
        "create namespace web", "attach eth1 of web to br0 as 192.168.5.2"]
    assert "move eth1 of web from bridge br0 to bridge br1 as 192.168.6.2" in told(
        world, "netns_attach", netns="web", bridge="br1", interface_name="eth1")
    assert "give eth1 of web on br1 the address 192.168.6.9 (was 192.168.6.2)" in told(
        world, "netns_attach", netns="web", address="192.168.6.9", interface_name="eth1")
    assert "set exposed_ports of eth1 of web to 80/tcp (was none)" in told(
        world, "netns_attach", netns="web", exposed_ports=["80"], interface_name="eth1")
    assert told(world, "netns_attach", netns="web", state="absent", interface_name="eth1")[0] == (
        "detach eth1 of web from br1 (192.168.6.9)")


def test_what_a_pair_gets_with_it_is_no_action_of_its_own() -> None:
    world = World()
    plan = world.run("veth_pair", name="A", addresses=["10.0.0.1/24"], peer={"name": "B"})
    assert plan.actions == ["create veth pair A - B"] and "address 10.0.0.1/24" in diff(plan)["after"]


def test_a_container_of_an_engine_is_attached_in_one_line() -> None:
    world = World()
    world.bridge()
    world.start("shop")
    assert told(world, "netns_attach", container="shop") == ["attach shop to br0 as 192.168.5.2"]


def test_routes_of_a_container_that_stays_are_told_as_they_are() -> None:
    world = World()
    world.bridge()
    world.attach("web")
    routes = [{"destination": "10.7.0.0/16", "gateway": "192.168.5.9"}]
    assert told(world, "netns_attach", netns="web", routes=routes) == [
        "add route 10.7.0.0/16 via 192.168.5.9 dev eth0 in web"]


def ruled() -> World:
    world = World()
    for number, name in enumerate(("br0", "br1")):
        world.bridge(name, f"192.168.{5 + number}.1/24")
    return world


@pytest.mark.parametrize(("change", "why"), [
    (lambda chains: chains.pop("MOORING-IN-br0"), "br0 (somebody removed MOORING-IN-br0)"),
    (lambda chains: chains.update({"MOORING-IN-br0": dataclasses.replace(
        chains["MOORING-IN-br0"], comments=(), lines=())}), "br0 (somebody removed MOORING-IN-br0)"),
    (lambda chains: chains.update({"MOORING-IN-br0": dataclasses.replace(
        chains["MOORING-IN-br0"], comments=chains["MOORING-IN-br0"].comments[1:])}),
     "br0 (MOORING-IN-br0 lacked some)"),
    (lambda chains: chains.update({"MOORING-IN-br0": dataclasses.replace(
        chains["MOORING-IN-br0"], comments=chains["MOORING-IN-br0"].comments[::-1])}),
     "br0 (somebody changed MOORING-IN-br0)"),
    (lambda chains: chains.pop("MOORING-FORWARD"), "br0 and br1 (somebody removed MOORING-FORWARD)"),
    (lambda chains: chains.update({"MOORING-IN-br7": chains["MOORING-IN-br0"]}),
     "br0 and br1 (somebody added MOORING-IN-br7)")])
def test_rules_are_repaired_for_those_whose_they_are(change: Callable[[Any], None], why: str) -> None:
    world = ruled()
    change(world.state.tables["ipv4", "filter"].chains)
    assert world.info()["drift"] == [f"repair rules of {why}"]
    assert f"repair rules of {why}" in told(world, "netns_attach", netns="nobody", state="absent")


def test_a_jump_that_is_gone_is_told_and_many_chains_are_not_counted_up() -> None:
    world = ruled()
    table = world.state.tables["ipv6", "filter"]
    world.state.tables["ipv6", "filter"] = ObservedTable(table.chains, ())
    assert world.info()["drift"] == ["repair rules of br0 and br1 (somebody removed the jump from FORWARD)"]
    flush(world)
    assert told(world, "docker_bridge", name="br0") == ["repair rules of br0 and br1 (somebody removed them)"]
    assert world.info()["drift"] == []


def test_many_bridges_are_counted() -> None:
    world = World()
    for number in range(6):
        world.bridge(f"br{number}", f"192.168.{number}.1/24")
    flush(world)
    assert world.info()["drift"] == ["repair rules of 6 bridges (somebody removed them)"]


def test_a_change_and_a_repair_are_both_told() -> None:
    world = ruled()
    world.run("netns_attach", netns="web", bridge="br0")
    world.state.tables["ipv4", "filter"].chains.pop("MOORING-IN-br1")
    actions = told(world, "port_publish", netns="web", published_ports=["8080:80"])
    assert "publish 8080/tcp -> web:80 (from everywhere)" in actions
    assert "repair rules of br1 (somebody removed MOORING-IN-br1)" in actions


def test_an_interface_that_somebody_took_off_its_bridge_is_put_back() -> None:
    world = finished()
    end = endpoint_link("web", "eth0")
    world.state.host.links[end] = dataclasses.replace(world.state.host.links[end], controller="")
    assert world.info()["drift"][0] == "put web back on bridge bridge0 (somebody took it off)"


def test_what_no_sentence_stands_for_speaks_for_itself() -> None:
    operation = SysctlSet("", "net/ipv4/ip_forward", "1", "0")
    plan = Plan((operation,))
    assert plan.actions == plan.steps == ["set net.ipv4.ip_forward to 1 (was 0)"]
    assert diff(plan) == {"before": "net.ipv4.ip_forward = 0\n", "after": "net.ipv4.ip_forward = 1\n"}


def test_many_actions_are_shown_with_v_and_operations_with_vv() -> None:
    world = World()
    plan = world.document([{**copy.deepcopy(README), "containers": [{"name": f"c{number}"} for number in range(30)]}])
    total = len(plan.actions)
    few, many, all_of_it = (describe_plan(plan, False, verbosity) for verbosity in (0, 1, 2))
    assert len(few["actions"]) == 21 and few["actions"][-1] == f"and {total - 20} more; see them with -v"
    assert many["actions"] == all_of_it["actions"] == plan.actions
    assert "operations" not in few and "operations" not in many and all_of_it["operations"] == plan.steps


def test_a_container_that_resists_is_not_told_as_attached() -> None:
    world = World()
    world.bridge()
    plan = world.check("netns_attach", config=[{"netns": "a"}, {"netns": "b"}]).plan
    done = [operation for operation in plan.operations if "b" not in operation.describe().split()]
    kept = plan.carried_out(tuple(done[:3]))
    assert kept.operations == tuple(done[:3]) and set(kept.actions) <= set(plan.actions)
    assert plan.carried_out(()).actions == []


def test_what_an_interface_keeps_in_its_mark_is_told_by_its_options() -> None:
    world = World()
    world.bridge()
    world.attach("web")
    assert "set aliases of web to shop (was none)" in told(world, "netns_attach", netns="web", aliases=["shop"])
    assert "set bandwidth of web to ingress 10mbit (was none)" in told(
        world, "netns_attach", netns="web", bandwidth={"ingress": "10mbit"})
    assert not [text for text in told(world, "netns_attach", netns="web", exposed_ports=["80"]) if "record" in text]
