# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule means against the arguments of iptables, and its comment."""
from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.text import (
    missing_extension, refused_lines)
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.words import (
    rule_comment, rule_words)
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.matches import (Behind, InSet, ReplyFrom,
                                                                                             Replying, ThroughPort,
                                                                                             Unicast)
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import (ECHO_REQUEST, ESTABLISHED,
                                                                                           FAMILIES, LISTENER_REPORT,
                                                                                           NEIGHBOUR_ADVERTISEMENT,
                                                                                           NEIGHBOUR_SOLICITATION,
                                                                                           RELATED, TRANSLATED, Accept,
                                                                                           Bridged, Destination, Dnat,
                                                                                           Drop, Goto, Grouped, Icmp,
                                                                                           In, Jump, Local, Masquerade,
                                                                                           Match, Out, Ports, Proto,
                                                                                           Return, Rule, Source, State,
                                                                                           Verdict, note_of)
from hypothesis import given
from hypothesis import strategies as st

MATCHES = [
    (In("br0"), "-i br0"),
    (In("lo", negated=True), "! -i lo"),
    (Out("br0"), "-o br0"),
    (Out("br0", negated=True), "! -o br0"),
    (Grouped("in", 0x6D6F), "-m devgroup --src-group 0x6d6f"),
    (Grouped("out", 1), "-m devgroup --dst-group 0x1"),
    (Source("10.0.0.0/8"), "-s 10.0.0.0/8"),
    (Source("2001:db8::/64"), "-s 2001:db8::/64"),
    (Destination("192.0.2.10"), "-d 192.0.2.10"),
    (Destination("::1"), "-d ::1"),
    (Proto("sctp"), "-p sctp"),
    (State((RELATED, ESTABLISHED)), "-m conntrack --ctstate RELATED,ESTABLISHED"),
    (State((TRANSLATED,)), "-m conntrack --ctstate DNAT"),
    (State((TRANSLATED,), negated=True), "-m conntrack ! --ctstate DNAT"),
    (Local("source"), "-m addrtype --src-type LOCAL"),
    (Local("source", negated=True), "-m addrtype ! --src-type LOCAL"),
    (Local("destination"), "-m addrtype --dst-type LOCAL"),
    (Local("destination", negated=True), "-m addrtype ! --dst-type LOCAL"),
    (Bridged(), "-m physdev --physdev-is-bridged"),
    (Behind("veth0"), "-m physdev --physdev-in veth0"),
    (ThroughPort(), "-m physdev --physdev-is-in"),
    (ThroughPort(negated=True), "-m physdev ! --physdev-is-in"),
    (Replying(), "-m conntrack --ctdir REPLY"),
    (ReplyFrom("192.0.2.1"), "-m conntrack --ctreplsrc 192.0.2.1"),
    (InSet("MOORING-LIST-x-4"), "-m set --match-set MOORING-LIST-x-4 dst"),
    (InSet("MOORING-LIST-x-4p", with_ports=True), "-m set --match-set MOORING-LIST-x-4p dst,dst"),
]
VERDICTS = [
    (Accept(), "-j ACCEPT"),
    (Drop(), "-j DROP"),
    (Return(), "-j RETURN"),
    (Jump("MOORING-IN-br0"), "-j MOORING-IN-br0"),
    (Goto("MOORING-TO-br1+"), "-g MOORING-TO-br1+"),
    (Masquerade(), "-j MASQUERADE"),
    (Dnat("10.0.0.2", 80, 80, 8080), "-j DNAT --to-destination 10.0.0.2:80"),
    (Dnat("10.0.0.2", 80, 80, 80), "-j DNAT --to-destination 10.0.0.2:80"),
    (Dnat("10.0.0.2", 7000, 7100, 7000), "-j DNAT --to-destination 10.0.0.2"),
    (Dnat("10.0.0.2", 11000, 12100, 1000), "-j DNAT --to-destination 10.0.0.2:11000-12100/1000"),
    (Dnat("2001:db8::2", 80, 80, 8080), "-j DNAT --to-destination [2001:db8::2]:80"),
    (Dnat("2001:db8::2", 7000, 7100, 7000), "-j DNAT --to-destination [2001:db8::2]"),
    (Dnat("2001:db8::2", 8000, 8010, 7000), "-j DNAT --to-destination [2001:db8::2]:8000-8010/7000"),
    (None, ""),
]
OF_A_FAMILY = [
    ("ipv4", Icmp(ECHO_REQUEST), "-p icmp -m icmp --icmp-type 8"),
    ("ipv6", Icmp(ECHO_REQUEST), "-p ipv6-icmp -m icmp6 --icmpv6-type 128"),
    ("ipv6", Icmp(NEIGHBOUR_SOLICITATION), "-p ipv6-icmp -m icmp6 --icmpv6-type 135"),
    ("ipv6", Icmp(NEIGHBOUR_ADVERTISEMENT), "-p ipv6-icmp -m icmp6 --icmpv6-type 136"),
    ("ipv6", Icmp(LISTENER_REPORT), "-p ipv6-icmp -m icmp6 --icmpv6-type 143"),
    ("ipv4", Unicast(), "-m addrtype --dst-type UNICAST"),
    ("ipv6", Unicast(), "-m addrtype ! --dst-type LOCAL,ANYCAST"),
]


