# SPDX-License-Identifier: GPL-3.0-or-later
"""From the port bindings of a container to ``published_ports`` and ``exposed_ports``. Pure.

An engine says each port by itself: a range comes as many bindings, and is folded again.
"""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Optional

from .model import Json

WITHOUT_PROXY = "::1"  # what is published there an engine answers through its proxy only


@dataclass(frozen=True)
class Binding:
    """A port of the container, or ``count`` ones in a row, at a host address ("" for all); host 0 is to be chosen."""

    address: str
    protocol: str
    port: int
    host: int
    last: int = 0  # of a range of host ports, of which one is to be chosen
    count: int = 1

    def text(self, routed: bool) -> str:
        """As ``docker run -p`` takes it; of a routed network the port alone, which is open at the container."""
        inside = _range(self.port, self.port + self.count - 1)
        protocol = "" if self.protocol == "tcp" else f"/{self.protocol}"
        if routed:
            return f"{inside}{protocol}"
        shown = f"[{self.address}]" if ":" in self.address else self.address
        outside = _range(self.host, self.last or self.host + self.count - 1) if self.host else ""
        if not shown and not outside:
            return f"{inside}{protocol}"
        return ":".join([*([shown] if shown else []), outside, f"{inside}{protocol}"])


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def read_bindings(found: Optional[Json]) -> list[Binding]:
    """``HostConfig.PortBindings``: from "80/tcp" to a list of ``HostIp`` and ``HostPort``."""
    bindings = []
    for text, places in (found or {}).items():
        port, protocol = split_port(text)
        for place in places or [{}]:
            first, _dash, last = str(place.get("HostPort") or "0").partition("-")
            bindings.append(Binding(str(place.get("HostIp") or ""), protocol, port, int(first), int(last or 0)))
    return bindings


def split_port(text: str) -> tuple[int, str]:
    """Of "80/tcp"."""
    port, _slash, protocol = text.partition("/")
    return int(port), protocol or "tcp"


def fold(bindings: Iterable[Binding]) -> list[Binding]:
    """Neighbours in one: those whose ports follow each other inside and outside."""
    folded: list[Binding] = []
    for binding in sorted(set(bindings), key=lambda each: (_key(each.address), each.protocol, each.port, each.host)):
        last = folded[-1] if folded else None
        if last and last.host and not last.last and binding == Binding(
                last.address, last.protocol, last.port + last.count, last.host + last.count):
            folded[-1] = replace(last, count=last.count + 1)
        else:
            folded.append(binding)
    return folded


def _key(address: str) -> tuple[int, int]:
    if not address:
        return 0, 0
    found = ipaddress.ip_address(address)
    return found.version, int(found)


def exposed_ports(found: Optional[Json], published: Iterable[Binding]) -> list[str]:
    """``Config.ExposedPorts`` but for those that are published, which count as exposed; neighbours in one."""
    known = {(binding.protocol, binding.port) for binding in published}
    ports = sorted({(protocol, port) for port, protocol in map(split_port, found or {})} - known)
    return list(_exposed(ports))


def _exposed(ports: list[tuple[str, int]]) -> Iterator[str]:
    first = 0
    for number, (protocol, port) in enumerate(ports):
        if number + 1 == len(ports) or ports[number + 1] != (protocol, port + 1):
            yield _range(ports[first][1], port) + ("" if protocol == "tcp" else f"/{protocol}")
            first = number + 1
