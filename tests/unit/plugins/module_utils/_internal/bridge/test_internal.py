# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal bridges: what contradicts them, what becomes of ports and routes, and how they are told again."""
from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import FAMILIES
from ansible_collections.mooring.net.plugins.module_utils._internal.host.fake import fresh_state
from ansible_collections.mooring.net.plugins.module_utils._internal.host.operations import ConntrackFlush, SysctlSet
from ansible_collections.mooring.net.plugins.module_utils._internal.link.addressing import RouteAdd, RouteDel
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import BRIDGE_GROUP, Link, Route
from ansible_collections.mooring.net.plugins.module_utils._internal.link.operations import LinkSet
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST, named_path
from world import World, picture

CLOSED = "internal: true of bridge inner, which nothing leaves and nothing enters. "


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge("front", "10.10.0.1/24", fixed_cidr_v6="2001:db8:10::/64")
    return found


def inner(world: World, **given: Any) -> Any:
    return world.bridge("inner", "10.40.0.1/24", fixed_cidr_v6="2001:db8:40::/64", **{"internal": True, **given})


def rules(world: World, table: str, family: str = "ipv4") -> str:
    return "\n".join(line for chain in world.state.tables[family, table].chains.values() for line in chain.lines)


def defaults(world: World, name: str) -> list[tuple[str, str]]:
    here = world.state.namespaces[named_path(name)]
    return [(route.interface, route.family) for route in here.routes if route.destination == "default"]


@pytest.mark.parametrize(("given", "message"), [
    ({"allow_bridges": ["front"]}, "allow_bridges: 'front' contradicts "),
    ({"trusted_interfaces": ["wg0"]}, "trusted_interfaces: 'wg0' contradicts "),
    ({"trusted_networks": ["192.0.2.0/24"]}, "trusted_networks: '192.0.2.0/24' contradicts "),
    ({"gateway_mode": "routed"}, "gateway_mode: 'routed' contradicts "),
    ({"gateway_mode_v6": "routed"}, "gateway_mode_v6: 'routed' contradicts "),
    ({"default_gateway": "10.40.0.9"}, "default_gateway: '10.40.0.9' contradicts "),
    ({"default_gateway_v6": "2001:db8:40::9"}, "default_gateway_v6: '2001:db8:40::9' contradicts "),
    ({"adopt_uplink": True}, "adopt_uplink: 'True' contradicts "),
    ({"iptables": False}, "iptables: 'False' contradicts "), ({"ip6tables": False}, "ip6tables: 'False' contradicts "),
    ({"ip_masq": True}, "ip_masq: 'True' contradicts ")])
def test_what_contradicts_it_is_refused_by_name(world: World, given: dict[str, Any], message: str) -> None:
    document = [{"name": "inner", "bip": "10.40.0.1/24", "bip6": "2001:db8:40::1/64", "internal": True, **given}]
    expected = f"{message}{CLOSED}Leave it out, or say internal: false."
    assert world.document_refuses(document).endswith(expected)
    assert world.refuses("docker_bridge", **document[0]) == expected
    inner(world)
    assert world.refuses("docker_bridge", name="inner", **given) == expected


@pytest.mark.parametrize(("given", "remedy"), [
    ({"allow_bridges": ["front"]}, "Say allow_bridges: [], or say internal: false."),
    ({"trusted_networks": ["192.0.2.0/24"]}, "Say trusted_networks: [], or say internal: false."),
    ({"gateway_mode": "routed"}, "Say gateway_mode: nat, or say internal: false."),
    ({"default_gateway": "10.40.0.9"}, 'Say default_gateway: "", or say internal: false.'),
    ({"ip6tables": False}, "Say ip6tables: true, or say internal: false.")])
def test_what_the_bridge_has_already_has_to_go_first(world: World, given: dict[str, Any], remedy: str) -> None:
    inner(world, internal=None, **given)
    message = world.refuses("docker_bridge", name="inner", internal=True)
    assert message.startswith(f"{next(iter(given))}: ") and message.endswith(CLOSED + remedy)


