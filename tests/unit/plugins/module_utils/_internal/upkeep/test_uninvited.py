# SPDX-License-Identifier: GPL-3.0-or-later
"""What was begun while rules were gone: who is to be forgotten, and who may go on."""
from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import ObservedChain, ObservedTable
from ansible_collections.mooring.net.plugins.module_utils._internal.host.operations import ConntrackFlush
from world import World


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge("front", "10.10.0.1/24", allow_bridges=["back"], trusted_networks=["192.0.2.0/28"])
    found.bridge("back", "10.20.0.1/24", gateway_mode="routed")
    found.attach("web", "db", bridge="front", exposed_ports=["5432"])
    found.attach("app", bridge="back")
    found.run("icc_policy", bridge="front", icc=False)
    found.link("web", "db")
    found.publish("app", "80")
    return found


def forgotten(world: World) -> list[ConntrackFlush]:
    return [operation for operation in world.run("docker_bridge", name="back").operations
            if isinstance(operation, ConntrackFlush) and operation.entered]


def lose(world: World, table: str, chain: str = "", hook: str = "") -> None:
    observed = world.state.tables["ipv4", table]
    chains = dict(observed.chains)
    if chain:
        chains[chain] = ObservedChain((), ())
    hooks = tuple(each for each in observed.hooks if each.chain != hook)
    world.state.tables["ipv4", table] = ObservedTable(chains, hooks)


@pytest.mark.parametrize(("table", "chain", "hook"), [
    ("filter", "", "FORWARD"), ("raw", "", "PREROUTING"), ("nat", "", "OUTPUT"), ("nat", "", "POSTROUTING")])
def test_a_hook_that_was_gone_says_that_all_stood_open(world: World, table: str, chain: str, hook: str) -> None:
    assert forgotten(world) == []
    lose(world, table, chain, hook)
    [flush] = forgotten(world)
    assert sorted(place for place, _welcome in flush.entered) == ["10.10.0.0/24", "10.20.0.0/24"]
    assert forgotten(world) == []


def test_a_chain_that_was_emptied_says_so_of_its_bridge(world: World) -> None:
    lose(world, "filter", "MOORING-IN-back")
    [flush] = forgotten(world)
    assert [place for place, _welcome in flush.entered] == ["10.20.0.0/24"]


def test_nothing_stood_open_before_there_was_a_bridge() -> None:
    plan = World().bridge("br0", "10.0.0.1/24")
    assert not any(isinstance(operation, ConntrackFlush) and operation.entered for operation in plan.operations)


@pytest.mark.parametrize(("source", "destination", "port", "protocol", "ends"), [
    ("198.51.100.9", "10.10.0.2", 80, "tcp", True), ("198.51.100.9", "10.10.0.2", 80, "udp", True),
    ("198.51.100.9", "10.10.0.2", 7, "sctp", True), ("192.0.2.10", "10.10.0.2", 80, "tcp", False),  # the host
    ("192.0.2.3", "10.10.0.2", 80, "tcp", False),  # trusted
    ("10.20.0.2", "10.10.0.2", 80, "tcp", False), ("10.10.0.2", "10.20.0.2", 81, "tcp", False),  # a pair
    ("10.20.0.9", "10.20.0.2", 81, "tcp", False),  # icc
    ("10.10.0.3", "10.10.0.2", 80, "tcp", True), ("10.10.0.2", "10.10.0.3", 80, "tcp", True),  # no icc
    ("10.10.0.2", "10.10.0.3", 5432, "tcp", False), ("10.10.0.3", "10.10.0.2", 5432, "tcp", True),  # a link
    ("198.51.100.9", "10.20.0.2", 80, "tcp", False), ("198.51.100.9", "10.20.0.2", 80, "udp", True),  # published
    ("10.10.0.2", "198.51.100.9", 80, "tcp", False)])
def test_who_may_goes_on(world: World, source: str, destination: str, port: int, protocol: str, ends: bool) -> None:
    lose(world, "filter", hook="FORWARD")
    [flush] = forgotten(world)
    assert flush.concerns(protocol, destination, port, destination, source) is ends
    assert not flush.concerns(protocol, "192.0.2.10", 8080, destination, source)  # translated
    assert dataclasses.replace(flush, entered=()).concerns(protocol, destination, port, destination, source) is False
    assert "forget tracked connections of all to 10." in flush.describe()
