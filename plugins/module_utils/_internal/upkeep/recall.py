# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges and endpoints that have lost their mark, told by what the host has of them otherwise. Pure.

A mark is the alias of a link, which root can clear. Without it a bridge would lose its rules, and its containers their
protection. So what its chains say is as good as its mark: ``MOORING-IN-front`` is made for one bridge, and the notes of
its rules say how that was set. An endpoint is told by the name of its host's end, which is made of those of the
container and the interface, and by what is set of its neighbours.
"""
from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Optional

from ..bridge.forwarding import find_noted
from ..bridge.lost import is_certain
from ..bridge.model import Bridge, bridge_of
from ..core.names import bridge_mac, endpoint_link, mac_of
from ..core.plan import CLOSE
from ..firewall.model import FAMILIES, note_of
from ..host.draft import Draft
from ..host.endpoints import FROM_IP, Endpoint, find_lost_ends, outer_end
from ..host.ledger import find_limits
from ..host.model import HostState
from ..link.bandwidth import ROOT, Bandwidth, ifb_name, limit_of
from ..link.model import VETH, Link, Namespace
from ..link.operations import LinkSet
from ..netns.model import HOST, named_path
from ..policy.bridge import icc_chain, inward_chain
from ..ports.model import family_of

_Notes = Mapping[tuple[str, str], Sequence[str]]  # by family and chain of the filter table


def recall(observed: HostState) -> HostState:
    """The host with the marks that its links have lost, as far as something tells them. The kernel lacks them still."""
    lost = [*_lost_bridges(observed), *_lost_pairs(observed)]
    if not lost and not any(find_lost_ends(observed)):
        return observed
    found = observed.copy()
    for link in lost:
        found.host.links[link.name] = link
    for link in [*find_lost_ends(found)]:
        if (endpoint := _find_endpoint(found, link)) is not None:
            found.host.links[link.name] = dataclasses.replace(link, presumed=endpoint.mark.text)
    return found


def claim(draft: Draft) -> None:
    """Add to the draft what gives links the marks back that they have lost, where it is certain that they are ours."""
    for link in [link for link in draft.state.host.links.values() if link.presumed and not link.is_marked]:
        if link.kind != "bridge" or is_certain(link):
            draft.do(LinkSet(HOST, link, dataclasses.replace(link, alias=link.presumed)), CLOSE)


def find_doubtful(state: HostState) -> list[str]:
    """Sentences about bridges that keep their rules and of which nobody knows whether they are ours."""
    return [f"bridge {link.name} has rules of this collection and has lost its mark: claim it with docker_bridge "
            f"name={link.name} mac_address={link.mac}, or let go of its rules with state=absent"
            for link in state.host.links.values() if link.presumed and link.kind == "bridge" and not is_certain(link)]


# -- bridges ----------------------------------------------------------------------------------------------------------

def _lost_bridges(state: HostState) -> Iterator[Link]:
    """Bridges without a mark that chains of ours are for. The first one has the guard that no other one has."""
    held = {family for link in state.find_bridges() if (bridge := bridge_of(link)) for family in bridge.guard}
    guard = tuple(family for family in find_noted(state) if family not in held)
    for link in state.host.links.values():
        chains = [_chain(state, family, inward_chain(link.name)) for family in FAMILIES]
        if link.kind == "bridge" and link.mark is None and any(chain is not None for chain in chains):
            bridge = dataclasses.replace(_recall_bridge(state, link), guard=guard)
            guard = ()
            yield dataclasses.replace(link, presumed=bridge.mark.text)


def _chain(state: HostState, family: str, name: str) -> Optional[list[str]]:
    """The notes of a chain of the filter table, None where there is no such chain."""
    table = state.tables.get((family, "filter"))
    chain = table.chains.get(name) if table else None
    return None if chain is None else [note_of(comment) for comment in chain.comments]


def _recall_bridge(state: HostState, link: Link) -> Bridge:
    """A bridge with the settings that its rules tell; the others are as for a new one."""
    name = link.name
    inward = {family: _chain(state, family, inward_chain(name)) for family in FAMILIES}
    notes = [note for found in inward.values() for note in found or ()]
    translated = [note for family in FAMILIES for note in _notes(state, family, "nat")]
    masquerade = not any(note.startswith(f"{name} hairpin ") for note in translated) or any(
        note.startswith((f"{name} masquerade ", f"{name} outward ")) for note in translated)
    outbound = {family_of(address): address for note in _words(translated, f"{name} source ")
                for address in note.split(" ")[:1]}
    trusted = sorted(_words(notes, f"{name} trusted "))
    own = [note for note in notes if note.startswith(f"{name} own containers")]
    raw = {family: list(_notes(state, family, "raw")) for family in FAMILIES}
    isolated = tuple(family for family in FAMILIES
                     if any(f"{note} ".startswith(f"{name} isolated ") for note in raw[family]))
    networks = {family: "".join(_words(raw[family], f"{name} isolated ")) for family in FAMILIES}
    closed = [note for family in FAMILIES for note in _notes(state, family, "filter") if note.endswith(" internal out")]
    checked = any(note == f"{name} from elsewhere" for family in FAMILIES for note in _notes(state, family, "raw"))
    return Bridge(
        link, masquerade=masquerade, outbound=outbound.get("ipv4", ""), outbound_v6=outbound.get("ipv6", ""),
        icc=not any(f"{name} icc off" in (_chain(state, family, icc_chain(name)) or ()) for family in FAMILIES),
        iptables=_filters(state, "ipv4", inward), ip6tables=_filters(state, "ipv6", inward),
        routed=tuple(family for family in FAMILIES if f"{name} echo" in (inward[family] or ())),
        internal=f"{name} internal out" in closed, isolated=isolated, network=networks["ipv4"],
        network_v6=networks["ipv6"],
        allowed=_allowed(state, name, notes), uplink=f"{name} own containers" not in own,
        trusted_interfaces=tuple(word for word in trusted if not _is_network(word)),
        trusted_networks=tuple(word for word in trusted if _is_network(word)),
        adopted=link.mac != bridge_mac(name) and not checked,
        limit=next((limit.digest for limit in find_limits(state, of_bridges=True) if limit.bridge == name), ""))


def _filters(state: HostState, family: str, inward: Mapping[str, Optional[list[str]]]) -> bool:
    return family in state.unusable or inward[family] is not None


def _notes(state: HostState, family: str, table: str) -> Iterator[str]:
    observed = state.tables.get((family, table))
    for chain in observed.chains.values() if observed else ():
        yield from map(note_of, chain.comments)


def _words(notes: Sequence[str], beginning: str) -> set[str]:
    return {note[len(beginning):] for note in notes if note.startswith(beginning)}


def _allowed(state: HostState, name: str, notes: Sequence[str]) -> tuple[str, ...]:
    """Its partners, but for those whose own mark says so."""
    others = {link.name: bridge_of(link) for link in state.find_bridges()}
    return tuple(sorted(word for word in _words(notes, f"{name} from ")
                        if not ((other := others.get(word)) and name in other.allowed)))


def _is_network(word: str) -> bool:
    try:
        ipaddress.ip_network(word)
    except ValueError:
        return False
    return True


# -- ends of containers and of pairs ----------------------------------------------------------------------------------

def _find_endpoint(state: HostState, link: Link) -> Optional[Endpoint]:
    """The endpoint whose host's end a link is, None where nothing tells its container or its addresses."""
    for name in (*state.named, *state.namespaces):
        here = state.namespaces.get(name if name.startswith("/") else named_path(name), Namespace())
        for inner in here.links.values():
            if (inner.index, inner.peer_index) == (link.peer_index, link.index) and (
                    endpoint_link(name, inner.name) == link.name):
                return _recall_endpoint(state, link, name, inner)
    return None


