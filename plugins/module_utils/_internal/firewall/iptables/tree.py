# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains that are looked up, as trees: iptables walks a chain rule by rule, so many rules are cut into blocks.

Ports stand in blocks of 64, and those in blocks of 1024. The first packet of a connection walks at most one rule for
each block of 1024 ports, one for each block of 64, and the rules of its own block: a connection costs the same however
many ports are published. A change of one port touches one chain. Blocks are aligned, so that the place of a port
depends on nothing but its number.

Addresses stand in aligned blocks of 16. A bridge has at most 1023 ports, whose addresses are mostly in a row: the first
packet of a connection walks at most 64 jumps and the rules of 16 containers.
"""
from __future__ import annotations

import functools
import hashlib
import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Optional

from ...core.names import chain_name
from ..model import OPENED, PREFIX, Chain, Destination, Jump, Lookup, Ports, Proto, Rule
from .search import search_tree

OUTER, INNER = 1024, 64
_BLOCK_BITS = 4


def grow_trees(chains: Sequence[Chain]) -> list[Chain]:
    """The chains of a table with a tree in the place of each one that is looked up."""
    blocks, jumps = _address_trees([chain for chain in chains if chain.lookup is Lookup.DESTINATION])
    grown: list[Chain] = []
    for chain in chains:
        if chain.lookup is Lookup.PORT:
            grown += port_tree(chain)
        elif chain.lookup is Lookup.DESTINATION:
            grown += blocks  # two bridges may have addresses in one block, so all blocks stand together
            blocks = []
        else:
            grown += search_tree(_lead_to_blocks(chain, jumps) if jumps else chain)
    return grown


# -- ports ------------------------------------------------------------------------------------------------------------

_Leaf = tuple[str, int, int]  # protocol, first port, size


def port_tree(chain: Chain) -> list[Chain]:
    """The tree in the place of a chain by ports, the top first; the top is there even when there is no port."""
    first: list[Rule] = []
    leaves: dict[_Leaf, list[Rule]] = defaultdict(list)
    for rule in chain.rules:
        protocol, place = _asks_for(rule)
        if place is None:
            first.append(rule)
            continue
        for leaf, part in _cut(rule, protocol, place):
            leaves[leaf].append(part)
    outer: dict[tuple[str, int], list[Rule]] = defaultdict(list)
    for (protocol, block, size), rules in sorted(leaves.items()):
        if size == OUTER:
            outer[protocol, block] += rules
        else:
            outer[protocol, block - block % OUTER].append(_jump(protocol, block, INNER))
    return [Chain(chain.name, (*first, *(_jump(protocol, block, OUTER) for protocol, block in sorted(outer)))),
            *(Chain(_port_chain(protocol, block, OUTER), tuple(rules))
              for (protocol, block), rules in sorted(outer.items())),
            *(Chain(_port_chain(protocol, block, INNER), tuple(rules))
              for (protocol, block, size), rules in sorted(leaves.items()) if size == INNER)]


def _asks_for(rule: Rule) -> tuple[str, Optional[int]]:
    """The protocol that a rule asks for, and the place of the ports among its matches: None where it asks for none."""
    protocol, place = "", None
    for number, match in enumerate(rule.matches):
        if isinstance(match, Proto):
            protocol = match.protocol
        elif isinstance(match, Ports):
            place = number
    return protocol, place


def _cut(rule: Rule, protocol: str, place: int) -> Iterator[tuple[_Leaf, Rule]]:
    """Cut a rule at the borders of blocks: each part with its leaf."""
    ports = rule.matches[place]
    if not isinstance(ports, Ports):
        raise TypeError(f"the match at {place} of {rule} asks for no ports")
    first, end = ports.first, ports.last + 1
    while first < end:
        size = OUTER if first % OUTER == 0 and end - first >= OUTER else INNER
        block = first - first % size
        last = min(block + size, end) - 1
        part = rule
        if (first, last) != (ports.first, ports.last):
            part = Rule((*rule.matches[:place], Ports(first, last), *rule.matches[place + 1:]), rule.verdict, rule.note)
        yield (protocol, block, size), part
        first = last + 1


def _port_chain(protocol: str, block: int, size: int) -> str:
    """``MOORING-TCP-8064-8127``: the name says which ports the chain is for."""
    return chain_name(f"{PREFIX}{protocol.upper()}-{block}-{block + size - 1}")


def _jump(protocol: str, block: int, size: int) -> Rule:
    last = block + size - 1
    return Rule((Proto(protocol), Ports(block, last)), Jump(_port_chain(protocol, block, size)),
                f"{protocol} {block}-{last}")


# -- addresses --------------------------------------------------------------------------------------------------------

def _address_trees(chains: Iterable[Chain]) -> tuple[list[Chain], dict[str, list[Rule]]]:
    """The blocks of these chains, and what leads to those of each one."""
    blocks: dict[str, list[Rule]] = defaultdict(list)
    jumps: dict[str, list[Rule]] = {}
    for chain in chains:
        found: set[str] = set()
        for rule in chain.rules:
            block = _block(next(match.network for match in rule.matches if isinstance(match, Destination)))
            blocks[block].append(rule)
            found.add(block)
        what = "opened" if chain.name.startswith(OPENED) else "detours"
        jumps[chain.name] = [Rule((Destination(block),), Jump(_block_chain(block)), f"{what} at {block}")
                             for block in sorted(found, key=ipaddress.ip_network)]
    ordered = sorted(blocks, key=ipaddress.ip_network)
    return [Chain(_block_chain(block), tuple(blocks[block])) for block in ordered], jumps


def _lead_to_blocks(chain: Chain, jumps: Mapping[str, Sequence[Rule]]) -> Chain:
    """The chain with jumps to blocks where it leads to a chain that was cut into them."""
    rules: list[Rule] = []
    for rule in chain.rules:
        if isinstance(rule.verdict, Jump) and rule.verdict.chain in jumps:
            rules += [Rule((*rule.matches, *jump.matches), jump.verdict, jump.note)
                      for jump in jumps[rule.verdict.chain]]
        else:
            rules.append(rule)
    return Chain(chain.name, tuple(rules), chain.lookup)


@functools.lru_cache(maxsize=4096)
def _block(address: str) -> str:
    """The network of the block that an address is in: ``10.30.0.16/28``."""
    ip = ipaddress.ip_address(address)
    return str(ipaddress.ip_network((ip, ip.max_prefixlen - _BLOCK_BITS), strict=False))


def _block_chain(block: str) -> str:
    """``MOORING-AT-10.30.0.16``; the name of a chain has no room for an IPv6 address."""
    if ":" in block:
        return chain_name(OPENED + hashlib.sha256(block.encode()).hexdigest()[:16])
    return chain_name(OPENED + block.partition("/")[0])
