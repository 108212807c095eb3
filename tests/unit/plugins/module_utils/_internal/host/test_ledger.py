# SPDX-License-Identifier: GPL-3.0-or-later
"""The comments of the rules are the ledger of published ports and links: written, read back, followed."""
from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.bridge.model import Bridge
from ansible_collections.mooring.net.plugins.module_utils._internal.host.endpoints import Endpoint
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import (FAMILIES, ObservedChain,
                                                                                           ObservedTable, TableRules)
from ansible_collections.mooring.net.plugins.module_utils._internal.host.model import HostState
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.policy.rules import table_rules
from ansible_collections.mooring.net.plugins.module_utils._internal.host.ledger import read_ledger
from ansible_collections.mooring.net.plugins.module_utils._internal.host.addresses import (Addresses, follow_links,
                                                                                           follow_publications)
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.ledger import Ledger
from ansible_collections.mooring.net.plugins.module_utils._internal.policy.model import Policy
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.linkage import Linkage
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.model import Publication
from hypothesis import given
from hypothesis import strategies as st
from rules import written

ROUTED = {"br0": ("ipv4", "ipv6"), "a-b": (), "x" * 15: ("ipv6",)}
BRIDGES = {name: Bridge(Link(name, "bridge", number, addresses=(f"10.{number}.0.1/16", f"2001:db8:{number}::1/64")),
                        routed=ROUTED[name])
           for number, name in enumerate(ROUTED, 1)}
LABELS = st.from_regex(r"[A-Za-z0-9_/][A-Za-z0-9_.@+/-]{0,30}", fullmatch=True)
ALIASES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,20}[A-Za-z0-9])?", fullmatch=True)
PROTOCOLS = st.sampled_from(["tcp", "udp", "sctp"])
V4, V6 = st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str)
SOURCES = {4: ("10.0.0.0/8", "192.0.2.7/32"), 6: ("2001:db8:9::/48", "::1/128")}


@st.composite
def publications(draw: st.DrawFn) -> Publication:
    version, count = draw(st.sampled_from([4, 6])), draw(st.sampled_from([1, 1, 2, 64, 100, 3000]))
    any_ip, addresses = ("0.0.0.0", V4) if version == 4 else ("::", V6)
    port = st.integers(1, 65536 - count)
    sources = draw(st.sets(st.sampled_from(SOURCES[version])))
    if draw(st.booleans()):
        ip = draw(st.sampled_from(["10.1.0.2", "10.1.255.20"] if version == 4 else ["2001:db8:1::2", "2001:db8:3::f0"]))
        inside = draw(port)
        return Publication(draw(LABELS), ip, inside, ip, inside, draw(PROTOCOLS), count, tuple(sorted(sources)))
    host_ip = draw(st.just(any_ip) | addresses)
    address = draw(addresses.filter(lambda address: address != host_ip))
    return Publication(draw(LABELS), host_ip, draw(port), address, draw(port), draw(PROTOCOLS), count,
                       tuple(sorted(sources)))


@st.composite
def links(draw: st.DrawFn) -> Linkage:
    addresses = draw(st.sampled_from([V4, V6]))
    first = draw(st.integers(1, 65000))
    ports = draw(st.sampled_from([str(first), f"{first}-{first + 9}"]))
    return Linkage(draw(LABELS), draw(LABELS), draw(ALIASES), draw(addresses), draw(addresses), ports, draw(PROTOCOLS),
                   draw(st.sampled_from(sorted(BRIDGES))))


def observed(rules: dict[str, dict[str, TableRules]]) -> HostState:
    """A host that shows these rules."""
    return HostState(tables={(family, table): written(*wanted.chains, family=family)
                             for family, tables in rules.items() for table, wanted in tables.items()})


@given(st.sets(publications(), max_size=6), st.sets(links(), max_size=6))
def test_what_was_written_is_read_back(published: set[Publication], linked: set[Linkage]) -> None:
    policy = Policy(BRIDGES, tuple(published), tuple(linked))
    state = observed({family: table_rules(policy, family) for family in FAMILIES})
    merged: dict[Publication, set[str]] = {}
    for publication in published:  # the same port given twice with other sources is one with both
        merged.setdefault(dataclasses.replace(publication, allow_from=()), set()).update(publication.allow_from)
    assert read_ledger(state).publications == tuple(sorted(dataclasses.replace(p, allow_from=tuple(sorted(sources)))
                                                      for p, sources in merged.items()))
    assert read_ledger(state).links == tuple(sorted(linked))


@given(st.sets(publications(), max_size=4), st.sets(links(), max_size=4))
def test_no_comment_and_no_chain_name_is_too_long(published: set[Publication], linked: set[Linkage]) -> None:
    policy = Policy(BRIDGES, tuple(published), tuple(linked))
    for family in FAMILIES:
        for wanted in table_rules(policy, family).values():
            chains = written(*wanted.chains, family=family).chains
            assert all(len(name) <= 28 and name.startswith("MOORING") for name in chains)
            assert len({chain.name for chain in wanted.chains}) == len(wanted.chains)
            assert all(len(comment) <= 255 for chain in chains.values() for comment in chain.comments)


