# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference of rules shows what is written for its documents. ``pytest --update-golden`` writes its listings anew.

In the page ``<!-- document NAME -->`` stands before a document, with ``than OTHER`` behind the name where only what
differs from another one is to be shown, and ``<!-- rules NAME FAMILY TABLE -->`` before each listing.
"""
from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import yaml
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import (FAMILIES, TABLES, USER,
                                                                                           ObservedTable)
from ansible_collections.mooring.net.plugins.module_utils._internal.host.model import HostState
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from world import World, uplink_state

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/rules.md"
TEXT = PAGE.read_text(encoding="utf-8")
GOLDEN = Path(__file__).parent / "data/rulesets"

DOCUMENTS = {name: (base, code) for name, base, code in re.findall(
    r"^<!-- document ([\w-]+)(?: than ([\w-]+))? -->\n\n```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)}
LISTING = re.compile(r"^(<!-- rules ([\w-]+) (\w+) (\w+) -->\n\n```text\n)(.*?)^```$", re.MULTILINE | re.DOTALL)

Shown = dict[str, list[str]]


def _with_a_network_card_on_a_bridge() -> HostState:
    state = uplink_state()
    state.host.links["br-lan"] = Link("br-lan", "bridge", 60, up=True, addresses=("198.51.100.1/24",))
    state.host.links["ens4"] = Link("ens4", "", 70, up=True, controller="br-lan")
    return state


def _beside_docker() -> HostState:
    state = uplink_state()
    state.host.links["docker0"] = Link("docker0", "bridge", 60, up=True, addresses=("172.17.0.1/16",))
    return state


HOSTS: dict[str, Callable[[], HostState]] = {"uplink": _with_a_network_card_on_a_bridge, "beside": _beside_docker}


@functools.lru_cache(maxsize=None)
def tables(name: str) -> dict[tuple[str, str], ObservedTable]:
    """The rules of a host with this document and nothing else."""
    world = World(HOSTS.get(name, uplink_state)())
    world.document(yaml.safe_load(DOCUMENTS[name][1])["container_networks"])
    return {(family, table): world.state.tables.get((family, table), ObservedTable())
            for family in FAMILIES for table in TABLES}


def as_saved(line: str, family: str) -> str:
    """As iptables-save shows it: addresses as networks, and before all else what every packet has.

    The hash is that of the rule as written. It says no more than the rule does.
    """
    head, chain, rest = line.split(" ", 2)
    found = {}
    for word in ("-s", "-d", "-i", "-o", "-p"):
        match = re.search(rf"(?:^|(?<= ))(?:! )?{word} (\S+) ", rest)
        if match:
            found[word] = match[0]
            rest = rest[:match.start()] + rest[match.end():]
    length = {"ipv4": 32, "ipv6": 128}[family]
    for word in {"-s", "-d"} & {word for word, text in found.items() if "/" not in text}:
        found[word] = f"{found[word].rstrip()}/{length} "
    return re.sub(r' #[0-9a-f]{6}"', ' #xxxxxx"', f"{head} {chain} {''.join(found.values())}{rest}")


def chains(name: str, family: str, table: str) -> Shown:
    """The lines of each chain, those of the kernel's own chains first, of which only hooks are shown."""
    observed = tables(name)[family, table]
    shown: Shown = {}
    for hook in observed.hooks:
        shown.setdefault(hook.chain, []).append(as_saved(hook.line, family))
    for chain, text in observed.chains.items():
        shown[chain] = [as_saved(line, family) for line in text.lines]
    return shown


def told(name: str, family: str, table: str) -> Shown:
    """The chains of a listing: what another document, or IPv4, has in the same words is not told again."""
    shown, base = chains(name, family, table), DOCUMENTS[name][0]
    known = [chains(base, family, table)] if base else []
    known += [chains(name, "ipv4", table)] if family == "ipv6" else []
    return {chain: lines for chain, lines in shown.items() if all(each.get(chain) != lines for each in known)}


def listing(name: str, family: str, table: str) -> str:
    shown = told(name, family, table)
    heads = [f":{chain} - [0:0]" for chain in shown if chain.startswith("MOORING-")]
    return "\n".join([f"*{table}", *heads, *(line for lines in shown.values() for line in lines), ""])


def test_listings_are_what_is_written(request: pytest.FixtureRequest) -> None:
    expected = LISTING.sub(lambda found: f"{found[1]}{listing(*found.group(2, 3, 4))}```", TEXT)
    if request.config.getoption("--update-golden"):
        PAGE.write_text(expected, encoding="utf-8")
    assert expected == PAGE.read_text(encoding="utf-8"), "if this is meant, run pytest --update-golden"


def test_nothing_that_differs_is_left_out() -> None:
    shown = {found.group(2, 3, 4) for found in LISTING.finditer(TEXT)}
    assert shown == {(name, family, table) for name in DOCUMENTS for family in FAMILIES for table in TABLES
                     if told(name, family, table)}


def test_the_first_document_is_that_of_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^```yaml\n(container_networks:.*?)^```$", text, re.M | re.S)
    assert found and next(iter(DOCUMENTS.values())) == ("", found[1])


def kinds(names: Iterable[str]) -> set[str]:
    """What chains are for: their names up to what they are of, like a bridge or a port."""
    return {found[0] for name in names if (found := re.match(r"MOORING-[A-Z]+(-(?=.))?", name))}


def test_every_chain_is_explained() -> None:
    prose = re.sub(r"^```.*?^```$", "", TEXT, flags=re.M | re.S)
    texts = [TEXT, *(path.read_text(encoding="utf-8") for path in GOLDEN.iterdir())]
    there = kinds(name for text in texts for name in re.findall(r"^:(\S+)", text, re.M))
    assert "MOORING-IN-" in there
    assert sorted((there | {USER}) - kinds(re.findall(r"`(MOORING-[^` ]+)`", prose))) == []
