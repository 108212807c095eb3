# SPDX-License-Identifier: GPL-3.0-or-later
"""The listings of docs/rules.md are as iptables-save shows them, line by line."""
import re
from pathlib import Path

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall import ipset
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.set_operations import SetAdd
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.sets import AddressSet
from containers import once
from traffic import Place
from worlds import BACKENDS

PAGE = Path(__file__).resolve().parents[2] / "docs/rules.md"
PROGRAMS = {"ipv4": "iptables", "ipv6": "ip6tables"}
LISTING = re.compile(r"^<!-- rules [\w-]+ (\w+) (\w+) -->\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def by_chain(lines):
    found = {}
    for line in lines:
        if line.startswith("-A "):
            found.setdefault(line.split()[1], []).append(line)
    return found


@once
@pytest.mark.parametrize("backend", BACKENDS)
def test_listings_are_as_iptables_save_shows_them(host, backend):
    text = PAGE.read_text(encoding="utf-8")
    listings = LISTING.findall(text)
    assert len(listings) == text.count("<!-- rules ") > 20
    with Place(host).entered():
        for name in sorted(set(re.findall(r"--match-set (\S+)", text))):
            ipset.add(SetAdd(AddressSet(name, "ipv4", name.endswith("p"))))
    for family, table, listing in listings:
        program = PROGRAMS[family].replace("tables", f"tables-{backend}")
        chains = sorted(set(re.findall(r"MOORING-\S+", re.sub(r'"[^"]*"|--match-set \S+', "", listing))))
        declared = "".join(f":{chain} - [0:0]\n" for chain in chains)
        rules = [line for line in listing.splitlines() if line.startswith("-A ")]
        for chain in {*by_chain(rules)} - {*chains}:
            host.run([program, "-t", table, "-F", chain])
        host.run([f"{program}-restore", "--noflush"], input="\n".join([f"*{table}", declared, *rules, "COMMIT", ""]))
        saved = by_chain(host.run([f"{program}-save", "-t", table]).stdout.splitlines())
        for chain, lines in by_chain(rules).items():
            assert saved[chain] == lines
