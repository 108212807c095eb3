# SPDX-License-Identifier: GPL-3.0-or-later
"""Host ports that rules of others have claimed, against those that a task asks for. Pure."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..core.errors import OptionError
from ..foreign.claims import claims
from ..host.model import HostState
from ..ports.model import ANY_IPV4, ANY_IPV6, PROTOCOLS, Claim, PortSpec, Publication, range_text
from ..ports.wanted import Interfaces
from ..ports.occupied import Occupied, addresses_collide, describe_owner

_ANY = (ANY_IPV4, ANY_IPV6)


def find_claims(state: HostState) -> tuple[Claim, ...]:
    """All claims of others on addresses of the host."""
    return tuple(claims(state.foreign, state.native, state.host.addresses))


def occupied_by(claims_of_others: Iterable[Claim]) -> Occupied:
    """Host ports that are claimed as such."""
    occupied = Occupied()
    for claim in claims_of_others:
        for first, last in claim.ports:
            for protocol in (claim.protocol,) if claim.protocol else PROTOCOLS:
                occupied.add(protocol, claim.address, first, last - first + 1, claim)
    return occupied


def refuse_whole_address(claims_of_others: Iterable[Claim], specs: Sequence[PortSpec], default_host_ip: str,
                         current: Iterable[Publication], interfaces: Interfaces) -> None:
    """:raises OptionError: for a port of exactly the address that a rule before ours sends elsewhere as a whole"""
    kept = {(publication.host_ip, publication.protocol) for publication in current}
    for claim in claims_of_others:
        for spec in specs if not claim.ports and claim.address not in _ANY else ():
            own = interfaces(spec.interface, claim.family) if spec.interface else (spec.address(default_host_ip),)
            if claim.address in own and claim.protocol in ("", spec.protocol) \
                    and (claim.address, spec.protocol) not in kept:
                raise OptionError("published_ports", spec.text, f"is for {claim.address}, all of which {claim.owner}",
                                  "Publish it on another address, or take that rule away")


def find_contested(claims_of_others: Sequence[Claim], occupied: Occupied,
                   published: Iterable[Publication]) -> Iterator[str]:
    """What somebody else claims although it is published already, and what goes elsewhere before it gets here."""
    whole = [claim for claim in claims_of_others if not claim.ports]
    found: dict[Claim, list[str]] = {}
    for publication in published:
        if publication.direct:  # at the container's own address, where no port of the host is taken
            continue
        taken = occupied.find_taken(publication.protocol, publication.host_ip, publication.host_port,
                                    publication.count)
        if taken:
            owner = describe_owner(taken[1])
            yield (f"host port {taken[0]}/{publication.protocol} of {publication.container} {owner} as well: "
                   "only one of the two gets the connections. Take that rule away, or publish another port")
        for claim in whole:
            if claim.family == publication.family and claim.protocol in ("", publication.protocol) and \
                    addresses_collide(claim.address, publication.host_ip):
                ports = range_text(publication.host_port, publication.host_port + publication.count - 1)
                found.setdefault(claim, []).append(f"{ports}/{publication.protocol} of {publication.container}")
    for claim, places in found.items():
        what = "all connections" if claim.address in _ANY else f"all connections to {claim.address}"
        yield (f"{what} go to {claim.target} before they can reach published port {', '.join(places[:5])}"
               f"{' and others' if len(places) > 5 else ''}: a rule of others comes first ({claim.place})")
