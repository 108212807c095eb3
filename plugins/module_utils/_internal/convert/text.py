# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as YAML, with what is to be said of each thing as comments above it. Pure."""
from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .model import Converted, Entry

WIDTH = 100  # characters of a line of comment
# What YAML, 1.1 or 1.2, takes for text without quotes: a word that is neither a truth value nor a number.
_PLAIN = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null|nan|inf)$)[a-z][a-z0-9_.-]*", re.IGNORECASE)

# "#jinja2: ..." at the beginning says which marks a template has; usual ones begin with "{". Ansible renders both,
# unless a text is !unsafe: whoever names things of an engine would have the controller run what he likes.
_HEADER = re.compile(r"\s*#")


def render(converted: Converted) -> str:
    """A file of variables, whose first lines say what could not be carried over."""
    lines = ["---", *_comments("", [note.text for note in converted.notes if not note.network])]
    if converted.pools:
        lines += ["host_network_default_address_pools:", *(f"  - {_flow(pool)}" for pool in converted.pools)]
    lines.append("container_networks:" if converted.networks else "container_networks: []")
    for network in converted.networks:
        lines += _item("  ", network.entry, _said(converted, network.name))
        lines += ["    containers:"] if network.containers else []
        for container in network.containers:
            lines += _item("      ", container, _said(converted, network.name, container["name"]))
    return "\n".join(lines) + "\n"


def _said(converted: Converted, network: str, container: str = "") -> list[str]:
    return [note.text for note in converted.notes if (note.network, note.container) == (network, container)]


def _item(indent: str, entry: Entry, notes: Sequence[str]) -> Iterator[str]:
    yield from _comments(indent, notes)
    for number, (option, value) in enumerate(entry.items()):
        yield f"{indent}{'  ' if number else '- '}{option}: {_flow(value)}"


def _comments(indent: str, texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        line = f"{indent}# "
        # What others have named may have a line break or an escape sequence in it.
        shown = "".join(each if each.isprintable() else _escaped(each)[1:-1] for each in text)
        yield from textwrap.wrap(shown, WIDTH, initial_indent=line, subsequent_indent=f"{line}  ",
                                 break_long_words=False, break_on_hyphens=False)


def _escaped(text: str) -> str:
    """In double quotes, in ASCII. Of a character beyond 16 bits JSON makes two, and for YAML they are two."""
    return re.sub(r"[^ -~]", lambda found: f"\\U{ord(found[0]):08x}" if ord(found[0]) > 0xffff else
                  f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def _flow(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        quoted = value if _PLAIN.fullmatch(value) else _escaped(value)
        return f"!unsafe {quoted}" if "{" in value or _HEADER.match(value) else quoted
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(str(key))}: {_flow(each)}" for key, each in value.items()) + "}"
    return "[" + ", ".join(_flow(each) for each in value) + "]"
