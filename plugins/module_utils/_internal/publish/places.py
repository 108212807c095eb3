# SPDX-License-Identifier: GPL-3.0-or-later
"""At which interface of a container its ports are published. Pure.

What comes in by one interface and is answered by another one leaves with an address that the client has not asked. So
the interface is the one that the default route of the family leads through.
"""
from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from ..bridge.model import Bridge
from ..core.errors import ContainerError, OptionError
from ..core.model import FAMILY_NAMES
from ..firewall.model import FAMILIES
from ..host.draft import Draft
from ..host.endpoints import Endpoint
from ..host.ways import Ways, first
from ..ports.model import ANY_IPV4, ANY_IPV6, PortSpec, family_of
from .model import LocatedPorts

_ANY = {"ipv4": ANY_IPV4, "ipv6": ANY_IPV6}


def choose_endpoints(item: LocatedPorts, leases: Sequence[Endpoint], ways: Ways,
                     own: Mapping[str, Bridge]) -> dict[str, Endpoint]:
    """The endpoint that ports of each family lead to: of the default route, of the network that the first entry stands
    under where there is none, else eth0. One on a bridge that cannot have ports is the last choice."""
    if len(leases) == 1:
        return {family: leases[0] for family in FAMILIES if leases[0].ip(family)}
    found = {}
    for family in FAMILIES:
        able = [lease for lease in leases if lease.ip(family)]
        able = [lease for lease in able if lease.bridge in own and own[lease.bridge].publishes(family)] or able
        asked = (lease for spec in item.specs for lease in able if lease.bridge == spec.bridge)
        chosen = (ways.out(able, family) if len(able) > 1 else None) or next(asked, None) or first(able, family)
        if chosen is not None:
            found[family] = chosen
    return found


def lead_to_networks(draft: Draft, item: LocatedPorts, leases: Sequence[Endpoint], chosen: Mapping[str, Endpoint],
                     own: Mapping[str, Bridge]) -> Iterator[PortSpec]:
    """The entries, each for the families by which it leads to the network that it stands under.

    :raises OptionError: for one that leads to another network by what the task says
    :raises ContainerError: for one that does so by routes that the container may have changed itself
    """
    for spec in item.specs:
        if not spec.bridge or not leases:
            yield spec
            continue
        if spec.bridge in own and own[spec.bridge].internal:
            raise refuse_internal(spec, spec.bridge, f"List it under another network of {item.label}")
        here = [lease for lease in leases if lease.bridge == spec.bridge]
        if not here:
            raise OptionError("published_on", spec.bridge, f"is no bridge that {item.label} is on",
                              f"Name one of {', '.join(dict.fromkeys(lease.bridge for lease in leases))}")
        host_ip = spec.address(item.default_host_ip)
        asked = [family for family in FAMILIES if family in chosen and host_ip in ("", *_of(host_ip, family))]
        fitting = [family for family in asked if chosen[family].bridge == spec.bridge]
        if asked and not fitting:
            refusal = _refusal(item, spec, chosen[asked[0]], asked[0])
            raise refusal if draft.led.issuperset((item.label, family) for family in asked) else (
                ContainerError(item.label, str(refusal)))
        if len(fitting) == len(asked):
            yield spec
            continue
        yield dataclasses.replace(spec, host_ip=_ANY[fitting[0]])
        for family in asked:
            if family not in fitting and any(lease.ip(family) for lease in here):
                draft.warn(f"published_ports: {spec.text} of {item.label} stands under {spec.bridge} and is published "
                           f"by {FAMILY_NAMES[fitting[0]]} only, since its {FAMILY_NAMES[family]} leaves by way of "
                           f"{chosen[family].bridge}: list it there as well")


def refuse_internal(spec: PortSpec, bridge: str, remedy: str) -> OptionError:
    return OptionError("published_ports", spec.text, f"cannot be published on bridge {bridge}, which is internal: "
                       "nothing enters it", remedy)


def _of(host_ip: str, family: str) -> tuple[str, ...]:
    return (host_ip,) if host_ip and family_of(host_ip) == family else ()


def _refusal(item: LocatedPorts, spec: PortSpec, chosen: Endpoint, family: str) -> OptionError:
    return OptionError("published_ports", spec.text, f"is to lead to {item.label} on {spec.bridge}, and its "
                       f"{FAMILY_NAMES[family]} leaves by {chosen.interface} on {chosen.bridge}, so that answers would "
                       "not come back the way of the question", f"List it under {chosen.bridge}, or say "
                       f"default_route: true for the interface on {spec.bridge}")
