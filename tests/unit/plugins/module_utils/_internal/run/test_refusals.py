# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found by inputs made by chance (test_fuzz.py), case by case: each has a message, or an end that stays."""
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import (MooringError, OptionError,
                                                                                        doing, printable)
from ansible_collections.mooring.net.plugins.module_utils._internal.program.plan import check_python
from ansible_collections.mooring.net.plugins.module_utils._internal.run.frame import check_options
from world import RESOURCES, World


@pytest.fixture
def world() -> World:
    world = World()
    world.bridge(ipv6=True, fixed_cidr_v6="2001:db8:1::/64")
    world.attach("web", "db")
    return world


def test_null_is_what_is_not_given(world: World) -> None:
    options = RESOURCES["netns_attach"].options
    found = check_options(options, {"netns": "web", "interface_name": None, "network_mode": None})
    assert (found["interface_name"], found["network_mode"]) == ("eth0", "bridge")
    world.run("netns_attach", config=[{"netns": "new", "interface_name": None, "mtu": None}], mtu=1400)
    assert world.inner("new").mtu == 1400


@pytest.mark.parametrize("items", [
    [{"name": "a", "peer": {"name": "c"}}, {"name": "a", "netns": "web", "peer": {"name": "c"}, "state": "absent"}],
    [{"name": "a", "peer": {"name": "c"}}, {"name": "b", "peer": {"name": "c"}}],
    [{"name": "a", "peer": {"name": "b"}}, {"name": "b", "peer": {"name": "c"}}],
])
def test_two_pairs_of_a_task_share_no_end(world: World, items: list[dict[str, Any]]) -> None:
    assert "is an end of another pair of this task as well" in world.refuses("veth_pair", config=items)


def test_two_pairs_of_one_name_go_together(world: World) -> None:
    world.run("veth_pair", name="a", peer={"name": "c"})
    world.start("c1")
    world.run("veth_pair", name="a", pid=1001, peer={"name": "b"})
    plan = world.run("veth_pair", name="a", peer={"name": "b"}, state="absent")
    assert plan.steps == ["delete veth a", "delete veth b"] and not {"a", "b", "c"} & set(world.state.host.links)
    assert world.run("veth_pair", name="a", peer={"name": "b"}, state="absent").steps == []


def test_items_do_not_contradict_each_other_about_a_bridge(world: World) -> None:
    assert "icc: 'True' contradicts what another item says of bridge br0" in world.refuses(
        "icc_policy", config=[{"bridge": "br0", "icc": False}, {"bridge": "br0", "netns": "web", "state": "absent"}])
    assert "netns web stands twice" in world.refuses(
        "icc_policy", config=[{"bridge": "br0", "icc": True, "netns": "web", "links": ["db"]},
                              {"netns": "web", "links": []}])
    world.run("icc_policy", bridge="br0", icc=False, config=[{"netns": "web", "links": ["db"]},
                                                             {"netns": "db", "links": []}])


def test_one_process_under_two_names_has_the_host_name_that_the_task_gives(world: World) -> None:
    world.start("c1")
    world.run("container_dns", config=[{"pid": 1001, "name": "legacy"}, {"container": "c1", "hostname": "other"}])


def test_the_module_for_frames_switches_both_families_on(world: World) -> None:
    """Loading br_netfilter for one family lets frames of the other one pass iptables as well."""
    world.run("docker_bridge", name="br1", bip="10.1.0.1/24", ip6tables=False)
    world.run("docker_bridge", name="br0", ip6tables=False, ipv6=False, force=True)
    world.run("icc_policy", bridge="br1", icc=False)


def test_a_name_of_another_namespace(world: World) -> None:
    assert "name: 'web' is already the name of another network namespace" in world.refuses(
        "netns_attach", netns="new", name="web", bridge="br0")


@pytest.mark.parametrize("value", ["\u00e9", "a\nb", "\x1b[31m", " ", "", None])
def test_values_of_kernel_settings_are_one_line_of_ascii(world: World, value: Any) -> None:
    assert "is not a value for net.ipv4.conf.IFNAME.rp_filter. Give one line of ASCII characters" in world.refuses(
        "netns_attach", netns="web", sysctls={"net.ipv4.conf.IFNAME.rp_filter": value})


def test_what_a_template_makes_is_text_for_a_file(world: World) -> None:
    for option in ("hosts_template", "hostname_template", "resolv_conf_template"):
        assert "with a character that no file can have" in world.refuses(
            "container_dns", netns="web", **{option: "{{ '\\ud800' }}"})


def test_the_names_of_a_document_are_looked_at_first(world: World) -> None:
    networks = [{"name": "br0", "containers": [{"name": "a\tb", "network_mode": "host", "published_ports": ["80"]}]}]
    assert "containers[0] (a\\tb): name: 'a\\tb' is not the name of a container" in world.document_refuses(networks)


def test_messages_do_nothing_to_a_terminal_and_have_a_size() -> None:
    assert printable("a\x1b[31m\tb\nc\ud800\u202e\u00e9") == "a\\x1b[31m\\tb\nc\\ud800\\u202e\u00e9"
    assert str(MooringError("\x07")) == "\\x07"
    assert len(str(OptionError("routes", {"destination": "x" * 9999}, f"is not a route ({'x' * 9999!r})"))) < 1000
    with pytest.raises(MooringError, match=r"^container x{190}\.\.\.: no$"), doing(f"container {'x' * 9999}"):
        raise MooringError("no")
    for python in ("python3", "/" + "x" * 9999, "/usr/bin/python3\n"):
        with pytest.raises(OptionError, match=r"^python: '.{1,210}' (is not a full path|has \d+ characters)"):
            check_python(python)
