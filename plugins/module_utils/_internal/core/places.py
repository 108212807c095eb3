# SPDX-License-Identifier: GPL-3.0-or-later
"""How messages call the items of a list, so that a person finds the line: ``networks[1] (front): containers[0] (web)``.

Pure.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .errors import cut, printable

LONGEST_NAME = 64  # characters of it that a message shows


def numbered(option: str, number: int, name: object = "") -> str:
    """``config[1] (container b)``: an item of a list by its number, from 0, and by its name, where it has one."""
    shown = cut(printable(str(name)).replace("\n", "\\n"), LONGEST_NAME) if name not in (None, "") else ""
    return f"{option}[{number}] ({shown})" if shown else f"{option}[{number}]"


def before(option: str, number: int, item: Any) -> str:
    """What stands in front of an option of an item: ``networks[1] (front): ``; without a name ``routes[0].``."""
    name = item.get("name") if isinstance(item, Mapping) else None
    return f"{numbered(option, number, name)}: " if name and isinstance(name, str) else f"{option}[{number}]."


def find(path: str, values: Any) -> str:
    """Where the first option of that name stands: ``networks.containers.adress`` as
    ``networks[1] (front): containers[0] (web): adress``; as it is where it stands nowhere.

    :param path: names of options with dots between them, without the numbers of items
    :param values: of all options
    """
    return next(_found(path, values, ""), path)


def _found(path: str, values: Any, where: str) -> Iterator[str]:
    first, _dot, rest = path.partition(".")
    if not isinstance(values, Mapping) or first not in values:
        return
    inner = values[first]
    if not rest:
        yield f"{where}{first}"
    elif isinstance(inner, (list, tuple)):
        for number, item in enumerate(inner):
            yield from _found(rest, item, before(f"{where}{first}", number, item))
    else:
        yield from _found(rest, inner, f"{where}{first}.")
