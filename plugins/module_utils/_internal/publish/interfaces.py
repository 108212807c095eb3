# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports that are published on an interface: on the addresses that it has, whichever these are. Pure.

A rule that asked for the interface itself would not do: what a container or the host sends to one of its addresses
comes in by another one, or by none. So rules ask for the addresses, and every run brings them up to date.
"""
from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable, Sequence

from ..core.model import is_known
from ..host.draft import Draft
from ..link.model import Namespace
from ..ports.model import NOWHERE, Publication, family_of, waiting_place
from ..ports.occupied import describe_owner, occupy_published
from ..ports.wanted import Interfaces


def places_of(host: Namespace) -> Interfaces:
    """What an interface has of a family, by its name or another one of its names."""
    def places(name: str, family: str) -> Sequence[str]:
        return _addresses(host, name, family) or (waiting_place(name, family),)

    return places


def _addresses(host: Namespace, name: str, family: str) -> tuple[str, ...]:
    """Those that ports can be published on: what comes to a link-local address of IPv6 is never forwarded."""
    link = host.find(name)
    found = [address.partition("/")[0] for address in (link.addresses if link else ()) if is_known(address)]
    return tuple(dict.fromkeys(address for address in found if family_of(address) == family and not (
        family == "ipv6" and ipaddress.ip_address(address).is_link_local)))


def follow_interfaces(draft: Draft, published: Sequence[Publication]) -> list[Publication]:
    """The same ports on the addresses that their interfaces have now, but for those that somebody else has by then."""
    found = [publication for publication in published if not publication.interface]
    if len(found) == len(published):
        return found
    occupied = occupy_published(found)
    for publication in _once(published):
        here = []
        for address in _addresses(draft.state.host, publication.interface, publication.family):
            taken = occupied.find_taken(publication.protocol, address, publication.host_port, publication.count)
            if taken is None:
                here.append(dataclasses.replace(publication, host_ip=address))
            else:
                draft.warn(f"port {taken[0]}/{publication.protocol} of {publication.container} is not published on "
                           f"{address}, which {publication.interface} has: there it {describe_owner(taken[1])}")
        for each in here or [publication]:
            occupied.publish(each)
            found.append(each)
    return found


def _once(published: Iterable[Publication]) -> list[Publication]:
    """Each port that is published on an interface as one that waits there."""
    return list(dict.fromkeys(dataclasses.replace(each, host_ip=NOWHERE[each.family])
                              for each in published if each.interface))
