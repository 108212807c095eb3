# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces that are there already and become endpoints. Pure.

One that a container engine made, on a bridge of ours, is an endpoint until it is given back: the mark on the host's end
is all that is ours, hairpin mode, without which the container would not reach its own published ports, and whether its
port is isolated. What is inside the container stays the engine's.
"""
from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Collection
from typing import NamedTuple, Optional

from ..core.errors import MooringError, OptionError, concerning
from ..host.draft import Draft
from ..host.endpoints import Endpoint, endpoint_of, outer_end, port_words
from ..link.model import Link
from ..link.operations import LinkSet
from ..netns.model import HOST
from .allowed import choose_limit
from .limits import choose_bandwidth
from .model import LocatedEndpoint
from .recorded import choose_aliases, choose_exposed, require_room


def adopted_endpoint(draft: Draft, item: LocatedEndpoint, inner: Optional[Link], lease: Optional[Endpoint],
                     bridges: Collection[str]) -> Optional[Endpoint]:
    """The endpoint that the item takes over or has taken over, with the link as it is; None for one that is made here.

    :param inner: the container's interface
    :param bridges: names of the bridges of ours
    :raises OptionError: when there is an interface that cannot be taken over, or one that is to be changed
    """
    if inner is None or not (item.adopt or (lease and lease.adopted)):
        return None
    found = outer_end(draft.state, inner)
    held = lease if lease and found and lease.link.index == found.index else None
    if held and not held.adopted:
        return None
    outer = _require_ours_to_take(item, found, bridges)
    before = held.adopted if held else port_words(outer)
    addresses = {version: next((a for a in inner.addresses if ipaddress.ip_interface(a).version == version), "")
                 for version in (4, 6)}
    _refuse_changes(item, addresses[4], addresses[6])
    taken = Endpoint(item.label, item.interface_name, outer, address=addresses[4], address_v6=addresses[6],
                     exposed=choose_exposed(item, lease), adopted=before, aliases=choose_aliases(item, lease),
                     bandwidth=choose_bandwidth(item, held),
                     limit=choose_limit(draft, item))
    require_room(taken)
    return taken


def _require_ours_to_take(item: LocatedEndpoint, outer: Optional[Link], bridges: Collection[str]) -> Link:
    """The host's end of the interface. :raises OptionError: when it has none, or one that cannot be taken over"""
    name = f"interface {item.interface_name} of {item.label}"
    if outer is None:
        with concerning(item.label):
            raise OptionError("adopt", True, f"is not possible: {name} has no other end on the host",
                              "Say adopt only for containers whose engine put them on a bridge")
    holder = endpoint_of(outer)
    if outer.mark and not (holder and (holder.container, holder.interface) == (item.label, item.interface_name)):
        whose = f"container {holder.container}" if holder else f"the {outer.mark.kind} {outer.mark.name}"
        raise OptionError("adopt", True, f"is not possible: {name} belongs to {whose} already", "Leave adopt out")
    if outer.controller not in bridges:
        where = f"on {outer.controller}, which this collection does not manage" if outer.controller else "on no bridge"
        raise OptionError("adopt", True, f"is not possible: {name} is {where}",
                          "Take the bridge over first with docker_bridge adopt=true, or attach the container to "
                          "another one under another interface_name")
    if item.bridge and item.bridge != outer.controller:
        raise OptionError("bridge", item.bridge, f"is not where {name} is, which is on {outer.controller}",
                          "Leave the option out, or let the engine move the container")
    return outer


def _refuse_changes(item: LocatedEndpoint, address: str, address_v6: str) -> None:
    """What the engine gave stays; to ask for what there is already is no change."""
    for option, wanted, has in (("address", item.address, address), ("address_v6", item.address_v6, address_v6)):
        with concerning(item.label):
            if wanted and wanted not in (has, has.partition("/")[0]):
                raise OptionError(option, wanted, f"is not what the engine gave to {item.label} ({has or 'none'}), "
                                  "and an interface that is taken over stays as it is", "Leave it out")
    given = {"interface": item.interface, "gateway": item.gateway, "gateway_v6": item.gateway_v6,
             "mac_address": item.mac_address, "mtu": item.mtu, "tx_queue_len": item.tx_queue_len,
             "default_route": item.default_route, "routes": item.routes, "sysctls": item.sysctls}
    changing = [option for option, value in given.items() if value not in (None, ())]
    if changing:
        raise MooringError(f"{', '.join(changing)}: given for {item.label}, whose {item.interface_name} its engine "
                           "made: an interface that is taken over stays as it is. Leave them out, or give the "
                           "container another interface with interface_name")


def take_over(draft: Draft, endpoint: Endpoint) -> Endpoint:
    """The endpoint with its mark."""
    marked = dataclasses.replace(endpoint.link, alias=endpoint.mark.text, hairpin=True)
    if marked != endpoint.link:
        draft.do(LinkSet(HOST, endpoint.link, marked))
    return dataclasses.replace(endpoint, link=draft.state.host.links[marked.name])


class GivenPair(NamedTuple):
    """A pair of ours by its name, with the end that is to become a container's, and the other one on the host."""

    name: str
    inner: Link
    outer: Link


def given_pair(draft: Draft, item: LocatedEndpoint) -> Optional[GivenPair]:
    """The pair whose end is to become the container's (the manual recipe of Docker's documentation)."""
    if not item.interface:
        return None
    link = draft.state.host.links.get(item.interface)
    if link is None:
        draft.assume(f"interface {item.interface} does not exist on the host: create it with veth_pair first",
                     f"creates interface {item.interface}")
        return None
    if link.kind != "veth" or link.mark is None:
        raise OptionError("interface", item.interface, "is not an end of a pair that veth_pair made",
                          "Name one, or leave the option out to have a pair made")
    outer = outer_end(draft.state, link)
    if outer is None:
        raise OptionError("interface", item.interface, "has its other end in another namespace than the host's",
                          "Name an end of a pair whose other end is on the host")
    return GivenPair(link.mark.name, link, outer)
