# SPDX-License-Identifier: GPL-3.0-or-later
"""From what ``docker inspect`` says to the containers of the document. Pure.

What an engine gives to a container that runs (address, MAC address) is kept, whoever has chosen it: others know it.
Source of the names: the reference of Docker's API (``GET /containers/ID/json``).
"""
from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .model import Entry, Json, Network, Note
from .networks import DRIVER
from .ports import WITHOUT_PROXY, Binding, exposed_ports, fold, read_bindings

_IDENTIFIER = re.compile(r"[0-9a-f]{12,64}")
# Options of a container that docker_container or Compose know, from HostConfig.
_LISTS = {"Dns": "dns_servers", "DnsSearch": "dns_search_domains", "DnsOptions": "dns_opts"}
_ENDPOINT = "endpoint."
_EVERYWHERE = ("", "0.0.0.0", "::")  # host addresses that are no choice of an address


def convert_containers(found: Sequence[Json], networks: Sequence[Network]) -> list[Note]:
    """Put the containers that run onto their networks, and say what of them could not be carried over."""
    by_name = {network.name: network for network in networks}
    notes: list[Note] = []
    for container in sorted(found, key=name_of):
        host = container.get("HostConfig") or {}
        joined = {name: settings for name, settings in _joined(container).items() if name in by_name}
        if not (container.get("State") or {}).get("Running"):
            notes.append(Note(f"container {name_of(container)} is left out, since it does not run: its addresses are "
                              "known when it does"))
        elif not joined:
            notes.append(Note(f"container {name_of(container)} is left out: {_elsewhere(host, container, found)}"))
        else:
            notes += _put(container, joined, by_name)
    return notes


def name_of(container: Json) -> str:
    return str(container["Name"]).lstrip("/")


def _joined(container: Json) -> Mapping[str, Json]:
    return (container.get("NetworkSettings") or {}).get("Networks") or {}


def _elsewhere(host: Json, container: Json, found: Sequence[Json]) -> str:
    """Why a container stands on no network of the document."""
    mode = str(host.get("NetworkMode"))
    if mode.startswith("container:"):
        other = mode.partition(":")[2]
        names = [name_of(each) for each in found if str(each.get("Id")) == other or name_of(each) == other]
        return f"it shares the network of {''.join(names) or other}, and goes on doing so when both are started again"
    if mode in ("host", "none"):
        return f"it was started with --network {mode}, and stays as it is"
    return f"none of its networks is a bridge ({', '.join(sorted(_joined(container))) or mode})"


def _put(container: Json, joined: Mapping[str, Json], networks: Mapping[str, Network]) -> Iterator[Note]:
    """One entry on each network; what belongs to the container stands in that which its default route leads over."""
    leading = _leading(joined, networks)
    for name, interface in _interfaces(container, joined, networks).items():
        network = networks[name]
        entry: Entry = {"name": name_of(container), "container": name_of(container)}
        if len(joined) > 1:
            entry["interface_name"] = interface
            entry["default_route"] = True if name == leading and not network.internal else None
        elif interface != "eth0":
            entry["interface_name"] = interface
        entry.update(_address(joined[name]))
        entry.update(_names_on(container, joined[name], network))
        texts: list[str] = []
        if name == leading:
            entry.update(_ports(container, network, texts))
            own = _own(container)
            entry.update(own, sysctls={**entry.get("sysctls", {}), **own.pop("sysctls")})
            texts += _notes(container)
        network.containers.append({key: value for key, value in entry.items() if value not in (None, [], {})})
        for text in texts:
            yield Note(text, name, entry["name"])


def _leading(joined: Mapping[str, Json], networks: Mapping[str, Network]) -> str:
    """Where Docker has its default route and its ports: no internal network, GwPriority, then the first name."""
    return min(joined, key=lambda name: (networks[name].internal, -int(joined[name].get("GwPriority") or 0), name))


def _interfaces(container: Json, joined: Mapping[str, Json], networks: Mapping[str, Network]) -> dict[str, str]:
    """By network the name of the interface: that with which the container was started is the first."""
    started = str((container.get("HostConfig") or {}).get("NetworkMode"))
    first = next((name for name in joined if name == started or networks[name].is_default
                  and started in ("default", "bridge")), "")
    interfaces = {}
    for number, name in enumerate(sorted(joined, key=lambda each: (each != first, each))):
        prefix = networks[name].options.get(f"{DRIVER}container_iface_prefix") or "eth"
        asked = (joined[name].get("DriverOpts") or {}).get(f"{DRIVER}{_ENDPOINT}ifname")
        interfaces[name] = str(asked or f"{prefix}{number}")
    return interfaces


