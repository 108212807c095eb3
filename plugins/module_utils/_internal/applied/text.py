# SPDX-License-Identifier: GPL-3.0-or-later
"""The file applied.json: an item in each line, so that a change is a change of few lines. Pure."""
from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..core.errors import HostError, cut
from .model import BRIDGES, MODULES, PAIRS, PATH, Applied, Key, Options, identity, label_of, processes_of
from .shapes import find_wrong

VERSION = 1


def render(applied: Applied) -> str:
    """The text of the file; :func:`parse` is the inverse."""
    head = {"version": VERSION, **({"processes": applied.processes} if applied.processes else {})}
    blocks = [f"{json.dumps(name)}: {json.dumps(value, sort_keys=True)}" for name, value in head.items()]
    for module in MODULES:
        lines = ",\n".join(f"  {json.dumps(options, sort_keys=True)}" for options in applied.of(module))
        blocks.append(f'"{module}": [\n{lines}\n ]' if lines else f'"{module}": []')
    return "{" + ",\n ".join(blocks) + "}\n"


def parse(text: str) -> Applied:
    """:raises HostError: for a file of a later version, and for one that is damaged"""
    try:
        found = json.loads(text)
        version, items = found["version"], {}
        if version == VERSION:
            items = {(module, _identify(module, options)): dict(options)
                     for module in MODULES for options in found.get(module, ())}
            processes = {str(number): str(which) for number, which in found.get("processes", {}).items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise HostError(f"{PATH} is damaged ({cut(repr(error))}): put back a copy of it, or remove it, and run the "
                        "play of this host again") from error
    if version != VERSION:
        raise HostError(f"{PATH} has version {cut(repr(version))}, and this version of the collection knows {VERSION}: "
                        "use the version that wrote it, or remove it, and run the play of this host again")
    return Applied(items, processes)


def _identify(module: str, options: Any) -> str:
    """:raises ValueError: for an item that none can be made of"""
    if wrong := find_wrong(options):
        raise ValueError(f"{module}: {wrong}")
    found = identity(module, options)
    if not found.strip() or module != BRIDGES and module != PAIRS and not (label_of(options) or "bridge" in options):
        raise ValueError(f"{module}: an item names nothing")
    return found


def without_ended(applied: Applied, who: Callable[[str], str]) -> Applied:
    """Without what was asked for processes that have ended: their numbers are used again, also after a reboot.

    :param who: which process has a number now: boot and start time
    """
    ended = {number for number, which in applied.processes.items() if who(number) != which}

    def is_over(options: Options) -> bool:
        return any(number in ended or number not in applied.processes for number in processes_of(options))

    items: dict[Key, Any] = {key: options for key, options in applied.items.items() if not is_over(options)}
    return Applied(items, {number: which for number, which in applied.processes.items() if number not in ended})