def test_no_other_bridge_is_open_to_it(world: World) -> None:
    inner(world)
    assert world.refuses("docker_bridge", name="front", allow_bridges=["inner"]) == (
        "allow_bridges: 'inner' is internal: nothing enters that bridge, and nothing leaves it. Leave it out, or say "
        "internal: false for it.")
    world.run("docker_bridge", name="inner", internal=False)
    world.run("docker_bridge", name="front", allow_bridges=["inner"])
    assert "-i front" in rules(world, "filter") and "front from inner" in rules(world, "filter")
    plan = world.run("docker_bridge", name="inner", internal=True)
    assert "allow_bridges opens nothing between inner and front, since inner is internal" in plan.warnings
    assert "front from inner" not in rules(world, "filter") and "inner from front" not in rules(world, "filter")


def test_a_bridge_that_leads_to_the_outside_is_none(world: World) -> None:
    inner(world, internal=None)
    world.state.host.links["ens4"] = Link("ens4", "", 70, up=True, controller="inner")
    assert world.refuses("docker_bridge", name="inner", internal=True).startswith(
        "internal: 'True' contradicts bridge inner: ens4 is a port of it. Take that off the bridge first")
    del world.state.host.links["ens4"]
    world.run("docker_bridge", name="inner", internal=True)
    world.state.host.links["ens4"] = Link("ens4", "", 70, up=True, controller="inner")
    assert any("leads to the outside: ens4" in each for each in world.run("docker_bridge", name="inner").warnings)


# -- published ports ---------------------------------------------------------------------------------------------------

def test_ports_are_refused_by_name(world: World) -> None:
    inner(world)
    world.attach("db", bridge="inner")
    refused = ("published_ports: '8080:80/tcp' cannot be published on bridge inner, which is internal: nothing enters "
               "it. Attach db to another bridge as well, or leave its ports out.")
    assert world.refuses("port_publish", netns="db", published_ports=["8080:80"]) == refused
    assert world.document_refuses([
        {"name": "inner", "containers": [{"name": "db", "published_ports": ["8080:80"]}]}]).endswith(refused)
    assert world.publish("db") == []
    world.attach("db", bridge="front", interface_name="eth1")
    assert world.publish("db", "8080:80") == ["0.0.0.0:8080->10.10.0.2:80/tcp", "[::]:8080->[2001:db8:10::2]:80/tcp"]
    assert world.refuses("port_publish", netns="db", published_ports=["8080:80"], published_on=["inner"]) == (
        "published_ports: '8080:80/tcp' cannot be published on bridge inner, which is internal: nothing enters it. "
        "List it under another network of db.")


def test_a_bridge_with_ports_becomes_internal_by_force_only(world: World) -> None:
    inner(world, internal=None)
    world.attach("db", bridge="inner")
    world.publish("db", "8080:80")
    assert world.refuses("docker_bridge", name="inner", internal=True) == (
        "internal: 'True' would close 2 published ports of bridge inner (db 0.0.0.0:8080->10.40.0.2:80/tcp, ...). Say "
        "force: true.")
    plan = world.run("docker_bridge", name="inner", internal=True, force=True)
    assert plan.warnings[0].startswith("published ports of db are closed, since bridge inner is internal: 0.0.0.0:8080")
    assert world.info()["published_ports"] == [] and world.info()["drift"] == []
    assert {place for each in plan.operations if isinstance(each, ConntrackFlush) for place in each.outward} == {
        "10.40.0.0/24", "2001:db8:40::/64"}


def test_ports_of_a_container_do_not_follow_it_there(world: World) -> None:
    inner(world)
    world.attach("db", bridge="front")
    world.publish("db", "8080:80")
    plan = world.run("netns_attach", netns="db", bridge="inner")
    assert "are closed, since bridge inner is internal" in plan.warnings[0] and not world.info()["published_ports"]


# -- routes ------------------------------------------------------------------------------------------------------------

def test_the_default_route_leads_through_another_network(world: World) -> None:
    inner(world)
    world.document([{"name": "front", "containers": [{"name": "relay", "interface_name": "eth1"}]},
                    {"name": "inner", "containers": [{"name": "relay"}, {"name": "db"}]}])
    assert defaults(world, "db") == []
    assert defaults(world, "relay") == [("eth1", "ipv4"), ("eth1", "ipv6")]


def test_the_default_route_goes_and_comes_with_it(world: World) -> None:
    inner(world, internal=None)
    world.attach("db", bridge="inner")
    before = picture(world.state)
    assert defaults(world, "db") == [("eth0", "ipv4"), ("eth0", "ipv6")]
    world.run("docker_bridge", name="inner", internal=True)
    assert defaults(world, "db") == [] and world.info()["drift"] == []
    world.run("docker_bridge", name="inner", internal=False)
    assert picture(world.state) == before


