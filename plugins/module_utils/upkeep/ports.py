# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports that somebody took off their bridge come back. Pure.

Programs that are told to configure every interface may do so. The lease has the address, which tells the bridge.
"""
from __future__ import annotations

from dataclasses import replace

from ..bridge.model import Subnets, bridges
from ..host.draft import Draft
from ..host.endpoints import endpoints
from ..link.operations import LinkSet
from ..netns.model import HOST


def put_back(draft: Draft) -> None:
    """Add to the draft what makes host's ends of endpoints ports of the bridges that their addresses are of."""
    lost = [endpoint for endpoint in endpoints(draft.state) if not endpoint.bridge]
    if not lost:
        return
    subnets = Subnets(bridges(draft.state).values())
    for endpoint in lost:
        if (bridge := subnets.home((endpoint.ip("ipv4"), endpoint.ip("ipv6")))) is not None:
            wanted = replace(endpoint.link, controller=bridge.name, hairpin=True, up=True)
            draft.do(LinkSet(HOST, endpoint.link, wanted))
