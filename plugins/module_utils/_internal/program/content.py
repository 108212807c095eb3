# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of all files of the program. Pure."""
from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Optional

from ..applied.model import PATH as APPLIED
from ..boot import units as boot
from ..boot.model import ENABLED as BOOT
from ..boot.model import TARGET, TIMER
from ..boot.units import HEAD
from ..firewall.iptables.gate import program_of
from ..firewall.model import FAMILIES
from . import engines, resolv
from .archive import Source, pack
from .model import ARCHIVE, ISOLATED, PREFIX, RECORD, UNITS, Enabled, Features, Program

_SECONDS = re.compile(rb"^OnActiveSec=([0-9]+)$", re.MULTILINE)  # of the timer
RESTORE = {family: f"/usr/sbin/{program_of(family)}" for family in FAMILIES}


def content(python: str, source_of: Source, features: Features = Features(),  # noqa: B008
            restore: Mapping[str, str] = RESTORE) -> Program:
    """What is installed.

    :param python: path of the Python that runs the program
    :param source_of: the text of a file of module_utils
    :param restore: path of what reads rules, by family; the digest is the same wherever that is
    """
    archive = {ARCHIVE: pack(python, source_of)}
    files, enabled = {**archive, **_units(python, features, restore)}, _enabled(features)
    usual = {**archive, **_units(python, features, RESTORE)}
    return Program({**files, RECORD: _record(python, files, usual, enabled)}, enabled)


def _units(python: str, features: Features, restore: Mapping[str, str]) -> dict[str, bytes]:
    found: dict[str, str] = {}
    if features.follow_resolv_conf:
        found |= {f"{UNITS}/{name}": HEAD + text for name, text in resolv.units(python).items()}
    if features.persist:
        found |= boot.units(restore, f"{python} {ISOLATED} {ARCHIVE}", APPLIED, features.check_interval)
        if not features.check_interval:
            del found[f"{UNITS}/{TIMER}"]
        found |= {f"{UNITS}/{name}": HEAD + text for name, text in engines.units(python).items()}
    return {path: text.encode() for path, text in found.items()}


def _enabled(features: Features) -> dict[str, Enabled]:
    found = dict(resolv.ENABLED) if features.follow_resolv_conf else {}
    for unit, wanted_by in BOOT.items() if features.persist else ():
        if unit != TIMER or features.check_interval:
            # What closes all bridges is for hosts that start. The others take hold at once.
            now = {TIMER: "restart", TARGET: "start"}.get(unit, "")
            found[unit] = Enabled(wanted_by, now, waits=unit != TARGET)
    return {**found, **(engines.ENABLED if features.persist else {})}


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


def recorded_features(record: bytes, timer: Optional[bytes]) -> Features:
    """What the installed program does by itself; where none is installed what it does by default.

    :param timer: the unit with the interval, None where there is none
    """
    units = recorded_units(record)
    if not recorded_paths(record):
        return Features()
    seconds = _SECONDS.search(timer or b"")
    interval = int(seconds[1]) if seconds else 0 if TARGET in units else Features().check_interval
    return Features(bool(resolv.ENABLED.keys() & units.keys()), TARGET in units, interval)


def _record(python: str, files: Mapping[str, bytes], usual: Mapping[str, bytes],
            enabled: Mapping[str, Enabled]) -> bytes:
    """:param usual: the files as they are where all programs are in their usual places, for the digest"""
    units = {unit: how.wanted_by for unit, how in enabled.items()}
    whole = hashlib.sha256(json.dumps([_digests(usual), units], sort_keys=True).encode()).hexdigest()
    found: dict[str, Any] = {"digest": whole, "python": python, "enabled": units, "files": _digests(files)}
    return (json.dumps(found, indent=1) + "\n").encode()


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {path: hashlib.sha256(text).hexdigest() for path, text in files.items()}
