# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains that are looked up by interface or network: a tree means what the flat chain means, in few steps."""
from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Optional

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.search import LEAF, search_tree
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import (Accept, Chain, Destination,
                                                                                           Drop, Goto, In, Jump, Lookup,
                                                                                           Match, Out, Return, Rule,
                                                                                           Source)
from hypothesis import given
from hypothesis import strategies as st

MATCHES = {Lookup.IN: In, Lookup.OUT: Out, Lookup.FROM: Source, Lookup.TO: Destination}
BY_NAME, BY_NETWORK = (Lookup.IN, Lookup.OUT), (Lookup.FROM, Lookup.TO)


class Packet(NamedTuple):
    """``key`` is the interface or the address that is asked for, ``proto`` stands for all else."""

    key: str
    other: str = "eth0"


def fits(match: Match, packet: Packet, lookup: Lookup) -> bool:
    if isinstance(match, (In, Out)):
        name = packet.key if lookup in BY_NAME and isinstance(match, MATCHES[lookup]) else packet.other
        found = name.startswith(match.interface[:-1]) if match.interface.endswith("+") else name == match.interface
        return found is not match.negated
    assert isinstance(match, (Source, Destination))
    return ipaddress.ip_address(packet.key) in ipaddress.ip_network(match.network)


def walk(chains: Mapping[str, Chain], name: str, packet: Packet, lookup: Lookup) -> tuple[Optional[str], int]:
    """The note of the rule that decides, None where others are to, and how many rules were looked at."""
    looked = 0
    for rule in chains[name].rules:
        looked += 1
        if not all(fits(match, packet, lookup) for match in rule.matches):
            continue
        if isinstance(rule.verdict, Goto):
            found, more = walk(chains, rule.verdict.chain, packet, lookup)
            return found, looked + more
        if rule.verdict is not None:
            return rule.note, looked
    return None, looked


class Grown:
    """A chain, flat and as a tree."""

    def __init__(self, chain: Chain) -> None:
        assert chain.lookup is not None
        grown = search_tree(chain)
        assert grown[0].name == chain.name and all(len(each.name) <= 28 for each in grown)
        assert len({each.name for each in grown}) == len(grown)
        self.chain, self.lookup, self.chains = chain, chain.lookup, {each.name: each for each in grown}

    def flat(self, packet: Packet) -> Optional[str]:
        return walk({self.chain.name: self.chain}, self.chain.name, packet, self.lookup)[0]

    def walk(self, packet: Packet) -> tuple[Optional[str], int]:
        """What decides in the tree, and the steps up to there."""
        return walk(self.chains, self.chain.name, packet, self.lookup)


def looked_up(lookup: Lookup, keys: Iterable[str], name: str = "MOORING-X") -> Chain:
    """A chain in which each key has two rules, the first for one other interface only."""
    other = Out if lookup is not Lookup.OUT else In
    rules = [rule for key in keys for rule in (
        Rule((MATCHES[lookup](key), other("wg0")), Return(), f"{key} by wg0"),
        Rule((MATCHES[lookup](key),), Accept(), key))]
    return Chain(name, (Rule((other("first"),), Drop(), "first"), *rules, Rule((other("last"),), Accept(), "last"),
                        Rule((), Drop(), "rest")), lookup)


NAMES = st.from_regex(r"[a-c_][a-c0-1_.-]{0,6}|br-[0-9a-f]{4,12}|br[0-9]{1,2}", fullmatch=True)
FOUR = st.builds(lambda number, length: str(ipaddress.ip_network((number, length), strict=False)),
                 st.integers(0, 2**32 - 1), st.integers(8, 32))
SIX = st.builds(lambda number, length: str(ipaddress.ip_network((number, length), strict=False)),
                st.integers(0x20010db8 << 96, (0x20010db9 << 96) - 1), st.integers(34, 128))


def smaller_first(networks: Sequence[str]) -> list[str]:
    return sorted(networks, key=lambda text: -ipaddress.ip_network(text).prefixlen)


@given(st.sampled_from(BY_NAME), st.lists(NAMES, max_size=60, unique=True), st.lists(NAMES, max_size=5),
       st.sampled_from(["eth0", "wg0", "first", "last"]))
def test_a_tree_of_names_means_what_the_flat_chain_means(lookup: Lookup, names: list[str], more: list[str],
                                                         other: str) -> None:
    grown = Grown(looked_up(lookup, names))
    for name in (*names, *more, *(name[:-1] for name in names if name[1:]), *(f"{name}x" for name in names)):
        assert grown.walk(Packet(name, other))[0] == grown.flat(Packet(name, other)), name


@given(st.sampled_from(BY_NETWORK), st.one_of(st.lists(FOUR, max_size=60, unique=True),
                                              st.lists(SIX, max_size=60, unique=True)),
       st.sampled_from(["eth0", "wg0", "first", "last"]), st.integers(0, 2**32 - 1))
def test_a_tree_of_networks_means_what_the_flat_chain_means(lookup: Lookup, networks: list[str], other: str,
                                                            number: int) -> None:
    grown = Grown(looked_up(lookup, smaller_first(networks)))
    version = ipaddress.ip_network(networks[0]).version if networks else 4
    strange = ipaddress.IPv4Address(number) if version == 4 else ipaddress.IPv6Address((0x20010db8 << 96) + number)
    ends = [address for text in networks for network in [ipaddress.ip_network(text)]
            for address in (network[0], network[-1])]
    for address in (strange, *ends):
        assert grown.walk(Packet(str(address), other))[0] == grown.flat(Packet(str(address), other)), address


