# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the values of options are what they have to be. Pure.

YAML 1.1 makes a number of ``53:53`` (3233, base 60) and of ``0123`` (83, octal), 1.1 of ``1.10``, a truth value of
``no``, and a date of ``2024-01-01`` (https://yaml.org/type/). What was written cannot be told from what arrives, so
where a text belongs nothing but a text is taken.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Optional

from .argspec import Options
from .errors import MooringError, OptionError, cut
from .places import before

# options, value of an option that is made of them, where it stands -> the same checked, with defaults
Nested = Callable[[Options, Any, str], Mapping[str, Any]]

_QUOTES = "Put it in quotes"
_DIGITS = re.compile(r"[+-]?[0-9]{1,18}")  # what fits into 64 bits
_PORT_PAIRS = 65536 * 60  # all that two ports with a colon between them can be are below
_GROUPS = 6  # of a MAC address, the longest that anybody writes with colons


def check_values(options: Options, values: Mapping[str, Any], nested: Nested, where: str = "") -> dict[str, Any]:
    """The values of options as what they have to be: texts, lists of texts, numbers.

    :param values: without those that are no options, which Ansible refuses
    :param where: what stands before the name of an option in messages, like ``networks[0] (front): ``
    :raises OptionError: naming option, value, what is wrong and what would be right
    """
    found = dict(values)
    for name, option in options.items():
        value = found.get(name)
        if value is None:
            if option.get("required"):
                raise MooringError(f"{where}{name}: not given, and it is required")
            if option.get("default") is not None and name in found:  # null, which Ansible takes for a value
                found[name] = option["default"]
            continue
        if option.get("kind") == "options":
            found[name] = nested(option["options"], value, f"{where}{name}")
        elif "options" in option:
            found[name] = [check_values(option["options"], element, nested, before(f"{where}{name}", index, element))
                           for index, element in enumerate(_dictionaries(f"{where}{name}", value))]
        else:
            found[name] = _CHECKS[option.get("kind", option["type"])](f"{where}{name}", value)
    return found


def check_stored(options: Options, values: Any, where: str = "") -> dict[str, Any]:
    """The same of options that have been written into a file, whose types and names nobody else has checked.

    :raises MooringError: naming option, value, what is wrong and what would be right
    """
    if not isinstance(values, Mapping):
        raise OptionError(where.rstrip("."), values, "is no dictionary", "Give options and their values")
    for name, value in values.items():
        option = options.get(name)
        if option is None:
            raise MooringError(f"{where}{cut(str(name))}: there is no such option in this version of the collection")
        if option.get("type") == "bool" and not isinstance(value, (bool, type(None))):
            raise OptionError(f"{where}{name}", value, "is neither true nor false", "Give one of the two")
        if option.get("type") == "dict" and not isinstance(value, (Mapping, type(None))):
            raise OptionError(f"{where}{name}", value, "is no dictionary", "Give names and their values")
        if "choices" in option and value not in (*option["choices"], None):
            raise OptionError(f"{where}{name}", value, "is none of the values of this option",
                              f"Give one of {', '.join(option['choices'])}")
    return check_values(options, values, lambda inner, value, place: check_stored(inner, value, f"{place}."), where)


def text(option: str, value: Any) -> str:
    """:raises OptionError: for all that is no text, and for one that cannot be written into a file"""
    if not isinstance(value, str):
        raise OptionError(option, value, *_misread(value))
    if not value.isascii() and (place := _unwritable(value)) is not None:
        raise OptionError(option, value, f"has a character that no file can have ({value[place]!r})",
                          "Give text that is UTF-8")
    if "\0" in value:
        raise OptionError(option, value, "has a character NUL, which no text can have", "Leave it out")
    return value


def texts(option: str, value: Any) -> list[str]:
    """A list of texts. One text stands for its parts between commas, as with Ansible's own type list."""
    return [text(f"{option}[{index}]", each) for index, each in enumerate(_listed(option, value))]


def _ports(option: str, value: Any) -> list[Any]:
    return [_text_or_number(f"{option}[{index}]", each)
            for index, each in enumerate([value] if _is_number(value) else _listed(option, value))]


def _listed(option: str, value: Any) -> list[Any]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    if isinstance(value, (list, tuple)):
        return list(value)
    problem, remedy = _misread(value)
    raise OptionError(option, value, problem.replace("no text", "no list"), f"Give a list. {remedy}")


def _dictionaries(option: str, values: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(values, (list, tuple)):
        raise OptionError(option, values, "is no list of dictionaries", "Give options and their values, item by item")
    for index, value in enumerate(values):
        if not isinstance(value, Mapping):
            raise OptionError(f"{option}[{index}]", value, "is no dictionary", "Give options and their values")
    return values


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _text_or_number(option: str, value: Any) -> Any:
    return value if _is_number(value) else text(option, value)


def _number(option: str, value: Any) -> int:
    # A template that divides makes a float.
    if _is_number(value) or (isinstance(value, float) and value.is_integer()):
        digits = "" if abs(value) >= 1 << 63 else str(int(value))
    else:
        digits = value.strip() if isinstance(value, str) else ""
    if not digits or not (_DIGITS.fullmatch(digits) or _is_number(value)):
        raise OptionError(option, value, "is no whole number", "Give one in decimal digits")
    return int(digits)


def _by_name(check: Callable[[str, Any], Any]) -> Callable[[str, Any], dict[str, Any]]:
    def checked(option: str, values: Any) -> Any:
        if isinstance(values, str):  # on the way to a module, which takes a=1,b=2 for a dictionary
            return values
        if not isinstance(values, Mapping):
            raise OptionError(option, values, "is no dictionary", "Give names and their values")
        return {text(f"{option}, a name", name): check(f"{option}[{str(name)[:100]!r}]", value)
                for name, value in values.items()}

    return checked


def _setting(option: str, value: Any) -> Any:
    return value if value is None or isinstance(value, int) else text(option, value)


def _as_it_is(_option: str, value: Any) -> Any:
    return value


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "text": text, "texts": texts, "ports": _ports, "text or number": _text_or_number, "number": _number,
    "text by name": _by_name(text), "settings": _by_name(_setting), "path": text, "str": text, "bool": _as_it_is,
    "list": _as_it_is}


def _unwritable(value: str) -> Optional[int]:
    """Where the first character stands that UTF-8 does not know: half of a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        return error.start
    return None


def _misread(value: Any) -> tuple[str, str]:
    """What is wrong with a value that is no text, and what to do."""
    if isinstance(value, bool):
        return "is a truth value and no text: YAML takes yes, no, on, off, true and false for one", _QUOTES
    if isinstance(value, int):
        base_60 = in_base_60(value)
        more = f", and YAML takes {base_60} for this one" if base_60 else ""
        return f"is a number and no text{more}", f"{_QUOTES}; in a template, use the filter string"
    if isinstance(value, float):
        return "is a number and no text: YAML takes 1.10 for 1.1", _QUOTES
    if value is None:
        return "is empty, and no text", "Give a text, or leave it out"
    if isinstance(value, Mapping):
        return "is a dictionary and no text: YAML makes one of what has a colon and a blank in it", _QUOTES
    if isinstance(value, (list, tuple)):
        return "is a list and no text", "Give a text"
    return f"is a {type(value).__name__.lower()} and no text", _QUOTES


def in_base_60(number: int) -> str:
    """What YAML 1.1 takes for this number: ``53:53`` for 3233; "" where nobody writes it so.

    What can be two ports is; what is larger may have been a MAC address.
    """
    groups: list[str] = []
    longest = _GROUPS if number >= _PORT_PAIRS else 2
    while number >= 60 and len(groups) < longest - 1:
        number, rest = divmod(number, 60)
        groups.insert(0, f"{rest:02d}")
    return ":".join([str(number), *groups]) if groups and number < 65536 else ""
