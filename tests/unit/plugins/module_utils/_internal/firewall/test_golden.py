# SPDX-License-Identifier: GPL-3.0-or-later
"""Rule sets as text, compared with files that are read in a review. ``pytest --update-golden`` writes them anew."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.saved import parse
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import FAMILIES
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.operations import RestoreTable
from ansible_collections.mooring.net.plugins.module_utils._internal.host.ledger import read_ledger
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link, Route
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import named_path
from rules import ruleset
from world import World

FOLDER = Path(__file__).resolve().parents[4] / "data/rulesets"
FORMER = FOLDER.parent / "former"  # as some of them were before rules were looked up by interface and network
SUFFIXES = {"ipv4": "v4", "ipv6": "v6"}


def one_bridge() -> World:
    world = World()
    world.bridge("bridge0", "192.168.5.1/24")
    return world


def icc_off_with_a_link() -> World:
    world = one_bridge()
    world.attach("web", "db")
    world.run("icc_policy", config=[{"bridge": "bridge0", "icc": False}, {
        "netns": "web", "links": ["db:database"], "exposed_ports": ["5432", "8000-8010/udp"]}])
    return world


def published_ports() -> World:
    world = one_bridge()
    world.attach("web", "dns", "ftp", "db")
    world.publish("web", "8080:80", "127.0.0.1::443", "192.0.2.10:8443:443")
    world.publish("dns", "53:53/udp", "53:53/tcp", "5000:5000/sctp")
    world.publish("ftp", "7000-7100:7000-7100", "1000-2100:11000-12100")
    world.publish("db", "5432:5432", allow_from=["10.0.0.0/8", "192.0.2.7"])
    return world


def two_bridges() -> World:
    world = World()
    world.bridge("front", "10.10.0.1/24")
    world.bridge("back", "10.20.0.1/24")
    world.attach("web", bridge="front")
    world.attach("app", bridge="back")
    world.publish("web", "80:80")
    world.publish("app", "81:80")
    return world


def beside_bridges_of_others() -> World:
    """docker0 has rules of others; br-lan leads to the outside by its port, br-wan by a gateway."""
    world = World()
    for number, (name, addresses) in enumerate({"docker0": (), "br-lan": (), "br-wan": ("10.8.0.2/24",)}.items(), 60):
        world.state.host.links[name] = Link(name, "bridge", number, up=True, addresses=addresses)
    world.state.host.links["ens4"] = Link("ens4", "", 70, up=True, controller="br-lan")
    world.state.host.routes.append(Route("10.9.0.0/16", "br-wan", "10.8.0.1"))
    world.bridge("front", "10.10.0.1/24", allow_bridges=["handed"])
    world.bridge("handed", "10.20.0.1/24", iptables=False)
    return world


def no_masquerade() -> World:
    world = World()
    world.bridge("bridge0", "192.168.5.1/24", ip_masq=False)
    world.attach("web")
    world.publish("web", "8080:80")
    return world


def ipv6() -> World:
    world = World()
    world.bridge("bridge0", "192.168.5.1/24", fixed_cidr_v6="2001:db8:5::/64")
    world.attach("web", "db")
    world.publish("web", "8080:80", "[2001:db8::1]:7000-7010:8000-8010/udp", "[2001:db8::1]:9000:9000")
    world.publish("db", "5432:5432", allow_from=["2001:db8:9::/48"])
    world.run("icc_policy", config=[{"bridge": "bridge0", "icc": False}, {
        "netns": "web", "links": ["db"], "exposed_ports": ["5432"]}])
    return world


def without_rules_of_one_family() -> World:
    world = World()
    world.bridge("bridge0", "192.168.5.1/24", ip6tables=False)
    return world


def bridges_that_may_talk() -> World:
    world = two_bridges()
    world.bridge("apart", "10.30.0.1/24", allow_bridges=["missing"])
    world.bridge("front", "10.10.0.1/24", fixed_cidr_v6="2001:db8:10::/64", allow_bridges=["back"])
    world.bridge("back", "10.20.0.1/24", fixed_cidr_v6="2001:db8:20::/64", ip_masq=False)
    return world


def trusted() -> World:
    world = two_bridges()
    world.bridge("front", "10.10.0.1/24", fixed_cidr_v6="2001:db8:10::/64", trusted_interfaces=["wg0", "ens4"],
                 trusted_networks=["198.51.100.0/24", "203.0.113.7", "2001:db8:51::/64"])
    world.bridge("back", "10.20.0.1/24", ip_masq=False, trusted_networks=["198.51.100.0/24"])
    return world


def routed() -> World:
    world = World()
    world.bridge("plain", "10.30.0.1/16", fixed_cidr_v6="2001:db8:30::/64", gateway_mode="routed",
                 trusted_networks=["198.51.100.0/24"])
    world.bridge("mixed", "10.40.0.1/24", fixed_cidr_v6="2001:db8:40::/64", gateway_mode_v6="routed")
    world.run("netns_attach", bridge="plain", config=[
        {"netns": "web", "address": "10.30.0.10", "address_v6": "2001:db8:30::10"},
        {"netns": "db", "address": "10.30.0.11", "address_v6": "2001:db8:30::11"},
        {"netns": "far", "address": "10.30.9.1", "address_v6": "2001:db8:30::9:1"}])
    world.attach("app", bridge="mixed")
    world.publish("web", "80", "53/udp", "7000-7010")
    world.publish("db", "5432", allow_from=["10.0.0.0/8", "192.0.2.7"])
    world.publish("far", "22", "[::]::443")
    world.publish("app", "8080:80", "443")
    return world


def with_an_uplink() -> World:
    """The host's own network is behind br-lan, on which there are containers beside other machines."""
    world = two_bridges()
    world.state.host.links["br-lan"] = Link("br-lan", "bridge", 60, up=True,
                                            addresses=("198.51.100.1/24", "2001:db8:51::1/64"))
    world.state.host.links["ens4"] = Link("ens4", "", 70, up=True, controller="br-lan")
    world.bridge("br-lan", None, adopt_uplink=True, fixed_cidr="198.51.100.192/27", trusted_networks=["203.0.113.7"])
    world.run("netns_attach", bridge="br-lan", config=[
        {"netns": "near", "address_v6": "2001:db8:51::c1"}, {"netns": "next", "address_v6": "2001:db8:51::c2"}])
    world.publish("near", "8090:80")
    return world


