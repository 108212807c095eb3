# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox of the page about security is a document that closes what the page says."""
from __future__ import annotations

import re
from pathlib import Path

import yaml
from ansible_collections.mooring.net.plugins.module_utils._internal.program.model import ARCHIVE, COMMAND, ROOT, UNITS
from ansible_collections.mooring.net.plugins.module_utils._internal.applied.model import FOLDER
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.managers import NETWORKD, NETWORK_MANAGER
from world import World

PAGE = (Path(__file__).resolve().parents[2] / "docs/security.md").read_text(encoding="utf-8")


def sandbox() -> World:
    world = World()
    document = re.search(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)
    assert document
    plan = world.document(yaml.safe_load(document[1])["container_networks"])
    assert [text for text in plan.warnings if "has no name server" not in text] == [], "but for a host without any"
    return world


def test_the_sandbox_is_accepted_and_closed() -> None:
    info = sandbox().info()
    bridges = {bridge["name"]: bridge for bridge in info["bridges"]}
    endpoints = {each["container"]: each for each in info["endpoints"]}
    assert bridges["sealed"]["internal"] and bridges["sealed"]["gateway_mode"] == "isolated"
    assert not bridges["fetch"]["icc"] and not bridges["sealed"]["icc"]
    assert bridges["fetch"]["allow_to"] == ["192.0.2.53:53", "192.0.2.80:443/tcp"]
    assert all(endpoint["isolated"] for endpoint in endpoints.values())
    assert info["drift"] == [] and info["obstacles"] == []


def test_files_of_root_are_named() -> None:
    places = re.findall(r"`(/[^`]+)`", PAGE)
    for path in (ARCHIVE, COMMAND, ROOT, f"{UNITS}/mooring.service", FOLDER, NETWORKD.path, NETWORK_MANAGER.path):
        assert any(re.match(re.escape(place.rstrip("*")), path) for place in places), path
