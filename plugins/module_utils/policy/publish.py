# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports as a tree of chains keyed by host port.

The first packet of a connection walks at most one rule per block of 1024 ports, one per block of 64, and the rules of
its own block: the cost of a connection does not grow with the number of published ports. A change of one port touches
one chain. Blocks are aligned, so that a port's place depends on nothing but its number.
"""
from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator

from ..core.names import chain_name
from ..firewall.model import Chain, Rule
from ..ports.model import ORDER, Publication
from .bridge import DNAT

OUTER, INNER = 1024, 64
ANY = ("0.0.0.0", "::")


def _block_chain(protocol: str, block: int, size: int) -> str:
    """``MOORING-TCP-8064-8127``: the name says which ports the chain is for."""
    return chain_name(f"MOORING-{protocol.upper()}-{block}-{block + size - 1}")


def _parts(publication: Publication) -> Iterator[tuple[int, int, int, int]]:
    """Cut a publication at the borders of blocks: (block, size of block, first port, last port)."""
    first, end = publication.host_port, publication.host_port + publication.count
    while first < end:
        size = OUTER if first % OUTER == 0 and end - first >= OUTER else INNER
        block = first - first % size
        last = min(block + size, end) - 1
        yield block, size, first, last
        first = last + 1


def _destination(publication: Publication) -> str:
    """The target of DNAT; a shifted range needs its base port, else every port lands on the first one."""
    address = publication.container_ip
    if ":" in address:
        address = f"[{address}]"
    if publication.count == 1:
        return f"{address}:{publication.container_port}"
    if publication.container_port == publication.host_port:
        return address
    last = publication.container_port + publication.count - 1
    return f"{address}:{publication.container_port}-{last}/{publication.host_port}"


def _rules(publication: Publication, first: int, last: int) -> Iterator[Rule]:
    ports = str(first) if first == last else f"{first}:{last}"
    where = () if publication.host_ip in ANY else ("-d", publication.host_ip)
    protocol = publication.protocol
    text = dataclasses.replace(publication, allow_from=()).text if publication.allow_from else publication.text
    for source in publication.allow_from or ("",):
        sources = ("-s", source) if source else ()
        suffix = f" from {source}" if source else ""
        yield Rule((*sources, *where, "-p", protocol, "-m", protocol, "--dport", ports,
                    "-j", "DNAT", "--to-destination", _destination(publication)),
                   f"{publication.container} {text}{suffix}")


def chains(publications: Iterable[Publication]) -> list[Chain]:
    """All chains of the tree, the top one first; the top one exists even when nothing is published."""
    leaves: dict[tuple[str, int, int], list[Rule]] = defaultdict(list)
    for publication in sorted((found for found in publications if not found.direct), key=ORDER):
        for block, size, first, last in _parts(publication):
            leaves[publication.protocol, block, size] += _rules(publication, first, last)
    outer: dict[tuple[str, int], list[Rule]] = defaultdict(list)
    for (protocol, block, size), rules in sorted(leaves.items()):
        if size == OUTER:
            outer[protocol, block] += rules
        else:
            outer[protocol, block - block % OUTER].append(_jump(protocol, block, INNER))
    top = Chain(DNAT, tuple(_jump(protocol, block, OUTER) for protocol, block in sorted(outer)))
    return [top,
            *(Chain(_block_chain(protocol, block, OUTER), tuple(rules))
              for (protocol, block), rules in sorted(outer.items())),
            *(Chain(_block_chain(protocol, block, INNER), tuple(rules))
              for (protocol, block, size), rules in sorted(leaves.items()) if size == INNER)]


def _jump(protocol: str, block: int, size: int) -> Rule:
    last = block + size - 1
    return Rule(("-p", protocol, "-m", protocol, "--dport", f"{block}:{last}",
                 "-j", _block_chain(protocol, block, size)), f"{protocol} {block}-{last}")
