# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of others, out of lines of iptables-save and out of the kernel's messages."""
from __future__ import annotations

import ipaddress
import shlex

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.foreign import nft
from ansible_collections.mooring.net.plugins.module_utils._internal.foreign import saved as saved_rules
from ansible_collections.mooring.net.plugins.module_utils._internal.foreign.model import (UNKNOWN, BaseChain, Condition,
                                                                                          ForeignRule)
from ansible_collections.mooring.net.plugins.module_utils._internal.foreign.saved import chains, rule, rulesets
from neighbours import RECORDED, admin, answers, recorded, saved


def network(text: str) -> tuple[int, int]:
    found = ipaddress.ip_network(text)
    return int(found.network_address), int(found.broadcast_address)


@pytest.mark.parametrize(("line", "conditions", "verdict", "target"), [
    ("-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80",
     [Condition("iif", ("docker0",), True), Condition("protocol", ("tcp",)), Condition("dport", ((8080, 8080),))],
     "dnat", "172.17.0.2:80"),
    ("-A X -s 10.0.0.0/8 -d 2001:db8::/64 -o br+ -j ACCEPT",
     [Condition("source", (network("10.0.0.0/8"),)), Condition("destination", (network("2001:db8::/64"),)),
      Condition("oif", ("br+",))], "accept", ""),
    ("-A X -p udp -m multiport ! --dports 53,7000:7010,60000: -m comment --comment \"not \\\"-j DROP\\\"\" -j REJECT "
     "--reject-with icmp-port-unreachable",
     [Condition("protocol", ("udp",)), Condition("dport", ((53, 53), (7000, 7010), (60000, 65535)), True)], "drop", ""),
    ("-A X -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN", [Condition("state", ("RELATED", "ESTABLISHED"))],
     "return", ""),
    ("-A X -m addrtype ! --dst-type LOCAL -g Y", [Condition("dsttype", ("LOCAL",), True)], "goto", "Y"),
    ("-A X -m iprange --dst-range 192.0.2.1-192.0.2.9 -j Y",
     [Condition("destination", ((3221225985, 3221225993),))], "jump", "Y"),
    ("-A X -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m limit --limit 3/min -j DROP",
     [Condition("protocol", ("tcp",)), UNKNOWN, UNKNOWN], "drop", ""),
    ("-A X -d 192.0.2.1/255.255.0.255 -m set --match-set bad src -m mark --mark 0x1/0x1 -j DROP",
     [UNKNOWN, UNKNOWN, UNKNOWN], "drop", ""),
    ("-A X -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 3128",
     [Condition("protocol", ("tcp",)), Condition("dport", ((80, 80),))], "dnat", "port 3128"),
    ("-A X -j LOG --log-prefix \"-j DROP \"", [], "continue", ""),
    ("-A X -j NFQUEUE --queue-num 3", [], "elsewhere", ""),
    ("-A X -i eth0 -j CT --notrack", [Condition("iif", ("eth0",))], "drop", "left untracked, hence untranslated,"),
    ("-A X -j CT --helper ftp", [], "continue", ""),
    ("-A X -j TPROXY --on-port 3129 --on-ip 0.0.0.0 --tproxy-mark 0x1/0x1", [], "drop", "taken by a proxy of the host"),
    ("-A X -i eth0", [Condition("iif", ("eth0",))], "continue", ""),
    ("-A X", [], "continue", ""),
    # A quotation mark in a name that iptables-save does not quote; and a line that it never writes.
    ("-A X -m set --match-set it's src -j LOG --log-prefix \"a b\"", [UNKNOWN], "elsewhere", ""),
    ("-A X -p tcp -j", [UNKNOWN], "elsewhere", ""),
])
def test_a_line(line: str, conditions: list[Condition], verdict: str, target: str) -> None:
    found = rule(line)
    assert (list(found.conditions), found.verdict, found.target) == (conditions, verdict, target)
    assert line.endswith(found.text)


@pytest.mark.parametrize("name", RECORDED)
def test_every_recorded_rule_is_read_and_has_its_verdict(name: str) -> None:
    tables = recorded(name)
    assert tables
    for table in tables.values():
        for chain, lines in table.lines.items():
            for line in lines:
                found, words = rule(line), shlex.split(line)
                target = words[words.index("-j") + 1] if "-j" in words else words[words.index("-g") + 1]
                expected = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "drop", "RETURN": "return", "DNAT": "dnat",
                            "LOG": "continue", "MARK": "continue",
                            "CT": "continue"}.get(target)
                assert found.verdict == expected or expected is None and found.target == target, line
                assert ("! " in line.replace('"!', "")) == any(each.negated for each in found.conditions) or \
                    UNKNOWN in found.conditions, line
            assert chains(table, [chain])[chain] == tuple(map(rule, lines))


