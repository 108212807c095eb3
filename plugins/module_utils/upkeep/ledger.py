# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules of a host stand for: publications and links, read from comments, and the policy of the host."""
from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator

from ..bridge.model import bridges, inner_bridges
from ..firewall.model import note_of
from ..host.model import BRIDGE_CALLS, HostState
from ..netns.model import HOST
from ..policy import bridge as bridge_rules
from ..policy import direct
from ..policy.model import Policy
from ..ports.linkage import Linkage
from ..ports.model import ORDER, Publication, parse_publication


def _notes(state: HostState, table: str, prefix: str) -> Iterator[tuple[str, str]]:
    """Chain and note of every rule that stands for a published port or a link: those have an arrow in them."""
    for family in ("ipv4", "ipv6"):
        observed = state.tables.get((family, table))
        for name, chain in (observed.chains.items() if observed else ()):
            if name.startswith(prefix):
                for comment in chain.comments:
                    if "->" in comment:
                        yield name, note_of(comment)


def publications(state: HostState) -> tuple[Publication, ...]:
    """Every published port of the host, read from the comments of the trees.

    A publication may stand in several rules: one for each block that it spans and for each source that it allows.
    """
    sources: dict[Publication, set[str]] = {}
    notes = itertools.chain(_notes(state, "nat", "MOORING-"), _notes(state, "filter", direct.PREFIX))
    for note in dict.fromkeys(note for _chain, note in notes):
        container, _space, text = note.partition(" ")
        try:
            found = parse_publication(container, text)
        except ValueError:
            continue
        if found.allow_from:
            allowed = sources.setdefault(dataclasses.replace(found, allow_from=()), set())
            allowed.update(found.allow_from)
        else:
            sources.setdefault(found, set())
    return tuple(sorted((dataclasses.replace(found, allow_from=tuple(sorted(allowed))) if allowed else found
                         for found, allowed in sources.items()), key=ORDER))


def links(state: HostState) -> tuple[Linkage, ...]:
    """Every link between containers of the host, read from the comments of the ICC chains."""
    prefix = bridge_rules.icc_chain("")
    found = (Linkage.parse(note, chain[len(prefix):]) for chain, note in _notes(state, "filter", prefix))
    return tuple(sorted({link for link in found if link is not None}))


def policy(state: HostState, published: Iterable[Publication], linked: Iterable[Linkage]) -> Policy:
    """The policy of a host: its bridges from the marks of its links, the rest as given."""
    own = bridges(state)
    bridged = tuple(family for family, name in BRIDGE_CALLS.items() if state.sysctls.get((HOST, name)) == "1"
                    or any(bridge.filters(family) and not bridge.icc for bridge in own.values()))
    return Policy(own, tuple(published), tuple(linked), bridged, inner_bridges(state))