@pytest.mark.parametrize("comment", [
    "", "mooring", "x->y", "mooring:->", "mooring:web 0.0.0.0:99999->10.0.0.1:1/tcp #0",
    "mooring:web 0.0.0.0:1->10.0.0.1:1/xxx #0", "mooring:web  0.0.0.0:1->1:1/tcp #0",
    "mooring:a link b:c 10.0.0.1->10.0.0.2:1/tcp #0"])
def test_a_comment_that_says_nothing_is_passed_over(comment: str) -> None:
    chain = ObservedChain((comment,), ("-A X",))
    state = HostState(tables={("ipv4", "nat"): ObservedTable({"MOORING-TCP-0-63": chain, "OTHER": chain})})
    assert read_ledger(state).publications == () and read_ledger(state).links == ()


@pytest.mark.parametrize("opens", ["--/tcp", "1-2-3/tcp", "123456/tcp", "none/tcp", "5432/any"])
def test_a_link_to_no_ports_at_all_is_passed_over(opens: str) -> None:
    assert Linkage.parse(f"a link b:c 10.0.0.1->10.0.0.2:{opens}", "br0") is None


def test_without_a_bridge_there_are_no_rules() -> None:
    for family in FAMILIES:
        assert all(wanted == TableRules() for wanted in table_rules(Policy(), family).values())


# -- following --------------------------------------------------------------------------------------------------------

WEB = Publication("web", "0.0.0.0", 8080, "10.0.0.2", 80, "tcp")
LINK = Linkage("web", "db", "db", "10.0.0.2", "10.0.0.3", "5432", "tcp", "br0")


def endpoint(container: str, address: str, bridge: str = "br0", interface: str = "eth0") -> Endpoint:
    return Endpoint(container, interface, Link("veth", controller=bridge), f"{address}/24")


def test_open_ports_follow_their_container_as_a_whole() -> None:
    opened = Publication("web", "10.0.0.2", 80, "10.0.0.2", 80, "tcp")
    assert follow_publications([opened], Addresses([endpoint("web", "10.0.0.9")])) == [
        Publication("web", "10.0.0.9", 80, "10.0.0.9", 80, "tcp")]
    assert follow_publications([opened], Addresses([endpoint("db", "10.0.0.2")])) == []


def follow(*found: Endpoint) -> list[str]:
    return [p.container_ip for p in follow_publications([WEB], Addresses(found))]


def test_ports_follow_their_container() -> None:
    assert follow(endpoint("web", "10.0.0.2")) == ["10.0.0.2"]
    assert follow(endpoint("web", "10.0.0.9")) == ["10.0.0.9"]


def test_ports_stay_at_an_address_that_the_container_still_has() -> None:
    assert follow(endpoint("web", "10.0.9.9"), endpoint("web", "10.0.0.2", interface="eth1")) == ["10.0.0.2"]


def test_ports_of_a_container_that_is_away_wait_until_its_address_is_given_away() -> None:
    assert follow() == ["10.0.0.2"]
    assert follow(endpoint("db", "10.0.0.2")) == []
    assert follow(endpoint("db", "10.0.0.2"), endpoint("web", "10.0.0.3")) == ["10.0.0.3"]


@pytest.mark.parametrize(("removed", "ports", "links"), [("web", (), ()), ("db", (WEB,), ()), ("x", (WEB,), (LINK,))])
def test_what_is_forgotten_of_a_container_that_was_removed(removed: str, ports: tuple, links: tuple) -> None:
    ledger = Ledger.of([WEB], [LINK])
    ledger.forget(removed)
    assert (ledger.publications, ledger.links) == (ports, links)


def linked(*found: Endpoint) -> list[tuple[str, str, str]]:
    return [(link.source_ip, link.target_ip, link.bridge) for link in follow_links([LINK], Addresses(found))]


def test_links_follow_both_of_their_ends() -> None:
    assert linked(endpoint("web", "10.0.0.7"), endpoint("db", "10.0.0.8")) == [("10.0.0.7", "10.0.0.8", "br0")]
    assert linked(endpoint("web", "10.1.0.7", "br1"), endpoint("db", "10.1.0.8", "br1")) == [
        ("10.1.0.7", "10.1.0.8", "br1")]


def test_links_end_with_either_end_or_when_they_part() -> None:
    assert linked() == [("10.0.0.2", "10.0.0.3", "br0")]
    assert linked(endpoint("web", "10.0.0.2"), endpoint("db", "10.1.0.3", "br1")) == []
    assert linked(endpoint("new", "10.0.0.2")) == linked(endpoint("new", "10.0.0.3")) == []
