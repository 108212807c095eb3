# SPDX-License-Identifier: GPL-3.0-or-later
"""The document: the whole network of a host as a list of networks, and what of it is whose. Pure.

A network has the options of a bridge, and ``containers``; a container has the options of an endpoint, of
published ports, links and names.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..core.errors import MooringError, cut, doing
from ..core.names import container_label, interface_name
from .contradictions import refuse_contradictions
from .places import Item, each_container, each_network, joined

Document = Sequence[Mapping[str, Any]]
Config = list[Item]

# What of a network is no option of docker_bridge, and what of a container is no option of netns_attach.
NOT_OF_BRIDGES = frozenset({"containers"})
OF_INTERFACES = frozenset({"allow_from", "default_host_ip", "dynamic_port_range", "links", "publish_all_ports",
                           "published_ports"})
# Options of container_dns. A container on several networks has them once, like those of port_publish below.
OF_NAMES = ("dns_opts", "dns_search_domains", "dns_servers", "domainname", "etc_hosts", "fallback_dns_servers",
            "hostname", "hostname_template", "hosts_template", "resolv_conf_template")
NOT_OF_ENDPOINTS = OF_INTERFACES.union(OF_NAMES)
# Options of port_publish that a container on several networks has once. Its lists of ports and links are joined.
OF_PUBLICATIONS = ("allow_from", "default_host_ip", "dynamic_port_range", "publish_all_ports")
TARGETS = ("container", "netns", "netns_path", "pid")


def bridges(document: Document, default_address_pools: Sequence[Mapping[str, Any]] = ()) -> Config:
    """The config of docker_bridge. It is the first to be used, hence finds what is wrong anywhere in the document.

    :param default_address_pools: of networks that name none
    """
    config = bridge_config(document, default_address_pools)
    refuse_contradictions(document, interfaces_of(document))
    return config


def bridge_config(document: Document, default_address_pools: Sequence[Mapping[str, Any]] = ()) -> Config:
    """The same for who has a plan of the whole, which finds contradictions with all that is known of the host."""
    publications(document)
    names(document)
    found = [Item(place, {key: value for key, value in network.items() if key not in NOT_OF_BRIDGES})
             for place, network in each_network(document)]
    for network in found if default_address_pools else ():
        if network.get("default_address_pools") is None and network.get("state") != "absent":
            network["default_address_pools"] = list(default_address_pools)
    return found


def endpoints(document: Document) -> Config:
    """The config of netns_attach: an item for each interface of each container."""
    return [Item(interface.place, {key: value for key, value in interface.items() if key not in NOT_OF_ENDPOINTS})
            for interface in interfaces_of(document)]


def publications(document: Document) -> Config:
    """The config of port_publish: an item for each container, whose ports are none where the document names none."""
    return [Item(joined(interfaces), {**_lease(interfaces[0]), **_options(interfaces, OF_PUBLICATIONS),
                                      **_ports(interfaces)})
            for interfaces in _select_attached(document).values()]


def links(document: Document) -> Config:
    """The config of icc_policy for containers: an item for each, whose links are none where the document names none."""
    return [Item(joined(interfaces), {**_lease(interfaces[0]), "links": _join(interfaces, "links")})
            for interfaces in _select_attached(document).values()]


def names(document: Document) -> Config:
    """The config of container_dns: an item for each container that the document attaches, takes away, or names.

    A process is left alone unless the document says something of its names: it may have the host's own files.
    """
    found: dict[str, Config] = {}
    for interface in interfaces_of(document):
        found.setdefault(interface["name"], []).append(interface)
    items = []
    for name, interfaces in found.items():
        options = _options(interfaces, OF_NAMES)
        present = any(interface["state"] == "present" for interface in interfaces)
        own_files = any(interfaces[0].get(key) is not None for key in ("container", "netns"))
        if options or own_files and (not present or any("bridge" in interface for interface in interfaces)):
            target = {key: interfaces[0][key] for key in TARGETS if interfaces[0].get(key) is not None}
            items.append(Item(joined(interfaces), {**target, **options, "name": name,
                                                   "state": "present" if present else "absent"}))
    return items


def interfaces_of(document: Document) -> Config:
    """Every container of every network, with the name of its bridge and all that the document leaves to the reader.

    :raises MooringError: when a container would have one interface on two bridges, mean two namespaces, or have
        ports without an interface
    """
    found: Config = []
    places: dict[tuple[str, str], str] = {}
    targets: dict[str, tuple[Any, str]] = {}
    for of_network, network in each_network(document):
        for place, container in each_container(network, of_network):
            name, interface = container["name"], container.get("interface_name") or "eth0"
            target = {key: container[key] for key in TARGETS if container.get(key) is not None} or {"netns": name}
            with doing(place):
                container_label("name", name)
                interface_name("interface_name", interface)
                other = places.setdefault((name, interface), place)
                if other != place:
                    raise MooringError(f"its interface {interface} stands at {other} as well. Give it another "
                                       "interface_name at one of them, or take it off one")
                first, other = targets.setdefault(name, (target, place))
                if first != target:
                    raise MooringError(f"it is {_text(target)} here, and {_text(first)} at {other}. Say the same at "
                                       "both, or use two names for two containers")
                state = "absent" if "absent" in (network.get("state"), container.get("state")) else "present"
                found.append(Item(place, {**container, **target, **_bridge(container, network["name"]), "state": state,
                                          **_lists(container, network)}))
    return found


def _lists(container: Mapping[str, Any], network: Mapping[str, Any]) -> dict[str, Any]:
    """The lists of a container that are empty where the document says nothing of them."""
    found = {"exposed_ports": container.get("exposed_ports") or []}
    if network.get("container_names") or container.get("aliases"):
        found["aliases"] = container.get("aliases") or []
    return found


def _bridge(container: Mapping[str, Any], bridge: str) -> dict[str, Any]:
    """The bridge of a container, unless its network mode leaves it without an interface of its own.

    :raises MooringError: when such a container has ports or links
    """
    mode = container.get("network_mode") or "bridge"
    if mode == "bridge":
        return {"bridge": bridge}
    conflicts = sorted(key for key in OF_INTERFACES if container.get(key))
    if conflicts:
        raise MooringError(f"network_mode: {mode!r} gives it no interface of its own that {' and '.join(conflicts)} "
                           "could be about. Leave them out, or say network_mode: bridge")
    return {}


def _select_attached(document: Document) -> dict[str, Config]:
    """The interfaces on bridges that are to be there, by container."""
    found: dict[str, Config] = {}
    for interface in interfaces_of(document):
        if interface["state"] == "present" and "bridge" in interface:
            found.setdefault(interface["name"], []).append(interface)
    return found


def _lease(interface: Mapping[str, Any]) -> dict[str, Any]:
    """The options that name a container which is attached already. No engine has to be asked for a namespace."""
    name = interface["name"]
    return {"netns": name} if interface.get("netns") == name else {"container": name}


def _join(interfaces: Config, key: str) -> list[Any]:
    return [value for interface in interfaces for value in _as_list(interface.get(key))]


def _ports(interfaces: Config) -> dict[str, Any]:
    """The published ports of a container; those of one on several networks with the network that each stands under."""
    ports = _join(interfaces, "published_ports")
    if not ports or len(interfaces) == 1:
        return {"published_ports": ports}
    return {"published_ports": ports, "published_on": [
        interface["bridge"] for interface in interfaces for _port in _as_list(interface.get("published_ports"))]}


def _as_list(value: Any) -> list[Any]:
    """A list as Ansible's modules take it: a text stands for its parts between commas."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return list(value or ()) if isinstance(value, (list, tuple, type(None))) else [value]


def _options(interfaces: Config, keys: Sequence[str]) -> dict[str, Any]:
    """:raises MooringError: when the interfaces of a container say different things of the container itself"""
    found: dict[str, tuple[Any, str]] = {}
    for interface in interfaces:
        for key in keys:
            if (value := interface.get(key)) is None:
                continue
            first, place = found.setdefault(key, (value, interface.place))
            if first != value:
                raise MooringError(f"{interface.place}: {key}: it is {cut(str(value))} here, and {cut(str(first))} at "
                                   f"{place}. It counts for the container as a whole: say it once")
    return {key: value for key, (value, _place) in found.items()}


def _text(target: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {cut(str(value))}" for key, value in target.items())
