# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that this collection keeps on a host, joined into one view. Pure."""
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from ..bridge import plan as bridge_plan
from ..bridge.model import bridges
from ..core.plan import Draft, Plan
from ..host.endpoints import Endpoint, endpoints
from ..host.model import HostState, Scope
from ..link.model import VETH
from ..names.view import all_names
from ..ports.linkage import Linkage
from ..ports.model import Publication
from ..publish import conflicts
from . import ledger
from .obstacles import blocked, shut_in
from .rules import plan_rules


@dataclass(frozen=True)
class DesiredInfo:
    """A question; None asks for all bridges, for all containers."""

    bridge: Optional[str] = None
    container: Optional[str] = None


def parse(options: Mapping[str, Any]) -> DesiredInfo:
    return DesiredInfo(options["bridge"], options["container"])


def scope(_desired: Sequence[DesiredInfo]) -> Scope:
    return Scope(firewall=True, others=True)


def plan(desired: Sequence[DesiredInfo], state: HostState) -> Plan:
    """A plan without operations: the answers are what is after it."""
    answers = [_answer(question, state) for question in desired]
    return Plan((), tuple(answers), tuple(answers))


def _answer(question: DesiredInfo, state: HostState) -> Mapping[str, Any]:
    published, linked = ledger.publications(state), ledger.links(state)
    found = [e for e in endpoints(state) if question.container in (None, e.container)
             and question.bridge in (None, e.bridge)]
    names = [name for name in bridges(state) if question.bridge in (None, name)
             and (question.container is None or any(e.bridge == name for e in found))]
    containers = {endpoint.container for endpoint in found}
    everything = question.bridge is None and question.container is None
    return {
        "bridges": [bridge_plan.view(state, name) for name in names],
        "endpoints": [_endpoint(endpoint, published, linked) for endpoint in found],
        "published_ports": [f"{p.container} {p.text}" for p in published if everything or p.container in containers],
        "links": [link.note for link in linked if everything or link.source in containers],
        "veth_pairs": sorted({link.mark.name for link in state.marked(VETH)}) if everything else [],
        "namespaces": sorted(name for name, entry in state.named.items() if entry.own) if everything else [],
        "dns": [names for names in all_names(state, linked)
                if everything or names["container"] in (question.container, *containers)],
        "drift": _drift(state),
        "leftovers": _leftovers(state),
        "obstacles": _obstacles(state, published, names, everything, containers),
    }


def _endpoint(endpoint: Endpoint, published: Sequence[Publication], linked: Sequence[Linkage]) -> Mapping[str, Any]:
    own = endpoint.container
    return {"container": own, "interface_name": endpoint.interface, "bridge": endpoint.bridge,
            "address": endpoint.address, "address_v6": endpoint.address_v6, "host_interface": endpoint.link.name,
            "up": endpoint.link.up, "exposed_ports": list(endpoint.exposed),
            "published_ports": [p.text for p in published if p.container == own],
            "links": sorted({f"{link.target}:{link.alias}" for link in linked if link.source == own})}


def _drift(state: HostState) -> list[str]:
    """What the next run of any module would repair."""
    draft = Draft(state.copy())
    plan_rules(draft, state)
    return [operation.describe() for operation in draft.operations] + draft.assumed


def _obstacles(state: HostState, published: Sequence[Publication], names: Sequence[str], everything: bool,
               containers: Collection[str]) -> list[str]:
    """What rules of others take away from what is asked about."""
    asked = [publication for publication in published if everything or publication.container in containers]
    claims = conflicts.claimed(state)
    return [*conflicts.contested(claims, conflicts.occupied_by(claims), asked), *blocked(state, asked),
            *shut_in(state, names)]


def _leftovers(state: HostState) -> list[str]:
    """What belongs to containers that are gone."""
    attached = {endpoint.container for endpoint in endpoints(state)}
    found = [f"published port {p.container} {p.text}: {p.container} is not attached"
             for p in ledger.publications(state) if p.container not in attached]
    found += [f"link {link.note}: one of them is not attached" for link in ledger.links(state)
              if not {link.source, link.target} <= attached]
    found += [f"/run/netns/{name}: leads nowhere" for name, entry in state.named.items()
              if entry.own and not entry.inode]
    found += [f"{names['files']['hosts']}: there is no namespace {names['name']}" for names in all_names(state, ())
              if names["kind"] == "netns" and names["name"] not in state.named]
    found += [f"hint to the files of {names['container']}: they are no longer as we wrote them"
              for names in all_names(state, ()) if not names["intact"]]
    found += [f"interface {e.link.name} of {e.container}: is on no bridge" for e in endpoints(state) if not e.bridge]
    return found
