# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of all containers follow their addresses, their links, and the host's resolv.conf. Pure."""
from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..bridge.model import bridges
from ..core import plan
from ..core.errors import doing
from ..files.marks import Managed, find_managed
from ..files.model import HostsSettings
from ..files.operations import FileWrite
from ..host.draft import Draft
from ..host.ledger import record_text
from ..host.operations import LinksRecord
from ..names.knowledge import Knowledge
from ..names.resolv import Conf, host_conf, with_facts
from ..names.writing import write_hint, write_hosts, write_resolv


def keep_record(draft: Draft) -> None:
    """Add to the draft what makes the record say the names that all links give, before any file has them."""
    text = record_text(draft.ledger.links)
    if text != draft.state.recorded_links:
        draft.do(LinksRecord(text, draft.state.recorded_links))


def keep_names(draft: Draft) -> None:
    """Add to the draft what brings the files up to date that were read and that the run has not planned itself."""
    kept = [each for each in find_managed(draft.state.files) if each.site.container not in draft.names_asked]
    named = [bridge.name for bridge in bridges(draft.state).values() if bridge.names]
    if not kept and not named:
        return
    known, host = Knowledge(draft.state, draft.ledger.links), host_conf(draft.state.resolv_texts)
    _tell_conflicts(draft, named, known)
    for each in kept:
        with doing(f"names of {each.site.container}"):
            own = plan.Draft(draft.state)
            _bring_up_to_date(own, each, known, host)
            draft.planned += [(stage, _besides(operation)) for stage, operation in own.planned]


def _tell_conflicts(draft: Draft, named: Sequence[str], known: Knowledge) -> None:
    """Warn of names that several containers claim: in runs about their bridge, and when that begins."""
    found = {name: sentences for name in named if (sentences := known.directory.conflicts(name))}
    before = Knowledge(draft.observed, ()).directory if found else known.directory
    for name, sentences in found.items():
        old = () if name in draft.bridges_asked else before.conflicts(name)
        for sentence in sentences:
            if sentence not in old:
                draft.warn(sentence)


def tell_held_up(draft: Draft) -> None:
    """Warn of containers whose files could not be read since they keep whoever opens them waiting."""
    for each in find_managed(draft.state.files):
        for file, place in each.site.files:
            observed = draft.state.files.get(place)
            if observed is not None and observed.held_up:
                draft.warn(f"{file} of {each.site.container} is left as it is: {place} {observed.problem}. Look at "
                           "what the container does, or stop it")


def _besides(operation: plan.Operation) -> FileWrite:
    if not isinstance(operation, FileWrite):
        raise TypeError(f"what brings files up to date plans nothing but files, and this is {operation}")
    return dataclasses.replace(operation, besides=True)


def _bring_up_to_date(draft: plan.Draft, each: Managed, known: Knowledge, host: Conf) -> None:
    site, of_hosts, of_resolv = each.site, each.hosts, each.resolv
    facts = known.facts(site.container, of_hosts or HostsSettings(site.container))
    if of_hosts is not None:
        write_hosts(draft, site, of_hosts, facts, known.aliases(site.container), known.rolls(site.container))
    if of_resolv is not None:
        if of_hosts is not None or known.has_lease(site.container):
            of_resolv = with_facts(of_resolv, facts)
        write_resolv(draft, site, of_resolv, host)
    if of_hosts is not None and of_resolv is not None:
        write_hint(draft, site, of_hosts, of_resolv)
