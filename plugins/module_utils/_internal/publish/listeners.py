# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of the host that have come to listen on ports which are published already. Pure.

Docker holds each published port with a socket, so that nobody else can listen there. Nothing of this collection runs,
so the process starts as if all was well, and gets none of the connections: rules translate them before it.
"""
from __future__ import annotations

import ipaddress
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from ..ports.model import Publication, Socket, bracketed
from ..ports.occupied import Occupied, addresses_collide, listening_addresses

_DOCKERS_PROXY = "docker-proxy "  # the name of the process and a blank: Socket.process has its number behind
_REMEDY = "Stop it or let it listen elsewhere, or publish another host port"


def find_listeners(sockets: Iterable[Socket], published: Iterable[Publication], claimed: Occupied) -> Iterator[str]:
    """A sentence for each listener and each published port that it stands behind.

    What a rule of others claims as well is theirs: behind a port that Docker publishes there is its proxy.

    :param claimed: ports that rules of others translate
    """
    listening: dict[str, list[tuple[int, str, Socket]]] = {}
    for socket in dict.fromkeys(sockets):  # several threads of a process have one each with SO_REUSEPORT
        for address in listening_addresses(socket):
            listening.setdefault(socket.protocol, []).append((socket.port, address, socket))
    ports: dict[str, list[int]] = {}
    for protocol, found in listening.items():
        found.sort(key=lambda each: (each[0], each[1], each[2].process))
        ports[protocol] = [port for port, _address, _socket in found]
    told = set()
    for publication in published:
        for address, socket in _at(publication, listening, ports):
            taken = claimed.find_taken(socket.protocol, publication.host_ip, socket.port, 1)
            if taken is None and (socket, publication) not in told:
                told.add((socket, publication))
                yield _sentence(address, socket, publication)


def _at(publication: Publication, listening: dict[str, list[tuple[int, str, Socket]]],
        ports: dict[str, list[int]]) -> Iterator[tuple[str, Socket]]:
    """Who listens on a published port. A direct one takes no port of the host."""
    numbers: Sequence[int] = () if publication.direct else ports.get(publication.protocol, ())
    first, last = publication.host_port, publication.host_port + publication.count - 1
    for place in range(bisect_left(numbers, first), bisect_right(numbers, last)):
        _port, address, socket = listening[publication.protocol][place]
        if addresses_collide(address, publication.host_ip):
            yield address, socket


def _sentence(address: str, socket: Socket, publication: Publication) -> str:
    process = socket.process or "a process of the host"
    if process.startswith(_DOCKERS_PROXY):
        process = f"{process}, which publishes ports of containers of Docker,"
    ip = ipaddress.ip_address(address)
    # From these the kernel forwards nothing, so they are not translated.
    kept = ip.version == 6 and (ip.is_loopback or ip.is_link_local)
    gets = f"only what is sent to {address} itself reaches it" if kept else (
        f"such connections go to {publication.container} and never reach it")
    return (f"{process} listens on {bracketed(socket.address)}:{socket.port}/{socket.protocol} of the host, which is "
            f"published for {publication.container} ({publication.text}): {gets}. {_REMEDY}")
