# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses as numbers: which is free, which is nobody's, which may be asked for."""
from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.mooring.net.plugins.module_utils.core.errors import OptionError
from ansible_collections.mooring.net.plugins.module_utils.ipam.plan import (POOLS, check_address, choose_pool,
                                                                            lowest_free, reserve)
from hypothesis import given
from hypothesis import strategies as st


def number(address: str) -> int:
    return int(ipaddress.ip_address(address))


def test_dockers_pools_in_its_order() -> None:
    assert (POOLS[0], POOLS[14], POOLS[15], POOLS[-1], len(POOLS)) == (
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
    assert choose_pool(routes, servers) == pool


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
