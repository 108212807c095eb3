# SPDX-License-Identifier: GPL-3.0-or-later
"""Every network mode with every module: what each does for a container of that mode, or what it says."""
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import named_path
from world import Failed, World, picture

HOSTS = "127.0.0.1\tlocalhost\n127.0.1.1\tbox.example box\n::1 localhost ip6-localhost\n# a word\n192.0.2.9 repo\n"
RESOLV = "nameserver 127.0.0.53\nsearch example\n"

# How the owner of a network is named in a task, and with it how the container comes into being.
OWNERS: dict[str, dict[str, Any]] = {
    "netns": {"netns": "web"}, "other netns": {"netns": "inner", "name": "web"}, "pid": {"pid": 77, "name": "web"},
    "path": {"netns_path": "/proc/77/ns/net", "name": "web"}, "container": {"container": "web"},
    "other name": {"container": "inner", "name": "web"}}
# How the container of a mode is named.
SUBJECTS = ("netns", "pid", "container")
MODES = ("bridge", "none", "host", *(f"container, by {owner}" for owner in OWNERS))
CASES = [(mode, subject) for mode in MODES for subject in SUBJECTS]


def cases(chosen: list[tuple[str, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", chosen, indirect=True, ids=lambda case: f"{case[1]}-{case[0]}")


every_mode = cases(CASES)
# World knows the files of processes as little as that of an engine's container that has none mounted.
with_files = cases([(mode, subject) for mode, subject in CASES if subject != "pid"])
both_with_files = cases([(f"container, by {owner}", subject) for owner, options in OWNERS.items()
                         for subject in ("netns", "container") if not set(options) & {"pid", "netns_path"}])
joined_by_name = cases([(f"container, by {owner}", "netns") for owner in OWNERS])


def network_mode(mode: str) -> str:
    return "container:web" if mode.startswith("container") else mode


class Case:
    """A container x in a mode, and the tasks that make it so."""

    def __init__(self, mode: str, subject: str) -> None:
        self.world, self.mode, self.subject = World(), network_mode(mode), subject
        self.world.state.hosts_text = HOSTS
        self.world.state.resolv_texts["/etc/resolv.conf"] = RESOLV
        self.world.state.resolv_texts["/run/systemd/resolve/resolv.conf"] = "nameserver 192.0.2.53\nsearch example\n"
        self.world.bridge()
        self.owner = OWNERS[mode.partition(", by ")[2]] if self.mode == "container:web" else None
        owner = self._start_owner()
        self.target = self._start(owner)
        self.config = [{**self.target, "network_mode": self.mode}]
        if self.owner:
            self.config.append(self.owner)  # behind the one that shares its network

    def _start_owner(self) -> str:
        if not self.owner:
            return {"host": "/proc/1/ns/net"}.get(self.mode, "")
        if "container" in self.owner:
            return self.world.start(self.owner["container"])
        return self.world.process(77) if "netns" not in self.owner else named_path(self.owner["netns"])

    def _start(self, network: str) -> dict[str, Any]:
        if self.subject == "netns":
            return {"netns": "x"}
        if network.startswith("/run/netns"):  # somebody starts it there, so the namespace has to exist before
            self.world.run("netns_attach", **(self.owner or {}))
        if self.subject == "pid":
            self.world.process(88, network)
            self.world.state.hostnames[88] = None
            return {"pid": 88, "name": "x"}
        joins = "host" if self.mode == "host" else "none"
        if self.owner and "container" in self.owner:
            joins = f"container:{self.owner['container']}"
        path = self.world.start("x", joins)
        if network.startswith("/run/netns") or self.owner and "container" not in self.owner:
            self.world.state.namespaces[path] = self.world.state.namespaces[network]
        return {"container": "x"}

    def attach(self) -> World:
        self.world.run("netns_attach", config=self.config)
        return self.world


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    return Case(*request.param)


def run_as_checked(world: World, module: str, **given: Any) -> Any:
    """A task in check mode, for real, and once more: the first two say the same, the last one nothing."""
    checked = world.check(module, **given)
    done = world.run(module, **given)
    assert checked.steps == done.steps and checked.assumed == ()
    again = world.run(module, **given)
    assert again.steps == [] and again.after == done.after
    return done


def outcome(world: World, module: str, **given: Any) -> str:
    """What a task says where it fails, in check mode as a warning about an earlier task; "" where it does not."""
    try:
        checked = world.check(module, **given)
    except MooringError as error:
        assert world.refuses(module, **given) == str(error)
        return str(error)
    if checked.assumed:
        message = world.refuses(module, **given).removesuffix(".")
        assert [each.problem for each in checked.assumed] == [message]
        return message
    run_as_checked(world, module, **given)
    return ""


# netns_attach


@every_mode
def test_a_container_and_the_one_whose_network_it_shares_in_one_task(case: Case) -> None:
    done = run_as_checked(case.world, "netns_attach", config=case.config)
    view = done.after[0]
    assert (view["container"], view["network_mode"]) == ("x", case.mode)
    entry = case.world.state.named["x"]
    of_owner = case.world.state.named["web"].inode if case.owner else case.world.state.host.inode
    assert (entry.inode == of_owner) == (case.mode not in ("bridge", "none")) and entry.own


@every_mode
def test_one_task_after_the_other_makes_the_same(case: Case) -> None:
    other = case.world.copy()
    other.state.hosts_text = HOSTS
    for item in reversed(case.config):
        other.run("netns_attach", **item)
        assert other.run("netns_attach", **item).steps == []
    assert other.run("netns_attach", config=case.config).steps == []
    case.attach()
    assert case.world.run("netns_attach", **case.config[0]).steps == []
    assert {name: entry.link for name, entry in case.world.state.named.items()} == {
        name: entry.link for name, entry in other.state.named.items()}


@every_mode
def test_what_was_attached_goes_without_a_trace(case: Case) -> None:
    case.attach()
    gone = [{**{key: value for key, value in item.items() if key != "network_mode"}, "state": "absent"}
            for item in case.config]
    run_as_checked(case.world, "netns_attach", config=gone)
    assert case.world.state.named == {} and case.world.info()["endpoints"] == []
    assert not [name for name in case.world.state.host.links if name.startswith("veth")]


@every_mode
def test_from_a_mode_to_bridge_and_to_none(case: Case) -> None:
    """What is made here can change its mode. A process stays where it was started."""
    world = case.attach()
    shares = case.mode not in ("bridge", "none")
    inode = world.state.named["x"].inode
    for mode in ("none", "bridge"):
        if case.subject == "netns":
            done = run_as_checked(world, "netns_attach", **case.target, network_mode=mode)
            assert done.after[0]["network_mode"] == mode
            assert (world.state.named["x"].inode != inode) == shares
        elif case.mode == "host":
            assert "in the network of the host itself" in outcome(
                world, "netns_attach", **case.target, network_mode=mode)
    if case.owner:
        assert "eth0" in world.state.namespaces[named_path("web")].links


# port_publish, icc_policy


def without_interface(option: str, mode: str, instead: str) -> str:
    way_out = f", or {instead} web" if mode == "container:web" else ""
    return (f"{option} conflicts with network_mode '{mode}' of x, which has no interface of its own: attach it with "
            f"network_mode: bridge first{way_out}")


@every_mode
@pytest.mark.parametrize("state", ["present", "absent"])
def test_published_ports(case: Case, state: str) -> None:
    world = case.attach()
    world.attach("another")
    for name in ("a", "y"):  # others that share the same network are not the owner
        if case.owner:
            world.run("netns_attach", netns=name, network_mode="container:web")
    expected = "" if case.mode == "bridge" or state == "absent" else without_interface(
        "published_ports", case.mode, "publish ports of")
    assert outcome(world, "port_publish", container="x", published_ports=["8080:80"], state=state) == expected


@every_mode
@pytest.mark.parametrize("state", ["present", "absent"])
def test_links(case: Case, state: str) -> None:
    world = case.attach()
    world.attach("db")
    expected = "" if case.mode == "bridge" or state == "absent" else without_interface("links", case.mode, "link")
    given = {"container": "x", "links": ["db"], "exposed_ports": ["80"], "state": state}
    assert outcome(world, "icc_policy", **given) == expected
    expected = "" if case.mode == "bridge" or state == "absent" else without_interface("links", case.mode, "link to")
    given = {"netns": "db", "links": ["x"], "exposed_ports": ["80"], "state": state}
    assert outcome(world, "icc_policy", **given) == expected


# container_dns


OWN_ADDRESS = {"bridge": ["192.168.5.2"], "none": [], "host": [], "container:web": ["192.168.5.2"]}


@with_files
def test_names(case: Case) -> None:
    """Who has files of its own gets its name there, at the address of its network; else the owner's files stay."""
    world = case.attach()
    shared = case.subject == "container" and case.owner is not None and "container" in case.owner
    if shared:
        world.run("container_dns", **(case.owner or {}), hostname="front")
        before = picture(world.state)
        done = run_as_checked(world, "container_dns", **case.target)
        assert done.after[0]["container"] == "web" and picture(world.state) == before
        assert "hostname conflicts with network_mode 'container:web' of x, which has the files of web" in outcome(
            world, "container_dns", **case.target, hostname="back")
        assert run_as_checked(world, "container_dns", **case.target, state="absent").steps == []
        assert picture(world.state) == before
        return
    done = run_as_checked(world, "container_dns", **case.target, hostname="back")
    assert done.after[0]["addresses"] == OWN_ADDRESS[case.mode]
    lines = world.text("x").splitlines()
    assert [line for line in lines if line.endswith("\tback")] == [f"{a}\tback" for a in OWN_ADDRESS[case.mode]]
    of_host = "127.0.1.1\tbox.example box"
    assert lines.count(of_host) == (case.mode == "host") and lines.count("192.0.2.9 repo") == (case.mode == "host")
    servers = ["127.0.0.53"] if case.mode == "host" else ["192.0.2.53"]
    assert [line.split()[1] for line in world.text("x", "resolv.conf").splitlines()
            if line.startswith("nameserver")] == servers
    run_as_checked(world, "container_dns", **case.target, state="absent")
    text = world.text("x")
    assert text == (None if case.subject == "netns" else HOSTS if case.mode == "host" else "127.0.0.1\tlocalhost\n")


@both_with_files
@pytest.mark.parametrize("first", ["owner", "joiner"])
def test_names_of_both_in_one_task(case: Case, first: str) -> None:
    world = case.attach()
    assert case.owner
    config = [case.owner, case.target] if first == "owner" else [case.target, case.owner]
    run_as_checked(world, "container_dns", config=config)
    text = world.text(case.owner.get("netns") or case.owner["container"])
    assert "192.168.5.2\t" in text and "\tx\n" not in text


@joined_by_name
def test_names_follow_the_owner_of_the_network(case: Case) -> None:
    """The owner's next address, and what it is linked to, stand in the files of who shares its network."""
    world = case.attach()
    world.attach("db")
    world.run("container_dns", netns="x")
    world.run("icc_policy", container="web", links=["db:sql"], exposed_ports=["80"])
    assert "192.168.5.3\tsql db" in world.text("x")
    world.run("netns_attach", **(case.owner or {}), address="192.168.5.77")
    assert "192.168.5.77\tx\n" in world.text("x")


# veth_pair, network_info, the document


@every_mode
def test_a_pair_into_the_network(case: Case) -> None:
    world = case.attach()
    target = {key: value for key, value in case.target.items() if key != "name"}
    given = {"name": "p0", "peer": {"name": "p1", **target}}
    if case.mode == "host":
        assert "is in the network of the host itself. Name a container" in outcome(world, "veth_pair", **given)
        return
    run_as_checked(world, "veth_pair", **given)
    assert "p1" in world.state.namespaces[named_path("x")].links
    run_as_checked(world, "veth_pair", **given, state="absent")
    assert "p1" not in world.state.namespaces[named_path("x")].links


@every_mode
def test_what_is_kept(case: Case) -> None:
    world = case.attach()
    found = world.info()
    assert {endpoint["container"] for endpoint in found["endpoints"]} == (
        {"x"} if case.mode == "bridge" else {"web"} if case.owner else set())
    assert "x" in found["namespaces"] and found["drift"] == [] and found["leftovers"] == []
    of_x = world.info(container="x")
    assert len(of_x["endpoints"]) == (case.mode == "bridge") and of_x["published_ports"] == of_x["links"] == []


@every_mode
def test_the_document_makes_the_same(case: Case) -> None:
    other = case.world.copy()
    other.state.hosts_text, other.state.resolv_texts = HOSTS, dict(case.world.state.resolv_texts)
    containers = [{**item, "name": item.get("name") or item.get("container") or item["netns"]} for item in case.config]
    networks = [{"name": "br0", "bip": "192.168.5.1/24", "containers": containers}]
    checked = other.document(networks, False)
    done = other.document(networks)
    assert checked.steps == done.steps and other.document(networks).steps == []
    world = case.attach()
    assert {name: entry.link for name, entry in other.state.named.items()} == {
        name: entry.link for name, entry in world.state.named.items()}
    gone = [{**each, "state": "absent"} for each in containers]
    other.document([{**networks[0], "containers": gone}])
    assert other.state.named == {}
    assert other.document([{**networks[0], "containers": gone}]).steps == []


# What no table has


def test_a_chain_of_containers_in_any_order() -> None:
    world = World()
    world.bridge()
    config = [{"netns": "c", "network_mode": "container:b"}, {"netns": "b", "network_mode": "container:a"},
              {"netns": "a"}]
    run_as_checked(world, "netns_attach", config=config)
    assert {entry.inode for entry in world.state.named.values()} == {world.state.named["a"].inode}
    assert "publish ports of a" in world.refuses("port_publish", container="c", published_ports=["80"])


@pytest.mark.parametrize(("config", "message"), [
    ([("a", "a")], "network_mode: 'container:a' names the container itself. Name another container"),
    ([("a", "b"), ("b", "a")], "network_mode: 'container:a' leads back to it: a shares b shares a. Name another"),
    ([("x", "a"), ("a", "b"), ("b", "a")], "leads back to it: a shares b shares a"),
    ([("x", "nobody")], "network_mode: there is no namespace nobody: create it first"),
])
def test_networks_that_are_nobodys(config: list[tuple[str, str]], message: str) -> None:
    items = [{"netns": name, "network_mode": f"container:{owner}"} for name, owner in config]
    assert message in World().refuses("netns_attach", config=items)


def test_a_process_that_is_not_there_is_named_once() -> None:
    world = World()
    world.bridge()
    config = [{"pid": 5, "name": "web"}, {"netns": "x", "network_mode": "container:web"}]
    message = "pid: '5' is not a running process. Give the pid of a process of the container."
    assert world.refuses("netns_attach", config=config) == f"config[1] (netns x): {message}"
    assert {each.problem for each in world.check("netns_attach", config=config).assumed} == {message}


def test_the_owner_leaves_in_the_same_task() -> None:
    world = World()
    world.bridge()
    world.attach("web")
    config = [{"netns": "web", "state": "absent"}, {"netns": "x", "network_mode": "container:web", "state": "present"}]
    assert "there is no namespace web: create it first" in world.refuses("netns_attach", config=config)


def test_the_engine_is_not_asked_for_whom_the_task_names() -> None:
    world = World()
    world.bridge()
    world.process(77)
    world.run("netns_attach", config=[{"pid": 77, "name": "web"}, {"netns": "x", "network_mode": "container:web"}])
    assert world.questions == []


def test_an_adopted_container_is_one_on_a_bridge() -> None:
    world = World()
    world.bridge()
    path = world.start("web")
    inside, host = world.state.namespaces[path], world.state.host
    inside.links["eth0"] = Link("eth0", "veth", 2, up=True, peer_index=90, addresses=("192.168.5.9/24",))
    host.links["vethd"] = Link("vethd", "veth", 90, up=True, peer_index=2, controller="br0")
    config = [{"netns": "x", "network_mode": "container:web"}, {"container": "web", "adopt": True}]
    run_as_checked(world, "netns_attach", config=config)
    assert "or publish ports of web" in world.refuses("port_publish", netns="x", published_ports=["80"])
    run_as_checked(world, "port_publish", container="web", published_ports=["80:80"])
    world.run("container_dns", netns="x")
    assert "192.168.5.9\tx" in world.text("x")


def test_a_joiner_whose_owner_has_no_names_gets_none() -> None:
    """The files are the owner's, and nobody has said what is to be in them."""
    world = World()
    world.start("web")
    world.start("x", "container:web")
    before = picture(world.state)
    done = run_as_checked(world, "container_dns", container="x")
    assert picture(world.state) == before and done.after == (None,)
    assert done.warnings == ("x has the files of web, whose network it shares, and nothing is written: give web its "
                             "names with container_dns",)


def test_the_lines_of_a_host_follow_the_host() -> None:
    world = World()
    world.state.hosts_text = HOSTS
    world.run("netns_attach", netns="x", network_mode="host")
    world.run("container_dns", netns="x", etc_hosts={"registry": "192.0.2.7"})
    assert world.text("x").splitlines()[1:-1] == [
        "127.0.0.1\tlocalhost", "127.0.1.1\tbox.example box", "::1 localhost ip6-localhost", "192.0.2.9 repo",
        "192.0.2.7\tregistry"]
    world.state.hosts_text = HOSTS.replace("box", "crate")
    run_as_checked(world, "container_dns", netns="x", etc_hosts={"registry": "192.0.2.7"})
    assert "127.0.1.1\tcrate.example crate" in world.text("x")
    world.bridge()
    world.run("netns_attach", netns="x", network_mode="bridge")
    assert world.text("x").splitlines()[1:-1] == ["127.0.0.1\tlocalhost", "192.0.2.7\tregistry", "192.168.5.2\tx"]


def test_the_lines_of_the_host_go_with_its_network() -> None:
    world = World()
    world.state.hosts_text = HOSTS
    world.run("netns_attach", netns="x", network_mode="host")
    world.run("container_dns", netns="x")
    world.run("netns_attach", netns="x", network_mode="none")
    assert world.text("x").splitlines()[1:-1] == ["127.0.0.1\tlocalhost"]
    assert run_as_checked(world, "container_dns", netns="x").steps == []


@pytest.mark.parametrize(("mode", "given", "said"), [
    ("host", {"exposed_ports": [80], "mac_address": "02:42:00:00:00:09"}, "mac_address, exposed_ports of x has no "
     "effect with network_mode 'host', in which a container has no interface of its own"),
    ("none", {"exposed_ports": [80]}, "exposed_ports of x has no effect with network_mode 'none', in which"),
    ("container:web", {"exposed_ports": [80]}, "exposed_ports of x has no effect with network_mode 'container:web', in "
     "which a container has no interface of its own: say it for web")])
def test_what_an_image_brings_along_is_left_out_with_a_warning(mode: str, given: dict[str, Any], said: str) -> None:
    world = World()
    world.bridge()
    world.attach("web")
    plan = world.run("netns_attach", netns="x", network_mode=mode, **given)
    assert len(plan.warnings) == 1 and plan.warnings[0].startswith(said)
    assert world.run("netns_attach", netns="x", network_mode=mode, **given).operations == ()
    assert world.run("netns_attach", netns="x", network_mode=mode, **given, state="absent").warnings == ()
    networks = [{"name": "br0", "containers": [{"name": "web"}, {"name": "x", "network_mode": mode, **given}]}]
    plan = world.document(networks, persist=True)
    assert any(said in warning for warning in plan.warnings)
    assert not any(option in world.state.lasting["applied.json"] for option in given)


def test_who_shares_a_network_without_an_interface_is_told_with_whom() -> None:
    """The owner has no interface, and of processes nobody knows which one the others have joined."""
    world = World()
    world.bridge()
    path = world.process(77)
    world.process(78, path)
    world.process(79, path)
    for pid, name in ((77, "web"), (78, "x"), (79, "y")):
        world.run("netns_attach", pid=pid, name=name, network_mode="none" if name == "web" else "container:web")
    assert world.refuses("port_publish", container="x", published_ports=["8080:80"]) == (
        "published_ports is not possible for x, which has the network of web, y and no interface of its own: attach "
        "the one whose network it is with network_mode: bridge first, and publish ports of that.")


@pytest.fixture
def joined() -> World:
    """Docker runs two containers with the network of a third one."""
    world = World()
    world.bridge()
    world.start("owner")
    for name in ("one", "two"):
        world.start(name, "container:owner")
    return world


def asked_of_each_other(world: World) -> list[str]:
    found = []
    for name, other in (("one", "two"), ("two", "one")):
        found.append(world.refuses("port_publish", container=name, published_ports=["8080:80"]))
        found.append(world.refuses("icc_policy", container=name, links=[other]))
    return found


def test_joiners_of_one_owner_are_told_the_owner_and_each_other(joined: World) -> None:
    joined.run("netns_attach", config=[{"container": name, "network_mode": "container:owner"} for name in
                                       ("one", "two")])
    assert asked_of_each_other(joined) == [
        f"{option} is not possible for {name}, which has the network of owner, as {other} has, and no interface of its "
        f"own: attach owner with network_mode: bridge first, and {instead} owner."
        for name, other in (("one", "two"), ("two", "one"))
        for option, instead in (("published_ports", "publish ports of"), ("links", "link"))]
    joined.start("third", "container:owner")
    joined.run("netns_attach", container="third", network_mode="container:owner")
    assert "owner, as third and two have, and no" in asked_of_each_other(joined)[0]
    joined.run("netns_attach", container="owner", bridge="br0")
    assert all("conflicts with network_mode 'container:owner' of " in each for each in asked_of_each_other(joined))


def test_joiners_that_nobody_registered_are_told_the_owner(joined: World) -> None:
    for attached, first in ((False, "attach owner with network_mode: bridge first, and "), (True, "")):
        if attached:
            joined.run("netns_attach", container="owner", bridge="br0")
        assert asked_of_each_other(joined) == [
            f"{option} is not possible for {name}, which has the network of owner and no interface of its own: "
            f"{first}{instead} owner." for name in ("one", "two")
            for option, instead in (("published_ports", "publish ports of"), ("links", "link"))]
    assert joined.refuses("icc_policy", container="owner", links=["one"]) == (
        "links is not possible for one, which has the network of owner and no interface of its own: link to owner")
    for name in ("one", "two"):
        with pytest.raises(Failed) as caught:
            joined.run("netns_attach", container=name, bridge="br0")
        assert (f"network_mode: 'bridge' is not possible for {name}, which has the network of owner and its interface "
                "eth0. Say network_mode: container:owner") in str(caught.value)


def test_an_owner_without_an_interface_is_not_told_to_ask_those_that_joined_it() -> None:
    world = World()
    world.bridge()
    world.run("netns_attach", config=[{"netns": "owner", "network_mode": "none"},
                                      {"netns": "one", "network_mode": "container:owner"}])
    assert world.refuses("port_publish", netns="owner", published_ports=["8080:80"]) == (
        "published_ports conflicts with network_mode 'none' of owner, which has no interface of its own: attach it "
        "with network_mode: bridge first.")