def internal() -> World:
    """One that nothing leaves, beside one that is as others, with a container on both."""
    world = World()
    world.bridge("front", "10.10.0.1/24", fixed_cidr_v6="2001:db8:10::/64")
    world.bridge("inner", "10.40.0.1/24", fixed_cidr_v6="2001:db8:40::/64", internal=True)
    world.bridge("apart", "10.41.0.1/24", internal=True, gateway_mode="isolated")
    world.attach("db", bridge="inner")
    world.attach("db", bridge="front", interface_name="eth1")
    world.publish("db", "8080:80")
    return world


def outbound() -> World:
    world = World()
    world.bridge("front", "10.10.0.1/24", fixed_cidr_v6="2001:db8:10::/64", outbound_address="192.0.2.10",
                 outbound_address_v6="2001:db8:2::10")
    world.bridge("back", "10.20.0.1/24", allow_bridges=["front"], outbound_address="192.0.2.11")
    return world


def two_ways_out() -> World:
    """A container on two bridges, which IPv4 leaves by the one and IPv6 by the other; and one that has no way out."""
    world = two_bridges()
    for number, name in ((10, "front"), (20, "back")):
        world.bridge(name, f"10.{number}.0.1/24", fixed_cidr_v6=f"2001:db8:{number}::/64", ip_masq=False)
    world.run("netns_attach", config=[
        {"netns": "shop", "bridge": "front"}, {"netns": "lone", "bridge": "front", "default_route": False},
        {"netns": "shop", "bridge": "back", "interface_name": "eth1",
         "routes": [{"destination": "10.50.0.0/16", "gateway": "10.20.0.1"}]}])
    here = world.state.namespaces[named_path("shop")]
    here.routes = [route for route in here.routes if (route.destination, route.family) != ("default", "ipv6")]
    here.routes.append(Route("default", "eth1", "2001:db8:20::1", "ipv6"))
    world.publish("shop", "82:80")
    world.publish("lone", "0.0.0.0:83:80")
    return world