@pytest.mark.parametrize("given", [{"gateway": "10.40.0.9"}, {"default_route": True},
                                   {"routes": [{"destination": "default", "gateway": "10.40.0.9"}]}])
def test_who_asks_for_one_is_told(world: World, given: dict[str, Any]) -> None:
    inner(world)
    plan = world.run("netns_attach", netns="db", bridge="inner", **given)
    assert plan.warnings == (f"{next(iter(given))} of db says nothing, since bridge inner is internal: no way leads "
                             "out of it",)
    assert defaults(world, "db") == [] and not world.run("netns_attach", netns="db", bridge="inner", **given).operations


def test_one_that_a_container_has_made_goes_with_the_run_that_names_it(world: World) -> None:
    inner(world)
    world.attach("db", bridge="inner")
    world.state.namespaces[named_path("db")].routes.append(Route("default", "eth0", "10.40.0.1"))
    world.run("netns_attach", netns="db")
    assert defaults(world, "db") == []


# -- settings of the host, and what tells of it ------------------------------------------------------------------------

def test_a_host_does_not_become_a_router_for_it() -> None:
    world = World(fresh_state())
    plan = inner(world)
    assert not [each for each in plan.operations if isinstance(each, SysctlSet) and "forward" in each.name]
    assert not any("forward" in each for each in plan.steps) and plan.warnings == ()
    plan = world.run("docker_bridge", name="inner", internal=False)
    assert {each.name for each in plan.operations if isinstance(each, SysctlSet)} >= {
        "net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"}
    assert "guard=ipv4,ipv6" in world.state.host.links["inner"].alias


def test_it_is_shown_kept_and_taken_away(world: World) -> None:
    plain = inner(world, internal=None).after[0]
    alias = world.state.host.links["inner"].alias
    shown = world.run("docker_bridge", name="inner", internal=True).after[0]
    assert shown == {**plain, "internal": True} and "internal=1" in world.state.host.links["inner"].alias
    assert world.state.host.links["inner"].group != BRIDGE_GROUP
    assert world.run("docker_bridge", name="inner").operations == ()
    world.run("docker_bridge", name="inner", internal=False)
    assert world.state.host.links["inner"].alias == alias and "internal" not in rules(world, "filter")


def test_check_mode_shows_what_a_run_does(world: World) -> None:
    inner(world, internal=None)
    world.attach("db", bridge="inner")
    planned = world.check("docker_bridge", name="inner", internal=True)
    assert planned.steps == world.run("docker_bridge", name="inner", internal=True).steps
    assert planned.after[0]["internal"] and not planned.before[0]["internal"]


@pytest.mark.parametrize("family", FAMILIES)
def test_its_rules_come_before_all_that_let_something_through(world: World, family: str) -> None:
    inner(world, user_chain=True)
    tables = {name: world.state.tables[family, name] for name in ("raw", "filter", "nat")}
    filters = tables["filter"].chains["MOORING-FORWARD"].comments
    assert [each.partition(":")[2].rpartition(" #")[0].partition(",")[0] for each in filters[:3]] == [
        "from internal bridges", "to internal bridges", "rules of the administrator"]
    raw = [each.partition(":")[2].rpartition(" #")[0] for each in tables["raw"].chains["MOORING-RAW"].comments]
    assert raw.index("from internal bridges") < raw.index("sources") < raw.index("direct access")
    assert "inner internal" in tables["nat"].chains["MOORING-DNAT"].comments[0]
    assert "inner" not in "".join(line for line in rules(world, "nat", family).splitlines() if "SNAT" in line)


def test_a_host_without_rules_of_ipv6_cannot_have_one() -> None:
    """A container gives itself IPv6 addresses, whatever the bridge has. A kernel without IPv6 forwards none."""
    world = World()
    world.state.unusable["ipv6"] = "ip6tables is not installed: install the package iptables"
    assert world.refuses("docker_bridge", name="inner", bip="10.40.0.1/24", internal=True) == (
        "bridge inner needs rules: ip6tables is not installed: install the package iptables")
    world.state.sysctls[HOST, "net/ipv6/conf/all/disable_ipv6"] = None
    world.host.sysctl = lambda netns, name: world.state.sysctls.get((netns, name))  # type: ignore[method-assign]
    world.bridge("inner", "10.40.0.1/24", internal=True)


