# SPDX-License-Identifier: GPL-3.0-or-later
"""How many rules the packets of a round trip walk: of a connection to a published port, with 1, 10 and 100 bridges."""
from __future__ import annotations

import functools
import ipaddress
from collections.abc import Mapping
from typing import NamedTuple

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.tree import grow_trees
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import (Accept, Chain, Destination,
                                                                                           Drop, Goto, Grouped, In,
                                                                                           Jump, Local, Match, Out,
                                                                                           Return, Source, State,
                                                                                           Verdict)
from ansible_collections.mooring.net.plugins.module_utils._internal.host.ledger import read_ledger
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import BRIDGE_GROUP, Link, Route
from ansible_collections.mooring.net.plugins.module_utils._internal.policy.rules import table_rules
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.rules import policy_of
from world import World

CLIENT, HOST = "198.51.100.2", "192.0.2.10"
Chains = Mapping[str, Chain]


class Packet(NamedTuple):
    """A packet of a connection that is under way, or begins; ``out`` is "" before it is known where it goes out."""

    into: str
    out: str
    source: str
    destination: str
    group: str = ""  # the interface that is in the group of our bridges
    state: str = "established"


def _names(interface: str, name: str) -> bool:
    return name.startswith(interface[:-1]) if interface.endswith("+") else name == interface


def fits(match: Match, packet: Packet) -> bool:
    if isinstance(match, (In, Out)):
        name = packet.into if isinstance(match, In) else packet.out
        return _names(match.interface, name) is not match.negated
    if isinstance(match, (Source, Destination)):
        address = packet.source if isinstance(match, Source) else packet.destination
        return ipaddress.ip_address(address) in ipaddress.ip_network(match.network)
    if isinstance(match, Grouped):
        assert match.group == BRIDGE_GROUP
        return packet.group == (packet.into if match.way == "in" else packet.out)
    if isinstance(match, Local):
        return (packet.destination == HOST and match.end == "destination") is not match.negated
    assert isinstance(match, State)
    return (packet.state in match.words) is not match.negated


def walk(chains: Chains, name: str, packet: Packet) -> tuple[Verdict, int]:
    """What becomes of a packet, Return() at the end of a chain, and how many rules were looked at."""
    looked = 0
    for rule in chains[name].rules:
        looked += 1
        if rule.verdict is None or not all(fits(match, packet) for match in rule.matches):
            continue
        if not isinstance(rule.verdict, (Jump, Goto)):
            return rule.verdict, looked
        verdict, more = walk(chains, rule.verdict.chain, packet)
        looked += more
        if isinstance(rule.verdict, Goto) or not isinstance(verdict, Return):
            return verdict, looked
    return Return(), looked


