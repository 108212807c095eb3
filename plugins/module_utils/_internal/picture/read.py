# SPDX-License-Identifier: GPL-3.0-or-later
"""From what network_info returns to the values that are drawn. Pure."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Optional

from ..firewall.model import COMMANDS, FAMILIES
from ..ports.linkage import Linkage
from ..ports.model import family_of
from ..upkeep.columns import natural
from ..upkeep.table import LOOPBACK, notes, place, span
from .model import End, Host, Interface, Link, Network, Port

UNREAD = "its network could not be read"


def read(name: str, network: Optional[Mapping[str, Any]]) -> Host:
    """:param network: what network_info returns of the host, None where it could not be asked"""
    if network is None:
        return Host(name, problem=UNREAD)
    linked = (Linkage.parse(note, "") for note in network["links"])
    return Host(
        name, (*_networks(network["bridges"]), *_others(network.get("other_bridges", ()))),
        tuple(_interface(each) for each in sorted(network["endpoints"], key=lambda each: natural(each["container"]))),
        tuple(_port(each) for each in network.get("ports", ())),
        tuple(Link(link.source, link.target, link.alias, link.family,
                   f"{link.ports}/{link.protocol}" if link.opens else "") for link in linked if link),
        tuple(End(each["name"], each["interface"], each["bridge"], each["up"])
              for each in network.get("veth_ends", ())),
        tuple(network["drift"]), tuple(network["leftovers"]), tuple(network["obstacles"]))


def _networks(bridges: Iterable[Mapping[str, Any]]) -> Iterable[Network]:
    own = list(bridges)
    for each in own:
        subnets = {"ipv4": each["subnet"], "ipv6": each["subnet_v6"]}
        modes = {"ipv4": each["gateway_mode"], "ipv6": each["gateway_mode_v6"]}
        interfaces = [name for name in each["trusted_interfaces"]
                      if name not in {other["name"] for other in own if not other["uplink"]}]
        allowed, closed = each.get("allow_to"), bool(each.get("internal"))
        yield Network(
            each["name"], True, each["up"], each["mtu"], tuple(filter(None, (each["bip"], each["bip6"]))),
            notes(each), tuple(each.get("other_ports", ())), each["icc"],
            frozenset(family for family in FAMILIES if each[COMMANDS[family]]),
            frozenset(family for family in FAMILIES if modes[family] == "routed" and subnets[family] and not closed),
            frozenset(family for family in FAMILIES if modes[family] == "isolated"),
            tuple(_partners(each, own)),
            () if closed else (*(("", f"who comes in by {name}") for name in interfaces),
                               *((family_of(network), network) for network in each["trusted_networks"])),
            closed, each["ip_masq"], None if allowed is None else tuple(map(str, allowed)))


def _partners(bridge: Mapping[str, Any], own: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """The same as :func:`..bridge.model.partners` of values that were returned."""
    for other in own:
        alone = any(each["uplink"] or each.get("internal") for each in (bridge, other))
        if other["name"] != bridge["name"] and not alone and (
                other["name"] in bridge["allow_bridges"] or bridge["name"] in other["allow_bridges"]):
            yield other["name"]


def _others(bridges: Iterable[Mapping[str, Any]]) -> Iterable[Network]:
    for each in bridges:
        yield Network(each["name"], False, each["up"], each["mtu"], tuple(each["addresses"]), ("of others",),
                      tuple(each["ports"]))


def _interface(endpoint: Mapping[str, Any]) -> Interface:
    addresses = {family_of(text): text.partition("/")[0]
                 for text in (endpoint["address"], endpoint["address_v6"]) if text}
    allowed = endpoint.get("allow_to")
    return Interface(endpoint["container"], endpoint["interface_name"], endpoint["bridge"], addresses,
                     endpoint.get("mac_address", ""), endpoint.get("engine", ""), endpoint["host_interface"],
                     endpoint["up"], None if allowed is None else tuple(map(str, allowed)))


def _port(port: Mapping[str, Any]) -> Port:
    return Port(port["container"], port["bridge"], place(port), span(port, "container_port"), port["protocol"],
                family_of(port["container_ip"]), tuple(port["allow_from"]), port["host_ip"].startswith(LOOPBACK),
                port["host_ip"] == port["container_ip"], not port["host_ip"])
