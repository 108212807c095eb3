# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel settings of containers: what the kernel would refuse half way is refused when it is planned."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST, named_path
from ansible_collections.mooring.net.plugins.module_utils._internal.host.settings import interface_of, trial
from world import Failed, World

TTL, FILTER = "net/ipv4/ip_default_ttl", "net/ipv4/conf/lo/rp_filter"


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge(bip6="2001:db8:5::1/64")
    found.bridge("plain", "192.168.6.1/24")
    found.state.sysctls[HOST, TTL] = "64"
    found.state.refused = {(TTL, "256"): "is refused by the kernel (Invalid argument)",
                           (FILTER, "1 2"): "becomes '1' in the kernel"}
    return found


@pytest.mark.parametrize(("name", "interface", "tried"), [
    ("net/ipv4/ip_forward", "", "net/ipv4/ip_forward"), ("net/core/somaxconn", "", "net/core/somaxconn"),
    ("net/ipv4/conf/all/rp_filter", "", "net/ipv4/conf/all/rp_filter"),
    ("net/ipv6/conf/default/mtu", "", "net/ipv6/conf/default/mtu"),
    ("net/ipv6/conf/eth0/mtu", "eth0", "net/ipv6/conf/lo/mtu"), ("net/ipv4/neigh/eth0.5/ucast_solicit", "eth0.5",
                                                                "net/ipv4/neigh/lo/ucast_solicit")])
def test_a_setting_of_an_interface_is_tried_on_lo(name: str, interface: str, tried: str) -> None:
    assert interface_of(name) == interface and trial(name, "1") == (tried, "1")


@pytest.mark.parametrize(("name", "value", "problem"), [
    ("net.ipv4.ip_default_ttl", "256", "is refused by the kernel (Invalid argument)"),
    ("net.ipv4.conf.IFNAME.rp_filter", "1 2", "becomes '1' in the kernel"),
    ("net.ipv6.conf.IFNAME.disable_ipv6", "1", "contradicts the address 2001:db8:5::2/64 that web gets"),
    ("net.ipv6.conf.all.disable_ipv6", "1", "contradicts the address 2001:db8:5::2/64 that web gets")])
def test_it_is_refused_by_name_and_value(world: World, name: str, value: str, problem: str) -> None:
    message = world.refuses("netns_attach", netns="web", bridge="br0", sysctls={name: value})
    assert message.startswith(f"sysctls: '{name.replace('IFNAME', 'eth0')}={value}' {problem}. ")
    assert message == world.document_refuses([{"name": "br0", "bip": "192.168.5.1/24", "containers": [
        {"name": "web", "sysctls": {name: value}}]}]).partition("(web): ")[2]


def test_what_is_there_already_is_not_tried(world: World) -> None:
    world.attach("web", bridge="br0")
    world.state.sysctls[named_path("web"), TTL] = "256"
    assert world.run("netns_attach", netns="web", sysctls={"net.ipv4.ip_default_ttl": "256"}).operations == ()


@pytest.mark.parametrize(("given", "problem"), [
    ({"sysctls": {"net.ipv4.conf.eth7.rp_filter": "1"}}, "is of an interface that web has not, which has lo, eth0"),
    ({"sysctls": {"net.ipv6.conf.IFNAME.accept_ra": "0"}, "mtu": 1200},
     "is of eth0 of web, which has no IPv6, since its MTU is 1200")])
def test_what_only_one_container_lacks_keeps_no_other_one_from_anything(world: World, given, problem: str) -> None:
    items = [{"netns": "web", "bridge": "plain", **given}, {"netns": "db", "bridge": "plain"}]
    with pytest.raises(Failed, match=problem) as caught:
        world.run("netns_attach", config=items)
    assert list(caught.value.plan.failed) == ["web"]
    assert world.inner("db").addresses and "web" not in world.state.named


def test_a_container_without_ipv6_may_be_told_so(world: World) -> None:
    world.run("netns_attach", netns="web", bridge="plain", sysctls={"net.ipv6.conf.IFNAME.disable_ipv6": "1"})
    assert world.inner("web").addresses == ("192.168.6.2/24",)
