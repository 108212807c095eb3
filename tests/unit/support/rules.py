# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of a world as text, and where a packet goes in them."""
from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Optional

from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.sync import change_table
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.text import restore_text
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import (COMMANDS, TABLES, Chain,
                                                                                           ObservedTable, TableRules)
from ansible_collections.mooring.net.plugins.module_utils._internal.host.model import HostState
from ansible_collections.mooring.net.plugins.module_utils._internal.policy.rules import table_rules
from ansible_collections.mooring.net.plugins.module_utils._internal.host.ledger import read_ledger
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.rules import policy_of


def ruleset(state: HostState, family: str) -> str:
    """All that we want in every table, as iptables-restore would read it on a host without any."""
    wanted = table_rules(policy_of(state, read_ledger(state)), family)
    found = [change_table(family, table, wanted[table], ObservedTable()) for table in TABLES]
    return f"# {COMMANDS[family]}-restore --noflush\n" + "".join(restore_text(change) for change in found if change)


def written(*chains: Chain, family: str = "ipv4") -> ObservedTable:
    """A table in which these chains are written."""
    change = change_table(family, "any", TableRules(chains=chains), ObservedTable())
    return ObservedTable({each.name: each.after for each in change.chains} if change else {})


class Packet(NamedTuple):
    protocol: str
    destination: str
    port: int
    source: str = "203.0.113.9"


def rules_of(lines: Iterable[str]) -> dict[str, list[list[str]]]:
    """The words of every ``-A`` line by chain."""
    chains: dict[str, list[list[str]]] = {}
    for line in lines:
        if line.startswith("-A "):
            words = shlex.split(line)
            chains.setdefault(words[1], []).append(words[2:])
    return chains


def _matches(words: list[str], packet: Packet) -> bool:
    turned = False
    for name, value in zip(words, words[1:]):
        if name == "!":
            turned = True
            continue
        fits = {
            "-p": lambda text: text == packet.protocol,
            "-s": lambda text: ipaddress.ip_address(packet.source) in ipaddress.ip_network(text),
            "-d": lambda text: ipaddress.ip_address(packet.destination) in ipaddress.ip_network(text),
            "--dport": lambda text: int(text.split(":")[0]) <= packet.port <= int(text.split(":")[-1]),
        }.get(name, lambda text: True)(value)
        if name in ("-p", "-s", "-d", "--dport") and fits == turned:
            return False
        turned = False
    return True


def walk(chains: Mapping[str, list[list[str]]], packet: Packet, start: str = "MOORING-DNAT") -> tuple[
        Optional[tuple[str, int]], int]:
    """Where DNAT sends the packet (address and port, None for nowhere), and how many rules were looked at."""
    looked = 0
    for words in chains.get(start, []):
        looked += 1
        if not _matches(words, packet):
            continue
        target = words[words.index("-j") + 1]
        if target == "DNAT":
            return _translated(words[words.index("--to-destination") + 1], packet.port), looked
        found, more = walk(chains, packet, target)
        looked += more
        if found:
            return found, looked
    return None, looked


def _translated(target: str, port: int) -> tuple[str, int]:
    """``--to-destination ADDRESS[:FIRST[-LAST[/BASE]]]``, as iptables-extensions(8) has it."""
    if target.startswith("["):
        address, _, ports = target[1:].partition("]")
        ports = ports[1:]
    else:
        address, _, ports = target.partition(":")
    if not ports:
        return address, port
    span, _, base = ports.partition("/")
    first, _, last = span.partition("-")
    if not last:
        return address, int(first)
    assert base, "a range without its base port sends everything to the first"
    return address, int(first) + port - int(base)
