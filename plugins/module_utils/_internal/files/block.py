# SPDX-License-Identifier: GPL-3.0-or-later
"""Our block in a text file that others may edit as well. Pure.

The block begins with a mark, a comment that carries what it was made from::

    # mooring:hosts {"container":"web","hostname":"web","was":[[0,"127.0.0.1\\u0020localhost"]]}
    127.0.0.1<TAB>localhost
    # mooring:end

What stands outside of it is kept, in place. ``was`` has the lines that the block took the place of, with their numbers.
"""
from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

END = "# mooring:end"
# musl reads hosts in pieces of 511 bytes and would take the rest of a longer comment for an entry.
WIDTH = 240
LINES = 1 << 20  # more than any file that a run has read
_FILLER = re.compile("#\x7f+")


@dataclass(frozen=True)
class Block:
    """``mark`` is None when somebody damaged it; ``text`` stands between the mark and the end."""

    mark: Optional[Mapping[str, Any]]
    text: str

    @property
    def body(self) -> tuple[str, ...]:
        """The lines of the text."""
        return tuple(lines_of(self.text))


@dataclass(frozen=True)
class Parts:
    before: tuple[str, ...] = ()
    block: Optional[Block] = None
    after: tuple[str, ...] = ()


def lines_of(text: str) -> list[str]:
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def filler(size: int) -> str:
    """A comment of at least so many characters that stands behind a text until a file which was longer is cut.

    Where the run is killed at that moment it stays. It is no line of anybody's.
    """
    return "#" + "\x7f" * max(1, size - 2) + "\n" if size > 0 else ""


def without_filler(text: str) -> str:
    last = text.rfind("\n", 0, -1) + 1
    return text[:last] if _FILLER.fullmatch(text[last:].removesuffix("\n")) else text


def text_of(lines: Sequence[str]) -> str:
    return "\n".join([*lines, ""])  # a container's own file may have a million of them


def compose(kind: str, mark: Mapping[str, Any], body: Sequence[str]) -> list[str]:
    """The lines of a block. The mark has no blanks, so that nothing is lost where an editor takes some away."""
    text = json.dumps(mark, separators=(",", ":"), sort_keys=True).replace(" ", "\\u0020")
    pieces = [text[start:start + WIDTH] for start in range(0, len(text), WIDTH)]
    return [f"# mooring:{kind} {pieces[0]}", *(f"# mooring: {piece}" for piece in pieces[1:]), *body, END]


@functools.lru_cache(maxsize=1 << 12)  # a run asks for each file of a container a dozen times
def split(kind: str, text: Optional[str]) -> Parts:
    """A text around its block. A block without an end ends with its mark."""
    whole = without_filler(text or "")
    text = f"\n{whole}" if whole.endswith("\n") or not whole else f"\n{whole}\n"  # so that each line has both
    start = text.find(f"\n# mooring:{kind} ") + 1
    if not start:
        return Parts(before=tuple(lines_of(whole)))
    pieces, first = _read_mark(text, start)
    end = text.find(f"\n{END}\n", first - 1) + 1  # a bridge may have a thousand names: not line by line
    body, after = (text[first:end], text[end + len(END) + 1:]) if end else ("", text[first:])
    return Parts(tuple(lines_of(text[1:start])), Block(_mark(pieces), body), tuple(lines_of(after)))


def _read_mark(text: str, start: int) -> tuple[list[str], int]:
    """What the lines of a mark say that begin at ``start``, and where the next line begins."""
    pieces: list[str] = []
    while not pieces or text.startswith("# mooring: ", start):
        end = text.index("\n", start)
        pieces.append(text[start:end].split(" ", 2)[2])
        start = end + 1
    return pieces, start


def _mark(pieces: Sequence[str]) -> Optional[Mapping[str, Any]]:
    """Whatever a container made of it: nested deeper than Python goes, it is damaged like any other."""
    try:
        found = json.loads("".join(pieces))
        json.dumps(found)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def replace_block(parts: Parts, block: Sequence[str], engine: Callable[[str], bool]) -> str:
    """The text with ``block`` in its place.

    Where there is no block yet it comes in the place of the first line that an ``engine`` wrote, instead of all those.
    """
    if parts.block is not None:
        return text_of([*parts.before, *block, *parts.after])
    first = next((number for number, line in enumerate(parts.before) if engine(line)), 0)
    rest = [line for line in parts.before[first:] if not engine(line)]
    return text_of([*parts.before[:first], *block, *rest])


def find_replaced(parts: Parts, engine: Callable[[str], bool]) -> list[list[Any]]:
    """The lines of a text without a block that :func:`replace_block` leaves out, each with its number from 0."""
    return [[number, line] for number, line in enumerate(parts.before) if engine(line)]


def remove_block(parts: Parts) -> Optional[str]:
    """The text without its block and with what that took the place of; None when nothing is left of our own file."""
    was = read_memory(parts.block.mark or {}).get("was") if parts.block else None
    left = [*parts.before, *parts.after]
    lines: list[str] = []
    for number, line in sorted(was or (), key=lambda entry: entry[0]):
        here = max(0, number - len(lines))
        lines += [*left[:here], line]
        left = left[here:]
    lines += left
    return text_of(lines) if lines or was is not None else None


def read_memory(mark: Mapping[str, Any]) -> dict[str, Any]:
    """What a mark keeps beside the settings to give back what was there, as far as it is what we write.

    ``was`` are lines with their numbers, ``hostname_was`` is the text of the hostname file, ``directories`` how many
    of those around the files are ours.
    """
    was, found = mark.get("was"), {}
    if isinstance(was, list) and all(isinstance(entry, list) and [type(part) for part in entry] == [int, str]
                                     and 0 <= entry[0] < LINES and "\n" not in entry[1] for entry in was):
        found["was"] = was
    if isinstance(mark.get("hostname_was"), str):
        found["hostname_was"] = mark["hostname_was"]
    if mark.get("directories") in (1, 2):
        found["directories"] = mark["directories"]
    return found
