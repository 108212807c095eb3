# SPDX-License-Identifier: GPL-3.0-or-later
"""By what a network namespace is known again, and what becomes of a name that leads to another one."""
from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import HostError
from ansible_collections.mooring.net.plugins.module_utils._internal.engine.places import HostPlaces
from ansible_collections.mooring.net.plugins.module_utils._internal.files import adapter as files
from ansible_collections.mooring.net.plugins.module_utils._internal.files import marks, uts
from ansible_collections.mooring.net.plugins.module_utils._internal.files.model import (HostsSettings, ObservedFile,
                                                                                        Place, ResolvSettings, Site)
from ansible_collections.mooring.net.plugins.module_utils._internal.files.operations import (FileDel, FileWrite,
                                                                                             HostnameSet)
from ansible_collections.mooring.net.plugins.module_utils._internal.host.registration import NetnsRecord
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Namespace
from ansible_collections.mooring.net.plugins.module_utils._internal.netns import enter, opening, processes
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.enter import Namespaces
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import (HOST, Identity, NamedNetns,
                                                                                        NetnsMark, ReplacedNetns,
                                                                                        TakenNetns, UnidentifiedNetns,
                                                                                        named_path)
from world import Failed, World

LINK = "/proc/77/ns/net"
OF_PROCESS = Identity(4, 4026532248, started="12345", boot="88c8e49c")
MOUNTED = Identity(4, 4026532248, made=1764096451009920818, boot="88c8e49c")


@pytest.mark.parametrize(("mark", "text"), [
    (NetnsMark(LINK, OF_PROCESS), f"{LINK}\ndevice=4 inode=4026532248 started=12345 boot=88c8e49c\n"),
    (NetnsMark("4026532248", MOUNTED),
     "4026532248\ndevice=4 inode=4026532248 made=1764096451009920818 boot=88c8e49c\n"),
])
def test_a_mark_is_read_back(mark: NetnsMark, text: str) -> None:
    assert mark.text == text and NetnsMark.parse(text) == mark


@pytest.mark.parametrize(("text", "mark"), [
    ("4026532248\n", NetnsMark("4026532248")),
    (f"{LINK}\n", NetnsMark(LINK)),
    ("", NetnsMark("")),
    (f"{LINK}\ndevice=4", NetnsMark(LINK)),
    (f"{LINK}\ndevice=x inode=y\n", NetnsMark(LINK)),
    (f"{LINK}\n{OF_PROCESS.text} later=word and more\n", NetnsMark(LINK, OF_PROCESS)),
])
def test_marks_of_other_versions_and_damaged_ones(text: str, mark: NetnsMark) -> None:
    assert NetnsMark.parse(text) == mark


def other(**changed: object) -> Identity:
    return Identity(**{**vars(OF_PROCESS), **changed})  # type: ignore[arg-type]


INODE = OF_PROCESS.inode


