# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges that have lost their mark and that our chains are still for. Pure."""
from __future__ import annotations

from ..core.names import bridge_mac
from ..link.model import Link


def is_certain(link: Link) -> bool:
    """Whether a bridge that has our mark, or has lost it, is the one that we made: its MAC address is made of its name.

    Without a mark a bridge of that name may be somebody else's, who has made it since.
    """
    return link.is_marked or link.mac == bridge_mac(link.name)
