# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses as numbers: which is free, which is nobody's, which may be asked for."""
from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import OptionError
from ansible_collections.mooring.net.plugins.module_utils._internal.ipam.plan import check_address, lowest_free, reserve
from ansible_collections.mooring.net.plugins.module_utils._internal.ipam.pools import (DOCKERS_POOLS, AddressPool,
                                                                                       choose_subnet, parse_pools)
from hypothesis import given
from hypothesis import strategies as st


def number(address: str) -> int:
    return int(ipaddress.ip_address(address))


def test_dockers_pools_in_its_order() -> None:
    chosen: list[str] = []
    while (subnet := choose_subnet(DOCKERS_POOLS, chosen)) is not None:
        chosen.append(subnet)
    assert (chosen[0], chosen[14], chosen[15], chosen[-1], len(chosen)) == (
        "172.17.0.0/16", "172.31.0.0/16", "192.168.0.0/20", "192.168.240.0/20", 31)


@pytest.mark.parametrize(("routes", "servers", "pool"), [
    ([], [], "172.17.0.0/16"),
    (["default", "172.17.0.0/16"], [], "172.18.0.0/16"),
    (["172.16.0.0/12"], [], "192.168.0.0/20"),
    (["172.17.5.0/24", "172.18.0.0/15"], ["172.20.0.53"], "172.21.0.0/16"),
    (["172.16.0.0/12", "192.168.1.0/24"], ["fe80::1%eth0", "nonsense"], "192.168.16.0/20"),
    (["172.16.0.0/12", "192.168.0.0/16"], [], None),
    (["2001:db8::/32", "fe80::/64"], ["2001:db8::53"], "172.17.0.0/16"),
])
def test_the_first_pool_that_overlaps_nothing(routes: list, servers: list, pool: str | None) -> None:
    assert choose_subnet(DOCKERS_POOLS, routes, servers) == pool


@pytest.mark.parametrize(("subnet", "gateways", "kept"), [
    ("192.168.5.0/24", ["192.168.5.1/24"], {"192.168.5.0", "192.168.5.1", "192.168.5.255"}),
    ("192.168.5.0/30", ["192.168.5.2", ""], {"192.168.5.0", "192.168.5.2", "192.168.5.3"}),
    ("192.168.5.0/31", ["192.168.5.1"], {"192.168.5.1"}),
    ("2001:db8::/64", ["2001:db8::1/64"], {"2001:db8::", "2001:db8::1"}),
    ("2001:db8::/127", [], set()),
])
def test_addresses_that_no_endpoint_gets(subnet: str, gateways: list, kept: set) -> None:
    assert reserve(subnet, *gateways) == {number(address) for address in kept}


@pytest.mark.parametrize(("subnet", "gateway", "first"), [
    ("192.168.5.0/24", "192.168.5.1", "192.168.5.2/24"), ("192.168.5.0/24", "192.168.5.5", "192.168.5.1/24"),
    ("10.0.0.0/30", "10.0.0.1", "10.0.0.2/30"), ("10.0.0.0/30", "10.0.0.2", "10.0.0.1/30"),
    ("10.0.0.0/31", "10.0.0.0", "10.0.0.1/31"), ("10.0.0.0/31", "10.0.0.1", "10.0.0.0/31"),
    ("2001:db8::/64", "2001:db8::1", "2001:db8::2/64"), ("2001:db8::/127", "2001:db8::", "2001:db8::1/127"),
])
def test_the_first_address_of_a_subnet(subnet: str, gateway: str, first: str) -> None:
    assert lowest_free(subnet, "", reserve(subnet, gateway)) == first


def test_a_full_subnet() -> None:
    assert lowest_free("10.0.0.0/30", "", {number(f"10.0.0.{last}") for last in range(4)}) is None


def test_of_a_pool_every_address_is_used() -> None:
    taken = reserve("10.0.0.0/24", "10.0.0.1")
    found = []
    while (address := lowest_free("10.0.0.0/24", "10.0.0.128/30", taken)) is not None:
        found.append(address)
        taken.add(number(address.partition("/")[0]))
    assert found == [f"10.0.0.{last}/24" for last in range(128, 132)]


@given(st.sets(st.integers(0, 31)), st.sets(st.integers(0, 31)))
def test_the_lowest_that_is_neither_taken_nor_avoided(taken: set[int], avoid: set[int]) -> None:
    base = number("10.0.0.0")
    found = lowest_free("10.0.0.0/27", "", {base + n for n in taken}, {base + n for n in avoid})
    free = sorted(set(range(32)) - taken - avoid) or sorted(set(range(32)) - taken)
    assert found == (f"10.0.0.{free[0]}/27" if free else None)


