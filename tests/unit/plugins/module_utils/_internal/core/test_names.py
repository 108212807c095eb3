# SPDX-License-Identifier: GPL-3.0-or-later
"""Names at the edge of what the kernel takes, and names that are made."""
from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core import names
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError, OptionError
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("name", ["a", "br0", "x" * 15, "eth0.100", "my_br-1", "_x", "0"])
def test_an_interface_name(name: str) -> None:
    assert names.interface_name("name", name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "-a", "a b", "a/b", "a:b", "ä", "br0\n", "a*"])
def test_not_an_interface_name(name: str) -> None:
    with pytest.raises(OptionError, match="is not an interface name. Use letters"):
        names.interface_name("name", name)


@pytest.mark.parametrize("name", ["all", "default"])
def test_names_that_the_kernel_uses_for_its_settings_are_refused(name: str) -> None:
    with pytest.raises(OptionError, match=f"interface_name: '{name}' stands for all interfaces"):
        names.interface_name("interface_name", name)


def test_an_interface_name_that_the_kernel_has_no_room_for() -> None:
    with pytest.raises(OptionError) as caught:
        names.interface_name("peer.name", "x" * 16)
    assert str(caught.value) == ("peer.name: 'xxxxxxxxxxxxxxxx' has 16 characters and the kernel allows 15. "
                                 "Choose a shorter interface name.")


@pytest.mark.parametrize("name", ["web", "web@1", "a+b", "x" * 64, "ctr-1_a.b"])
def test_a_namespace_name(name: str) -> None:
    assert names.netns_name("netns", name) == name


@pytest.mark.parametrize(("name", "part"), [
    ("x" * 65, "has 65 characters and at most 64 are supported"), ("a/b", "is not the name of a network namespace"),
    ("..", "is not the name"), ("a b", "is not the name"), ("a:b", "is not the name"), ("", "is not the name")])
def test_not_a_namespace_name(name: str, part: str) -> None:
    with pytest.raises(OptionError, match=part):
        names.netns_name("netns", name)


@pytest.mark.parametrize("name", ["web", "pod/web", "/run/ns/web", "a@b+c"])
def test_a_container_label(name: str) -> None:
    assert names.container_label("name", name) == name


@pytest.mark.parametrize("name", ["a b", "a:b", "a->b", "a,b", "-a", "x" * 65, 'a"b'])
def test_what_would_break_a_mark_or_a_comment(name: str) -> None:
    with pytest.raises(OptionError, match="^container: "):
        names.container_label("container", name)


def test_a_chain_name_of_28_characters_and_no_more() -> None:
    assert names.chain_name("M" * 28) == "M" * 28
    with pytest.raises(MooringError, match="has 29 characters and iptables allows 28"):
        names.chain_name("M" * 29)


@given(st.text(min_size=1), st.text(min_size=1))
def test_the_name_of_a_host_end_fits_and_stays_the_same(container: str, interface: str) -> None:
    found = names.endpoint_link(container, interface)
    assert found == names.endpoint_link(container, interface)
    assert names.interface_name("", found) == found and len(found) == 15


def test_host_ends_of_other_interfaces_have_other_names() -> None:
    assert len({names.endpoint_link(c, i) for c in ("a", "ab", "b") for i in ("eth0", "beth0", "eth1")}) == 9


@pytest.mark.parametrize(("address", "mac"), [("172.17.0.2", "02:42:ac:11:00:02"), ("0.0.0.0", "02:42:00:00:00:00"),
                                              ("255.255.255.255", "02:42:ff:ff:ff:ff")])
def test_dockers_mac_address(address: str, mac: str) -> None:
    assert names.mac_of(address) == mac


@given(st.ip_addresses(v=4))
def test_the_mac_address_holds_the_address(address: ipaddress.IPv4Address) -> None:
    octets = [int(part, 16) for part in names.mac_of(str(address)).split(":")]
    assert bytes(octets[2:]) == address.packed


@given(st.text())
def test_the_mac_address_of_a_bridge_is_local_and_of_one_interface(name: str) -> None:
    first = int(names.bridge_mac(name)[:2], 16)
    assert first & 2 and not first & 1
    assert names.bridge_mac(name) == names.bridge_mac(name) and len(names.bridge_mac(name)) == 17
    assert not names.bridge_mac(name).startswith("02:42:")
