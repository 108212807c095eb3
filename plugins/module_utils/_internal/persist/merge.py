# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task says of one thing, merged into what was said of it before and what is known of it. Pure."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ..applied.model import TARGETS, Options, label_of

NAMING = (*TARGETS, "name")  # what says which container it is


def merge(old: Options, new: Options, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked for of a thing: each option as it turned out, else as it was said last.

    A container has one name. ``netns`` may be the name that it got when it was attached: of a container that somebody
    else has started it does not say how to find it again.
    """
    old = _still(old, new)
    named, rest = _part(facts)
    if "netns" in new and named and "netns" not in named:
        return merged(named, old, _part(new)[1], rest)
    return merged(old, new, rest)


def merged(*parts: Options) -> dict[str, Any]:
    """The options of each in the place of those before it. One that names a container takes all other names away."""
    found: dict[str, Any] = {}
    for part in parts:
        if any(part.get(kind) is not None for kind in TARGETS):
            found = _part(found)[1]
        found.update(part)
    return found


def changed(old: Optional[Mapping[str, Any]], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Of what is known of a thing the options that the run has changed; where one of them names it, all that do.

    :param old: what was known of it before, None for nothing
    """
    if old is None:
        return dict(facts)
    names = {name for name, value in facts.items() if old.get(name) != value}
    if names & {*NAMING}:
        names |= {*NAMING}
    return {name: value for name, value in facts.items() if name in names}


def ends_of(pair: Options) -> set[tuple[str, str]]:
    """The ends of a veth pair: whose namespace each is in, "" for that of the host, and its name."""
    peer = pair.get("peer") or {}
    return {(_whose(end), str(end.get("name"))) for end in (pair, peer)}


def _whose(end: Options) -> str:
    return label_of({name: value for name, value in end.items() if name in TARGETS})


def _part(options: Options) -> tuple[dict[str, Any], dict[str, Any]]:
    """What names a container, and the other options; a bridge, which only has a name, is no container."""
    named = {name: value for name, value in options.items() if name in NAMING}
    if not named.keys() & {*TARGETS}:
        return {}, dict(options)
    return named, {name: value for name, value in options.items() if name not in NAMING}


def _still(old: Options, new: Options) -> Options:
    """Of what was asked for before what still counts: an endpoint on another bridge begins anew, as one without any."""
    if old.get("bridge") != new.get("bridge", old.get("bridge")) or "bridge" in old and new.get(
            "network_mode", "bridge") != "bridge":
        return {}
    return old
