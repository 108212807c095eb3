# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline: items of a task, what happens when an operation fails, the second plan, the diff."""
from __future__ import annotations

import dataclasses
from typing import Any
from unittest import mock

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.run import converge as pipeline
from ansible_collections.mooring.net.plugins.module_utils._internal.run import frame
from ansible_collections.mooring.net.plugins.module_utils._internal.run import module as runner
from ansible_collections.mooring.net.plugins.module_utils._internal.run.frame import check_options
from ansible_collections.mooring.net.plugins.module_utils._internal.run.items import part_of
from ansible_collections.mooring.net.plugins.module_utils._internal.core.argspec import COMMON, CONFIG
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import ExecutionError, MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.core.names import KNOWN_AFTER_APPLY
from ansible_collections.mooring.net.plugins.module_utils._internal.core.plan import Assumption, Plan
from ansible_collections.mooring.net.plugins.module_utils._internal.host.operations import (ConntrackFlush, ModuleLoad,
                                                                                            NetnsDel, SysctlSet)
from ansible_collections.mooring.net.plugins.module_utils._internal.link.operations import LinkAdd, LinkDel
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST, named_path
from world import RESOURCES, World, desired, picture

# -- items ------------------------------------------------------------------------------------------------------------


def names(*items: dict, **flat: Any) -> list[Any]:
    return desired("docker_bridge", {"config": list(items), **flat})


def test_flat_options_are_one_item() -> None:
    assert [item.name for item in desired("docker_bridge", {"name": "br0"})] == ["br0"]


def test_config_is_many_items_and_may_be_none() -> None:
    assert [item.name for item in names({"name": "br0"}, {"name": "br1"})] == ["br0", "br1"]
    assert names() == []


@pytest.mark.parametrize("config", [None, [{"name": "br0"}]])
def test_what_is_about_the_task_is_no_option_of_an_item(config: Any) -> None:
    resource = RESOURCES["docker_bridge"]
    params = check_options({**resource.options, **CONFIG, **COMMON}, {"config": config} if config else {"name": "br0"})
    part = part_of(resource, params, check_options)
    assert params["lock_timeout"] == 120 and part.items[0].name == "br0" and "lock_timeout" not in part.given[0]


def test_options_beside_config_are_defaults_of_its_items() -> None:
    first, second = names({"name": "br0"}, {"name": "br1", "mtu": 9000, "state": "present"}, mtu="1400", state="absent")
    assert (first.mtu, first.present) == (1400, False)
    assert (second.mtu, second.present) == (9000, True)


def test_an_item_gets_the_defaults_of_the_options() -> None:
    assert desired("netns_attach", {"config": [{"netns": "web"}]})[0].interface_name == "eth0"


@pytest.mark.parametrize(("item", "message"), [
    ({"name": "br1", "bip": "10.0.0.1"}, "config[1] (br1): bip: '10.0.0.1' lacks a prefix length"),
    ({"name": "br0"}, "config[1] (br0): bridge br0 stands twice in this task: say all about it in one item"),
    ({}, "config[1]: name: not given. Give it"),
    ({"name": ""}, "config[1]: name: not given"),
    ({"nam": "br1"}, "config[1]: unknown option nam: did you mean name?"),
    ({"name": "br1", "state": "gone"}, "config[1] (br1): value of state must be one of: present, absent, got: gone"),
    ({"name": "br1", "ip_masq": "maybe"}, "config[1] (br1): argument 'ip_masq' is of type"),
])
def test_a_wrong_item_is_named_by_its_place(item: dict, message: str) -> None:
    with pytest.raises(MooringError) as caught:
        names({"name": "br0"}, item)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("peer", [5, True, 1.5, [], ["a"]])
def test_what_has_options_of_its_own_must_be_a_dictionary(peer: Any) -> None:
    with pytest.raises(MooringError) as caught:
        desired("veth_pair", {"config": [{"name": "a", "peer": {"name": "b"}}, {"name": "x", "peer": peer}]})
    assert str(caught.value) == f"config[1] (x): peer: {str(peer)!r} is no dictionary. Give options and their values."


def test_a_required_option_is_missed_without_config_too() -> None:
    with pytest.raises(MooringError, match="name: not given. Give it, or a list of items with config"):
        desired("docker_bridge", {})


