# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bridge means in rules: forwarding, masquerade, and protection from direct access.

A packet towards a bridge of ours passes ``MOORING-IN-<bridge>``, which ends in DROP: whatever the policy of FORWARD,
only replies, published ports and (by the bridge's access policy) its own containers get in.
"""
from __future__ import annotations

from collections.abc import Iterable

from ..bridge.model import Bridge
from ..core.names import chain_name
from ..firewall.model import Chain, Hook, Rule

FORWARD, DNAT, SNAT, RAW = "MOORING-FORWARD", "MOORING-DNAT", "MOORING-SNAT", "MOORING-RAW"
OTHERS = "MOORING-OTHERS"

HOOKS = {
    # First: a rule before ours that accepts would open what the DROP at the end of ours closes.
    "filter": (Hook("FORWARD", ("-j", FORWARD), first=True),),
    # A host's own connections never pass PREROUTING, so published ports hook into OUTPUT too.
    "nat": (Hook("PREROUTING", ("-m", "addrtype", "--dst-type", "LOCAL", "-j", DNAT)),
            Hook("OUTPUT", ("-m", "addrtype", "--dst-type", "LOCAL", "-j", DNAT)),
            Hook("POSTROUTING", ("-j", SNAT))),
    "raw": (Hook("PREROUTING", ("-j", RAW), first=True),),
}


# Last: whoever forwards between other interfaces on purpose has rules of their own, and those decide first.
OTHERS_HOOK = Hook("FORWARD", ("-j", OTHERS), last=True)


def inward_chain(bridge: str) -> str:
    return chain_name(f"MOORING-IN-{bridge}")


def icc_chain(bridge: str) -> str:
    return chain_name(f"MOORING-ICC-{bridge}")


def forward_chain(bridges: Iterable[Bridge]) -> Chain:
    """Towards a bridge comes before away from one, so that traffic between two bridges meets the target's DROP."""
    names = [bridge.name for bridge in bridges]
    inward = [Rule(("-o", name, "-j", inward_chain(name)), f"{name} in") for name in names]
    outward = [Rule(("-i", name, "-j", "ACCEPT"), f"{name} out") for name in names]
    return Chain(FORWARD, (*inward, *outward))


def bridge_chain(bridge: Bridge) -> Chain:
    """The state DNAT covers every published port at once, so that none needs a rule in this table."""
    name = bridge.name
    return Chain(inward_chain(name), (
        Rule(("-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT"), f"{name} replies"),
        Rule(("-m", "conntrack", "--ctstate", "DNAT", "-j", "ACCEPT"), f"{name} published"),
        Rule(("-i", name, "-j", icc_chain(name)), f"{name} own containers"),
        Rule(("-j", "DROP"), f"{name} unpublished"),
    ))


def others_chain(bridged: bool) -> Chain:
    """A host that forwards only because we switched it on is no router between its other interfaces.

    What concerns bridges of ours was decided at the top of FORWARD. Docker changes the chain's policy for this.

    :param bridged: whether frames between two ports of somebody's bridge pass here as well, which is no routing. Only
        then is there a rule for them: the match loads br_netfilter, and with it all bridges of the host begin to pass.
    """
    frames = Rule(("-m", "physdev", "--physdev-is-bridged", "-j", "RETURN"), "bridged frames of others")
    return Chain(OTHERS, (*((frames,) if bridged else ()), Rule(("-j", "DROP"), "forwarding between others")))


def without_loopback(doors: Chain) -> Chain:
    """A packet from ::1 never leaves a host, so a connection to [::1] is to be refused at once and not to hang."""
    return Chain(doors.name, (Rule(("-d", "::1", "-j", "RETURN"), "loopback"), *doors.rules))


def snat_chain(bridges: Iterable[Bridge], family: str) -> Chain:
    """Masquerade of what leaves, and of what must come back through the host to be translated back."""
    rules = []
    for bridge in bridges:
        name, subnet = bridge.name, bridge.subnet(family)
        if not subnet:
            continue
        if bridge.masquerade:
            # Not the host's own traffic: it may use the bridge's address as a source of its own choice.
            rules.append(Rule(("-s", subnet, "!", "-o", name, "-m", "addrtype", "!", "--src-type", "LOCAL",
                               "-j", "MASQUERADE"), f"{name} masquerade {subnet}"))
        # Hairpin: a reply between two ports of the bridge would go past the host and keep the wrong address.
        rules.append(Rule(("-s", subnet, "-o", name, "-m", "conntrack", "--ctstate", "DNAT", "-j", "MASQUERADE"),
                          f"{name} hairpin {subnet}"))
        if family == "ipv4":
            # 127.0.0.1 as a source never leaves a host.
            rules.append(Rule(("-s", "127.0.0.0/8", "-o", name, "-m", "conntrack", "--ctstate", "DNAT",
                               "-j", "MASQUERADE"), f"{name} loopback"))
    return Chain(SNAT, tuple(rules))


def raw_chain(bridges: Iterable[Bridge], family: str) -> Chain:
    """Before connection tracking: what is addressed to a container or to the loopback and comes from elsewhere."""
    rules = []
    if family == "ipv4":
        # Publishing on 127.0.0.1 needs route_localnet on the bridge, which lets a container (and, where somebody set
        # it for all interfaces, a neighbour) address the host's loopback. Translated replies come by later.
        rules.append(Rule(("-d", "127.0.0.0/8", "!", "-i", "lo", "-j", "DROP"), "loopback from elsewhere"))
    for bridge in bridges:
        subnet = bridge.subnet(family)
        # Without masquerade the replies to a container are addressed to it: only the filter table can tell them.
        if subnet and bridge.masquerade:
            rules.append(Rule(("-d", subnet, "!", "-i", bridge.name, "-m", "addrtype", "!", "--dst-type", "LOCAL",
                               "-j", "DROP"), f"{bridge.name} direct access {subnet}"))
    return Chain(RAW, tuple(rules))
