# SPDX-License-Identifier: GPL-3.0-or-later
"""What containers of one bridge may say to each other."""
from __future__ import annotations

from collections.abc import Iterable

from ..bridge.model import Bridge
from ..firewall.model import Chain, Rule
from ..ports.linkage import Linkage
from .bridge import icc_chain


def chain(bridge: Bridge, links: Iterable[Linkage], family: str) -> Chain:
    """Links first, then the bridge's policy. Replies need no rule here: they are accepted by their state.

    Links stay in the chain while ``icc`` is on: the chain is their only ledger.
    """
    rules = [Rule(("-s", link.source_ip, "-d", link.target_ip, *_verdict(link)), link.note) for link in sorted(links)]
    if family == "ipv6" and not bridge.icc:
        # Neighbour discovery is what ARP is for IPv4, but it passes ip6tables; without it no link could work.
        rules += [Rule(("-p", "ipv6-icmp", "-m", "icmp6", "--icmpv6-type", kind, "-j", "ACCEPT"),
                       f"{bridge.name} neighbours {kind}") for kind in ("135", "136")]
    verdict = "ACCEPT" if bridge.icc else "DROP"
    rules.append(Rule(("-j", verdict), f"{bridge.name} icc {'on' if bridge.icc else 'off'}"))
    return Chain(icc_chain(bridge.name), tuple(rules))


def _verdict(link: Linkage) -> tuple[str, ...]:
    """A link that opens nothing is a rule without a target, which iptables passes over."""
    if not link.opens:
        return ()
    return ("-p", link.protocol, "-m", link.protocol, "--dport", link.ports.replace("-", ":"), "-j", "ACCEPT")
