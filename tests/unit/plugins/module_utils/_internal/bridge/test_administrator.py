# SPDX-License-Identifier: GPL-3.0-or-later
"""The chain of the administrator before all rules: made when asked for, remembered, and never emptied."""
from __future__ import annotations

from dataclasses import replace
from typing import Optional

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.saved import parse
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.text import restore_text
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import (FAMILIES, TABLES,
                                                                                           ObservedTable)
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.operations import RestoreTable
from ansible_collections.mooring.net.plugins.module_utils._internal.link.operations import LinkSet
from world import World

JUMP = "-j MOORING-USER"


def asked(**given: object) -> World:
    world = World()
    world.state.persistent = True
    world.bridge(user_chain=True, **given)
    return world


def chains(world: World) -> list[Optional[tuple[str, ...]]]:
    return [world.state.tables[family, "filter"].user for family in FAMILIES]


def jumps(world: World) -> list[list[int]]:
    """The places in MOORING-FORWARD of the rules that lead there."""
    found = []
    for family in FAMILIES:
        chain = world.state.tables[family, "filter"].chains.get("MOORING-FORWARD")
        found.append([place for place, line in enumerate(chain.lines if chain else ()) if line.endswith(JUMP)])
    return found


def write(world: World, *lines: str) -> None:
    """The administrator writes rules into the chain, or what shows that there are others which lead to it."""
    for family in FAMILIES:
        table = world.state.tables[family, "filter"]
        world.state.tables[family, "filter"] = replace(table, user=lines)


def flush(world: World) -> None:
    for family in FAMILIES:
        for table in TABLES:
            world.state.tables[family, table] = ObservedTable()


DROP = "-A MOORING-USER -s 203.0.113.0/24 -j DROP"


def test_it_is_made_when_asked_for_and_not_before() -> None:
    world = World()
    world.bridge()
    assert chains(world) == [None, None] and jumps(world) == [[], []]
    plan = world.check("docker_bridge", name="br0", user_chain=True)
    assert [action for action in plan.steps if "create MOORING-USER" in action] and chains(world) == [None, None]
    assert world.run("docker_bridge", name="br0", user_chain=True).after[0]["user_chain"] is True
    assert chains(world) == [(), ()] and jumps(world) == [[0], [0]]
    for again in ({"user_chain": True}, {}):
        assert world.run("docker_bridge", name="br0", **again).operations == ()
    assert world.info()["drift"] == [] and world.info()["bridges"][0]["user_chain"] is True
    # It is one for the whole host.
    world.bridge("br1", "10.1.0.1/24")
    assert jumps(world) == [[0], [0]] and [each["user_chain"] for each in world.info()["bridges"]] == [True, True]


def test_what_is_in_it_stays() -> None:
    world = asked()
    write(world, DROP)
    world.bridge("br1", "10.1.0.1/24")
    world.attach("web", bridge="br0")
    world.publish("web", "8080:80")
    assert chains(world) == [(DROP,), (DROP,)] and world.info()["drift"] == []
    texts = [restore_text(operation) for operation in world.host.executed if isinstance(operation, RestoreTable)]
    assert not any(":MOORING-USER" in text or "-F MOORING-USER" in text for text in texts)
    assert sum(text.count("-N MOORING-USER") for text in texts) == 2
    assert any("*filter\n-N MOORING-USER\n" in text for text in texts)


def test_it_comes_back_when_it_is_lost() -> None:
    world = asked()
    for family in FAMILIES:
        table = world.state.tables[family, "filter"]
        forward = table.chains["MOORING-FORWARD"]
        bare = replace(forward, lines=forward.lines[1:], comments=forward.comments[1:])
        world.state.tables[family, "filter"] = replace(table, chains={**table.chains, "MOORING-FORWARD": bare})
    assert "repair rules of br0 (MOORING-FORWARD lacked some)" in world.info()["drift"]
    world.bridge("br1", "10.1.0.1/24")
    assert jumps(world) == [[0], [0]]
    flush(world)
    world.run("docker_bridge", name="br1")
    assert jumps(world) == [[0], [0]] and chains(world) == [(), ()]


def test_a_chain_that_the_administrator_has_made_is_taken_as_it_is() -> None:
    world = World()
    write(world, DROP)
    world.bridge(user_chain=True)
    assert chains(world) == [(DROP,), (DROP,)] and jumps(world) == [[0], [0]]
    write(world)  # empty now, and it is theirs all the same
    world.run("docker_bridge", name="br0", user_chain=False)
    assert chains(world) == [(), ()] and jumps(world) == [[], []]


@pytest.mark.parametrize(("lines", "left"), [((), None), ((DROP,), (DROP,)),
                                             (("-A FORWARD -j MOORING-USER",), ("-A FORWARD -j MOORING-USER",))])
