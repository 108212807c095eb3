# SPDX-License-Identifier: GPL-3.0-or-later
"""Text in SVG and HTML. Pure.

Names come from hosts, where whoever makes an interface or a file can choose them. So nothing gets into markup but by
these functions.
"""
from __future__ import annotations

import html
import itertools
from collections.abc import Iterable, Mapping

from ..upkeep.columns import columns_of, plain


def text(value: object) -> str:
    """Anything as text between tags, or as the value of an attribute in quotes."""
    return html.escape(plain(str(value)), quote=True)


def element(name: str, attributes: Mapping[str, object], *content: str) -> str:
    """An element. Attributes that are None or "" are left out; the content is markup already."""
    said = "".join(f' {key}="{text(value)}"' for key, value in attributes.items() if value not in (None, ""))
    inside = "".join(content)
    return f"<{name}{said}>{inside}</{name}>" if inside else f"<{name}{said}/>"


def cut(value: str, columns: int, at_end: bool = True) -> str:
    """A text that takes so many columns at most."""
    value = plain(value)
    if columns_of(value) <= columns:
        return value
    # Whoever chose the name may have made it as long as he liked: it is read once.
    sums = itertools.accumulate(map(columns_of, value if at_end else reversed(value)))
    kept = sum(1 for _each in itertools.takewhile(lambda taken: taken < columns, sums))
    return f"{value[:kept]}…" if at_end else f"…{value[len(value) - kept:]}"


def ranges(numbers: Iterable[int]) -> str:
    """``0-3 7 9-12``."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in found)
