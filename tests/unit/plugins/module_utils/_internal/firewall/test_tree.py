# SPDX-License-Identifier: GPL-3.0-or-later
"""Every published port leads where it should, no other leads anywhere, and a change touches little."""
from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.tree import grow_trees, port_tree
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import (Accept, Chain, Destination,
                                                                                           Drop, In, Jump, Lookup,
                                                                                           Ports, Proto, Return, Rule,
                                                                                           Source)
from ansible_collections.mooring.net.plugins.module_utils._internal.policy.publish import chain
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.allocate import conflicts
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.model import Publication
from hypothesis import given
from hypothesis import strategies as st
from rules import Packet, rules_of, walk, written

HOST, OTHER_HOST = "192.0.2.10", "192.0.2.11"
EDGES = [1, 2, 63, 64, 65, 1023, 1024, 1025, 2047, 2048, 8080, 64511, 64512, 65534, 65535]


@st.composite
def publication(draw: st.DrawFn) -> Publication:
    first = draw(st.sampled_from(EDGES) | st.integers(1, 65535))
    count = min(draw(st.sampled_from([1, 1, 1, 2, 64, 65, 1024, 2500, 65535])), 65536 - first)
    shifted = draw(st.sampled_from([first, 1, 65536 - count]))
    container, address = draw(st.sampled_from([("web", "10.0.0.2"), ("db", "10.0.0.3"), ("web", "10.0.0.4")]))
    host_ip, protocol = draw(st.sampled_from(["0.0.0.0", HOST, "127.0.0.1"])), draw(st.sampled_from(["tcp", "udp"]))
    sources = draw(st.sampled_from([(), (), ("10.0.0.0/8",), ("10.0.0.0/8", "198.51.100.0/24")]))
    return Publication(container, host_ip, first, address, shifted, protocol, count, sources)


@st.composite
def without_conflicts(draw: st.DrawFn) -> list[Publication]:
    found: list[Publication] = []
    for candidate in draw(st.lists(publication(), max_size=12)):
        if not any(conflicts(candidate, other) for other in found):
            found.append(candidate)
    return found


def tree(published: list[Publication]) -> dict[str, list[list[str]]]:
    return rules_of(line for found in written(chain(published, "ipv4")).chains.values() for line in found.lines)


def expected(published: list[Publication], packet: Packet) -> tuple[str, int] | None:
    for found in published:
        inside = found.host_port <= packet.port < found.host_port + found.count
        address = found.host_ip in ("0.0.0.0", packet.destination)
        allowed = not found.allow_from or packet.source.startswith("10.") and "10.0.0.0/8" in found.allow_from
        if found.protocol == packet.protocol and inside and address and allowed:
            return found.container_ip, found.container_port + packet.port - found.host_port
    return None