@pytest.mark.parametrize(("link", "found", "mark", "entry"), [
    (LINK, OF_PROCESS, NetnsMark(LINK, OF_PROCESS), NamedNetns(INODE, LINK, own=True)),
    (LINK, None, NetnsMark(LINK, OF_PROCESS), NamedNetns(0, LINK, own=True)),
    (LINK, OF_PROCESS, NetnsMark(LINK), UnidentifiedNetns(INODE, LINK, own=True)),
    (LINK, OF_PROCESS, NetnsMark("/proc/78/ns/net", OF_PROCESS), TakenNetns(INODE, LINK)),
    (LINK, OF_PROCESS, NetnsMark("7"), TakenNetns(INODE, LINK)),
    (LINK, OF_PROCESS, NetnsMark(""), NamedNetns(INODE, LINK)),
    (LINK, OF_PROCESS, None, NamedNetns(INODE, LINK)),
    *((LINK, different, NetnsMark(LINK, OF_PROCESS), ReplacedNetns(0, LINK, own=True)) for different in (
        other(started="12346"), other(inode=INODE + 1), other(boot="other"), other(device=5), other(started=""))),
    ("", MOUNTED, NetnsMark(str(INODE), MOUNTED), NamedNetns(INODE, own=True)),
    ("", MOUNTED, NetnsMark(str(INODE)), UnidentifiedNetns(INODE, own=True)),
    ("", MOUNTED, NetnsMark(str(INODE), Identity(4, INODE, made=5, boot="88c8e49c")), TakenNetns(INODE)),
    ("", MOUNTED, NetnsMark("7", MOUNTED), TakenNetns(INODE)),
    ("", MOUNTED, NetnsMark("7"), TakenNetns(INODE)),
    ("", MOUNTED, NetnsMark(LINK, OF_PROCESS), TakenNetns(INODE)),
    ("", None, NetnsMark(str(INODE), MOUNTED), NamedNetns(0, own=True)),  # what was below the mount
    ("", None, NetnsMark(LINK, OF_PROCESS), NamedNetns(0)),
    (LINK, None, NetnsMark(str(INODE), MOUNTED), NamedNetns(0, LINK)),
    ("", None, None, NamedNetns(0)),
])
def test_what_an_entry_is(link: str, found: Identity | None, mark: NetnsMark | None, entry: NamedNetns) -> None:
    assert NamedNetns.of(link, found, mark) == entry


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Identity]:
    """Files in the place of namespaces, and which namespaces they are."""
    found: dict[str, Identity] = {}
    monkeypatch.setattr(enter, "identify", lambda path, _stat: found[path])
    monkeypatch.setattr(enter, "open_namespace", lambda _path: os.open(tmp_path, os.O_RDONLY))
    monkeypatch.setattr(os.path, "islink", lambda path: str(path).startswith("/run/netns/"))
    monkeypatch.setattr(os, "readlink", lambda _path: LINK)
    return found


def test_a_path_leads_to_the_same_namespace_until_the_end_of_a_run(places: dict[str, Identity]) -> None:
    namespaces = Namespaces({})
    places[LINK] = OF_PROCESS
    for _time in range(2):
        os.close(namespaces.open(LINK))
    places[LINK] = other(started="12346")
    with pytest.raises(HostError, match=f"namespace {LINK} is another one than a moment ago"):
        namespaces.open(LINK)


@pytest.mark.parametrize("path", ["/run/netns/web", "/var/run/netns/web"])
def test_a_name_leads_to_what_was_registered(places: dict[str, Identity], path: str,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "islink", lambda path: True)
    places[path] = OF_PROCESS
    os.close(Namespaces({"web": NetnsMark(LINK, OF_PROCESS)}).open(path))
    os.close(Namespaces({"web": NetnsMark(LINK)}).open(path))
    os.close(Namespaces({}).open(path))
    places[path] = other(started="12346")
    namespaces = Namespaces({"web": NetnsMark(LINK, OF_PROCESS)})
    with pytest.raises(HostError, match=f"{path} leads to another network namespace than the one that was registered"):
        namespaces.open(path)
    namespaces.remember("web", NetnsMark(LINK, places[path]))
    os.close(namespaces.open(path))


def test_what_is_opened_is_closed_again(places: dict[str, Identity]) -> None:
    before = os.listdir("/proc/self/fd")
    places["/run/netns/web"] = other(started="12346")
    with pytest.raises(HostError):
        Namespaces({"web": NetnsMark(LINK, OF_PROCESS)}).open("/run/netns/web")
    assert os.listdir("/proc/self/fd") == before


def test_a_process_is_known_by_when_it_started() -> None:
    own = processes.start_time(os.getpid())
    assert own.isdigit() and processes.start_time(os.getpid()) == own
    assert processes.start_time(2 ** 22 + 1) == ""  # PID_MAX_LIMIT is 2 ** 22


