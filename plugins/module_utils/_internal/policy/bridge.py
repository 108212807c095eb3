# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bridge means in rules of the filter table: forwarding.

A packet towards a bridge of ours passes ``MOORING-IN-<bridge>``, which ends in DROP: whatever the policy of FORWARD,
only replies, published ports and (by the bridge's access policy) its own containers get in.

Whatever there may be one rule of for each bridge is looked up, so that a packet pays the same with one bridge and with
a hundred. It is found by the address of the container first, which takes fewer steps than the name of the bridge; the
name decides all the same, and finds what has another address.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..bridge.model import Bridge, partners
from ..core.names import chain_name
from ..firewall.model import (
    ECHO_REQUEST,
    ESTABLISHED,
    GUARD,
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
    Match,
    Out,
    Return,
    Rule,
    Source,
    State,
)
from ..ports.model import family_of
from . import begun, internal, uplink

FORWARD, DNAT, SNAT, RAW = "MOORING-FORWARD", "MOORING-DNAT", "MOORING-SNAT", "MOORING-RAW"
OTHERS, BRIDGES = GUARD, "MOORING-BRIDGES"
TOWARDS, BESIDE, ONWARD, AWAY = "MOORING-TOWARDS", "MOORING-BESIDE", "MOORING-ONWARD", "MOORING-AWAY"

HOST_ITSELF = "127.0.0.0/8"
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


def handed_chain(bridge: str) -> str:
    return chain_name(f"MOORING-TO-{bridge}")


def forward_chains(bridges: Sequence[Bridge], own: Sequence[Bridge], family: str,
                   inner: Iterable[str] = (), groups: bool = False, outer: Iterable[str] = ()) -> list[Chain]:
    """Towards a bridge comes before away from one, so that traffic between two bridges meets the target's DROP.

    What is under way needs no look at all the names, since every bridge lets it in: it does not go to containers of
    ours, unless a container routes for them. Only others may think otherwise of it, or have nothing to do with us.

    :param own: all bridges of ours, also those without rules of this family
    :param inner: bridges with nothing but containers behind them. Those whose rules are not ours decide themselves who
        gets in: Docker before 28 leaves the rest to the policy of FORWARD, which our ACCEPT would anticipate
    :param groups: whether rules ask for the group of an interface
    :param outer: interfaces of others that lead to the outside and are to be known first
    """
    # With an uplink only addresses tell containers from others.
    names = [bridge.name for bridge in bridges if not bridge.uplink]
    inward = [Rule((Out(name),), Jump(inward_chain(name)), f"{name} in") for name in names]
    others = [name for name in inner if name not in [bridge.name for bridge in bridges]]
    handed = [chain for other in others if (chain := _handed_over(other, bridges, own)).rules]
    pairs = [Rule((Out(other),), Jump(chain.name), f"{other} from its partners")
             for other in others for chain in handed if chain.name == handed_chain(other)]
    theirs = [Rule((Out(other),), Return(), f"{other} has rules of others") for other in others]
    outward = [Rule((In(bridge.name),), Accept(), f"{bridge.name} out") for bridge in bridges
               if not (bridge.uplink or bridge.internal)]
    under_way = State((RELATED, ESTABLISHED))
    first = [Rule((under_way,), Jump(begun.BEGUN), "under way, by group")] if groups else []
    beside = Chain(BESIDE, (*theirs, Rule((), Jump(ONWARD), "from containers")), Lookup.OUT)
    return [Chain(FORWARD, (*first, Rule((), Jump(TOWARDS), "to containers"),
                            Rule((under_way,), Jump(BESIDE if theirs else ONWARD), "under way"),
                            *inward, *pairs, *theirs,
                            Rule((), Jump(ONWARD), "from containers"), Rule((), Jump(AWAY), "from bridges")),
                  Lookup.OUT), *internal.filter_chains(bridges), *((begun.chain(theirs),) if groups else ()),
            *_by_address(bridges, family, [name for name in outer if name not in others]),
            *((beside,) if theirs else ()), Chain(AWAY, tuple(outward), Lookup.IN), *handed]


def _handed_over(other: str, bridges: Iterable[Bridge], own: Sequence[Bridge]) -> Chain:
    """Who may open connections to a bridge whose rules are not ours."""
    return Chain(handed_chain(other), tuple(
        Rule((In(bridge.name),), Accept(), f"{bridge.name} to {other}")
        for bridge in bridges if other in partners(bridge, own)), Lookup.IN)


def _by_address(bridges: Sequence[Bridge], family: str, ways_out: Iterable[str]) -> list[Chain]:
    """What goes to containers, and comes from them, at addresses of their bridges: nearly all.

    What goes out by a way to the outside goes to no bridge, so that it is not compared with all the names.
    """
    here = [(bridge, place) for bridge in bridges for place in bridge.inside(family)]
    inward = [Rule((Destination(place), Out(bridge.name)), Jump(inward_chain(bridge.name)), f"{bridge.name} in {place}")
              for bridge, place in here]
    outward = [Rule((Source(place), In(bridge.name)), Accept(), f"{bridge.name} out {place}")
               for bridge, place in here if not bridge.internal]
    passing = [Rule((Out(name),), Jump(ONWARD), f"to the outside by {name}") for name in ways_out]
    return [Chain(TOWARDS, (*inward, *passing), Lookup.TO), Chain(ONWARD, tuple(outward), Lookup.FROM)]


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
               for matches, which in uplink.from_containers(bridge, family)),
             *(Rule((match,), Accept(), note) for match, note in trusted_interfaces(bridge, own))]
    if family == "ipv6" and bridge.uplink:
        rules += neighbour_rules(name)
    if family in bridge.routed:
        # Docker accepts all of ICMP here; errors are covered by their connection's state.
        rules.append(Rule((Icmp(ECHO_REQUEST),), Accept(), f"{name} echo"))
    if trusted := trusted_networks(bridge, family):
        rules.append(Rule((), Jump(BRIDGES), f"{name} not from other bridges"))
        rules += [Rule((match,), Accept(), note) for match, note in trusted]
    return Chain(inward_chain(name), (*rules, Rule((), Drop(), f"{name} unpublished")), Lookup.IN)


