# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of a published port whom its container would answer by another interface than they came in by."""
from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Optional

from .model import family_of

EVERYBODY = {"ipv4": "0.0.0.0/0", "ipv6": "::/0"}


@dataclass(frozen=True, order=True)
class Detour:
    """What comes from ``source``, a network (CIDR), to ports that are published at ``address`` of a container.

    The answer would leave by another interface: with an address that the client has never asked, or to where nobody
    translates it back. A container that checks the way back (``rp_filter``) does not even let the question in. So such
    clients get the address of the bridge as their source.
    """

    container: str
    address: str
    source: str

    @property
    def family(self) -> str:
        return family_of(self.address)

    @property
    def of_everybody(self) -> bool:
        return self.source in EVERYBODY.values()

    @property
    def note(self) -> str:
        """``web 172.18.0.0/16->172.17.0.2``."""
        return f"{self.container} {self.source}->{self.address}"

    @classmethod
    def parse(cls, note: str) -> Optional[Detour]:
        """What a note says, None for one of another kind."""
        container, _space, ends = note.partition(" ")
        source, arrow, address = ends.partition("->")
        try:
            ipaddress.ip_network(source)
            ipaddress.ip_address(address)
        except ValueError:
            return None
        return cls(container, address, source) if arrow else None
