# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters that show what network_info returns."""
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.mooring.net.plugins.filter import look
from world import World

ROOT = Path(__file__).resolve().parents[4]
FILTERS = look.FilterModule().filters()


@pytest.fixture(scope="module")
def network():
    world = World()
    world.bridge(bip6="fd00:5::1/64")
    world.attach("web", "db", bridge="br0")
    world.publish("web", "8080:80", "127.0.0.1:8443:443", "9000-9010:5000-5010/udp", "53:53/tcp", "53:53/udp")
    return world.info()


@pytest.mark.parametrize(("port", "found"), [
    (80, ["0.0.0.0:8080", "[::]:8080"]), ("80/tcp", ["0.0.0.0:8080", "[::]:8080"]), ("80/udp", []),
    ("443", ["127.0.0.1:8443"]), ("5003/udp", ["0.0.0.0:9003", "[::]:9003"]), (5003, []), ("5011/udp", []),
    ("4999/udp", []), (53, ["0.0.0.0:53", "[::]:53"]), (8080, [])])
def test_what_docker_port_says(network, port, found):
    assert FILTERS["published_at"](network, "web", port) == found


def test_all_ports_of_a_container(network):
    assert len(FILTERS["published_at"](network, "web")) == 2 * 14 + 1
    assert FILTERS["published_at"](network, "db") == FILTERS["published_at"](network, "nobody") == []


@pytest.mark.parametrize("port", ["http", 0, 65536, "80/icmp", "-1", "\u0663", True])
def test_what_is_no_port(network, port):
    with pytest.raises(AnsibleFilterError, match="published_at: port: .*Give it like 443"):
        FILTERS["published_at"](network, "web", port)


@pytest.mark.parametrize("value", [None, "text", [], {}, {"network": {}}])
def test_what_is_no_answer_of_network_info(value):
    for name in ("table", "published_at"):
        with pytest.raises(AnsibleFilterError, match=f"{name}: this is not what network_info returns as network"):
            FILTERS[name](value)


@pytest.mark.parametrize("page", ["docs/looking.md", "docs/reboots.md"])
def test_documentation_has_the_table_as_it_is(page):
    lines = (ROOT / "tests/unit/data/tables/example.txt").read_text(encoding="utf-8").splitlines()
    text = "\n".join(f"    {line}".rstrip() for line in lines)
    assert f"\n{text}\n" in (ROOT / page).read_text(encoding="utf-8")


def test_documentation_has_the_flowchart_as_it_is():
    text = (ROOT / "tests/unit/data/tables/example.mmd").read_text(encoding="utf-8")
    assert f"```mermaid\n{text}```" in (ROOT / "docs/looking.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["picture", "mermaid"])
def test_pictures_are_of_many_hosts_or_of_one(network, name):
    assert "br0" in FILTERS[name](network) and "br0" in FILTERS[name]({"a": network, "b": None})
    assert FILTERS[name]({"a": network}) != FILTERS[name]({"a": network, "b": network})
    for wrong in (None, [], "text", {"a": {}}, {"a": "text"}):
        with pytest.raises(AnsibleFilterError, match=f"{name}: this is neither what network_info returns"):
            FILTERS[name](wrong)


def test_the_page_has_the_title_that_is_asked_for(network):
    assert "<title>Mine &amp; yours</title>" in FILTERS["picture"](network, title="Mine & yours")
