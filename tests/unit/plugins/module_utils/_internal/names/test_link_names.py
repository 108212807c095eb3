# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that links give: remembered by themselves, whatever becomes of rules."""
from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import ObservedTable
from ansible_collections.mooring.net.plugins.module_utils._internal.host.ledger import read_ledger, record_text
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.linkage import Linkage
from world import World

V6 = {"bip": "192.168.5.1/24", "bip6": "2001:db8:5::1/64"}
# What a bridge has no rules for, and the lines of the hosts file that a link gives all the same.
RULES: dict[str, dict[str, Any]] = {"both": {}, "no ipv4": {"iptables": False}, "no ipv6": {"ip6tables": False},
                                    "none": {"iptables": False, "ip6tables": False}}
LINES = ["192.168.5.3\tsql db", "2001:db8:5::3\tsql db"]
PORTS = {"opens nothing": [], "opens a port": ["5432"]}


@pytest.fixture(params=RULES)
def rules(request: pytest.FixtureRequest) -> dict[str, Any]:
    return RULES[request.param]


@pytest.fixture
def world(rules: dict[str, Any]) -> World:
    found = World()
    found.run("docker_bridge", name="br0", bip=V6["bip"], ipv6=True, fixed_cidr_v6="2001:db8:5::/64", **rules)
    found.attach("web", "db")
    return found


def names(world: World) -> list[str]:
    return [line for line in (world.text("web") or "").splitlines() if line.endswith("\tsql db")]


def flush(world: World) -> None:
    for key in world.state.tables:
        world.state.tables[key] = ObservedTable()


@pytest.mark.parametrize("first", ["link", "names"])
@pytest.mark.parametrize("ports", PORTS)
def test_a_link_gives_its_name_in_any_order(world: World, first: str, ports: str) -> None:
    given = {"netns": "web", "links": ["db:sql"], "exposed_ports": PORTS[ports]}
    if first == "names":
        world.name("web")
    checked = world.check("icc_policy", **given).steps
    assert world.run("icc_policy", **given).steps == checked
    if first == "link":
        world.name("web")
    assert names(world) == LINES
    assert world.run("icc_policy", **given).steps == world.name("web").steps == []
    # Runs about others, and about nothing at all, leave it alone.
    world.attach("other")
    assert world.bridge(bip=None).steps == [] and names(world) == LINES
    assert world.info()["drift"] == []
    world.run("icc_policy", netns="web", links=[])
    assert names(world) == [] and world.state.recorded_links == ""


@pytest.mark.parametrize("ports", PORTS)
def test_a_name_outlives_the_rules(world: World, ports: str) -> None:
    """Whoever flushes the tables takes the ports, and no name."""
    world.link("web", "db:sql", exposed_ports=PORTS[ports])
    world.name("web")
    flush(world)
    world.name("web")
    assert names(world) == LINES
    flush(world)
    world.bridge(bip=None)
    assert names(world) == LINES and not any(link.opens for link in read_ledger(world.state).links)


def test_a_bridge_loses_its_rules_and_gets_them_again() -> None:
    world = World()
    world.bridge()
    world.attach("web", "db")
    world.link("web", "db:sql")
    world.name("web")
    world.run("docker_bridge", name="br0", iptables=False)  # it opens nothing, so that nothing is closed
    assert names(world) == LINES[:1]
    world.run("docker_bridge", name="br0", iptables=True)
    assert names(world) == LINES[:1]
    world.link("web", "db:sql", exposed_ports=["80"])
    assert "would close 1 published ports and links" in world.refuses("docker_bridge", name="br0", iptables=False)
    world.run("docker_bridge", name="br0", iptables=False, force=True)
    assert names(world) == LINES[:1] and world.info()["drift"] == []


def test_a_name_ends_with_its_link_on_either_side(world: World) -> None:
    """And follows the address of its target."""
    world.link("web", "db:sql")
    world.name("web")
    world.run("netns_attach", netns="db", address="192.168.5.77")
    assert names(world)[0] == "192.168.5.77\tsql db"
    world.run("netns_attach", netns="db", state="absent")
    assert names(world) == [] and world.state.recorded_links == ""
    world.attach("db")
    world.bridge(bip=None)
    assert names(world) == []


def test_the_document_gives_names_at_once(rules: dict[str, Any]) -> None:
    world = World()
    network = {"name": "br0", "bip": "192.168.5.1/24", **rules,
               "containers": [{"name": "web", "links": ["db:sql"]}, {"name": "db"}]}
    world.document([network])
    assert names(world) == LINES[:1] and world.document([network]).steps == []
    world.document([{**network, "containers": [{"name": "web"}, {"name": "db"}]}])
    assert names(world) == [] and world.state.recorded_links == ""


LINK = Linkage("web", "db", "sql", "192.168.5.2", "192.168.5.3", "5432", "tcp", "br0")


def test_the_record_is_read_as_it_is_written() -> None:
    world = World()
    other = dataclasses.replace(LINK, source_ip="2001:db8::2", target_ip="2001:db8::3", alias="my_sql")
    links = [LINK, dataclasses.replace(LINK, ports="53", protocol="udp"), other]
    text = record_text(links)
    assert text == ("web link db:my_sql 2001:db8::2->[2001:db8::3]:none/any br0\n"
                    "web link db:sql 192.168.5.2->192.168.5.3:none/any br0\n")
    world.state.recorded_links = text
    assert set(read_ledger(world.state).links) == {LINK.as_name, other.as_name}


@pytest.mark.parametrize("text", ["", "\n", "web\n", "web link db:sql 192.168.5.2->192.168.5.3:none/any\n", "\0\n",
                                  "web link db:sql 192.168.5.2->192.168.5.3:80/any br0\n"])
def test_what_is_no_record_says_nothing(text: str) -> None:
    world = World()
    world.state.recorded_links = text
    assert read_ledger(world.state).links == ()


def test_every_end_of_a_run_leaves_a_name_or_the_task(rules: dict[str, Any]) -> None:
    """A run that is killed after any of its operations: the same task again gives the name, and so do later ones."""
    for number in itertools.count():
        world = World()
        world.run("docker_bridge", name="br0", bip=V6["bip"], **rules)
        world.attach("web", "db")
        world.name("web")
        plan = world.check("icc_policy", netns="web", links=["db:sql"])
        for operation in plan.operations[:number]:
            world.host.carry_out(operation)
        world.link("web", "db:sql")
        assert names(world) == LINES[:1]
        if number > len(plan.operations):
            break
