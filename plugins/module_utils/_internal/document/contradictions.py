# SPDX-License-Identifier: GPL-3.0-or-later
"""What in a document cannot be, whatever host it is for: found before the first bridge is made. Pure.

The plan of host_network finds all of it as well, and what only the host tells. Roles that go step by step have no plan
of the whole, and would find it when half of the document is there.
"""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..core.errors import MooringError, OptionError, doing
from ..core.names import did_you_mean
from ..firewall.model import COMMANDS
from ..ports.allow import ANYWHERE
from ..ports.model import ANY_IPV4, Publication, family_of
from ..ports.occupied import Occupied
from ..ports.spec import parse_port_spec
from .places import Item

Network = Mapping[str, Any]
Interface = Item


def refuse_contradictions(document: Sequence[Network], interfaces: Sequence[Interface]) -> None:
    """:param interfaces: those of all containers, see :func:`.document.interfaces_of`
    :raises MooringError: naming the network or the container, what is wrong and what would be right
    """
    present = [interface for interface in interfaces if interface["state"] == "present"]
    _refuse_missing_rules(document, present)
    refuse_links(interfaces)
    _refuse_addresses(document, present)
    _refuse_ports(document, present)


def _switched_off(network: Network) -> str:
    """The option that leaves a family of a network without rules, "" where there is none."""
    has_v6 = network.get("ipv6") is not False and any(network.get(key) for key in ("ipv6", "bip6", "fixed_cidr_v6"))
    return next((option for option, counts in (("iptables", True), ("ip6tables", has_v6))
                 if network.get(option) is False and counts), "")


def _refuse_missing_rules(document: Sequence[Network], present: Sequence[Interface]) -> None:
    """What containers of networks without rules, or of internal ones, cannot have. Which of several interfaces ports
    are published on, the host tells."""
    networks = {network["name"]: network for network in document}
    on = [interface["name"] for interface in present if "bridge" in interface]
    for interface in present:
        network = networks.get(interface.get("bridge", ""), {})
        name, switch = network.get("name"), _switched_off(network)
        with doing(interface.place):
            if switch and interface.get("allow_to") not in (None, ANYWHERE, [ANYWHERE]):
                raise OptionError("allow_to", ", ".join(_texts(interface["allow_to"])), f"needs rules, and network "
                                  f"{name} has {switch}: false", f"Say {switch}: true for it, or leave the list out")
            if on.count(interface["name"]) > 1:
                continue
            for text, family in _ported(interface):
                if network.get("internal"):
                    raise OptionError("published_ports", text, f"cannot be published on network {name}, which is "
                                      "internal: nothing enters it", "Leave the port out, or say internal: false")
                if network.get(COMMANDS[family]) is False:
                    raise OptionError("published_ports", text, f"cannot be published: network {name} has "
                                      f"{COMMANDS[family]}: false", f"Say {COMMANDS[family]}: true for it, or leave "
                                      "the port out")


def _ported(interface: Interface) -> Iterator[tuple[str, str]]:
    """Entries of published ports with their family; what the options of the container refuse is left to them."""
    for text in _texts(interface.get("published_ports")):
        try:
            spec = parse_port_spec(text)
            yield text, family_of(spec.address(interface.get("default_host_ip") or "") or ANY_IPV4)
        except (MooringError, ValueError):
            continue


def refuse_links(interfaces: Sequence[Interface], complete: bool = False) -> None:
    """:param complete: whether the document is all that is to be there
    :raises MooringError: for a link to what the document takes away, or to who has no interface
    """
    present = [interface for interface in interfaces if interface["state"] == "present"]
    there = {interface["name"]: interface for interface in present}
    attached = {interface["name"] for interface in present if "bridge" in interface}
    known = {interface["name"] for interface in interfaces}
    for interface in present:
        for link in _texts(interface.get("links")):
            target = link.partition(":")[0]
            said = f"{interface.place}: links: {link!r} leads"
            if target in known and target not in there:
                raise MooringError(f"{said} nowhere: container {target} is on no bridge, since the document takes it "
                                   "away (state: absent). Leave the link out, or let the container be there")
            if target in there and target not in attached:
                mode = there[target].get("network_mode")
                raise MooringError(f"{said} to {target}, which has network_mode {mode!r} and no interface of its own"
                                   f"{_owner(str(mode))}")
            if complete and target not in known:
                raise MooringError(f"{said} to {target}, which is not in the document, and what is not in it goes "
                                   f"(exclusive){did_you_mean(target, known)}")


def _owner(mode: str) -> str:
    owner = mode.partition("container:")[2]
    return f". Link {owner}, whose network it shares" if owner else ". Leave the link out"


def _refuse_addresses(document: Sequence[Network], present: Sequence[Interface]) -> None:
    """Two containers of a network with one address, or one with that of the bridge."""
    bridges = {network["name"]: network for network in document}
    held: dict[tuple[str, str], str] = {}
    for interface in present:
        network = bridges.get(interface.get("bridge", ""), {})
        for option, of_bridge in (("address", "bip"), ("address_v6", "bip6")):
            address = _ip(interface.get(option)) if network else ""
            if not address:
                continue
            who = f"container {interface['name']}"
            if address == _ip(network.get(of_bridge)):
                raise MooringError(f"{interface.place}: {option}: {address!r} is the address of its bridge "
                                   f"{network['name']}. Give it another one, or none to have one chosen")
            other = held.setdefault((network["name"], address), who)
            if other != who:
                raise MooringError(f"{interface.place}: {option}: {address!r} is that of {other} as well. Give one of "
                                   "them another one, or none to have one chosen")


def _ip(text: Any) -> str:
    """The address in a text that may have a prefix length, "" where it is none: that others refuse."""
    try:
        return str(ipaddress.ip_interface(text).ip) if isinstance(text, str) and text else ""
    except ValueError:
        return ""


def _refuse_ports(document: Sequence[Network], present: Sequence[Interface]) -> None:
    """Two containers that name one port of the host. What is chosen is chosen apart."""
    translated = {network["name"] for network in document
                  if not network.get("adopt") and "routed" not in (network.get("gateway_mode"),
                                                                   network.get("gateway_mode_v6"))}
    taken = Occupied()
    by_container: dict[str, list[tuple[str, Publication]]] = {}
    for interface in present:
        if interface.get("bridge") in translated:
            by_container.setdefault(interface["name"], []).extend(
                (interface.place, each) for each in _publications(interface))
    for wanted in by_container.values():
        for place, each in wanted:
            found = taken.find_taken(each.protocol, each.host_ip, each.host_port, each.count)
            if found is not None and isinstance(found[1], Publication):
                raise MooringError(f"{place}: published_ports: host port {found[0]}/{each.protocol} is asked for by "
                                   f"container {found[1].container} as well. Give one of them another one, or none to "
                                   "have one chosen")
        for _place, each in wanted:
            taken.publish(each)


def _publications(interface: Interface) -> Iterator[Publication]:
    """Entries that leave no choice, at the host's addresses of IPv4 where they name none."""
    anywhere = interface.get("default_host_ip") or ANY_IPV4
    for text in _texts(interface.get("published_ports")):
        try:
            spec = parse_port_spec(text)
        except MooringError:
            continue  # the options of the container say what is wrong with it, and in which task
        if spec.host_ports and spec.explicit and not spec.interface:  # only the host knows what an interface has
            yield Publication(interface["name"], spec.host_ip or anywhere, spec.host_ports[0], "",
                              spec.container_ports[0], spec.protocol, spec.count)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return [str(each) for each in value] if isinstance(value, (list, tuple)) else []
