# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel settings of interfaces: which there are, what sets many of them at once, where new ones come from. Pure.

Source: Documentation/networking/ip-sysctl.rst of the kernel, devinet_sysctl_forward() and addrconf_fixup_forwarding().
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

# Writing one of these writes the setting of every interface of the namespace, and that of new ones.
FORWARDING = {"ipv4": "net/ipv4/ip_forward", "ipv6": "net/ipv6/conf/all/forwarding"}
FORWARDING_OF = {"ipv4": "net/ipv4/conf/{}/forwarding", "ipv6": "net/ipv6/conf/{}/forwarding"}

Settings = Mapping[tuple[str, str], Optional[str]]
Trial = tuple[str, str]  # the name of a setting of a new namespace, and a value


def is_set_with(name: str, switch: str) -> bool:
    """Whether the setting ``name`` gets the value of ``switch`` when that is written."""
    return any(switch == FORWARDING[family] and name.startswith(f"net/{family}/conf/")
               and name.endswith("/forwarding") for family in FORWARDING)


def of_new(name: str) -> str:
    """Where a new interface has its value of a setting from, "" for a setting of no interface."""
    words = name.split("/")
    return "/".join((*words[:3], "default", *words[4:])) if words[2:3] == ["conf"] and len(words) > 4 else ""


def interface_of(name: str) -> str:
    """The interface that a setting is of, "" for one of no interface, or of all or new ones."""
    words = name.split("/")
    found = words[3] if words[2:3] in (["conf"], ["neigh"]) and len(words) > 4 else ""
    return "" if found in ("all", "default") else found


def trial(name: str, value: str) -> Trial:
    """What a setting is tried as in a namespace that has no interface but lo."""
    words = name.split("/")
    return "/".join((*words[:3], "lo", *words[4:])) if interface_of(name) else name, value


def known(settings: Settings, netns: str, name: str) -> Optional[str]:
    """A setting, as far as it was read: of an interface that is to be made what new ones get."""
    found = settings.get((netns, name))
    return found if found is not None else settings.get((netns, of_new(name)))
