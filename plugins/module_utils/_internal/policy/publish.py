# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports: one rule for each, and for each source that may connect, found by the port of the host."""
from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator

from ..firewall.model import Chain, Destination, Dnat, Lookup, Match, Ports, Proto, Return, Rule, Source
from ..ports.model import ANY_IPV4, ANY_IPV6, ORDER, Publication
from .bridge import DNAT

# A packet from ::1 never leaves a host, and one from a link-local address is never forwarded (RFC 4291, 2.5.3 and
# 2.5.6). So connections to such an address of the host are to be refused at once and not to hang.
_UNREACHABLE = [Rule((Destination("::1"),), Return(), "loopback"),
                Rule((Destination("fe80::/10"),), Return(), "link-local")]


def chain(publications: Iterable[Publication], family: str, held: Collection[Publication] = (),
          first: Iterable[Rule] = ()) -> Chain:
    """All published ports of a family; the chain exists even when nothing is published.

    :param held: those of them that are noted, and lead nowhere
    :param first: for whom nothing is published
    """
    rules = [*first, *(_UNREACHABLE if family == "ipv6" else ())]
    for publication in sorted((found for found in publications if not found.direct), key=ORDER):
        rules += _rules(publication, publication in held)
    return Chain(DNAT, tuple(rules), Lookup.PORT)


def from_sources(publication: Publication) -> Iterator[tuple[tuple[Match, ...], str]]:
    """What asks for each network that may connect, with the note of its rule; one that asks for nothing if all may."""
    if not publication.allow_from:
        yield (), f"{publication.container} {publication.text}"
        return
    text = dataclasses.replace(publication, allow_from=()).text
    for network in publication.allow_from:
        yield (Source(network),), f"{publication.container} {text} from {network}"


def _rules(publication: Publication, held: bool) -> Iterator[Rule]:
    more = publication.count - 1
    where: tuple[Match, ...] = (Proto(publication.protocol),
                                Ports(publication.host_port, publication.host_port + more))
    if publication.host_ip not in (ANY_IPV4, ANY_IPV6):
        where = (Destination(publication.host_ip), *where)
    target = Return() if held else Dnat(publication.container_ip, publication.container_port,
                                        publication.container_port + more, publication.host_port)
    for sources, note in from_sources(publication):
        yield Rule((*sources, *where), target, note)
