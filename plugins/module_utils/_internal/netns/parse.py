# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that name a container or a namespace, as a value. Pure."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ..core.errors import MooringError, OptionError
from ..core.names import container_label, netns_name
from .model import Target

KINDS = ("container", "pid", "netns", "netns_path")


def target(options: Mapping[str, Any]) -> Target:
    """Exactly one of ``container``, ``pid``, ``netns``, ``netns_path``. :raises MooringError: otherwise"""
    found = optional_target(options)
    if found is None:
        raise MooringError("no container is named: give one of " + ", ".join(KINDS))
    return found


def optional_target(options: Mapping[str, Any]) -> Optional[Target]:
    given = {kind: options[kind] for kind in KINDS if options.get(kind) not in (None, "")}
    if len(given) > 1:
        raise MooringError(f"{' and '.join(given)} are given together, and only one of them can name the container")
    for kind, value in given.items():
        return Target(kind, _check(kind, value))
    return None


def _check(kind: str, value: Any) -> str:
    if kind == "pid":
        if not isinstance(value, int) or value < 1:
            raise OptionError("pid", value, "is not the number of a process", "Give a number from 1, as ps shows it")
        return str(value)
    if kind == "netns":
        return netns_name("netns", value)
    if kind == "netns_path":
        if not value.startswith("/"):
            raise OptionError("netns_path", value, "is not an absolute path",
                              "Give a path like /proc/1234/ns/net, or use netns for a name")
        return str(value)
    return container_label("container", value)