def test_nothing_is_done_when_one_item_is_wrong() -> None:
    world = World()
    items = [{"name": "br0", "bip": "10.0.0.1/24"}, {"name": "br1", "bip": "10.0.0.9/24"}]
    world.refuses("docker_bridge", config=items)


# -- failure ----------------------------------------------------------------------------------------------------------

def prepared() -> World:
    return PREPARED.copy()


def _prepared() -> World:
    world = World()
    world.bridge("br0", "192.168.5.1/24")
    world.bridge("br1", "192.168.6.1/24", bip6="2001:db8:6::1/64")
    world.attach("web", "db", bridge="br0", exposed_ports=["5432"])
    world.publish("web", "8080:80", "53:53/udp")
    world.link("web", "db")
    world.run("netns_attach", netns="app", bridge="br1")
    world.run("veth_pair", name="A", bridge="br0", addresses=["10.9.0.1/24"], peer={"name": "B", "netns": "db"})
    world.run("container_dns", config=[{"netns": "web"}, {"netns": "app"}])
    return world


PREPARED = _prepared()
TASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "new bridge": ("docker_bridge", {"name": "br9", "bip": "10.77.0.1/24", "bip6": "2001:db8:9::1/64"}),
    "other bip": ("docker_bridge", {"name": "br0", "bip": "192.168.5.9/24", "mtu": 1400, "stp": True}),
    "new endpoints": ("netns_attach", {"config": [{"netns": "a"}, {"netns": "b", "address": "192.168.5.99"}],
                                       "bridge": "br0"}),
    "other address": ("netns_attach", {"netns": "web", "address": "192.168.5.77"}),
    "another bridge": ("netns_attach", {"netns": "web", "bridge": "br1"}),
    "detach": ("netns_attach", {"config": [{"netns": "web"}, {"netns": "app"}], "state": "absent"}),
    "detach and attach": ("netns_attach", {"config": [{"netns": "web", "state": "absent"},
                                                      {"netns": "new", "bridge": "br0"}]}),
    "publish": ("port_publish", {"netns": "db", "published_ports": ["5432:5432", "127.0.0.1:6000-6100:7000-7100"]}),
    "unpublish": ("port_publish", {"netns": "web", "published_ports": ["8081:80"]}),
    "icc off": ("icc_policy", {"bridge": "br0", "icc": False}),
    "unlink": ("icc_policy", {"netns": "web", "links": []}),
    "new pair": ("veth_pair", {"name": "C", "addresses": ["10.8.0.1/30"], "peer": {
        "name": "D", "netns": "web", "addresses": ["10.8.0.2/30"],
        "routes": [{"destination": "10.20.0.0/16", "gateway": "10.8.0.1"}]}}),
    "other pair": ("veth_pair", {"name": "A", "addresses": ["10.9.0.5/24"], "mtu": 1300, "peer": {
        "name": "B", "netns": "db"}}),
    "pair gone": ("veth_pair", {"name": "A", "peer": {"name": "B", "netns": "db"}, "state": "absent"}),
    "new names": ("container_dns", {"config": [{"netns": "db", "hostname": "sql"}, {"netns": "web", "dns_servers": [
        "host-gateway"]}]}),
    "names gone": ("container_dns", {"config": [{"netns": "web"}, {"netns": "app"}], "state": "absent"}),
    "bridge gone": ("docker_bridge", {"name": "br1", "state": "absent", "force": True}),
}


@pytest.mark.parametrize("task", TASKS)
def test_what_a_failed_run_did_is_undone_or_reported(task: str) -> None:
    module, options = TASKS[task]
    count = len(prepared().check(module, **options).operations)
    assert count
    for position in range(count):
        world = prepared()
        plan = world.check(module, **options)
        before = picture(world.state)
        world.host.fail_at = len(world.host.executed) + position
        with pytest.raises(MooringError) as caught:
            world.run(module, **options)
        message = str(caught.value)
        assert f"cannot {plan.steps[position]}: made to fail" in message
        lasting = [operation for operation in plan.operations[:position] if operation.inverse() is None]
        if lasting:
            assert all(f"{operation.describe()} (nothing undoes that)" in message for operation in lasting)
        else:
            assert message.endswith("; what had been done before it was undone")
            assert picture(world.state) == before
        assert world.run(module, **options) is not None  # and the next run gets there


