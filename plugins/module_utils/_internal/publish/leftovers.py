# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports on record of containers that are not there: who gets them back, and who only stands in the way. Pure."""
from __future__ import annotations

from collections.abc import Collection, Iterator

from ..applied.model import PORTS, label_of
from ..bridge.model import Subnets, bridges
from ..core.errors import OptionError
from ..firewall.model import FAMILIES
from ..host.draft import Draft
from ..ports.model import PortSpec, Publication
from ..ports.refusal import Exhausted, PublishedElsewhere
from ..ports.spec import parse_port_spec
from .interfaces import places_of


def find_vanished(draft: Draft, attached: Collection[str]) -> set[str]:
    """Containers with ports on record that are attached to nothing, and were so on no bridge that is there.

    Where a bridge goes, its endpoints keep their leases. So only rules know of these containers, which somebody else
    put back when the host started: nobody is to get their ports back.
    """
    there = bridges(draft.observed)
    subnets = Subnets([bridge for name, bridge in bridges(draft.state).items() if name in there])
    return {label for label, published in draft.recorded.by_container.items() if label not in attached
            and not any(subnets.bridge(publication.container_ip) for publication in published)}


def find_waited(draft: Draft, attached: Collection[str], asked: Collection[str]) -> Iterator[Publication]:
    """Host ports of containers that the host waits for and of which no rule tells, as after a reboot.

    :param asked: containers that the run is about
    """
    applied = draft.observed.applied
    addresses = dict(applied.addresses()) if applied else {}
    for options in applied.of(PORTS) if applied else ():
        label = label_of(options)
        if label in attached or label in asked or draft.ledger.publications_of(label):
            continue
        for spec in map(parse_port_spec, options["published_ports"]):
            for place in _places(draft, spec) if spec.host_ports else ():
                yield Publication(label, place.partition("%")[0], spec.host_ports[0] if spec.host_ports else 0,
                                  addresses.get(label, ""), spec.container_ports[0], spec.protocol, spec.count,
                                  interface=spec.interface)


def _places(draft: Draft, spec: PortSpec) -> list[str]:
    """Where an entry that is waited for is to be published."""
    if not spec.interface:
        return [spec.host_ip]
    places = places_of(draft.state.host)
    return [place for family in FAMILIES for place in places(spec.interface, family)]


def way_out(error: OptionError, attached: Collection[str]) -> str:
    """What to do about ports that are in the way though their containers are not attached, "" where there are none."""
    owners = [error.owner.container] if isinstance(error, PublishedElsewhere) else (
        error.holders if isinstance(error, Exhausted) else ())
    gone = [label for label in dict.fromkeys(owners) if label not in attached]
    if not gone:
        return ""
    option = "netns_path" if gone[0].startswith("/") else "container"
    return (f" Container {gone[0]} is not attached to any bridge. If it does not come back, `port_publish "
            f"{option}={gone[0]} state=absent` closes its ports.")