def test_the_gate_closes_it_as_well() -> None:
    state = World().state
    state.persistent = True
    world = World(state)
    inner(world)
    for family in FAMILIES:
        text = world.state.lasting[f"gate.{family}"]
        assert all(f'"mooring:inner {what} #' in text for what in ("internal out", "internal in", "to elsewhere"))
        assert 'internal out #' in world.state.lasting[f"guard.{family}"]


@pytest.mark.parametrize("wanted", [True, False])
def test_the_same_task_completes_what_was_interrupted(world: World, wanted: bool) -> None:
    inner(world, internal=None)
    world.attach("db", bridge="inner")
    if wanted:
        world.publish("db", "8080:80")
    else:
        world.run("docker_bridge", name="inner", internal=True)
    given = {"name": "inner", "internal": wanted, "force": True}
    operations = world.check("docker_bridge", **given).operations
    undisturbed = world.copy()
    undisturbed.run("docker_bridge", **given)
    for number in range(len(operations)):
        interrupted = world.copy()
        interrupted.host.execute(operations[:number])
        interrupted.run("docker_bridge", **given)
        assert picture(interrupted.state) == picture(undisturbed.state), number


@pytest.mark.parametrize("wanted", [True, False])
def test_what_check_mode_tells_is_what_a_run_tells(world: World, wanted: bool) -> None:
    """Also of its containers, whose marks are written before and after their insides."""
    inner(world, internal=not wanted)
    world.attach("db", "cache", bridge="inner")
    shown = world.check("docker_bridge", name="inner", internal=wanted)
    assert shown.actions == world.run("docker_bridge", name="inner", internal=wanted).actions
    assert len(set(shown.actions)) == len(shown.actions)


@pytest.mark.parametrize("wanted", [True, False])
def test_it_is_closed_before_all_else_changes_and_until_that_is_done(world: World, wanted: bool) -> None:
    inner(world, internal=not wanted)
    world.attach("db", bridge="inner")
    operations = world.check("docker_bridge", name="inner", internal=wanted).operations
    links = [place for place, each in enumerate(operations) if isinstance(each, (LinkSet, RouteAdd, RouteDel))]
    for done in (links[0], links[-1] + 1):
        interrupted = world.copy()
        interrupted.host.execute(operations[:done])
        for family in FAMILIES:
            assert "inner internal out" in rules(interrupted, "filter", family)
            assert "inner to elsewhere" in rules(interrupted, "raw", family)
    world.run("docker_bridge", name="inner", internal=wanted)
    assert ("inner internal out" in rules(world, "filter")) is wanted


@pytest.mark.parametrize("modes", [{}, {"gateway_mode": "isolated"},
                                   {"gateway_mode": "nat", "gateway_mode_v6": "isolated"}])
def test_a_mark_that_is_lost_is_told_by_rules(world: World, modes: dict[str, str]) -> None:
    world.bridge("inner", "10.40.0.1/24", bip6="2001:db8:40::1/64", internal=True, **modes)
    before = picture(world.state)
    world.state.host.links["inner"] = dataclasses.replace(world.state.host.links["inner"], alias="")
    assert world.info()["drift"] == ["record the settings of inner"]
    world.run("icc_policy", bridge="front", icc=True)
    assert picture(world.state) == before


# -- gateway mode isolated ---------------------------------------------------------------------------------------------

ISOLATED = {"internal": True, "gateway_mode": "isolated"}


def test_isolated_needs_an_internal_bridge(world: World) -> None:
    assert world.refuses("docker_bridge", name="front", gateway_mode_v6="isolated") == (
        "gateway_mode_v6: 'isolated' needs an internal bridge, and front is none. Say internal: true as well, or "
        "another mode.")
    inner(world, **ISOLATED)
    assert world.refuses("docker_bridge", name="inner", internal=False) == (
        "internal: 'False' contradicts gateway_mode: isolated of bridge inner. Say gateway_mode: nat as well.")
    world.run("docker_bridge", name="inner", internal=False, gateway_mode="nat")


