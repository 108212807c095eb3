# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read back from iptables-save, of both backends, among rules of others (data/iptables/record.sh)."""
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.saved import parse, target_of
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import (TABLES, ObservedHook,
                                                                                           ObservedTable, TableRules)
from ansible_collections.mooring.net.plugins.module_utils._internal.foreign.model import SavedTable
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.text import restore_text
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.sync import change_table, changes
from ansible_collections.mooring.net.plugins.module_utils._internal.host.model import HostState
from ansible_collections.mooring.net.plugins.module_utils._internal.host.ledger import read_ledger
from rules import Packet, rules_of, walk

FOLDER = Path(__file__).resolve().parents[4] / "data"
FAMILIES = {"v4": ("ipv4", "published_ports"), "v6": ("ipv6", "ipv6")}


def saved(backend: str, suffix: str) -> dict[str, ObservedTable]:
    return parse((FOLDER / f"iptables/{backend}.{suffix}.save").read_text(encoding="utf-8"))[0]


def golden(suffix: str) -> str:
    return (FOLDER / f"rulesets/{FAMILIES[suffix][1]}.{suffix}.rules").read_text(encoding="utf-8")


BACKENDS = pytest.mark.parametrize("backend", ["nft", "legacy"])
SUFFIXES = pytest.mark.parametrize("suffix", ["v4", "v6"])


@BACKENDS
@SUFFIXES
def test_the_chains_and_comments_are_those_that_were_written(backend: str, suffix: str) -> None:
    found = saved(backend, suffix)
    assert set(found) == set(TABLES) - {"mangle"}, "nobody is limited"
    written = rules_of(golden(suffix).splitlines())
    chains = {name: chain for table in found.values() for name, chain in table.chains.items()}
    assert set(written) - {"FORWARD"} <= set(chains)  # the appended hook is a rule of FORWARD in what is written
    for name, rules in written.items():
        if name == "FORWARD":
            continue
        assert list(chains[name].comments) == [words[words.index("--comment") + 1] for words in rules]
        assert len(chains[name].lines) == len(rules)
    assert all(name.startswith("MOORING") for name in chains)


@BACKENDS
@SUFFIXES
def test_hooks_and_their_places(backend: str, suffix: str) -> None:
    hooks = {table: [(hook.chain, hook.position) for hook in found.hooks] for table, found in saved(backend,
                                                                                                     suffix).items()}
    assert hooks == {"raw": [("PREROUTING", 1)], "filter": [("FORWARD", 1), ("FORWARD", 4)],
                     "nat": [("PREROUTING", 1), ("OUTPUT", 1), ("POSTROUTING", 2)]}


@BACKENDS
@SUFFIXES
def test_rules_of_others_are_no_ledger(backend: str, suffix: str) -> None:
    state = HostState(tables={(FAMILIES[suffix][0], table): found for table, found in saved(backend, suffix).items()})
    published = {publication.container for publication in read_ledger(state).publications}
    assert published == ({"web", "dns", "ftp", "db"} if suffix == "v4" else {"web", "db"})


@BACKENDS
def test_saved_rules_lead_packets_to_the_same_places(backend: str) -> None:
    nat = saved(backend, "v4")["nat"]
    chains = rules_of(line for chain in nat.chains.values() for line in chain.lines)
    for packet, place in ((Packet("tcp", "192.0.2.10", 8080), ("192.168.5.2", 80)),
                          (Packet("tcp", "192.0.2.10", 8443), ("192.168.5.2", 443)),
                          (Packet("tcp", "192.0.2.11", 8443), None),
                          (Packet("udp", "192.0.2.10", 53), ("192.168.5.3", 53)),
                          (Packet("tcp", "192.0.2.10", 1500), ("192.168.5.4", 11500)),
                          (Packet("tcp", "192.0.2.10", 7050), ("192.168.5.4", 7050)),
                          (Packet("tcp", "192.0.2.10", 5432), None),
                          (Packet("tcp", "192.0.2.10", 5432, "10.1.2.3"), ("192.168.5.5", 5432)),
                          (Packet("tcp", "192.0.2.10", 49153), None),
                          (Packet("tcp", "127.0.0.1", 49153, "127.0.0.1"), ("192.168.5.2", 443))):
        assert walk(chains, packet)[0] == place, packet


@BACKENDS
@SUFFIXES
def test_taking_everything_away_is_written_with_the_saved_rules(backend: str, suffix: str) -> None:
    found = saved(backend, suffix)
    operations = changes(FAMILIES[suffix][0], {table: TableRules() for table in TABLES}, found)
    assert [operation.table for operation in operations] == ["nat", "filter", "raw"]
    text = restore_text(operations[0])
    assert "-D POSTROUTING -m comment --comment mooring -j MOORING-SNAT\n" in text
    assert text.count("\n-X MOORING") == len(found["nat"].chains) and "not ours" not in text
    undone = restore_text(operations[0].inverse())
    assert all(line in undone for chain in found["nat"].chains.values() for line in chain.lines)


def test_a_host_without_rules() -> None:
    assert parse("") == ({}, {})
    saved_tables, foreign = parse("# Generated by\n*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n")
    assert saved_tables == {"nat": ObservedTable()}
    assert foreign == {"nat": SavedTable({}, {"PREROUTING": "accept"})}


def test_odd_lines() -> None:
    text = "\n".join(["# Table `foo' is incompatible, use 'nft' tool.", "*filter", ":FORWARD ACCEPT [12:34]",
                      ":MOORING-FORWARD - [0:0]", "-A FORWARD", "-A FORWARD -i x",
                      "-A FORWARD -m comment --comment mooring -j MOORING-FORWARD",
                      "-A MOORING-FORWARD", '-A MOORING-FORWARD -m comment --comment plain -j DROP', "COMMIT"])
    table = parse(text)[0]["filter"]
    assert table.hooks == (ObservedHook("FORWARD", "-A FORWARD -m comment --comment mooring -j MOORING-FORWARD", 3),)
    assert table.chains["MOORING-FORWARD"].comments == ("", "plain")
    assert change_table("ipv4", "filter", TableRules(), table).hooks_gone == table.hooks


@pytest.mark.parametrize(("line", "target"), [
    ("-A FORWARD -m comment --comment mooring -j MOORING-FORWARD", "MOORING-FORWARD"),
    ("-A MOORING-X -p tcp -j DNAT --to-destination 10.0.0.2:80", "DNAT"),
    ('-A MOORING-X -s 10.0.0.2/32 -m comment --comment "mooring:a link b:c #123456"', "")])
def test_what_a_line_leads_to(line: str, target: str) -> None:
    assert target_of(line) == target
