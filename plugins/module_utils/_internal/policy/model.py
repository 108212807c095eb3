# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules are to mean: bridges, published ports, links between containers."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..bridge.model import Bridge
from ..ports.allow import AllowList, Limit
from ..ports.detour import Detour
from ..ports.linkage import Linkage
from ..ports.model import Publication, family_of


@dataclass(frozen=True, order=True)
class End:
    """Which addresses the container behind a port of a bridge has, or may have: without prefix lengths.

    Containers of one bridge can write each other's addresses into their packets. Rules that trust the address of one
    container ask for its port as well, where the kernel tells ports.
    """

    bridge: str
    port: str
    addresses: tuple[str, ...] = ()

    def of(self, family: str) -> list[str]:
        return [address for address in self.addresses if family_of(address) == family]


@dataclass(frozen=True)
class Policy:
    """Everything that our chains of a host are made from."""

    bridges: Mapping[str, Bridge] = field(default_factory=dict)
    publications: tuple[Publication, ...] = ()
    links: tuple[Linkage, ...] = ()
    detours: tuple[Detour, ...] = ()
    held: tuple[Publication, ...] = ()  # noted and closed
    held_links: tuple[Linkage, ...] = ()
    bridged: tuple[str, ...] = ()  # families of which frames between two ports of a bridge pass the rules
    # By bridge and family the networks that may send from a bridge. One that is not in it may send with any source.
    sources: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    groups: bool = False  # whether rules ask for the group of an interface
    outer: tuple[str, ...] = ()  # interfaces of others that lead to the outside and are to be known first
    guarded: tuple[str, ...] = ()  # families of which the host does not forward between other interfaces
    user: bool = False  # whether rules of the administrator come first
    user_made: tuple[str, ...] = ()  # families whose chain for them was made here
    inner: tuple[str, ...] = ()  # bridges of anybody behind which there are but containers and virtual machines
    limits: tuple[Limit, ...] = ()  # whose sending lists limit
    away: tuple[Limit, ...] = ()  # those of interfaces of which neither the end nor the bridge is there
    ends: tuple[End, ...] = ()  # of bridges on which the kernel tells rules the port that something comes in by
    lists: Mapping[str, AllowList] = field(default_factory=dict)  # by digest; one that is not here closes