def test_one_around_many_is_found_from_each_part() -> None:
    """A network that others lie in stands in every chain that its own addresses come to, behind the smaller ones."""
    inner = [f"10.0.{number}.0/24" for number in range(0, 100, 2)]
    grown = Grown(looked_up(Lookup.TO, [*inner, "10.0.0.0/16"]))
    for number in range(100):
        packet = Packet(f"10.0.{number}.9")
        assert grown.walk(packet)[0] == grown.flat(packet) == (
            f"10.0.{number}.0/24" if number % 2 == 0 else "10.0.0.0/16")


def steps(lookup: Lookup, keys: Sequence[str], packets: Iterable[str]) -> int:
    rules = tuple(Rule((MATCHES[lookup](key),), Accept(), key) for key in keys)
    grown = Grown(Chain("MOORING-X", rules, lookup))
    return max(grown.walk(Packet(packet))[1] for packet in packets)


@pytest.mark.parametrize(("count", "most"), [(10, 9), (100, 14), (1000, 18)])
def test_networks_take_few_steps_however_many_there_are(count: int, most: int) -> None:
    alike = [f"10.{number // 250}.{number % 250}.0/24" for number in range(count)]
    docker = [str(network) for network in itertools.islice(itertools.chain(
        ipaddress.ip_network("172.16.0.0/12").subnets(new_prefix=16),
        ipaddress.ip_network("192.168.0.0/16").subnets(new_prefix=20),
        ipaddress.ip_network("10.0.0.0/8").subnets(new_prefix=20)), count)]
    six = [f"2001:db8:{number:x}::/64" for number in range(count)]
    for networks in (alike, docker, six):
        assert steps(Lookup.TO, networks, [str(ipaddress.ip_network(text)[9]) for text in networks]) <= most
    assert steps(Lookup.FROM, alike, ["198.51.100.2"]) <= 2, "who has nothing to do with them sees that at once"


@pytest.mark.parametrize(("name", "count", "most"), [
    ("br{}", 100, 22), ("br{}", 1000, 32), ("br-{:012x}", 1000, 44), ("{}-net", 100, 22)])
def test_names_take_as_many_steps_as_their_beginnings_allow(name: str, count: int, most: int) -> None:
    names = [name.format(number * 2654435761 % 2**48 if "x" in name else number) for number in range(count)]
    assert steps(Lookup.IN, names, names) <= most
    if name.startswith("br"):
        assert steps(Lookup.OUT, names, ["eth0"]) <= 2


def test_no_more_rules_than_fit_a_leaf_stay_flat() -> None:
    chain = Chain("MOORING-X", tuple(Rule((In(f"br{number}"),), Accept(), f"{number}") for number in range(LEAF)),
                  Lookup.IN)
    assert search_tree(chain) == [Chain("MOORING-X", chain.rules)]


def test_chains_of_a_tree_say_what_they_are_for() -> None:
    [top, below, *_more] = search_tree(Chain("MOORING-AWAY", tuple(
        Rule((In(f"br{number}"),), Accept(), f"{number}") for number in range(20)), Lookup.IN))
    assert top.rules == (Rule((In("br+"),), Goto("MOORING-AWAY-br+"), "br+"),)
    assert below.name == "MOORING-AWAY-br+" and below.rules[0].verdict == Goto("MOORING-AWAY-br1+")
    [top, below, *_more] = search_tree(Chain("MOORING-ONWARD", tuple(
        Rule((Source(f"10.0.{number}.0/24"),), Accept(), f"{number}") for number in range(20)), Lookup.FROM))
    assert top.rules == (Rule((Source("10.0.0.0/19"),), Goto("MOORING-ONWARD-10.0.0.0/19"), "10.0.0.0/19"),)
    [top, below, *_more] = search_tree(Chain("MOORING-ONWARD", tuple(
        Rule((Source(f"2001:db8:1:{number}::/64"),), Accept(), f"{number}") for number in range(20)), Lookup.FROM))
    assert top.rules[0].note == "2001:db8:1::/59" and below.name.startswith("MOORING-") and below.name.endswith("+")


def test_a_chain_without_such_a_lookup_stays_as_it_is() -> None:
    for lookup in (None, Lookup.PORT, Lookup.DESTINATION):
        chain = Chain("MOORING-X", (Rule((), Jump("MOORING-Y"), "y"),), lookup)
        assert search_tree(chain) == [chain]


def test_a_rule_that_does_not_ask_stands_before_or_behind_those_that_do() -> None:
    rules = (Rule((In("br0"),), Accept(), "0"), Rule((In("br1", negated=True),), Drop(), "not 1"),
             Rule((In("br2"),), Accept(), "2"))
    with pytest.raises(ValueError, match="a rule of MOORING-X asks for no interface that it comes in by"):
        search_tree(Chain("MOORING-X", rules, Lookup.IN))
    assert search_tree(Chain("MOORING-X", rules[:2], Lookup.IN)) == [Chain("MOORING-X", rules[:2])]
