# SPDX-License-Identifier: GPL-3.0-or-later
"""What the containers of a bridge with ``container_names`` are called in each other's files. Pure.

Docker's DNS server answers for all containers of a network: with a container's name, its host name (since Docker 25),
and its aliases. Here each hosts file of a bridge has all of them, so they are made once for the bridge.
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..core.names import READ_AS_ADDRESS
from ..files.hosts import LOCALHOST, Alias, Roll, alias
from ..firewall.model import FAMILIES
from ..host.endpoints import Endpoint

_Names = Mapping[str, tuple[str, ...]]


class Directory:
    """The names of all containers on some bridges.

    A container's own name is nobody else's. Another name that several claim is at the addresses of all of them, in the
    order of the containers, as Docker's DNS server has it; who reads one entry only takes the first.
    """

    def __init__(self, bridges: Iterable[str], leases: Iterable[Endpoint], hostnames: Mapping[str, str]) -> None:
        """:param leases: in order. :param hostnames: by container, "" or nothing where it is not for others"""
        self._on: dict[str, list[Endpoint]] = {name: [] for name in bridges}
        for lease in leases if self._on else ():
            if lease.bridge in self._on:
                self._on[lease.bridge].append(lease)
        self._hostnames = hostnames
        self._rolls: dict[tuple[str, tuple[str, ...]], Roll] = {}
        self._named: dict[str, _Names] = {}

    def rolls(self, leases: Iterable[Endpoint]) -> list[Roll]:
        """What the file of a container with these interfaces lists, in the families that it has on each bridge."""
        found = []
        for lease in leases:
            if lease.bridge in self._on:
                families = tuple(family for family in FAMILIES if lease.ip(family))
                found.append(self._roll(lease.bridge, families))
        return list(dict.fromkeys(found))

    def _roll(self, bridge: str, families: tuple[str, ...]) -> Roll:
        if (bridge, families) not in self._rolls:
            names = self._names(bridge)
            entries = [Alias(ip, names[lease.container]) for lease in self._on[bridge] for family in families
                       if (ip := lease.ip(family)) and names[lease.container]]
            self._rolls[bridge, families] = Roll.of(entries)
        return self._rolls[bridge, families]

    def _names(self, bridge: str) -> _Names:
        """The names of each container that count."""
        if bridge not in self._named:
            own = self._own_names(bridge)
            self._named[bridge] = {
                container: tuple(name for name in claimed if own.get(name.lower(), container) == container)
                for container, claimed in self._claims(bridge)}
        return self._named[bridge]

    def _own_names(self, bridge: str) -> Mapping[str, str]:
        """By name in small letters the container that is called so."""
        return {lease.container.lower(): lease.container for lease in reversed(self._on[bridge])}

    def _claims(self, bridge: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """All names of each container: its own, its host name, its aliases."""
        aliases: dict[str, list[str]] = {}
        for lease in self._on[bridge]:
            aliases.setdefault(lease.container, []).extend(lease.aliases)
        for container, more in aliases.items():
            known = alias("", container, self._hostnames.get(container, ""), *more).names
            each = {name.lower(): name for name in reversed(known)
                    if name.lower() not in LOCALHOST and not READ_AS_ADDRESS.fullmatch(name)}
            yield container, tuple(reversed(each.values()))

    def conflicts(self, bridge: str) -> list[str]:
        """Sentences for the user, one for each name that several containers of a bridge claim."""
        holders: dict[str, list[str]] = {}
        if bridge not in self._on:
            return []
        for container, claimed in self._claims(bridge):
            for name in claimed:
                holders.setdefault(name.lower(), []).append(container)
        own = self._own_names(bridge)
        return [_sentence(bridge, name, who, own.get(name, "")) for name, who in sorted(holders.items())
                if len(who) > 1]


def _sentence(bridge: str, name: str, who: Sequence[str], own: str) -> str:
    if own:
        others = ", ".join(container for container in who if container != own)
        return (f"{name} is the name of a container on bridge {bridge}, and is found at that one only: {others} "
                f"{'claim' if len(who) > 2 else 'claims'} it as well")
    return (f"{name} is a name of {', '.join(who)} on bridge {bridge}: it is found at all of them, and who reads one "
            f"entry of a hosts file only takes {who[0]}")
