# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages as bytes: the same with each pyroute2, which leaves out attributes that it has no name for."""
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.link import encode
from ansible_collections.mooring.net.plugins.module_utils._internal.link.decode import attributes
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.link.operations import LinkAdd, LinkSet
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST

PORT = Link("veth0", "veth", controller="br0")
BODY = 32  # struct nlmsghdr and struct ifinfomsg
LINKINFO, SLAVE_KIND, SLAVE_DATA, MODE, FLUSH, ISOLATED = 18, 4, 5, 4, 24, 33  # linux/if_link.h


class Place:
    renames_while_up = True

    def index(self, name: str) -> int:
        return 7

    def namespace(self, path: str) -> int:
        return 5


def port_settings(message: bytes) -> dict[int, bytes]:
    assert int.from_bytes(message[:4], "little") == len(message)  # else the kernel would read on, or not to the end
    info = attributes(attributes(message, BODY).get(LINKINFO, b""))
    assert info.get(SLAVE_KIND, b"bridge\0") == b"bridge\0"
    return attributes(info.get(SLAVE_DATA, b""))


@pytest.mark.parametrize(("before", "after", "sent"), [
    (PORT, replace(PORT, isolated=True), {ISOLATED: b"\1"}),
    (replace(PORT, isolated=True, hairpin=True), PORT, {MODE: b"\0", ISOLATED: b"\0"}),
    (replace(PORT, controller=""), replace(PORT, hairpin=True, isolated=True), {MODE: b"\1", ISOLATED: b"\1"}),
    (PORT, replace(PORT, alias="mooring:endpoint:web:"), {FLUSH: b""}),
])
def test_settings_of_a_bridge_port_are_sent_whatever_names_pyroute2_has(before, after, sent) -> None:
    assert port_settings(list(encode.messages(LinkSet(HOST, before, after), Place()))[-1]) == sent


def test_a_new_port_gets_its_settings_with_its_alias() -> None:
    new = replace(PORT, name="veth12", alias="mooring:x", isolated=True)  # lengths that need to be filled up
    _first, second = encode.messages(LinkAdd(HOST, new), Place())
    assert port_settings(second) == {ISOLATED: b"\1"}
    assert port_settings(list(encode.messages(LinkAdd(HOST, PORT), Place()))[1]) == {}