def trusted_interfaces(bridge: Bridge, own: Iterable[Bridge]) -> list[tuple[Match, str]]:
    """Matches with their notes. A bridge of ours is nothing to trust, if an interface that was trusted became one."""
    inner = {other.name for other in own if not other.uplink}
    return [(In(interface), f"{bridge.name} trusted {interface}") for interface in bridge.trusted_interfaces
            if interface not in inner]


def trusted_networks(bridge: Bridge, family: str) -> list[tuple[Match, str]]:
    return [(Source(network), f"{bridge.name} trusted {network}") for network in bridge.trusted_networks
            if family_of(network) == family]


def neighbour_rules(bridge: str) -> list[Rule]:
    """Neighbour discovery of IPv6 is what ARP is for IPv4, but it passes the rules, without a state."""
    return [Rule((Icmp(kind),), Accept(), f"{bridge} neighbours {number}") for number, kind in _NEIGHBOURS.items()]


def bridges_chain(own: Iterable[Bridge], family: str) -> Chain:
    """What comes from a bridge of ours ends here: a container may write any source address into its packets."""
    return Chain(BRIDGES, tuple(Rule(matches, Drop(), f"from bridge {bridge.name}{which}") for bridge in own
                                for matches, which in uplink.from_containers(bridge, family)), Lookup.IN)


def others_chain(bridged: bool) -> Chain:
    """A host that forwards only because we switched it on is no router between its other interfaces.

    What concerns bridges of ours was decided before. Docker changes the chain's policy for this.

    :param bridged: whether frames between two ports of somebody's bridge pass here as well, which is no routing. Only
        then is there a rule for them: the match loads br_netfilter, and with it all bridges of the host begin to pass.
    """
    frames = Rule((Bridged(),), Return(), "bridged frames of others")
    return Chain(OTHERS, (*((frames,) if bridged else ()), Rule((), Drop(), "forwarding between others")))
