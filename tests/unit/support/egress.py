# SPDX-License-Identifier: GPL-3.0-or-later
"""Where containers of a world may send: by the rules that are written and the sets that there are."""
from __future__ import annotations

import dataclasses
import ipaddress
import shlex
from collections.abc import Mapping, Sequence

from ansible_collections.mooring.net.plugins.module_utils._internal.bridge.model import bridge_of
from ansible_collections.mooring.net.plugins.module_utils._internal.core.names import endpoint_link
from ansible_collections.mooring.net.plugins.module_utils._internal.host.endpoints import endpoints
from ansible_collections.mooring.net.plugins.module_utils._internal.host.model import BRIDGE_CALLS, HostState
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST
from world import World

PROBES = tuple((address, protocol, port) for address in ("192.0.2.53", "198.51.100.7", "10.99.0.9", "2001:db8:9::9",
                                                         "2001:db8:77::1") for protocol in ("tcp", "udp")
               for port in (53, 443))
Chains = Mapping[str, Sequence[Sequence[str]]]


@dataclasses.dataclass(frozen=True)
class Sent:
    """The first packet of a connection to the outside; with ``answering`` one of a connection that somebody there has
    begun, and that this address answers."""

    bridge: str
    port: str
    source: str
    destination: str
    protocol: str
    number: int
    answering: str = ""


def what_is_sent(world: World) -> set[tuple[str, str, str, int]]:
    """Container, destination, protocol and port of each probe that gets out by any interface and with any source.

    Who has an interface on a bridge sends, whatever a mark says of it, so the containers are told by the name of their
    end on the host.
    """
    state = world.state
    chains = {family: _chains(state, family) for family in ("ipv4", "ipv6")}
    ends = {endpoint_link(path.rpartition("/")[2], inner): path.rpartition("/")[2]
            for path, netns in state.namespaces.items() for inner in netns.links}
    ends.update({lease.link.name: lease.container for lease in endpoints(state)})
    found = set()
    for link in state.host.links.values():
        bridge = state.host.links.get(link.controller)
        if bridge is None or link.name not in ends or not link.up:
            continue
        for destination, protocol, number in PROBES:
            family = "ipv6" if ":" in destination else "ipv4"
            for source in _sources(bridge, family):
                sent = Sent(bridge.name, link.name, source, destination, protocol, number)
                if _passes(state, family, chains[family], sent):
                    found.add((ends[link.name], destination, protocol, number))
    return found


def answers(world: World, name: str, source: str, answering: str) -> bool:
    """Whether what a container sends with a source gets out in a connection to an address.

    An error of ICMP about a connection has any source; an answer has that address.
    """
    family = "ipv6" if ":" in source else "ipv4"
    lease = next(each for each in endpoints(world.state) if each.container == name)
    sent = Sent(lease.bridge, lease.link.name, source, "2001:db8:9::9" if family == "ipv6" else "198.51.100.99", "udp",
                7, answering)
    return _passes(world.state, family, _chains(world.state, family), sent)


def _sources(link: Link, family: str) -> list[str]:
    """Addresses of the networks of a bridge, also of one in which the host has none (gateway mode isolated)."""
    bridge = bridge_of(link)
    addresses = {*link.addresses, *(bridge.declared(each) for each in ("ipv4", "ipv6") if bridge)} - {""}
    networks = [ipaddress.ip_interface(each).network for each in sorted(addresses)
                if (":" in each) == (family == "ipv6")]
    return [str(network[number]) for network in networks for number in (2, 11, 200)]


def _chains(state: HostState, family: str) -> Chains:
    table = state.tables.get((family, "mangle"))
    chains = table.chains if table else {}
    found = {name: [shlex.split(line)[2:] for line in chain.lines] for name, chain in chains.items()}
    found[""] = [shlex.split(hook.line)[2:] for hook in table.hooks] if table else []
    return found


def _passes(state: HostState, family: str, chains: Chains, sent: Sent) -> bool:
    told = state.sysctls.get((HOST, BRIDGE_CALLS[family])) == "1" or family in state.host.links[sent.bridge].nf_calls
    return _walk(state, chains, "", sent, told) != "DROP"


def _walk(state: HostState, chains: Chains, name: str, sent: Sent, told: bool) -> str:
    """``DROP``, ``RETURN`` of a chain that was gone to, or "" for the end of one."""
    for words in chains[name]:
        if not _fits(state, words, sent, told):
            continue
        verb, target = next(((word, words[place + 1]) for place, word in enumerate(words) if word in ("-j", "-g")),
                            ("", ""))
        if target in ("DROP", "RETURN"):
            return "DROP" if target == "DROP" else ""
        if target:
            found = _walk(state, chains, target, sent, told)
            if found or verb == "-g":
                return found
    return ""


def _fits(state: HostState, words: Sequence[str], sent: Sent, told: bool) -> bool:
    for place, word in enumerate(words):
        value, turned = (words[place + 1:] or [""])[0], words[place - 1] == "!" and place > 0
        if word == "-i":
            fits = sent.bridge == value
        elif word in ("-s", "-d"):
            address = sent.source if word == "-s" else sent.destination
            fits = ipaddress.ip_address(address) in ipaddress.ip_network(value)
        elif word == "--physdev-is-in":
            fits = told
        elif word == "--physdev-in":
            fits = told and (sent.port == value or value.endswith("+") and sent.port.startswith(value[:-1]))
        elif word == "--match-set":
            fits = _is_in(state, value, sent, words[place + 2].count(",") == 1)
        elif word == "--ctdir":
            fits = bool(sent.answering)
        elif word == "--ctreplsrc":
            fits = sent.answering == value
        elif word == "--icmpv6-type":
            fits = False
        elif word == "--src-type":
            fits = any(sent.source == each.partition("/")[0] for link in state.host.links.values()
                       for each in link.addresses)
        else:
            continue
        if fits == turned:
            return False
    return True


def _is_in(state: HostState, name: str, sent: Sent, with_ports: bool) -> bool:
    found = state.sets[name]  # the kernel refuses a rule that asks for a set that is not there
    return any(ipaddress.ip_address(sent.destination) in ipaddress.ip_network(place.network)
               and (not with_ports or (place.protocol, place.port) == (sent.protocol, sent.number))
               for place in found.places)
