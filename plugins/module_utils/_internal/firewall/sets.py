# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of addresses that rules ask, as the kernel holds them: a thousand entries cost a packet what one costs."""
from __future__ import annotations

from dataclasses import dataclass

from ..ports.allow import AllowList, Place
from .model import PREFIX

NAME_LENGTH = 31  # IPSET_MAXNAMELEN, 32 with the closing zero
_SUFFIXES = {("ipv4", False): "4", ("ipv4", True): "4p", ("ipv6", False): "6", ("ipv6", True): "6p"}


@dataclass(frozen=True)
class AddressSet:
    """One set. Its name says of which list it is; ``kind`` is the kernel's type (``hash:net``), "" for one of ours."""

    name: str
    family: str
    with_ports: bool
    places: frozenset[Place] = frozenset()
    kind: str = ""

    @property
    def text(self) -> str:
        return f"set {self.name} ({len(self.places)} destinations)"


def set_name(digest: str, family: str, with_ports: bool) -> str:
    """``MOORING-LIST-0123456789ab-4p``."""
    return f"{PREFIX}LIST-{digest}-{_SUFFIXES[family, with_ports]}"


def sets_of(digest: str, allowed: AllowList, family: str) -> list[AddressSet]:
    """The sets that a list has of a family: without ports, with ports, none of which would be empty."""
    return [AddressSet(set_name(digest, family, with_ports), family, with_ports, places)
            for with_ports in (False, True) if (places := allowed.elements(family, with_ports))]


def digest_of(name: str) -> str:
    """Of which list a set of ours is, "" for what is none."""
    beginning = f"{PREFIX}LIST-"
    digest, _dash, suffix = name[len(beginning):].rpartition("-")
    return digest if name.startswith(beginning) and suffix in _SUFFIXES.values() else ""
