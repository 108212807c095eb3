# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of daemon.json: read, merged, written. Pure."""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..core.errors import MooringError


def read(path: str, text: str) -> dict[str, Any]:
    """The keys in the text; an empty one has none, as for dockerd. :raises MooringError: when it is no JSON object"""
    text = text.lstrip("\ufeff")
    if not text.strip():
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise MooringError(f"{path} is not JSON: {_where(error)}. dockerd does not start with it. Correct it, or "
                           "move it away.") from error
    if not isinstance(found, dict):
        raise MooringError(f"{path} holds a {type(found).__name__}, and dockerd wants an object, {{...}}. Correct it, "
                           "or move it away.")
    return found


def _where(error: ValueError) -> str:
    """Without the line itself: the file may hold passwords of proxies and tokens of log drivers."""
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    return f"line {error.lineno}, column {error.colno}: {error.msg}"


def merge(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """``wanted`` over ``current``: a key keeps its place, a new one comes last, None takes one out."""
    merged = {**current, **wanted}
    return {key: value for key, value in merged.items() if value is not None or key not in wanted}


def write(keys: Any) -> str:
    return json.dumps(keys, indent=4, ensure_ascii=False) + "\n"
