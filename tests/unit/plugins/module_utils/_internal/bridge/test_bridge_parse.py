# SPDX-License-Identifier: GPL-3.0-or-later
"""What docker_bridge says to wrong options: the option, the value, what is wrong, what would be right."""
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError, OptionError
from hypothesis import given
from hypothesis import strategies as st
from world import desired


def parse(**options: Any) -> Any:
    return desired("docker_bridge", {"name": "br0", **options})[0]


@pytest.mark.parametrize(("options", "message"), [
    ({"name": "x" * 16}, "name: 'xxxxxxxxxxxxxxxx' has 16 characters and the kernel allows 15. Choose a shorter"),
    ({"name": "my bridge"}, "name: 'my bridge' is not an interface name. Use letters"),
    ({"bip": "192.168.5.1"}, "bip: '192.168.5.1' lacks a prefix length. Give address and prefix length, like"),
    ({"bip": "192.168.5.1/33"}, "bip: '192.168.5.1/33' is not an address with a prefix length"),
    ({"bip": "192.168.5.256/24"}, "bip: '192.168.5.256/24' is not an address with a prefix length"),
    ({"bip": "fd00::1/64"}, "bip: 'fd00::1/64' is not an IPv4 address. Give it like 192.168.5.1/24"),
    ({"bip": "192.168.5.0/24"}, "bip: '192.168.5.0/24' is the address of the network itself. Give the bridge an "
                                "address in it, like 192.168.5.1/24"),
    ({"bip": "192.168.5.255/24"}, "bip: '192.168.5.255/24' is the broadcast address of its network. Give"),
    ({"bip": "192.168.5.1/32"}, "bip: '192.168.5.1/32' leaves no address for a container. Give a shorter prefix"),
    ({"bip": "127.0.0.1/8"}, "bip: '127.0.0.1/8' is not an address for an interface. Give it like"),
    ({"bip": "224.0.0.1/24"}, "bip: '224.0.0.1/24' is not an address for an interface"),
    ({"bip": "bridge/24"}, "bip: 'bridge/24' is not an address with a prefix length"),
    ({"bip6": "2001:db8::1"}, "bip6: '2001:db8::1' lacks a prefix length. Give address and prefix length, like 2001:"),
    ({"bip6": "10.0.0.1/24"}, "bip6: '10.0.0.1/24' is not an IPv6 address. Give it like 2001:db8:1::1/64"),
    ({"bip6": "2001:db8::/64"}, "bip6: '2001:db8::/64' is the address of the network itself"),
    ({"fixed_cidr": "192.168.5.1/25"}, "fixed_cidr: '192.168.5.1/25' is not a network (192.168.5.1/25 has host bits"),
    ({"bip": "192.168.5.1/24", "fixed_cidr": "192.168.6.0/25"},
     "fixed_cidr: '192.168.6.0/25' is not inside 192.168.5.0/24, the subnet of the bridge. Give a part of"),
    ({"bip": "192.168.5.1/24", "default_gateway": "192.168.6.1"},
     "default_gateway: '192.168.6.1' is not inside 192.168.5.0/24, the subnet of the bridge"),
    ({"default_gateway": "router"}, "default_gateway: 'router' is not an IP address. Give it like 192.168.5.254"),
    ({"default_gateway": "fe80::1"}, "default_gateway: 'fe80::1' is not an IPv4 address"),
    ({"bip6": "2001:db8::1%x\n-F/64"}, "bip6: '2001:db8::1%x\\n-F/64' names an interface behind the '%'. Give it like"),
    ({"fixed_cidr_v6": "2001:db8::%x/64"}, "fixed_cidr_v6: '2001:db8::%x/64' names an interface behind the '%'"),
    ({"default_gateway_v6": "2001:db8::2%x"}, "default_gateway_v6: '2001:db8::2%x' names an interface behind the '%'"),
    ({"fixed_cidr_v6": "10.0.0.0/8"}, "fixed_cidr_v6: '10.0.0.0/8' is not an IPv6 network"),
    ({"bip6": "2001:db8::1/64", "fixed_cidr_v6": "2001:db8:1::/80"}, "fixed_cidr_v6: '2001:db8:1::/80' is not inside"),
    ({"ipv6": True}, "ipv6: 'True' needs a network for the bridge. Give bip6, for example"),
    ({"ipv6": False, "bip6": "2001:db8::1/64"}, "ipv6: 'False' contradicts the IPv6 address 2001:db8::1/64. Leave out"),
    ({"mtu": "67"}, "mtu: '67' is not an MTU. Give bytes from 68 to 65535, or auto"),
    ({"mtu": "65536"}, "mtu: '65536' is not an MTU"),
    ({"mtu": "big"}, "mtu: 'big' is not an MTU"),
    ({"mtu": "-1"}, "mtu: '-1' is not an MTU"),
    ({"mac_address": "02:42"}, "mac_address: '02:42' is not a MAC address. Give six bytes, like 02:42:ac:11:00:02"),
    ({"mac_address": "01:00:5e:00:00:01"}, "mac_address: '01:00:5e:00:00:01' is not the address of a single interface"),
    ({"mac_address": "00:00:00:00:00:00"}, "mac_address: '00:00:00:00:00:00' is not the address of a single"),
])
def test_a_wrong_option(options: dict, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse(**options)
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(("given", "kept"), [("10.0.0.1/255.255.255.0", "10.0.0.1/24"), ("10.0.0.1/31", "10.0.0.1/31"),
                                             ("10.0.0.0/31", "10.0.0.0/31"), ("192.168.5.5/24", "192.168.5.5/24")])
def test_an_address_is_kept_in_canonical_form(given: str, kept: str) -> None:
    assert parse(bip=given).bip == kept


def test_what_is_not_said_is_not_decided() -> None:
    found = parse()
    assert {found.bip, found.mtu, found.ip_masq, found.iptables, found.ipv6, found.stp, found.mac_address} == {None}
    assert (found.present, found.ip_forward, found.adopt, found.force) == (True, True, False, False)


def test_the_bridge_has_the_first_address_of_its_ipv6_network() -> None:
    found = parse(fixed_cidr_v6="2001:db8:1::/64")
    assert (found.bip6, found.ipv6) == ("2001:db8:1::1/64", True)


def test_spellings_of_a_mac_address() -> None:
    assert parse(mac_address="02-42-AC-11-00-02").mac_address == "02:42:ac:11:00:02"


def test_mtu_is_bytes_or_auto() -> None:
    assert (parse(mtu="9000").mtu, parse(mtu="auto").mtu) == (9000, "auto")


@given(st.text(max_size=30), st.sampled_from(
    ["name", "bip", "bip6", "mtu", "mac_address", "fixed_cidr", "default_gateway", "fixed_cidr_v6",
     "default_gateway_v6"]))
def test_any_text_is_taken_or_refused_by_name(text: str, option: str) -> None:
    try:
        parse(**{option: text})
    except MooringError as error:
        assert str(error).startswith((f"{option}: ", "name: not given")) or option == "fixed_cidr_v6"
