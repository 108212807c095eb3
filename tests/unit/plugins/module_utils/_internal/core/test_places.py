# SPDX-License-Identifier: GPL-3.0-or-later
"""How messages call the items of a list."""
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.places import before, find, numbered


@pytest.mark.parametrize(("number", "name", "said"), [
    (1, "front", "networks[1] (front)"), (0, "", "networks[0]"), (0, None, "networks[0]"),
    (2, "a\nb\x1b", "networks[2] (a\\nb\\x1b)"), (3, "x" * 99, f"networks[3] ({'x' * 64}...)")])
def test_an_item_has_its_number_and_its_name(number: int, name: Any, said: str) -> None:
    assert numbered("networks", number, name) == said


@pytest.mark.parametrize(("item", "said"), [
    ({"name": "front"}, "networks[0] (front): "), ({"name": 83}, "networks[0]."), ({}, "networks[0]."),
    (5, "networks[0].")])
def test_options_stand_behind_a_name_or_a_dot(item: Any, said: str) -> None:
    assert before("networks", 0, item) == said


VALUES = {"networks": [{"name": "back"}, {"name": "front", "bipp": 1, "containers": [
    {"name": "db"}, {"name": "web", "adress": "10.0.0.1", "bandwidth": {"x": 1}, "routes": [{"via": "x"}]}]}], "top": 1}


@pytest.mark.parametrize(("path", "said"), [
    ("networks.bipp", "networks[1] (front): bipp"), ("top", "top"),
    ("networks.containers.adress", "networks[1] (front): containers[1] (web): adress"),
    ("networks.containers.bandwidth.x", "networks[1] (front): containers[1] (web): bandwidth.x"),
    ("networks.containers.routes.via", "networks[1] (front): containers[1] (web): routes[0].via"),
    ("networks.nothing", "networks.nothing"), ("top.of.all", "top.of.all")])
def test_a_name_is_found_where_it_stands(path: str, said: str) -> None:
    assert find(path, VALUES) == said
