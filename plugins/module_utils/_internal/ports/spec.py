# SPDX-License-Identifier: GPL-3.0-or-later
"""What users write about ports, parsed: Docker's ``-p`` and ``--expose``, ranges, sources.

The grammar is that of Docker's client, ``[HOST_IP:][HOST_PORT[-LAST]:]CONTAINER_PORT[-LAST][/PROTOCOL]``, and so is the
meaning of odd spellings: ``:80`` and ``::80`` have no host port, ``80/`` is tcp, ``0080`` is 80, ``[]`` is no address,
an IPv6 address may come without brackets. Other than with Docker the name of an interface may stand in the place of the
host address. Different on purpose, because Docker takes these for something that nobody can have meant: port 0, the
long syntax, and text after a second ``/`` or ``-``, which Docker drops in silence.

An unquoted ``53:53`` is the number 3233 (base 60) to YAML 1.1, and would be another port. So a number is no entry.
"""
from __future__ import annotations

import re
from collections.abc import Iterable

from ..core import values
from ..core.errors import OptionError
from .entry import Entry, canonical_address, no_interface, no_place_for_ports
from .model import ExposedPort, PortSpec, bracketed, range_text

FORM = ("Write [HOST_IP:][HOST_PORT:]CONTAINER_PORT[/PROTOCOL], for example 8080:80, 127.0.0.1:8080:80/tcp or "
        "[::1]::53/udp")
EXPOSED_FORM = "Write PORT[-LAST][/PROTOCOL], for example 5432, 53/udp or 8000-8010/tcp"
RANGE_FORM = "Write FIRST-LAST, for example 49153-65535"

_BRACKETS = re.compile(r"\[([^\]]*)\]:(.*)", re.DOTALL)


def parse_host_ip(text: str, option: str = "default_host_ip") -> str:
    """An address of the host, IPv6 with or without brackets, in canonical form.

    :raises OptionError: when it is not an address
    """
    entry = Entry(option, text, "Give an IPv4 or IPv6 address, for example 127.0.0.1")
    bare = entry.text[1:-1] if entry.text.startswith("[") and entry.text.endswith("]") else entry.text
    if problem := no_place_for_ports(bare):
        raise entry.refusal(problem, "Give another address of the host, or none for all of them")
    found = canonical_address(bare)
    if found is None:
        raise entry.refusal("is not an IP address", "Give an address, for example 127.0.0.1 or ::1; names of hosts and "
                                                    "interfaces are not looked up")
    return found


def parse_place(text: str, option: str = "default_host_ip") -> tuple[str, str]:
    """An address of the host, or an interface in its place: one of the two, and "".

    :raises OptionError: when it is neither
    """
    entry = Entry(option, values.text(option, text), "Give an IPv4 or IPv6 address, for example 127.0.0.1, or the name "
                                                     "of an interface, for example eth0")
    bare = text.startswith("[") or canonical_address(text) is not None or bool(no_place_for_ports(text))
    if not bare and (problem := no_interface(text)):
        raise entry.refusal(problem)
    return (parse_host_ip(text, option), "") if bare else ("", text)


def parse_port_spec(text: str, option: str = "published_ports") -> PortSpec:
    """One entry of Docker's ``-p`` (short syntax).

    :param text: for example ``8080:80``, ``127.0.0.1::53/udp``, ``7000-7010:8000-8010``, ``[::1]:8080:80`` or ``80``
    :param option: the option that it was given for, for messages
    :raises OptionError: for anything that does not say which ports to publish
    """
    entry = Entry(option, values.text(option, text), FORM)
    if "=" in entry.text:
        raise _long_syntax(entry)
    where, host_part, container_part = _split(entry)
    host_ip = entry.address(where) if where else ""
    interface = "" if host_ip else where
    container_text, protocol = entry.protocol(container_part)
    container_ports = entry.ports("container port", container_text)
    _check_host_part(entry, interface or bracketed(host_ip), host_part, container_part)
    host_ports = entry.ports("host port", host_part) if host_part else None
    if host_ports:
        _check_lengths(entry, host_ports, container_ports)
    return PortSpec(host_ip, host_ports, container_ports, protocol, interface=interface)


