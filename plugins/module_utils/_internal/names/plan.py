# SPDX-License-Identifier: GPL-3.0-or-later
"""What gives containers their names, or takes them back. Pure."""
from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Optional

from ..core.errors import MooringError, OptionError, concerning, doing
from ..core.names import name_problem
from ..core.plan import View
from ..files.block import split
from ..files.marks import hint_place, text_at
from ..files.marks import read_marks as known_sites
from ..files.model import FILES, HOST_GATEWAY, HOSTNAME, HOSTS, HostsSettings, ObservedFile, ResolvSettings, Site
from ..files.operations import HostnameSet
from ..host.addresses import Addresses, follow_links
from ..host.draft import Draft
from ..host.endpoints import endpoints
from ..host.model import HostState, Scope
from ..ports.ledger import Ledger
from .knowledge import Knowledge
from .limits import of_resolv_conf
from .model import LocatedNames
from .resolv import host_conf, with_facts
from .sharing import find_owners, leave_to_owner
from .view import views as views_of
from .writing import take_back, write_hint, write_hosts, write_resolv

UTS_LENGTH = 64  # __NEW_UTS_LEN of the kernel


def scope(items: Sequence[LocatedNames], _look: HostState) -> Scope:
    """The files of all items, and the namespaces of those whose addresses no lease tells."""
    paths = [item.place.path for item in items if not item.leased and not item.place.missing]
    return Scope(namespaces=tuple(paths), firewall=True, sites=tuple(item.site for item in items if item.site),
                 names=frozenset(name for item in items for name in (item.label, item.site.name if item.site else "")))


def release(draft: Draft, items: Sequence[LocatedNames]) -> None:
    """Give containers back the files that they had."""
    gone = [item for item in items if not item.present]
    owners = find_owners(gone, draft.state.files, Knowledge(draft.state, ())) if gone else {}
    for item in draft.each(gone):
        for site in _sites(draft, item) if item.label not in owners else ():
            give_back(draft, site)


def amend(draft: Draft, items: Sequence[LocatedNames]) -> None:
    """:raises MooringError: when files cannot be written, or an option cannot be fulfilled"""
    leases = endpoints(draft.state)
    known = Knowledge(draft.state, follow_links(draft.ledger.links, Addresses(leases)))
    for item in draft.each(items):
        if item.present and item.site is None and item.label not in draft.failed:
            draft.assume(item.place.missing, item.target.describe_start(), item.label)
    there = [item for item in items if item.present and item.site]
    owners = find_owners(there, draft.state.files, known)
    for item in draft.each(there):
        if (holder := owners.get(item.label)) is not None:
            with doing(f"names of {item.label}"):
                leave_to_owner(draft, item, holder)
    own = [item for item in there if item.label not in owners and item.label not in draft.failed]
    # What processes will call themselves: another item may be about the same one under another name.
    calls = {item.site.pid: item.hostname for item in own if item.site and item.site.pid and item.hostname}
    wanted = [names for item in draft.each(own) if (names := _find_names(draft, item, known, calls))]
    for _item, each in zip(draft.each([each.item for each in wanted]), wanted):
        each.write()
    draft.names_asked |= {item.label for item in own}


def _find_names(draft: Draft, item: LocatedNames, known: Knowledge, calls: Mapping[int, str]) -> Optional[_Names]:
    """The names of a container, None where it keeps its files from having them."""
    with draft.bearing():
        return _Names(draft, item, item.site, known, calls) if item.site else None
    return None


def views(state: HostState, ledger: Ledger, items: Sequence[LocatedNames]) -> list[View]:
    return views_of(state, items, follow_links(ledger.links, Addresses(endpoints(state))))


def _sites(draft: Draft, item: LocatedNames) -> list[Site]:
    """Where a container has files of ours: a container that is gone is known by its name only."""
    if item.site is not None:
        return [item.site]
    return [each.site for each in known_sites(draft.state.files) if each.site.container == item.label]


def give_back(draft: Draft, site: Site) -> None:
    block = split(HOSTS, text_at(site, HOSTS, draft.state.files)).block
    mark = (block.mark or {}) if block else {}
    current, was = draft.state.hostnames.get(site.pid), str(mark.get("hostname_was", "")).strip()
    if current and current == mark.get("hostname") != was and len(was) <= UTS_LENGTH and not name_problem(was):
        draft.do(HostnameSet(site.pid, was, current, site.container, site.started))
    take_back(draft, site)


