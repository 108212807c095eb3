# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps systemd-networkd and NetworkManager away from interfaces of the collection, and from no others."""
from __future__ import annotations

import configparser
import fnmatch

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.names import endpoint_link
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.managers import (MADE, MANAGERS,
                                                                                            NETWORK_MANAGER, NETWORKD,
                                                                                            content, find_interfaces,
                                                                                            view)
from world import World

OTHERS = ("eth0", "ens3", "docker0", "br-0123456789ab", "veth1234567", "vethabcdefghij0", "vethAB123456789", "br",
          "br00", "br0x", "wlan0", "veth0", "lo")


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge()
    found.attach("web", "db")
    found.run("veth_pair", name="A", peer={"name": "B"})
    found.run("veth_pair", name="C", peer={"name": "D", "netns": "web"})
    found.state.host.links["theirs"] = Link("theirs", "bridge", 50, up=True, addresses=("10.50.0.1/24",))
    found.run("docker_bridge", name="theirs", adopt=True)
    return found


def test_interfaces_that_the_collection_made(world: World) -> None:
    assert find_interfaces(world.state) == [MADE, "A", "B", "C", "br0"]
    assert world.info()["interfaces"] == [MADE, "A", "B", "C", "br0"] and world.info(bridge="br0")["interfaces"] == []


def test_a_host_end_that_was_a_pair_goes_by_its_name(world: World) -> None:
    world.run("netns_attach", netns="app", interface="B", bridge="theirs")
    assert find_interfaces(world.state) == [MADE, "A", "C", "br0"]


def test_nothing_on_a_host_without_any() -> None:
    assert find_interfaces(World().state) == []
    assert [content(manager, []) for manager in MANAGERS] == ["", ""]


def test_a_container_of_an_engine_is_the_engines() -> None:
    world = World()
    world.state.host.links["theirs"] = Link("theirs", "bridge", 50, up=True, addresses=("10.50.0.1/24",))
    world.run("docker_bridge", name="theirs", adopt=True)
    path = world.start("app")
    world.state.namespaces[path].links["eth0"] = Link("eth0", "veth", 2, up=True, peer_index=90,
                                                      addresses=("10.50.0.9/24",))
    world.state.host.links["vethd"] = Link("vethd", "veth", 90, up=True, peer_index=2, controller="theirs")
    world.run("netns_attach", container="app", adopt=True)
    assert "vethd" not in find_interfaces(world.state)


def read(text: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string(text)
    return found


@pytest.mark.parametrize("name", ["br0", "A", endpoint_link("web", "eth0"), endpoint_link("db", "eth1")])
def test_each_of_them_is_kept(name: str, world: World) -> None:
    interfaces = find_interfaces(world.state)
    assert any(fnmatch.fnmatchcase(name, glob) for glob in networkd_globs(interfaces))
    assert is_unmanaged(name, interfaces)


@pytest.mark.parametrize("name", OTHERS)
def test_no_other_is(name: str, world: World) -> None:
    interfaces = find_interfaces(world.state)
    assert not any(fnmatch.fnmatchcase(name, glob) for glob in networkd_globs(interfaces))
    assert name == "vethabcdefghij0" or name == "vethAB123456789" or not is_unmanaged(name, interfaces)


def networkd_globs(interfaces: list[str]) -> list[str]:
    found = read(content(NETWORKD, interfaces))
    assert dict(found["Link"]) == {"Unmanaged": "yes"} and list(found["Match"]) == ["Name"]
    return found["Match"]["Name"].split()


def is_unmanaged(name: str, interfaces: list[str]) -> bool:
    """NetworkManager knows no sets of characters: its pattern tells containers' interfaces by their length."""
    found = read(content(NETWORK_MANAGER, interfaces))
    assert list(found["keyfile"]) == ["unmanaged-devices+"]
    specs = [spec.removeprefix("interface-name:") for spec in found["keyfile"]["unmanaged-devices+"].split(";")]
    return any(name == spec[1:] if spec.startswith("=") else fnmatch.fnmatchcase(name, spec) for spec in specs)


@pytest.mark.parametrize(("running", "present", "interfaces", "settled"), [
    (True, None, ["br0"], False), (True, "old", ["br0"], False), (True, "right", ["br0"], True),
    (False, None, ["br0"], True), (False, "old", ["br0"], False), (False, "right", ["br0"], True),
    (True, None, [], True), (True, "old", [], False), (False, "old", [], False), (False, "", [], False),
    (True, "", ["br0"], False)])
@pytest.mark.parametrize("manager", MANAGERS)
def test_what_is_left_to_do(manager, running: bool, present: str | None, interfaces: list[str],
                            settled: bool) -> None:
    text = content(manager, interfaces) if present == "right" else present
    found = view(manager, running, text, interfaces)
    assert found["settled"] == settled and found["content"] == content(manager, interfaces)
    assert (found["path"], found["reload"], found["unit"]) == (manager.path, list(manager.reload), manager.unit)


def test_the_files() -> None:
    assert content(NETWORKD, [MADE, "br0"]).splitlines()[1:] == [
        "[Match]", "Name=veth[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f] "
        "br0", "", "[Link]", "Unmanaged=yes"]
    assert content(NETWORK_MANAGER, [MADE, "br0"]).splitlines()[1:] == [
        "[keyfile]", "unmanaged-devices+=interface-name:veth???????????;interface-name:=br0"]