def _split(entry: Entry) -> tuple[str, str, str]:
    """Host address without brackets, host port, container port with protocol; empty where not given."""
    if not entry.text.startswith("["):
        # Everything before the last two parts is the address: this is how IPv6 goes without brackets.
        *address, container = entry.text.rsplit(":", 2)
        return (address[0], address[1], container) if len(address) == 2 else ("", "".join(address), container)
    match = _BRACKETS.fullmatch(entry.text)
    if not match:
        raise entry.refusal("has a bracket that does not enclose the host address")
    host_port, colon, container = match[2].partition(":")
    if not colon:
        port = match[2] or "CONTAINER_PORT"
        raise entry.refusal("has a host address and only one port",
                            f"Write [{match[1]}]::{port} to have the host port chosen, or "
                            f"[{match[1]}]:HOST_PORT:{port}")
    if ":" in container:
        raise entry.refusal("has more than two ports behind the host address")
    return match[1], host_port, container


def _check_host_part(entry: Entry, place: str, host: str, container: str) -> None:
    """Refuse the common mistakes by what is meant: ``127.0.0.1:80``, ``eth0:80`` and ``53/udp:53/udp``."""
    address = canonical_address(host)
    if address:
        raise entry.refusal(f"has the address {address} where the host port belongs",
                            f"Write {bracketed(address)}::{container} to have the host port chosen, or "
                            f"{bracketed(address)}:HOST_PORT:{container}")
    if host and not place and not no_interface(host):
        raise entry.refusal(f"has {host!r} as a host port, which is neither a number nor a range",
                            f"{FORM}; for an interface of that name write {host}::{container} to have the host port "
                            f"chosen, or {host}:HOST_PORT:{container}")
    if "/" in host:
        host_port, _slash, protocol = host.partition("/")
        ports = f"{host_port}:{container.partition('/')[0]}"
        where = f"{place}:" if place else ""
        raise entry.refusal("has a protocol at the host port",
                            f"The protocol comes last and is the same on both sides: {where}{ports}/{protocol}")


def _check_lengths(entry: Entry, host: tuple[int, int], container: tuple[int, int]) -> None:
    host_count, container_count = host[1] - host[0] + 1, container[1] - container[0] + 1
    if container_count not in (1, host_count):
        raise entry.refusal(f"has {host_count} host port(s), {range_text(*host)}, for {container_count} container "
                            f"ports, {range_text(*container)}",
                            "Give as many host ports as container ports, or one container port and a range of host "
                            "ports of which the first free one is used")


def _long_syntax(entry: Entry) -> OptionError:
    """The refusal of ``target=80,published=8080``, with the short form when there is one."""
    fields = {}
    for item in entry.text.split(","):
        name, _equals, value = item.partition("=")
        fields[name] = value
    published, protocol = fields.get("published", ""), fields.get("protocol", "")
    short = (f"{published}{':' if published else ''}{fields.get('target', '')}"
             f"{'/' if protocol else ''}{protocol}")
    remedy = FORM
    if "=" not in short:
        try:
            parse_port_spec(short)
            remedy = f"Write the short form: {short}"
        except OptionError:
            pass
    return entry.refusal("is in Docker's long syntax, which is not supported", remedy)


def parse_exposed_port(text: str | int, option: str = "exposed_ports") -> ExposedPort:
    """A port that a container offers: ``5432``, ``5432/tcp``, ``8000-8010/udp`` (Docker's ``--expose``).

    :raises OptionError: when it is not such a port
    """
    entry = Entry(option, text, EXPOSED_FORM)
    if ":" in entry.text:
        raise entry.refusal("has a colon, and only ports inside the container are meant here",
                            f"{EXPOSED_FORM}; host ports go into published_ports")
    ports, protocol = entry.protocol(entry.text)
    return ExposedPort(*entry.ports("container port", ports), protocol)


def parse_port_range(text: str | int, option: str = "dynamic_port_range") -> tuple[int, int]:
    """A range of host ports, ``49153-65535``, as its first and last port; a single port is a range of one.

    :raises OptionError: when it is not a range of ports
    """
    entry = Entry(option, text, RANGE_FORM)
    return entry.ports("dynamic port", entry.text)


def parse_sources(sources: Iterable[str], option: str = "allow_from") -> tuple[str, ...]:
    """Addresses and networks that may connect, as CIDR.

    Sorted as text, so that reading them back one by one from the host and sorting them gives the same tuple.

    :param sources: addresses (``192.0.2.7``) or networks (``10.0.0.0/8``, ``2001:db8::/32``)
    :raises OptionError: for what is neither, and for a network with host bits set
    """
    return tuple(sorted({_source(source, option) for source in sources}))


def _source(value: str, option: str) -> str:
    entry = Entry(option, value, "Write addresses or networks, for example 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32")
    found = entry.network(entry.text, "has a zone, which a source address cannot have")
    if found is None:
        raise entry.refusal("is neither an IP address nor a network")
    return found
