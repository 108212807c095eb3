# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges that the host's own network is behind: what comes from there and goes there is none of our business.

Only the containers on such a bridge are, and rules know them by their addresses (:meth:`Bridge.inside`): none asks for
the interface alone. Neighbours on the wire reach a container as the port of a bridge, past the host; the kernel shows
such frames to iptables because of ``bridge-nf-call-iptables``, which such a bridge needs.
"""
from __future__ import annotations

from collections.abc import Iterator

from ..bridge.model import Bridge
from ..firewall.model import In, Match, Source


def from_containers(bridge: Bridge, family: str) -> Iterator[tuple[tuple[Match, ...], str]]:
    """What asks for packets of its containers, with the end of a note."""
    if not bridge.uplink:
        yield (In(bridge.name),), ""
        return
    for address in bridge.inside(family):
        yield (In(bridge.name), Source(address)), f" {address}"
