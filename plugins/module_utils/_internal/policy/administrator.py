# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that an administrator has in front of all others, as Docker's ``DOCKER-USER``.

The chain is theirs: a run makes it where it is asked for and missing, and jumps to it. What it holds is nobody else's
business, and decides first: a DROP there closes a published port, an ACCEPT opens what would be closed.
"""
from __future__ import annotations

from dataclasses import replace

from ..firewall.model import USER, USER_MADE, USER_NOTE, Chain, Jump, Rule


def ask_first(forward: Chain, made_here: bool) -> Chain:
    """The chain with the rules of the administrator before all others, also for what is under way.

    :param made_here: whether the chain for them was made by a run, which the note remembers
    """
    first = Rule((), Jump(USER), USER_MADE if made_here else USER_NOTE)
    return replace(forward, rules=(first, *forward.rules))
