# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of a host as a person reads it: one line a thing, as brctl(8) and `docker port` have it. Pure.

A column and a section without anything in it are left out, so that a small network is a small table.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..core.model import FAMILY_NAMES
from ..ports.linkage import Linkage
from ..ports.model import ANY_IPV4, ANY_IPV6, bracketed, family_of, range_text
from .columns import Row, columns, natural, paragraphs

EVERYWHERE = "everywhere"
LOOPBACK = "127."
_NOTHING = "no container network is managed here\n"


def table(network: Mapping[str, Any], waiting: Sequence[str] = ()) -> str:
    """The text, which does nothing to a terminal whatever names have in them.

    :param network: what network_info returns
    :param waiting: containers that are asked for and not there
    """
    blocks = [
        columns(("BRIDGE", "ADDRESS", "MTU", "NOTE", "MEMBERS"), [*_bridges(network), *_others(network)]),
        columns(("CONTAINER", "ENGINE", "INTERFACE", "ADDRESS", "MAC"), _containers(network)),
        columns(("PUBLISHED", "FROM"), ports(network)),
        columns(("LINK", "OPENS", "AS"), _links(network["links"])),
        columns(("PAIR", "END", "BRIDGE", "ADDRESS"), _pair_ends(network)),
        paragraphs("WAITS FOR", [", ".join(waiting)] if waiting else []),
        *(paragraphs(title, network[key]) for title, key in (
            ("DIFFERS", "drift"), ("LEFT OVER", "leftovers"), ("IN THE WAY", "obstacles")))]
    return "\n".join(filter(None, blocks)) or _NOTHING


def _bridges(network: Mapping[str, Any]) -> Iterable[Row]:
    members: dict[str, list[str]] = {}
    for end in network["endpoints"]:
        usual = end["interface_name"] == "eth0"
        members.setdefault(end["bridge"], []).append(
            end["container"] if usual else f"{end['container']} ({end['interface_name']})")
    for each in network["bridges"]:
        yield ((each["name"],), _filled(each["bip"], each["bip6"]), (str(each["mtu"]),), notes(each),
               (*sorted(members.get(each["name"], ()), key=natural), *each.get("other_ports", ())))


def notes(bridge: Mapping[str, Any]) -> tuple[str, ...]:
    """What is said of a bridge that is not as Docker makes one."""
    modes = (bridge["gateway_mode"], bridge["gateway_mode_v6"])
    said = {"down": not bridge["up"], "adopted": bridge["adopted"], "uplink": bridge["uplink"],
            "internal": bridge.get("internal"), "isolated": "isolated" in modes,
            "icc off": not bridge["icc"], "no iptables": not bridge["iptables"],
            "no ip6tables": not bridge["ip6tables"] and bridge["ipv6"],
            "no masquerade": not bridge["ip_masq"],
            "routed": "routed" in modes}
    return (*(word for word, applies in said.items() if applies),
            *(f"leaves as {bridge[key]}" for key in ("outbound_address", "outbound_address_v6") if bridge.get(key)),
            *(f"open to {name}" for key in ("allow_bridges", "trusted_interfaces", "trusted_networks")
              for name in bridge[key]))


def _others(network: Mapping[str, Any]) -> Iterable[Row]:
    for each in network.get("other_bridges", ()):
        yield ((each["name"],), tuple(each["addresses"]), (str(each["mtu"]),),
               ("of others", *(() if each["up"] else ("down",))), tuple(each["ports"]))


def _containers(network: Mapping[str, Any]) -> Iterable[Row]:
    for each in sorted(network["endpoints"], key=lambda each: natural(each["container"])):
        yield ((each["container"],), _filled(each.get("engine", "")),
               _filled(each["interface_name"], "" if each["bridge"] else "on no bridge",
                       "" if each["up"] else "down"),
               tuple(address.partition("/")[0] for address in _filled(each["address"], each["address_v6"])),
               _filled(each.get("mac_address", "")))
    attached = {each["container"] for each in network["endpoints"]}
    for name in network["namespaces"]:
        if name not in attached:
            yield (name,), ("netns",), (), (), ()


def _filled(*words: str) -> tuple[str, ...]:
    return tuple(filter(None, words))


def ports(network: Mapping[str, Any]) -> list[Row]:
    """What is published, as ``8080/tcp -> web:80``, and who may come. What both families have alike is one line."""
    families: dict[str, set[str]] = {}
    for end in network["endpoints"]:
        families.setdefault(end["container"], set()).update(
            family_of(address) for address in _filled(end["address"], end["address_v6"]))
    found: dict[tuple[str, str], dict[str, list[str]]] = {}
    for port in network.get("ports", ()):
        sources = port["allow_from"] or ["this host" if port["host_ip"].startswith(LOOPBACK) else EVERYWHERE]
        if not port["host_ip"]:
            sources = [f"nobody, until {port['interface']} has an address"]
        key = place(port), f"{port['container']}:{span(port, 'container_port')}"
        found.setdefault(key, {})[family_of(port["container_ip"])] = sources
    return [((f"{place} -> {inside}",), _who(by_family, families.get(inside.rpartition(":")[0], set())))
            for (place, inside), by_family in found.items()]


def _who(by_family: Mapping[str, Sequence[str]], families: set[str]) -> tuple[str, ...]:
    """Who may come. The family is said where a container has another one, by which the port is not published."""
    alone = len(by_family) == 1 and bool(families - by_family.keys())
    return tuple({f"{source} ({FAMILY_NAMES[family]})" if alone and source == EVERYWHERE else source: None
                  for family, sources in by_family.items() for source in sources})


def place(port: Mapping[str, Any]) -> str:
    """Where a port is met, without the address where that is all of them."""
    anywhere = port["host_ip"] in (ANY_IPV4, ANY_IPV6)
    where = f"{span(port, 'host_port')}/{port['protocol']}"
    return where if anywhere else f"{port.get('interface') or bracketed(port['host_ip'])}:{where}"


def span(port: Mapping[str, Any], side: str) -> str:
    return range_text(port[side], port[side] + port["count"] - 1)


def _links(notes_of_links: Iterable[str]) -> list[Row]:
    """A line for each link, with what it opens in all families."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for link in filter(None, (Linkage.parse(note, "") for note in notes_of_links)):
        opened = found.setdefault((f"{link.source} -> {link.target}", link.alias), {})
        if link.opens:
            opened[f"{link.ports}/{link.protocol}"] = None
    return [((between,), tuple(opened) or ("nothing",), (alias,)) for (between, alias), opened in sorted(found.items())]


def _pair_ends(network: Mapping[str, Any]) -> list[Row]:
    return [((end["name"],), (end["interface"], *(() if end["up"] else ("down",))), _filled(end["bridge"]),
             tuple(end["addresses"])) for end in network.get("veth_ends", ())]
