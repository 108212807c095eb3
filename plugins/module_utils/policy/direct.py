# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports at the containers' own addresses, of bridges in gateway mode routed.

Their rules stand in the filter table, in one chain for each aligned block of 16 addresses. A bridge has at most 1023
ports, whose addresses are mostly in a row: the first packet of a connection then walks at most 64 jumps and the rules
of 16 containers, and a change of one port touches one chain.
"""
from __future__ import annotations

import dataclasses
import functools
import hashlib
import ipaddress
from collections.abc import Iterable, Iterator, Sequence

from ..bridge.model import Bridge, Subnets
from ..core.names import KNOWN_AFTER_APPLY, chain_name
from ..firewall.model import Chain, Rule
from ..ports.model import ORDER, Publication, family_of

PREFIX = "MOORING-AT-"
_BLOCK_BITS = 4


@functools.lru_cache(maxsize=4096)
def _block(address: str) -> str:
    """The network of the block that an address is in: ``10.30.0.16/28``."""
    ip = ipaddress.ip_address(address)
    return str(ipaddress.ip_network((ip, ip.max_prefixlen - _BLOCK_BITS), strict=False))


def _block_chain(block: str) -> str:
    """``MOORING-AT-10.30.0.16``; the name of a chain has no room for an IPv6 address."""
    if family_of(block) == "ipv4":
        return chain_name(PREFIX + block.partition("/")[0])
    return chain_name(PREFIX + hashlib.sha256(block.encode()).hexdigest()[:16])


def _rules(publication: Publication) -> Iterator[Rule]:
    first, last = publication.container_port, publication.container_port + publication.count - 1
    ports = str(first) if first == last else f"{first}:{last}"
    text = dataclasses.replace(publication, allow_from=()).text
    for source in publication.allow_from or ("",):
        sources = ("-s", source) if source else ()
        suffix = f" from {source}" if source else ""
        yield Rule((*sources, "-d", publication.container_ip, "-p", publication.protocol, "-m", publication.protocol,
                    "--dport", ports, "-j", "ACCEPT"), f"{publication.container} {text}{suffix}")


def misfit(publication: Publication, subnets: Subnets) -> str:
    """Why ports like this cannot stay published on the bridge that their container is on now, "" when they can."""
    bridge = subnets.bridge(publication.container_ip) if publication.container_ip != KNOWN_AFTER_APPLY else None
    if bridge is None:
        return ""
    if not bridge.filters(publication.family):
        return f"bridge {bridge.name} keeps no rules for their family"
    mode = bridge.gateway_mode(publication.family)
    return "" if (mode == "routed") is publication.direct else f"bridge {bridge.name} is in gateway mode {mode}"


def opened(publications: Iterable[Publication], own: Iterable[Bridge]) -> dict[str, list[Publication]]:
    """The direct publications of one family by bridge, in order."""
    subnets = Subnets(own)
    found: dict[str, list[Publication]] = {}
    for publication in sorted((each for each in publications if each.direct), key=ORDER):
        bridge = subnets.bridge(publication.container_ip)
        if bridge is not None and publication.family in bridge.routed:
            found.setdefault(bridge.name, []).append(publication)
    return found


def jumps(publications: Sequence[Publication]) -> list[Rule]:
    """What leads from the chain of their bridge to the blocks of these publications."""
    blocks = sorted({_block(publication.container_ip) for publication in publications}, key=ipaddress.ip_network)
    return [Rule(("-d", block, "-j", _block_chain(block)), f"opened at {block}") for block in blocks]


def chains(publications: Iterable[Publication]) -> list[Chain]:
    """The chains of all blocks."""
    blocks: dict[str, list[Rule]] = {}
    for publication in sorted(publications, key=ORDER):
        blocks.setdefault(_block(publication.container_ip), []).extend(_rules(publication))
    return [Chain(_block_chain(block), tuple(blocks[block])) for block in sorted(blocks, key=ipaddress.ip_network)]
