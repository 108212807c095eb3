# SPDX-License-Identifier: GPL-3.0-or-later
"""What every run keeps true, whatever it was asked. Pure."""
from __future__ import annotations

from dataclasses import replace

from ..bridge.administrator import keep_wish
from ..bridge.forwarding import ROUTE_LOCALNET, SWITCHES, keep_forwarding, keep_guard
from ..bridge.ipv6 import DISABLE_ALL, NEW, OF_BRIDGES, OF_OTHERS
from ..bridge.way_out import find_ways_out
from ..endpoint.pending import find_behind
from ..endpoint.plan import amend as amend_endpoints
from ..host.draft import Draft
from ..host.endpoints import endpoints
from ..host.model import HostState, Scope
from ..host.registration import NetnsRecord
from ..host.settings import FORWARDING_OF, of_new
from ..link.model import DELETION_GROUP
from ..link.operations import LinkDel, LinkSet
from ..netns.model import HOST
from ..publish.leftovers import find_vanished
from .forwarding import find_unforwarded
from .gate import keep_gate
from .isolation import keep_isolated
from .names import keep_names, keep_record, tell_held_up
from .neighbours import keep_neighbours
from .obstacles import find_blocked, find_shut_in
from .ports import keep_bridges, put_back, restore_names
from .recall import claim, find_doubtful
from .rules import follow_addresses, keep_rules
from .shapers import find_unlimited, keep_shapers
from .shortcuts import keep_groups


def widen(scope: Scope, look: HostState) -> Scope:
    """A scope with what :func:`settle` has to know.

    :param look: the first look at the host
    """
    more = Scope(sysctls=(*SWITCHES, (HOST, of_new(ROUTE_LOCALNET)), (HOST, DISABLE_ALL), *NEW),
                 bridge_sysctls=(ROUTE_LOCALNET, *OF_BRIDGES, *FORWARDING_OF.values()),
                 outer_sysctls=(*OF_OTHERS, *((FORWARDING_OF["ipv4"],) if scope.others else ())),
                 neighbours=True, shapers=True)
    if not scope.firewall:
        return scope
    behind = list(find_behind(look))
    names = Scope(names=frozenset(lease.container for lease in behind))
    return Scope.union([scope, more, names, *(lease.reads for lease in behind)])


def begin(draft: Draft) -> None:
    """What a draft begins with: links have their marks and their names, so that planners find them."""
    claim(draft)
    restore_names(draft)


def settle(draft: Draft) -> None:
    """Complete a draft, once all that was asked for is in it.

    A run that has not read the rules leaves them alone, and so it does with files that it has not read.
    """
    _complete_killed(draft)
    _identify_names(draft)
    put_back(draft)
    if not draft.followed:
        amend_endpoints(draft, ())
    keep_bridges(draft)
    if draft.observed.shows_rules:
        attached = {endpoint.container for endpoint in endpoints(draft.state)}
        for container in sorted({endpoint.container for endpoint in endpoints(draft.observed)} - attached):
            draft.ledger.forget(container)
        for container in sorted(find_vanished(draft, attached) - set(draft.containers_asked)):
            draft.ledger.publish(container, ())
        follow_addresses(draft)
        keep_groups(draft)
        keep_guard(draft)
        keep_wish(draft)
        keep_rules(draft)
        keep_forwarding(draft)
        keep_isolated(draft)
        keep_record(draft)
        keep_gate(draft)
    keep_neighbours(draft)
    keep_shapers(draft)
    keep_names(draft)
    tell_held_up(draft)
    for sentence in (*find_ways_out(draft.state), *find_doubtful(draft.state), *find_unlimited(draft.state)):
        draft.warn(sentence)
    asked = [publication for name in draft.containers_asked for publication in draft.ledger.publications_of(name)]
    for sentence in (*find_blocked(draft.state, asked), *find_shut_in(draft.state, draft.bridges_asked),
                     *find_unforwarded(draft.state, asked, draft.bridges_asked)):
        draft.warn(sentence)


def _complete_killed(draft: Draft) -> None:
    """What a killed run was about to make goes, where this one does not make it; what it was about to delete stays.

    Of the one nobody else would know that it is ours, and this run would have deleted the other.
    """
    for link in list(draft.state.host.links.values()):
        if link.unfinished and link.name in draft.state.host.links:  # both ends of a pair may be on the host
            draft.do(LinkDel(HOST, link))
        elif link.group == DELETION_GROUP and link.mark:
            draft.do(LinkSet(HOST, link, replace(link, group=0)))


def _identify_names(draft: Draft) -> None:
    """Marks of earlier versions do not say which namespace a name stands for."""
    for name, entry in list(draft.state.named.items()):
        if entry.own and entry.inode and not entry.identified:
            draft.do(NetnsRecord(name))
