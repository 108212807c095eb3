# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports at the containers' own addresses, of bridges in gateway mode routed.

Their rules stand in the filter table, in one chain for each bridge, and are found by the address of the container.
"""
from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from ..bridge.model import Bridge, Subnets
from ..core.model import is_known
from ..core.names import chain_name
from ..firewall.model import OPENED, Accept, Chain, Destination, Jump, Lookup, Ports, Proto, Return, Rule
from ..ports.model import ORDER, Publication
from .publish import from_sources


def opened_chain(bridge: str) -> str:
    return chain_name(f"{OPENED}{bridge}")


def misfit(publication: Publication, subnets: Subnets) -> str:
    """Why ports like this cannot stay published on the bridge that their container is on now, "" when they can."""
    bridge = subnets.bridge(publication.container_ip) if is_known(publication.container_ip) else None
    if bridge is None:
        return ""
    if not bridge.filters(publication.family):
        return f"bridge {bridge.name} keeps no rules for their family"
    if bridge.internal:
        return f"bridge {bridge.name} is internal"
    mode = bridge.gateway_mode(publication.family)
    return "" if (mode == "routed") is publication.direct else f"bridge {bridge.name} is in gateway mode {mode}"


def select_opened(publications: Iterable[Publication], own: Sequence[Bridge],
                  held: Collection[Publication] = ()) -> dict[str, list[Publication]]:
    """The direct publications of one family by bridge, in order.

    :param held: those of them that lead nowhere. Where the bridge of one has moved already, any chain may note it
    """
    subnets = Subnets(own)
    found: dict[str, list[Publication]] = {}
    for publication in sorted((each for each in publications if each.direct), key=ORDER):
        family, bridge = publication.family, subnets.bridge(publication.container_ip)
        if bridge is None or family not in bridge.routed:
            bridge = next((each for each in own if family in each.routed), None) if publication in held else None
        if bridge is not None:
            found.setdefault(bridge.name, []).append(publication)
    return found


def jump(bridge: str) -> Rule:
    """What leads from the chain of a bridge to its open ports."""
    return Rule((), Jump(opened_chain(bridge)), f"{bridge} opened")


def chain(bridge: str, publications: Sequence[Publication], held: Collection[Publication] = ()) -> Chain:
    """The open ports of a bridge; those that are held are noted, and left to the bridge's drop."""
    rules = [rule for publication in publications for rule in _rules(publication, publication in held)]
    return Chain(opened_chain(bridge), tuple(rules), Lookup.DESTINATION)


def _rules(publication: Publication, held: bool) -> list[Rule]:
    first, last = publication.container_port, publication.container_port + publication.count - 1
    where = (Destination(publication.container_ip), Proto(publication.protocol), Ports(first, last))
    verdict = Return() if held else Accept()
    return [Rule((*sources, *where), verdict, note) for sources, note in from_sources(publication)]
