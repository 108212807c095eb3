# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several modules share, as argument_spec dictionaries; plugins/doc_fragments documents them."""
from __future__ import annotations

from typing import Any

STATE: dict[str, Any] = {"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}

TARGET: dict[str, Any] = {
    "container": {"type": "str"},
    "pid": {"type": "int"},
    "netns": {"type": "str"},
    "netns_path": {"type": "path"},
}

CONFIG: dict[str, Any] = {"config": {"type": "list", "elements": "dict"}}
