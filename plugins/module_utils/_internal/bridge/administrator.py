# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether rules of the administrator come before those of this collection: for the whole host, and remembered. Pure.

The jump to their chain tells it, in either family, and so does the mark of a bridge: who flushes rules takes away the
jump, and a host that starts has none yet. It ends when a task says so, or with the last bridge.
"""
from __future__ import annotations

from collections.abc import Sequence

from ..core.errors import OptionError
from ..firewall.model import FAMILIES, USER_MADE, USER_NOTE, ObservedTable, note_of
from ..host.draft import Draft
from ..host.model import HostState
from .desired import DesiredBridge
from .lost import is_certain
from .marking import change_mark
from .model import Bridge, awaited_bridges, bridges


def asks_user(state: HostState) -> bool:
    """Whether their rules come first, or are to come first again."""
    marked = any(bridge.user for own in (bridges(state), awaited_bridges(state)) for bridge in own.values())
    return marked or any(USER_NOTE in comment for family in FAMILIES
                         for chain in _filter(state, family).chains.values() for comment in chain.comments)


def families_made(state: HostState) -> tuple[str, ...]:
    """The families whose chain was made by a run, or is missing, so that this one makes it."""
    return tuple(family for family in FAMILIES if _filter(state, family).user is None or any(
        note_of(comment) == USER_MADE for chain in _filter(state, family).chains.values()
        for comment in chain.comments))


def _filter(state: HostState, family: str) -> ObservedTable:
    return state.tables.get((family, "filter"), ObservedTable())


def take_wish(draft: Draft, items: Sequence[DesiredBridge]) -> None:
    """What a task says of it, which counts for all bridges. :raises OptionError: where two items contradict each other
    """
    said: dict[bool, str] = {}
    for item in draft.each(items):
        if item.present and item.user_chain is not None:
            said[item.user_chain] = item.name
            if len(said) > 1:
                raise OptionError("user_chain", False, f"of bridge {said[False]} contradicts bridge {said[True]}: the "
                                  "chain is one for the whole host", "Say the same of both, or say it of one")
    for wish in said:
        draft.user_chain = wish
        for bridge in bridges(draft.state).values() if not wish else ():
            _mark(draft, bridge, False)


def keep_wish(draft: Draft) -> None:
    """Add to the draft what lets a bridge with rules remember the wish."""
    if not is_wanted(draft):
        return
    able = [bridge for bridge in bridges(draft.state).values() if any(map(bridge.filters, FAMILIES))
            and bridge.link.is_marked and is_certain(bridge.link)]
    if able and not any(bridge.user for bridge in able):
        _mark(draft, able[0], True)


def is_wanted(draft: Draft) -> bool:
    """Whether their rules are to come first once a draft has been carried out."""
    return asks_user(draft.observed) or asks_user(draft.state) if draft.user_chain is None else draft.user_chain


def _mark(draft: Draft, bridge: Bridge, user: bool) -> None:
    if bridge.user != user:
        change_mark(draft, bridge, user=user)
