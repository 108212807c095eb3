# SPDX-License-Identifier: GPL-3.0-or-later
"""From what ``docker network inspect`` says to networks of the document. Pure.

docs/from_docker.md says of each option what takes its place; where nothing does, a note says so. Sources of the names:
the reference of Docker's API (``GET /networks/ID``), and that of its driver bridge.
"""
from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..core.errors import OptionError
from ..core.names import interface_name
from .model import Entry, Json, Network, Note

DRIVER = "com.docker.network."
DEFAULT_NAME = "bridge0"  # of the engine's own network: docker0 is deleted by a daemon that has none
MTU = 1500  # bytes, which Docker gives where nothing is said
WITHOUT_BRIDGE = ("host", "null")  # drivers of the networks that every daemon has
HOW = {
    "bridge.name": "", "bridge.default_bridge": "", "container_iface_prefix": "", "bridge.host_binding_ipv4": "",
    "bridge.host_binding_ipv6": "", "driver.mtu": "", "enable_ipv6": "", "enable_ipv4": "",
    "bridge.inhibit_ipv4": "inhibit_ipv4: a bridge without an address gets one here; adopt takes over one that is as "
                           "its administrator made it",
}  # options that are read elsewhere, or of which a note is all that is left


def convert_networks(found: Sequence[Json]) -> tuple[list[Network], list[Note]]:
    """The bridges among the networks of an engine, by name, and what of them could not be carried over."""
    networks: list[Network] = []
    notes: list[Note] = []
    for network in sorted(found, key=lambda each: str(each["Name"])):
        name, driver = str(network["Name"]), str(network.get("Driver"))
        if driver == "bridge" and not network.get("ConfigOnly"):
            converted = _convert(network, {each.entry["name"] for each in networks})
            networks.append(converted)
            if converted.entry["name"] != converted.name:
                notes.append(Note(f"the engine's network {converted.name}", converted.name, aside=True))
            notes += [Note(text, converted.name) for text in _notes(network, converted)]
        elif driver not in WITHOUT_BRIDGE:
            notes.append(Note(f"network {name} is left out: its driver is {driver}, and only bridges are made here"
                              if driver != "bridge" else f"network {name} is left out: it only holds settings for "
                              "others, for which YAML has anchors, and Ansible variables"))
    return networks, notes


def _convert(network: Json, taken: set[str]) -> Network:
    options = network.get("Options") or {}
    is_default = options.get(f"{DRIVER}bridge.default_bridge") == "true"
    entry: Entry = {"name": _bridge_name(network, options, is_default, taken), **_addresses(network),
                    "mtu": _mtu(options)}
    if network.get("Internal"):
        entry["internal"] = True
    for option, value in sorted(options.items()):
        entry.update(_option(option, str(value)))
    if entry.get("gateway_mode") == "nat-unprotected" or entry.get("gateway_mode_v6") == "nat-unprotected":
        _trust_everybody(entry)
    if not is_default:
        entry["container_names"] = True  # as Docker's name server does on networks that somebody has made
    return Network(str(network["Name"]), entry, options, bool(network.get("Internal")), is_default)


def _bridge_name(network: Json, options: Json, is_default: bool, taken: set[str]) -> str:
    """What the bridge was told to be called; else the network's name if it fits, else as Docker called the bridge."""
    wanted = "" if is_default else str(options.get(f"{DRIVER}bridge.name") or "")
    for name in (wanted, DEFAULT_NAME if is_default else str(network["Name"])):
        try:
            if name and name not in taken and (name != DEFAULT_NAME or is_default or wanted):
                return interface_name("name", name)
        except OptionError:
            continue
    return f"br-{str(network['Id'])[:12]}"


def _mtu(options: Json) -> int:
    """In bytes. Docker says 0 where nobody has said anything, and a network of Docker never follows the host."""
    said = str(options.get(f"{DRIVER}driver.mtu") or "")
    return int(said) if said.isdigit() and int(said) else MTU


