# SPDX-License-Identifier: GPL-3.0-or-later
"""From a policy to the chains and hooks of all tables."""
from __future__ import annotations

import itertools

from ..core.names import KNOWN_AFTER_APPLY
from ..firewall.model import Chain, TableRules
from . import bridge as bridge_rules
from . import direct, icc, publish
from .model import Policy


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
