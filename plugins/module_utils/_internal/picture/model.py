# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of a host as it is drawn: networks, interfaces on them, ports, links, and who reaches whom."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional


@dataclass(frozen=True)
class Network:
    """A bridge. Of one of others (not ``own``) nothing is known of who may do what.

    :param families: those of which this collection keeps the rules
    :param apart: families in which the host has no address of it, and reaches no container
    :param routed: families whose ports are open at the containers' own addresses
    :param partners: bridges whose containers open connections to those of this one
    :param trusted: by family who else does, "" for both: networks, and ``who comes in by`` an interface
    :param allow_to: what its containers may open connections to outside, None for everything
    """

    name: str
    own: bool = True
    up: bool = True
    mtu: int = 1500
    addresses: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    other_ports: tuple[str, ...] = ()
    icc: bool = True
    families: frozenset[str] = frozenset()
    routed: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()
    partners: tuple[str, ...] = ()
    trusted: tuple[tuple[str, str], ...] = ()
    internal: bool = False
    masquerade: bool = True
    allow_to: Optional[tuple[str, ...]] = None


@dataclass(frozen=True)
class Interface:
    """A container's interface. ``addresses`` has those without prefix length by family; ``link`` is the host's end."""

    container: str
    name: str
    network: str = ""
    addresses: Mapping[str, str] = field(default_factory=dict)
    mac: str = ""
    engine: str = ""
    link: str = ""
    up: bool = True
    allow_to: Optional[tuple[str, ...]] = None


@dataclass(frozen=True)
class Port:
    """A published port of one family: ``place`` is where it is met (``8080/tcp``), ``inside`` what it leads to.

    ``waits`` says that the interface that it is published on has no address yet.
    """

    container: str
    network: str
    place: str
    inside: str
    protocol: str
    family: str
    allow_from: tuple[str, ...] = ()
    loopback: bool = False
    direct: bool = False
    waits: bool = False


@dataclass(frozen=True)
class Link:
    """What a link opens: ``ports`` is ``5432/tcp``, "" where it gives but a name."""

    source: str
    target: str
    alias: str
    family: str
    ports: str = ""


@dataclass(frozen=True)
class End:
    """The end of a veth pair on the host."""

    pair: str
    interface: str
    network: str = ""
    up: bool = True


@dataclass(frozen=True)
class Host:
    """A host; where ``problem`` is said nothing is known of it."""

    name: str
    networks: tuple[Network, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    ports: tuple[Port, ...] = ()
    links: tuple[Link, ...] = ()
    ends: tuple[End, ...] = ()
    drift: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()
    obstacles: tuple[str, ...] = ()
    problem: str = ""

    @property
    def containers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.container for each in self.interfaces))

    @property
    def by_name(self) -> dict[str, Network]:
        return {network.name: network for network in self.networks}


@dataclass(frozen=True)
class Way:
    """Who may open connections to a container, and to what of it.

    :param sources: containers of the host
    :param outside: who of the outside: EVERYBODY, networks, those who come in by an interface
    :param from_host: whether the host itself does
    :param what: ``all ports``, ``8080/tcp (to 80)``, ``5432/tcp``
    :param published: whether it is a port of the host
    """

    what: str
    sources: frozenset[str] = frozenset()
    outside: tuple[str, ...] = ()
    from_host: bool = False
    published: bool = False


EVERYBODY = "everybody"
