# SPDX-License-Identifier: GPL-3.0-or-later
"""From any condition of the tables to the wanted one, in one transaction a table, in a safe order."""
from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import (TABLES, Chain, Drop,
                                                                                           ObservedChain, ObservedHook,
                                                                                           ObservedTable, Rule, Source)
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.text import (restore_text,
                                                                                                   rule_line)
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.sync import change_table, changes
from ansible_collections.mooring.net.plugins.module_utils._internal.host.fake import FakeHost
from ansible_collections.mooring.net.plugins.module_utils._internal.host.model import HostState
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.operations import RestoreTable
from ansible_collections.mooring.net.plugins.module_utils._internal.policy.rules import table_rules
from ansible_collections.mooring.net.plugins.module_utils._internal.host.ledger import read_ledger
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.rules import policy_of
from hypothesis import given
from hypothesis import strategies as st
from world import World


def example() -> World:
    world = World()
    world.bridge()
    world.attach("web", "db", exposed_ports=["5432"])
    world.publish("web", "8080:80", "7000-7100:7000-7100", "53/udp")
    world.link("web", "db")
    world.run("netns_attach", netns="db", allow_to=[])
    return world


WORLD = example()
POLICY = policy_of(WORLD.state, read_ledger(WORLD.state))
WANTED = table_rules(POLICY, "ipv4")
RIGHT = {table: WORLD.state.tables["ipv4", table] for table in TABLES}


def applied(operation: RestoreTable, observed: ObservedTable) -> ObservedTable:
    host = FakeHost(HostState(tables={(operation.family, operation.table): observed}))
    host.execute([operation])
    return host.state.tables[operation.family, operation.table]


def chains_with(table: ObservedTable, name: str, chain: ObservedChain) -> ObservedTable:
    return dataclasses.replace(table, chains={**table.chains, name: chain})


def lost_hook(table: ObservedTable) -> ObservedTable:
    return dataclasses.replace(table, hooks=table.hooks[1:])


def doubled_hook(table: ObservedTable) -> ObservedTable:
    again = dataclasses.replace(table.hooks[0], position=table.hooks[0].position + 3)
    return dataclasses.replace(table, hooks=(*table.hooks, again))


def foreign_rule(table: ObservedTable) -> ObservedTable:
    name, chain = next((name, chain) for name, chain in table.chains.items() if chain.lines)
    return chains_with(table, name, ObservedChain((chain.comments[0], "", *chain.comments[1:]), (
        chain.lines[0], f"-A {name} -s 10.0.0.0/8 -j ACCEPT", *chain.lines[1:])))


def missing_rule(table: ObservedTable) -> ObservedTable:
    name, chain = next((name, chain) for name, chain in table.chains.items() if chain.lines)
    return chains_with(table, name, ObservedChain(chain.comments[1:], chain.lines[1:]))


def edited_comment(table: ObservedTable) -> ObservedTable:
    name, chain = next((name, chain) for name, chain in table.chains.items() if chain.lines)
    comments = (chain.comments[0].replace("#", "#0"), *chain.comments[1:])
    return chains_with(table, name, ObservedChain(comments, chain.lines))


def turned_rules(table: ObservedTable) -> ObservedTable:
    name, chain = max(table.chains.items(), key=lambda item: len(set(item[1].comments)))
    return chains_with(table, name, ObservedChain(chain.comments[::-1], chain.lines[::-1]))


def missing_chain(table: ObservedTable) -> ObservedTable:
    return ObservedTable()


def obsolete_chain(table: ObservedTable) -> ObservedTable:
    return chains_with(table, "MOORING-OLD", ObservedChain(("mooring:old #1",), ("-A MOORING-OLD -j DROP",)))


def obsolete_hook(table: ObservedTable) -> ObservedTable:
    old = ObservedHook("INPUT", "-A INPUT -m comment --comment mooring -j MOORING-OLD", 1)
    return dataclasses.replace(obsolete_chain(table), hooks=(*table.hooks, old))


DAMAGES = [lost_hook, doubled_hook, foreign_rule, missing_rule, edited_comment, missing_chain, obsolete_chain,
           obsolete_hook]


