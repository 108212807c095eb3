# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of where containers may send: whose they are once a run has been planned, and the sets that rules ask. Pure."""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Optional

from ..bridge.model import Bridge, bridges
from ..core.model import is_known
from ..core.names import endpoint_link
from ..firewall.model import FAMILIES
from ..firewall.set_operations import SetAdd, SetDel, SetFill
from ..firewall.sets import AddressSet, sets_of
from ..host.draft import Draft
from ..host.endpoints import endpoints
from ..host.model import HostState
from ..policy.egress import LINK_LOCAL
from ..policy.model import End, Policy
from ..ports.allow import AllowList, Limit
from ..ports.ledger import Ledger

_Key = tuple[str, str]  # a bridge, and a port of it or ""


def find_limits(state: HostState, ledger: Ledger, own: Mapping[str, Bridge]) -> tuple[Limit, ...]:
    """What is limited on the bridges of a host: whole bridges as their marks say, interfaces as the ledger does.

    A container that is gone for a while keeps its own: whoever attaches it again finds it limited.
    """
    found = [Limit(bridge.name, bridge.limit) for bridge in own.values() if bridge.limit]
    return tuple(sorted((*found, *(limit for limit in _of_interfaces(state, ledger) if limit.bridge in own))))


def find_away(state: HostState, ledger: Ledger, own: Mapping[str, Bridge]) -> tuple[Limit, ...]:
    """Those of containers whose bridge somebody has deleted by hand, be they there or not."""
    return tuple(sorted(limit for limit in _of_interfaces(state, ledger) if limit.bridge not in own))


def _of_interfaces(state: HostState, ledger: Ledger) -> Iterator[Limit]:
    there = {(lease.container, lease.interface): lease for lease in endpoints(state)} if ledger.limits else {}
    for key, limit in ledger.limits.items():
        lease = there.get(key)
        bridge, port = (lease.bridge or limit.bridge, lease.link.name) if lease else (limit.bridge, endpoint_link(*key))
        yield Limit(bridge, limit.digest, port, *key)


def find_ends(state: HostState, own: Mapping[str, Bridge], limits: Iterable[Limit]) -> tuple[End, ...]:
    """Who is behind which port, on bridges where rules trust single containers and the kernel tells ports."""
    asking = {limit.bridge for limit in limits if limit.port} | {name for name, bridge in own.items() if not bridge.icc}
    return tuple(End(lease.bridge, lease.link.name, tuple(
        address.partition("/")[0] for family in FAMILIES for address in lease.given(family) if is_known(address)))
        for lease in (endpoints(state) if asking else ()) if lease.bridge in asking)


def meet_ends(before: Iterable[End], after: Iterable[End]) -> tuple[End, ...]:
    """Who is behind which port while one policy becomes another one: with the addresses of both times."""
    found: dict[_Key, dict[str, None]] = {}
    for end in (*before, *after):
        found.setdefault((end.bridge, end.port), {}).update(dict.fromkeys(end.addresses))
    return tuple(End(*key, tuple(addresses)) for key, addresses in sorted(found.items()))


def make_sets(draft: Draft, policy: Policy) -> None:
    """Add to the draft what makes the sets that the rules of a policy ask, before these are written."""
    for name, wanted in _wanted(draft, policy).items():
        found = draft.state.sets.get(name)
        if found is None:
            draft.do(SetAdd(wanted))
        elif found != wanted:
            draft.do(SetFill(found, wanted))


def drop_sets(draft: Draft, policy: Policy) -> None:
    """Add to the draft what removes the sets that no rule asks any more. One of another type is nothing of ours."""
    wanted = _wanted(draft, policy)
    for name in sorted(draft.state.sets.keys() - wanted.keys()):
        if not draft.state.sets[name].kind:
            draft.do(SetDel(draft.state.sets[name]))


def _wanted(draft: Draft, policy: Policy) -> dict[str, AddressSet]:
    families = [family for family in FAMILIES if family not in draft.state.unusable]
    used = sorted({limit.digest for limit in policy.limits} & policy.lists.keys())
    return {each.name: each for digest in used for family in families
            for each in sets_of(digest, policy.lists[digest], family)}


def tell_lists(draft: Draft, policy: Policy) -> None:
    """Add to the draft warnings of lists that do not mean what they say."""
    _tell_unknown(draft, policy)
    _tell_closed(draft, policy)
    _tell_engine_servers(draft)


