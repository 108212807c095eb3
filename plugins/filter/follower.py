# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module resolv_follower installs, as one digest.

The YAML file beside this one documents the filter.
"""
from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from ansible_collections.mooring.net.plugins.module_utils.follower.content import content, digest

MODULE_UTILS = Path(__file__).resolve().parents[1] / "module_utils"


@functools.cache
def follower_digest(python: str) -> str:
    """The digest of all installed files: program, units, and the Python that runs it."""
    return digest(content(python, lambda name: (MODULE_UTILS / name).read_text(encoding="utf-8")))


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"follower_digest": follower_digest}