def probes(published: list[Publication]) -> list[Packet]:
    ports = {port for found in published for edge in (found.host_port, found.host_port + found.count)
             for port in (edge - 1, edge, edge - edge % 64, edge - edge % 1024, found.host_port + found.count // 2)}
    return [Packet(protocol, address, port, source) for port in sorted({*ports, 1, 65535}) if 1 <= port <= 65535
            for protocol in ("tcp", "udp") for address in (HOST, OTHER_HOST, "127.0.0.1")
            for source in ("203.0.113.9", "10.1.2.3")]


@given(without_conflicts())
def test_every_port_reaches_exactly_its_container_port(published: list[Publication]) -> None:
    rules = tree(published)
    for packet in probes(published):
        assert walk(rules, packet)[0] == expected(published, packet), packet


def comments(published: Iterable[Publication]) -> dict[str, tuple[str, ...]]:
    return {name: found.comments for name, found in written(chain(published, "ipv4")).chains.items()}


def single(port: int, protocol: str = "tcp") -> Publication:
    return Publication("web", "0.0.0.0", port, "10.0.0.2", 80, protocol)


@given(st.sets(st.integers(1, 65535), min_size=1, max_size=60), st.data())
def test_the_end_of_one_port_changes_one_leaf(ports: set[int], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(sorted(ports)))
    before, after = comments(map(single, ports)), comments(map(single, ports - {gone}))
    changed = {name for name in before if before[name] != after.get(name)} | (after.keys() - before.keys())
    leaf = f"MOORING-TCP-{gone - gone % 64}-{gone - gone % 64 + 63}"
    outer = f"MOORING-TCP-{gone - gone % 1024}-{gone - gone % 1024 + 1023}"
    if leaf in after:
        assert changed == {leaf}
    elif outer in after:
        assert changed == {leaf, outer}
    else:
        assert changed == {leaf, outer, "MOORING-DNAT"}


@given(st.lists(st.integers(1, 65535), unique=True, max_size=30), st.randoms())
def test_the_order_of_publications_does_not_matter(ports: list[int], random: object) -> None:
    shuffled = list(map(single, ports))
    random.shuffle(shuffled)
    assert chain(shuffled, "ipv4") == chain(map(single, ports), "ipv4")


def test_the_cost_of_a_connection_does_not_grow_with_the_number_of_ports() -> None:
    ports = sorted({*range(64, 65536, 64), *range(65472, 65536)})  # every block, and the last one full
    rules = tree([single(port) for port in ports])
    assert max(walk(rules, Packet("tcp", HOST, port))[1] for port in ports[::8] + ports[-64:]) == 64 + 16 + 64
    assert walk(rules, Packet("udp", HOST, 65535)) == (None, 64)


def test_a_range_is_one_rule_for_each_block() -> None:
    wide = Publication("web", "0.0.0.0", 1, "10.0.0.2", 1, "tcp", 65535)
    leaves = [words for rules in tree([wide]).values() for words in rules if "DNAT" in words]
    assert len(leaves) == 16 + 63  # the first block of 1024 lacks port 0, so that it is cut into blocks of 64


def test_the_top_chain_is_there_without_any_port() -> None:
    assert port_tree(chain([], "ipv4")) == [Chain("MOORING-DNAT")]


# -- from a flat chain, of whatever it is -----------------------------------------------------------------------------

def lines(*chains: Chain, family: str = "ipv4") -> list[str]:
    return [line for chain in written(*chains, family=family).chains.values() for line in chain.lines]


def test_a_flat_chain_of_ports_becomes_a_tree() -> None:
    flat = Chain("MOORING-X", (
        Rule((Destination("::1"),), Return(), "before all"),
        Rule((Source("10.0.0.0/8"), Proto("udp"), Ports(1000, 2100)), Accept(), "wide"),
        Rule((Proto("udp"), Ports(1023, 1023)), Drop(), "other")), Lookup.PORT)
    assert [re.sub(r' -m comment --comment "mooring:(.*) #\w{6}"', r" (\1)", line) for line in lines(flat)] == [
        "-A MOORING-X -d ::1 (before all) -j RETURN",
        "-A MOORING-X -p udp -m udp --dport 0:1023 (udp 0-1023) -j MOORING-UDP-0-1023",
        "-A MOORING-X -p udp -m udp --dport 1024:2047 (udp 1024-2047) -j MOORING-UDP-1024-2047",
        "-A MOORING-X -p udp -m udp --dport 2048:3071 (udp 2048-3071) -j MOORING-UDP-2048-3071",
        "-A MOORING-UDP-0-1023 -p udp -m udp --dport 960:1023 (udp 960-1023) -j MOORING-UDP-960-1023",
        "-A MOORING-UDP-1024-2047 -s 10.0.0.0/8 -p udp -m udp --dport 1024:2047 (wide) -j ACCEPT",
        "-A MOORING-UDP-2048-3071 -p udp -m udp --dport 2048:2111 (udp 2048-2111) -j MOORING-UDP-2048-2111",
        "-A MOORING-UDP-960-1023 -s 10.0.0.0/8 -p udp -m udp --dport 1000:1023 (wide) -j ACCEPT",
        "-A MOORING-UDP-960-1023 -p udp -m udp --dport 1023 (other) -j DROP",
        "-A MOORING-UDP-2048-2111 -s 10.0.0.0/8 -p udp -m udp --dport 2048:2100 (wide) -j ACCEPT"]


@given(st.lists(st.tuples(st.sampled_from(["tcp", "udp"]), st.integers(1, 65535)), unique=True, max_size=40))
def test_every_rule_of_a_flat_chain_is_in_one_leaf(keys: list[tuple[str, int]]) -> None:
    flat = [Rule((Proto(protocol), Ports(port, port)), Accept(), f"{protocol} {port}") for protocol, port in keys]
    top, *below = port_tree(Chain("MOORING-X", tuple(flat), Lookup.PORT))
    leaves = [rule for chain in below for rule in chain.rules if rule.verdict == Accept()]
    assert sorted(leaves, key=flat.index) == flat
    assert all(isinstance(rule.verdict, Jump) for rule in top.rules)
    jumps = [rule.verdict.chain for chain in (top, *below) for rule in chain.rules if isinstance(rule.verdict, Jump)]
    assert sorted(jumps) == sorted(chain.name for chain in below)


def flat_by_address(name: str, *addresses: str) -> Chain:
    return Chain(name, tuple(Rule((Destination(address),), Accept(), f"at {address}") for address in addresses),
                 Lookup.DESTINATION)


def chains_leading_to(*targets: str) -> list[Chain]:
    return [Chain(f"MOORING-IN-{number}", (Rule((In("x"),), Accept(), "before"), Rule((), Jump(target), "opened"),
                                           Rule((), Drop(), "behind"))) for number, target in enumerate(targets)]


def test_a_flat_chain_of_addresses_becomes_blocks_in_its_place() -> None:
    grown = grow_trees([*chains_leading_to("MOORING-AT-a"),
                        flat_by_address("MOORING-AT-a", "10.0.1.0", "10.0.0.5", "10.0.0.15", "10.0.0.16"),
                        Chain("MOORING-LAST")])
    assert [chain.name for chain in grown] == ["MOORING-IN-0", "MOORING-AT-10.0.0.0", "MOORING-AT-10.0.0.16",
                                               "MOORING-AT-10.0.1.0", "MOORING-LAST"]
    assert [rule.note for rule in grown[0].rules] == [
        "before", "opened at 10.0.0.0/28", "opened at 10.0.0.16/28", "opened at 10.0.1.0/28", "behind"]
    assert grown[0].rules[1].matches == (Destination("10.0.0.0/28"),)
    assert grown[0].rules[1].verdict == Jump("MOORING-AT-10.0.0.0")
    assert [rule.note for rule in grown[1].rules] == ["at 10.0.0.5", "at 10.0.0.15"]


def test_two_bridges_with_addresses_in_one_block_share_its_chain() -> None:
    grown = grow_trees([*chains_leading_to("MOORING-AT-a", "MOORING-AT-b"),
                        flat_by_address("MOORING-AT-a", "10.0.0.2"), flat_by_address("MOORING-AT-b", "10.0.0.9")])
    assert [chain.name for chain in grown] == ["MOORING-IN-0", "MOORING-IN-1", "MOORING-AT-10.0.0.0"]
    assert [rule.note for rule in grown[2].rules] == ["at 10.0.0.2", "at 10.0.0.9"]
    assert grown[0].rules == grown[1].rules


def test_a_block_of_ipv6_addresses_is_named_by_a_hash() -> None:
    [first, second] = grow_trees([flat_by_address("MOORING-AT-a", "2001:db8::1:1", "2001:db8::1", "2001:db8::f")])
    assert len(first.rules) == 2 and first.name == f"MOORING-AT-{hashlib.sha256(b'2001:db8::/124').hexdigest()[:16]}"
    assert second.name == f"MOORING-AT-{hashlib.sha256(b'2001:db8::1:0/124').hexdigest()[:16]}"


def test_chains_without_a_lookup_stay_as_they_are() -> None:
    chains = chains_leading_to("MOORING-IN-1", "MOORING-IN-0")
    assert grow_trees(chains) == chains
