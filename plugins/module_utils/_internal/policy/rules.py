# SPDX-License-Identifier: GPL-3.0-or-later
"""From a policy to the chains and hooks of all tables."""
from __future__ import annotations

from ..core.model import is_known
from ..firewall.model import TABLES, Jump, TableRules
from . import bridge as bridge_rules
from . import administrator, direct, egress, icc, internal, outward, publish, raw
from .model import Policy

_TO_BRIDGES = Jump(bridge_rules.BRIDGES)


def table_rules(wanted: Policy, family: str) -> dict[str, TableRules]:
    """The chains and hooks of every table of a family; nothing at all when no bridge needs any."""
    own = [bridge for bridge in wanted.bridges.values() if bridge.filters(family)]
    held, held_links = frozenset(wanted.held), frozenset(wanted.held_links)
    published = [each for each in (*wanted.publications, *wanted.held) if each.family == family]
    # What check mode takes for granted has no bridge yet; its ports are shown all the same.
    if not own and not any(not is_known(publication.container_ip) for publication in published):
        return {**{table: TableRules() for table in TABLES}, "filter": _guard(wanted, family),
                "mangle": TableRules() if wanted.bridges else egress.table((), family, wanted)}
    linked = [link for link in (*wanted.links, *wanted.held_links) if link.family == family]
    every = tuple(wanted.bridges.values())
    opened = direct.select_opened(published, own, held)
    filters = bridge_rules.forward_chains(own, every, family, wanted.inner, wanted.groups, wanted.outer)
    if wanted.user:
        filters[0] = administrator.ask_first(filters[0], family in wanted.user_made)
    filters[0] = internal.close_first(filters[0], own)
    for bridge in own:
        here = [link for link in linked if link.bridge == bridge.name]
        jumps = [direct.jump(bridge.name)] if bridge.name in opened else []
        filters += [bridge_rules.bridge_chain(bridge, every, family, jumps),
                    icc.chain(bridge, here, family, held_links,
                              [end for end in wanted.ends if end.bridge == bridge.name])]
    filters += [direct.chain(name, found, held) for name, found in opened.items()]
    detours = [detour for detour in wanted.detours if detour.family == family]
    chains = {"filter": filters, "raw": raw.raw_chains(own, family, every, wanted.sources, wanted.outer),
              "nat": [publish.chain(published, family, held, internal.nat_rules(own)),
                      *outward.snat_chains(own, family, every, bool(detours))]}
    if detours:
        chains["nat"].append(outward.back_chain(detours))
    for table in ("filter", "raw"):
        if any(rule.verdict == _TO_BRIDGES for chain in chains[table] for rule in chain.rules):
            chains[table].append(bridge_rules.bridges_chain(every, family))
    hooks = dict(bridge_rules.HOOKS)
    guard = _guard(wanted, family)
    filters += guard.chains
    hooks["filter"] = (*hooks["filter"], *guard.hooks)
    return {**{table: TableRules(hooks[table], tuple(chains[table]), user=wanted.user and table == "filter")
               for table in chains}, "mangle": egress.table(own, family, wanted)}


def _guard(wanted: Policy, family: str) -> TableRules:
    """What keeps the host from forwarding between other interfaces, which outlasts the bridge that it came with."""
    if family not in wanted.guarded:
        return TableRules()
    return TableRules((bridge_rules.OTHERS_HOOK,), (bridge_rules.others_chain(family in wanted.bridged),))