def _tell_unknown(draft: Draft, policy: Policy) -> None:
    """Whose list nobody knows any more: everything is closed to them until somebody says it again."""
    for limit in policy.limits:
        if limit.digest not in policy.lists:
            whose, task = (f"container {limit.container}", "netns_attach") if limit.port else (
                f"bridge {limit.bridge}", "docker_bridge")
            draft.warn(f"allow_to of {whose}: its list is not known any more, since somebody has taken away its rules "
                       f"and its sets. Nothing gets out until allow_to of {task} says it again")


def _tell_closed(draft: Draft, policy: Policy) -> None:
    """Entries that a run is about and that open nothing: rules of internal bridges come before lists.

    One that has an address of the bridge in it may mean the host's end of it.
    """
    for limit in policy.limits:
        bridge, allowed = policy.bridges.get(limit.bridge), policy.lists.get(limit.digest)
        if bridge is None or allowed is None or not bridge.internal or (
                limit.bridge not in draft.bridges_asked and limit.container not in draft.limited_asked):
            continue
        outer = {network for network in {place.network for place in allowed.places} if not _leads_into(bridge, network)}
        closed = AllowList.of(place for place in allowed.places if place.network in outer).texts
        if closed:
            whose = f"container {limit.container}" if limit.port else f"bridge {limit.bridge}"
            more = f" and {len(closed) - 3} more" if closed[3:] else ""
            draft.warn(f"allow_to of {whose}: {', '.join(closed[:3])}{more} cannot be reached, since bridge "
                       f"{limit.bridge} is internal: nothing leaves it, whatever a list says. Attach the container to "
                       "another bridge as well, or say internal: false")


def _tell_engine_servers(draft: Draft) -> None:
    """What an engine's own name server asks from the host itself, in the name of a container, is no packet of the
    container. Docker (libnetwork, ``resolver.go``) does so for servers of the host that are loopback addresses.
    """
    servers = [server for server in draft.state.nameservers if _is_loopback(server)]
    own = bridges(draft.state) if servers else {}
    for lease in endpoints(draft.state) if servers else ():
        bridge = own.get(lease.bridge)
        if lease.adopted and (lease.limit or bridge and bridge.limit) and lease.container in draft.limited_asked:
            draft.warn(f"allow_to of container {lease.container}: on a network of docker network create it asks Docker "
                       f"for names (127.0.0.11), and Docker asks {servers[0]} from the host, past any list. Start it "
                       "with --dns and a server of the list, which is asked from the container")


def _is_loopback(server: str) -> bool:
    try:
        return ipaddress.ip_address(server.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _leads_into(bridge: Bridge, network: str) -> bool:
    asked = ipaddress.ip_network(network)
    inside = [place for family in FAMILIES for place in bridge.inside(family)]
    return any(asked.version == other.version and asked.overlaps(other)
               for other in map(ipaddress.ip_network, (*inside, LINK_LOCAL)))


def meet_away(before: Policy, after: Policy, limits: Iterable[Limit]) -> tuple[Limit, ...]:
    """What is to be remembered while one policy becomes another one: of whoever is limited nowhere meanwhile."""
    there = {(limit.container, limit.interface) for limit in limits}
    found = {(limit.container, limit.interface): limit for limit in (*before.away, *after.away)}
    return tuple(sorted(limit for key, limit in found.items() if key not in there))


def meet_limits(before: Policy, after: Policy) -> tuple[tuple[Limit, ...], dict[str, AllowList]]:
    """What limits sending while one policy becomes another one: nothing passes but what both let through."""
    lists = {**before.lists, **after.lists}
    old, new = _by_place(before), _by_place(after)
    found = []
    for key, limit in sorted({**old, **new}.items()):
        ends = [each for each in (_effective(old, key), _effective(new, key)) if each is not None]
        digest = ends[0].digest
        if len({each.digest for each in ends}) > 1:
            known = [lists[each.digest] for each in ends if each.digest in lists]
            common = known[0].common(known[1]) if len(known) > 1 else AllowList()
            lists[common.digest], digest = common, common.digest
        found.append(Limit(limit.bridge, digest, limit.port, limit.container, limit.interface))
    return tuple(found), lists


def _by_place(policy: Policy) -> dict[_Key, Limit]:
    return {(limit.bridge, limit.port): limit for limit in policy.limits}


def _effective(limits: Mapping[_Key, Limit], key: _Key) -> Optional[Limit]:
    """The limit of a port, which goes before that of its bridge."""
    return limits.get(key) or limits.get((key[0], ""))


def limited_bridges(policy: Policy) -> set[str]:
    """Bridges of which the rules ask by which port something comes in."""
    return {limit.bridge for limit in policy.limits if limit.port}
