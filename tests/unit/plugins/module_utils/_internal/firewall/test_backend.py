# SPDX-License-Identifier: GPL-3.0-or-later
"""What upkeep and the real host use of a backend is what every backend offers."""
from __future__ import annotations

import inspect
from types import ModuleType

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.backend import Adapter, Backend
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables import adapter, sync
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.model import (TABLES, Accept, Chain, Dnat,
                                                                                           In, Ports, Proto, Rule,
                                                                                           TableRules)


def promised(protocol: type) -> dict[str, list[str]]:
    return {name: list(inspect.signature(function).parameters)[1:]
            for name, function in vars(protocol).items() if inspect.isfunction(function) and name[0] != "_"}


@pytest.mark.parametrize(("protocol", "module"), [(Backend, sync), (Adapter, adapter)])
def test_iptables_keeps_what_the_protocol_promises(protocol: type, module: ModuleType) -> None:
    asked = promised(protocol)
    assert asked and {name: list(inspect.signature(getattr(module, name)).parameters) for name in asked} == asked


def test_nothing_is_wanted_and_nothing_is_there() -> None:
    assert sync.changes("ipv4", {table: TableRules() for table in TABLES}, {}) == []


def test_rules_are_values() -> None:
    def rule() -> Rule:
        return Rule((In("br0"), Proto("tcp"), Ports(80, 80)), Dnat("10.0.0.2", 80, 80, 8080), "web")

    assert rule() == rule() and len({rule(), rule(), Rule((), Accept(), "web")}) == 2
    assert len({TableRules(chains=(Chain("MOORING-X", (rule(),)),)) for _time in range(2)}) == 1