def _addresses(network: Json) -> Entry:
    entry: Entry = {}
    for config in (network.get("IPAM") or {}).get("Config") or ():
        subnet = ipaddress.ip_network(str(config["Subnet"]), strict=False)
        is_v4 = subnet.version == 4
        bip, cidr, gateway = (("bip", "fixed_cidr", "default_gateway") if is_v4
                              else ("bip6", "fixed_cidr_v6", "default_gateway_v6"))
        if bip in entry or not is_v4 and not network.get("EnableIPv6"):
            continue
        if not is_v4:
            entry["ipv6"] = True
        entry[bip] = f"{_gateway(config, subnet)}/{subnet.prefixlen}"
        if config.get("IPRange"):
            entry[cidr] = str(ipaddress.ip_network(str(config["IPRange"]), strict=False))
        kept = {str(name): str(address) for name, address in (config.get("AuxiliaryAddresses") or {}).items()}
        if said := kept.pop(f"DefaultGatewayIPv{subnet.version}", None):
            entry[gateway] = said
        if kept:
            entry["aux_addresses"] = {**entry.get("aux_addresses", {}), **dict(sorted(kept.items()))}
    return entry


def _gateway(config: Json, subnet: Any) -> str:
    """The address of the bridge: where nothing is said the first of the range, as Docker takes it."""
    if said := str(config.get("Gateway") or "").partition("/")[0]:
        return said
    first = ipaddress.ip_network(str(config["IPRange"]), strict=False) if config.get("IPRange") else subnet
    return str(first[0] if first[0] != subnet[0] else first[1])


def _option(option: str, value: str) -> Entry:
    """What takes the place of an option of the driver; nothing for what is as here when nothing is said."""
    yes = value.lower() in ("true", "1", "t")
    known: dict[str, Callable[[], Entry]] = {
        "bridge.enable_icc": lambda: {} if yes else {"icc": False},
        "bridge.enable_ip_masquerade": lambda: {} if yes else {"ip_masq": False},
        "bridge.gateway_mode_ipv4": lambda: {} if value == "nat" else {"gateway_mode": value},
        "bridge.gateway_mode_ipv6": lambda: {} if value == "nat" else {"gateway_mode_v6": value},
        "bridge.trusted_host_interfaces": lambda: {"trusted_interfaces": value.split(":")},
        "host_ipv4": lambda: {"outbound_address": value},
        "host_ipv6": lambda: {"outbound_address_v6": value},
    }
    find = known.get(option[len(DRIVER):]) if option.startswith(DRIVER) else None
    return find() if find and value else {}


def _trust_everybody(entry: Entry) -> None:
    """The mode nat-unprotected: translated as with nat, and everybody reaches containers at their own addresses."""
    networks = []
    for option, everybody in (("gateway_mode", "0.0.0.0/0"), ("gateway_mode_v6", "::/0")):
        if entry.get(option) == "nat-unprotected":
            del entry[option]
            networks.append(everybody)
    entry["trusted_networks"] = networks


def _notes(network: Json, converted: Network) -> Iterator[str]:
    if "bip" not in converted.entry:
        yield "it has no IPv4 subnet: here every bridge has one, of default_address_pools unless bip says which"
    yield from _left_out_addresses(network)
    for option, value in sorted(converted.options.items()):
        short = option[len(DRIVER):] if option.startswith(DRIVER) else option
        how = HOW.get(short)
        if how:
            yield how
        elif how is None and not _is_known(option):
            yield f"the option {option}={value} has no place here"
    labels = {name: value for name, value in (network.get("Labels") or {}).items()
              if not name.startswith("com.docker.compose.")}
    if labels:
        yield "labels: " + ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))


def _is_known(option: str) -> bool:
    return option.startswith(DRIVER) and option[len(DRIVER):] in (
        "bridge.enable_icc", "bridge.enable_ip_masquerade", "bridge.gateway_mode_ipv4", "bridge.gateway_mode_ipv6",
        "bridge.trusted_host_interfaces", "host_ipv4", "host_ipv6")


def _left_out_addresses(network: Json) -> Iterator[str]:
    seen: set[int] = set()
    for config in (network.get("IPAM") or {}).get("Config") or ():
        subnet = ipaddress.ip_network(str(config["Subnet"]), strict=False)
        if subnet.version in seen:
            yield f"the subnet {subnet} is left out: a bridge has one of each family"
        elif subnet.version == 6 and not network.get("EnableIPv6"):
            yield f"the subnet {subnet} is left out: the network has no IPv6"
        seen.add(subnet.version)
