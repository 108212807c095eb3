# SPDX-License-Identifier: GPL-3.0-or-later
"""What options have to be that are looked at before their module checks them. Pure.

Somebody may have changed the file by hand, or put back half of it. All other options are checked when the parts of a
run are made of them (:mod:`persist.replay`).
"""
from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from .model import TARGETS


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and "\0" not in value


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) or isinstance(value, str) and value.isdecimal()


def _is_address(value: Any) -> bool:
    try:
        return _is_text(value) and bool(ipaddress.ip_interface(value))
    except ValueError:
        return False


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _has_options(value: Any) -> bool:
    return isinstance(value, Mapping) and not find_wrong(value)


def _is_list_of_options(value: Any) -> bool:
    return isinstance(value, list) and all(map(_has_options, value))


Check = Callable[[Any], bool]
SHAPES: Mapping[str, tuple[str, Check]] = {
    **dict.fromkeys(("name", *TARGETS, "bridge", "interface_name", "network_mode", "interface"), ("a text", _is_text)),
    "pid": ("a number", _is_number),
    **dict.fromkeys(("address", "address_v6"), ("an IP address", _is_address)),
    **dict.fromkeys(("links", "published_ports", "published_on"), ("a list of texts", _is_texts)),
    **dict.fromkeys(("peer", "bandwidth"), ("a dictionary of options", _has_options)),
    **dict.fromkeys(("routes", "default_address_pools"), ("a list of dictionaries", _is_list_of_options)),
}


def find_wrong(options: Any) -> str:
    """What is wrong with an item, "" where nothing is that matters here."""
    if not isinstance(options, Mapping):
        return "an item is no dictionary"
    wrong = ((option, what) for option, (what, is_right) in SHAPES.items()
             if options.get(option) is not None and not is_right(options[option]))
    return next((f"{option} is not {what}" for option, what in wrong), "")