def test_what_nothing_undoes() -> None:
    operations = [operation for module, options in TASKS.values()
                  for operation in prepared().check(module, **options).operations]
    assert {type(operation) for operation in operations if operation.inverse() is None} == {
        LinkDel, NetnsDel, ModuleLoad, ConntrackFlush, SysctlSet}
    assert all(operation.previous is None for operation in operations
               if isinstance(operation, SysctlSet) and operation.inverse() is None)


def test_an_undoing_that_fails_is_reported() -> None:
    class Stubborn:
        def __init__(self) -> None:
            self.calls = 0

        def execute(self, operations: list) -> None:
            self.calls += 1
            raise ExecutionError("no" if self.calls == 1 else "not that either", operations[:1])

    forwarding = SysctlSet(HOST, "net/ipv4/ip_forward", "1", "0")
    with pytest.raises(MooringError) as caught:
        pipeline.execute(Stubborn(), [forwarding, LinkAdd(HOST, Link("br0", "bridge"))])
    assert str(caught.value) == ("no; done before it and not undone: set net.ipv4.ip_forward to 1 (was 0) "
                                 "(not that either)")


# -- the pipeline -----------------------------------------------------------------------------------------------------

def test_check_mode_changes_nothing_and_foretells_everything() -> None:
    for module, options in TASKS.values():
        world = prepared()
        before = picture(world.state)
        foretold = world.check(module, **options)
        assert picture(world.state) == before
        done = world.run(module, **options)
        assert (foretold.steps, foretold.before) == (done.steps, done.before)
        if KNOWN_AFTER_APPLY not in str(foretold.after):
            assert foretold.after == done.after
        assert KNOWN_AFTER_APPLY not in str(done.after)


@pytest.mark.parametrize("task", TASKS)
def test_a_second_run_finds_nothing_to_do(task: str) -> None:
    module, options = TASKS[task]
    world = prepared()
    assert world.run(module, **options).operations
    again = world.run(module, **options)
    assert again.operations == () and again.before == again.after
    assert world.info()["drift"] == []


def test_a_host_that_does_not_end_up_as_planned() -> None:
    world = World()
    world.host.execute = lambda operations: []
    with pytest.raises(MooringError, match="did not end up as planned.* Still to do: .*create bridge br0; add address"):
        world.bridge()


def test_what_the_kernel_takes_away_during_a_run_is_seen_to_as_well() -> None:
    """Of a namespace whose last process has ended the kernel removes the pairs some time later."""
    world = prepared()
    execute, ends = world.host.execute, iter([named_path("web")])

    def execute_meanwhile(operations: list) -> list:
        for path in ends:
            world.host.end_namespace(path)
        return execute(operations)

    world.host.execute = execute_meanwhile
    plan = world.run("netns_attach", netns="other", bridge="br0")
    assert "remove neighbour 192.168.5.2 on br0: 02:42:c0:a8:05:02" in plan.steps
    assert world.run("netns_attach", netns="other", bridge="br0").steps == []


@pytest.mark.parametrize("times", [1, 2])
def test_what_somebody_puts_back_during_a_run_is_removed_again(times: int) -> None:
    """A guard that finds rules missing loads those that close all bridges: also in the middle of a run that removes
    the last one."""
    world = World()
    world.bridge()
    kept = dict(world.state.tables)
    execute, comes = world.host.execute, iter(range(times))

    def execute_meanwhile(operations: list) -> list:
        done = execute(operations)
        for _turn in comes:
            world.state.tables.update(kept)
            break
        return done

    world.host.execute = execute_meanwhile
    plan = world.run("docker_bridge", name="br0", state="absent")
    assert world.state.tables != kept and world.info()["drift"] == []
    assert [action for action in plan.actions if plan.actions.count(action) > 1] == []


def test_who_puts_it_back_for_ever_is_reported() -> None:
    world = World()
    world.bridge()
    kept = dict(world.state.tables)
    execute = world.host.execute

    def execute_in_vain(operations: list) -> list:
        done = execute(operations)
        world.state.tables.update(kept)
        return done

    world.host.execute = execute_in_vain
    with pytest.raises(MooringError, match="did not end up as planned.*Still to do"):
        world.run("docker_bridge", name="br0", state="absent")


def test_what_check_mode_takes_for_granted_is_an_error_otherwise() -> None:
    world = World()
    plan = world.check("netns_attach", netns="web", bridge="br0")
    assert plan.assumed == (Assumption("bridge br0 does not exist: create it with docker_bridge first",
                                       "creates bridge br0"),)
    assert world.refuses("netns_attach", netns="web", bridge="br0") == plan.assumed[0].problem


