# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written into a mark is what is read back, also what is not known before a plan is carried out."""
from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.model import (KNOWN_AFTER_APPLY,
                                                                                       KnownAfterApply, is_known)
from ansible_collections.mooring.net.plugins.module_utils._internal.host.endpoints import Endpoint, endpoint_of
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link, Mark
from ansible_collections.mooring.net.plugins.module_utils._internal.run.frame import diff
from hypothesis import given
from hypothesis import strategies as st
from world import World

WORDS = st.one_of(st.just(KNOWN_AFTER_APPLY), st.from_regex(r"[A-Za-z0-9_.@+/,:-]{1,20}", fullmatch=True))


@given(st.from_regex(r"[A-Za-z0-9_/][A-Za-z0-9_.@+/-]{0,63}", fullmatch=True),
       st.dictionaries(st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True), WORDS, max_size=6))
def test_a_mark_is_read_back_as_it_was_written(name: str, settings: dict[str, str]) -> None:
    found = Mark.parse(Mark("endpoint", name, settings).text)
    assert found == Mark("endpoint", name, settings)
    assert {key: is_known(value) for key, value in found.settings.items()} == {
        key: is_known(value) for key, value in settings.items()}


def test_what_is_not_known_is_a_type_in_the_address_of_an_endpoint() -> None:
    lease = Endpoint("web", "eth0", Link("veth0"), address=KNOWN_AFTER_APPLY)
    found = endpoint_of(Link("veth0", alias=lease.mark.text))
    assert found is not None and isinstance(found.address, KnownAfterApply)
    assert isinstance(found.ip("ipv4"), KnownAfterApply) and found.ip("ipv6") == ""


def test_what_is_not_known_is_one_word() -> None:
    alias = Mark("endpoint", "web", {"if": "eth0", "ip": KNOWN_AFTER_APPLY}).text
    assert " " not in alias.split(":", 3)[3].partition(" ")[2]


@pytest.fixture
def world() -> World:
    """web and db on br0: web publishes, is linked to db, and has names."""
    world = World()
    world.bridge()
    world.attach("web", "db", exposed_ports=[80])
    world.publish("web", "8080:80", "127.0.0.1::53/udp")
    world.link("web", "db:database")
    world.link("db", "web:site")
    world.name("web", dns_servers=["host-gateway"])
    return world


@pytest.mark.parametrize(("module", "options"), [
    ("netns_attach", {"netns": "web", "bridge": "br9"}),
    ("netns_attach", {"config": [{"netns": "web"}, {"netns": "db"}, {"netns": "new"}], "bridge": "br9"}),
    ("netns_attach", {"config": [{"netns": "web", "interface_name": "eth1"}, {"netns": "web"}], "bridge": "br9"}),
    ("netns_attach", {"config": [{"netns": "web", "mtu": "auto"},
                                 {"netns": "web", "interface_name": "eth1", "default_route": True}],
                      "bridge": "br9", "routes": [{"destination": "10.1.0.0/16"}]}),
    ("netns_attach", {"netns": "web", "bridge": "br9", "gateway": "10.0.0.1", "address_v6": "2001:db8::2/64"}),
    ("port_publish", {"config": [{"netns": "new", "published_ports": ["80:80", "[::]:81:80", "53"]}]}),
    ("port_publish", {"netns": "new", "published_ports": [], "publish_all_ports": True, "exposed_ports": [80]}),
    ("icc_policy", {"netns": "new", "links": ["web:x"]}),
    ("container_dns", {"netns": "new", "dns_servers": ["host-gateway"]}),
])
def test_check_mode_takes_for_granted_what_is_still_to_be_made(world: World, module: str,
                                                               options: dict[str, Any]) -> None:
    plan = world.check(module, **options)
    shown = diff(plan.plan)
    assert plan.assumed and "%20" not in str(shown) and "=?" not in str(shown)
    if module == "netns_attach":
        assert "(known after apply)" in shown["after"]
    if module == "port_publish":  # whose diff names the container, and whose result has its address
        assert "(known after apply)" in json.dumps(plan.after)
    json.dumps(plan.after)
    assert "does not exist" in (refused := world.refuses(module, **options)) or "attach" in refused
