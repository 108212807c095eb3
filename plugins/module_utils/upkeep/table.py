# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of a host as a person reads it: one line a thing, as brctl(8) and `docker port` have it. Pure."""
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_PUBLISHED = re.compile(r"(?P<container>\S+) (?P<host>\S+):(?P<port>[0-9-]+)->\S+:(?P<inside>[0-9-]+)"
                        r"/(?P<protocol>[a-z]+)(?: from (?P<sources>\S+))?")
_ANYWHERE = ("0.0.0.0", "[::]")


def table(network: Mapping[str, Any], waiting: Sequence[str] = ()) -> str:
    """The text.

    :param network: what network_info returns
    :param waiting: containers that are asked for and not there
    """
    blocks = [
        _columns(("BRIDGE", "ADDRESS", "MTU", "CONTAINERS"), [
            (each["name"], _join(each["bip"], each["bip6"]), str(each["mtu"]), ", ".join(each["endpoints"]) or "-")
            for each in network["bridges"]]),
        _columns(("CONTAINER", "INTERFACE", "BRIDGE", "ADDRESS"), [
            (each["container"], each["interface_name"], each["bridge"] or "none",
             _join(each["address"], each["address_v6"])) for each in network["endpoints"]]),
        _columns(("PORT", "CONTAINER", "FROM"), _ports(network["published_ports"])),
        _columns(("LINK", "ALIAS"), sorted({_link(each) for each in network["links"]})),
        _columns(("VETH PAIR",), [(name,) for name in network["veth_pairs"]]),
        _columns(("WAITS FOR",), [(name,) for name in waiting]),
        *(_lines(title, network[key]) for title, key in (
            ("DIFFERS", "drift"), ("LEFT OVER", "leftovers"), ("IN THE WAY", "obstacles")))]
    return "\n".join(filter(None, blocks)) or "no container network is managed here\n"


def _join(*addresses: str) -> str:
    return ", ".join(filter(None, addresses)) or "-"


def _ports(published: Iterable[str]) -> list[tuple[str, str, str]]:
    """Ports of both families that are published alike in one line."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for text in published:
        match = _PUBLISHED.fullmatch(text)
        if match is None:
            continue
        host = "" if match["host"] in _ANYWHERE else f"{match['host']}:"
        key = f"{host}{match['port']}/{match['protocol']}", f"{match['container']}:{match['inside']}"
        found.setdefault(key, {}).update(dict.fromkeys((match["sources"] or "everywhere").split(",")))
    return [(port, container, ", ".join(sources)) for (port, container), sources in found.items()]


def _link(note: str) -> tuple[str, str]:
    source, _word, rest = note.partition(" link ")
    target, _colon, alias = rest.partition(" ")[0].partition(":")
    return f"{source} -> {target}", alias


def _columns(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    widths = [max(len(row[number]) for row in (titles, *rows)) for number in range(len(titles))]
    return "".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() + "\n"
                   for row in (titles, *rows))


def _lines(title: str, lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in (title, *(f"  {line}" for line in lines))) if lines else ""
