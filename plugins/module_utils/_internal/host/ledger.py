# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger of a host, read from the notes of its rules and from the record of names. Nobody else reads them. Pure.

A link opens ports, which rules remember, and gives a name, which a hosts file needs whether or not there are rules: on
a bridge with ``iptables: false`` there are none, and whoever flushes a table takes away its notes. So all names that
links give stand in a record that only root can write, /run/mooring/links. Like rules and leases it does not outlast a
boot.
"""
from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping

from ..core.errors import OptionError
from ..firewall.model import DOORS, FAMILIES, ICC, LISTS, OPENED, note_of
from ..firewall.sets import digest_of
from ..ports.allow import AllowList, Limit, Place
from ..ports.allow_spec import parse_texts
from ..ports.detour import Detour
from ..ports.ledger import Ledger
from ..ports.linkage import Linkage
from ..ports.model import Publication
from ..ports.reading import parse_publication
from .endpoints import endpoints
from .model import HostState


def read_ledger(state: HostState) -> Ledger:
    """Every published port, every link and every detour of the host, and whose sending is limited."""
    noted = {(limit.container, limit.interface): limit for limit in find_limits(state)}
    limits = (*noted.values(), *_limits_of_marks(state, noted))
    return Ledger.of(_publications(state), _links(state), _detours(state), limits, find_lists(state))


def published_ranges(state: HostState) -> Iterator[tuple[str, int, int]]:
    """Protocol, first and last port of the host of each published port."""
    for found in _publications(state):
        if not found.direct:
            yield found.protocol, found.host_port, found.host_port + found.count - 1


def record_text(links: Iterable[Linkage]) -> str:
    """The names that links give, a line for each: the note of a link that opens nothing, and its bridge."""
    return "".join(f"{link.note} {link.bridge}\n" for link in sorted({link.as_name for link in links}))


def _notes(state: HostState, table: str, prefix: str) -> Iterator[tuple[str, str]]:
    """Chain and note of every rule that stands for a published port or a link: those have an arrow in them."""
    for family in FAMILIES:
        observed = state.tables.get((family, table))
        for name, chain in (observed.chains.items() if observed else ()):
            if name.startswith(prefix):
                for comment in chain.comments:
                    if "->" in comment:
                        yield name, note_of(comment)


def _publications(state: HostState) -> Iterator[Publication]:
    """A publication may stand in several rules: one for each block that it spans and for each source it allows."""
    sources: dict[Publication, set[str]] = {}
    notes = itertools.chain(_notes(state, "nat", DOORS), _notes(state, "filter", OPENED))
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
    for found, allowed in sources.items():
        yield dataclasses.replace(found, allow_from=tuple(sorted(allowed))) if allowed else found


def _links(state: HostState) -> Iterator[Linkage]:
    """Those of rules, and for names of which no rule tells links that open nothing."""
    found = _ruled(state)
    yield from found
    names = {link.name for link in found}
    yield from {link for link in _recorded(state) if link.name not in names}


def _ruled(state: HostState) -> set[Linkage]:
    noted = (Linkage.parse(note, chain[len(ICC):]) for chain, note in _notes(state, "filter", ICC))
    return {link for link in noted if link is not None}


def find_ruled(state: HostState) -> set[tuple[str, str, str, str]]:
    """The names (:attr:`Linkage.name`) of links of which rules tell. Of others they may have told once."""
    return {link.name for link in _ruled(state)}


def _recorded(state: HostState) -> Iterator[Linkage]:
    for line in state.recorded_links.splitlines():
        note, _blank, bridge = line.rpartition(" ")
        if (link := Linkage.parse(note, bridge)) is not None and bridge:
            yield link.as_name


def _detours(state: HostState) -> Iterator[Detour]:
    found = (Detour.parse(note) for _chain, note in _notes(state, "nat", OPENED))
    yield from {detour for detour in found if detour is not None}


# -- where containers may send ----------------------------------------------------------------------------------------

def _egress_notes(state: HostState) -> Iterator[tuple[str, str]]:
    """Chain and note of each rule of the table that looks at what containers send."""
    for family in FAMILIES:
        table = state.tables.get((family, "mangle"))
        for name, chain in table.chains.items() if table else ():
            yield from ((name, note_of(comment)) for comment in chain.comments)


def find_limits(state: HostState, of_bridges: bool = False) -> Iterator[Limit]:
    """Limits of single interfaces, or of whole bridges, as rules tell them."""
    for note in dict.fromkeys(note for _chain, note in _egress_notes(state)):
        limit = Limit.parse(note)
        if limit is not None and bool(limit.port) != of_bridges:
            yield limit


def _limits_of_marks(state: HostState, noted: Mapping[tuple[str, str], Limit]) -> Iterator[Limit]:
    """Those of interfaces that are there. Whoever flushes rules takes the others away.

    :param noted: what rules tell of them, as on which bridge they were before somebody deleted it
    """
    for lease in endpoints(state):
        if lease.limit:
            former = noted.get((lease.container, lease.interface))
            bridge = lease.bridge or (former.bridge if former else "")
            yield Limit(bridge, lease.limit, lease.link.name, lease.container, lease.interface)


def find_lists(state: HostState) -> dict[str, AllowList]:
    """The lists of destinations that notes tell, and sets: of which each is what its digest says, or is not known."""
    texts: dict[str, dict[str, None]] = {}
    for chain, note in _egress_notes(state):
        if chain.startswith(LISTS) and note.startswith("entries "):
            texts.setdefault(chain[len(LISTS):], {}).update(dict.fromkeys(note.split(" ")[1:]))
    places: dict[str, set[Place]] = {}
    for name, found in state.sets.items():
        places.setdefault(digest_of(name), set()).update(found.places)
    lists = [AllowList(), *map(AllowList.of, places.values())]
    for words in texts.values():
        with contextlib.suppress(OptionError):  # somebody has written something else there
            lists.append(parse_texts(list(words)))
    known = {found.digest: found for found in lists}
    return {digest: known[digest] for digest in (*texts, *places, AllowList().digest) if digest in known}


def find_linked(state: HostState, names: Collection[str]) -> frozenset[str]:
    """These containers, and all that are linked with one of them, in either direction, however far."""
    neighbours: dict[str, set[str]] = {}
    for link in _links(state):
        neighbours.setdefault(link.source, set()).add(link.target)
        neighbours.setdefault(link.target, set()).add(link.source)
    found, waiting = set(names), [name for name in names if name in neighbours]
    while waiting:
        for name in neighbours[waiting.pop()] - found:
            found.add(name)
            waiting.append(name)
    return frozenset(found)