def _recall_endpoint(state: HostState, link: Link, container: str, inner: Link) -> Optional[Endpoint]:
    """What is set on the host says which addresses are the container's: it may give itself whichever it likes."""
    bridge = bridge_of(state.host.links[link.controller])
    if bridge is None or state.neighbours is None:
        return None
    set_here = state.neighbours.values()
    mac = next((each.mac for each in set_here if each.interface == link.name and not each.address), "")
    found = {family_of(each.address): each.address for each in set_here
             if mac and each.own and each.interface == bridge.name and each.address and each.mac == mac}
    if not found:
        return None
    with_prefix = {family: f"{address}/{ipaddress.ip_network(bridge.subnet(family)).prefixlen}"
                   for family, address in found.items() if bridge.subnet(family)}
    derived = "ipv4" in found and mac == mac_of(found["ipv4"])
    return Endpoint(container, inner.name, link, address=with_prefix.get("ipv4", ""),
                    address_v6=with_prefix.get("ipv6", ""), mac=FROM_IP if derived else mac,
                    bandwidth=_recall_bandwidth(state, link, container, inner.name),
                    limit=next((limit.digest for limit in find_limits(state)
                                if (limit.container, limit.interface) == (container, inner.name)), ""))


def _recall_bandwidth(state: HostState, link: Link, container: str, interface: str) -> Bandwidth:
    found = state.shapers or {}
    limits = [limit_of(bucket, link.mtu) if (bucket := found.get((name, ROOT))) else None
              for name in (link.name, ifb_name(container, interface))]
    return Bandwidth(*limits)


def _lost_pairs(state: HostState) -> Iterator[Link]:
    """Ends of pairs on the host of which the other end has kept its mark."""
    for marked in state.find_marked(VETH):
        other = outer_end(state, marked)
        if other is not None and not other.alias:
            yield dataclasses.replace(other, presumed=marked.alias)
