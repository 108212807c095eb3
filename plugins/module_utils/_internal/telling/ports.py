# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports and links, as the difference of two ledgers. Pure.

What both families have alike is one sentence. That a port or a link follows the address of an interface is none: it
is told of the interface.
"""
from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Optional

from ..core.model import FAMILY_NAMES
from ..ports.ledger import Ledger
from ..ports.linkage import Linkage
from ..ports.model import ANY_IPV4, ANY_IPV6, Publication, bracketed, range_text
from .model import Fact, Rank, joined

EVERYWHERE, ITSELF = "everywhere", "this host"
_LOOPBACK = "127."


@dataclass(frozen=True, order=True)
class _Port:
    """A port as people name it: where it is met, and where it leads; what is open at a container's own address leads
    nowhere else."""

    container: str
    number: int
    place: str
    inside: str

    @property
    def text(self) -> str:
        return f"publish {self.place} -> {self.container}:{self.inside}" if self.inside else (
            f"open {self.place} of {self.container}")


_Sources = Mapping[str, tuple[str, ...]]  # who may come, by family


def ports(before: Ledger, after: Ledger, readdressed: Collection[str] = ()) -> Iterator[Fact]:
    """What is published, closed, opened to others than before, and led to another interface.

    :param readdressed: containers of which it is told that they have other addresses
    """
    names = _changed(before.by_container, after.by_container)
    was = _read(each for name in names for each in before.publications_of(name))
    now = _read(each for name in names for each in after.publications_of(name))
    for port in sorted({*was, *now}):
        if (fact := _tell(port, was.get(port, {}), now.get(port, {}))) is not None:
            yield fact
    for name in sorted(set(names) - set(readdressed)):
        yield from _led(before.publications_of(name), after.publications_of(name))


def _led(before: Iterable[Publication], after: Iterable[Publication]) -> Iterator[Fact]:
    """Ports that lead to another address of their container than before, or are met at another one of an interface."""
    was = {(_port(each), each.family): each for each in before if not each.direct}
    for each in after:
        port = _port(each)
        old = was.get((port, each.family), each)
        what = f"{port.place} -> {each.container}:{port.inside}"
        if old.container_ip != each.container_ip:
            yield Fact(Rank.OPEN, f"lead {port.place} of {each.container} to {each.container_ip} "
                       f"(was {old.container_ip})", (f"{what} at {old.container_ip}",),
                       (f"{what} at {each.container_ip}",), rules=True)
        if old.host_ip != each.host_ip:
            yield Fact(Rank.OPEN, f"publish {what} at {_host(each)} (was {_host(old)})",
                       (f"{what}, met at {_host(old)}",), (f"{what}, met at {_host(each)}",), rules=True)


def _host(each: Publication) -> str:
    return "no address" if each.waits else each.host_ip


def _changed(before: Mapping[str, Collection[Any]], after: Mapping[str, Collection[Any]]) -> list[str]:
    return [name for name in {**before, **after} if before.get(name, ()) != after.get(name, ())]


def _read(publications: Iterable[Publication]) -> dict[_Port, dict[str, tuple[str, ...]]]:
    found: dict[_Port, dict[str, tuple[str, ...]]] = {}
    for each in publications:
        sources = each.allow_from or (ITSELF if each.host_ip.startswith(_LOOPBACK) else EVERYWHERE,)
        found.setdefault(_port(each), {})[each.family] = sources
    return found


def _port(each: Publication) -> _Port:
    more = each.count - 1
    span = f"{range_text(each.host_port, each.host_port + more)}/{each.protocol}"
    if each.direct:
        return _Port(each.container, each.host_port, span, "")
    host = each.interface or ("" if each.host_ip in (ANY_IPV4, ANY_IPV6) else bracketed(each.host_ip))
    place = f"{host}:{span}" if host else span
    return _Port(each.container, each.host_port, place, range_text(each.container_port, each.container_port + more))


def _tell(port: _Port, was: _Sources, now: _Sources) -> Optional[Fact]:
    apart = bool(was and now) and was.keys() != now.keys()  # then families are told one by one
    lines = _lines(port, was, apart), _lines(port, now, apart)
    if not now:
        return Fact(Rank.CLOSE, f"close {port.place} of {port.container}", *lines, rules=True)
    if not was:
        return Fact(Rank.OPEN, f"{port.text} (from {_who(now)})", *lines, rules=True)
    if gone := [FAMILY_NAMES[family] for family in was if family not in now]:
        return Fact(Rank.CLOSE, f"close {port.place} of {port.container} for {joined(gone)}", *lines, rules=True)
    if apart:
        new = [FAMILY_NAMES[family] for family in now if family not in was]
        return Fact(Rank.OPEN, f"{port.text} (from {_who(now)}) by {joined(new)} as well", *lines, rules=True)
    if _who(was) != _who(now):
        return Fact(Rank.OPEN, f"{port.text} (from {_who(now)}, was from {_who(was)})", *lines, rules=True)
    return None


def _who(sources: _Sources) -> str:
    return ", ".join(dict.fromkeys(source for each in sources.values() for source in each))


def _lines(port: _Port, sources: _Sources, apart: bool) -> tuple[str, ...]:
    what = f"{port.place} -> {port.container}:{port.inside}" if port.inside else f"{port.place} of {port.container}"
    if apart:
        return tuple(f"{what} (from {', '.join(who)}) by {FAMILY_NAMES[family]}"
                     for family, who in sorted(sources.items()))
    return (f"{what} (from {_who(sources)})",) if sources else ()


def links(before: Ledger, after: Ledger) -> Iterator[Fact]:
    """Which container may use what of another one, and under which name."""
    names = _changed(before.by_source, after.by_source)
    was = _read_links(each for name in names for each in before.links_of(name))
    now = _read_links(each for name in names for each in after.links_of(name))
    for key in sorted({*was, *now}):
        source, target, alias = key
        gone, new = was.get(key), now.get(key)
        if gone == new:
            continue
        name = "" if alias == target else f" as {alias}"
        former, later = (() if opened is None else (f"{source} {_use(opened, 's')} {target}{name}",)
                         for opened in (gone, new))
        if new is None:
            yield Fact(Rank.CLOSE, f"end the link from {source} to {target}{name}", former, later, rules=True)
        else:
            change = f" (was {joined(gone)})" if gone else ""
            yield Fact(Rank.OPEN, f"let {source} {_use(new)} {target}{name}{change}", former, later, rules=True)


def _use(opened: tuple[str, ...], ending: str = "") -> str:
    return f"use{ending} {joined(opened)} of" if opened else f"find{ending}"


def _read_links(linkages: Iterable[Linkage]) -> dict[tuple[str, str, str], tuple[str, ...]]:
    """By source, target and alias what is opened in any family; nothing where a link gives but a name."""
    found: dict[tuple[str, str, str], dict[str, None]] = {}
    for each in sorted(linkages):
        opened = found.setdefault((each.source, each.target, each.alias), {})
        if each.opens:
            opened[f"{each.ports}/{each.protocol}"] = None
    return {key: tuple(opened) for key, opened in found.items()}
