# SPDX-License-Identifier: GPL-3.0-or-later
"""What is under way to and from bridges of ours, in as many rules for a hundred bridges as for one.

These bridges are in an interface group of their own, and the kernel compares its number. The group opens no connection
and closes nothing: whatever begins, and whatever does not belong to a bridge in the group, meets the rules behind this
chain, which say the same by addresses and names. So a bridge that somebody takes out of the group is as open and as
closed as before. One of others that somebody puts into it gets but the packets of connections that its own rules let
begin, until the next run, which then does without the group.
"""
from __future__ import annotations

from collections.abc import Sequence

from ..firewall.model import Accept, Chain, Grouped, Lookup, Rule
from ..link.model import BRIDGE_GROUP

BEGUN = "MOORING-BEGUN"


def chain(theirs: Sequence[Rule]) -> Chain:
    """:param theirs: what leaves it to the rules of others what goes out by bridges of others"""
    return Chain(BEGUN, (Rule((Grouped("out", BRIDGE_GROUP),), Accept(), "to bridges"), *theirs,
                         Rule((Grouped("in", BRIDGE_GROUP),), Accept(), "from bridges")), Lookup.OUT)
