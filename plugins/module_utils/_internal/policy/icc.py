# SPDX-License-Identifier: GPL-3.0-or-later
"""What containers of one bridge may say to each other."""
from __future__ import annotations

from collections.abc import Collection, Iterable

from ..bridge.model import Bridge
from ..firewall.model import (
    Accept,
    Chain,
    Destination,
    Drop,
    Match,
    Ports,
    Proto,
    Rule,
    Source,
)
from ..ports.linkage import Linkage
from .bridge import icc_chain, neighbour_rules


def chain(bridge: Bridge, links: Iterable[Linkage], family: str, held: Collection[Linkage] = ()) -> Chain:
    """Links first, then the bridge's policy. Replies need no rule here: they are accepted by their state.

    Of links that are held there is but a note.

    Links stay in the chain while ``icc`` is on: the chain is the ledger of what they open.
    """
    rules = [_link(link, link in held) for link in sorted(links)]
    if family == "ipv6" and not bridge.icc:
        rules += neighbour_rules(bridge.name)  # without it no link could work
    rules.append(Rule((), Accept() if bridge.icc else Drop(), f"{bridge.name} icc {'on' if bridge.icc else 'off'}"))
    return Chain(icc_chain(bridge.name), tuple(rules))


def _link(link: Linkage, held: bool) -> Rule:
    """A link that opens nothing is a rule without a verdict, which packets pass by."""
    ends: tuple[Match, ...] = (Source(link.source_ip), Destination(link.target_ip))
    if held or not link.opens:
        return Rule(ends, None, link.note)
    return Rule((*ends, Proto(link.protocol), Ports(*link.port_range)), Accept(), link.note)
