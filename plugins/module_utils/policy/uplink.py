# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges that the host's own network is behind: what comes from there and goes there is none of our business.

Only the containers on such a bridge are, and rules know them by their addresses: what other bridges ask of an interface
is asked of an address in a chain of its own. Neighbours on the wire reach a container as the port of a bridge, past the
host; the kernel shows such frames to iptables because of ``bridge-nf-call-iptables``, which such a bridge needs.
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..bridge.model import Bridge
from ..core.names import chain_name
from ..firewall.model import Accept, Chain, Destination, Drop, In, Jump, Match, Rule, Source, Verdict


def direct_chain(bridge: str) -> str:
    return chain_name(f"MOORING-TO-{bridge}")


def _away(bridge: str) -> str:
    return chain_name(f"MOORING-BY-{bridge}")


def inward(bridge: Bridge, verdict: Verdict) -> Verdict:
    """What becomes of what goes out by a bridge, where ``verdict`` is for its containers."""
    return Jump(direct_chain(bridge.name)) if bridge.uplink else verdict


def outward(bridge: Bridge) -> Verdict:
    """What becomes of what comes in by a bridge, where that from its containers is accepted."""
    return Jump(_away(bridge.name)) if bridge.uplink else Accept()


def lease_chains(bridge: Bridge, family: str, inner: Verdict) -> list[Chain]:
    """The chains that :func:`inward` and :func:`outward` lead to."""
    if not bridge.uplink:
        return []
    name, addresses = bridge.name, bridge.inside(family)
    return [Chain(direct_chain(name), tuple(Rule((Destination(address),), inner, f"{name} in {address}")
                                            for address in addresses)),
            Chain(_away(name), tuple(Rule((Source(address),), Accept(), f"{name} out {address}")
                                     for address in addresses))]


def from_containers(bridge: Bridge, family: str) -> Iterator[tuple[tuple[Match, ...], str]]:
    """What asks for packets of its containers, with the end of a note."""
    if not bridge.uplink:
        yield (In(bridge.name),), ""
        return
    for address in bridge.inside(family):
        yield (In(bridge.name), Source(address)), f" {address}"


def direct_chain_of(bridge: Bridge, family: str, passing: Iterable[Rule]) -> Chain:
    """Who may pass to its containers' own addresses, and that nobody else may who comes in elsewhere."""
    drops = tuple(Rule((Destination(address),), Drop(), f"{bridge.name} direct access {address}")
                  for address in bridge.inside(family))
    return Chain(direct_chain(bridge.name), (*passing, *drops))
