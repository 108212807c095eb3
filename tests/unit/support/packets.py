# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of the first packet of a connection on a world: by the values of its rules, hooks included."""
from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import Optional

from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import (TRANSLATED, Behind, Bridged,
                                                                                           Chain, Destination, Dnat,
                                                                                           Drop, Goto, Grouped, Icmp,
                                                                                           In, Jump, Local, Match, Out,
                                                                                           Ports, Proto, Return, Rule,
                                                                                           Source, State, TableRules,
                                                                                           Verdict)
from ansible_collections.mooring.net.plugins.module_utils._internal.host.endpoints import endpoints
from ansible_collections.mooring.net.plugins.module_utils._internal.host.ledger import read_ledger
from ansible_collections.mooring.net.plugins.module_utils._internal.policy.rules import table_rules
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.rules import policy_of
from world import World


@dataclass(frozen=True)
class Packet:
    """:param interface: that it comes in by, "" where the host itself sends it"""

    source: str
    destination: str
    protocol: str = "tcp"
    port: int = 0
    interface: str = ""
    out: str = ""
    translated: bool = False


class Kernel:
    """The tables of a world, and where its addresses are."""

    def __init__(self, world: World) -> None:
        links = world.state.host.links
        policy = policy_of(world.state, read_ledger(world.state))
        self.tables = {family: table_rules(policy, family) for family in ("ipv4", "ipv6")}
        self.groups = {name: link.group for name, link in links.items()}
        self.local = {address.partition("/")[0] for link in links.values() for address in link.addresses}
        self.local.add("127.0.0.1")
        self.networks = {ipaddress.ip_interface(address).network: name for name, link in links.items()
                         for address in link.addresses}
        self.holders = {each.ip(family): each.container for each in endpoints(world.state)
                        for family in ("ipv4", "ipv6") if each.ip(family)}
        self.ports = {(each.bridge, each.ip(family)): each.link.name for each in endpoints(world.state)
                      for family in ("ipv4", "ipv6") if each.ip(family)}

    def receiver(self, packet: Packet) -> str:
        """The container that gets it, "" when none does."""
        tables = self.tables["ipv6" if ":" in packet.destination else "ipv4"]
        if packet.interface and isinstance(self._hooked(tables["raw"], "prerouting", packet), Drop):
            return ""
        target = self._hooked(tables["nat"], "prerouting" if packet.interface else "output", packet)
        if isinstance(target, Dnat):
            packet = replace(packet, destination=target.address, port=target.first + packet.port - target.base,
                             translated=True)
        if packet.destination in self.local:
            return ""
        packet = replace(packet, out=self._way_out(packet.destination))
        if packet.interface and isinstance(self._hooked(tables["filter"], "forward", packet), Drop):
            return ""
        return self.holders.get(packet.destination, "")

    def _way_out(self, destination: str) -> str:
        address = ipaddress.ip_address(destination)
        return next((name for network, name in self.networks.items() if address in network), "ens3")

    def _hooked(self, table: TableRules, point: str, packet: Packet) -> Optional[Verdict]:
        chains = {chain.name: chain for chain in table.chains}
        for hook in sorted((each for each in table.hooks if each.point == point), key=lambda each: each.last):
            if all(self._fits(match, packet) for match in hook.matches):
                verdict = self._walk(chains, chains.get(hook.target), packet)
                if verdict is not None:
                    return verdict
        return None

    def _walk(self, chains: dict[str, Chain], chain: Optional[Chain], packet: Packet) -> Optional[Verdict]:
        for rule in chain.rules if chain else ():
            if rule.verdict is None or not self._concerns(rule, packet):
                continue
            if isinstance(rule.verdict, Return):
                return None
            if not isinstance(rule.verdict, (Jump, Goto)):
                return rule.verdict
            found = self._walk(chains, chains.get(rule.verdict.chain), packet)
            if found is not None or isinstance(rule.verdict, Goto):
                return found
        return None

    def _concerns(self, rule: Rule, packet: Packet) -> bool:
        return all(self._fits(match, packet) for match in rule.matches)

    def _fits(self, match: Match, packet: Packet) -> bool:
        if isinstance(match, (In, Out)):
            return ((packet.interface if isinstance(match, In) else packet.out) == match.interface) != match.negated
        if isinstance(match, Grouped):
            return self.groups.get(packet.interface if match.way == "in" else packet.out) == match.group
        if isinstance(match, (Source, Destination)):
            end = packet.source if isinstance(match, Source) else packet.destination
            return ipaddress.ip_address(end) in ipaddress.ip_network(match.network)
        if isinstance(match, Proto):
            return packet.protocol == match.protocol
        if isinstance(match, Ports):
            return match.first <= packet.port <= match.last
        if isinstance(match, State):
            return (packet.translated and TRANSLATED in match.words) != match.negated
        if isinstance(match, Local):
            return ((packet.source if match.end == "source" else packet.destination) in self.local) != match.negated
        if isinstance(match, Bridged):
            return packet.interface == packet.out
        if isinstance(match, Behind):  # whoever has an address sends with it
            return self.ports.get((packet.interface, packet.source)) == match.port
        assert isinstance(match, Icmp)
        return packet.protocol == match.type


