# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reaches whom in words. Pure."""
from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from ..upkeep.columns import natural
from .model import EVERYBODY, Host, Interface, Way

THE_OUTSIDE, THE_HOST = "the outside", "the host"
_COUNTED_UP = 8  # ports that a container may use, of which each is said


class Words:
    """Words for the containers of a host."""

    def __init__(self, host: Host, ways: Mapping[str, Sequence[Way]]) -> None:
        self._host, self._ways = host, ways
        self._all = frozenset(host.containers)
        self._on = {network.name: frozenset(each.container for each in host.interfaces
                                            if each.network == network.name) for network in host.networks}

    def inward(self, container: str) -> list[str]:
        """Who reaches a container, a text for each thing of it that is reached."""
        found: dict[str, list[str]] = {}
        for way in self._ways.get(container, ()):
            found.setdefault(way.what, []).append(self._who(way, container))
        return self._lines({what: ", ".join(who) for what, who in found.items()})

    @staticmethod
    def _lines(who_of: Mapping[str, str]) -> list[str]:
        """``WHO: WHAT, WHAT``, a line for all that the same ones reach."""
        found: dict[str, list[str]] = {}
        for what, who in who_of.items():
            found.setdefault(who, []).append(what)
        return [f"{who}: {', '.join(whats)}" for who, whats in found.items()]

    def outward(self, container: str) -> list[str]:
        """Whom a container reaches, in the same way. What is open to everybody is not counted up."""
        reached: dict[str, list[str]] = {}
        published: dict[str, list[str]] = {}
        public = False
        for target, ways in self._ways.items():
            of_all = self._public(ways)
            for way in (each for each in ways if container in each.sources):
                if way.published and way.what.partition(",")[0] in of_all:
                    public = True
                else:
                    (published if way.published else reached).setdefault(way.what, []).append(target)
        if len(published) > _COUNTED_UP:
            every = [name for targets in published.values() for name in targets]
            reached["ports published for it"] = list(dict.fromkeys(every))
        else:
            reached.update(published)
        found = self._lines({what: ", ".join(self._grouped(targets, container)) for what, targets in reached.items()})
        if public:
            found.append("all that is published for everybody")
        return [*found, *self._outside(container)]

    def _outside(self, container: str) -> Iterable[str]:
        """How a container gets to the outside."""
        networks = self._host.by_name
        ways = []
        for each in self._host.interfaces:
            network = networks.get(each.network)
            if each.container == container and network and network.own and not network.internal:
                ways.append((each, network.masquerade, network.allow_to))
        if not ways:
            return
        own = all(not masquerade for _each, masquerade, _allowed in ways)
        limits = [self._limit(each, allowed) for each, _masquerade, allowed in ways]
        what = "everything" if None in limits else ", ".join(limit for limit in limits if limit) or "nothing"
        yield f"{THE_OUTSIDE}: {what}{' by its own address' if own else ''}"

    @staticmethod
    def _limit(interface: Interface, of_network: Collection[str] | None) -> str | None:
        allowed = interface.allow_to if interface.allow_to is not None else of_network
        return None if allowed is None else ", ".join(allowed)

    @staticmethod
    def _public(ways: Iterable[Way]) -> set[str]:
        """What of a container is published for everybody, be it by one family."""
        return {way.what.partition(",")[0] for way in ways if way.published and EVERYBODY in way.outside}

    def _who(self, way: Way, target: str) -> str:
        others = self._all - {target}
        if way.outside == (EVERYBODY,) and way.from_host and way.sources == others:
            return EVERYBODY
        outside = [THE_OUTSIDE if who == EVERYBODY else who for who in way.outside]
        return ", ".join([*([THE_HOST] if way.from_host else []), *outside, *self._grouped(way.sources, target)])

    def _grouped(self, containers: Collection[str], but: str) -> list[str]:
        """Containers by name, those of a whole network together. :param but: one that does not count"""
        left, found = set(containers), []
        if len(left) > 1 and left == self._all - {but}:
            return ["all containers"]
        for network, here in self._on.items():
            there = here - {but}
            missing = there - set(containers)
            if len(there) > 1 and there & left and 3 * len(missing) < len(there):
                less = f" but {', '.join(sorted(missing, key=natural))}" if missing else ""
                found.append(f"containers of {network}{less}")
                left -= there
        return [*found, *sorted(left, key=natural)]
