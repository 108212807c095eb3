# SPDX-License-Identifier: GPL-3.0-or-later
"""From the parameters of a task to desired values. Pure."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..core.argspec import COMMON
from ..core.errors import MooringError, doing
from ..core.places import numbered
from ..host.resource import Part, Resource
from .located import refuse_twice

# The options that an item is known by.
NAMING = ("container", "netns", "netns_path", "pid", "name", "bridge")

# options of one item, what the user gave -> the same checked, with defaults; raises MooringError
Check = Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]]


def part_of(resource: Resource, params: Mapping[str, Any], check: Check) -> Part:
    """Every item as a value. Options beside ``config`` are defaults for its items."""
    flat = {key: value for key, value in params.items() if key != "config" and key not in COMMON}
    if params["config"] is None:
        return Part(resource, (_parse(resource, flat),), given=(flat,))
    defaults = {key: value for key, value in flat.items() if value is not None}
    given = ({key: value for key, value in item.items() if value is not None} for item in params["config"])
    found = parse_list(resource, [{**defaults, **item} for item in given], check)
    refuse_twice(found)
    return found


def parse_list(resource: Resource, items: list[Mapping[str, Any]], check: Check) -> Part:
    """Every item of a list as a value."""
    found, given = [], []
    places = tuple(place_of(number, item) for number, item in enumerate(items))
    for place, item in zip(places, items):
        with doing(place):
            given.append(check(resource.options, item))
            found.append(_parse(resource, given[-1]))
    return Part(resource, tuple(found), given=tuple(given), places=places)


def place_of(number: int, item: Mapping[str, Any]) -> str:
    """How messages call an item of ``config``: ``config[1] (container b)``, a thing with a name of its own by that."""
    key = next((key for key in NAMING if item.get(key) not in (None, "")), "")
    return numbered("config", number, item[key] if key == "name" else f"{key} {item[key]}" if key else "")


def _parse(resource: Resource, options: Mapping[str, Any]) -> Any:
    for option in resource.required:
        if options.get(option) in (None, ""):
            raise MooringError(f"{option}: not given. Give it, or a list of items with config")
    return resource.parse(options)