def test_a_path_through_a_process_is_known_by_the_process() -> None:
    path = f"/proc/{os.getpid()}/ns/net"
    found = enter.identify(path, os.stat(path))
    assert (found.started, found.made) == (processes.start_time(os.getpid()), 0)
    assert found.inode == os.stat(path).st_ino and found.boot == processes.boot()


def test_a_link_is_followed_to_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "is_roots", lambda _path: True)
    (tmp_path / "one").symlink_to(f"/proc/{os.getpid()}/ns/net")
    (tmp_path / "two").symlink_to("one")
    path = str(tmp_path / "two")
    assert enter.identify(path, os.stat(path)).started == processes.start_time(os.getpid())


def test_one_that_answers_is_opened_however_many_did_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody could put something else there, so that a child looks; how long children were waited for has an end."""
    monkeypatch.setattr(opening, "_waited", [opening.SECONDS] * 100)
    monkeypatch.setattr(opening, "_silent", {f"/srv/{number}": None for number in range(100)})
    monkeypatch.setattr(opening, "is_roots", lambda _path: False)
    path, gone = tmp_path / "theirs", tmp_path / "gone"
    path.symlink_to("/proc/thread-self/ns/net")
    gone.symlink_to("/dev/null")
    descriptor = opening.open_namespace(str(path))
    inode = os.fstat(descriptor).st_ino
    os.close(descriptor)
    assert opening.find_inodes([str(path), str(gone)])[str(path)][1] == inode == os.stat("/proc/self/ns/net").st_ino
    assert list(enter.find_identities([str(path), str(gone), str(tmp_path)])) == [str(path)]
    monkeypatch.setattr(opening, "is_roots", lambda _path: True)
    (tmp_path / "left").touch()  # what was below a mount that is gone
    assert list(enter.find_identities([str(path), str(gone), str(tmp_path / "left")])) == [str(path)]


def test_a_file_of_a_process_is_not_another_ones() -> None:
    """Whoever gets the number between two looks has nothing read or written."""
    pid, root = os.getpid(), f"/proc/{os.getpid()}/root"
    mine, other_ones = (Place(root, "etc/hosts", started) for started in (processes.start_time(pid), "1"))
    assert files.read(mine).problem == "is the host's own file, since the process has no mounts of its own"
    assert files.read(Place(root, "etc/never")).text is None
    assert files.read(other_ones) == ObservedFile()
    operations = (FileWrite(other_ones, "", None, "hosts of c1"), FileDel(other_ones, "", "hosts of c1"))
    for error in files.carry_out(operations):
        assert str(error).endswith(f"hosts of c1 ({root}/etc/hosts): the process has ended")


def test_a_host_name_of_a_process_is_not_another_ones() -> None:
    assert uts.hostnames([(os.getpid(), "1")]) == {}
    error, = files.carry_out([HostnameSet(os.getpid(), "a", "b", "c1", "1")])
    assert str(error) == "cannot set the host name of c1 to a (was b): the process has ended"


def test_a_record_says_whose_files_they_are() -> None:
    found = {"hosts": Place("/proc/7/root", "etc/hosts", "55"), "hostname": Place("/var/lib/x", "hostname"),
             "resolv.conf": Place("/var/lib/x", "resolv.conf")}
    site = Site("c1", "docker", "c1", tuple(found.items()), pid=7, started="55")
    hint = marks.read_hint(marks.hint_text(site, HostsSettings("c1"), ResolvSettings("c1")))
    assert hint is not None and hint.site == site


def test_a_container_that_restarts_while_its_namespace_is_opened_is_looked_up_again() -> None:
    """Its number may be somebody else's by then."""
    world = World()
    world.bridge()
    world.start("web")
    looks = []

    def outdated(_places: object) -> list[str]:
        looks.append(len(world.questions))
        return ["web"] if len(looks) == 2 else []

    with mock.patch.object(HostPlaces, "find_outdated", outdated):
        world.run("netns_attach", container="web")
    assert looks[:4] == [1, 1, 2, 2]


