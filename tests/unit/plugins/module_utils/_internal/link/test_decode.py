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
