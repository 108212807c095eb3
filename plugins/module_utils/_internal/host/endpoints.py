# SPDX-License-Identifier: GPL-3.0-or-later
"""An endpoint: a container's interface on a bridge. Its lease is the mark of the host's end."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Optional

from ..core.model import is_known
from ..core.names import endpoint_link, is_endpoint_link, mac_of
from ..link.bandwidth import IFB, NONE, Bandwidth
from ..link.model import ENDPOINT, Link, Mark
from ..link.operations import LinkDel, LinkSet
from ..netns.model import HOST, named_path
from ..ports.model import family_of
from .draft import Draft
from .model import HostState, Scope

NAMES = "names"  # the word in the mark of a bridge whose containers find each other by name
_KEPT = "endpoint"  # under which a link keeps what endpoint_of() has read
FROM_IP = "ip"  # a MAC address that is derived from the IPv4 address
DISABLE_V6 = "net/ipv6/conf/{}/disable_ipv6"
# What would let a neighbour turn away what a container sends, by redirects (RFC 792, RFC 4861) and by router
# advertisements (RFC 4861). Of the two for redirects of IPv4 one is enough for them to be heeded (ip-sysctl.rst).
REDIRECTS = ("net/ipv4/conf/all/accept_redirects", "net/ipv4/conf/{}/accept_redirects")
REDIRECTS_V6, ACCEPT_RA = "net/ipv6/conf/{}/accept_redirects", "net/ipv6/conf/{}/accept_ra"


def inner_settings(interface: str) -> list[str]:
    """The kernel settings of a container's interface that are ours to keep."""
    return [name.format(interface) for name in (DISABLE_V6, *REDIRECTS, REDIRECTS_V6, ACCEPT_RA)]


@dataclass(frozen=True)
class Endpoint:
    """A lease as it is: ``address`` and ``address_v6`` with their prefix lengths, "" when there is none.

    ``pair`` is the name of the veth pair that the host's end came from, "" where it was made for the endpoint. ``mac``
    is the MAC address that the container's end was given, FROM_IP where it follows the IPv4 address, "" where nobody
    knows. ``adopted`` is "", unless an engine made the interface: then it is what the bridge's port was, see adopt.py.
    ``aliases`` are names of the container on the bridge, beside its own. ``bandwidth`` is what it is to be kept to.
    ``pending`` is what its inside may have become without being so on record, see endpoint/pending.py.
    ``limit`` is the digest of the list of destinations that it may send to, "" where it may send anywhere.
    """

    container: str
    interface: str
    link: Link
    address: str = ""
    address_v6: str = ""
    exposed: tuple[str, ...] = ()
    pair: str = ""
    adopted: str = ""
    mac: str = ""
    aliases: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    bandwidth: Bandwidth = NONE
    limit: str = ""

    @property
    def bridge(self) -> str:
        return self.link.controller

    def with_prefix(self, family: str) -> str:
        return self.address if family == "ipv4" else self.address_v6

    def ip(self, family: str) -> str:
        """The address without its prefix length, "" when there is none of the family."""
        return self.with_prefix(family).partition("/")[0]

    def given(self, family: str) -> list[str]:
        """What its inside has of us, or may have: its address, and those that are under way, with prefix lengths."""
        pending = [word for word in self.pending if "/" in word and family_of(word) == family]
        return list(dict.fromkeys(filter(None, (self.with_prefix(family), *pending))))

    @property
    def mac_address(self) -> str:
        """Of the container's end, "" where it is not known, or not yet."""
        if self.mac != FROM_IP:
            return self.mac
        return mac_of(self.ip("ipv4")) if self.address and is_known(self.address) else ""

    @property
    def path(self) -> str:
        """Of its container's namespace."""
        return self.container if self.container.startswith("/") else named_path(self.container)

    @property
    def reads(self) -> Scope:
        """What has to be read before its inside can be changed."""
        return Scope((self.path,), tuple((self.path, name) for name in inner_settings(self.interface)))

    @property
    def mark(self) -> Mark:
        """``mooring:endpoint:web:if=eth0 ip=172.17.0.2/16 mac=ip expose=80/tcp``."""
        return Mark(ENDPOINT, self.container, {"if": self.interface, "ip": self.address, "ip6": self.address_v6,
                                               "mac": self.mac, "expose": ",".join(self.exposed), "pair": self.pair,
                                               "adopted": self.adopted, "aka": ",".join(self.aliases),
                                               "pending": ",".join(self.pending), "to": self.limit,
                                               **self.bandwidth.settings})


