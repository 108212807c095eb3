# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes containers of a bridge talk to each other, or not, and what links open. Pure."""
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Optional

from ..bridge.lost import is_certain
from ..bridge.marking import change_mark
from ..bridge.model import Bridge, bridge_of, bridges
from ..core.errors import MooringError, OptionError
from ..core.names import did_you_mean
from ..core.plan import Absence, View
from ..host.draft import Draft
from ..host.endpoints import Endpoint, containers, endpoints
from ..host.ledger import find_ruled
from ..host.model import HostState, Scope
from ..host.modes import conflict
from ..link.model import BRIDGE, BRIDGE_GROUP, Link, Mark
from ..ports.ledger import Ledger
from ..ports.linkage import NO_PORTS, Linkage
from ..ports.model import ExposedPort
from ..ports.spec import parse_exposed_port
from .model import DesiredLink, LocatedPolicy


def scope(items: Sequence[LocatedPolicy], _look: HostState) -> Scope:
    linked = [(item.label, *(link.target for link in item.links or ())) for item in items if item.target]
    return Scope(firewall=True, names=frozenset(name for names in linked for name in names))


def amend(draft: Draft, items: Sequence[LocatedPolicy]) -> None:
    """:raises MooringError: for a bridge that is not ours, for links across bridges, for rules that are switched off"""
    _refuse_contradictions(draft, items)
    leases, before = (containers(endpoints(state)) for state in (draft.state, draft.observed))
    ruled = find_ruled(draft.observed) if any(item.standing for item in items) else set()
    for item in draft.each(items):
        if item.bridge and item.icc is not None:
            _set_icc(draft, item.bridge, item.icc)
        if item.target:
            draft.ledger.link(item.label, _links(draft, item, leases, before, ruled))


def _refuse_contradictions(draft: Draft, items: Sequence[LocatedPolicy]) -> None:
    """Each of two items would change what the other one says of a bridge, in every run."""
    said: dict[str, bool] = {}
    for item in draft.each(items):
        if item.bridge and item.icc is not None and said.setdefault(item.bridge, item.icc) != item.icc:
            raise OptionError("icc", item.icc, f"contradicts what another item says of bridge {item.bridge} (state: "
                              "absent means true)", "Say the same in all of them, or name the bridge in one")


def views(state: HostState, ledger: Ledger, items: Sequence[LocatedPolicy]) -> list[View]:
    own = bridges(state)
    return [_view(item, own.get(item.bridge or ""), select_shown(ledger.links_of(item.label), own)) for item in items]


def select_shown(links: Sequence[Linkage], own: Mapping[str, Bridge]) -> list[Linkage]:
    """Links as people are shown them: of one that rules open in one family not the bare name in the other."""
    ruled = {link.name[:3] for link in links if link.bridge not in own or own[link.bridge].filters(link.family)}
    return [link for link in links if link.opens or link.name[:3] not in ruled
            or link.bridge not in own or own[link.bridge].filters(link.family)]


def _view(item: LocatedPolicy, bridge: Optional[Bridge], linked: Sequence[Linkage]) -> Mapping[str, Any]:
    """A policy as it is returned to the user."""
    view: dict[str, Any] = {}
    if item.bridge:
        view.update(bridge=item.bridge, icc=bridge.icc if bridge else None)
    if item.target:
        view.update(container=item.label, links=[
            {"container": link.target, "alias": link.alias, "address": link.target_ip,
             "ports": link.ports if link.opens else "", "protocol": link.protocol if link.opens else ""}
            for link in linked])
    return view


def _set_icc(draft: Draft, name: str, icc: bool) -> None:
    link = draft.state.host.links.get(name)
    if link is None:
        draft.assume(f"bridge {name} does not exist: create it with docker_bridge first", f"creates bridge {name}")
        link = draft.state.host.links[name] = Link(name, "bridge", alias=Mark(BRIDGE, name).text,
                                                   group=BRIDGE_GROUP)
    bridge = bridge_of(link)
    if bridge is None or not is_certain(link):
        raise OptionError("bridge", name, "is not a bridge that this collection manages",
                          f"Take it over with docker_bridge name={name} adopt=true, or name another")
    if not icc and (option := bridge.cannot_close):
        # Docker refuses the same at start: "You specified --iptables=false with --icc=false".
        raise OptionError("icc", False, f"needs rules, and bridge {name} has {option}: false",
                          f"Say {option}: true for the bridge with docker_bridge")
    if bridge.icc != icc:
        change_mark(draft, bridge, icc=icc)


