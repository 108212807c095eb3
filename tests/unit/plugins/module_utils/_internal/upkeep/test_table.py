# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of a host as a table, compared with files that are read in a review."""
from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.columns import WIDTH, columns_of
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.table import table
from world import World, example

GOLDEN = Path(__file__).resolve().parents[4] / "data" / "tables"


def everything() -> World:
    """Several bridges of everybody, both families, an engine, pairs, and what is wrong."""
    found = World()
    found.start("shop")
    found.document([
        {"name": "front", "bip": "192.168.5.1/24", "bip6": "fd00:5::1/64", "icc": False, "allow_bridges": ["back"],
         "containers": [
             {"name": "web", "published_ports": ["8080:80", "127.0.0.1:8443:443", "7000-7010:7000-7010/udp"],
              "allow_from": ["10.0.0.0/8", "192.168.0.0/16", "2001:db8::/32"], "links": ["db:database", "cache"]},
             {"name": "db", "address": "192.168.5.20", "exposed_ports": [5432, "5433/udp"]},
             {"name": "cache"},
             {"container": "shop", "name": "shop", "published_ports": ["0.0.0.0:9000:90"]}]},
        {"name": "back", "bip": "10.2.0.1/16", "gateway_mode": "routed", "containers": [
            *({"name": f"app-{number}"} for number in range(1, 13)),
            {"name": "db", "interface_name": "eth1"}, {"name": "api", "published_ports": ["443"]}]},
        {"name": "lan0", "bip": "192.0.3.1/24", "ip_masq": False, "trusted_interfaces": ["wg0"], "containers": []}])
    found.run("netns_attach", netns="alone", network_mode="none")
    found.run("veth_pair", name="A", bridge="lan0", peer={"name": "B"})
    links = found.state.host.links
    links["docker0"] = Link("docker0", "bridge", 70, addresses=("172.17.0.1/16",))
    links["veth1"] = Link("veth1", "veth", 71, up=True, controller="docker0")
    links["vnet0"] = Link("vnet0", "tun", 72, up=True, controller="lan0")
    links["back"] = dataclasses.replace(links["back"], up=False)
    found.host.end_namespace("/run/netns/cache")
    found.state.named["cache"] = dataclasses.replace(found.state.named["cache"], inode=0)
    return found


CASES = {"empty": World, "example": example, "everything": everything}


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, request: pytest.FixtureRequest) -> None:
    found = table(CASES[name]().info(), ["later"] if name == "everything" else [])
    path = GOLDEN / f"{name}.txt"
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8"), f"{path.name}: if this is meant, run pytest --update-golden"


@pytest.mark.parametrize("name", CASES)
def test_it_fits_a_terminal(name: str) -> None:
    lines = table(CASES[name]().info()).splitlines()
    assert [line for line in lines if columns_of(line) > WIDTH or line != line.rstrip()] == []


def put_everywhere(value: Any, text: str) -> Any:
    """The same values with a text in each name, and numbers and truth values as they are."""
    if isinstance(value, dict):
        return {key: put_everywhere(each, text) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [put_everywhere(each, text) for each in value]
    return value + text if isinstance(value, str) else value


HOSTILE = ("\x1b[2J\x1b]0;owned\x07", "\r\n\n", "\x9b31m", "\u202e", "\udcff", "\x7f\x00", "\u2028")


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_a_name_reaches_the_terminal(text: str) -> None:
    network = everything().info()
    quiet = table(put_everywhere(network, "x" * 12))
    found = table(put_everywhere(network, text), [text])
    assert found.replace("\n", "").isprintable() and found.isprintable() is False
    assert abs(found.count("\n") - quiet.count("\n")) < quiet.count("\n"), "a name began a line"
    assert all(line.isprintable() for line in found.splitlines())
    assert all(line.isprintable() for line in found.split("\n"))


def test_columns_stay_in_line_behind_wide_characters() -> None:
    world = example()
    world.state.host.links["网桥"] = Link("网桥", "bridge", 70, addresses=("172.17.0.1/16",))
    lines = table(world.info()).splitlines()
    column = lines[0].index("ADDRESS")
    wide = next(line for line in lines if line.startswith("网桥"))
    assert wide[:wide.index("172")] == "网桥" + " " * (column - 4)


def test_a_long_list_of_members_is_wrapped_below_itself() -> None:
    world = World()
    world.bridge()
    world.attach(*(f"container-{number}" for number in range(100)), bridge="br0")
    lines = table(world.info()).splitlines()
    first = lines[0].index("MEMBERS")
    members = [line[first:] for line in lines[1:lines.index("")]]
    assert all(not line[:first].strip() for line in lines[2:lines.index("")])
    assert len(", ".join(members).replace(",,", ",").split(", ")) == 100


def test_a_family_by_which_a_port_is_not_published_is_said() -> None:
    assert "9000/tcp -> shop:90             everywhere (IPv4)" in table(everything().info())


def test_an_older_answer_is_shown_as_far_as_it_goes() -> None:
    """A host whose own program is older has no structured ports."""
    network = {key: value for key, value in example().info().items()
               if key not in ("ports", "other_bridges", "veth_ends")}
    assert "bridge0" in table(network) and "PUBLISHED" not in table(network)
