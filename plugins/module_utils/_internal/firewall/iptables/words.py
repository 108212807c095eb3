# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules as the arguments of iptables(8) and ip6tables(8), and the comment that tells one rule from another."""
from __future__ import annotations

import hashlib

from ..model import (
    ECHO_REQUEST,
    ESTABLISHED,
    HOOK_COMMENT,
    LISTENER_REPORT,
    NEIGHBOUR_ADVERTISEMENT,
    NEIGHBOUR_SOLICITATION,
    RELATED,
    TRANSLATED,
    Accept,
    Behind,
    Bridged,
    Destination,
    Dnat,
    Drop,
    Goto,
    Grouped,
    Icmp,
    In,
    InSet,
    Jump,
    Local,
    Masquerade,
    Match,
    Out,
    Ports,
    Proto,
    ReplyFrom,
    Replying,
    Return,
    Rule,
    Source,
    State,
    ThroughPort,
    Unicast,
    Verdict,
)

Words = tuple[str, ...]

_STATES = {ESTABLISHED: "ESTABLISHED", RELATED: "RELATED", TRANSLATED: "DNAT"}
# The numbers of RFC 792 and RFC 4443, 4861. iptables-save shows them as numbers too.
_ICMP = {"ipv4": {ECHO_REQUEST: "8"},
         "ipv6": {ECHO_REQUEST: "128", NEIGHBOUR_SOLICITATION: "135", NEIGHBOUR_ADVERTISEMENT: "136",
                  LISTENER_REPORT: "143"}}
# Of IPv6 the kernel takes an address of its own for unicast, too (addr_type_match6()), and it has no broadcasts.
_UNICAST = {"ipv4": ("--dst-type", "UNICAST"), "ipv6": ("!", "--dst-type", "LOCAL,ANYCAST")}


def rule_words(rule: Rule, family: str) -> Words:
    """The arguments after the chain, without the comment."""
    words: list[str] = []
    protocol = ""
    for match in rule.matches:
        if isinstance(match, Proto):
            protocol = match.protocol
        words += _match_words(match, protocol, family)
    if isinstance(rule.verdict, Goto):
        words += ("-g", rule.verdict.chain)
    elif rule.verdict is not None:
        words += ("-j", *_verdict_words(rule.verdict))
    return tuple(words)


def rule_comment(words: Words, note: str) -> str:
    """The mark, the note, and a hash of the rule as written: one that is written differently has another comment."""
    digest = hashlib.sha256("\0".join(words).encode()).hexdigest()[:6]
    return f"{HOOK_COMMENT}:{note} #{digest}"


def _match_words(match: Match, protocol: str, family: str) -> Words:
    """:param protocol: the one that the rule has asked for before, as which iptables knows ports"""
    if isinstance(match, Proto):
        return "-p", match.protocol
    if isinstance(match, Ports):
        return _port_words(match, protocol)
    if isinstance(match, Source):
        return "-s", match.network
    if isinstance(match, Destination):
        return "-d", match.network
    if isinstance(match, In):
        return _unless(match.negated, "-i", match.interface)
    if isinstance(match, Out):
        return _unless(match.negated, "-o", match.interface)
    if isinstance(match, Grouped):
        return "-m", "devgroup", "--src-group" if match.way == "in" else "--dst-group", f"{match.group:#x}"
    if isinstance(match, State):
        states = ",".join(_STATES[word] for word in match.words)
        return ("-m", "conntrack", *_unless(match.negated, "--ctstate", states))
    if isinstance(match, Local):
        option = "--src-type" if match.end == "source" else "--dst-type"
        return ("-m", "addrtype", *_unless(match.negated, option, "LOCAL"))
    if isinstance(match, Icmp):
        return _icmp_words(match, family)
    return _rare_words(match, family)


def _rare_words(match: Match, family: str) -> Words:
    """The kernel loads br_netfilter for ports, and with that all bridges of the host begin to pass iptables."""
    if isinstance(match, Bridged):
        return "-m", "physdev", "--physdev-is-bridged"
    if isinstance(match, Behind):
        return "-m", "physdev", "--physdev-in", match.port
    if isinstance(match, ThroughPort):
        return "-m", "physdev", *_unless(match.negated, "--physdev-is-in")
    if isinstance(match, Replying):
        return "-m", "conntrack", "--ctdir", "REPLY"
    if isinstance(match, ReplyFrom):
        return "-m", "conntrack", "--ctreplsrc", match.address
    if isinstance(match, Unicast):
        return "-m", "addrtype", *_UNICAST[family]
    if isinstance(match, InSet):
        return "-m", "set", "--match-set", match.name, "dst,dst" if match.with_ports else "dst"
    raise TypeError(f"{match} is no match that iptables knows")


def _unless(negated: bool, *words: str) -> Words:
    return ("!", *words) if negated else words


def _port_words(match: Ports, protocol: str) -> Words:
    """:raises ValueError: when it is not said of what protocol the ports are"""
    if not protocol:
        raise ValueError(f"a rule asks for ports {match.first} to {match.last} of no protocol")
    ports = str(match.first) if match.first == match.last else f"{match.first}:{match.last}"
    return "-m", protocol, "--dport", ports


def _icmp_words(match: Icmp, family: str) -> Words:
    number = _ICMP[family][match.type]
    if family == "ipv4":
        return "-p", "icmp", "-m", "icmp", "--icmp-type", number
    return "-p", "ipv6-icmp", "-m", "icmp6", "--icmpv6-type", number


def _verdict_words(verdict: Verdict) -> Words:
    if isinstance(verdict, Dnat):
        return "DNAT", "--to-destination", _target(verdict)
    if isinstance(verdict, Jump):
        return (verdict.chain,)
    if isinstance(verdict, Accept):
        return ("ACCEPT",)
    if isinstance(verdict, Drop):
        return ("DROP",)
    if isinstance(verdict, Return):
        return ("RETURN",)
    if isinstance(verdict, Masquerade) and verdict.address:
        return "SNAT", "--to-source", verdict.address
    return ("MASQUERADE",)


def _target(verdict: Dnat) -> str:
    """A range that is shifted needs its base port, else the kernel sends every port of it to the first one."""
    address = f"[{verdict.address}]" if ":" in verdict.address else verdict.address
    if verdict.first == verdict.last:
        return f"{address}:{verdict.first}"
    if verdict.first == verdict.base:
        return address
    return f"{address}:{verdict.first}-{verdict.last}/{verdict.base}"
