# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host and its ledger say of themselves, as options of modules. Pure.

Of what the kernel has no place for (templates, routes and settings inside of containers) they say nothing.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional

from ..applied.model import BRIDGES, ENDPOINTS, PAIRS, POLICIES, PORTS, Key
from ..bridge.auxiliary import named
from ..bridge.model import Bridge, bridges
from ..core.model import is_known
from ..firewall.model import FAMILIES
from ..host.endpoints import FROM_IP, Endpoint, containers, endpoints
from ..host.model import HostState
from ..link.model import VETH
from ..netns.model import named_path
from ..ports.ledger import Ledger
from ..ports.model import ANY_IPV4, ANY_IPV6, Publication, bracketed, range_text

Facts = dict[Key, dict[str, Any]]


def find_facts(state: HostState, ledger: Ledger) -> Facts:
    """All that is there, by module and identity. An option that is None is known not to be set."""
    found: Facts = {}
    own = bridges(state)
    for name, bridge in own.items():
        found[BRIDGES, name] = {**_bridge(bridge), **_allowed(ledger, bridge.limit)}
        if not bridge.icc:
            found[POLICIES, f"bridge {name}"] = {"bridge": name, "icc": False}
    by_container = containers(endpoints(state))
    for label, leases in by_container.items():
        target = target_of(state, label)
        for lease in leases:
            found[ENDPOINTS, f"{label} {lease.interface}"] = {
                **target, **_endpoint(lease, own.get(lease.bridge)), **_allowed(ledger, lease.limit)}
        if published := ledger.publications_of(label):
            found[PORTS, label] = {**lease_of(target, label), **_ports(published, leases)}
        if links := list(dict.fromkeys(f"{link.target}:{link.alias}" for link in ledger.links_of(label))):
            found[POLICIES, label] = {**lease_of(target, label), "links": links}
    for name, entry in state.named.items():
        if entry.own and entry.inode and not entry.link and name not in by_container:
            found[ENDPOINTS, f"{name} eth0"] = {"netns": name, "network_mode": "none"}
    return found


def find_pairs(state: HostState) -> set[str]:
    """The names of all veth pairs with an end on the host, those that became an endpoint included."""
    names = {link.mark.name for link in state.find_marked(VETH) if link.mark}
    return names | {endpoint.pair for endpoint in endpoints(state) if endpoint.pair}


def is_pair(key: Key, name: str) -> bool:
    return key[0] == PAIRS and key[1].split(" ")[0] == name


def target_of(state: HostState, label: str) -> dict[str, str]:
    """The option that names a container, told from where its network is."""
    if label.startswith("/"):
        return {"netns_path": label}
    entry = state.named.get(label)
    if entry and not entry.link or named_path(label) in state.namespaces and not entry:
        return {"netns": label}
    if entry and entry.link and not entry.link.startswith("/proc/"):
        return {"netns_path": entry.link, "name": label}
    return {"container": label}


def lease_of(options: Mapping[str, Any], label: str) -> dict[str, str]:
    """The options that name a container which is attached already: no engine has to be asked for it."""
    return {"netns": label} if options.get("netns") == label else {"container": label}


def _bridge(bridge: Bridge) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": bridge.name, "fixed_cidr": bridge.pool or None, "default_gateway": bridge.gateway or None,
        "fixed_cidr_v6": bridge.pool_v6 or None, "default_gateway_v6": bridge.gateway_v6 or None,
        "ip_masq": None if bridge.masquerade and (bridge.internal or _routes_all(bridge)) else bridge.masquerade,
        "outbound_address": bridge.outbound or None, "outbound_address_v6": bridge.outbound_v6 or None,
        "internal": bridge.internal,
        "ip_forward": bridge.forward, "iptables": bridge.iptables, "icc": None, "ip6tables": bridge.ip6tables,
        "stp": bridge.link.stp, "mtu": bridge.link.mtu, "user_chain": bridge.user or None,
        "gateway_mode": bridge.gateway_mode("ipv4"), "gateway_mode_v6": bridge.gateway_mode("ipv6"),
        "allow_bridges": list(bridge.allowed), "trusted_interfaces": list(bridge.trusted_interfaces),
        "trusted_networks": list(bridge.trusted_networks), "container_names": bridge.names,
        "aux_addresses": named(bridge) or None, "ipv6": None}
    if bridge.adopted:
        return {**found, "adopt": True, "adopt_uplink": bridge.uplink or None,
                **({"bip": bridge.network} if bridge.network else {}),
                **({"bip6": bridge.network_v6} if bridge.network_v6 else {})}
    return {**found, "bip": bridge.declared("ipv4") or None, "bip6": bridge.declared("ipv6") or None,
            "default_address_pools": None, "must_exist": None}


def _routes_all(bridge: Bridge) -> bool:
    """Whether there is nothing to be said of masquerade, which a bridge that routes all its families refuses."""
    families = [family for family in FAMILIES if bridge.subnet(family)]
    return bool(families) and all(family in bridge.routed for family in families)


def _endpoint(lease: Endpoint, bridge: Optional[Bridge]) -> dict[str, Any]:
    found: dict[str, Any] = {"interface_name": lease.interface, "exposed_ports": list(lease.exposed) or None,
                             "aliases": list(lease.aliases) or None, "bandwidth": lease.bandwidth.options or None}
    if lease.bridge:
        found["bridge"] = lease.bridge
    if lease.adopted:
        return {**found, "adopt": True}
    found["mtu"] = None if bridge and bridge.link.mtu == lease.link.mtu else lease.link.mtu
    for option, address in (("address", lease.address), ("address_v6", lease.address_v6)):
        found[option] = address if address and is_known(address) else None
    return {**found, "mac_address": lease.mac if lease.mac not in ("", FROM_IP) else None}


def _allowed(ledger: Ledger, digest: str) -> dict[str, Any]:
    """Where something may send. A list that the host does not know any more is still the one that was asked for."""
    if digest and digest not in ledger.lists:
        return {}
    return {"allow_to": list(ledger.lists[digest].texts) if digest else None}


def _ports(published: Sequence[Publication], leases: Sequence[Endpoint]) -> dict[str, Any]:
    """Each publication as an entry that leaves no choice."""
    on = {lease.ip(family): lease.bridge for lease in leases for family in FAMILIES if lease.ip(family)}
    # A port on an interface stands in the ledger once for each of its addresses.
    entries = {(_entry(each), on.get(each.container_ip, "")): None for each in published}
    found: dict[str, Any] = {"published_ports": [entry for entry, _bridge in entries]}
    sources = dict.fromkeys(source for publication in published for source in publication.allow_from)
    if sources:
        found["allow_from"] = list(sources)
    if len(leases) > 1 and all(bridge for _text, bridge in entries):
        found["published_on"] = [bridge for _text, bridge in entries]
    return found


def _entry(publication: Publication) -> str:
    more = publication.count - 1
    inside = range_text(publication.container_port, publication.container_port + more)
    if publication.direct:
        anywhere = ANY_IPV6 if publication.family == "ipv6" else ANY_IPV4
        return f"{bracketed(anywhere)}::{inside}/{publication.protocol}"
    outside = range_text(publication.host_port, publication.host_port + more)
    where = publication.interface or bracketed(publication.host_ip)
    return f"{where}:{outside}:{inside}/{publication.protocol}"


def attached(state: HostState) -> set[str]:
    return {endpoint.container for endpoint in endpoints(state)}


def labels_of(keys: Iterable[Key]) -> set[str]:
    """The containers among the identities of endpoints."""
    return {name.rpartition(" ")[0] for module, name in keys if module == ENDPOINTS}
