# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges that nothing leaves and nothing enters: their containers reach each other, and the host's end of the bridge.

What comes from a container there is looked at before connections are tracked, and before anything of others is asked:
it goes to addresses of the bridge's own networks, or it ends. Where it is forwarded to is known in the filter table
only. There it ends before anything is let through, what is under way too, so that neither a connection from before nor
one that the host translates to another bridge passes. No route matters to any of it: a container adds what it likes.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..bridge.model import Bridge
from ..core.names import chain_name
from ..firewall.model import Chain, Destination, Drop, In, Jump, Local, Lookup, Out, Return, Rule
from ..ports.model import family_of

INTERNAL, LEAVING, ENTERING = "MOORING-INTERNAL", "MOORING-LEAVING", "MOORING-ENTERING"

# What is for everybody on the bridge: frames between its ports, where they pass rules, must get there, neighbour
# discovery of IPv6 among them. The kernel does not forward it by itself; what a multicast router forwards ends in the
# filter table.
_EVERYBODY = {"ipv4": ("255.255.255.255", "224.0.0.0/4"), "ipv6": ("ff00::/8",)}
_LINK_LOCAL = "fe80::/10"


def select(bridges: Sequence[Bridge]) -> list[Bridge]:
    return [bridge for bridge in bridges if bridge.internal]


def stay_chain(bridge: str) -> str:
    return chain_name(f"MOORING-STAY-{bridge}")


def close_first(forward: Chain, bridges: Sequence[Bridge]) -> Chain:
    """The chain with what comes before all that lets something through, also before rules of the administrator."""
    first = (Rule((), Jump(LEAVING), "from internal bridges"), Rule((), Jump(ENTERING), "to internal bridges"))
    return replace(forward, rules=(*first, *forward.rules)) if select(bridges) else forward


def filter_chains(bridges: Sequence[Bridge]) -> list[Chain]:
    """What is forwarded between an internal bridge and anything else. Frames between two of its ports pass."""
    own = select(bridges)
    leaving = tuple(Rule((In(bridge.name), Out(bridge.name, negated=True)), Drop(), f"{bridge.name} internal out")
                    for bridge in own)
    entering = tuple(Rule((Out(bridge.name), In(bridge.name, negated=True)), Drop(), f"{bridge.name} internal in")
                     for bridge in own)
    return [Chain(LEAVING, leaving, Lookup.IN), Chain(ENTERING, entering, Lookup.OUT)] if own else []


def nat_rules(bridges: Sequence[Bridge]) -> list[Rule]:
    """The host's end of an internal bridge has no published ports of other bridges: who asks there asks the host."""
    return [Rule((In(bridge.name),), Return(), f"{bridge.name} internal") for bridge in select(bridges)]


def raw_rules(bridges: Sequence[Bridge]) -> list[Rule]:
    return [Rule((), Jump(INTERNAL), "from internal bridges")] if select(bridges) else []


def raw_chains(bridges: Sequence[Bridge], family: str,
               sources: Mapping[tuple[str, str], Sequence[str]]) -> list[Chain]:
    """:param sources: by bridge and family the networks behind it, those that the host reaches through a container
    among them"""
    own = select(bridges)
    jumps = tuple(Rule((In(bridge.name),), Jump(stay_chain(bridge.name)), f"{bridge.name} internal") for bridge in own)
    return [Chain(INTERNAL, jumps, Lookup.IN), *(_stay(bridge, family, sources) for bridge in own)] if own else []


def _stay(bridge: Bridge, family: str, sources: Mapping[tuple[str, str], Sequence[str]]) -> Chain:
    """Where packets from a bridge may go: to the host by the bridge's own addresses only, whatever else is its own.

    In gateway mode isolated to no address of the host.
    """
    name, rules = bridge.name, []
    isolated = family in bridge.isolated
    addresses = [address.partition("/")[0] for address in bridge.link.addresses if family_of(address) == family]
    # Of the host's link-local addresses the kernel knows but the one of the interface that a packet comes in by.
    link_local = [Rule((Destination(_LINK_LOCAL),), Return(), f"{name} to link-local")] if family == "ipv6" else []
    to_host = Rule((Local("destination"),), Drop(),
                   f"{name} isolated {bridge.declared(family)}".rstrip() if isolated else f"{name} to the host")
    if not isolated:
        rules += [*link_local, *(Rule((Destination(address),), Return(), f"{name} to its gateway {address}")
                                 for address in addresses)]
    rules += [to_host, *(link_local if isolated else ())]
    places = sources.get((name, family), bridge.inside(family))
    rules += [Rule((Destination(place),), Return(), f"{name} to {place}")
              for place in (*places, *_EVERYBODY[family])]
    return Chain(stay_chain(name), (*rules, Rule((), Drop(), f"{name} to elsewhere")))
