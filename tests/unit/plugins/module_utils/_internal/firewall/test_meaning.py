# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules are read back: however a host shows one, it is known again, and whatever somebody makes of it is not."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.meaning import is_shown, means
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.saved import parse
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.text import write_chain
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.words import rule_words
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.matches import (Behind, InSet, ReplyFrom,
                                                                                             Replying, ThroughPort,
                                                                                             Unicast)
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import (ECHO_REQUEST, ESTABLISHED,
                                                                                           RELATED, TRANSLATED, Accept,
                                                                                           Bridged, Chain, Destination,
                                                                                           Dnat, Drop, Goto, Grouped,
                                                                                           Icmp, In, Jump, Local,
                                                                                           Masquerade, Match, Out,
                                                                                           Ports, Proto, Return, Rule,
                                                                                           Source, State, Verdict)

Matches = tuple[Match, ...]
HERE: Matches = (Source("10.9.0.2"), Destination("10.9.0.3"))
PORT: Matches = (Proto("tcp"), Ports(80, 80))

# What is meant, and how versions show it behind "-A CHAIN". A comment stands where it was written, or anywhere.
SHOWN: list[tuple[str, Matches, Verdict | None, list[str]]] = [
    ("ipv4", (*HERE, *PORT), Accept(), ["-s 10.9.0.2/32 -d 10.9.0.3/32 -p tcp -m tcp --dport 80 -j ACCEPT",
                                        "-s 10.9.0.2/255.255.255.255 -d 10.9.0.3 -p 6 -m tcp --dport 80:80 -j ACCEPT",
                                        "-d 10.9.0.3/32 -s 10.9.0.2/32 -p tcp --dport 80 -j ACCEPT"]),
    ("ipv4", (Proto("udp"), Ports(0, 1023)), Drop(), ["-p udp -m udp --dport 0:1023 -j DROP",
                                                      "-p udp -m udp --dport :1023 -j DROP"]),
    ("ipv4", (Proto("udp"), Ports(64512, 65535)), Drop(), ["-p udp -m udp --dport 64512:65535 -j DROP",
                                                           "-p udp -m udp --dport 64512: -j DROP"]),
    ("ipv4", (Source("0.0.0.0/0"), In("eth0")), Accept(), ["-i eth0 -j ACCEPT", "-s 0.0.0.0/0 -i eth0 -j ACCEPT"]),
    ("ipv6", (Destination("::/0"),), Drop(), ["-j DROP", "-d ::/0 -j DROP"]),
    ("ipv4", (In("br0", negated=True), Local("destination", negated=True)), Return(), [
        "! -i br0 -m addrtype ! --dst-type LOCAL -j RETURN", "-m addrtype ! --dst-type LOCAL ! -i br0 -j RETURN"]),
    ("ipv4", (Out("br0"), State((RELATED, ESTABLISHED))), Accept(), [
        "-o br0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-o br0 -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"]),
    ("ipv4", (State((TRANSLATED,), negated=True),), Goto("MOORING-X"), [
        "-m conntrack ! --ctstate DNAT -g MOORING-X"]),
    ("ipv4", (Icmp(ECHO_REQUEST),), Accept(), ["-p icmp -m icmp --icmp-type 8 -j ACCEPT",
                                               "-p icmp -m icmp --icmp-type 8/any -j ACCEPT"]),
    ("ipv6", (Icmp(ECHO_REQUEST),), Accept(), ["-p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT",
                                               "-p icmpv6 -m icmp6 --icmpv6-type 128 -j ACCEPT"]),
    ("ipv4", (Grouped("in", 0x6d6f6f72),), Return(), ["-m devgroup --src-group 0x6d6f6f72 -j RETURN",
                                                     "-m devgroup --src-group 1836019570 -j RETURN"]),
    ("ipv4", (Bridged(),), Return(), ["-m physdev --physdev-is-bridged -j RETURN",
                                      "-m physdev  --physdev-is-bridged -j RETURN"]),
    ("ipv4", PORT, Dnat("10.9.0.2", 8000, 8100, 18000), [
        "-p tcp -m tcp --dport 80 -j DNAT --to-destination 10.9.0.2:8000-8100/18000"]),
    ("ipv6", PORT, Dnat("2001:db8::2", 80, 80, 80), [
        "-p tcp -m tcp --dport 80 -j DNAT --to-destination [2001:db8::2]:80",
        "-p tcp -m tcp --dport 80 -j DNAT --to-destination [2001:db8:0:0::2]:80"]),
    ("ipv6", (Source("2001:db8::/64"),), Masquerade(), ["-s 2001:db8::/64 -j MASQUERADE",
                                                        "-s 2001:db8:0::/64 -j MASQUERADE"]),
    ("ipv4", (), Jump("MOORING-X"), ["-j MOORING-X"]),
    ("ipv4", HERE, None, ["-s 10.9.0.2/32 -d 10.9.0.3/32"]),
]
EVERY = [(family, matches, verdict, text) for family, matches, verdict, texts in SHOWN for text in texts]


