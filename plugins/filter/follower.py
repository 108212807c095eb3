# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles install so that running containers follow the host's resolv.conf, as one digest.

The YAML file beside this one documents the filter.
"""
from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any

import yaml

PLUGINS = Path(__file__).resolve().parents[1]
ROLE = PLUGINS.parent / "roles" / "containers"


@functools.cache
def follower_digest(python: str) -> str:
    """A digest of all that installed files are made from: program, units, variables, and the Python that runs it."""
    variables = ROLE / "vars" / "main.yml"
    program = yaml.safe_load(variables.read_text(encoding="utf-8"))["containers_follow_files"]
    sources = [variables, *sorted((ROLE / "templates").iterdir()),
               *(PLUGINS / "module_utils" / name for name in program)]
    digest = hashlib.sha256(python.encode())
    for source in sources:
        digest.update(b"\0" + source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"follower_digest": follower_digest}
