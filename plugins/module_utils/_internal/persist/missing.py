# SPDX-License-Identifier: GPL-3.0-or-later
"""Of what a host is to come back to, what has to wait for a bridge that somebody else makes. Pure."""
from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from ..applied.model import BRIDGES, ENDPOINTS, PAIRS, PORTS, Applied, Key, Options, label_of
from .started import SHARES


def find_missing(applied: Applied, is_there: Callable[[str], bool]) -> list[str]:
    """The bridges that somebody else is to make, and has not.

    :param is_there: whether the host has an interface of that name
    """
    return [str(options["name"]) for options in applied.of(BRIDGES)
            if options.get("must_exist") and not is_there(str(options["name"]))]


def without(applied: Applied, bridges: Collection[str]) -> Applied:
    """Without these bridges, and without all that needs one of them.

    A container with another interface keeps what that one has.
    """
    if not bridges:
        return applied
    waiting = {key for key in _endpoints(applied) if applied.items[key].get("bridge") in bridges}
    labels = _labels(applied, waiting) - _labels(applied, _endpoints(applied) - waiting)
    while sharing := {key for key in _endpoints(applied) - waiting
                      if str(applied.items[key].get("network_mode", "")).removeprefix(SHARES) in labels}:
        waiting |= sharing
        labels |= _labels(applied, sharing)

    def waits(key: Key, options: Options) -> bool:
        if key[0] == ENDPOINTS:
            return key in waiting
        if key[0] == BRIDGES:
            return options["name"] in bridges
        if key[0] == PAIRS:
            return any(end.get("bridge") in bridges for end in (options, options.get("peer") or {}))
        return options.get("bridge") in bridges or label_of(options) in labels

    return Applied({key: _published_elsewhere(options, bridges) if key[0] == PORTS else options
                    for key, options in applied.items.items() if not waits(key, options)}, applied.processes)


def _endpoints(applied: Applied) -> set[Key]:
    return {key for key in applied.items if key[0] == ENDPOINTS}


def _labels(applied: Applied, keys: Iterable[Key]) -> set[str]:
    return {label_of(applied.items[key]) for key in keys}


def _published_elsewhere(options: Options, bridges: Collection[str]) -> dict[str, Any]:
    """The options of published ports without those that lead to one of the bridges."""
    names = options.get("published_on") or ()
    if not names or len(names) != len(options.get("published_ports") or ()):
        return dict(options)
    kept = [(port, name) for port, name in zip(options["published_ports"], names) if name not in bridges]
    return {**options, "published_ports": [port for port, _name in kept],
            "published_on": [name for _port, name in kept]}


def describe(bridge: str) -> str:
    return (f"waits for bridge {bridge}, which somebody else makes (must_exist) and which is not there: its network "
            "comes back with the next `mooring replay`")
