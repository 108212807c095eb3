# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bridge means in rules of the nat table for what leaves it, and for what must come back through the host."""
from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..bridge.model import Bridge, partners
from ..core.names import chain_name
from ..firewall.model import (
    TRANSLATED,
    Chain,
    Destination,
    Jump,
    Local,
    Lookup,
    Masquerade,
    Out,
    Return,
    Rule,
    Source,
    State,
)
from ..ports.detour import Detour
from .bridge import HOST_ITSELF, SNAT

BACK, LOOPBACK = "MOORING-BACK", "MOORING-LOOPBACK"


def outward_chain(bridge: str) -> str:
    return chain_name(f"MOORING-SNAT-{bridge}")


def snat_chains(bridges: Iterable[Bridge], family: str, own: Iterable[Bridge], detours: bool = False) -> list[Chain]:
    """Masquerade of what leaves, and of what must come back through the host to be translated back.

    :param detours: whether there is a chain for clients whom containers would answer another way
    """
    own = tuple(own)
    first = [Rule((State((TRANSLATED,)),), Jump(BACK), "detours")] if detours else []
    here = [bridge for bridge in bridges if bridge.subnet(family) and family not in bridge.routed
            and not bridge.internal]
    rules = [rule for bridge in here for rule in _masquerade(bridge, family, own)]
    exceptions = [_exceptions(bridge, family, own) for bridge in here
                  if bridge.masquerade and partners(bridge, own)]
    if family == "ipv4":
        # 127.0.0.1 as a source never leaves a host.
        rules.append(Rule((Source(HOST_ITSELF),), Jump(LOOPBACK), "from the loopback"))
        loopback = tuple(Rule((Out(bridge.name), State((TRANSLATED,))), Masquerade(), f"{bridge.name} loopback")
                         for bridge in here)
        exceptions.append(Chain(LOOPBACK, loopback, Lookup.OUT))
    return [Chain(SNAT, (*first, *rules), Lookup.FROM), *exceptions]


def _masquerade(bridge: Bridge, family: str, own: Sequence[Bridge]) -> list[Rule]:
    name, rules = bridge.name, []
    for place in bridge.inside(family):
        if bridge.masquerade and partners(bridge, own):
            rules.append(Rule((Source(place),), Jump(outward_chain(name)), f"{name} outward {place}"))
        elif bridge.masquerade:
            rules += [Rule((Source(place), *rule.matches), rule.verdict, rule.note)
                      for rule in _leaving(bridge, family, place)]
        # Hairpin: a reply between two ports of the bridge would go past the host and keep the wrong address.
        rules.append(Rule((Source(place), Out(name), State((TRANSLATED,))), Masquerade(), f"{name} hairpin {place}"))
    return rules


def _exceptions(bridge: Bridge, family: str, own: Sequence[Bridge]) -> Chain:
    """What leaves a bridge that has partners: published ports stay as they are to all bridges."""
    name, subnet = bridge.name, bridge.subnet(family)
    kept = [Rule((Out(other), State((TRANSLATED,), negated=True)), Return(), f"{name} to {other} {subnet}")
            for other in partners(bridge, own)]
    return Chain(outward_chain(name), (*kept, *_leaving(bridge, family, subnet)), Lookup.OUT)


def _leaving(bridge: Bridge, family: str, place: str) -> list[Rule]:
    """What leaves gets an address of the host: the one that was asked for, but for published ports of other bridges.

    Those see the address of their own bridge as ever: an answer finds its way back whoever has the other one.
    Not the host's own traffic: it may use the bridge's address as a source of its own choice.
    """
    name, address = bridge.name, bridge.outbound_address(family)
    away = (Out(bridge.name, negated=True), Local("source", negated=True))
    chosen = [Rule((*away, State((TRANSLATED,), negated=True)), Masquerade(address), f"{name} source {address} {place}")
              ] if address else []
    return [*chosen, Rule(away, Masquerade(), f"{name} masquerade {place}")]


def back_chain(detours: Iterable[Detour]) -> Chain:
    """Clients that a container would answer by another interface, or not at all, are answered by way of the bridge."""
    return Chain(BACK, tuple(Rule((*(() if detour.of_everybody else (Source(detour.source),)),
                                   Destination(detour.address)), Masquerade(), detour.note)
                             for detour in sorted(detours)), Lookup.DESTINATION)
