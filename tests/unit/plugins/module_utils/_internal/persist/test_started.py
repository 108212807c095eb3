# SPDX-License-Identifier: GPL-3.0-or-later
"""Of what a host is to come back to, what is about containers that an engine has started since."""
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.applied.model import Applied, identity
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import Identity, NetnsMark
from ansible_collections.mooring.net.plugins.module_utils._internal.persist.started import find_waiting, narrow

ITEMS: list[tuple[str, dict[str, Any]]] = [
    ("docker_bridge", {"name": "front", "bip": "192.168.5.1/24"}),
    ("icc_policy", {"bridge": "front", "icc": False}),
    ("veth_pair", {"name": "wire", "container": "web", "peer": {"name": "eth9", "container": "db"}}),
    ("veth_pair", {"name": "other", "peer": {"name": "eth9", "netns": "cache"}}),
    ("netns_attach", {"container": "web", "bridge": "front", "address": "192.168.5.2/24"}),
    ("netns_attach", {"container": "web", "bridge": "front", "interface_name": "eth1"}),
    ("netns_attach", {"container": "db", "bridge": "front"}),
    ("netns_attach", {"netns": "cache", "bridge": "front"}),
    ("netns_attach", {"container": "1234abcd", "name": "job", "bridge": "front"}),
    ("netns_attach", {"container": "helper", "network_mode": "container:db"}),
    ("port_publish", {"container": "web", "published_ports": ["8080:80"]}),
    ("port_publish", {"netns": "cache", "published_ports": ["8081:80"]}),
    ("icc_policy", {"container": "web", "links": ["db:sql"]}),
    ("icc_policy", {"netns": "cache", "links": ["web:web"]}),
    ("container_dns", {"container": "web", "hostname": "www"}),
    ("container_dns", {"container": "db"}),
]
ORDER = Applied({(module, identity(module, options)): options for module, options in ITEMS}, {"7": "boot 1"})


def mark(pid: int, started: str) -> NetnsMark:
    return NetnsMark(f"/proc/{pid}/ns/net", Identity(4, 4026532000 + pid, started, boot="b"))


def waiting(**marks: NetnsMark) -> dict[str, str]:
    return find_waiting(ORDER, marks, lambda mark: mark == marks.get("db"))


def test_who_was_never_there_and_who_has_another_process_waits() -> None:
    everyone = {"web": "web", "db": "db", "job": "1234abcd", "helper": "helper"}
    assert waiting() == everyone
    assert waiting(db=mark(7, "70"), web=mark(8, "80")) == {key: everyone[key] for key in ("web", "job", "helper")}


def test_who_has_no_engine_is_not_waited_for() -> None:
    assert "cache" not in waiting()


def about(*labels: str) -> list[str]:
    return [" ".join(key) for key in narrow(ORDER, labels).items]


BRIDGES = ["docker_bridge front", "icc_policy bridge front"]


def test_of_one_container_all_that_is_about_it() -> None:
    assert about("web") == [*BRIDGES, "veth_pair wire web", "netns_attach web eth0", "netns_attach web eth1",
                            "port_publish web", "icc_policy web", "icc_policy cache", "container_dns web"]


def test_links_that_lead_to_it_and_who_shares_its_network_come_with_it() -> None:
    assert about("db") == [*BRIDGES, "veth_pair wire web", "netns_attach db eth0", "netns_attach helper eth0",
                           "icc_policy web", "container_dns db"]


@pytest.mark.parametrize(("labels", "count"), [((), 2), (("job",), 3), (("web", "db", "job", "helper", "cache"), 16)])
def test_nothing_else(labels: tuple[str, ...], count: int) -> None:
    assert len(about(*labels)) == count


def test_processes_and_options_stay() -> None:
    found = narrow(ORDER, ["web"])
    assert found.processes == ORDER.processes
    assert all(ORDER.items[key] is options for key, options in found.items.items())
