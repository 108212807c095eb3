# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive mooring.pyz: the modules' own code as a program of one file (zipapp). Pure.

The same code makes the same bytes, wherever it is packed: nothing is compressed, and all times are the same.
"""
from __future__ import annotations

import ast
import io
import posixpath
import zipfile
from collections.abc import Callable, Iterator
from typing import Optional

from .model import ISOLATED

PACKAGE = "mooring"
START = "run/program.py"
MAIN = f"""\
import sys

from {PACKAGE}.run.program import main

sys.exit(main())
"""
_TIME = (1980, 1, 1, 0, 0, 0)  # the first that an archive can have
_READABLE = 0o644 << 16

# The text of a file of module_utils, None where there is none of that name.
Source = Callable[[str], Optional[str]]


def pack(python: str, source_of: Source) -> bytes:
    """:param python: path of the Python that the archive is run with when it is called by its name"""
    found = collect(source_of)
    folders = {posixpath.dirname(name) for name in found}
    texts = {"__main__.py": MAIN, **{posixpath.join(PACKAGE, folder, "__init__.py"): "" for folder in ("", *folders)},
             **{f"{PACKAGE}/{name}": text for name, text in found.items()}}
    packed = io.BytesIO(f"#!{python} {ISOLATED}\n".encode())
    packed.seek(0, io.SEEK_END)
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_STORED) as archive:
        for name in sorted(texts):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.external_attr = _READABLE
            entry.create_system = 3  # Unix
            archive.writestr(entry, texts[name])
    return packed.getvalue()


def collect(source_of: Source) -> dict[str, str]:
    """The file that the program starts with, and all that those it consists of import of each other."""
    found: dict[str, str] = {}
    waiting = [START]
    while waiting:
        name = waiting.pop()
        text = source_of(name)
        if name in found or text is None:
            continue
        found[name] = text
        waiting += _imports(name, text)
    return found


def _imports(name: str, text: str) -> Iterator[str]:
    """What may be files of the package among what a file imports, also in the middle of a function."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = posixpath.dirname(name)
            for _level in range(node.level - 1):
                folder = posixpath.dirname(folder)
            base = posixpath.join(folder, *(node.module or "").split("."))
            yield f"{base.rstrip('/')}.py"
            yield from (posixpath.join(base, f"{alias.name}.py") for alias in node.names)
