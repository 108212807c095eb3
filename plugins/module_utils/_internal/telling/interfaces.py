# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces of containers, as the difference of two values of a host. Pure."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from ..firewall.model import FAMILIES
from ..host.endpoints import Endpoint, endpoints
from ..host.model import HostState
from ..link.bandwidth import ifb_name
from ..link.model import BRIDGE
from ..netns.model import HOST
from .model import ADDRESS, LINK, NEIGHBOUR, NETNS, ROUTE, SETTING, Fact, Key, Rank, joined

_USUAL = "eth0"
# Options that an interface keeps in its mark, as people read them.
_OPTIONS: dict[str, Callable[[Endpoint], str]] = {
    "exposed_ports": lambda endpoint: ", ".join(endpoint.exposed),
    "aliases": lambda endpoint: ", ".join(endpoint.aliases),
    "bandwidth": lambda endpoint: ", ".join(
        f"{way} {rate.text}" for way, rate in (("ingress", endpoint.bandwidth.ingress),
                                               ("egress", endpoint.bandwidth.egress)) if rate),
}


def changed_endpoints(before: HostState, after: HostState) -> Iterator[Fact]:
    """Those that come, go, move, or have other addresses and options."""
    was = {(each.container, each.interface): _at_home(each, before) for each in endpoints(before)}
    now = {(each.container, each.interface): each for each in endpoints(after)}
    for key in sorted({*was, *now}):
        old, new = was.get(key), now.get(key)
        if old is None and new is not None:
            yield Fact(Rank.ATTACH, f"attach {_who(new)} to {_bridge(new)}{_as(new)}", (), _lines(new), _keys(new),
                       rules=True)
        elif old is not None and new is None:
            yield Fact(Rank.LEAVE, f"detach {_who(old)} from {_bridge(old)}{_at(old)}", _lines(old), (), _keys(old),
                       rules=True)
        elif old is not None and new is not None:
            yield from _changes(old, new)


def readdressed(before: HostState, after: HostState) -> set[str]:
    """Containers whose addresses are other ones than before."""
    was, now = ({(each.container, each.interface, each.address, each.address_v6) for each in endpoints(state)}
                for state in (before, after))
    return {container for container, *_address in was ^ now}


def _at_home(endpoint: Endpoint, state: HostState) -> Endpoint:
    """An endpoint on its bridge by the name that this was given, whatever somebody calls it."""
    link = state.host.links.get(endpoint.bridge)
    name = link.mark.name if link and link.mark and link.mark.kind == BRIDGE else endpoint.bridge
    return endpoint if name == endpoint.bridge else replace(endpoint, link=replace(endpoint.link, controller=name))


def _who(endpoint: Endpoint) -> str:
    return endpoint.container if endpoint.interface == _USUAL else f"{endpoint.interface} of {endpoint.container}"


def _bridge(endpoint: Endpoint) -> str:
    return endpoint.bridge or "no bridge"


def _named(endpoint: Endpoint) -> str:
    return f"bridge {endpoint.bridge}" if endpoint.bridge else "no bridge"


def _ips(endpoint: Endpoint) -> list[str]:
    return [endpoint.ip(family) for family in FAMILIES if endpoint.ip(family)]


def _as(endpoint: Endpoint) -> str:
    return f" as {joined(_ips(endpoint))}" if _ips(endpoint) else ""


def _at(endpoint: Endpoint) -> str:
    return f" ({joined(_ips(endpoint))})" if _ips(endpoint) else ""


def _addresses(endpoint: Endpoint) -> str:
    found = _ips(endpoint)
    return f"the address{'es' if found[1:] else ''} {joined(found)}" if found else "no address"


def _lines(endpoint: Endpoint) -> tuple[str, ...]:
    return *_place(endpoint), *(line for option in _OPTIONS for line in _said(endpoint, option))


def _place(endpoint: Endpoint) -> tuple[str, ...]:
    name = f"{endpoint.container} {endpoint.interface}"
    addresses = [endpoint.with_prefix(family) for family in FAMILIES if endpoint.with_prefix(family)]
    mac = [f"{name}: mac_address {endpoint.mac_address}"] if endpoint.mac_address else []
    return f"{name}: on {_bridge(endpoint)}", *(f"{name}: address {each}" for each in addresses), *mac


def _said(endpoint: Endpoint, option: str) -> tuple[str, ...]:
    value = _OPTIONS[option](endpoint)
    return (f"{endpoint.container} {endpoint.interface}: {option} {value}",) if value else ()


def _changes(old: Endpoint, new: Endpoint) -> Iterator[Fact]:
    who, lines = _who(new), (_place(old), _place(new))
    before, after = (tuple(line for line in each if line not in other) for each, other in (lines, lines[::-1]))
    addressed = [(each.address, each.address_v6) for each in (old, new)]
    keys = tuple(dict.fromkeys((*_keys(old), *_keys(new))))
    if new.bridge and not old.bridge:
        yield Fact(Rank.REPAIR, f"put {who} back on bridge {_bridge(new)} (somebody took it off)", before, after, keys,
                   rules=True)
    elif old.bridge != new.bridge:
        yield Fact(Rank.ATTACH, f"move {who} from bridge {old.bridge} to {_named(new)}{_as(new)}", before, after, keys,
                   rules=True)
    elif addressed[0] != addressed[1]:
        text = f"give {who} on {_bridge(new)} {_addresses(new)} (was {joined(_ips(old)) or 'none'})"
        yield Fact(Rank.ATTACH, text, before, after, keys, rules=True)
    for option, get in _OPTIONS.items():
        was, now = get(old), get(new)
        if was != now:
            yield Fact(Rank.SET, f"set {option} of {who} to {now or 'none'} (was {was or 'none'})", _said(old, option),
                       _said(new, option), ((LINK, HOST, new.link.name),), rules=True)
    yield from _limited(old, new)


def _limited(old: Endpoint, new: Endpoint) -> Iterator[Fact]:
    """A list is written down in rules, and its interface has but the number of it."""
    if old.limit != new.limit:
        text = f"limit where {_who(new)} may send" if new.limit else f"no longer limit where {_who(new)} may send"
        yield Fact(Rank.SET, text, keys=((LINK, HOST, new.link.name),), rules=True)


def _keys(endpoint: Endpoint) -> tuple[Key, ...]:
    path, name = endpoint.path, endpoint.interface
    inside = [(kind, path, which) for kind in (LINK, ADDRESS, ROUTE, SETTING) for which in (name, "lo", "")]
    known = [*map(endpoint.ip, FAMILIES), endpoint.mac_address]
    beside = ifb_name(endpoint.container, endpoint.interface)  # by which a limit of what it sends is kept
    return ((LINK, HOST, endpoint.link.name), (LINK, HOST, beside),
            (ADDRESS, HOST, endpoint.link.name), (NETNS, HOST, endpoint.container),
            *inside, *((NEIGHBOUR, HOST, each) for each in known if each))