# What modules make of a name that leads to another namespace


@pytest.fixture
def lost() -> World:
    """A world where c1 was process 77, and the number is another process's now."""
    world = World()
    world.bridge()
    world.process(77)
    world.run("netns_attach", pid=77, name="c1")
    world.publish("c1", "8080:80")
    world.host.end_namespace(LINK)
    world.process(77)
    world.state.named["c1"] = ReplacedNetns(0, LINK, own=True)
    return world


def test_the_number_given_again_inherits_nothing(lost: World) -> None:
    lost.process(78)
    assert lost.check("netns_attach", pid=78, name="c1").warnings == ()
    plan = lost.run("netns_attach", pid=77, name="c1")
    assert plan.warnings == (
        "process 77 is another one than that which was registered as c1 and has ended. It gets none of its published "
        "ports and links (0.0.0.0:8080->192.168.5.2:80/tcp): say them again if it is the same container",)
    assert lost.info()["published_ports"] == [] and lost.state.named["c1"] == NamedNetns(40077, LINK, own=True)
    assert lost.run("netns_attach", pid=77, name="c1").operations == ()


def test_another_number_gets_back_what_the_container_had(lost: World) -> None:
    lost.process(78)
    lost.run("netns_attach", pid=78, name="c1")
    assert lost.info()["published_ports"] == ["c1 0.0.0.0:8080->192.168.5.2:80/tcp"]


def test_an_engine_knows_whether_it_is_the_same_container() -> None:
    world = World()
    world.bridge()
    path = world.start("web")
    world.run("netns_attach", container="web")
    world.publish("web", "8080:80")
    world.state.named["web"] = ReplacedNetns(0, path, own=True)
    plan = world.run("netns_attach", container="web")
    assert plan.steps[:2] == ["unregister namespace web", f"register {path} as namespace web"]
    assert world.info()["published_ports"] == ["web 0.0.0.0:8080->192.168.5.2:80/tcp"]


def test_a_name_that_leads_elsewhere_is_said_by_every_module(lost: World) -> None:
    gone = "/run/netns/c1 leads to another network namespace than the one that was registered, which has ended"
    assert lost.refuses("veth_pair", name="x", peer={"name": "y", "netns": "c1"}).startswith(f"{gone}: ")
    assert gone in lost.refuses("netns_attach", netns="c2", network_mode="container:c1")
    assert "/run/netns/c1: leads to another network namespace than the one that was registered, which has ended" in (
        lost.info()["leftovers"])
    with pytest.raises(Failed, match=gone):  # what is not about c1 is repaired all the same
        lost.run("container_dns", netns="c1")
    lost.run("netns_attach", netns="c1", state="absent")
    assert "c1" not in lost.state.named and lost.info()["leftovers"] == []


def test_a_path_through_a_process_is_the_name_of_that_process_only() -> None:
    world = World()
    world.bridge()
    world.process(77)
    world.run("netns_attach", netns_path=LINK)
    world.run("port_publish", netns_path=LINK, published_ports=["8080:80"])
    assert world.run("netns_attach", netns_path=LINK).operations == ()
    world.host.end_namespace(LINK)
    world.process(77)
    plan = world.run("netns_attach", netns_path=LINK)
    assert plan.warnings == (
        f"the process of {LINK} is another one than that which was registered as {LINK} and has ended. It gets none of "
        "its published ports and links (0.0.0.0:8080->192.168.5.2:80/tcp): say them again if it is the same container",)
    assert world.info()["published_ports"] == [] and world.run("netns_attach", netns_path=LINK).operations == ()


