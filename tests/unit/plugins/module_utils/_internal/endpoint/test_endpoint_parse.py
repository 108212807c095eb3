# SPDX-License-Identifier: GPL-3.0-or-later
"""What netns_attach says to wrong options."""
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from hypothesis import given
from hypothesis import strategies as st
from world import desired


def parse(**options: Any) -> Any:
    return desired("netns_attach", {"netns": "web", **options})[0]


@pytest.mark.parametrize(("options", "message"), [
    ({"netns": None}, "no container is named: give one of container, pid, netns, netns_path"),
    ({"bridge": "x" * 16}, "bridge: 'xxxxxxxxxxxxxxxx' has 16 characters and the kernel allows 15"),
    ({"interface_name": "a b"}, "interface_name: 'a b' is not an interface name"),
    ({"address": "192.168.5.300"}, "address: '192.168.5.300' is not an IP address"),
    ({"address": "2001:db8::2"}, "address: '2001:db8::2' is not an IPv4 address. Give it like 192.168.5.20"),
    ({"address_v6": "10.0.0.2"}, "address_v6: '10.0.0.2' is not an IPv6 address. Give it like 2001:db8:1::20"),
    ({"mac_address": "zz"}, "mac_address: 'zz' is not a MAC address"),
    ({"mtu": "12"}, "mtu: '12' is not an MTU. Give bytes from 68 to 65535, or auto"),
    ({"exposed_ports": ["80/xtp"]}, "exposed_ports: '80/xtp' has the unknown protocol 'xtp'. Use one of tcp"),
    ({"exposed_ports": ["0"]}, "exposed_ports: '0' has port 0 as a container port. Use a port from 1 to 65535"),
    ({"exposed_ports": ["70000"]}, "exposed_ports: '70000' has the container port 70000, above the highest port"),
    ({"name": "a b"}, "name: 'a b' is not the name of a container"),
    ({"network_mode": "bridged"}, "network_mode: 'bridged' is not a network mode. Give bridge, host, none"),
    ({"network_mode": "container:"}, "network_mode: 'container:' is not a network mode"),
    ({"network_mode": "none", "address": "10.0.0.2"}, "network_mode: 'none' conflicts with address"),
    ({"tx_queue_len": -1}, "tx_queue_len: '-1' is not a queue length. Give packets from 0 to 1000000"),
    ({"sysctls": {"kernel.panic": 1}}, "sysctls: 'kernel.panic' is not a kernel setting of a network namespace"),
    ({"routes": [{"destination": "10.0.0.1/8"}]}, "routes: "),
    ({"gateway": "10.0.0.0/8"}, "gateway: '10.0.0.0/8' is not an IP address"),
])
def test_a_wrong_option(options: dict, message: str) -> None:
    with pytest.raises(MooringError) as caught:
        parse(**options)
    assert str(caught.value).startswith(message)


def test_an_address_in_canonical_form() -> None:
    assert parse(address="10.0.0.2").address == "10.0.0.2"
    assert parse(address="10.0.0.2/255.0.0.0").address == "10.0.0.2/8"
    assert parse(address_v6="2001:DB8:0::2").address_v6 == "2001:db8::2"


def test_no_exposed_ports_is_not_the_same_as_none_given() -> None:
    assert parse().exposed_ports is None and parse(exposed_ports=[]).exposed_ports == ()


@given(st.text(max_size=20), st.sampled_from(["address", "address_v6", "mac_address", "mtu", "bridge", "interface_name",
                                              "name", "gateway", "gateway_v6", "network_mode", "interface"]))
def test_any_text_is_taken_or_refused_by_name(text: str, option: str) -> None:
    try:
        parse(**{option: text})
    except MooringError as error:
        assert str(error).startswith(f"{option}: ")


HARMLESS = {"exposed_ports": ["80"], "mac_address": "02:42:00:00:00:09", "mtu": "1400", "tx_queue_len": 100}
# What a container without an interface of its own cannot have, and what it would be dangerous to leave out.
REFUSED = {"bridge": "br0", "interface": "A", "address": "192.168.5.9", "address_v6": "2001:db8::9",
           "gateway": "192.168.5.1", "gateway_v6": "2001:db8::1", "default_route": False, "aliases": ["sql"],
           "routes": [{"destination": "10.0.0.0/8"}], "sysctls": {"net.ipv4.conf.IFNAME.rp_filter": 1}}
LEFT_OUT = [(mode, option) for mode, options in (("host", HARMLESS), ("none", HARMLESS),
                                                 ("container:web", ("exposed_ports",))) for option in options]


@pytest.mark.parametrize("mode", ["host", "none", "container:web"])
@pytest.mark.parametrize("option", [*HARMLESS, *REFUSED])
def test_each_option_with_each_mode_that_leaves_a_container_without_an_interface(mode: str, option: str) -> None:
    given = {"netns": "x", "network_mode": mode, option: {**HARMLESS, **REFUSED}[option]}
    if (mode, option) in LEFT_OUT:
        found, = desired("netns_attach", given)
        assert found.left_out == (option,) and getattr(found, option) is None
        return
    with pytest.raises(MooringError) as caught:
        desired("netns_attach", given)
    assert f"network_mode: '{mode}' conflicts with {option}" in str(caught.value)


def test_what_is_left_out_is_checked_all_the_same() -> None:
    with pytest.raises(MooringError, match="mac_address: 'x'"):
        desired("netns_attach", {"netns": "x", "network_mode": "host", "mac_address": "x"})
