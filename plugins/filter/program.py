# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module host_program installs, as one digest.

The YAML file beside this one documents the filter.
"""
from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Optional

from ansible_collections.mooring.net.plugins.module_utils._internal.program.content import content, digest
from ansible_collections.mooring.net.plugins.module_utils._internal.program.model import Features

PROGRAM = Path(__file__).resolve().parents[1] / "module_utils/_internal"


def _source_of(name: str) -> Optional[str]:
    path = PROGRAM / name
    return path.read_text(encoding="utf-8") if path.is_file() else None


@functools.cache
def program_digest(python: str, follow_resolv_conf: bool = True, persist: bool = True, check_interval: int = 15) -> str:
    """The digest of all installed files: program, units, and the Python that runs it."""
    return digest(content(python, _source_of, Features(follow_resolv_conf, persist, check_interval)).files)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"_program_digest": program_digest}  # private: for the role only
