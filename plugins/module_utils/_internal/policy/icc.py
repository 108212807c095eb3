# SPDX-License-Identifier: GPL-3.0-or-later
"""What containers of one bridge may say to each other."""
from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from ..bridge.model import Bridge
from ..firewall.model import (
    Accept,
    Behind,
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
from .model import End


def chain(bridge: Bridge, links: Iterable[Linkage], family: str, held: Collection[Linkage] = (),
          ends: Iterable[End] = ()) -> Chain:
    """Links first, then the bridge's policy. Replies need no rule here: they are accepted by their state.

    Of links that are held there is but a note.

    Links stay in the chain while ``icc`` is on: the chain is the ledger of what they open.

    :param ends: of the bridge. With ``icc`` off a link is for who has the source's address and sends by its port: the
        kernel tells rules the ports of such a bridge, and neighbours can write that address into what they send
    """
    ports: dict[str, list[str]] = {}
    for end in ends if not bridge.icc else ():
        for address in end.of(family):
            ports.setdefault(address, []).append(end.port)
    rules = [rule for link in sorted(links) for rule in _link(link, link in held, ports.get(link.source_ip, ()))]
    if family == "ipv6" and not bridge.icc:
        rules += neighbour_rules(bridge.name)  # without it no link could work
    rules.append(Rule((), Accept() if bridge.icc else Drop(), f"{bridge.name} icc {'on' if bridge.icc else 'off'}"))
    return Chain(icc_chain(bridge.name), tuple(rules))


def _link(link: Linkage, held: bool, ports: Collection[str]) -> Iterator[Rule]:
    """A link that opens nothing is a rule without a verdict, which packets pass by.

    :param ports: by which its source may send, none where that is not known. There is more than one while an address
        goes from one container to another one
    """
    ends: tuple[Match, ...] = (Source(link.source_ip), Destination(link.target_ip))
    if held or not link.opens:
        yield Rule(ends, None, link.note)
        return
    opened: tuple[Match, ...] = (*ends, Proto(link.protocol), Ports(*link.port_range))
    for port in sorted(ports):
        yield Rule((*opened, Behind(port)), Accept(), link.note)
    if not ports:
        yield Rule(opened, Accept(), link.note)
