# SPDX-License-Identifier: GPL-3.0-or-later
"""The host knows where its containers are, and does not believe what their neighbours say of that. Pure.

A container can answer for the address of another one (ARP, neighbour discovery), and send with its MAC address. Then
the host would send to it what is for the other one, published ports included. So the addresses of leases are set on the
bridge, and their MAC addresses at the ports: for those whose MAC address was given or derived here.
"""
from __future__ import annotations

from collections import Counter

from ..bridge.model import bridges
from ..core.model import is_known
from ..endpoint.leases import on_subnet
from ..firewall.model import FAMILIES
from ..host.draft import Draft
from ..host.endpoints import endpoints
from ..link.model import Neighbour
from ..link.neighbours import NeighbourAdd, NeighbourDel


def keep_neighbours(draft: Draft) -> None:
    """Add to the draft what makes the neighbours that are set fit the leases; those of others stay as they are.

    What does not hold any more goes before the inside of containers changes, and the new is set after it: in between
    the kernel asks, as it does everywhere else.
    """
    found = draft.state.neighbours
    if found is None:
        return
    wanted = find_neighbours(draft)
    for key, each in sorted(found.items()):
        if each.own and (key not in wanted or wanted[key].neighbour != each):
            draft.do(NeighbourDel(each))
    for key, adding in wanted.items():
        if key not in found:
            draft.do(adding)


def find_neighbours(draft: Draft) -> dict[tuple[str, str], NeighbourAdd]:
    """What is to be set for the leases of a host.

    A bridge that others made may have a MAC address that changes with its ports, and with it the kernel forgets all
    neighbours (``neigh_changeaddr()``). There the MAC addresses at the ports have to do.
    """
    own = {name: bridge for name, bridge in bridges(draft.state).items() if bridge.link.up}
    leases = [lease for lease in endpoints(draft.state) if lease.bridge in own and lease.mac_address]
    holders = Counter((lease.bridge, lease.mac_address) for lease in leases)
    wanted: dict[tuple[str, str], NeighbourAdd] = {}
    for lease in leases:
        bridge, mac = own[lease.bridge], lease.mac_address
        # Where the host has no end of IPv6 the kernel takes no neighbours of it.
        known = [family for family in FAMILIES if not (family == "ipv6" and family in bridge.isolated)]
        places = [Neighbour(bridge.name, mac, lease.ip(family)) for family in known if not bridge.adopted
                  and bridge.subnet(family) and is_known(address := lease.with_prefix(family))
                  and on_subnet(address, bridge.subnet(family))]
        if holders[bridge.name, mac] == 1:  # one that is given twice is where it was heard of last
            places.append(Neighbour(lease.link.name, mac))
        inside = "" if lease.link.name in draft.observed.host.links else lease.path
        wanted.update({each.key: NeighbourAdd(each, inside) for each in places})
    return wanted