def _links(draft: Draft, item: LocatedPolicy, leases: Mapping[str, Sequence[Endpoint]],
           before: Collection[str], ruled: Collection[tuple[str, str, str, str]]) -> list[Linkage]:
    """
    :param before: who was attached when the run began
    :param ruled: the names of links of which rules tell
    """
    if not item.links:
        return []
    own = leases.get(item.label)
    if not own:
        _assume_attached(draft, item.label, "link", item.owner_of(item.label), item.doubt)
        return list(draft.ledger.links_of(item.label))
    found: list[Linkage] = []
    for link in item.links:
        theirs = leases.get(link.target)
        if theirs:
            found += _standing(draft, item, link, ruled) or _linkages(draft, item, own, link, theirs)
        elif not isinstance(draft.failed.get(link.target, Absence()), Absence):
            continue  # what may be on record of who resists was put there just now
        elif _waits(draft, item, link, link.target in before):
            # It is opened when the target comes, which whoever brings it back sees to. What is on record stays so.
            found += _recorded(draft, item, link)
            draft.warn(f"the link from {item.label} to {link.target} waits for {link.target}, which is not there")
        else:
            _assume_attached(draft, link.target, "link to", item.owner_of(link.target), everybody=True)
    return found


def _waits(draft: Draft, item: LocatedPolicy, link: DesiredLink, leaves: bool) -> bool:
    """Whether a target without an interface is one that somebody knows, and that may come back.

    Else it is a mistake. That of what the host has been asked for before keeps nobody from coming back.

    :param leaves: whether this run takes its interface away
    """
    if leaves or conflict(draft.state, "links", link.target, ""):
        return link.target in draft.failed
    applied, entry = draft.observed.applied, draft.observed.named.get(link.target)
    return (item.standing or link.target in item.stopped or link.target in draft.failed
            or applied is not None and link.target in applied.containers
            or entry is not None and entry.own and (entry.lost or not entry.inode)
            or bool(_recorded(draft, item, link)))


def _standing(draft: Draft, item: LocatedPolicy, link: DesiredLink,
              ruled: Collection[tuple[str, str, str, str]]) -> list[Linkage]:
    """A link as it is, where it is to stay so; nothing of one whose rules somebody has taken away."""
    found = _recorded(draft, item, link) if item.standing else []
    return found if all(each.opens or each.name in ruled for each in found) else []


def _recorded(draft: Draft, item: LocatedPolicy, link: DesiredLink) -> list[Linkage]:
    return [each for each in draft.ledger.links_of(item.label)
            if (each.target, each.alias) == (link.target, link.alias)]


def _assume_attached(draft: Draft, container: str, instead: str, owner: str, doubt: str = "",
                     everybody: bool = False) -> None:
    """
    :param owner: the container whose network its engine gave it, "" for none
    :param everybody: whether the task cannot go on without it
    """
    if container in draft.failed:
        return
    known = (*(endpoint.container for endpoint in endpoints(draft.state)), *draft.state.named)
    option, meant = ("links: ", did_you_mean(container, known)) if everybody else ("", "")
    draft.assume(conflict(draft.state, "links", container, instead, owner) or doubt
                 or f"{option}container {container} is on no bridge that this collection manages: attach it with "
                 f"netns_attach first{meant}", f"attaches container {container}",
                 "" if everybody else container)


def _linkages(draft: Draft, item: LocatedPolicy, own: Sequence[Endpoint], link: DesiredLink,
              theirs: Sequence[Endpoint]) -> list[Linkage]:
    shared = [(here, there) for here in own for there in theirs if here.bridge == there.bridge]
    if not shared:
        raise MooringError(f"links: {item.label} is on bridge {own[0].bridge} and {link.target} on {theirs[0].bridge}: "
                           "a link opens ports within one bridge. Attach both to one bridge, or publish the port")
    here, there = shared[0]
    ports, bridge = _ports(draft, item, there), _bridge(draft, there)
    if bridge is None:
        where = f"bridge {there.bridge}, which this collection does not manage" if there.bridge else "no bridge"
        raise MooringError(f"links: {item.label} and {link.target} are on {where}: attach both to another bridge, or "
                           "take that one over with docker_bridge adopt=true")
    if not ports and any(map(bridge.filters, ("ipv4", "ipv6"))):
        draft.warn(f"the link from {item.label} to {link.target} gives a name and opens nothing, since {link.target} "
                   "exposes and publishes no port: say exposed_ports with netns_attach, or with this task")
    opened = [(port.text.partition("/")[0], port.protocol) for port in ports]
    # Without rules all is open: what is left of the link is its name.
    return [Linkage(item.label, link.target, link.alias, here.ip(family), there.ip(family), *each, there.bridge)
            for family in ("ipv4", "ipv6") if here.ip(family) and there.ip(family)
            for each in (opened if bridge.filters(family) else ()) or [NO_PORTS]]


def _bridge(draft: Draft, endpoint: Endpoint) -> Optional[Bridge]:
    """The bridge of ours that an endpoint is on."""
    link = draft.state.host.links.get(endpoint.bridge)
    return bridge_of(link) if link else None


def _ports(draft: Draft, item: LocatedPolicy, target: Endpoint) -> list[ExposedPort]:
    """What the target exposes and what it publishes: Docker counts a published port as exposed."""
    found = dict.fromkeys(parse_exposed_port(port) for port in target.exposed)
    found.update(dict.fromkeys(item.exposed))
    for publication in draft.ledger.publications_of(target.container):
        last = publication.container_port + publication.count - 1
        found[ExposedPort(publication.container_port, last, publication.protocol)] = None
    return list(found)
