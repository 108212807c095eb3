# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bridge means in rules: forwarding, masquerade, and protection from direct access.

A packet towards a bridge of ours passes ``MOORING-IN-<bridge>``, which ends in DROP: whatever the policy of FORWARD,
only replies, published ports and (by the bridge's access policy) its own containers get in.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..bridge.model import Bridge, partners
from ..core.names import chain_name
from ..firewall.model import (
    ECHO_REQUEST,
    ESTABLISHED,
    NEIGHBOUR_ADVERTISEMENT,
    NEIGHBOUR_SOLICITATION,
    RELATED,
    TRANSLATED,
    Accept,
    Bridged,
    Chain,
    Destination,
    Drop,
    Hook,
    Icmp,
    In,
    Jump,
    Local,
    Lookup,
    Masquerade,
    Match,
    Out,
    Return,
    Rule,
    Source,
    State,
)
from ..ports.detour import Detour
from ..ports.model import family_of
from . import uplink

FORWARD, DNAT, SNAT, RAW = "MOORING-FORWARD", "MOORING-DNAT", "MOORING-SNAT", "MOORING-RAW"
OTHERS, BRIDGES, BACK = "MOORING-OTHERS", "MOORING-BRIDGES", "MOORING-BACK"

_LOOPBACK = "127.0.0.0/8"
# By their numbers, as which notes tell them.
_NEIGHBOURS = {135: NEIGHBOUR_SOLICITATION, 136: NEIGHBOUR_ADVERTISEMENT}
_TO_HOST = (Local("destination"),)

HOOKS = {
    # First: a rule before ours that accepts would open what the drop at the end of ours closes.
    "filter": (Hook("forward", FORWARD, first=True),),
    # A host's own connections never pass the hook of incoming packets, so published ports hook into output too.
    "nat": (Hook("prerouting", DNAT, _TO_HOST), Hook("output", DNAT, _TO_HOST), Hook("postrouting", SNAT)),
    "raw": (Hook("prerouting", RAW, first=True),),
}


# Last: whoever forwards between other interfaces on purpose has rules of their own, and those decide first.
OTHERS_HOOK = Hook("forward", OTHERS, last=True)


def inward_chain(bridge: str) -> str:
    return chain_name(f"MOORING-IN-{bridge}")


def icc_chain(bridge: str) -> str:
    return chain_name(f"MOORING-ICC-{bridge}")


def forward_chain(bridges: Sequence[Bridge], own: Sequence[Bridge], inner: Iterable[str] = ()) -> Chain:
    """Towards a bridge comes before away from one, so that traffic between two bridges meets the target's DROP.

    :param own: all bridges of ours, also those without rules of this family
    :param inner: bridges with nothing but containers behind them. Those whose rules are not ours decide themselves who
        gets in: Docker before 28 leaves the rest to the policy of FORWARD, which our ACCEPT would anticipate
    """
    names = [bridge.name for bridge in bridges]
    inward = [Rule((Out(bridge.name),), uplink.inward(bridge, Jump(inward_chain(bridge.name))), f"{bridge.name} in")
              for bridge in bridges]
    others = [name for name in inner if name not in names]
    pairs = [Rule((In(bridge.name), Out(other)), Accept(), f"{bridge.name} to {other}")
             for bridge in bridges for other in partners(bridge, own) if other in others]
    theirs = [Rule((Out(other),), Return(), f"{other} has rules of others") for other in others]
    outward = [Rule((In(bridge.name),), uplink.outward(bridge), f"{bridge.name} out") for bridge in bridges]
    return Chain(FORWARD, (*inward, *pairs, *theirs, *outward))


def bridge_chain(bridge: Bridge, own: Iterable[Bridge], family: str, opened: Sequence[Rule] = ()) -> Chain:
    """What gets in. The state of translated connections covers all published ports, so that none needs a rule here.

    :param own: all bridges of ours, also those without rules of this family
    :param opened: what leads to the ports that are open at the containers' own addresses
    """
    name, own = bridge.name, tuple(own)
    rules = [Rule((State((RELATED, ESTABLISHED)),), Accept(), f"{name} replies"),
             Rule((State((TRANSLATED,)),), Accept(), f"{name} published"),
             *opened,
             *(Rule((In(other),), Accept(), f"{name} from {other}") for other in partners(bridge, own)),
             *(Rule(matches, Jump(icc_chain(name)), f"{name} own containers{which}")
               for matches, which in uplink.from_containers(bridge, family))]
    if family == "ipv6" and bridge.uplink:
        rules += neighbour_rules(name)
    if family in bridge.routed:
        # Docker accepts all of ICMP here; errors are covered by their connection's state.
        rules.append(Rule((Icmp(ECHO_REQUEST),), Accept(), f"{name} echo"))
    rules += [Rule((match,), Accept(), note) for match, note in _trusted_interfaces(bridge, own)]
    if trusted := _trusted_networks(bridge, family):
        rules.append(Rule((), Jump(BRIDGES), f"{name} not from other bridges"))
        rules += [Rule((match,), Accept(), note) for match, note in trusted]
    return Chain(inward_chain(name), (*rules, Rule((), Drop(), f"{name} unpublished")))


def _trusted_interfaces(bridge: Bridge, own: Iterable[Bridge]) -> list[tuple[Match, str]]:
    """Matches with their notes. A bridge of ours is nothing to trust, if an interface that was trusted became one."""
    inner = {other.name for other in own if not other.uplink}
    return [(In(interface), f"{bridge.name} trusted {interface}") for interface in bridge.trusted_interfaces
            if interface not in inner]


def _trusted_networks(bridge: Bridge, family: str) -> list[tuple[Match, str]]:
    return [(Source(network), f"{bridge.name} trusted {network}") for network in bridge.trusted_networks
            if family_of(network) == family]


def neighbour_rules(bridge: str) -> list[Rule]:
    """Neighbour discovery of IPv6 is what ARP is for IPv4, but it passes the rules, without a state."""
    return [Rule((Icmp(kind),), Accept(), f"{bridge} neighbours {number}") for number, kind in _NEIGHBOURS.items()]


def bridges_chain(own: Iterable[Bridge], family: str) -> Chain:
    """What comes from a bridge of ours ends here: a container may write any source address into its packets."""
    return Chain(BRIDGES, tuple(Rule(matches, Drop(), f"from bridge {bridge.name}{which}") for bridge in own
                                for matches, which in uplink.from_containers(bridge, family)))


def others_chain(bridged: bool) -> Chain:
    """A host that forwards only because we switched it on is no router between its other interfaces.

    What concerns bridges of ours was decided before. Docker changes the chain's policy for this.

    :param bridged: whether frames between two ports of somebody's bridge pass here as well, which is no routing. Only
        then is there a rule for them: the match loads br_netfilter, and with it all bridges of the host begin to pass.
    """
    frames = Rule((Bridged(),), Return(), "bridged frames of others")
    return Chain(OTHERS, (*((frames,) if bridged else ()), Rule((), Drop(), "forwarding between others")))


def snat_chain(bridges: Iterable[Bridge], family: str, own: Iterable[Bridge], detours: bool = False) -> Chain:
    """Masquerade of what leaves, and of what must come back through the host to be translated back.

    :param detours: whether there is a chain for clients whom containers would answer another way
    """
    rules, own = [], tuple(own)
    if detours:
        rules.append(Rule((State((TRANSLATED,)),), Jump(BACK), "detours"))
    for bridge in bridges:
        name, subnet = bridge.name, bridge.subnet(family)
        if not subnet or family in bridge.routed:
            continue
        if bridge.masquerade:
            # Published ports stay as they are to all bridges.
            rules += [Rule((Source(subnet), Out(other), State((TRANSLATED,), negated=True)), Return(),
                           f"{name} to {other} {subnet}") for other in partners(bridge, own)]
            # Not the host's own traffic: it may use the bridge's address as a source of its own choice.
            rules += [Rule((Source(place), Out(name, negated=True), Local("source", negated=True)), Masquerade(),
                           f"{name} masquerade {place}") for place in bridge.inside(family)]
        # Hairpin: a reply between two ports of the bridge would go past the host and keep the wrong address.
        rules += [Rule((Source(place), Out(name), State((TRANSLATED,))), Masquerade(), f"{name} hairpin {place}")
                  for place in bridge.inside(family)]
        if family == "ipv4":
            # 127.0.0.1 as a source never leaves a host.
            rules.append(Rule((Source(_LOOPBACK), Out(name), State((TRANSLATED,))), Masquerade(),
                              f"{name} loopback"))
    return Chain(SNAT, tuple(rules))


def back_chain(detours: Iterable[Detour]) -> Chain:
    """Clients that a container would answer by another interface, or not at all, are answered by way of the bridge."""
    return Chain(BACK, tuple(Rule((*(() if detour.of_everybody else (Source(detour.source),)),
                                   Destination(detour.address)), Masquerade(), detour.note)
                             for detour in sorted(detours)), Lookup.DESTINATION)


def raw_chain(bridges: Iterable[Bridge], family: str, own: Iterable[Bridge]) -> Chain:
    """Before connection tracking: what is addressed to a container or to the loopback and comes from elsewhere."""
    rules, own = [], tuple(own)
    if family == "ipv4":
        # Publishing on 127.0.0.1 needs route_localnet on the bridge, which lets a container (and, where somebody set
        # it for all interfaces, a neighbour) address the host's loopback, or pass for it. Translated replies come by
        # later.
        elsewhere = In("lo", negated=True)
        rules += [Rule((Destination(_LOOPBACK), elsewhere), Drop(), "loopback from elsewhere"),
                  Rule((Source(_LOOPBACK), elsewhere), Drop(), "loopback as a source elsewhere")]
    for bridge in bridges:
        # Without masquerade the replies to a container are addressed to it: only the filter table can tell them.
        if (subnet := bridge.subnet(family)) and bridge.masquerades(family):
            rules += _direct_access(bridge, subnet, family, own)
    return Chain(RAW, tuple(rules))


def _direct_access(bridge: Bridge, subnet: str, family: str, own: Sequence[Bridge]) -> list[Rule]:
    """Who may pass to the container addresses of a bridge, and that nobody else may."""
    name, inside = bridge.name, Destination(subnet)
    outside = (inside, In(name, negated=True), Local("destination", negated=True))
    if bridge.uplink:
        leads = Rule(outside, Jump(uplink.direct_chain(name)), f"{name} direct access {subnet}")
        return [leads] if bridge.inside(family) else []
    passing = [(In(other), f"{name} from {other}") for other in partners(bridge, own)]
    rules = [Rule((inside, match), Return(), note)
             for match, note in (*passing, *_trusted_interfaces(bridge, own))]
    if trusted := _trusted_networks(bridge, family):
        rules.append(Rule(outside, Jump(BRIDGES), f"{name} not from other bridges"))
        rules += [Rule((inside, match), Return(), note) for match, note in trusted]
    return [*rules, Rule(outside, Drop(), f"{name} direct access {subnet}")]


def raw_lease_chains(bridges: Iterable[Bridge], family: str, own: Sequence[Bridge]) -> list[Chain]:
    """The same where the containers of a bridge are known by their addresses."""
    found = []
    for bridge in bridges:
        if not (bridge.uplink and bridge.inside(family) and bridge.masquerades(family)):
            continue
        passing = [Rule((match,), Return(), note) for match, note in _trusted_interfaces(bridge, own)]
        if trusted := _trusted_networks(bridge, family):
            passing.append(Rule((), Jump(BRIDGES), f"{bridge.name} not from other bridges"))
            passing += [Rule((match,), Return(), note) for match, note in trusted]
        found.append(uplink.direct_chain_of(bridge, family, passing))
    return found
