# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of all containers follow their addresses, their links, and the host's resolv.conf. Pure."""
from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable

from ..core.errors import doing
from ..core.plan import Draft
from ..files.hosts import Facts
from ..files.marks import Managed, managed
from ..files.model import HOST_GATEWAY, ResolvSettings
from ..names.knowledge import Knowledge
from ..names.resolv import Conf, host_conf
from ..names.writing import write_hint, write_hosts, write_resolv
from ..ports.linkage import Linkage


def plan_names(draft: Draft, linked: Iterable[Linkage], besides: Collection[str] = ()) -> None:
    """Add to the draft what brings the files that we look after up to date.

    :param linked: the links as they will be
    :param besides: containers that were seen to already
    """
    kept = [each for each in managed(draft.state.files) if each.site.container not in besides]
    if not kept:
        return
    known, host = Knowledge(draft.state, linked), host_conf(draft.state.resolv_texts)
    for each in kept:
        with doing(f"names of {each.site.container}"):
            own = Draft(draft.state)
            _bring_up_to_date(own, each, known, host)
            draft.operations += [dataclasses.replace(operation, besides=True) for operation in own.operations]


def _bring_up_to_date(draft: Draft, each: Managed, known: Knowledge, host: Conf) -> None:
    site, of_hosts, of_resolv = each.site, each.hosts, each.resolv
    facts = known.facts(site.container, of_hosts.addresses if of_hosts else ())
    if of_hosts is not None:
        write_hosts(draft, site, of_hosts, facts, known.aliases(site.container))
    if of_resolv is not None:
        if of_hosts is not None or known.leased(site.container):
            of_resolv = with_facts(of_resolv, facts)
        write_resolv(draft, site, of_resolv, host)
    if of_hosts is not None and of_resolv is not None:
        write_hint(draft, site, of_hosts, of_resolv)


def with_facts(settings: ResolvSettings, facts: Facts) -> ResolvSettings:
    """Settings with what the host knows of the container: what follows the host's file has nobody to ask later."""
    asked = HOST_GATEWAY in (*settings.dns_servers, *settings.fallback_dns_servers)
    return dataclasses.replace(settings, ipv6=facts.ipv6, gateway=facts.gateway if asked else "")
