# SPDX-License-Identifier: GPL-3.0-or-later
"""What a packet has to pass before connections are tracked: whether its source can be, and whether it may go there.

This table knows no states. So each packet passes here, and bridges are looked up: a source that is one of the bridge
that the packet comes from is found by its address in a few steps, and so is a destination.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..bridge.model import Bridge, partners
from ..core.names import chain_name
from ..firewall.model import (
    Chain,
    Destination,
    Drop,
    In,
    Jump,
    Local,
    Lookup,
    Ports,
    Proto,
    Return,
    Rule,
    Source,
)
from ..ports.model import family_of
from . import internal
from .bridge import BRIDGES, HOST_ITSELF, RAW, trusted_interfaces, trusted_networks

SOURCES, INSIDE, FORGED, DIRECT = "MOORING-SOURCES", "MOORING-INSIDE", "MOORING-FORGED", "MOORING-DIRECT"

# What has no address yet may ask for one (RFC 2131, 4.1) or for whether one is free (RFC 4862, 5.4.2), and tell routers
# what it listens to (RFC 3810, 5.2.13). Packets with a link-local source are not forwarded.
_WITHOUT_ADDRESS = {
    "ipv4": (Rule((Source("0.0.0.0"), Destination("255.255.255.255"), Proto("udp"), Ports(67, 67)), Return(), "dhcp"),),
    "ipv6": (Rule((Source("fe80::/10"),), Return(), "link-local"),
             Rule((Source("::"), Destination("ff02::/16")), Return(), "without an address"))}


def direct_chain(bridge: str) -> str:
    return chain_name(f"MOORING-RAW-{bridge}")


def raw_chains(bridges: Sequence[Bridge], family: str, own: Iterable[Bridge],
               sources: Mapping[tuple[str, str], Sequence[str]], outer: Iterable[str] = ()) -> list[Chain]:
    """What is addressed to a container or to the loopback and comes from elsewhere, and what has a forged source.

    :param own: all bridges of ours, also those without rules of this family
    :param sources: by bridge and family the networks that containers may send from; bridges that are not in it may
        send with any source
    :param outer: interfaces of others that lead to the outside
    """
    own = tuple(own)
    checked = [bridge for bridge in bridges if (bridge.name, family) in sources]
    # Without masquerade the replies to a container are addressed to it: only the filter table can tell them. To an
    # internal bridge there are none.
    closed = [bridge for bridge in bridges if bridge.masquerades(family) or bridge.internal]
    rules = [*(_loopback() if family == "ipv4" else []), *internal.raw_rules(bridges)]
    if checked:
        rules.append(Rule((), Jump(SOURCES), "sources"))
    rules.append(Rule((), Jump(DIRECT), "direct access"))
    direct = tuple(rule for bridge in closed for rule in _direct_access(bridge, family, own))
    exceptions = [Chain(direct_chain(bridge.name), tuple(found), Lookup.IN) for bridge in closed
                  if bridge.inside(family) and (found := _exceptions(bridge, family, own))]
    return [Chain(RAW, tuple(rules)), *internal.raw_chains(bridges, family, sources),
            *(_sources(checked, family, sources, outer) if checked else ()),
            Chain(DIRECT, direct, Lookup.TO), *exceptions]


def _loopback() -> list[Rule]:
    """Nobody else is the host itself.

    Publishing on 127.0.0.1 needs route_localnet on the bridge, which lets a container (and, where somebody set it for
    all interfaces, a neighbour) address the host's loopback, or pass for it. Translated replies come by later.
    """
    elsewhere = In("lo", negated=True)
    return [Rule((Destination(HOST_ITSELF), elsewhere), Drop(), "loopback from elsewhere"),
            Rule((Source(HOST_ITSELF), elsewhere), Drop(), "loopback as a source elsewhere")]


def _sources(bridges: Sequence[Bridge], family: str,
             sources: Mapping[tuple[str, str], Sequence[str]], outer: Iterable[str]) -> list[Chain]:
    """A container writes what it likes into its packets: from a bridge come addresses of that bridge, or nothing does.

    The bridge's own address is the host's, and nothing that the host sends comes in by the bridge. The kernel sees to
    that for IPv4 (fib_validate_source()), and not for IPv6.
    """
    rules = []
    for bridge in bridges:
        here = In(bridge.name)
        if family == "ipv6":
            rules += [Rule((Source(address), here), Drop(), f"{bridge.name} as the host {address}")
                      for address in _addresses(bridge, family)]
        rules += [Rule((Source(network), here), Return(), f"{bridge.name} from {network}")
                  for network in sources[bridge.name, family]]
    # Most packets come from there, and are no business of ours: names need not be told apart for it.
    known = [Rule((In(name),), Return(), f"from the outside by {name}") for name in outer]
    inside = tuple(Rule((In(bridge.name),), Jump(FORGED), f"{bridge.name} from elsewhere") for bridge in bridges)
    return [Chain(SOURCES, (*rules, *known, Rule((), Jump(INSIDE), "no address of the bridge")), Lookup.FROM),
            Chain(INSIDE, inside, Lookup.IN),
            Chain(FORGED, (*_WITHOUT_ADDRESS[family], Rule((), Drop(), "forged source")))]


def _addresses(bridge: Bridge, family: str) -> list[str]:
    return [address.partition("/")[0] for address in bridge.link.addresses if family_of(address) == family]


def _direct_access(bridge: Bridge, family: str, own: Sequence[Bridge]) -> list[Rule]:
    """Nobody from elsewhere may pass to the container addresses of a bridge, but for exceptions."""
    verdict = Jump(direct_chain(bridge.name)) if _exceptions(bridge, family, own) else Drop()
    return [Rule((Destination(place), In(bridge.name, negated=True), Local("destination", negated=True)), verdict,
                 f"{bridge.name} direct access {place}") for place in bridge.inside(family)]


def _exceptions(bridge: Bridge, family: str, own: Sequence[Bridge]) -> list[Rule]:
    """Who may pass to the container addresses of a bridge, and that nobody else may; nothing where nobody may."""
    name = bridge.name
    passing = [(In(other), f"{name} from {other}") for other in partners(bridge, own)]
    rules = [Rule((match,), Return(), note) for match, note in (*passing, *trusted_interfaces(bridge, own))]
    if trusted := trusted_networks(bridge, family):
        rules.append(Rule((), Jump(BRIDGES), f"{name} not from other bridges"))
        rules += [Rule((match,), Return(), note) for match, note in trusted]
    return [*rules, Rule((), Drop(), f"{name} direct access")] if rules else []
