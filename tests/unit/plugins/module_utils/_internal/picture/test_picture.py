# SPDX-License-Identifier: GPL-3.0-or-later
"""The page and its pictures: what they weigh, what they refer to, what they let in, and where everything is."""
from __future__ import annotations

import base64
import hashlib
import html.parser
import itertools
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.picture import layout
from ansible_collections.mooring.net.plugins.module_utils._internal.picture.marked import cut, ranges
from ansible_collections.mooring.net.plugins.module_utils._internal.picture.mermaid import mermaid
from ansible_collections.mooring.net.plugins.module_utils._internal.picture.page import alone, page
from ansible_collections.mooring.net.plugins.module_utils._internal.picture.reach import find_ways
from ansible_collections.mooring.net.plugins.module_utils._internal.picture.read import read
from ansible_collections.mooring.net.plugins.module_utils._internal.picture.svg import Numbers
from ansible_collections.mooring.net.plugins.module_utils._internal.picture.words import Words
from ansible_collections.mooring.net.plugins.module_utils._internal.program import adapter
from ansible_collections.mooring.net.plugins.module_utils._internal.program.archive import collect
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.columns import columns_of
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.published import published_at
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.table import table
from networks import network
from world import World, example

ROOT = Path(__file__).resolve().parents[6]
SIZES = [(1, 1, 0), (10, 3, 4), (100, 1, 0), (100, 20, 50), (300, 8, 100), (3, 20, 0), (0, 2, 0)]


def all_kinds() -> dict[str, Any]:
    """A host with something of everything."""
    world = example()
    world.bridge("back", "10.2.0.1/16")
    world.attach("cache", bridge="back")
    world.run("netns_attach", netns="db", bridge="back", interface_name="eth1")
    world.run("veth_pair", name="A", bridge="back", peer={"name": "B"})
    return {**world.info(), "drift": ["set bridge0: up"], "leftovers": ["nothing"], "obstacles": ["a rule"],
            "other_bridges": [{"name": "docker0", "addresses": ["172.17.0.1/16"], "mtu": 1500, "up": False,
                               "ports": ["veth1"]}]}


def put_everywhere(value: Any, text: str, key: str = "") -> Any:
    """The same values with a text in each name; what programs read of them stays."""
    if isinstance(value, dict):
        return {name: put_everywhere(each, text, name) for name, each in value.items()}
    if isinstance(value, list):
        return [put_everywhere(each, text, key) for each in value]
    kept = ("bip", "bip6", "subnet", "subnet_v6", "address", "address_v6", "host_ip", "container_ip", "allow_from",
            "gateway_mode", "gateway_mode_v6", "links", "trusted_networks", "protocol")
    return value + text if isinstance(value, str) and key not in kept else value


@pytest.mark.parametrize("ipv6", [False, True])
@pytest.mark.parametrize("allow_from", [[], ["10.0.0.0/16"], ["10.0.0.7/32", "10.1.0.9/32", "10.2.0.8/32"]])
def test_the_page_of_100_containers_is_small(ipv6: bool, allow_from: list[str]) -> None:
    found = network(100, 4, 20, ipv6=ipv6)
    found["ports"] = [{**port, "allow_from": allow_from} for port in found["ports"]]
    assert len(page({"host": found}).encode()) < 150_000


def test_the_same_networks_make_the_same_bytes() -> None:
    first, second = network(10, 2), all_kinds()
    assert page({"a": first, "b": second, "c": None}) == page({"c": None, "b": all_kinds(), "a": network(10, 2)})
    assert page({"a": first}) != page({"a": second})


