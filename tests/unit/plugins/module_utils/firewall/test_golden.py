# SPDX-License-Identifier: GPL-3.0-or-later
"""Rule sets as text, compared with files that are read in a review. ``pytest --update-golden`` writes them anew."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rules import ruleset
from world import World

FOLDER = Path(__file__).resolve().parents[3] / "data/rulesets"


def one_bridge() -> World:
    world = World()
    world.bridge("bridge0", "192.168.5.1/24")
    return world


def icc_off_with_a_link() -> World:
    world = one_bridge()
    world.attach("web", "db")
    world.run("icc_policy", config=[{"bridge": "bridge0", "icc": False}, {
        "netns": "web", "links": ["db:database"], "exposed_ports": ["5432", "8000-8010/udp"]}])
    return world


def published_ports() -> World:
    world = one_bridge()
    world.attach("web", "dns", "ftp", "db")
    world.publish("web", "8080:80", "127.0.0.1::443", "192.0.2.10:8443:443")
    world.publish("dns", "53:53/udp", "53:53/tcp", "5000:5000/sctp")
    world.publish("ftp", "7000-7100:7000-7100", "1000-2100:11000-12100")
    world.publish("db", "5432:5432", allow_from=["10.0.0.0/8", "192.0.2.7"])
    return world


def two_bridges() -> World:
    world = World()
    world.bridge("front", "10.10.0.1/24")
    world.bridge("back", "10.20.0.1/24")
    world.attach("web", bridge="front")
    world.attach("app", bridge="back")
    world.publish("web", "80:80")
    world.publish("app", "81:80")
    return world


def no_masquerade() -> World:
    world = World()
    world.bridge("bridge0", "192.168.5.1/24", ip_masq=False)
    world.attach("web")
    world.publish("web", "8080:80")
    return world


def ipv6() -> World:
    world = World()
    world.bridge("bridge0", "192.168.5.1/24", fixed_cidr_v6="2001:db8:5::/64")
    world.attach("web", "db")
    world.publish("web", "8080:80", "[2001:db8::1]:7000-7010:8000-8010/udp", "[2001:db8::1]:9000:9000")
    world.publish("db", "5432:5432", allow_from=["2001:db8:9::/48"])
    world.run("icc_policy", config=[{"bridge": "bridge0", "icc": False}, {
        "netns": "web", "links": ["db"], "exposed_ports": ["5432"]}])
    return world


def without_rules_of_one_family() -> World:
    world = World()
    world.bridge("bridge0", "192.168.5.1/24", ip6tables=False)
    return world


SCENARIOS: list[Callable[[], World]] = [
    one_bridge, icc_off_with_a_link, published_ports, two_bridges, no_masquerade, ipv6, without_rules_of_one_family]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_rule_set(scenario: Callable[[], World], request: pytest.FixtureRequest) -> None:
    world = scenario()
    for family, suffix in (("ipv4", "v4"), ("ipv6", "v6")):
        path = FOLDER / f"{scenario.__name__}.{suffix}.rules"
        found = ruleset(world.state, family)
        if request.config.getoption("--update-golden"):
            path.write_text(found, encoding="utf-8")
        assert found == path.read_text(encoding="utf-8"), f"{path.name}: if this is meant, run pytest --update-golden"


def test_no_rule_set_without_a_scenario() -> None:
    expected = {f"{scenario.__name__}.{suffix}.rules" for scenario in SCENARIOS for suffix in ("v4", "v6")}
    assert {path.name for path in FOLDER.iterdir()} == expected