@pytest.mark.parametrize(("value", "message"), [
    ("192.168.6.2", "address: '192.168.6.2' is not in 192.168.5.0/24, the subnet of bridge br0. Give an"),
    ("192.168.5.2/16", "address: '192.168.5.2/16' has another prefix length than 192.168.5.0/24, the subnet of bridge "
                       "br0. Give 192.168.5.2 or 192.168.5.2/24."),
    ("192.168.5.9", "address: '192.168.5.9' is taken by container db. Give another address, or none"),
])
def test_an_address_that_cannot_be_had(value: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        check_address("address", value, "192.168.5.0/24", "br0", {number("192.168.5.9"): "container db"})
    assert str(caught.value).startswith(message)


def test_an_address_gets_the_prefix_length_of_its_subnet() -> None:
    assert check_address("address", "192.168.5.2", "192.168.5.0/24", "br0", {}) == "192.168.5.2/24"


@pytest.mark.parametrize(("pools", "taken", "subnet"), [
    ([("172.30.0.0/16", 24)], [], "172.30.0.0/24"),
    ([("172.30.0.0/16", 24)], ["172.30.0.0/23", "172.30.2.128/25", "default"], "172.30.3.0/24"),
    ([("172.30.0.0/16", 24)], ["172.30.1.0/24"], "172.30.0.0/24"),
    ([("172.30.0.0/24", 24), ("10.9.0.0/16", 20)], ["172.16.0.0/12", "10.9.3.7/32"], "10.9.16.0/20"),
    ([("10.9.0.0/30", 31)], ["10.9.0.0/31"], "10.9.0.2/31"),
    ([("10.9.0.0/30", 31)], ["10.9.0.0/31", "10.9.0.3/32"], None),
    ([("255.255.254.0/23", 24)], ["255.255.254.1/32", "255.255.255.1/32"], None),
    ([("2001:db8::/32", 64)], ["2001:db8::/48", "10.0.0.0/8", "2001:db8:1::5/128"], "2001:db8:1:1::/64"),
    ([("fd00::/8", 127)], ["fd00::/64"], "fd00:0:0:1::/127"),
    ([("::2:0/112", 120)], [], "::2:0/120"), ([], [], None)])
def test_the_first_subnet_of_pools(pools: list, taken: list, subnet: str | None) -> None:
    assert choose_subnet([AddressPool(*pool) for pool in pools], taken) == subnet


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(24, 32)), max_size=12), st.integers(26, 31))
def test_the_subnet_is_what_a_search_of_all_finds(taken: list[tuple[int, int]], size: int) -> None:
    networks = [ipaddress.ip_network(f"10.0.0.{last}/{length}", strict=False) for last, length in taken]
    first = next((str(subnet) for subnet in ipaddress.ip_network("10.0.0.0/24").subnets(new_prefix=size)
                  if not any(map(subnet.overlaps, networks))), None)
    assert choose_subnet([AddressPool("10.0.0.0/24", size)], map(str, networks)) == first


@pytest.mark.parametrize(("base", "size", "message"), [
    ("172.30.0.0", 24, "default_address_pools[0].base: '172.30.0.0' lacks a prefix length. Give base"),
    ("172.30.0.1/16", 24, "default_address_pools[0].base: '172.30.0.1/16' has bits set behind its prefix length. Give "
                          "172.30.0.0/16."),
    ("web", 24, "default_address_pools[0].base: 'web' is not a network"),
    ("fd00::%eth0/64", 64, "default_address_pools[0].base: 'fd00::%eth0/64'"),
    ("127.0.0.0/8", 24, "has addresses that no container can have"),
    ("fe80::/10", 64, "has addresses that no container can have"), ("0.0.0.0/0", 8, "has addresses that no container"),
    ("172.30.0.0/16", 15, "default_address_pools[0].size: '15' is not the prefix length of subnets of 172.30.0.0/16. "
                          "Give one from 16 to 31."),
    ("172.30.0.0/16", 32, "Give one from 16 to 31."), ("fd00::/64", 128, "Give one from 64 to 127."),
    ("10.0.0.1/32", 32, "Give a larger base.")])
def test_pools_that_are_none(base: str, size: int, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_pools("default_address_pools", [{"base": base, "size": size}])
    assert message in str(caught.value)
