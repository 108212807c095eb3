# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is written is read back, and then there is nothing left to do."""
from __future__ import annotations

import ipaddress
import re

from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.saved import parse
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.sync import changes
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.text import restore_text
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.matches import (Behind, InSet, ReplyFrom,
                                                                                             Replying, ThroughPort,
                                                                                             Unicast)
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import (ECHO_REQUEST, ESTABLISHED,
                                                                                           FAMILIES, RELATED, TABLES,
                                                                                           TRANSLATED, Accept, Bridged,
                                                                                           Chain, Destination, Dnat,
                                                                                           Drop, Grouped, Hook, Icmp,
                                                                                           In, Jump, Local, Lookup,
                                                                                           Masquerade, Match,
                                                                                           ObservedTable, Out, Ports,
                                                                                           Proto, Return, Rule, Source,
                                                                                           State, TableRules, Verdict,
                                                                                           note_of)
from hypothesis import given
from hypothesis import strategies as st

INTERFACES = st.from_regex(r"[a-z][a-z0-9_.-]{0,14}", fullmatch=True)
NEGATED = st.booleans()
ADDRESSES = {"ipv4": st.ip_addresses(v=4).map(str), "ipv6": st.ip_addresses(v=6).map(str)}
NETWORKS = {family: st.tuples(ADDRESSES[family], st.integers(0, 32)).map(
    lambda pair: str(ipaddress.ip_network(pair, strict=False))) for family in FAMILIES}
NOTES = st.from_regex(r"[a-z][a-zA-Z0-9 .:>/#\[\]-]{0,60}[a-z0-9/]", fullmatch=True)
CHAINS = st.from_regex(r"MOORING-[A-Za-z0-9.-]{1,20}", fullmatch=True)
PORTS = st.integers(1, 65535).flatmap(lambda first: st.builds(Ports, st.just(first), st.integers(first, 65535)))
POINTS = st.sampled_from(["prerouting", "forward", "output", "postrouting"])


def matches(family: str) -> st.SearchStrategy[tuple[Match, ...]]:
    address = ADDRESSES[family]
    one = st.one_of(st.builds(In, INTERFACES, NEGATED), st.builds(Out, INTERFACES, NEGATED), st.builds(Source, address),
                    st.builds(State, st.sampled_from([(RELATED, ESTABLISHED), (TRANSLATED,)]), NEGATED),
                    st.builds(Local, st.sampled_from(["source", "destination"]), NEGATED),
                    st.sampled_from([Icmp(ECHO_REQUEST), Bridged(), Replying(), Unicast()]),
                    st.builds(ThroughPort, NEGATED), st.builds(ReplyFrom, address),
                    st.builds(InSet, CHAINS, NEGATED), st.builds(Behind, INTERFACES),
                    st.builds(Grouped, st.sampled_from(["in", "out"]), st.integers(1, 2**32 - 1)))
    return st.lists(one, max_size=3).map(tuple)


def verdicts(family: str) -> st.SearchStrategy[Verdict | None]:
    dnat = st.builds(lambda address, ports, base: Dnat(address, ports.first, ports.last, base), ADDRESSES[family],
                     PORTS, st.integers(1, 65535))
    return st.one_of(st.sampled_from([None, Accept(), Drop(), Return(), Masquerade()]), st.builds(Jump, CHAINS), dnat)


def rules(family: str, lookup: Lookup | None) -> st.SearchStrategy[Rule]:
    """Rules with what a chain that is looked up has to ask for."""
    networks = st.one_of(ADDRESSES[family], NETWORKS[family])
    keys: dict[Lookup | None, st.SearchStrategy[tuple[Match, ...]]] = {
        None: st.just(()), Lookup.PORT: st.tuples(st.sampled_from(["tcp", "udp"]).map(Proto), PORTS),
        Lookup.DESTINATION: st.tuples(ADDRESSES[family].map(Destination)),
        Lookup.IN: st.tuples(st.builds(In, INTERFACES)), Lookup.OUT: st.tuples(st.builds(Out, INTERFACES)),
        Lookup.BEHIND: st.tuples(st.builds(Behind, INTERFACES)), Lookup.FROM: st.tuples(st.builds(Source, networks)),
        Lookup.TO: st.tuples(st.builds(Destination, networks))}
    key = keys[lookup]
    return st.builds(lambda asked, more, verdict, note: Rule((*more, *asked), verdict, note), key, matches(family),
                     verdicts(family), NOTES)


@st.composite
def tables(draw: st.DrawFn, family: str) -> TableRules:
    chains = [Chain(name, tuple(draw(st.lists(rules(family, None), max_size=4))))
              for name in sorted(draw(st.sets(CHAINS.map(lambda name: f"{name}-x"), max_size=3)))]
    for lookup in draw(st.sets(st.sampled_from(Lookup))):
        flat = tuple(draw(st.lists(rules(family, lookup), max_size=12)))
        chains.append(Chain(f"MOORING-BY-{lookup.name}", flat, lookup))
    hooks = draw(st.lists(st.builds(Hook, POINTS, CHAINS, matches(family), st.booleans()), max_size=3,
                          unique_by=lambda hook: (hook.point, hook.target)))
    return TableRules(tuple(hooks), tuple(chains))


def saved(text: str) -> ObservedTable:
    """What iptables-restore makes of a transaction on an empty table, as iptables-save would show it."""
    lines = ["-A " + line[3:].replace(" 1 ", " ", 1) if line.startswith("-I ") else line for line in text.splitlines()]
    [table] = parse("\n".join(lines))[0].values()
    return table


@given(st.data(), st.sampled_from(FAMILIES))
def test_what_is_written_is_read_back(data: st.DataObject, family: str) -> None:
    empty = {table: TableRules() for table in TABLES}
    wanted = {**empty, "nat": data.draw(tables(family))}
    for operation in changes(family, wanted, {}):
        found = saved(restore_text(operation))
        assert found.chains == {change.name: change.after for change in operation.chains}
        assert [(hook.chain, hook.line) for hook in found.hooks] == [(hook.chain, hook.line)
                                                                     for hook in operation.hooks_new]
        notes = {note_of(comment) for chain in found.chains.values() for comment in chain.comments}
        rules_wanted = [rule for chain in wanted["nat"].chains for rule in chain.rules]
        assert notes >= {rule.note for rule in rules_wanted if not is_replaced(rule, wanted["nat"])}
        one_each = {hook.point for hook in wanted["nat"].hooks}
        if len(one_each) == len(wanted["nat"].hooks):  # of two hooks that must be first one cannot be
            assert changes(family, wanted, {"nat": found}) == []


def is_replaced(rule: Rule, table: TableRules) -> bool:
    """Whether a rule leads to a chain that is cut into blocks."""
    cut = {chain.name for chain in table.chains if chain.lookup is Lookup.DESTINATION}
    return isinstance(rule.verdict, Jump) and rule.verdict.chain in cut


@given(st.data(), st.sampled_from(FAMILIES))
def test_a_line_has_the_words_of_iptables_only(data: st.DataObject, family: str) -> None:
    wanted = {**{table: TableRules() for table in TABLES}, "nat": data.draw(tables(family))}
    for operation in changes(family, wanted, {}):
        for line in restore_text(operation).splitlines():
            assert re.fullmatch(r"\*nat|COMMIT|:MOORING-\S+ - \[0:0\]|-[AI] [A-Z]+\S*( .*)?", line), line
            assert not re.search(r"None|True|False|<|\(",
                                 line.split("--comment")[0])