class _Names:
    """One container that is to have its names: checked when it is made, so that all are before anything is planned."""

    def __init__(self, draft: Draft, item: LocatedNames, site: Site, known: Knowledge,
                 calls: Mapping[int, str]) -> None:
        self.draft, self.item, self.site, self.known, self.calls, self.doubt = draft, item, site, known, calls, ""
        with doing(f"names of {item.label}"):
            self._refuse()
            self._find_namespace()
            self.hosts = self._hosts(() if known.has_lease(item.label) else self._addresses())
            self.facts = known.facts(item.label, self.hosts)
            self._need_gateway()
            self.resolv = with_facts(self._resolv(), self.facts)
            known.call(item.label, self.hosts.told)

    def write(self) -> None:
        host = host_conf(self.draft.state.resolv_texts)
        with doing(f"names of {self.item.label}"):
            planned = len(self.draft.planned)
            write_hosts(self.draft, self.site, self.hosts, self.facts, self.known.aliases(self.item.label),
                        self.known.rolls(self.item.label))
            if self.doubt and len(self.draft.planned) > planned:  # once, and not in every run
                self.draft.warn(self.doubt)
            write_resolv(self.draft, self.site, self.resolv, host)
            write_hint(self.draft, self.site, self.hosts, self.resolv)
            self._set_hostname(self.hosts.hostname)
        for text in of_resolv_conf(self.resolv, host):
            self.draft.warn(text)

    def _refuse(self) -> None:
        """:raises OptionError: for files that are not the container's own"""
        target = self.item.target
        for file in FILES:
            place = self.site.place(file)
            observed = self.draft.state.files.get(place)
            if observed is not None and observed.problem:
                with concerning(self.item.label):
                    raise OptionError(target.kind, target.value, f"cannot get a {file}: {place} {observed.problem}",
                                      "Give the container a plain file of its own there")

        hint = hint_place(self.site)
        if problem := self.draft.state.files.get(hint, ObservedFile()).problem:
            raise MooringError(f"{hint}, where this collection records the files of a container, {problem}: remove it")

    def _find_namespace(self) -> None:
        entry = self.draft.state.named.get(self.site.name)
        if self.site.kind == "netns" and (entry is None or not entry.inode or entry.lost):
            problem = (f"/run/netns/{self.site.name} {entry.problem}: {entry.remedy}" if entry and entry.lost else
                       f"there is no namespace {self.site.name}: create it with netns_attach")
            self.draft.assume(f"{problem} first", f"creates namespace {self.site.name}", self.item.label)

    def _addresses(self) -> tuple[str, ...]:
        """What the interfaces of the namespace have, where somebody else gave it to them."""
        netns = self.draft.state.namespaces.get(self.item.place.path)
        if netns is None or self._is_of_host():
            return ()
        found = [ipaddress.ip_interface(address).ip for link in netns.links.values() if link.kind != "loopback"
                 for address in link.addresses]
        return tuple(str(address) for address in found if not address.is_link_local and not address.is_loopback)

    def _is_of_host(self) -> bool:
        path = self.item.place.path
        return path in self.draft.state.namespaces and self.draft.state.is_own_network(path)

    def _need_gateway(self) -> None:
        item = self.item
        for option, addresses in (("etc_hosts", [address for _name, address in item.etc_hosts]),
                                  ("dns_servers", item.dns_servers),
                                  ("fallback_dns_servers", item.fallback_dns_servers)):
            if HOST_GATEWAY in addresses and not self.facts.gateway:
                self.draft.assume(f"{option}: {HOST_GATEWAY} is the address of a bridge, and {item.label} is on none "
                                  "that this collection manages: attach it with netns_attach first",
                                  f"attaches container {item.label}", item.label)

    def _hosts(self, addresses: tuple[str, ...]) -> HostsSettings:
        item = self.item
        return HostsSettings(
            item.label, hostname=item.hostname or self._usual_hostname(), domainname=item.domainname or "",
            etc_hosts=item.etc_hosts, addresses=addresses, hosts_template=item.hosts_template,
            hostname_template=item.hostname_template, its_word=self.site.kind == "pid" and not item.hostname,
            of_host=self._is_of_host())

    def _resolv(self) -> ResolvSettings:
        item = self.item
        return ResolvSettings(
            item.label, dns_servers=item.dns_servers, dns_search_domains=item.dns_search_domains,
            dns_opts=item.dns_opts, fallback_dns_servers=item.fallback_dns_servers,
            resolv_conf_template=item.resolv_conf_template)

    def _usual_hostname(self) -> str:
        """What a running container calls itself, else its name."""
        current = self.draft.state.hostnames.get(self.site.pid)
        found = (self.calls.get(self.site.pid) if current else None) or current or self.item.label
        if name_problem(found):
            self.doubt = (f"{self.item.label} gets no host name, since {found!r} {name_problem(found)}: give one with "
                          "hostname")
            return ""
        return found

    def _set_hostname(self, name: str) -> None:
        """What a running container calls itself, if it was asked for."""
        if not self.site.pid or not self.item.hostname:
            return
        if len(name) > UTS_LENGTH:
            raise OptionError("hostname", name, f"has {len(name)} characters, and the kernel allows {UTS_LENGTH}",
                              "Give a shorter one, and the rest as domainname")
        current: Optional[str] = self.draft.state.hostnames.get(self.site.pid)
        if current is None:
            self.draft.warn(f"{self.item.label} has a host name that is not its own to set, such as the host's, which "
                            f"stays: hostname is in its files {HOSTS} and {HOSTNAME} only")
        elif current != name:
            self.draft.do(HostnameSet(self.site.pid, name, current, self.item.label, self.site.started))