def names(kind: str, count: int) -> list[str]:
    """Names that count up, and such as begin with any letter."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return [f"br{number}" if kind == "alike" else f"{letters[number * 7 % 26]}{letters[number // 26]}n"
            for number in range(count)]


@functools.cache
def host(kind: str, count: int, groups: bool = True) -> tuple[World, Chains, Chains]:
    """A host with so many bridges, and its tables raw and filter."""
    world = World()
    world.state.groups = groups
    world.run("docker_bridge", config=[{"name": name, "bip": f"10.{100 + number // 50}.{number % 50}.1/24"}
                                       for number, name in enumerate(names(kind, count))])
    return (world, *chains_of(world))


def chains_of(world: World) -> tuple[Chains, Chains]:
    tables = table_rules(policy_of(world.state, read_ledger(world.state)), "ipv4")
    raw, filters = ({chain.name: chain for chain in grow_trees(tables[table].chains)} for table in ("raw", "filter"))
    return raw, filters


def steps(kind: str, count: int, groups: bool = True) -> int:
    """The most rules that a round trip walks, of all bridges."""
    _world, raw, filters = host(kind, count, groups)
    found = []
    for number, name in enumerate(names(kind, count)):
        container = f"10.{100 + number // 50}.{number % 50}.5"
        way = [(raw, "MOORING-RAW", Packet("ens3", "", CLIENT, HOST), Return),
               (filters, "MOORING-FORWARD", Packet("ens3", name, CLIENT, container, name), Accept),
               (raw, "MOORING-RAW", Packet(name, "", container, CLIENT), Return),
               (filters, "MOORING-FORWARD", Packet(name, "ens3", container, CLIENT, name), Accept)]
        walked = [walk(chains, top, packet) for chains, top, packet, _verdict in way]
        assert [type(verdict) for verdict, _looked in walked] == [verdict for *_, verdict in way]
        found.append(sum(looked for _verdict, looked in walked))
    return max(found)


@pytest.mark.parametrize("kind", ["alike", "any"])
@pytest.mark.parametrize(("count", "more"), [(10, 7), (100, 12)])
def test_a_round_trip_walks_few_rules_more_with_many_bridges(kind: str, count: int, more: int) -> None:
    assert steps(kind, count) <= steps(kind, 1) + more


def steps_outwards(kind: str, count: int) -> int:
    """The most rules of the filter table that the first packet of a connection to the outside walks."""
    _world, _raw, filters = host(kind, count)
    walked = [walk(filters, "MOORING-FORWARD", Packet(name, "ens3", f"10.{100 + number // 50}.{number % 50}.5", CLIENT,
                                                      name, "new")) for number, name in enumerate(names(kind, count))]
    assert {verdict for verdict, _looked in walked} == {Accept()}
    return max(looked for _verdict, looked in walked)


@pytest.mark.parametrize(("count", "more"), [(10, 7), (100, 11)])
def test_what_begins_outwards_is_not_compared_with_names(count: int, more: int) -> None:
    assert steps_outwards("any", count) == steps_outwards("alike", count) <= steps_outwards("any", 1) + more


def test_a_way_out_that_is_a_bridge_with_rules_of_others_is_left_to_them() -> None:
    world = World()
    for number in range(4):
        world.bridge(f"br{number}", f"10.100.{number}.1/24")
    for name in ("docker0", "br-wan"):
        world.state.host.links[name] = Link(name, "bridge", 60, up=True)
    world.state.host.routes += [Route("default", "docker0", metric=50),
                                Route("default", "br-wan", "10.8.0.1", metric=60)]
    _raw, filters = chains_of(world)
    found = {name: walk(filters, "MOORING-FORWARD", Packet("br0", name, "10.100.0.5", CLIENT, "br0", "new"))[0]
             for name in ("ens3", "br-wan", "docker0", "wg0")}
    assert found == {"ens3": Accept(), "br-wan": Accept(), "docker0": Return(), "wg0": Accept()}
    for name in ("ens3", "br-wan"):
        assert walk(filters, "MOORING-FORWARD", Packet("eth9", name, "10.100.0.5", CLIENT, state="new"))[0] == Return()


def test_without_groups_it_walks_more() -> None:
    assert steps("any", 100, groups=False) > steps("any", 100) + 20


@pytest.mark.parametrize("kind", ["alike", "any"])
@pytest.mark.parametrize("groups", [True, False])
def test_a_forged_source_ends_whatever_the_bridge(kind: str, groups: bool) -> None:
    _world, raw, _filters = host(kind, 100, groups)
    for name in names(kind, 100):
        for source in (CLIENT, "10.77.0.1", "10.101.49.200" if name != names(kind, 100)[99] else "10.100.0.200"):
            assert walk(raw, "MOORING-RAW", Packet(name, "", source, HOST))[0] == Drop()
    for name in ("ens3", "ens4", "zz9"):
        assert walk(raw, "MOORING-RAW", Packet(name, "", CLIENT, HOST))[0] == Return()


def test_only_interfaces_of_others_with_a_default_route_are_let_by() -> None:
    def let_by() -> list[str]:
        return [match.interface for rule in chains_of(world)[0]["MOORING-SOURCES"].rules
                if rule.note.startswith("from the outside by ") for match in rule.matches if isinstance(match, In)]

    world = World()
    for number in range(3):
        world.bridge(f"br{number}", f"10.100.{number}.1/24")
    assert let_by() == [], "with few bridges rules need not follow routes"
    world.bridge("br3", "10.100.3.1/24")
    assert let_by() == ["ens3"]
    world.bridge("br4", "10.100.4.1/24")
    world.state.host.links["wg0"] = Link("wg0", "wireguard", 50, up=True)
    world.state.host.routes.append(Route("default", "wg0", metric=50))
    world.state.host.routes.append(Route("default", "br1", "10.100.1.9", metric=60))
    assert let_by() == ["ens3", "wg0"]
    assert world.run("docker_bridge", name="br0").steps and world.run("docker_bridge", name="br0").steps == []
