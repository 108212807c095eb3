# SPDX-License-Identifier: GPL-3.0-or-later
"""A network as text of Mermaid, which GitHub and many wikis draw. Pure.

Source: mermaid.js.org, "Flowcharts", of which a text in quotes may have characters as ``#NUMBER;``.
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Optional

from ..upkeep.columns import plain
from .model import Host
from .read import read

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._:/-,()")


def mermaid(networks: Mapping[str, Optional[Mapping[str, Any]]]) -> str:
    """A flowchart. :param networks: see :func:`.page.page`"""
    lines = ["flowchart LR"]
    for number, name in enumerate(sorted(networks)):
        lines += _host(read(name, networks[name]), f"h{number}")
    return "".join(f"{line}\n" for line in lines)


def quoted(*lines: str) -> str:
    """Any text in quotes: a name can end neither them nor the line."""
    texts = ("".join(each if each in _PLAIN else f"#{ord(each)};" for each in plain(line)) for line in lines)
    return f'"{"<br/>".join(texts)}"'


def _host(host: Host, own: str) -> Iterator[str]:
    numbers = {name: f"{own}c{number}" for number, name in enumerate(host.containers)}
    if host.ports:
        yield f"  {own}out([{quoted('outside')}])"
    yield f"  subgraph {own}[{quoted(host.name or 'host')}]"
    drawn: set[str] = set()
    more: list[str] = []
    for place, network in enumerate([*host.networks, None]):
        here = [each for each in host.interfaces if (each.network == network.name if network else
                                                     each.network not in host.by_name)]
        if network is None and not here:
            continue
        title = " ".join([network.name, *network.addresses, *network.notes]) if network else "on no network"
        yield f"    subgraph {own}n{place}[{quoted(title)}]"
        for each in here:
            if each.container in drawn:
                more.append(f"  {numbers[each.container]} --- {own}n{place}")
                continue
            drawn.add(each.container)
            yield f"      {numbers[each.container]}[{quoted(each.container, *each.addresses.values())}]"
        for number, name in enumerate(network.other_ports if network else ()):
            yield f"      {own}n{place}p{number}[{quoted(name)}]"
        yield "    end"
    yield "  end"
    yield from more
    yield from _edges(host, own, numbers)


def _edges(host: Host, own: str, numbers: Mapping[str, str]) -> Iterable[str]:
    for container, place in dict.fromkeys((port.container, port.place) for port in host.ports
                                          if port.container in numbers and not (port.loopback or port.waits)):
        yield f"  {own}out -->|{quoted(place)}| {numbers[container]}"
    found: dict[tuple[str, str], dict[str, None]] = {}
    for link in host.links:
        if link.source in numbers and link.target in numbers:
            found.setdefault((link.source, link.target), {})[link.ports or "name only"] = None
    for (source, target), ports in found.items():
        yield f"  {numbers[source]} -.->|{quoted(', '.join(ports))}| {numbers[target]}"
