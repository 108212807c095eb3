# SPDX-License-Identifier: GPL-3.0-or-later
"""Text in columns for a terminal. Pure."""
from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence

from ..core.errors import printable

WIDTH = 80
_NARROWEST = 24  # of a last column that is wrapped
_GAP = "  "

# A cell is a list: it stands in one line where there is room, else one below the other.
Cell = Sequence[str]
Row = tuple[Cell, ...]


def plain(text: str) -> str:
    """A text of one line that does nothing to a terminal."""
    return printable(text, "")


def natural(name: str) -> list[tuple[int, str]]:
    """A key by which app-2 comes before app-10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split("([0-9]+)", name) if part]


def columns_of(text: str) -> int:
    """How many columns of a terminal a printable text takes: two for each wide character (Unicode annex 11)."""
    return len(text) if text.isascii() else sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def columns(titles: Sequence[str], rows: Iterable[Row]) -> str:
    """A table, "" without rows. What does not fit goes on in the next line, below its own column."""
    found = [tuple([plain(word) for word in cell] for cell in row) for row in rows]
    used = [number for number in range(len(titles)) if any(row[number] for row in found)]
    if not used:
        return ""
    cells = [[row[number] for number in used] for row in found]
    heads = [titles[number] for number in used]
    lines = [[[", ".join(cell)] for cell in row] for row in cells]
    if _width(heads, lines) > WIDTH:
        left = [[_stacked(cell) for cell in row[:-1]] for row in cells]
        room = max(_NARROWEST, WIDTH - _width(heads[:-1], left) - len(_GAP))
        lines = [[*row, _wrapped(", ".join(each[-1]), room)] for row, each in zip(left, cells)]
    widths = _widths(heads, lines)
    text = [[[head] for head in heads], *lines]
    return "".join(_line(widths, parts) for row in text for parts in _side_by_side(row))


def paragraphs(title: str, texts: Iterable[str]) -> str:
    """A title with texts below it, "" without any."""
    lines = [line for text in texts for line in _wrapped(plain(text), WIDTH, "  ", "    ")]
    return "".join(f"{line}\n" for line in (title, *lines)) if lines else ""


def _stacked(cell: Cell) -> list[str]:
    return [f"{word}," for word in cell[:-1]] + [*cell[-1:]] or [""]


def _wrapped(text: str, width: int, first: str = "", later: str = "") -> list[str]:
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=later, break_long_words=False,
                         break_on_hyphens=False) or [""]


def _widths(heads: Sequence[str], rows: Sequence[Sequence[Sequence[str]]]) -> list[int]:
    return [max([len(head), *(columns_of(line) for row in rows for line in row[number])])
            for number, head in enumerate(heads)]


def _width(heads: Sequence[str], rows: Sequence[Sequence[Sequence[str]]]) -> int:
    widths = _widths(heads, rows)
    return sum(widths) + len(_GAP) * max(0, len(widths) - 1)


def _side_by_side(row: Sequence[Sequence[str]]) -> list[list[str]]:
    """The lines of cells that have several."""
    return [[cell[number] if number < len(cell) else "" for cell in row] for number in range(max(map(len, row)))]


def _line(widths: Sequence[int], parts: Sequence[str]) -> str:
    return _GAP.join(part + " " * (width - columns_of(part)) for part, width in zip(parts, widths)).rstrip() + "\n"
