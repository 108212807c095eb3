# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a veth pair exist between two places, or go. Pure."""
from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NoReturn, Optional

from ..core.errors import ContainerError, MooringError, OptionError
from ..core.plan import MAKE_LINK, View
from ..endpoint.inside import ensure_route
from ..host.draft import Draft
from ..host.endpoints import DISABLE_V6
from ..host.model import HostState, Scope
from ..host.operations import SysctlSet
from ..host.settings import known
from ..link.addressing import AddrAdd, AddrDel
from ..link.model import IPV6_MIN_MTU, Link, Namespace, Route
from ..link.operations import LinkAdd, LinkDel, LinkSet, Peer
from ..link.reach import is_connected, require_reach, require_reach_inside
from ..netns.model import HOST, label_of_path
from ..ports.ledger import Ledger
from .ends import find, is_handed_over, is_pair, is_unmarked, mark_of, path_of, view
from .model import LocatedEnd, LocatedVeth

DEFAULT_MTU = 1500  # ETH_DATA_LEN, what the kernel gives a veth


def scope(items: Sequence[LocatedVeth], _look: HostState) -> Scope:
    paths = {end.place.path: None for item in items for end in item.ends if end.place and not end.place.missing}
    sysctls = [(path, name) for item in items for end in item.ends for path in (path_of(end),)
               if path == HOST or path in paths if any(":" in address for address in end.addresses or ())
               for name in (DISABLE_V6.format(end.name), DISABLE_V6.format("default"))]
    return Scope(namespaces=tuple(paths), sysctls=tuple(sysctls))


def release(draft: Draft, items: Sequence[LocatedVeth]) -> None:
    """:raises MooringError: for an interface that is no end of the pair, or one of two pairs"""
    _refuse_shared(draft, items)
    for item in draft.each(items):
        if not item.present:
            _apart(draft, item, _absent)


def _refuse_shared(draft: Draft, items: Sequence[LocatedVeth]) -> None:
    """Two pairs with an end in common would take it from each other in every run."""
    owners: dict[tuple[str, str], str] = {}
    for number, item in enumerate(draft.each(items)):
        for end in item.ends:
            owner = owners.setdefault((path_of(end), end.name), f"{number} {item.name}")
            if owner != f"{number} {item.name}":
                raise MooringError(f"veth pair {item.name}: interface {end.name}{_in(end)} is an end of another pair "
                                   f"of this task as well, {owner.partition(' ')[2]}. Give one of them another name")


def amend(draft: Draft, items: Sequence[LocatedVeth]) -> None:
    """:raises MooringError: when something asked for contradicts what is there"""
    for item in draft.each(items):
        if item.present:
            _apart(draft, item, _present)


def _apart(draft: Draft, item: LocatedVeth, planner: Callable[[Draft, LocatedVeth], None]) -> None:
    """Plan a pair; what a container keeps from being done in it concerns the pairs with an end there."""
    if not any(end.place and end.place.label in draft.failed for end in item.ends):
        with draft.bearing():
            planner(draft, item)


def views(state: HostState, _ledger: Ledger, items: Sequence[LocatedVeth]) -> list[View]:
    return [view(state, item) for item in items]


def _present(draft: Draft, item: LocatedVeth) -> None:
    for end in item.ends:
        _require_namespace(draft, end)
    first, second = (_remove_unfinished(draft, end) for end in item.ends)
    if is_handed_over(first) and second is None:
        return
    for end, link, other in zip(item.ends, (first, second), (second, first)):
        if link is not None and not is_pair(link, item) and not is_unmarked(link, other, item):
            _refuse(end, OptionError("name" if end is item.first else "peer.name", end.name,
                                     f"exists{_in(end)} and is not an end of this pair",
                                     "Choose another name, or remove the existing interface"))
    if first and second and (first.index, first.peer_index) != (second.peer_index, second.index):
        names = " and ".join(end.name for end in item.ends)
        _refuse(next((end for end in item.ends if end.place), item.first), MooringError(
            f"{names} are ends of two different pairs: remove one of them with state: absent"))
    if first is None or second is None:
        # An end of ours whose other end is not where it should be: made anew, since moving costs more and less is sure.
        for end, link in zip(item.ends, (first, second)):
            if link is not None:
                draft.do(LinkDel(path_of(end), link))
        _create(draft, item)
    for end in item.ends:
        _configure(draft, item, end)


def _refuse(end: LocatedEnd, error: MooringError) -> NoReturn:
    """:raises ContainerError: for an end in a container, which may have made what is in the way; else the error"""
    if end.place:
        raise ContainerError(end.place.label, str(error)) from error
    raise error


def _remove_unfinished(draft: Draft, end: LocatedEnd) -> Optional[Link]:
    """The link of an end; one that a killed run left without its mark goes."""
    link = find(draft.state, end)
    if link is not None and link.unfinished:
        draft.do(LinkDel(path_of(end), link))
        return None
    return link


def _in(end: LocatedEnd) -> str:
    return f" in {label_of_path(path_of(end))}" if path_of(end) != HOST else ""


def _require_namespace(draft: Draft, end: LocatedEnd) -> None:
    path = path_of(end)
    if end.target and end.place and end.place.missing:
        draft.assume(end.place.missing, end.target.describe_start(), end.place.label)
    elif path not in draft.state.namespaces:
        draft.assume(f"{draft.state.describe_missing(path)} first", f"creates namespace {label_of_path(path)}",
                     end.place.label if end.place else "")
    elif end.target and draft.state.is_own_network(path):
        raise OptionError(end.target.kind, end.target.value, "is in the network of the host itself",
                          "Name a container with a network of its own, or leave it out for an end on the host")
    draft.state.namespaces.setdefault(path, Namespace())
    if end.bridge and end.bridge not in draft.state.host.links:
        draft.assume(f"bridge {end.bridge} does not exist: create it with docker_bridge first",
                     f"creates bridge {end.bridge}")
    elif end.bridge and draft.state.host.links[end.bridge].kind != "bridge":
        raise OptionError("bridge", end.bridge, "is not a bridge", "Name a bridge of the host")