def endpoint_of(link: Link) -> Optional[Endpoint]:
    """The endpoint whose host's end ``link`` is, None when it is none.

    A link never changes, and some forty steps of a run ask for all endpoints. So it is read once, and kept with the
    link, where a cached_property has its value too; links themselves know nothing of endpoints.
    """
    kept = link.__dict__
    if _KEPT not in kept:
        kept[_KEPT] = _read_endpoint(link)
    found: Optional[Endpoint] = kept[_KEPT]
    return found


def _read_endpoint(link: Link) -> Optional[Endpoint]:
    mark = link.mark
    if mark is None or mark.kind != ENDPOINT:
        return None
    words = mark.settings
    exposed, aliases, pending = (tuple(filter(None, words.get(key, "").split(",")))
                                 for key in ("expose", "aka", "pending"))
    return Endpoint(mark.name, words.get("if", ""), link, address=words.get("ip", ""), address_v6=words.get("ip6", ""),
                    exposed=exposed, pair=words.get("pair", ""), adopted=words.get("adopted", ""),
                    mac=words.get("mac", ""), aliases=aliases, pending=pending, bandwidth=Bandwidth.of(words),
                    limit=words.get("to", ""))


def outer_end(state: HostState, inner: Link) -> Optional[Link]:
    """The host's end of the veth pair of which ``inner`` is the other end, None when that is not on the host."""
    return next((link for link in state.host.links.values()
                 if inner.peer_index and (link.index, link.peer_index) == (inner.peer_index, inner.index)), None)


def endpoints(state: HostState) -> list[Endpoint]:
    """All endpoints of the host, in order of container and interface."""
    found = [endpoint for link in state.find_marked(ENDPOINT) if (endpoint := endpoint_of(link)) is not None]
    return sorted(found, key=lambda endpoint: (endpoint.container, endpoint.interface))


def find_named(state: HostState) -> frozenset[str]:
    """The containers on bridges whose containers find each other by name."""
    on = {link.name for link in state.host.links.values()
          if link.kind == "bridge" and (mark := link.mark) and mark.settings.get(NAMES) == "1"}
    return frozenset(endpoint.container for endpoint in (endpoints(state) if on else ()) if endpoint.bridge in on)


def find_lost_ends(state: HostState) -> Iterator[Link]:
    """Ports of the host that have names as we make them for ends of endpoints, and no mark."""
    for link in state.host.links.values():
        if link.kind == "veth" and not link.is_marked and link.controller and is_endpoint_link(link.name):
            yield link


def find_shaped(state: HostState) -> dict[int, str]:
    """Interfaces of the host that limits are kept on, or may be: names by index."""
    return {link.index: link.name for link in state.host.links.values() if link.kind in ("veth", IFB)}


def find_homes(state: HostState) -> list[str]:
    """Paths of the namespaces that may have the other ends of endpoints without a mark. Most interfaces are eth0."""
    lost = {link.name for link in find_lost_ends(state)}
    if not lost:
        return []
    inside = {name: named_path(name) for name, entry in state.named.items() if entry.inode not in (0, state.host.inode)}
    likely = {link: path for name, path in inside.items() if (link := endpoint_link(name, "eth0")) in lost}
    return list(likely.values()) if len(likely) == len(lost) else list(inside.values())


def containers(found: Iterable[Endpoint]) -> dict[str, list[Endpoint]]:
    """Endpoints by container."""
    grouped: dict[str, list[Endpoint]] = {}
    for endpoint in found:
        grouped.setdefault(endpoint.container, []).append(endpoint)
    return grouped


# What the port of an endpoint that was adopted was before. ISOLATED stands behind one of the others and a comma.
PLAIN, HAIRPIN, ISOLATED = "plain", "hairpin", "isolated"


def port_words(link: Link) -> str:
    """What an endpoint that is adopted keeps of its port."""
    return (HAIRPIN if link.hairpin else PLAIN) + (f",{ISOLATED}" if link.isolated else "")


def was_isolated(endpoint: Endpoint) -> bool:
    """Whether an engine had isolated the port before; never so where the interface was made for the endpoint."""
    return ISOLATED in endpoint.adopted.split(",")


def release(draft: Draft, endpoint: Endpoint) -> None:
    """Delete the link of an endpoint; one that an engine made is given back as it was before."""
    if not endpoint.adopted:
        draft.do(LinkDel(HOST, endpoint.link))
        return
    link = draft.state.host.links[endpoint.link.name]
    was_plain = PLAIN in endpoint.adopted.split(",") and bool(link.controller)
    draft.do(LinkSet(HOST, link, replace(link, alias="", hairpin=False if was_plain else link.hairpin,
                                         isolated=bool(link.controller) and was_isolated(endpoint))))