def test_what_is_read_of_ten_thousand_rules_is_what_leads_somewhere() -> None:
    """Those of FORWARD are behind ours, and those of INPUT are not on the way of any packet for a container."""
    lines = [f"INPUT -s 10.0.{number >> 8}.{number & 255}/32 -j DROP" for number in range(5000)]
    lines += [f"FORWARD -s 10.1.{number >> 8}.{number & 255}/32 -j DROP" for number in range(5000)]
    saved_rules.rule.cache_clear()
    tables = saved("filter", *lines, "OUTPUT -j SENT", "SENT -p tcp -j DROP", INPUT="DROP", FORWARD="DROP", SENT="-")
    assert [base.name for ruleset in rulesets(tables) for base in ruleset.bases] == ["OUTPUT"]
    assert saved_rules.rule.cache_info().misses == 2


def test_the_chains_of_iptables_that_can_stop_a_packet() -> None:
    tables = {**saved("mangle", "FORWARD -j DROP", FORWARD="ACCEPT", POSTROUTING="DROP"),
              **saved("filter", "FORWARD -j DROP", FORWARD="DROP", OUTPUT="ACCEPT")}
    found = rulesets(tables)
    assert [(ruleset.name, ruleset.families, ruleset.bases) for ruleset in found] == [
        ("mangle", ("ipv4",), (BaseChain("FORWARD", "forward", -150), BaseChain("POSTROUTING", "postrouting", -150,
                                                                               "drop")))]


def test_a_table_of_nftables() -> None:
    found = admin()
    assert (found.name, found.families) == ("inet admin", ("ipv4", "ipv6"))
    assert found.bases == (BaseChain("forward", "forward", 0, "drop"),
                           BaseChain("pre", "prerouting", -110, "accept", True))
    assert [(each.conditions, each.verdict, each.target) for each in found.chains["forward"]] == [
        ((Condition("state", ("INVALID",)),), "drop", ""),
        ((Condition("state", ("ESTABLISHED",)),), "accept", ""),
        ((Condition("state", ("RELATED",)),), "accept", ""),
        ((Condition("state", ("SNAT", "DNAT")),), "accept", ""),
        ((Condition("family", ("ipv4",)), UNKNOWN), "drop", ""),
        ((Condition("family", ("ipv4",)), Condition("source", (network("192.0.2.0/25"),)),
          Condition("destination", (network("10.0.0.0/8"),), True)), "accept", ""),
        ((Condition("family", ("ipv6",)), Condition("destination", (network("2001:db8::/33"),))), "drop", ""),
        ((Condition("protocol", ("tcp", "udp")), Condition("dport", ((22, 22), (8000, 8080)))), "jump", "ports"),
        ((Condition("protocol", ("tcp",)), Condition("dport", ((7000, 7010),)), UNKNOWN), "accept", ""),
        ((Condition("protocol", ("tcp",)), Condition("dport", ((60000, 65535),))), "goto", "ports"),
        ((Condition("iif", ("veth+",)), Condition("oif", ("eth0", "eth1")), Condition("iif", ("#1",))), "drop", ""),
        ((Condition("family", ("ipv6",)), Condition("protocol", ("udp",)), Condition("sport", ((53, 53),))), "return",
         "")]
    assert [(each.verdict, each.target) for each in found.chains["pre"]] == [
        ("dnat", "10.1.1.1:80"), ("dnat", "10.1.1.2"), ("dnat", "a port of the host itself")]
    assert found.chains["ports"] == (ForeignRule((UNKNOWN,), "accept", "", found.chains["ports"][0].text),)
    assert all(each.text.startswith("rule with handle ") for rules in found.chains.values() for each in rules)


READERS = {nft.GETCHAIN: nft.base_chain, nft.GETSET: nft.set_name,
           nft.GETSETELEM: lambda message: nft.set_of([message]),
           nft.GETRULE: lambda message: nft.rules(message, {"__set0": nft.SetOf(((b"\x00\x16", b"\x00\x16", None),))})}


@pytest.mark.parametrize("spoiled", [0x00, 0x02, 0x7F, 0xFF])
def test_messages_of_a_later_kernel_may_hold_anything(spoiled: int) -> None:
    """Each byte behind the header of a message, one at a time, is another one than the kernels of today write."""
    for question, messages in answers().items():
        for message in map(bytes.fromhex, messages):
            for at in range(4, len(message)):
                READERS[int(question.partition(" ")[0])](message[:at] + bytes([spoiled]) + message[at + 1:])


def test_of_a_table_of_nftables_only_what_is_reached_is_read() -> None:
    sent = answers()
    of_chain: dict[str, list[bytes]] = {}
    for message in (bytes.fromhex(each) for key, messages in sent.items()
                    if key.startswith(f"{nft.GETRULE} ") for each in messages):
        of_chain.setdefault(nft.chain_name(message), []).append(message)
    assert set(nft.chains(of_chain, ["pre"], {})) == {"pre"}
    assert set(nft.chains(of_chain, ["forward", "none"], {})) == {"forward", "ports"}
