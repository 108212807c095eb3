# SPDX-License-Identifier: GPL-3.0-or-later
"""Veth pairs that a plan makes and removes. Pure."""
from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..core.plan import Operation
from ..host.model import HostState
from ..link.model import VETH, Link
from ..link.operations import LinkAdd, LinkDel
from ..netns.model import HOST, in_namespace
from .bridges import DEFAULT_MTU
from .model import ADDRESS, LINK, ROUTE, SETTING, Fact, Key, Rank

_End = tuple[str, str]  # path of its namespace, and its name there


def pairs(operations: Iterable[Operation], before: HostState, after: HostState) -> Iterator[Fact]:
    """Pairs as they will be, and as they were: what is set of their ends belongs to them."""
    for each in operations:
        if isinstance(each, LinkAdd) and each.peer and _is_of_pair(each.link):
            ends: tuple[_End, ...] = (each.netns, each.link.name), (each.peer.netns, each.peer.name)
            title = _title(each.link, ends)
            yield Fact(Rank.ATTACH, f"create {title}", (), (title, *_lines(after, ends)), _keys(ends))
        elif isinstance(each, LinkDel) and _is_of_pair(each.link):
            ends = (each.netns, each.link.name), *_other(each.link, before)
            title = _title(each.link, ends)
            yield Fact(Rank.GONE, f"remove {title}", (title, *_lines(before, ends)), (), _keys(ends))


def _is_of_pair(link: Link) -> bool:
    return link.mark is not None and link.mark.kind == VETH


def _other(link: Link, state: HostState) -> Iterator[_End]:
    """The other end of a pair, where it was read."""
    if link.peer_index:
        yield from ((path, each.name) for path, netns in state.namespaces.items() for each in netns.links.values()
                    if (each.index, each.peer_index) == (link.peer_index, link.index))


def _title(link: Link, ends: tuple[_End, ...]) -> str:
    """``veth pair A - B in web``: the end whose name is that of the pair comes first."""
    name = link.mark.name if link.mark else link.name
    shown = [end_name + in_namespace(path) for path, end_name in sorted(ends, key=lambda end: end[1] != name)]
    return f"veth pair {' - '.join(shown)}" if shown[1:] or shown == [name] else f"veth pair {name} (end {shown[0]})"


def _lines(state: HostState, ends: tuple[_End, ...]) -> Iterator[str]:
    for path, name in ends:
        netns = state.namespaces.get(path)
        if netns is None or (link := netns.find(name)) is None:
            continue
        title = name + in_namespace(path)
        if link.controller:
            yield f"{title}: on {link.controller}"
        yield from (f"{title}: address {address}" for address in link.addresses)
        if link.mtu != DEFAULT_MTU:
            yield f"{title}: mtu {link.mtu}"
        if not link.up:
            yield f"{title}: down"


def _keys(ends: tuple[_End, ...]) -> tuple[Key, ...]:
    return tuple((kind, path, each) for path, name in ends for kind in (LINK, ADDRESS, ROUTE, SETTING)
                 for each in (name, *(("lo",) if path != HOST else ())))
