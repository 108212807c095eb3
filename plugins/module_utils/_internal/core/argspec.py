# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several modules share, as argument_spec dictionaries; plugins/doc_fragments documents them.

What is text stays as YAML read it (type raw): Ansible would turn the number that YAML makes of ``53:53`` into the text
"3233", and nobody could see it any more. ``kind`` says what it has to be, and core/values.py checks it.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Options = Mapping[str, Mapping[str, Any]]

TEXT: dict[str, Any] = {"type": "raw", "kind": "text"}
TEXTS: dict[str, Any] = {"type": "raw", "kind": "texts"}  # a list, or one text with commas
PORTS: dict[str, Any] = {"type": "raw", "kind": "ports"}  # the same, of texts and numbers: what is one port alone
TEXT_OR_NUMBER: dict[str, Any] = {"type": "raw", "kind": "text or number"}
NUMBER: dict[str, Any] = {"type": "raw", "kind": "number"}  # an integer, or its digits
TEXT_BY_NAME: dict[str, Any] = {"type": "dict", "kind": "text by name"}
SETTINGS: dict[str, Any] = {"type": "dict", "kind": "settings"}  # texts, numbers and truth values by name
# A dictionary with options of its own. Ansible looks into such a one before it looks at its type, so it gets it raw.
NESTED: dict[str, Any] = {"type": "raw", "kind": "options"}

STATE: dict[str, Any] = {"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}

TARGET: dict[str, Any] = {
    "container": TEXT,
    "pid": NUMBER,
    "netns": TEXT,
    "netns_path": {"type": "path"},
}

CONFIG: dict[str, Any] = {"config": {"type": "list", "elements": "dict"}}

# What every module has, so that module_defaults can say it for all of them.
COMMON: dict[str, Any] = {"lock_timeout": {**NUMBER, "default": 120}}


def with_defaults(options: Options, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given of some options, whose types have been checked, with the defaults of the others."""
    found = {name: value if (value := given.get(name)) is not None else option.get("default")
             for name, option in options.items()}
    for name, option in options.items():
        if "options" in option and (value := found[name]) is not None:
            found[name] = with_defaults(option["options"], value) if isinstance(value, Mapping) else [
                with_defaults(option["options"], each) for each in value]
    return found


def for_ansible(options: Options) -> dict[str, Any]:
    """The same as an argument_spec, without the kinds, of which Ansible knows nothing."""
    return {name: {key: for_ansible(value) if key == "options" else value for key, value in option.items()
                   if key != "kind"} for name, option in options.items()}