SCENARIOS: list[Callable[[], World]] = [
    one_bridge, icc_off_with_a_link, published_ports, two_bridges, beside_bridges_of_others, no_masquerade, ipv6,
    without_rules_of_one_family, bridges_that_may_talk, trusted, routed, with_an_uplink, internal, outbound,
    two_ways_out]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_rule_set(scenario: Callable[[], World], request: pytest.FixtureRequest) -> None:
    world = scenario()
    for family, suffix in (("ipv4", "v4"), ("ipv6", "v6")):
        path = FOLDER / f"{scenario.__name__}.{suffix}.rules"
        found = ruleset(world.state, family)
        if request.config.getoption("--update-golden"):
            path.write_text(found, encoding="utf-8")
        assert found == path.read_text(encoding="utf-8"), f"{path.name}: if this is meant, run pytest --update-golden"


def test_no_rule_set_without_a_scenario() -> None:
    expected = {f"{scenario.__name__}.{suffix}.rules" for scenario in SCENARIOS for suffix in ("v4", "v6")}
    assert {path.name for path in FOLDER.iterdir()} == expected


# -- a host with the rules of an earlier version -----------------------------------------------------------------------

FORMER_SCENARIOS = sorted({path.name.split(".")[0] for path in FORMER.iterdir()})


def with_former_rules(scenario: str) -> World:
    world = next(each for each in SCENARIOS if each.__name__ == scenario)()
    for family in FAMILIES:
        text = (FORMER / f"{scenario}.{SUFFIXES[family]}.rules").read_text(encoding="utf-8")
        lines = ["-A " + line[3:].replace(" 1 ", " ", 1) if line.startswith("-I ") else line
                 for line in text.splitlines()]
        for table, observed in parse("\n".join(lines))[0].items():
            world.state.tables[family, table] = observed
    return world


@pytest.mark.parametrize("scenario", FORMER_SCENARIOS)
def test_the_next_run_replaces_them(scenario: str) -> None:
    right = next(each for each in SCENARIOS if each.__name__ == scenario)()
    world = with_former_rules(scenario)
    assert read_ledger(world.state) == read_ledger(right.state)
    name = min(link.name for link in world.state.find_marked("bridge"))
    plan = world.run("docker_bridge", name=name)
    assert world.state.tables.keys() == right.state.tables.keys()
    for key, table in right.state.tables.items():
        assert {chain: each.comments for chain, each in world.state.tables[key].chains.items()} == {
            chain: each.comments for chain, each in table.chains.items()}
    assert read_ledger(world.state) == read_ledger(right.state)
    assert world.run("docker_bridge", name=name).operations == ()
    operations = [operation for operation in plan.operations if isinstance(operation, RestoreTable)]
    assert operations == list(plan.operations), "nothing but rules changes"
    for family in FAMILIES:
        tables = [operation.table for operation in operations if operation.family == family]
        assert tables == [table for table in ("raw", "filter", "nat") if table in tables], "protection comes first"


@pytest.mark.parametrize("scenario", FORMER_SCENARIOS)
def test_chains_that_close_are_there_all_the_time(scenario: str) -> None:
    """No hook is moved, and every table is one transaction: a packet meets the former rules or the new ones."""
    world = with_former_rules(scenario)
    hooks = {key: {hook.line for hook in table.hooks} for key, table in world.state.tables.items()}
    name = min(link.name for link in world.state.find_marked("bridge"))
    for operation in world.check("docker_bridge", name=name).operations:
        assert isinstance(operation, RestoreTable) and not operation.hooks_gone and not operation.hooks_new
        world.host.execute([operation])
        assert {key: {hook.line for hook in table.hooks} for key, table in world.state.tables.items()} == hooks