def test_an_isolated_bridge_has_a_network_and_no_address(world: World) -> None:
    plan = inner(world, **ISOLATED)
    shown = plan.after[0]
    assert (shown["bip"], shown["subnet"], shown["bip6"], shown["subnet_v6"]) == (
        "10.40.0.1/24", "10.40.0.0/24", "2001:db8:40::1/64", "2001:db8:40::/64")
    assert (shown["gateway_mode"], shown["gateway_mode_v6"], shown["ipv6"]) == ("isolated", "isolated", True)
    assert world.state.host.links["inner"].addresses == () and not any("add address" in each for each in plan.steps)
    assert world.state.sysctls[HOST, "net/ipv6/conf/inner/disable_ipv6"] == "1"
    assert world.attach("db", "cache", bridge="inner") == ["10.40.0.2/24", "10.40.0.3/24"]
    assert defaults(world, "db") == [] and world.info()["drift"] == []
    assert inner(world, **ISOLATED).operations == () == world.run("docker_bridge", name="inner").operations
    assert "-d 10.40.0.1 " not in rules(world, "raw") and "-d 10.40.0.0/24 ! -i inner" in rules(world, "raw")


def test_of_one_family_only(world: World) -> None:
    inner(world, internal=True, gateway_mode="nat", gateway_mode_v6="isolated")
    assert world.state.host.links["inner"].addresses == ("10.40.0.1/24",)
    shown = world.info(bridge="inner")["bridges"][0]
    assert (shown["gateway_mode"], shown["gateway_mode_v6"]) == ("nat", "isolated")


@pytest.mark.parametrize("wanted", ["isolated", "nat"])
def test_the_mode_comes_and_goes_whatever_was_done_of_it(world: World, wanted: str) -> None:
    inner(world)
    world.attach("db", bridge="inner")
    before = picture(world.state, sysctls=False)
    if wanted == "nat":
        world.run("docker_bridge", name="inner", gateway_mode="isolated")
    operations = world.check("docker_bridge", name="inner", gateway_mode=wanted).operations
    undisturbed = world.copy()
    undisturbed.run("docker_bridge", name="inner", gateway_mode=wanted)
    assert wanted == "isolated" or picture(undisturbed.state, sysctls=False) == before
    for number in range(len(operations)):
        interrupted = world.copy()
        interrupted.host.execute(operations[:number])
        interrupted.run("docker_bridge", name="inner", gateway_mode=wanted)
        assert picture(interrupted.state) == picture(undisturbed.state), number


def test_an_address_that_somebody_gives_it_goes(world: World) -> None:
    inner(world, **ISOLATED)
    link = world.state.host.links["inner"]
    world.state.host.links["inner"] = dataclasses.replace(link, addresses=("10.40.0.1/24",))
    world.state.sysctls[HOST, "net/ipv6/conf/inner/disable_ipv6"] = "0"
    assert world.info()["drift"] == ["remove address 10.40.0.1/24 from inner",
                                     "set net.ipv6.conf.inner.disable_ipv6 to 1 (was 0)"]
    world.run("icc_policy", bridge="front", icc=True)
    assert world.state.host.links["inner"].addresses == () and world.info()["drift"] == []


def test_nobody_else_gets_its_network(world: World) -> None:
    inner(world, **ISOLATED)
    assert world.refuses("docker_bridge", name="next", bip="10.40.0.129/25") == (
        "bip: '10.40.0.129/25' overlaps the network 10.40.0.0/24 of interface inner. Choose another network, or say "
        "allow_overlap: true.")
    assert world.refuses("docker_bridge", name="next", bip="10.10.0.129/25", **ISOLATED).startswith(
        "bip: '10.10.0.129/25' overlaps the route to 10.10.0.0/24 of interface front")
    world.bridge("first", None, **ISOLATED)
    world.bridge("second", None)
    shown = {each["name"]: each["subnet"] for each in world.info()["bridges"]}
    assert shown["first"] == "172.17.0.0/16" and shown["second"] == "172.18.0.0/16"


def test_an_adopted_bridge_keeps_its_addresses(world: World) -> None:
    world.state.host.links["theirs"] = Link("theirs", "bridge", 50, up=True, addresses=("10.50.0.1/24",))
    assert world.refuses("docker_bridge", name="theirs", adopt=True, **ISOLATED).startswith(
        "gateway_mode: 'isolated' contradicts the address 10.50.0.1/24 of theirs, which somebody else made")