@pytest.mark.parametrize("table", TABLES)
def test_what_is_right_is_left_alone(table: str) -> None:
    assert change_table("ipv4", table, WANTED[table], RIGHT[table]) is None


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_one_transaction_repairs(damage: Callable[[ObservedTable], ObservedTable], table: str) -> None:
    damaged = damage(RIGHT[table])
    operation = change_table("ipv4", table, WANTED[table], damaged)
    repaired = applied(operation, damaged)
    assert change_table("ipv4", table, WANTED[table], repaired) is None
    assert {name: chain.comments for name, chain in repaired.chains.items()} == {
        name: chain.comments for name, chain in RIGHT[table].chains.items()}
    assert sorted((hook.chain, hook.line) for hook in repaired.hooks) == sorted(
        (hook.chain, hook.line) for hook in RIGHT[table].hooks)


@given(st.sampled_from(TABLES), st.lists(st.sampled_from([*DAMAGES, turned_rules]), max_size=4))
def test_any_damage_is_repaired_and_can_be_undone(table: str, damages: list[Callable]) -> None:
    damaged = RIGHT[table]
    for damage in damages:
        try:
            damaged = damage(damaged)
        except (StopIteration, IndexError, ValueError):
            continue
    operation = change_table("ipv4", table, WANTED[table], damaged)
    if operation is None:
        return
    state = HostState(tables={("ipv4", table): damaged})
    operation.apply(state)
    assert change_table("ipv4", table, WANTED[table], state.tables["ipv4", table]) is None
    operation.inverse().apply(state)
    back = state.tables["ipv4", table]
    assert dict(back.chains) == dict(damaged.chains)
    assert {(hook.chain, hook.line) for hook in back.hooks} == {(hook.chain, hook.line) for hook in damaged.hooks}


def test_only_what_differs_is_written() -> None:
    operation = change_table("ipv4", "nat", WANTED["nat"], missing_rule(RIGHT["nat"]))
    assert len(operation.chains) == 1 and not operation.hooks_gone and not operation.hooks_new


def test_a_hook_has_to_be_first_only_where_that_matters() -> None:
    def behind(table: str) -> ObservedTable:
        hooks = tuple(dataclasses.replace(hook, position=4) for hook in RIGHT[table].hooks)
        return dataclasses.replace(RIGHT[table], hooks=hooks)

    operation = change_table("ipv4", "filter", WANTED["filter"], behind("filter"))
    assert [hook.chain for hook in operation.hooks_gone] == [hook.chain for hook in operation.hooks_new] == ["FORWARD"]
    text = restore_text(operation)
    assert text.index("-D FORWARD") < text.index("-I FORWARD 1")
    assert change_table("ipv4", "nat", WANTED["nat"], behind("nat")) is None


def test_every_copy_of_a_doubled_hook_goes() -> None:
    text = restore_text(change_table("ipv4", "raw", WANTED["raw"], doubled_hook(RIGHT["raw"])))
    assert text.count("-D PREROUTING") == 2 and text.count("-I PREROUTING 1") == 1


def test_obsolete_chains_are_emptied_before_any_is_deleted() -> None:
    text = restore_text(change_table("ipv4", "filter", WANTED["filter"], obsolete_chain(RIGHT["filter"])))
    assert text.splitlines() == ["*filter", ":MOORING-OLD - [0:0]", "-X MOORING-OLD", "COMMIT"]


def test_protection_comes_before_the_doors_and_goes_after_them() -> None:
    empty = {table: ObservedTable() for table in TABLES}
    nothing = {table: dataclasses.replace(WANTED[table], hooks=(), chains=()) for table in TABLES}
    assert [operation.table for operation in changes("ipv4", WANTED, empty)] == ["raw", "mangle", "filter", "nat"]
    assert [operation.table for operation in changes("ipv4", nothing, RIGHT)] == ["nat", "filter", "mangle", "raw"]
    assert changes("ipv4", WANTED, RIGHT) == []


def test_a_transaction_as_text() -> None:
    chain = Chain("MOORING-X", (Rule((Source("10.0.0.1"),), Drop(), "one two"),))
    wanted = dataclasses.replace(WANTED["filter"], hooks=(), chains=(chain,))
    assert restore_text(change_table("ipv4", "filter", wanted, ObservedTable())) == (
        '*filter\n:MOORING-X - [0:0]\n-A MOORING-X -s 10.0.0.1 -m comment --comment "mooring:one two #55ce0a" -j DROP\n'
        'COMMIT\n')


def test_a_comment_that_the_kernel_would_cut() -> None:
    assert rule_line("X", ("-j", "DROP"), "x" * 255)
    with pytest.raises(MooringError, match="the comment of a rule in X has 256 characters and the kernel keeps 255"):
        rule_line("X", ("-j", "DROP"), "x" * 256)
