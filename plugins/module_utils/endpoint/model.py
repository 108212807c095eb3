# SPDX-License-Identifier: GPL-3.0-or-later
"""An endpoint: a container's interface on a bridge. Its lease is the mark of the host's end."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Optional

from ..host.model import HostState
from ..link.model import ENDPOINT, Link, Mark
from ..netns.model import Resolved, Target
from ..ports.model import ExposedPort


@dataclass(frozen=True)
class Endpoint:
    """A lease as it is: ``address`` and ``address_v6`` with their prefix lengths, "" when there is none."""

    container: str
    interface: str
    link: Link
    address: str = ""
    address_v6: str = ""
    exposed: tuple[str, ...] = ()

    @property
    def bridge(self) -> str:
        return self.link.controller

    def ip(self, family: str) -> str:
        """The address without its prefix length, "" when there is none of the family."""
        return (self.address if family == "ipv4" else self.address_v6).partition("/")[0]


def endpoint_mark(container: str, interface: str, address: str, address_v6: str, exposed: Iterable[str]) -> Mark:
    """The mark of an endpoint: ``mooring:endpoint:web:if=eth0 ip=172.17.0.2/16 expose=80/tcp``."""
    return Mark(ENDPOINT, container, {"if": interface, "ip": address, "ip6": address_v6, "expose": ",".join(exposed)})


def endpoint_of(link: Link) -> Optional[Endpoint]:
    mark = link.mark
    if mark is None or mark.kind != ENDPOINT:
        return None
    words = mark.settings
    exposed = tuple(port for port in words.get("expose", "").split(",") if port)
    return Endpoint(mark.name, words.get("if", ""), link, words.get("ip", ""), words.get("ip6", ""), exposed)


def endpoints(state: HostState) -> list[Endpoint]:
    """All endpoints of the host, in order of container and interface."""
    found = [endpoint_of(link) for link in state.marked(ENDPOINT)]
    return sorted(found, key=lambda endpoint: (endpoint.container, endpoint.interface))


@dataclass(frozen=True)
class DesiredEndpoint:
    """What a task says of a container's interface; None means that it says nothing.

    ``address`` may lack its prefix length, which is then the bridge's. ``resolved`` is filled in by the run.
    """

    target: Target
    name: Optional[str] = None
    present: bool = True
    bridge: Optional[str] = None
    interface_name: str = "eth0"
    address: Optional[str] = None
    address_v6: Optional[str] = None
    mac_address: Optional[str] = None
    mtu: Optional[int] = None
    default_route: Optional[bool] = None
    exposed_ports: Optional[tuple[ExposedPort, ...]] = None
    create_netns: bool = True
    resolved: Optional[Resolved] = None