def test_nothing_is_fetched_and_nothing_else_runs() -> None:
    text = page({"a": all_kinds(), "b": None})
    assert re.findall(r"\b(?:src|href|url|import|on[a-z]+|style)\s*[=(]", text.partition("<script>")[0]) == []
    assert set(re.findall(r"[a-z]+://[^\"'\s]+", text)) == {"http://www.w3.org/2000/svg"}
    for kind in ("script", "style"):
        (content,) = re.findall(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in text
    assert "default-src 'none'" in text and "unsafe" not in text


class Tags(html.parser.HTMLParser):
    """The tags of a page with the names of their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[Any] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        self.found.append((tag, [name for name, _value in attrs]))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", data))

    handle_decl = handle_comment


HOSTILE = ["</title></svg></style><script>alert(1)</script>", "\" onload=\"alert(1)", "' x='", "<!--", "]]>", "&lt;&",
           "\x1b[31m\x00\x07", "\u202e\u2028\udcff", "\r\n", "`${alert(1)}`", "\\\"", "{{ lookup('pipe', 'id') }}"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_gets_into_the_markup(text: str) -> None:
    quiet, hostile = put_everywhere(all_kinds(), "word"), put_everywhere(all_kinds(), text)
    found = page({f"a{text}": hostile}, f"title{text}")
    assert Tags(found).found == Tags(page({"a": quiet}, "title")).found
    assert found.replace("\n", "").isprintable() and found.encode()
    assert found.partition("<script>")[2] == page({"a": quiet}, "title").partition("<script>")[2]
    picture = alone(f"a{text}", hostile)
    assert [each.tag for each in ElementTree.fromstring(picture).iter()] == [
        each.tag for each in ElementTree.fromstring(alone("a", quiet)).iter()]
    assert picture.replace("\n", "").isprintable()


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_gets_into_the_flowchart(text: str) -> None:
    quiet = mermaid({"a": put_everywhere(all_kinds(), "word")})
    found = mermaid({f"a{text}": put_everywhere(all_kinds(), text)})
    shape = re.compile(r'"[^"\n]*"')
    assert shape.sub("", found) == shape.sub("", quiet)
    assert not re.search(r"#([0-9]|[12][0-9]|3[01]|127);", found), "a control character"
    for words in shape.findall(found):
        assert re.fullmatch(r'"(?:[A-Za-z0-9 ._:/,()-]|#[0-9]+;|<br/>)*"', words)


def places(drawing: layout.Drawing) -> list[tuple[int, int, int, int]]:
    """Left, top, right and bottom of all that has a place of its own."""
    found = [(box.x, box.y, box.x + layout.BOX_WIDTH, box.y + box.height) for box in drawing.boxes]
    found += [(plug.x, plug.y, plug.x + layout.PLUG_WIDTH, plug.y + layout.PLUG_HEIGHT)
              for box in drawing.boxes for plug in box.plugs]
    return found + [(layout.RAIL, lane.y, layout.WIDTH, lane.y + 20) for lane in drawing.lanes]


@pytest.mark.parametrize(("containers", "bridges", "shared"), SIZES)
@pytest.mark.parametrize("ports", [0, 1, 7])
def test_nothing_lies_upon_another_thing(containers: int, bridges: int, shared: int, ports: int) -> None:
    drawing = layout.draw(read("host", network(containers, bridges, shared, ports, ipv6=shared > 0)))
    found = sorted(places(drawing), key=lambda each: each[1])
    for number, (left, top, right, bottom) in enumerate(found):
        assert 0 <= left and right <= layout.WIDTH and 0 <= top and bottom <= drawing.height
        for other in itertools.takewhile(lambda each, below=bottom: each[1] < below, found[number + 1:]):
            assert other[2] <= left or right <= other[0], "two things lie upon one another"
    assert len([box for box in drawing.boxes if not isinstance(box.thing, str)]) == containers + shared


@pytest.mark.parametrize(("containers", "bridges", "shared"), SIZES)
def test_lines_to_containers_cross_none(containers: int, bridges: int, shared: int) -> None:
    drawing = layout.draw(read("host", network(containers, bridges, shared, ports=3)))
    rows = [(box.y, box.y + box.height) for box in drawing.boxes]
    for box in drawing.boxes:
        if box.plugs:
            assert layout.EDGE < box.channel < layout.RAIL
            assert not any(top <= box.gutter <= bottom for top, bottom in rows)


@pytest.mark.parametrize(("containers", "bridges", "shared"), SIZES)
def test_every_container_is_in_the_page_and_in_its_table(containers: int, bridges: int, shared: int) -> None:
    text = page({"host": network(containers, bridges, shared)})
    boxes = re.findall(r'<g class="box[^>]* data-c="([0-9]+)"', text)
    assert max(text.count(" data-in="), text.count(" data-out=")) <= containers, "each container says it once"
    assert len(boxes) == containers + shared and {*boxes} == {str(number) for number in range(containers)}
    rows = re.findall(r'<tr data-r="([0-9]+)"><td>([^<]*)<', text)
    assert [name for _number, name in rows] == [f"container-{number}" for number in range(containers)]
    assert {number for number, _name in rows} == {*boxes}


def test_the_tip_of_a_link_is_at_its_target() -> None:
    """Beside one another, below, and above."""
    info = network(12, 1)
    of = {end["container"]: end["address"].partition("/")[0] for end in info["endpoints"]}
    for source, target in (("container-0", "container-2"), ("container-2", "container-0"),
                           ("container-0", "container-9"), ("container-9", "container-0")):
        info["links"] = [f"{source} link {target}:x {of[source]}->{of[target]}:80/tcp"]
        (path,) = re.findall(r'class="arc link" d="([^"]*)"', page({"host": info}))
        tip_x, tip_y = map(int, path.rpartition("M")[2].split("L")[1].split())
        box = next(box for box in layout.draw(read("host", info)).boxes if box.thing.container == target)
        assert box.x < tip_x < box.x + layout.BOX_WIDTH and tip_y in (box.y, box.y + box.height)


def test_every_published_port_is_drawn_or_counted() -> None:
    drawing = layout.draw(read("host", network(12, 2, 3, ports=7)))
    for box in drawing.boxes:
        if box.plugs:
            assert len(box.plugs) == layout.PLUGS_SHOWN and box.plugs[-1].text == "4 more"
    assert len([box for box in drawing.boxes if box.plugs]) == 12


def test_what_is_changed_by_hand_is_red() -> None:
    text = page({"a": all_kinds()})
    assert re.findall(r'class="(net bad)"', text) == ["net bad"] and "changed by hand" in text
    changed = page({"a": {**example().info(), "drift": ["change hosts of web (/etc/netns/web/hosts)"]}})
    assert re.findall(r'class="box bad".*?data-c="([0-9])"', changed) == ["1"]
    assert "bad" not in re.sub(r"<style>.*?</style>|<script>.*", "", page({"a": example().info()}), flags=re.DOTALL)


def test_a_picture_has_words_for_who_does_not_see_it() -> None:
    root = ElementTree.fromstring(alone("example", example().info()))
    space = "{http://www.w3.org/2000/svg}"
    assert root.get("role") == "group" and root.get("aria-labelledby") == "h0t h0d"
    assert root.findtext(f"{space}title") == "Container network of example"
    assert root.findtext(f"{space}desc") == "1 network, 2 containers, 2 published ports, 1 link."
    boxes = [each for each in root.iter() if each.get("data-in") is not None]
    assert [each.findtext(f"{space}title") for each in boxes] == [
        "db, netns, eth0 192.168.5.20, 02:42:c0:a8:05:14", "web, netns, eth0 192.168.5.2, 02:42:c0:a8:05:02"]


def test_whom_a_container_reaches_in_numbers_and_words() -> None:
    host = read("example", example().info())
    ways = find_ways(host)
    numbers, words = Numbers.count(layout.draw(host), ways), Words(host, ways)
    assert (numbers.reached_by["db"], numbers.reaches["db"]) == ({"web"}, {"web"})
    assert words.inward("db") == ["the host: all ports", "web: 5432/tcp"]
    assert words.outward("web") == ["db: 5432/tcp", "the outside: everything"]
    assert words.inward("web") == ["the host: all ports, 127.0.0.1:49153/tcp", "everybody: 8080/tcp"]
    assert words.outward("db") == ["all that is published for everybody", "the outside: everything"]


def test_many_who_reach_the_same_are_few_words() -> None:
    info = network(40, 2, shared=3)
    host = read("host", {**info, "ports": [{**each, "allow_from": ["10.0.0.0/16"]} for each in info["ports"]]})
    words = Words(host, find_ways(host))
    assert words.inward("container-4") == ["the host, containers of br0: all ports",
                                           "10.0.0.0/16, containers of br0: 10040/tcp"]
    assert words.inward("container-5")[1] == "10.0.0.0/16, containers of br0: 10050/tcp"
    assert words.outward("container-4") == ["containers of br0: all ports", "all containers: ports published for it",
                                            "the outside: everything"]


def test_a_family_that_is_closed_to_who_has_it_is_said() -> None:
    world = World()
    world.document([{"name": "br0", "bip": "10.0.0.1/24", "bip6": "fd00::1/64", "containers": [
        {"name": "web", "published_ports": ["0.0.0.0:80:80"]}]},
        {"name": "br1", "bip": "10.1.0.1/24", "bip6": "fd00:1::1/64", "containers": [{"name": "new"}]},
        {"name": "br2", "bip": "10.2.0.1/24", "containers": [{"name": "old"}]}])
    host = read("host", world.info())
    assert Words(host, find_ways(host)).inward("web") == [
        "the host: all ports", "the host, the outside, new: 80/tcp, IPv4 only", "old: 80/tcp"]


def test_an_internal_network_and_an_allow_list() -> None:
    """Nothing enters an internal network, whatever else is said of it or of others."""
    info = example().info()
    bridge = info["bridges"][0]
    front = {**bridge, "name": "front", "allow_bridges": ["bridge0"]}
    app = {**info["endpoints"][0], "container": "app", "bridge": "front", "address": "10.9.0.2/24"}
    closed = {**bridge, "icc": True, "internal": True, "gateway_mode": "routed", "trusted_networks": ["192.0.2.0/24"],
              "trusted_interfaces": ["wg0"], "allow_bridges": ["front"]}
    internal = read("host", {**info, "bridges": [closed, front], "endpoints": [*info["endpoints"], app], "ports": []})
    words = Words(internal, find_ways(internal))
    assert words.inward("db") == ["the host, web: all ports"] and words.outward("db") == ["web: all ports"]
    apart = read("h", {**info, "bridges": [{**closed, "gateway_mode": "isolated", "gateway_mode_v6": "isolated"}],
                       "ports": []})
    assert Words(apart, find_ways(apart)).inward("db") == ["web: all ports"]
    assert "isolated" in apart.networks[0].notes
    leaving = read("h", {**info, "bridges": [{**bridge, "outbound_address": "192.0.2.25"}]})
    assert "leaves as 192.0.2.25" in leaving.networks[0].notes
    limited = read("host", {**info, "bridges": [{**bridge, "allow_to": ["192.0.2.53:53"]}]})
    assert Words(limited, find_ways(limited)).outward("db")[-1] == "the outside: 192.0.2.53:53"


def test_a_port_on_an_interface_that_has_an_address_or_none() -> None:
    world = World()
    world.bridge("br0")
    world.attach("web", bridge="br0")
    world.state.host.links["wg0"] = Link("wg0", "wireguard", 80, up=True)
    world.publish("web", "ens3:8080:80", "wg0:8081:80")
    info = world.info()
    host = read("host", info)
    assert [(port.place, port.waits) for port in host.ports] == [("ens3:8080/tcp", False), ("wg0:8081/tcp", True)]
    assert Words(host, find_ways(host)).inward("web") == ["the host: all ports", "everybody: ens3:8080/tcp"]
    assert published_at(info, "web", 80) == ["192.0.2.10:8080"]
    assert "wg0:8081/tcp -> web:80   nobody, until wg0 has an address" in table(info)
    assert "8081" not in mermaid({"host": info}) and [
        plug.inner for box in layout.draw(host).boxes for plug in box.plugs] == [False, True]


def test_a_host_that_could_not_be_asked_and_one_without_anything() -> None:
    text = page({"away": None, "empty": World().info()})
    assert "its network could not be read" in text and "no container network is managed here" in text


@pytest.mark.parametrize(("numbers", "text"), [((), ""), ((3,), "3"), ((0, 1, 2, 7, 9, 10), "0-2 7 9-10")])
def test_numbers_as_ranges(numbers: tuple[int, ...], text: str) -> None:
    assert ranges(numbers) == text


@pytest.mark.parametrize(("value", "found"), [("short", "short"), ("a" * 30, "a" * 9 + "…"), ("网桥" * 9, "网桥网桥…")])
def test_what_is_too_long_is_cut(value: str, found: str) -> None:
    assert cut(value, 10) == found and columns_of(found) <= 10


def test_an_address_keeps_its_end() -> None:
    assert cut("eth0 2001:db8::6", 8, at_end=False) == "…:db8::6"


def test_a_host_does_not_carry_it() -> None:
    assert not [name for name in collect(adapter.source_of) if name.startswith("picture/")]


@pytest.mark.parametrize(("name", "found"), [
    ("example.svg", lambda: alone("example", example().info())),
    ("example.mmd", lambda: mermaid({"example": example().info()}))])
def test_golden(name: str, found: Any, request: pytest.FixtureRequest) -> None:
    path = ROOT / "docs" / "images" / name if name.endswith("svg") else ROOT / "tests/unit/data/tables" / name
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(found(), encoding="utf-8")
    assert found() == path.read_text(encoding="utf-8"), f"{path.name}: if this is meant, run pytest --update-golden"
    assert path.stat().st_size < 100_000