def shown(text: str) -> str:
    """A rule of ours with its comment before the jump, as both backends show it."""
    before, sign, after = text.partition(" -j ") if " -j " in f" {text}" else text.partition(" -g ")
    if text.startswith("-j "):
        before, sign, after = "", text[:3], text[3:]
    return " ".join(f'-A MOORING-X {before} -m comment --comment "mooring:x #123456"{sign}{after}'.split())


@pytest.mark.parametrize(("family", "matches", "verdict", "text"), EVERY)
def test_a_rule_is_known_again(family: str, matches: Matches, verdict: Verdict | None, text: str) -> None:
    assert means(shown(text), rule_words(Rule(matches, verdict, "x"), family))


OTHERS = ["-j ACCEPT", "-s 10.9.0.2/31 -j ACCEPT", "-s 10.9.0.2/32 -j DROP", "! -s 10.9.0.2/32 -j ACCEPT",
          "-s 10.9.0.2/32 -i br0 -j ACCEPT", "-s 10.9.0.2/32 -m mark --mark 0x1 -j ACCEPT",
          "-s 10.9.0.2/32 -m devgroup --src-group 0x1 -j ACCEPT", "-s 10.9.0.2/32 -m limit --limit 1/hour -j ACCEPT",
          "-s 10.9.0.2/32", "-d 10.9.0.2/32 -j ACCEPT", "-s 10.9.0.2/32 -f -j ACCEPT", "-s 10.9.0.2/32 -g ACCEPT",
          "-s 10.9.0.2/32 -p tcp -j ACCEPT", "-s 10.9.0.2/32 -m statistic --mode random --probability 0.5 -j ACCEPT",
          "-s 10.9.0.2/32 -j LOG --log-prefix ACCEPT", "-s 10.9.0.2/32 -j ACCEPT --more"]


@pytest.mark.parametrize("text", OTHERS)
def test_another_one_under_its_comment_is_not(text: str) -> None:
    assert not means(shown(text), rule_words(Rule((Source("10.9.0.2"),), Accept(), "x"), "ipv4"))


@pytest.mark.parametrize(("family", "matches", "verdict", "text"), EVERY)
def test_no_two_of_them_are_the_same(family: str, matches: Matches, verdict: Verdict | None, text: str) -> None:
    known = [(each, other, family) for _family, each, other, _texts in SHOWN if _family == family
             and means(shown(text), rule_words(Rule(each, other, "x"), family))]
    assert known == [(matches, verdict, family)]


def test_a_note_that_somebody_has_made_a_rule_of_is_seen() -> None:
    """What asks for nothing and does nothing is a note: packets pass it by."""
    assert means('-A MOORING-X -m comment --comment "mooring:entries 10.0.0.1 #e3b0c4"', ())
    assert not means('-A MOORING-X -i lo -m comment --comment "mooring:entries 10.0.0.1 #e3b0c4"', ())
    assert not means('-A MOORING-X -m comment --comment "mooring:entries 10.0.0.1 #e3b0c4" -j ACCEPT', ())