# -- results ----------------------------------------------------------------------------------------------------------

def result(world: World, name: str, single: bool = True, /, **options: Any) -> dict[str, Any]:
    plan = world.check(name, **options).plan
    return {**runner.result(RESOURCES[name], plan, single), **frame.describe_plan(plan, True)}


def test_the_result_of_one_item_and_of_many() -> None:
    world = World()
    one = result(world, "docker_bridge", name="br0", bip="10.0.0.1/24")
    assert one["changed"] and one["bridge"]["bip"] == "10.0.0.1/24" and "bridges" not in one
    many = result(world, "docker_bridge", False, config=[{"name": "br0"}, {"name": "br1"}])
    assert [bridge["name"] for bridge in many["bridges"]] == ["br0", "br1"]


def test_changed_sysctls_of_the_host_are_returned_with_their_old_values() -> None:
    assert result(World(), "docker_bridge", name="br0")["sysctls"] == [
        {"name": "net.ipv6.conf.br0.accept_ra", "value": "0", "previous": None},
        {"name": "net.ipv4.ip_forward", "value": "1", "previous": "0"}]
    assert "sysctls" not in result(prepared(), "netns_attach", netns="x", bridge="br0")


def test_nothing_to_do_is_unchanged_with_an_empty_diff() -> None:
    found = result(prepared(), "docker_bridge", name="br0")
    assert (found["changed"], found["actions"], found["diff"]) == (False, [], {"before": "", "after": ""})


def test_the_diff_has_a_line_for_what_goes_and_for_what_comes() -> None:
    world = prepared()
    diff = result(world, "netns_attach", netns="web", address="192.168.5.77")["diff"]
    assert "web eth0: address 192.168.5.2/24\n" in diff["before"]
    assert "web eth0: address 192.168.5.77/24\n" in diff["after"]
    assert "8080" not in diff["before"] + diff["after"]  # the port is published as before


def test_the_diff_of_a_new_endpoint() -> None:
    world = World()
    world.bridge()
    diff = result(world, "netns_attach", netns="web")["diff"]
    assert "namespace web\n" in diff["after"]
    assert "web eth0: mac_address 02:42:c0:a8:05:02\n" in diff["after"]
    assert "route in web: default via 192.168.5.1 dev eth0\n" in diff["after"]
    assert "web: address" not in diff["before"]


def test_every_operation_says_what_it_does_in_one_line() -> None:
    for module, options in TASKS.values():
        for operation in prepared().check(module, **options).operations:
            assert operation.describe() and "\n" not in operation.describe()
            assert not operation.describe().endswith(".")
            assert all(isinstance(line, str) and "\n" not in line for lines in operation.lines() for line in lines)


def test_a_plan_is_a_value() -> None:
    plan = World().check("docker_bridge", name="br0").plan
    assert plan == World().check("docker_bridge", name="br0").plan
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.operations = ()
    assert Plan().steps == []


def test_the_fake_host_refuses_what_a_kernel_refuses() -> None:
    world = prepared()
    with pytest.raises(MooringError, match="cannot create bridge br0: br0 exists"):
        world.host.execute([LinkAdd(HOST, Link("br0", "bridge"))])
    assert world.host.execute([SysctlSet(named_path("web"), "net/ipv4/conf/eth7/rp_filter", "1")]) == []
    assert "there is no such name" in world.host.setbacks.why[named_path("web")]


# -- Python packages --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("module", "missing", "package"), [
    ("docker_bridge", "pyroute2", "python3-pyroute2"), ("container_dns", "jinja2", "python3-jinja2"),
    ("container_dns", "pyroute2", "python3-pyroute2"), ("docker_bridge", "jinja2", ""),
])
def test_a_missing_python_package_is_named_by_the_modules_that_need_it(module: str, missing: str, package: str) -> None:
    answer = mock.Mock()
    with mock.patch.object(frame.importlib.util, "find_spec", lambda name: None if name == missing else name), \
            mock.patch.object(frame, "has_respawned", lambda: True):
        frame.require_libraries(answer, RESOURCES[module].libraries)
    assert [package in call.kwargs["msg"] for call in answer.fail_json.mock_calls] == ([True] if package else [])
