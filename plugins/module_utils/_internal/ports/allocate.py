# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide host ports: which port each entry of ``published_ports`` gets, and what stands in its way.

The order is Docker's: explicit ports before those that are to be chosen. Among the latter Docker serves the highest
container port first, from a cursor that moves on at every start; here the lowest container port comes first and takes
the lowest free port, and a port once chosen is kept, so that a later run changes nothing.

``net.ipv4.ip_local_reserved_ports`` keeps ports from being chosen out of the dynamic range, and nothing else: "Explicit
port allocation behavior is unchanged" (Documentation/networking/ip-sysctl). So does Docker since 29.6: a port or a
range that the user names is not affected (moby/moby pull request 52818), nor is a port that is kept.
"""
from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Optional, Union

from ..core.errors import OptionError
from .model import DYNAMIC_RANGE, ORDER, PortSpec, Publication, Socket, family_of, range_text, waiting_place
from .occupied import (
    Occupied, Owner, addresses_collide, describe_shares, occupy_listened, occupy_published,
)
from .refusal import Exhausted, refusal
from .spec import parse_host_ip
from .steps import Steps
from .wanted import Interfaces, Wanted, wanted_specs


def conflicts(a: Publication, b: Publication) -> bool:
    """Whether two publications want the same traffic: protocol, a port and an address in common.

    A publication conflicts with itself.
    """
    return (a.protocol == b.protocol and addresses_collide(a.place, b.place)
            and a.host_port < b.host_port + b.count and b.host_port < a.host_port + a.count)


def allocate(
    container: str, addresses: Mapping[str, str], specs: Sequence[PortSpec], *,
    others: Union[Iterable[Publication], Occupied],
    current: Iterable[Publication],
    sockets: Iterable[Socket],
    reserved: Iterable[tuple[int, int]],
    foreign: Optional[Occupied] = None,
    dynamic_range: tuple[int, int] = DYNAMIC_RANGE,
    default_host_ip: str = "",
    allow_from: Sequence[str] = (),
    interfaces: Interfaces = lambda name, family: (waiting_place(name, family),),
) -> tuple[Publication, ...]:
    """The publications that ``specs`` ask for, sorted.

    One spec makes one publication for each host address, a range too. Without a host address that is 0.0.0.0, and
    ``::`` with the same host port when the container has IPv6 (as Docker 29). A dynamic range gets ports in a row.

    :param addresses: the container's addresses: ``{"ipv4": "192.168.5.2", "ipv6": "2001:db8::2"}`` or one of them
    :param others: every publication of other containers, or an index of them (:func:`.occupy_published`)
    :param current: what this container has published now; it never stands in the way. A port that is to be chosen is
        taken from it, and neither a process that came to listen on one of its ports later nor a rule of others that
        came later matters: the caller warns of them
    :param reserved: first and last port of each range of ``ip_local_reserved_ports``
    :param foreign: ports that rules of others translate
    :param dynamic_range: first and last host port to choose from
    :param default_host_ip: the address for specs without one (Docker's ``--ip``)
    :param allow_from: networks that may connect. Each publication gets those of its family, or is left out without any
    :param interfaces: what an interface that stands in the place of an address has
    :raises OptionError: when a port is taken, none is free, or the container has no address of the family
    """
    if default_host_ip:
        default_host_ip = parse_host_ip(default_host_ip, "default_host_ip")
    wanted = wanted_specs(container, addresses, specs, default_host_ip, allow_from, interfaces)
    host_ports = _Allocation(others, foreign or Occupied(), sockets, reserved, dynamic_range).settled(wanted, current)
    sources = {family: tuple(s for s in allow_from if family_of(s) == family) for family in ("ipv4", "ipv6")}
    return tuple(sorted((
        Publication(container, place.partition("%")[0], port, addresses[family_of(place)], want.spec.container_ports[0],
                    want.protocol, want.length, sources[family_of(place)], want.spec.interface)
        for want, port in host_ports for place in want.host_ips), key=ORDER))


# Protocol, host address, first host port, count, first container port of a publication of the container itself.
_Own = tuple[str, str, int, int, int]
# Protocol, host addresses, how many in a row, whether from the dynamic range.
_Search = tuple[str, tuple[str, ...], int, bool]


def _published_as(ports: Iterable[tuple[Wanted, int]]) -> set[_Own]:
    return {(want.protocol, host_ip, port, want.length, want.spec.container_ports[0])
            for want, port in ports for host_ip in want.host_ips}


class _Allocation:
    """The ports that are taken, and how an entry gets its own. A claimed port is taken for all further entries."""

    def __init__(self, others: Union[Iterable[Publication], Occupied], foreign: Occupied, sockets: Iterable[Socket],
                 reserved: Iterable[tuple[int, int]], dynamic_range: tuple[int, int]) -> None:
        self._published = others if isinstance(others, Occupied) else occupy_published(others)
        self._foreign = foreign
        self._listened = occupy_listened(sockets)
        self._dynamic_range = dynamic_range
        self._reserved = bytearray(65536)
        for first, last in reserved:
            self._reserved[first:last + 1] = b"\1" * (last + 1 - first)

    def settled(self, wanted: Sequence[Wanted], current: Iterable[Publication]) -> list[tuple[Wanted, int]]:
        """Each entry with its first host port, such that deciding again with these as the current ones is the same.

        Entries that leave a choice for the same container port can swap what they keep, so these are decided again
        until nothing moves: the first of them always has its own port to keep and moves to lower ones only; once it
        rests, so does the second, and so on.
        """
        own = {(p.protocol, p.place, p.host_port, p.count, p.container_port) for p in current}
        result = self._decided(wanted, own)
        choices = [(want.spec.container_ports[0], want.protocol) for want in wanted if not want.spec.explicit]
        if len(set(choices)) < len(choices):
            seen = []
            while (own := _published_as(result)) not in seen:
                seen.append(own)
                result = self._decided(wanted, own)
        return result

    def _decided(self, wanted: Sequence[Wanted], own: set[_Own]) -> list[tuple[Wanted, int]]:
        self._own = {entry[:4] for entry in own}
        self._previous: dict[tuple[str, int, str], list[int]] = {}
        for protocol, host_ip, host_port, _count, container_port in own:
            self._previous.setdefault((host_ip, container_port, protocol), []).append(host_port)
        try:
            return list(self._claims(wanted))
        except OptionError:
            if not self._previous:
                raise
            # A port that is kept can be the only one that another entry may have: then all are chosen anew.
            self._previous = {}
            return list(self._claims(wanted))

    def _claims(self, wanted: Sequence[Wanted]) -> Iterator[tuple[Wanted, int]]:
        self._claimed = Occupied()
        self._searched: dict[_Search, Steps] = {}
        self._former: dict[tuple[int, _Search], tuple[list[int], Steps]] = {}
        choices = []
        for want in wanted:
            if want.spec.explicit:
                yield want, self._claim(want, self._asked(want))
            else:
                choices.append(want)
        choices.sort(key=self._order)
        # All kept ports before any new one, so that a new entry cannot take a port that another one has had.
        new = []
        for want in choices:
            port = self._kept(want)
            if port:
                yield want, self._claim(want, port)
            else:
                new.append(want)
        for want in new:
            yield want, self._claim(want, self._lowest(want))

    def _order(self, want: Wanted) -> tuple[int, bool, tuple[int, int], str, int, tuple[str, ...], int]:
        """Ranges that end first go first, so that as many entries as possible get a port; named ones before dynamic."""
        first, last = self._range(want)
        return (last, want.spec.host_ports is None, want.spec.container_ports, want.protocol,
                -len(want.host_ips), want.host_ips, first)

    def _claim(self, want: Wanted, port: int) -> int:
        for host_ip in want.host_ips:
            self._claimed.add(want.protocol, host_ip, port, want.length, want.spec)
        return port

    def _taken(self, want: Wanted, first: int) -> tuple[int, Owner] | None:
        """The first port that stands in the way of the whole entry beginning at host port ``first``, and its owner."""
        protocol, count = want.protocol, want.length
        for host_ip in want.host_ips:
            taken = (self._published.find_taken(protocol, host_ip, first, count)
                     or self._claimed.find_taken(protocol, host_ip, first, count))
            if not taken and (protocol, host_ip, first, count) not in self._own:
                # A rule before the process: behind a port of Docker there is also its proxy, which names nobody.
                taken = (self._foreign.find_taken(protocol, host_ip, first, count)
                         or self._listened.find_taken(protocol, host_ip, first, count))
            if taken:
                return taken
        return None

    def _asked(self, want: Wanted) -> int:
        """The host port that an explicit entry names."""
        first, _last = self._range(want)
        taken = self._taken(want, first)
        if taken:
            raise refusal(want, *taken)
        return first

    def _range(self, want: Wanted) -> tuple[int, int]:
        return want.spec.host_ports or self._dynamic_range

    def _search(self, want: Wanted) -> _Search:
        return want.protocol, want.host_ips, want.length, want.spec.host_ports is None

    def _kept(self, want: Wanted) -> int:
        """The host port that this container has published the same container port on so far; 0 for none."""
        (first, last), port = self._range(want), want.spec.container_ports[0]
        key = (port, self._search(want))
        if key not in self._former:
            found = {former for host_ip in want.host_ips
                     for former in self._previous.get((host_ip, port, want.protocol), ())}
            self._former[key] = sorted(found), Steps()
        ports, steps = self._former[key]
        place = steps.follow(bisect_left(ports, first))
        while place < len(ports) and ports[place] <= last - want.length + 1:
            if not self._taken(want, ports[place]):
                return ports[place]
            place = steps.add(place, place + 1)
        return 0

    def _lowest(self, want: Wanted) -> int:
        """The lowest host port from which on as many as needed are free."""
        first, last = self._range(want)
        steps = self._searched.setdefault(self._search(want), Steps())
        port = steps.follow(first)
        while port <= last - want.length + 1:
            obstacle = self._obstacle(want, port)
            if not obstacle:
                return port
            port = steps.add(port, obstacle + 1)
        raise self._exhausted(want)

    def _obstacle(self, want: Wanted, first: int) -> int:
        """The last reserved port, or else the first taken one, in the way from ``first`` on; 0 for none."""
        if want.spec.host_ports is None:
            found = self._reserved.rfind(1, first, first + want.length)
            if found >= 0:
                return found
        taken = self._taken(want, first)
        return taken[0] if taken else 0

    def _exhausted(self, want: Wanted) -> OptionError:
        spec, (first, last) = want.spec, self._range(want)
        owners = []
        single = want._replace(length=1)
        for port in range(first, last + 1):
            taken = self._taken(single, port)
            if taken or (spec.host_ports is None and self._reserved[port]):
                owners.append(taken[1] if taken else None)
        needed = "no free port" if spec.count == 1 else f"no {spec.count} free ports in a row"
        shares = describe_shares(owners) or "none is taken"
        problem = f"has {needed} left for {spec.text}: of {last - first + 1} ports, {shares}"
        holders = tuple(dict.fromkeys(owner.container for owner in owners if isinstance(owner, Publication)))
        if spec.host_ports:
            return Exhausted(holders, "published_ports", spec.text, problem, "Give a range with free ports")
        return Exhausted(holders, "dynamic_port_range", range_text(first, last), problem,
                         "Give a larger range, or name the host port")