def words(*matches: Match, verdict: Verdict | None = None, family: str = "ipv4") -> str:
    return " ".join(rule_words(Rule(matches, verdict, "x"), family))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("match", "expected"), MATCHES)
def test_a_match(match: Match, expected: str, family: str) -> None:
    assert words(match, family=family) == expected


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("verdict", "expected"), VERDICTS)
def test_a_verdict(verdict: Verdict | None, expected: str, family: str) -> None:
    assert words(verdict=verdict, family=family) == expected


@pytest.mark.parametrize(("family", "match", "expected"), OF_A_FAMILY)
def test_a_match_of_one_family(family: str, match: Match, expected: str) -> None:
    assert words(match, family=family) == expected


@pytest.mark.parametrize(("ports", "expected"), [(Ports(80, 80), "80"), (Ports(8000, 8010), "8000:8010"),
                                                 (Ports(0, 63), "0:63")])
@pytest.mark.parametrize("protocol", ["tcp", "udp", "sctp"])
def test_ports_are_those_of_their_protocol(protocol: str, ports: Ports, expected: str) -> None:
    assert words(Proto(protocol), ports) == f"-p {protocol} -m {protocol} --dport {expected}"


def test_ports_of_no_protocol_are_refused() -> None:
    with pytest.raises(ValueError, match="ports 80 to 81 of no protocol"):
        words(Ports(80, 81))
    with pytest.raises(ValueError, match="of no protocol"):
        words(Ports(80, 80), Proto("tcp"))


def test_every_match_and_every_verdict_is_tried() -> None:
    assert {type(match) for match, _expected in MATCHES} | {Icmp, Ports, Unicast} == set(get_args(Match))
    assert {type(verdict) for verdict, _expected in VERDICTS} - {type(None)} == set(get_args(Verdict))


def test_matches_stand_in_the_order_in_which_they_were_given() -> None:
    assert words(Destination("10.0.0.2"), Source("10.0.0.0/8"), verdict=Drop()) == "-d 10.0.0.2 -s 10.0.0.0/8 -j DROP"
    assert words(Source("10.0.0.0/8"), Destination("10.0.0.2"), verdict=Drop()) == "-s 10.0.0.0/8 -d 10.0.0.2 -j DROP"


def test_a_comment_ends_with_a_hash_of_the_words() -> None:
    # printf -- '-s\0%s\0-j\0DROP' 10.0.0.1 | sha256sum | cut -c1-6
    assert rule_comment(("-s", "10.0.0.1", "-j", "DROP"), "one two") == "mooring:one two #55ce0a"


@given(st.text("abc ->:0123./#", min_size=1, max_size=40), st.lists(st.text("abc-", min_size=1), min_size=1))
def test_the_note_of_a_comment_is_what_was_noted(note: str, args: list[str]) -> None:
    assert note_of(rule_comment(tuple(args), note)) == note


def test_a_rule_that_is_written_differently_has_another_comment() -> None:
    assert rule_comment(("-j", "DROP"), "x") != rule_comment(("-j", "ACCEPT"), "x")
    assert note_of("somebody else's") == note_of("mooring") == ""


@pytest.mark.parametrize(("said", "numbers"), [
    ("Error occurred at line: 50", [48, 49, 50, 51, 52]), ("line 1: RULE_APPEND failed", [1, 2, 3, 4, 5]),
    ("iptables-restore: line 100 failed", [96, 97, 98, 99, 100]), ("line 9999", [96, 97, 98, 99, 100]),
    ("nothing about it", [1, 2, 3, 4, 5])])
def test_of_a_refused_transaction_five_lines_are_shown(said: str, numbers: list[int]) -> None:
    text = "".join(f"rule {number}\n" for number in range(1, 101))
    assert refused_lines(text, said) == "\n".join(f"{number:4} rule {number}" for number in numbers)
    assert refused_lines("*filter\nCOMMIT\n", said) == "   1 *filter\n   2 COMMIT"


def test_an_extension_that_the_kernel_lacks_has_a_package() -> None:
    """What Enterprise Linux 10 says without kernel-modules-extra, and how the role finds out that it is missing."""
    said = missing_extension("Warning: Extension addrtype revision 0 not supported, missing kernel module?\n"
                             "iptables-restore v1.8.11 (nf_tables): line 5: RULE_APPEND failed")
    assert "lacks the extension addrtype" in said
    variables = Path(__file__).resolve().parents[6] / "roles/host_network/vars/main.yml"
    lacks = yaml.safe_load(variables.read_text(encoding="utf-8"))["host_network_lacks"]
    assert re.search(lacks, said) and missing_extension("iptables-restore: line 5 failed") == ""