def test_what_somebody_put_in_the_place_of_a_namespace_is_let_go_before_it_is_used() -> None:
    world = World()
    world.bridge()
    world.attach("web")
    world.publish("web", "8080:80")
    path = named_path("web")
    theirs = world.state.namespaces.pop(path)
    world.state.named["web"] = TakenNetns(theirs.inode)
    taken = "is another network namespace than the one that was registered: somebody put it in its place"
    remedy = "let go of the name with netns_attach state=absent, after which it is used like any other"
    for more in ({}, {"create_netns": False}):
        assert world.refuses("netns_attach", netns="web", **more) == (
            f"netns: 'web' {taken}. Remove it with `ip netns delete web`, or {remedy}.")
    assert world.refuses("veth_pair", name="x", peer={"name": "y", "netns": "web"}) == (
        f"{path} {taken}: {remedy} first.")
    assert f"{path} {taken}: {remedy}" in world.refuses("container_dns", netns="web")
    with pytest.raises(Failed, match=f"{path} {taken}"):
        world.run("docker_bridge", name="br0", mtu=1400)
    assert f"{path}: {taken}" in world.info()["leftovers"]
    other = world.copy()
    assert "forget that namespace web was made here" in world.run("netns_attach", netns="web", state="absent").steps
    assert world.state.named == {"web": NamedNetns(theirs.inode)} and world.info()["leftovers"] == []
    assert world.info()["published_ports"] == []
    world.state.namespaces[path] = Namespace(theirs.inode)
    world.attach("web")
    assert "forget that namespace web was made here" in other.document(exclusive=True).steps
    assert other.state.named == {"web": NamedNetns(theirs.inode)}


def test_the_host_itself_is_no_end_of_a_pair() -> None:
    world = World()
    for way in ({"pid": 1}, {"netns_path": "/proc/1/ns/net"}):
        (option, value), = way.items()
        message = f"{option}: '{value}' is in the network of the host itself. Name a container with a network of "
        assert world.refuses("veth_pair", name="x", peer={"name": "y", **way}).startswith(message)
        assert world.refuses("veth_pair", name="x", **way, peer={"name": "y"}).startswith(message)
        assert world.run("veth_pair", name="ens3", **way, state="absent").operations == ()
        assert world.refuses("netns_attach", **way).startswith(message)


def test_marks_of_earlier_versions_are_completed_once() -> None:
    world = World()
    world.bridge()
    world.state.named["old"] = UnidentifiedNetns(99, own=True)
    world.state.named["gone"] = UnidentifiedNetns(0, own=True)
    world.state.namespaces[named_path("old")] = Namespace(99)
    assert world.info()["drift"] == ["record which namespace old is"]
    assert world.bridge().operations == (NetnsRecord("old"),)
    assert world.bridge().operations == ()
    assert world.state.namespaces[HOST] is world.state.host


def test_an_endpoint_is_followed_only_where_it_is() -> None:
    """A path through a process has no mark: the interface itself tells whose the namespace is."""
    world = World()
    world.bridge()
    world.process(77)
    world.run("netns_attach", netns_path=LINK)
    world.state.namespaces[LINK] = Namespace(50000)
    with pytest.raises(Failed, match=f"{LINK} is not where eth0 of {LINK} is"):
        world.run("docker_bridge", name="br0", mtu=1400)
    assert world.state.namespaces[LINK].links == {} and world.state.host.links["br0"].mtu == 1400


def test_what_a_name_under_run_netns_leads_to_is_the_kernels_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    links = {named_path("c1"): LINK, named_path("c2"): "/run/user/1000/ns", "/home/u/ns": LINK}
    monkeypatch.setattr(opening, "is_roots", lambda path: path.startswith("/run/netns"))

    def readlink(path: str) -> str:
        if path not in links:
            raise OSError(path)
        return links[path]

    monkeypatch.setattr(opening.os, "readlink", readlink)
    paths = (LINK, named_path("c1"), named_path("c2"), named_path("c3"), "/home/u/ns", "/home/u/x")
    assert {path: end for path in paths if (end := opening.find_end(path))} == {
        LINK: LINK, named_path("c1"): LINK, named_path("c3"): named_path("c3")}
