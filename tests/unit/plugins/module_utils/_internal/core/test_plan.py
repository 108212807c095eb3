# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of operations, and what a draft keeps."""
from __future__ import annotations

from dataclasses import replace
from unittest import mock

from ansible_collections.mooring.net.plugins.module_utils._internal.core.plan import CLOSE, Draft
from ansible_collections.mooring.net.plugins.module_utils._internal.host.fake import fresh_state
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.operations import RestoreTable
from ansible_collections.mooring.net.plugins.module_utils._internal.host.operations import (ConntrackFlush, ModuleLoad,
                                                                                            NetnsAdd, NetnsDel,
                                                                                            SysctlSet)
from ansible_collections.mooring.net.plugins.module_utils._internal.link.addressing import AddrAdd
from ansible_collections.mooring.net.plugins.module_utils._internal.link.operations import LinkAdd, LinkDel, LinkSet
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST, named_path
from hypothesis import given
from hypothesis import strategies as st

BRIDGE = Link("br0", "bridge", 7)
INSIDE = named_path("web")
IN_ORDER = [LinkDel(HOST, BRIDGE), NetnsDel("old"), NetnsAdd("web"), LinkAdd(HOST, BRIDGE),
            AddrAdd(INSIDE, "eth0", "10.0.0.2/24"), ModuleLoad("br_netfilter"), RestoreTable("ipv4", "filter"),
            SysctlSet(HOST, "net/ipv4/ip_forward", "1", "0"), ConntrackFlush("ipv4")]


@given(st.permutations(IN_ORDER))
def test_operations_are_carried_out_in_stages(operations: list) -> None:
    draft = Draft(mock.Mock())
    for operation in operations:
        draft.planned.append((operation.stage, operation))
    assert list(draft.operations) == IN_ORDER


def test_what_closes_comes_before_all_else() -> None:
    draft = Draft(fresh_state())
    draft.do(LinkAdd(HOST, BRIDGE))
    draft.do(RestoreTable("ipv4", "raw"), CLOSE)
    assert [type(operation) for operation in draft.operations] == [RestoreTable, LinkAdd]


def test_within_a_stage_the_order_is_that_of_the_draft() -> None:
    draft = Draft(fresh_state())
    for number in (3, 1, 2):
        draft.do(NetnsAdd(f"n{number}"))
    assert [operation.name for operation in draft.operations] == ["n3", "n1", "n2"]


def test_rules_close_before_forwarding_opens() -> None:
    assert RestoreTable("ipv4", "raw").stage < SysctlSet(HOST, "net/ipv4/ip_forward", "1").stage


def test_a_sysctl_inside_a_container_is_set_with_its_interface() -> None:
    setting = SysctlSet(INSIDE, "net/ipv6/conf/eth0/disable_ipv6", "1")
    assert setting.stage == AddrAdd(INSIDE, "eth0", "10.0.0.2/8").stage


def test_an_operation_is_seen_by_what_follows_and_not_by_the_observed_state() -> None:
    observed = fresh_state()
    draft = Draft(observed.copy())
    draft.do(LinkAdd(HOST, BRIDGE))
    draft.do(LinkSet(HOST, BRIDGE, replace(BRIDGE, mtu=1400)))
    assert draft.state.host.links["br0"].mtu == 1400
    assert "br0" not in observed.host.links


def test_what_is_said_twice_is_kept_once() -> None:
    draft = Draft(fresh_state())
    for _ in range(2):
        draft.assume("bridge br0 does not exist", "creates bridge br0")
        draft.warn("the link opens nothing")
    assert [assumption.warning for assumption in draft.assumed] == [
        "check mode assumes that an earlier task creates bridge br0. Without it a run fails: bridge br0 does not exist"]
    assert draft.warnings == ["the link opens nothing"]
