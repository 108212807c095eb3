# SPDX-License-Identifier: GPL-3.0-or-later
"""How a container is named, looked up, and found to be missing."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST, label_of_path, named_path
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.parse import optional_target, target
from world import World


@pytest.mark.parametrize(("options", "message"), [
    ({}, "no container is named: give one of container, pid, netns, netns_path"),
    ({"netns": "a", "pid": 1}, "pid and netns are given together, and only one of them can name the container"),
    ({"pid": 0}, "pid: '0' is not the number of a process. Give a number from 1, as ps shows it."),
    ({"pid": -3}, "pid: '-3' is not the number of a process"),
    ({"netns": "a/b"}, "netns: 'a/b' is not the name of a network namespace. Give the name as `ip netns` lists it"),
    ({"netns": "x" * 65}, f"netns: '{'x' * 65}' has 65 characters and at most 64 are supported. Choose a shorter"),
    ({"netns_path": "run/x"}, "netns_path: 'run/x' is not an absolute path. Give a path like /proc/1234/ns/net"),
    ({"container": "a b"}, "container: 'a b' is not the name of a container. Use letters"),
])
def test_a_wrong_name(options: dict, message: str) -> None:
    with pytest.raises(MooringError) as caught:
        target(options)
    assert str(caught.value).startswith(message)


def test_one_way_to_name_it() -> None:
    found = target({"netns": None, "container": "", "pid": 7})
    assert (found.kind, found.value) == ("pid", "7")
    assert optional_target({"netns": None}) is None


@pytest.mark.parametrize(("path", "label"), [
    ("/run/netns/web", "web"), ("/var/run/netns/web", "web"), (HOST, "the host"), ("/proc/7/ns/net", "/proc/7/ns/net"),
    ("/run/netns/a/b", "/run/netns/a/b")])
def test_how_a_namespace_is_called(path: str, label: str) -> None:
    assert label_of_path(path) == label


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge()
    return found


@pytest.mark.parametrize(("given", "message"), [
    ({"container": "nope"}, "container: 'nope' is not a running container (docker says: no such container; podman is "
                            "not installed). Start it first, or use netns, pid or netns_path for one without an "
                            "engine."),
    ({"pid": 4711}, "pid: '4711' is not a running process. Give the pid of a process of the container."),
    ({"netns_path": "/run/x"}, "netns_path: '/run/x' does not exist. Give the path of a network namespace."),
    ({"netns": "web", "create_netns": False}, "netns: 'web' does not exist. Create it with `ip netns add web`, or "
                                              "leave out create_netns: false."),
])
def test_what_is_missing_is_an_error_and_in_check_mode_an_assumption(world: World, given: dict, message: str) -> None:
    assert world.refuses("netns_attach", **given) == message
    if "netns" not in given:
        plan = world.check("netns_attach", **given)
        assert [assumption.problem for assumption in plan.assumed] == [message]
        assert plan.after[0]["address"] == "192.168.5.2/24"


def test_a_container_of_an_engine_gets_its_name_under_run_netns(world: World) -> None:
    path = world.start("web")
    plan = world.run("netns_attach", container="web")
    assert plan.steps[0] == f"register {path} as namespace web"
    assert world.state.named["web"].link == path and world.state.named["web"].own
    assert world.run("netns_attach", container="web").operations == ()


def test_a_process_is_called_by_its_number_or_as_the_task_says(world: World) -> None:
    world.process(77)
    world.process(78)
    plan = world.run("netns_attach", config=[{"pid": 77}, {"pid": 78, "name": "legacy"}])
    assert [item["container"] for item in plan.after] == ["77", "legacy"]
    assert set(world.state.named) == {"77", "legacy"}


def test_a_path_needs_no_name(world: World) -> None:
    world.process(77)
    plan = world.run("netns_attach", netns_path="/proc/77/ns/net")
    assert plan.after[0]["container"] == "/proc/77/ns/net" and world.state.named == {}


@pytest.mark.parametrize("path", ["/run/my ns/web", "/run/ns:web", "/run/" + "x" * 100])
def test_a_path_that_fits_into_no_mark_needs_a_name(world: World, path: str) -> None:
    world.state.namespaces[path] = world.state.namespaces.pop(world.process(77))
    message = world.refuses("netns_attach", netns_path=path)
    assert message.startswith(f"netns_path: '{path}' ") and "name" in message
    assert world.run("netns_attach", netns_path=path, name="web").after[0]["container"] == "web"
    assert world.run("netns_attach", netns_path=path, name="web").operations == ()


def test_a_name_that_cannot_stand_under_run_netns(world: World) -> None:
    world.start("web")
    assert world.refuses("netns_attach", container="web", name="pod/web").startswith(
        "name: 'pod/web' is not the name of a network namespace")


def test_a_name_that_belongs_to_another_namespace(world: World) -> None:
    world.attach("web")
    world.start("web")
    assert world.refuses("netns_attach", container="web").endswith(
        "is already the name of another network namespace. Give this container another one with the option name.")


def test_a_namespace_of_somebody_else_is_used_and_not_removed(world: World) -> None:
    from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Namespace
    from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
    from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import NamedNetns

    world.state.named["old"] = NamedNetns(99)
    world.state.namespaces[named_path("old")] = Namespace(99, {"lo": Link("lo", "loopback", 1)})
    world.attach("old")
    world.run("netns_attach", netns="old", state="absent")
    assert "old" in world.state.named and set(world.state.namespaces[named_path("old")].links) == {"lo"}


def test_an_entry_that_leads_nowhere(world: World) -> None:
    from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import NamedNetns

    world.state.named["old"] = NamedNetns(0)
    assert world.refuses("netns_attach", netns="old").startswith(
        "netns: 'old' is a file in /run/netns that leads to no namespace and is not managed by this collection. "
        "Remove it with")
    world.state.named["old"] = NamedNetns(0, "/proc/5/ns/net", own=True)
    assert world.run("netns_attach", netns="old").steps[:2] == ["unregister namespace old", "create namespace old"]
