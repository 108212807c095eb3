# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is to come back to, as the parts of a run. Pure."""
from __future__ import annotations

import dataclasses
from collections.abc import Callable

from ..applied.model import (
    BRIDGES, ENDPOINTS, NAMES, PAIRS, PATH, POLICIES, PORTS, TARGETS, Applied, Key, Options,
)
from ..core.argspec import with_defaults
from ..core.errors import doing
from ..core.values import check_stored
from ..host.resource import Part
from .modules import RESOURCES


def parts(applied: Applied) -> list[Part]:
    """In the order in which one thing needs another, see :mod:`document.parts`.

    A link that is there keeps the ports that it was given, whatever its target has come to expose since.

    :raises MooringError: for an item that this version does not take
    """
    def is_of_bridge(_key: Key, options: Options) -> bool:
        return "bridge" in options

    def stays(_key: Key, options: Options) -> bool:
        ends = (options, options.get("peer") or {})
        return not any(end.get(kind) is not None for end in ends for kind in TARGETS)

    return [_part(applied, BRIDGES), _part(applied, POLICIES, is_of_bridge), _part(applied, PAIRS, stays),
            _part(applied, ENDPOINTS), _part(applied, PORTS),
            _part(applied, POLICIES, lambda key, options: not is_of_bridge(key, options)),
            _part(applied, PAIRS, lambda key, options: not stays(key, options)), _part(applied, NAMES)]


def _part(applied: Applied, module: str,
          wanted: Callable[[Key, Options], bool] = lambda _key, _options: True) -> Part:
    resource = RESOURCES[module]
    found, given = [], []
    for key, stored in applied.items.items():
        if key[0] == module and wanted(key, stored):
            with doing(f"{PATH}: {module} {key[1]}"):
                options = with_defaults(resource.options, check_stored(resource.options, stored))
                item = resource.parse(options)
            found.append(dataclasses.replace(item, standing=True) if module == POLICIES else item)
            given.append(options)
    return Part(resource, tuple(found), shown=False, given=tuple(given))
