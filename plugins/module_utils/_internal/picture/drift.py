# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a host is not as it is kept: which of its things the sentences about drift speak of. Pure."""
from __future__ import annotations

import re

from .model import Host

_WORD = re.compile(r"[\w.@+:-]+|/\S+")


def find_changed(host: Host) -> frozenset[str]:
    """The networks and containers that are named in a sentence, by their own name, a link, an address or a chain."""
    words = {word.strip(".,:;()") for line in host.drift for word in _WORD.findall(line)}
    words |= {part for word in words if word.startswith("/") for part in word.split("/")}
    chains = {word for word in words if word.startswith("MOORING-")}
    found = {network.name for network in host.networks
             if network.name in words or any(chain.endswith(f"-{network.name}") for chain in chains)}
    return frozenset(found | {each.container for each in host.interfaces
                              if words & {each.container, each.link, *each.addresses.values()}})
