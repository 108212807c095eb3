# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of all files of the program. Pure."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Optional

from . import engines, resolv
from .archive import Source, pack
from .model import ARCHIVE, PREFIX, RECORD, UNITS, Enabled, Program

HEAD = "# SPDX-License-Identifier: GPL-3.0-or-later\n# Managed by the Ansible collection mooring.net.\n"


def content(python: str, source_of: Source, follow_resolv_conf: bool = True) -> Program:
    """What is installed.

    :param python: path of the Python that runs the program
    :param source_of: the text of a file of module_utils
    :param follow_resolv_conf: whether running containers follow the host's resolv.conf
    """
    units: dict[str, str] = {}
    enabled: dict[str, Enabled] = {}
    if follow_resolv_conf:
        units |= resolv.units(python)
        enabled |= resolv.ENABLED
    units |= engines.units(python)
    enabled |= engines.ENABLED
    files = {ARCHIVE: pack(python, source_of), **{f"{UNITS}/{name}": (HEAD + text).encode()
                                                  for name, text in units.items()}}
    return Program({**files, RECORD: _record(files, enabled)}, enabled)


def digest(files: Mapping[str, Optional[bytes]]) -> str:
    """What :func:`content` is known by: the digest that its record has."""
    found: str = json.loads(files[RECORD] or b"")["digest"]
    return found


def recorded_paths(record: bytes) -> tuple[str, ...]:
    """The paths that a record names, none where it is damaged."""
    try:
        return tuple(str(path) for path in json.loads(record)["files"])
    except (ValueError, KeyError, TypeError):
        return ()


def recorded_units(record: bytes) -> dict[str, Enabled]:
    """The units that a record says are put to work."""
    try:
        return {str(unit): Enabled(str(target)) for unit, target in json.loads(record)["enabled"].items()
                if f"{UNITS}/{unit}".startswith(PREFIX)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _record(files: Mapping[str, bytes], enabled: Mapping[str, Enabled]) -> bytes:
    found: dict[str, Any] = {"files": {path: hashlib.sha256(text).hexdigest() for path, text in files.items()},
                             "enabled": {unit: how.wanted_by for unit, how in enabled.items()}}
    whole = hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()
    return (json.dumps({"digest": whole, **found}, indent=1) + "\n").encode()
