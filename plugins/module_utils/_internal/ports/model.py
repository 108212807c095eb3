# SPDX-License-Identifier: GPL-3.0-or-later
"""What a published port is: asked for (PortSpec), exposed (ExposedPort), decided (Publication), in use (Socket).

Everywhere in this domain an address is a string in canonical form, IPv6 without brackets; a port is a whole number
from 1 to 65535; a range is a pair of its first and its last port.
"""
from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

PROTOCOLS = ("tcp", "udp", "sctp")
# Docker up to 1.5; later releases read net.ipv4.ip_local_port_range and fall back to this.
DYNAMIC_RANGE = (49153, 65535)
ANY_IPV4, ANY_IPV6 = "0.0.0.0", "::"

# Where a port waits for the address of an interface: no address that a packet to the host can have.
NOWHERE = {"ipv4": "255.255.255.255", "ipv6": "ff00::"}


def family_of(address: str) -> str:
    """``ipv4`` or ``ipv6``, of an address or of a network."""
    return "ipv6" if ":" in address else "ipv4"


def bracketed(address: str) -> str:
    """The address as it stands in front of ``:port``."""
    return f"[{address}]" if ":" in address else address


def range_text(first: int, last: int) -> str:
    """``80``, or ``8000-8010``."""
    return str(first) if first == last else f"{first}-{last}"


@dataclass(frozen=True)
class PortSpec:
    """One entry of ``published_ports``, understood but not yet decided.

    ``host_ip`` is empty when none is given. ``host_ports`` is None when the host port is to be chosen from the dynamic
    range. It has the length of ``container_ports``, or is a range for one container port: then one of it is chosen.
    ``bridge`` is the network that it stands under, "" where that is not said. ``interface`` stands in the place of a
    host address: all that it has are meant, or with a wildcard as ``host_ip`` all of that family.
    """

    host_ip: str
    host_ports: tuple[int, int] | None
    container_ports: tuple[int, int]
    protocol: str
    bridge: str = ""
    interface: str = ""

    def address(self, default: str) -> str:
        """The host address, be it the one for entries that name neither one nor an interface; "" where all count."""
        return self.host_ip or ("" if self.interface else default)

    @property
    def count(self) -> int:
        return self.container_ports[1] - self.container_ports[0] + 1

    @property
    def explicit(self) -> bool:
        """Whether nothing is left to choose."""
        return self.host_ports is not None and self.host_ports[1] - self.host_ports[0] + 1 == self.count

    @property
    def text(self) -> str:
        """Docker's short form with the protocol always given: ``127.0.0.1:8080:80/tcp``, ``[::1]::53/udp``."""
        where = self.interface or bracketed(self.host_ip)
        host = f"{where}:" if where else ""
        ports = range_text(*self.host_ports) if self.host_ports else ""
        return f"{host}{ports}{':' if host or ports else ''}{range_text(*self.container_ports)}/{self.protocol}"


@dataclass(frozen=True)
class ExposedPort:
    """One port, or a range, that a container offers: what ``EXPOSE`` of an image says."""

    first: int
    last: int
    protocol: str

    @property
    def text(self) -> str:
        """``5432/tcp`` or ``8000-8010/udp``."""
        return f"{range_text(self.first, self.last)}/{self.protocol}"


@dataclass(frozen=True, order=True)
class Publication:
    """One published port, or range of ports one to one, with nothing left to decide.

    ``host_ip`` is ``0.0.0.0`` or ``::`` for every address of the family. ``count`` is the length of the range that
    begins at ``host_port`` and ``container_port``. ``allow_from`` has the networks (CIDR) that may connect; empty
    means everyone.

    ``interface`` is set where the port is published on the addresses that it has: on ``host_ip``, which it had when
    last seen, or on NOWHERE as long as it has none.

    A direct publication opens ports of a container at its own address (gateway mode routed): ``host_ip`` and
    ``host_port`` are the container's own, and nothing is translated.
    """

    container: str
    host_ip: str
    host_port: int
    container_ip: str
    container_port: int
    protocol: str
    count: int = 1
    allow_from: tuple[str, ...] = ()
    interface: str = ""

    @property
    def family(self) -> str:
        return family_of(self.host_ip)

    @property
    def waits(self) -> bool:
        """Whether its interface has no address of the family."""
        return bool(self.interface) and self.host_ip == NOWHERE[self.family]

    @property
    def place(self) -> str:
        """The host address, or what stands for one that an interface is to get and is in the way of a wildcard only."""
        return waiting_place(self.interface, self.family) if self.waits else self.host_ip

    @property
    def direct(self) -> bool:
        return self.host_ip == self.container_ip

    @property
    def text(self) -> str:
        """``0.0.0.0:8080->192.168.5.2:80/tcp``, all but the container; :mod:`.reading` has the inverse.

        On an interface it is ``192.0.2.10%eth0:8080->...``, and ``eth0:8080->...`` as long as that has no address.
        """
        more = self.count - 1
        host = self.interface if self.waits else bracketed(
            f"{self.host_ip}%{self.interface}" if self.interface else self.host_ip)
        sources = f" from {','.join(self.allow_from)}" if self.allow_from else ""
        return (f"{host}:{range_text(self.host_port, self.host_port + more)}->"
                f"{bracketed(self.container_ip)}:{range_text(self.container_port, self.container_port + more)}"
                f"/{self.protocol}{sources}")


# The order of Publication itself, three times as fast as its generated comparison.
ORDER = attrgetter("container", "host_ip", "host_port", "container_ip", "container_port", "protocol", "count",
                   "allow_from", "interface")


def waiting_place(interface: str, family: str) -> str:
    """See :attr:`Publication.place`."""
    return f"{NOWHERE[family]}%{interface}"


@dataclass(frozen=True)
class Socket:
    """A listening socket of the host.

    ``address`` is its local address (``0.0.0.0`` or ``::`` for every one), ``process`` reads ``nginx (pid 123)`` or is
    empty when unknown. ``dual_stack`` says that a socket on ``::`` takes IPv4 as well (no IPV6_V6ONLY).
    """

    protocol: str
    address: str
    port: int
    process: str
    dual_stack: bool = False


@dataclass(frozen=True)
class Claim:
    """Ports of the host, or a whole address of it, that a rule of others sends elsewhere.

    :param address: the host address, ``0.0.0.0`` or ``::`` for every one
    :param ports: first and last port of each range; empty for a rule without a port that stands before our own, and
        so takes all that is for the address
    :param protocol: empty when the rule asks for none
    :param target: where to: ``172.17.0.2:80``, or ``port 3128`` of the host itself
    """

    family: str
    table: str
    chain: str
    address: str
    ports: tuple[tuple[int, int], ...]
    protocol: str
    target: str

    @property
    def place(self) -> str:
        return f"chain {self.chain} of {self.table}"

    @property
    def owner(self) -> str:
        """Who has the ports, as the end of "host port 8080/tcp, which ..."."""
        if self.chain == "DOCKER":
            return f"is published by Docker for {self.target} ({self.place})"
        return f"is sent to {self.target} by a rule of others ({self.place})"
