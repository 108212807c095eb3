# SPDX-License-Identifier: GPL-3.0-or-later
"""From a Jinja2 template and values to the lines of a file. Pure; the only place that needs jinja2."""
from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from ..core.errors import HostError, OptionError, cut, printable
from .block import lines_of

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_NO_CHARACTER = re.compile(r"[\ud800-\udfff]")  # half of a surrogate pair, which UTF-8 does not know


def render(option: str, template: str, values: Mapping[str, Any]) -> list[str]:
    """The lines that ``template`` makes of ``values``.

    The template runs in Jinja2's sandbox, where it reaches nothing but its values.

    :raises OptionError: naming ``option`` when the template is wrong, or what it makes is no text for such a file
    """
    try:
        text = _compile(template).render(values)
    except HostError:
        raise
    except Exception as error:  # whatever a template can do wrong, from its syntax to a division by zero
        said = f"{type(error).__name__}: {cut(printable(str(error)))}"
        raise OptionError(option, _shown(template), f"cannot be rendered: {said}",
                          f"Known are {', '.join(sorted(values))}") from error
    lines = lines_of(text)
    for line in lines:
        if _CONTROL.search(line):
            raise OptionError(option, _shown(template), f"makes the line {cut(line)!r} with a control character",
                              "Let it make printable lines")
        if _NO_CHARACTER.search(line):
            raise OptionError(option, _shown(template), f"makes the line {cut(line)!r} with a character that no "
                              "file can have", "Let it make text that is UTF-8")
        if line.startswith("# mooring:"):
            raise OptionError(option, _shown(template), f"makes the line {cut(line)!r}, which marks what this "
                              "collection manages", "Let comments begin in another way")
    return lines


@functools.lru_cache(maxsize=64)
def _compile(template: str) -> Any:
    try:
        from jinja2 import StrictUndefined
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError as error:
        raise HostError("the Python package jinja2 is missing, which makes hosts and resolv.conf of containers; "
                        "Debian's package is python3-jinja2") from error
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
                                                keep_trailing_newline=True)
    return environment.from_string(template)


def _shown(template: str) -> str:
    """Enough of a template to know which one is meant."""
    first = template.strip().partition("\n")[0]
    return first if first == template.strip() else f"{first} ..."