@pytest.mark.parametrize(("match", "line", "others"), [
    (InSet("S"), "-m set --match-set S dst", ["-m set --match-set S src", "-m set --match-set S dst,dst",
                                              "-m set ! --match-set S dst", "-m set --match-set T dst"]),
    (Behind("veth0"), "-m physdev --physdev-in veth0", [
        "-m physdev --physdev-in veth1", "-m physdev --physdev-out veth0", "-m physdev ! --physdev-in veth0"]),
    (ThroughPort(negated=True), "-m physdev ! --physdev-is-in", ["-m physdev --physdev-is-in"]),
    (ReplyFrom("192.0.2.1"), "-m conntrack --ctreplsrc 192.0.2.1/32", [
        "-m conntrack --ctreplsrc 192.0.2.2", "-m conntrack ! --ctreplsrc 192.0.2.1",
        "-m conntrack --ctorigsrc 192.0.2.1", "-m conntrack --ctreplsrc 192.0.2.0/24"]),
    (Replying(), "-m conntrack --ctdir REPLY", ["-m conntrack --ctdir ORIGINAL", "-m conntrack ! --ctdir REPLY"]),
    (Unicast(), "-m addrtype --dst-type UNICAST", ["-m addrtype --dst-type LOCAL"]),
])
def test_what_limits_a_container_is_read_back(match: Match, line: str, others: list[str]) -> None:
    words = rule_words(Rule((match,), Return(), "x"), "ipv4")
    assert means(f"-A X {line} -j RETURN", words)
    assert not any(means(f"-A X {other} -j RETURN", words) for other in others)


def test_chains_are_compared_rule_by_rule() -> None:
    one, other = (Rule((In(name),), Accept(), name) for name in ("a", "b"))
    written = write_chain(Chain("MOORING-X", (one, other)), "ipv4")
    lines = [f'-A MOORING-X -i {name} -m comment --comment "{comment}" -j ACCEPT'
             for name, comment in zip("ab", written.comments)]
    assert is_shown(lines, written)
    assert not is_shown(lines[:1], written) and not is_shown(lines[::-1], written)


@pytest.mark.parametrize(("line", "ours"), [
    ("-A FORWARD -m comment --comment mooring -j MOORING-FORWARD", True),
    ('-A FORWARD -m comment --comment "mooring" -j MOORING-FORWARD', True),
    ("-A FORWARD -m comment --comment mooring -j ACCEPT", True),
    ("-A FORWARD -m comment --comment mooring", True),
    ("-A FORWARD -m comment --comment mooring -m mark --mark 0x9 -g MOORING-FORWARD", True),
    ("-A FORWARD -m comment --comment mooring -j OTHERS", False),
    ('-A FORWARD -m comment --comment "mooring is not ours" -j ACCEPT', False),
    ("-A OTHERS -m comment --comment mooring -j RETURN", False),
    ("-A OTHERS -m comment --comment mooring -j MOORING-FORWARD", True),
    ("-A FORWARD -m comment --comment mooringX -j ACCEPT", False)])
def test_what_has_the_comment_of_a_hook_is_one(line: str, ours: bool) -> None:
    """But for what leads to a chain of others, or stands in one: they may call their rules what they like."""
    tables, _foreign = parse(f"*filter\n:FORWARD ACCEPT [0:0]\n:OTHERS - [0:0]\n{line}\nCOMMIT\n")
    assert bool(tables["filter"].hooks) is ours


def test_an_ipv6_address_without_ports_is_shown_without_brackets() -> None:
    """As for a range of ports that stay the same."""
    words = ("-p", "tcp", "-m", "tcp", "--dport", "7000:7010", "-j", "DNAT", "--to-destination", "[2001:db8:5::2]")
    assert means("-A MOORING-X -p tcp -m tcp --dport 7000:7010 -j DNAT --to-destination 2001:db8:5::2", words)
    assert not means("-A MOORING-X -p tcp -m tcp --dport 7000:7010 -j DNAT --to-destination 2001:db8:5::3", words)
