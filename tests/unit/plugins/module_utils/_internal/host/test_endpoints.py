# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints as the marks of links tell them, each read once however many steps of a run ask for it."""
from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Optional

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.host import endpoints as of_host
from ansible_collections.mooring.net.plugins.module_utils._internal.host.endpoints import Endpoint, endpoint_of
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from world import World

LINK = Link("veth0", "veth", alias="mooring:endpoint:web:if=eth0 ip=10.0.0.2/24 in=10mbit")


def test_a_link_with_another_mark_is_another_endpoint() -> None:
    found = endpoint_of(LINK)
    assert found is not None and (found.container, found.bandwidth.options) == ("web", {"ingress": "10mbit"})
    other = endpoint_of(dataclasses.replace(LINK, alias="mooring:endpoint:db:if=eth1"))
    assert other is not None and (other.container, other.interface) == ("db", "eth1")
    assert endpoint_of(dataclasses.replace(LINK, alias="")) is None
    presumed = endpoint_of(dataclasses.replace(LINK, alias="", presumed=LINK.alias))
    assert presumed is not None and presumed.container == "web"


def test_a_run_reads_each_of_them_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world, count, read = World(), Counter[str](), of_host._read_endpoint
    world.bridge()
    world.attach("web", "db", "shop")
    world.publish("web", "8080:80")

    def counting(link: Link) -> Optional[Endpoint]:
        count[link.name] += 1
        return read(link)

    monkeypatch.setattr(of_host, "_read_endpoint", counting)
    links = world.state.host.links
    links.update({name: dataclasses.replace(link) for name, link in links.items()})  # as a new snapshot has them
    assert not world.run("netns_attach", netns="web").actions
    assert set(count.values()) == {1}
