# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of a container as they are returned to the user. Pure."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..core.plan import View
from ..files.block import split
from ..files.hosts import own_names
from ..files.marks import Managed, find_managed, text_at
from ..files.model import FILES, RESOLV, HostsSettings
from ..host.model import HostState
from ..ports.linkage import Linkage
from .knowledge import Knowledge, file_of
from .model import LocatedNames
from .resolv import parse_conf


def views(state: HostState, desired: Sequence[LocatedNames],
          linked: Sequence[Linkage]) -> list[View]:
    """The names of each container of a task, None where we look after none; those of whoever has its files else."""
    known, found, by_file = Knowledge(state, linked), {}, {}
    for each in find_managed(state.files):
        found[each.site.container, each.site.kind] = by_file[file_of(each.site, state.files)] = each
        found.setdefault((each.site.container, ""), each)
    wanted = [found.get((item.label, item.site.kind if item.site else ""))
              or (by_file.get(file_of(item.site, state.files)) if item.site and item.present else None)
              for item in desired]
    return [names(state, each, known) if each else None for each in wanted]


def all_names(state: HostState, linked: Sequence[Linkage]) -> list[Mapping[str, Any]]:
    """The names of every container whose files we look after."""
    known = Knowledge(state, linked)
    return [names(state, each, known) for each in find_managed(state.files)]


def names(state: HostState, each: Managed, known: Knowledge) -> Mapping[str, Any]:
    """What the files say: ``intact`` is false when an engine or somebody else has written over our part of one."""
    site, of_hosts, of_resolv = each.site, each.hosts, each.resolv
    facts = known.facts(site.container, of_hosts or HostsSettings(site.container))
    block = split(RESOLV, text_at(site, RESOLV, state.files)).block
    conf = parse_conf("\n".join(block.body)) if block else parse_conf("")
    return {
        "container": site.container, "kind": site.kind, "name": site.name,
        "files": {file: str(place) for file in FILES if (place := site.find(file))},
        "hostname": of_hosts.hostname if of_hosts else "", "domainname": of_hosts.domainname if of_hosts else "",
        "names": own_names(of_hosts) if of_hosts else [], "addresses": list(facts.addresses),
        "etc_hosts": dict(of_hosts.etc_hosts) if of_hosts else {},
        "links": [{"address": alias.address, "names": list(alias.names)} for alias in known.aliases(site.container)],
        "dns_servers": list(conf.servers), "dns_search_domains": list(conf.search), "dns_opts": list(conf.options),
        "follows_host": of_resolv is not None and not of_resolv.dns_servers,
        "intact": of_hosts is not None and of_resolv is not None}
