# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel tells reads as what options are made into: else a run would change it for ever."""
from __future__ import annotations

import ipaddress
import socket
import struct

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.link import decode

ADDRESSES = ["192.0.2.1", "2001:db8::1", "::102:304", "::1.2.3.4", "::1:0:0", "::2", "::ffff:192.0.2.1",
             "64:ff9b::192.0.2.1"]


def packed(address: str) -> tuple[int, bytes]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.inet_pton(family, address)


@pytest.mark.parametrize("address", ADDRESSES)
def test_addresses_and_routes_have_the_text_that_options_have(address) -> None:
    family, data = packed(address)
    text, length = str(ipaddress.ip_address(address)), 8 * len(data)
    assert decode.address(struct.pack("=BBBBi", family, 64, 0, 0, 7) + decode.attribute(1, data)) == (7, f"{text}/64")
    head = struct.pack("=BBBBBBBBI", family, length, 0, 0, 254, 0, 0, 1, 0)
    route = decode.route(head + decode.attribute(1, data) + decode.attribute(4, struct.pack("=i", 7))
                         + decode.attribute(5, data), {7: "eth0"})
    assert (route.destination, route.interface, route.gateway) == (f"{text}/{length}", "eth0", text)
    near = decode.neighbour(struct.pack("=BxxxiHBB", family, 7, 0x80, 0, 0) + decode.attribute(1, data), {7: "eth0"})
    assert near.address == text


DEFAULT, OIF, VIA, OBJECT = (struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 0, 0, 1, 0), decode.attribute(
    4, struct.pack("=i", 7)), decode.attribute(5, bytes([10, 0, 0, 1])), decode.attribute(30, struct.pack("=I", 1)))


@pytest.mark.parametrize(("payload", "shown"), [
    (DEFAULT + OIF + VIA, ("eth0", "10.0.0.1", "")),
    (DEFAULT + OIF + VIA + OBJECT, ("eth0", "10.0.0.1", "hops")),
    (DEFAULT + OBJECT, ("", "", "hops")),  # net.ipv4.nexthop_compat_mode=0
    (struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 0, 0, 6, 0) + OBJECT, ("", "", "hops")),  # a blackhole among objects
    (struct.pack("=BBBBBBBBI", 10, 0, 0, 0, 254, 0, 0, 6, 0) + OIF + OBJECT, ("", "", "hops")),
    (struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 0, 0, 6, 0), ("", "", "blackhole")),
    (struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 0, 0, 2, 0) + OIF, ("eth0", "", "local")),
    (struct.pack("=BBBBBBBBI", 10, 0, 64, 0, 254, 0, 0, 1, 0) + OIF + decode.attribute(2, packed("2001:db8::")[1]),
     ("eth0", "", "from 2001:db8::/64")),
])
def test_what_leads_elsewhere_is_told_from_a_default_route(payload: bytes, shown: tuple) -> None:
    found = decode.route(payload, {7: "eth0"})
    assert (found.interface, found.gateway, found.kind) == shown and found.destination == "default"
    assert found.is_barrier is (shown[2] not in ("", "hops"))
