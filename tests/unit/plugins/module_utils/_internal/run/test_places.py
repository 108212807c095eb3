# SPDX-License-Identifier: GPL-3.0-or-later
"""Every error and warning about an item of a list says which item it is, wherever it comes from."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core import errors
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from hypothesis import given
from hypothesis import strategies as st
from world import Failed, World


def prepared() -> World:
    world = World()
    world.bridge()
    world.attach("a", "b")
    world.publish("a", "8080:80")
    world.run("veth_pair", name="A", peer={"name": "B"})
    return world


# Of each module a first item that is fine, a second one, and what stands in front of its error.
PARSED: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("docker_bridge", {"name": "br1"}, {"name": "br2", "bip": "10.0.0.1"}, "(br2): bip: "),
    ("netns_attach", {"netns": "a"}, {"netns": "b", "address": "x"}, "(netns b): address: "),
    ("netns_attach", {"netns": "a"}, {"container": "b", "mtu": "x"}, "(container b): mtu: "),
    ("port_publish", {"netns": "a", "published_ports": []}, {"container": "b", "published_ports": ["x"]},
     "(container b): published_ports: "),
    ("icc_policy", {"netns": "a", "links": []}, {"netns": "b", "links": ["x:y:z"]}, "(netns b): links: "),
    ("icc_policy", {"bridge": "br0", "icc": True}, {"bridge": "br0", "icc": "perhaps"}, "(bridge br0): "),
    ("container_dns", {"netns": "a"}, {"netns": "b", "hostname": "-"}, "(netns b): hostname: "),
    ("veth_pair", {"name": "C", "peer": {"name": "D"}}, {"name": "E", "mtu": "x", "peer": {"name": "F"}}, "(E): mtu: "),
    ("network_info", {"bridge": "br0"}, {"container": "x\n", "bridge": ["y"]},
     "(container x\\n): bridge: "),
]
PLANNED: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("docker_bridge", {"name": "br1", "bip": "10.1.0.1/24"}, {"name": "br2", "bip": "192.168.5.9/24"}, "(br2): bip: "),
    ("docker_bridge", {"name": "br1", "bip": "10.1.0.1/24"}, {"name": "br0", "state": "absent"},
     "(br0): bridge br0 has 2 endpoints"),
    ("docker_bridge", {"name": "br1", "bip": "10.1.0.1/24"},
     {"name": "br2", "bip": "10.2.0.1/24", "trusted_networks": ["192.168.5.0/25"]}, "(br2): trusted_networks: "),
    ("docker_bridge", {"name": "br1", "user_chain": True}, {"name": "br2", "user_chain": False}, "(br2): user_chain: "),
    ("netns_attach", {"netns": "a"}, {"netns": "c", "address": "192.168.5.2"}, "(netns c): address: "),
    ("netns_attach", {"netns": "a"}, {"netns": "c", "address": "10.0.0.1"}, "(netns c): address: "),
    ("netns_attach", {"netns": "a"}, {"netns": "c", "bridge": "ens3"}, "(netns c): bridge: "),
    ("netns_attach", {"netns": "a"}, {"netns": "c", "bridge": "br7"}, "(netns c): bridge br7 does not exist"),
    ("netns_attach", {"netns": "a"}, {"netns": "c", "network_mode": "container:c"}, "(netns c): network_mode: "),
    ("netns_attach", {"netns": "a"}, {"netns": "a"}, "(netns a): eth0 of "),
    ("port_publish", {"netns": "a", "published_ports": ["8080:80"]}, {"netns": "b", "published_ports": ["8080:80"]},
     "(netns b): published_ports: "),
    ("port_publish", {"netns": "a", "published_ports": []}, {"netns": "b", "published_ports": ["[::1]:1:1"]},
     "(netns b): published_ports: "),
    ("icc_policy", {"netns": "a", "links": []}, {"netns": "b", "links": ["gone"]}, "(netns b): "),
    ("icc_policy", {"bridge": "br0", "icc": True}, {"netns": "b", "bridge": "br0", "icc": False, "links": []},
     "(netns b): icc: "),
    ("icc_policy", {"netns": "a", "links": []}, {"bridge": "br7", "icc": True}, "(bridge br7): "),
    ("container_dns", {"netns": "a"}, {"netns": "b", "hosts_template": "{{ nothing.at.all }}"}, "(netns b): "),
    ("veth_pair", {"name": "C", "peer": {"name": "D"}}, {"name": "ens3", "peer": {"name": "F"}}, "(ens3): name: "),
    ("veth_pair", {"name": "C", "peer": {"name": "D"}}, {"name": "E", "bridge": "br7", "peer": {"name": "F"}},
     "(E): bridge br7 does not exist"),
    ("veth_pair", {"name": "C", "peer": {"name": "D"}}, {"name": "E", "peer": {"name": "D"}}, "(E): veth pair E: "),
]


@pytest.mark.parametrize(("module", "first", "second", "said"), [*PARSED, *PLANNED])
def test_the_second_item_is_named(module: str, first: dict[str, Any], second: dict[str, Any], said: str) -> None:
    world = prepared()
    assert world.refuses(module, config=[first, second]).startswith(f"config[1] {said}")


@pytest.mark.parametrize(("module", "first", "second", "said"), PLANNED)
def test_without_a_list_nothing_stands_in_front(module: str, first: dict[str, Any], second: dict[str, Any],
                                                said: str) -> None:
    """What is refused for itself alone is; what contradicts the first item is not."""
    world = prepared()
    try:
        world.run(module, **second)
    except MooringError as error:
        assert "config[" not in str(error) and said.partition("): ")[2] in str(error)


RUNS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("docker_bridge", {"name": "br1", "bip": "10.1.0.1/24"}, {"name": "br2", "bip": "10.2.0.1/24"}, "(br2)"),
    ("netns_attach", {"netns": "c"}, {"netns": "d"}, "(netns d)"),
    ("veth_pair", {"name": "C", "peer": {"name": "D"}}, {"name": "E", "peer": {"name": "F"}}, "(E)"),
    ("container_dns", {"netns": "a"}, {"netns": "b"}, "(netns b)"),
]


@pytest.mark.parametrize(("module", "first", "second", "who"), RUNS)
def test_what_the_host_refuses_is_told_of_the_item(module: str, first: dict[str, Any], second: dict[str, Any],
                                                   who: str) -> None:
    """Each operation fails once. What is done for one item alone says which."""
    count = len(prepared().check(module, config=[first, second]).operations)
    said = []
    for number in range(count):
        world = prepared()
        world.host.fail_at = len(world.host.executed) + number
        with pytest.raises(MooringError) as caught:
            world.run(module, config=[first, second])
        said.append(str(caught.value))
    named = {text.partition(": ")[0] for text in said if text.startswith("config[")}
    assert f"config[1] {who}" in named and any(each.startswith("config[0] (") for each in named), said
    assert all(": cannot " in text for text in said if text.startswith("config["))


def test_a_container_that_resists_is_told_with_its_place() -> None:
    world = prepared()
    with pytest.raises(Failed) as caught:
        world.run("port_publish", config=[{"netns": "a", "published_ports": ["8080:80"]},
                                          {"container": "gone", "published_ports": ["1:1"]}])
    assert caught.value.plan.failed["gone"].startswith("config[1] (container gone): ")
    assert caught.value.plan.absent == {"gone"}
    with pytest.raises(Failed) as caught:
        world.run("container_dns", config=[{"netns": "a"}, {"container": "gone", "hostname": "x"}])
    assert str(caught.value).startswith("config[1] (container gone): container: 'gone' ")


def test_what_check_mode_assumes_is_told_once_and_of_the_first_item() -> None:
    world = World()
    plan = world.check("netns_attach", config=[{"netns": name, "bridge": "br7"} for name in "abc"])
    (assumed,) = plan.assumed
    assert "a run fails: config[0] (netns a): bridge br7 does not exist" in assumed.warning


def test_warnings_are_told_of_the_item() -> None:
    world = prepared()
    plan = world.run("icc_policy", config=[{"netns": "a", "links": []}, {"netns": "b", "links": ["a"]}])
    world.run("port_publish", netns="a", state="absent")
    plan = world.run("icc_policy", config=[{"netns": "a", "links": []}, {"netns": "b", "links": ["a:x"]}])
    assert plan.warnings[0].startswith("config[1] (netns b): the link from b to a gives a name")


def test_a_document_says_the_network_and_the_container() -> None:
    world = World()
    document: list[dict[str, Any]] = [{"name": "br0", "bip": "10.0.0.1/24", "containers": [
        {"name": "a", "published_ports": ["8080:80"]}, {"name": "b", "published_ports": ["8080:80"]}]}]
    assert world.document_refuses(document).startswith("networks[0] (br0): containers[1] (b): published_ports: ")
    twice = [{"name": "br0", "bip": "10.0.0.1/24", "containers": [
                 {"name": "a"}, {"name": "b", "published_ports": ["1:1"]}]},
             {"name": "br1", "containers": [{"name": "b", "interface_name": "eth1", "published_ports": ["2:x"]}]}]
    assert world.document_refuses(twice).startswith(
        "networks[0] (br0): containers[1] (b) and networks[1] (br1): containers[0] (b): published_ports: '2:x' ")
    pairs = [{"name": "A", "peer": {"name": "B"}}, {"name": "C", "mtu": "x", "peer": {"name": "D"}}]
    assert world.document_refuses([], veth_pairs=pairs).startswith("veth_pairs[1] (C): mtu: 'x' ")
    document = [{"name": "br0", "bip": "10.0.0.1/24"}, {"name": "br1", "bip": "10.0.0.9/24"}]
    assert world.document_refuses(document).startswith("networks[1] (br1): bip: ")


def test_what_the_host_refuses_is_told_with_its_place_in_the_document() -> None:
    """Each operation fails once."""
    document = [{"name": "br0", "bip": "10.0.0.1/24"}, {"name": "br1", "bip": "10.1.0.1/24", "containers": [
        {"name": "a"}, {"name": "b", "hostname": "x", "published_ports": ["8080:80"], "links": ["a"]}]}]
    said = []
    for number in range(len(World().document(document, False).operations)):
        world = World()
        world.host.fail_at = number
        with pytest.raises(MooringError) as caught:
            world.document(document)
        said.append(str(caught.value))
    found = {text.partition(": cannot ")[0] for text in said if text.startswith("networks[")}
    assert {"networks[0] (br0)", "networks[1] (br1)", "networks[1] (br1): containers[0] (a)",
            "networks[1] (br1): containers[1] (b)"} <= found, said


WRONG: dict[str, Any] = {"address": "203.0.113.9", "published_ports": ["80:80", "x"], "links": ["nobody"],
                         "exposed_ports": ["x"], "routes": [{"destination": "x"}], "hostname": "-", "mtu": "x",
                         "interface_name": "a/b", "network_mode": "x", "bandwidth": {"ingress": "x"},
                         "dns_servers": ["x"], "allow_to": ["x"], "aliases": ["-"], "etc_hosts": {"a": "x"}, "pid": "x"}


@pytest.mark.parametrize("option", WRONG)
@pytest.mark.parametrize(("where", "number"), [(0, 0), (1, 2), (2, 1)])
def test_whatever_is_wrong_in_a_document_is_told_with_its_place(option: str, where: int, number: int) -> None:
    networks: list[dict[str, Any]] = [{"name": f"br{each}", "bip": f"10.{each}.0.1/24", "containers": [
        {"name": f"c{each}{other}"} for other in range(3)]} for each in range(3)]
    networks[where]["containers"][number][option] = WRONG[option]
    said = World().document_refuses(networks)
    assert said.startswith(f"networks[{where}] (br{where}): containers[{number}] (c{where}{number}): {option}"), said


BAD: dict[str, Callable[[str], dict[str, Any]]] = {
    "netns_attach": lambda name: {"netns": name, "address": "203.0.113.9"},
    "port_publish": lambda name: {"netns": name, "published_ports": ["[::1]:9:9"]},
    "icc_policy": lambda name: {"netns": name, "bridge": "ens3", "icc": False},
}


@given(st.sampled_from(sorted(BAD)), st.integers(0, 4), st.data())
def test_an_option_error_of_planning_always_has_its_place(module: str, number: int, data: st.DataObject) -> None:
    """Wherever the bad one stands among good ones."""
    world = prepared()
    world.attach("c", "d", "e")
    good: dict[str, dict[str, Any]] = {"netns_attach": {}, "port_publish": {"published_ports": []},
                                       "icc_policy": {"links": []}}
    names = data.draw(st.permutations("abcde"))
    config = [{"netns": name, **good[module]} for name in names]
    config[number] = BAD[module](names[number])
    assert world.refuses(module, config=config).startswith(f"config[{number}] (netns {names[number]}): ")


def test_a_place_does_nothing_to_a_terminal_and_is_short() -> None:
    said = World().refuses("netns_attach", config=[{"netns": "x\x1b[2J" + "y" * 5000, "mtu": "x"}])
    assert "\x1b" not in said and len(said) < 1000
    assert str(errors.at("", MooringError("x"))) == "x"
