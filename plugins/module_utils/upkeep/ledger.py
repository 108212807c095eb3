# SPDX-License-Identifier: GPL-3.0-or-later
"""Between a policy and the rules of a host, both ways: policy -> chains, comments -> publications and links."""
from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator

from ..bridge.model import bridges, inner_bridges
from ..core.names import KNOWN_AFTER_APPLY
from ..firewall.model import Chain, TableRules, note_of
from ..host.model import BRIDGE_CALLS, HostState
from ..netns.model import HOST
from ..policy import bridge as bridge_rules
from ..policy import direct, icc, publish
from ..policy.model import Linkage, Policy
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


def table_rules(wanted: Policy, family: str) -> dict[str, TableRules]:
    """The chains and hooks of every table of a family; nothing at all when no bridge needs any."""
    own = [bridge for bridge in wanted.bridges.values() if bridge.filters(family)]
    published = [publication for publication in wanted.publications if publication.family == family]
    # What check mode takes for granted has no bridge yet; its ports are shown all the same.
    if not own and not any(publication.container_ip == KNOWN_AFTER_APPLY for publication in published):
        return {table: TableRules() for table in bridge_rules.HOOKS}
    linked = [link for link in wanted.links if link.family == family]
    every = tuple(wanted.bridges.values())
    opened = direct.opened(published, own)
    filters = [bridge_rules.forward_chain(own, every, wanted.inner)]
    for bridge in own:
        here = [link for link in linked if link.bridge == bridge.name]
        jumps = direct.jumps(opened.get(bridge.name, ()))
        filters += [bridge_rules.bridge_chain(bridge, every, family, jumps), icc.chain(bridge, here, family)]
    filters += direct.chains(itertools.chain.from_iterable(opened.values()))
    doors = publish.chains(published)
    if family == "ipv6":
        doors[0] = bridge_rules.without_loopback(doors[0])
    chains: dict[str, list[Chain]] = {"filter": filters, "raw": [bridge_rules.raw_chain(own, family, every)],
                                      "nat": [*doors, bridge_rules.snat_chain(own, family, every)]}
    for found in (chains["filter"], chains["raw"]):
        if any(rule.args[-1] == bridge_rules.BRIDGES for chain in found for rule in chain.rules):
            found.append(bridge_rules.bridges_chain(every))
    hooks = dict(bridge_rules.HOOKS)
    if any(family in bridge.guard for bridge in own):
        filters.append(bridge_rules.others_chain(family in wanted.bridged))
        hooks["filter"] = (*hooks["filter"], bridge_rules.OTHERS_HOOK)
    return {table: TableRules(hooks[table], tuple(chains[table])) for table in chains}