@pytest.mark.parametrize("end", [{"user_chain": False}, {"state": "absent"}])
def test_when_it_ends(lines: tuple[str, ...], left: Optional[tuple[str, ...]], end: dict) -> None:
    """Nothing is lost: only a chain that a run has made goes, and only if it is empty and nobody else uses it."""
    world = asked()
    write(world, *lines)
    world.run("docker_bridge", name="br0", **end)
    assert chains(world) == [left, left] and jumps(world) == [[], []]
    assert world.run("docker_bridge", name="br0", **{"state": "present", "bip": "192.168.5.1/24", **end}
                     ).operations == ()
    world.bridge("br9", "10.9.0.1/24")
    assert jumps(world) == [[], []]


def test_another_bridge_remembers_it_and_says_when_it_ends() -> None:
    world = asked()
    world.bridge("br1", "10.1.0.1/24")
    world.run("docker_bridge", name="br0", state="absent")
    flush(world)
    world.run("docker_bridge", name="br1")
    assert jumps(world) == [[0], [0]] and "user=1" in world.state.host.links["br1"].alias
    world.bridge("br0", user_chain=False)
    assert jumps(world) == [[], []] and chains(world) == [None, None]
    assert "user=1" not in world.state.host.links["br1"].alias and world.info()["drift"] == []


@pytest.mark.parametrize("wanted", [True, False])
def test_its_rules_come_first_while_something_else_changes(wanted: bool) -> None:
    """What they close is closed while a run is on its way, whether it brings them or takes them away."""
    world = World()
    world.bridge(user_chain=not wanted)
    operations = world.check("docker_bridge", name="br0", user_chain=wanted, mtu="1400").operations
    links = [place for place, each in enumerate(operations) if isinstance(each, LinkSet)]
    for done in (links[0], links[-1] + 1):
        interrupted = world.copy()
        interrupted.host.execute(operations[:done])
        assert jumps(interrupted) == [[0], [0]]
    world.run("docker_bridge", name="br0", user_chain=wanted, mtu="1400")
    assert jumps(world) == ([[0], [0]] if wanted else [[], []])


def test_two_bridges_that_contradict_each_other() -> None:
    message = World().refuses("docker_bridge", config=[{"name": "a", "user_chain": True},
                                                      {"name": "b", "user_chain": False}])
    assert message == ("config[1] (b): user_chain: 'False' of bridge b contradicts bridge a: the chain is one for the "
                       "whole host. Say the same of both, or say it of one.")


def test_the_gate_neither_empties_nor_misses_it() -> None:
    world = asked()
    for family in FAMILIES:
        gate, there = world.state.lasting[f"gate.{family}"], world.state.lasting[f"user.{family}"]
        assert "\n-N MOORING-FORWARD\n-N MOORING-USER\n" in gate and "-N MOORING-USER" not in there
        assert all(":MOORING-USER" not in text and f" {JUMP}\n" in text for text in (gate, there))
        guard = world.state.lasting[f"guard.{family}"]
        assert [line for line in guard.splitlines() if line.startswith("-C MOORING-FORWARD") and line.endswith(JUMP)]
        # What the gate leaves is what the next run takes up, and what it has made it may delete again.
        shown = "\n".join(f":{line[3:]} - [0:0]" if line.startswith("-N ") else
                          line.replace("-I FORWARD 1", "-A FORWARD")
                          for line in gate.splitlines() if not line.startswith("#"))
        tables, _others = parse(shown + "\n")
        assert tables["filter"].user == () and tables["filter"].chains["MOORING-FORWARD"].lines[0].endswith(JUMP)
    world.run("docker_bridge", name="br0", user_chain=False)
    assert all("MOORING-USER" not in text for text in world.state.lasting.values())


def test_what_iptables_save_shows_of_it() -> None:
    tables, others = parse("""*filter
:FORWARD ACCEPT [0:0]
:MOORING-FORWARD - [0:0]
:MOORING-USER - [0:0]
-A FORWARD -j MOORING-USER
-A MOORING-FORWARD -m comment --comment "mooring:x #1" -j MOORING-USER
-A MOORING-USER -s 192.0.2.0/24 -m comment --comment mooring -j DROP
-A MOORING-USER -g MOORING-USER-2
COMMIT
*nat
:MOORING-USER - [0:0]
COMMIT
""")
    assert set(tables["filter"].chains) == {"MOORING-FORWARD"} and tables["filter"].hooks == ()
    assert tables["filter"].user == ("-A FORWARD -j MOORING-USER",
                                     "-A MOORING-USER -s 192.0.2.0/24 -m comment --comment mooring -j DROP",
                                     "-A MOORING-USER -g MOORING-USER-2")
    assert tables["nat"].user == () and len(others["filter"].lines["MOORING-USER"]) == 2
