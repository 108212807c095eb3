# SPDX-License-Identifier: GPL-3.0-or-later
"""From the parameters of host_network to the parts of one run. Pure."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..bridge.resource import RESOURCE as BRIDGES
from ..core.argspec import with_defaults
from ..core.errors import MooringError, doing
from ..core.places import numbered
from ..endpoint.resource import RESOURCE as ENDPOINTS
from ..host.resource import Part, Resource
from ..icc.resource import RESOURCE as POLICIES
from ..names.resource import RESOURCE as NAMES
from ..publish.resource import RESOURCE as PORTS
from ..upkeep.info import WHOLE, DesiredInfo
from ..veth.resource import RESOURCE as PAIRS
from . import document, exclusive
from .contradictions import refuse_links
from .document import TARGETS, Config
from .persistence import RESOURCE as PERSISTENCE
from .persistence import Persist
from .places import Item, each_network


def parts(params: Mapping[str, Any]) -> list[Part]:
    """All that a document asks for, in the order in which one thing needs another.

    :param params: ``networks``, the document; ``veth_pairs``, options of veth_pair; ``default_address_pools``, of
        networks that name none; ``exclusive``, whether all that they do not name goes; ``persist``, whether the host
        comes back to it after a reboot
    :raises MooringError: naming the network or the container, the option, what is wrong and what would be right
    """
    networks: document.Document = params["networks"]
    pairs = [Item(numbered("veth_pairs", number, pair["name"]), pair)
             for number, pair in enumerate(params.get("veth_pairs") or ())]
    _refuse_twice((place, network["name"]) for place, network in each_network(networks))
    _refuse_twice((pair.place, _identity(pair)) for pair in pairs)
    refuse_links(document.interfaces_of(networks), complete=bool(params.get("exclusive")))
    within = [pair for pair in pairs if _leaves_host(pair)]
    found = [
        _part(BRIDGES, document.bridge_config(networks, params.get("default_address_pools") or ())),
        # A pair on the host may become a container's interface; the end of another may go into a container.
        _part(PAIRS, [pair for pair in pairs if pair not in within]),
        _part(ENDPOINTS, document.endpoints(networks)),
        _part(PORTS, document.publications(networks)),
        _part(POLICIES, document.links(networks)),
        _part(PAIRS, within),
        _part(NAMES, document.names(networks)),
    ]
    if params.get("exclusive"):
        found.append(Part(exclusive.RESOURCE, (collect_kept(networks, pairs),), shown=False))
    if params.get("persist") is not None:
        found.append(Part(PERSISTENCE, (Persist(params["persist"]),), shown=False))
    return [*found, Part(WHOLE, (DesiredInfo(),), compared=False)]


def collect_kept(networks: document.Document, pairs: Sequence[Mapping[str, Any]]) -> exclusive.Kept:
    """What a document names, whether it is to be there or not."""
    interfaces = document.interfaces_of(networks)
    names = {interface["name"] for interface in interfaces}
    return exclusive.Kept(
        frozenset(network["name"] for network in networks),
        frozenset(names | {interface["netns"] for interface in interfaces if interface.get("netns")}),
        frozenset((interface["name"], interface.get("interface_name") or "eth0") for interface in interfaces),
        frozenset(pair["name"] for pair in pairs))


def _part(resource: Resource, items: Config) -> Part:
    found, given = [], []
    for item in items:
        with doing(item.place):
            given.append(with_defaults(resource.options, item))
            found.append(resource.parse(given[-1]))
    return Part(resource, tuple(found), shown=False, given=tuple(given), places=tuple(item.place for item in items))


def _leaves_host(pair: Mapping[str, Any]) -> bool:
    ends = (pair, pair.get("peer") or {})
    return any(end.get(key) is not None for end in ends for key in TARGETS)


def _refuse_twice(named: Iterable[tuple[str, str]]) -> None:
    """:param named: places and names
    :raises MooringError: for a network or a pair that is named twice: which of the two counts?"""
    places: dict[str, str] = {}
    for place, name in named:
        other = places.setdefault(name, place)
        if other != place:
            raise MooringError(f"{place}: it stands at {other} as well: say all about it in one place")


def _identity(pair: Mapping[str, Any]) -> str:
    return " in ".join([pair["name"], *(f"{key} {pair[key]}" for key in TARGETS if pair.get(key) is not None)])