def _address(settings: Json) -> Entry:
    address, mac = str(settings.get("IPAddress") or ""), str(settings.get("MacAddress") or "")
    entry: Entry = {"address": address or None, "address_v6": settings.get("GlobalIPv6Address") or None}
    if mac and not (address and mac.lower() == _usual_mac(address)):
        entry["mac_address"] = mac
    sysctls = (settings.get("DriverOpts") or {}).get(f"{DRIVER}{_ENDPOINT}sysctls")
    if sysctls:
        entry["sysctls"] = dict(each.split("=", 1) for each in str(sysctls).split(",") if "=" in each)
    return entry


def _usual_mac(address: str) -> str:
    """What Docker up to 27 and this collection make of an address."""
    return ":".join(["02", "42", *(f"{byte:02x}" for byte in ipaddress.ip_address(address).packed)])


def _names_on(container: Json, settings: Json, network: Network) -> Entry:
    """Names for the others on the network, and those that the container uses for others."""
    links = [str(link) for link in settings.get("Links") or ()]
    if network.is_default:  # /db:/web/database
        for link in (container.get("HostConfig") or {}).get("Links") or ():
            target, _colon, alias = str(link).partition(":")
            links.append(f"{target.lstrip('/')}:{alias.rpartition('/')[2]}")
    known = [*(settings.get("Aliases") or ()), *(settings.get("DNSNames") or ())]
    own = {name_of(container)} | {str((container.get("Config") or {}).get("Hostname") or "")}
    aliases = [name for name in dict.fromkeys(map(str, known))
               if name not in own and not (_IDENTIFIER.fullmatch(name) and str(container.get("Id")).startswith(name))]
    return {"aliases": [] if network.is_default else aliases, "links": links}


def _ports(container: Json, network: Network, notes: list[str]) -> Entry:
    host, config = container.get("HostConfig") or {}, container.get("Config") or {}
    bindings = read_bindings(host.get("PortBindings"))
    entry: Entry = {"exposed_ports": exposed_ports(config.get("ExposedPorts"), bindings)}
    if network.internal and (bindings or host.get("PublishAllPorts")):
        notes.append("its ports are not published, on an internal network: the engine does not do that either")
        return {"exposed_ports": exposed_ports(config.get("ExposedPorts"), ())}
    kept = [binding for binding in bindings if binding.address != WITHOUT_PROXY]
    if len(kept) < len(bindings):
        refused = ", ".join(binding.text(False) for binding in fold(set(bindings) - set(kept)))
        notes.append(f"{refused} is left out: the kernel sends nothing from [::1] to a container")
    entry["published_ports"] = list(dict.fromkeys(each.text(network.is_routed) for each in fold(kept)))
    if host.get("PublishAllPorts"):
        entry["publish_all_ports"] = True
    if any(not binding.host for binding in kept) or host.get("PublishAllPorts"):
        notes.append("host ports that are chosen are chosen anew")
    entry["default_host_ip"] = _host_ip(network, kept, bool(host.get("PublishAllPorts")))
    return entry


def _host_ip(network: Network, bindings: Sequence[Binding], every: bool) -> Any:
    """The host address of the network for bindings that name none."""
    said = [str(network.options.get(f"{DRIVER}bridge.host_binding_{family}") or "") for family in ("ipv4", "ipv6")]
    chosen = [address for address in said if address not in _EVERYWHERE]
    return chosen[0] if chosen and (every or any(not binding.address for binding in bindings)) else None


def _own(container: Json) -> Entry:
    """What is the container's own, whatever its networks are."""
    host, config = container.get("HostConfig") or {}, container.get("Config") or {}
    entry: Entry = {option: [str(value) for value in host.get(name) or ()] for name, option in _LISTS.items()}
    hostname = str(config.get("Hostname") or "")
    if hostname and not str(container.get("Id")).startswith(hostname) and not _shares_name(host):
        entry["hostname"] = hostname
    entry["domainname"] = config.get("Domainname") or None
    entry["etc_hosts"] = dict(_extra_host(str(text)) for text in host.get("ExtraHosts") or ())
    entry["sysctls"] = {name: str(value) for name, value in (host.get("Sysctls") or {}).items()
                        if name.startswith("net.")}
    return entry


def _shares_name(host: Json) -> bool:
    return str(host.get("UTSMode") or "") == "host"


def _extra_host(text: str) -> tuple[str, str]:
    """NAME:ADDRESS, of which newer Dockers write the address with a "=" in front, and IPv6 in brackets."""
    name, _sign, address = text.partition("=" if "=" in text.partition(":")[0] else ":")
    return name, address.strip("[]")


def _notes(container: Json) -> Iterator[str]:
    if _shares_name(container.get("HostConfig") or {}):
        yield "it has the host's own name (--uts host), and keeps it"
    others = {name.partition(":")[0] for name in (container.get("HostConfig") or {}).get("ExtraHosts") or ()}
    if len(others) < len((container.get("HostConfig") or {}).get("ExtraHosts") or ()):
        yield "a name that --add-host gives several addresses has the last one here"