def _mtu(draft: Draft, end: LocatedEnd) -> int:
    bridge = draft.state.host.links.get(end.bridge or "")
    return end.mtu or (bridge.mtu if bridge else DEFAULT_MTU)


def _create(draft: Draft, item: LocatedVeth) -> None:
    first, second = item.ends
    link = Link(first.name, "veth", mtu=_mtu(draft, first), mac=first.mac_address or "", alias=mark_of(item))
    peer = Peer(path_of(second), second.name, second.mac_address or "", _mtu(draft, second))
    draft.do(LinkAdd(path_of(first), link, peer))


def _configure(draft: Draft, item: LocatedVeth, end: LocatedEnd) -> None:
    """Bring one end to what is asked for; addresses that are not listed go, where a list is given."""
    path = path_of(end)
    netns = draft.state.namespaces[path]
    link = netns.links[end.name]
    changes: dict[str, Any] = {"alias": mark_of(item), "up": end.up}
    if end.bridge is not None:
        changes["controller"] = end.bridge
    if end.mtu is not None:
        changes["mtu"] = end.mtu
    if end.mac_address is not None:
        changes["mac"] = end.mac_address
    loopback = netns.links.get("lo")
    if path != HOST and end.up and loopback is not None and not loopback.up:
        draft.do(LinkSet(path, loopback, replace(loopback, up=True)))
    kept = _kept_addresses(link.addresses, link.addresses if end.addresses is None else end.addresses)
    for address in reversed(link.addresses):  # before an MTU with which the kernel takes those of IPv6 away itself
        if address not in kept:
            draft.do(AddrDel(path, end.name, address))
    link = netns.links[end.name]
    if replace(link, **changes) != link:
        draft.do(LinkSet(path, link, replace(link, **changes)))
    if end.addresses is not None:
        _prepare_ipv6(draft, end, netns.links[end.name].mtu)
        for address in end.addresses:
            if address not in kept:
                draft.do(AddrAdd(path, end.name, address))
    for route in end.routes or ():
        _require_reach(draft, end, route)
        if not is_connected(route, netns.links[end.name]):
            ensure_route(draft, path, route)


def _require_reach(draft: Draft, end: LocatedEnd, route: Route) -> None:
    """:raises OptionError: for a route to nowhere; see :func:`link.reach.require_reach_inside`"""
    netns = draft.state.namespaces[path_of(end)]
    if end.place is None:
        require_reach("routes", route, netns)
    else:
        given = netns.links[end.name].addresses if end.addresses is None else end.addresses
        require_reach_inside(end.place.label, "routes", route, netns, given)


def _prepare_ipv6(draft: Draft, end: LocatedEnd, mtu: int) -> None:
    """An end with an IPv6 address has IPv6, also where new interfaces begin without it.

    :raises OptionError: for an MTU with which the kernel has none
    """
    address = next((each for each in end.addresses or () if ":" in each), "")
    if address and mtu < IPV6_MIN_MTU:
        problem = OptionError("mtu", mtu, f"is too small for IPv6, and {end.name} is to have {address}",
                              f"Give at least {IPV6_MIN_MTU}, or no IPv6 address")
        if end.mtu is None:  # whoever is in there may have set it
            _refuse(end, problem)
        raise problem
    name = DISABLE_V6.format(end.name)
    if address and known(draft.state.sysctls, path_of(end), name) == "1":
        previous = draft.state.sysctls.get((path_of(end), name))
        draft.do(SysctlSet(path_of(end), name, "0", previous), MAKE_LINK if path_of(end) == HOST else None)


def _kept_addresses(present: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Those that stay as they are: the kernel takes all addresses of a network away with the first one of it."""
    first: dict[object, str] = {}
    for address in present:
        first.setdefault(ipaddress.ip_interface(address).network, address)
    return [address for address in present
            if address in wanted and first[ipaddress.ip_interface(address).network] in wanted]


def _absent(draft: Draft, item: LocatedVeth) -> None:
    found = [(end, link) for end in item.ends if (link := find(draft.state, end)) is not None]
    own = [(end, link) for end, link in found if is_pair(link, item) or is_handed_over(link)]
    # A link goes with its other end; two that are not each other's are of two pairs of that name.
    apart = len({frozenset((link.index, link.peer_index)) for _end, link in own}) > 1
    for end, link in own if apart else own[:1]:
        draft.do(LinkDel(path_of(end), link))
    for end, _link in found if not own else ():
        _refuse(end, OptionError("name", end.name, f"exists{_in(end)} and is not an end of this pair: it is left alone",
                                 "Remove it by hand if it is not needed"))
    if not own and item.second is None and item.first.target is None:
        _absent_by_mark(draft, item)


def _absent_by_mark(draft: Draft, item: LocatedVeth) -> None:
    """Remove a pair whose first end is in some container: its other end on the host carries the pair's name too.

    :raises MooringError: when there are several, since a name is unique in one namespace only
    """
    marked = [link for link in draft.state.host.links.values() if is_pair(link, item)]
    if len(marked) > 1:
        ends = ", ".join(link.name for link in marked)
        raise MooringError(f"there are several pairs {item.name}, with the ends {ends} on the host: say which one with "
                           "netns or container, or with peer")
    for link in marked:
        draft.do(LinkDel(HOST, link))
