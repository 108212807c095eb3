# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose files get which names, what they follow, and what comes back."""
from __future__ import annotations

import dataclasses
import json

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import HostError, MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.core.plan import Assumption
from ansible_collections.mooring.net.plugins.module_utils._internal.files.block import filler
from ansible_collections.mooring.net.plugins.module_utils._internal.files.model import ObservedFile, Place
from ansible_collections.mooring.net.plugins.module_utils._internal.files.operations import FileWrite
from ansible_collections.mooring.net.plugins.module_utils._internal.run import commands, frame
from world import World, docker_place, netns_place, picture


@pytest.fixture
def world() -> World:
    found = World()
    found.state.resolv_texts["/etc/resolv.conf"] = "nameserver 192.0.2.53\n"
    found.bridge()
    found.attach("web", "db")
    return found


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def hint(world: World, name: str = "docker-app") -> dict:
    return json.loads(world.state.files[Place("/run", f"mooring/dns/{name}")].text)


@pytest.fixture
def app(world: World) -> World:
    """A container of Docker's on the bridge, with names."""
    world.start("app")
    world.run("netns_attach", container="app")
    world.run("container_dns", container="app", hostname="front")
    return world


def test_what_is_returned(world: World) -> None:
    found = world.name("web", hostname="front", etc_hosts={"gw": "host-gateway"}).after[0]
    assert found == {
        "container": "web", "kind": "netns", "name": "web", "hostname": "front", "domainname": "", "names": ["front"],
        "files": {file: f"/etc/netns/web/{file}" for file in ("hosts", "hostname", "resolv.conf")},
        "addresses": ["192.168.5.2"], "etc_hosts": {"gw": "host-gateway"}, "links": [], "dns_servers": ["192.0.2.53"],
        "dns_search_domains": [], "dns_opts": [], "follows_host": True, "intact": True}
    assert world.info()["dns"] == [found] and world.info(container="db")["dns"] == []
    assert world.info(bridge="br0")["dns"] == [found]


def test_containers_follow_the_host_in_every_run_about_them(world: World) -> None:
    world.run("container_dns", config=[{"netns": "web"}, {"netns": "db", "dns_servers": ["192.0.2.1"]}])
    world.state.resolv_texts["/etc/resolv.conf"] = "nameserver 192.0.2.54\nsearch example.org\n"
    assert world.info()["drift"] == ["change resolv.conf of db", "change resolv.conf of web"]
    world.publish("web", "8080:80")
    assert len(world.info()["drift"]) == 2, "files of which nobody asked are not even read"
    world.attach("web", "db")
    assert lines(world.text("web", "resolv.conf")) == ["nameserver 192.0.2.54", "search example.org"]
    assert lines(world.text("db", "resolv.conf")) == ["nameserver 192.0.2.1", "search example.org"]
    assert world.info()["drift"] == []


def test_addresses_gateway_and_links_follow(world: World) -> None:
    world.run("container_dns", config=[{"netns": "web", "etc_hosts": {"gw": "host-gateway"}, "dns_servers": [
        "host-gateway"]}, {"netns": "db", "hostname": "sql"}])
    world.link("web", "db:database", exposed_ports=["5432"])
    world.run("docker_bridge", name="br0", bip="10.8.0.1/24")
    assert lines(world.text("web")) == ["127.0.0.1\tlocalhost", "10.8.0.3\tdatabase sql db", "10.8.0.1\tgw",
                                        "10.8.0.2\tweb"]
    assert lines(world.text("web", "resolv.conf")) == ["nameserver 10.8.0.1"]
    world.name("db", hostname="store")
    assert "10.8.0.3\tdatabase store db" in lines(world.text("web"))
    world.run("container_dns", netns="db", state="absent")
    assert "10.8.0.3\tdatabase db" in lines(world.text("web"))
    world.run("netns_attach", netns="db", state="absent")
    assert not any("database" in line for line in lines(world.text("web")))


def test_a_new_host_name_is_known_to_all_of_the_task(world: World) -> None:
    world.link("web", "db:database", exposed_ports=["5432"])
    plan = world.run("container_dns", config=[{"netns": "web"}, {"netns": "db", "hostname": "sql"}])
    assert len(plan.operations) == 6, "each file is written once"
    assert "192.168.5.3\tdatabase sql db" in lines(world.text("web"))


def test_a_link_without_ports_and_with_icc_has_a_name(world: World) -> None:
    world.link("web", "db:database")
    world.name("web")
    assert "192.168.5.3\tdatabase db" in lines(world.text("web"))


def test_a_container_that_nobody_attached_has_the_addresses_of_its_interfaces(world: World) -> None:
    world.run("netns_attach", netns="other", network_mode="none")
    world.run("veth_pair", name="a", peer={"name": "b", "netns": "other", "addresses": ["10.7.0.2/30"]})
    found = world.name("other")
    assert found.after[0]["addresses"] == ["10.7.0.2"]
    assert lines(world.text("other")) == ["127.0.0.1\tlocalhost", "10.7.0.2\tother"]
    world.bridge("br1", "10.8.0.1/24")  # a run that does not look into the namespace leaves it
    assert lines(world.text("other")) == ["127.0.0.1\tlocalhost", "10.7.0.2\tother"]


@pytest.mark.parametrize("file", ["hosts", "hostname", "resolv.conf"])
def test_a_file_that_is_not_the_containers_own_is_refused(world: World, file: str) -> None:
    world.state.files[netns_place("web", file)] = ObservedFile(problem="is a symbolic link")
    assert world.refuses("container_dns", netns="web") == (
        f"names of web: netns: 'web' cannot get a {file}: /etc/netns/web/{file} is a symbolic link. Give the container "
        "a plain file of its own there.")


def test_a_path_without_a_name_has_no_files(world: World) -> None:
    assert world.refuses("container_dns", netns_path="/proc/7/ns/net") == (
        "netns_path: '/proc/7/ns/net' is not below /run/netns, and only namespaces with a name there have files of "
        "their own. Use netns for a name, or pid or container for what runs in it.")
    for name in ("..", "."):
        assert world.refuses("container_dns", netns_path=f"/run/netns/{name}", name="web").startswith(
            f"netns_path: '{name}' is not the name of a network namespace")
    world.run("container_dns", netns_path="/run/netns/web")
    assert world.text("web", "hostname") == "web\n"


def test_what_is_missing_is_assumed_in_check_mode_only(world: World) -> None:
    assert world.check("container_dns", netns="nobody").assumed == (
        Assumption("there is no namespace nobody: create it with netns_attach first", "creates namespace nobody",
                   "nobody"),)
    assert "there is no namespace nobody" in world.refuses("container_dns", netns="nobody")
    problem = ("container: 'nobody' is not a running container (docker says: no such container; podman is not "
               "installed)")
    assert problem in world.refuses("container_dns", container="nobody")
    assert problem in world.check("container_dns", container="nobody").assumed[0].problem
    assert "pid: '77' is not a running process" in world.refuses("container_dns", pid=77)
    world.run("netns_attach", netns="alone", network_mode="none")
    assert world.refuses("container_dns", netns="alone", dns_servers=["host-gateway"]) == (
        "dns_servers: host-gateway is the address of a bridge, and alone is on none that this collection manages: "
        "attach it with netns_attach first.")


def test_a_name_that_is_no_host_name_is_given_to_nobody(world: World) -> None:
    world.attach("my_web")
    found = world.name("my_web")
    assert found.warnings == ("my_web gets no host name, since 'my_web' is not a host name (RFC 1123): give one with "
                              "hostname",)
    assert lines(world.text("my_web")) == ["127.0.0.1\tlocalhost"] and world.text("my_web", "hostname") is None


def test_the_warning_about_a_name_comes_with_what_is_written(world: World) -> None:
    world.attach("my_web", "shop_db_1")
    assert len(world.name("my_web").warnings) == 1
    assert (again := world.name("my_web")).warnings == () and again.steps == []
    assert world.check("container_dns", netns="my_web").warnings == ()
    assert len(world.name("my_web", etc_hosts={"my_gw": "host-gateway"}).warnings) == 1
    document = [{"name": "br0", "bip": "192.168.5.1/24", "containers": [{"name": "a_b"}]}]
    assert "a_b gets no host name" in str(world.document(document).warnings)
    assert world.document(document).warnings == ()


def test_containers_with_underscores_find_each_other(world: World) -> None:
    """As Docker has it: the names of a link are alias and name of the other container, whatever its host name."""
    world.attach("my_web", "shop_db_1")
    world.link("my_web", "shop_db_1:my_db", "shop_db_1")
    world.name("my_web", etc_hosts={"_tcp.example.com": "192.0.2.9"})
    address = world.inner("shop_db_1").addresses[0].partition("/")[0]
    text = lines(world.text("my_web"))
    assert f"{address}\tmy_db shop_db_1" in text and f"{address}\tshop_db_1" in text
    assert "192.0.2.9\t_tcp.example.com" in text
    assert world.link("my_web", "shop_db_1:my_db", "shop_db_1").steps == []


def test_two_containers_cannot_have_one_file(world: World) -> None:
    world.name("web")
    assert "netns: 'web' has the files of container web. Say all about them as web" in world.refuses(
        "container_dns", netns="web", name="other")


def test_two_names_of_one_container_of_docker(app: World) -> None:
    assert "container: 'app' has the files of container app. Say all about them as app" in app.refuses(
        "container_dns", container="app", name="other")


# A container of an engine


def test_a_container_of_docker_gets_its_own_files(app: World) -> None:
    assert lines(app.text("app")) == ["127.0.0.1\tlocalhost", "192.168.5.4\tfront"]
    assert app.text("app", "hostname") == "front\n"
    assert app.state.hostnames[app.engine["app"]] == "front"
    assert hint(app)["files"]["hosts"] == ["/var/lib/docker/containers/app", "hosts"]
    again = app.run("container_dns", container="app")
    assert again.after[0]["hostname"] == "front", "what a running container calls itself"
    before = app.engine["app"]
    app.run("container_dns", container="app", state="absent")
    assert (app.text("app"), app.text("app", "hostname")) == ("127.0.0.1\tlocalhost\n", f"{before:012}\n")
    assert app.text("app", "resolv.conf") == "nameserver 192.0.2.53\n"
    assert app.state.hostnames[before] == f"{before:012}"
    assert not any(place.under == "/run" for place in app.state.files)


def test_the_default_host_name_is_what_the_container_has(world: World) -> None:
    world.start("app")
    world.run("netns_attach", container="app")
    found = world.run("container_dns", container="app").after[0]
    assert found["hostname"] == f"{world.engine['app']:012}"


def test_what_a_process_calls_itself_is_told_to_nobody_else(world: World) -> None:
    """It may be root in a user namespace, and call itself what it likes; Docker's containers cannot."""
    world.process(77)
    world.state.hostnames[77] = "bank.example"
    world.run("netns_attach", pid=77, name="legacy")
    world.link("web", "legacy:db")
    world.name("web")
    found = world.run("container_dns", pid=77, name="legacy").after[0]
    assert found["hostname"] == "bank.example"
    assert not any("bank" in line for line in lines(world.text("web")))
    world.bridge()
    assert "192.168.5.4\tdb legacy" in lines(world.text("web"))
    world.run("container_dns", pid=77, name="legacy", hostname="shop")
    assert "192.168.5.4\tdb shop legacy" in lines(world.text("web"))
    assert world.run("container_dns", pid=77, name="legacy", hostname="shop").operations == ()


def test_what_a_container_writes_does_nothing_to_a_terminal(world: World,
                                                            capsys: pytest.CaptureFixture[str]) -> None:
    """What is told of a run is a line each, whatever a container calls itself. So is what `mooring replay` writes."""
    forged = "x\nremove bridge br0\x1b[2J\u202e\udcff"
    world.process(77)
    world.state.hostnames[77] = forged
    world.run("netns_attach", pid=77, name="legacy")
    plan = world.run("container_dns", pid=77, name="legacy", hostname="shop")
    assert any(r"(was x\nremove bridge br0\x1b[2J\u202e\udcff)" in action for action in plan.actions)
    hosts = Place("/proc/77/root", "etc/hosts", "1")
    text = world.state.files[hosts].text or ""
    world.state.files[hosts] = ObservedFile(text.replace(
        "# mooring:end", "10.6.6.6\tbank\x1b[2J\u202e\udcff\n# mooring:end"))
    plan = world.run("container_dns", pid=77, name="legacy", hostname="shop")
    told = frame.describe_plan(plan, with_diff=True)
    assert r"10.6.6.6[T]bank\x1b[2J\u202e\udcff" in told["diff"]["before"].replace("\t", "[T]")
    texts = [*told["actions"], *told["operations"], *"".join(told["diff"].values()).split("\n")]
    assert [text for text in texts if not text.replace("\t", "").isprintable()] == []
    commands._write([*plan.actions, forged])  # pylint: disable=protected-access
    commands._complain(forged)  # pylint: disable=protected-access
    written = capsys.readouterr()
    assert len(written.out.splitlines()) == len(plan.actions) + 1
    assert not any(line.startswith("remove") for line in (*written.out.splitlines(), *written.err.splitlines()))
    assert "\x1b" not in written.out + written.err


def test_a_container_with_the_hosts_own_name_leaves_it(world: World) -> None:
    world.start("app")
    world.run("netns_attach", container="app")
    world.state.hostnames[world.engine["app"]] = None
    found = world.run("container_dns", container="app", hostname="front")
    assert found.warnings == ("app has a host name that is not its own to set, such as the host's, which stays: "
                              "hostname is in its files hosts and hostname only",)
    assert world.state.hostnames[world.engine["app"]] is None


def test_a_host_name_that_the_kernel_does_not_take(world: World) -> None:
    world.start("app")
    world.run("netns_attach", container="app")
    name = "a" * 40 + "." + "b" * 40
    assert f"hostname: '{name}' has 81 characters, and the kernel allows 64" in world.refuses(
        "container_dns", container="app", hostname=name)


def test_what_docker_wrote_anew_gets_its_names_back(app: World) -> None:
    """It restarted the container, or a network was connected: nobody edited the files since."""
    wanted = {file: app.text("app", file) for file in ("hosts", "hostname", "resolv.conf")}
    app.write_as_docker("app", resolv="nameserver 192.0.2.99\n")
    assert app.info()["drift"] == ["change hosts, hostname and resolv.conf of app"]
    app.run("netns_attach", container="app")
    found = {file: app.text("app", file) for file in wanted}
    assert {file: lines(text) for file, text in found.items()} == {file: lines(text) for file, text in wanted.items()}
    app.run("container_dns", container="app", state="absent")
    assert app.text("app", "resolv.conf") == "nameserver 192.0.2.99\n"


@pytest.mark.parametrize(("file", "text"), [
    ("hosts", "127.0.0.1\tlocalhost\n10.1.1.1\tof-the-user\n"), ("resolv.conf", "nameserver 192.0.2.98\n")])
def test_what_the_user_wrote_instead_is_left_alone(app: World, file: str, text: str) -> None:
    app.write_as_docker("app")
    app.state.files[docker_place("app", file)] = ObservedFile(text)
    app.bridge()
    assert app.text("app", file) == text
    assert "files of app: they are no longer as this collection wrote them" in app.info()["leftovers"]
    app.run("container_dns", container="app")
    assert app.info()["leftovers"] == []


@pytest.mark.parametrize(("old", "new"), [
    ('"hostname":"front"', '"hostname":"bank"'), ('"hostname":"front"', '"hosts_template":"{{ 7 * 7 }}"'),
    ('"container":"app"', '"container":"web"'), ('"hostname":"front"', '"etc_hosts":[["bank","10.6.6.6"]]')])
def test_a_mark_that_the_container_forged_counts_for_nothing(app: World, old: str, new: str) -> None:
    app.link("web", "app:peer", exposed_ports=["80"])
    app.name("web")
    place = docker_place("app", "hosts")
    app.state.files[place] = ObservedFile(app.text("app").replace(old, new))
    before = app.text("app")
    app.run("netns_attach", netns="web", address="192.168.5.99")
    assert app.text("app") == before and "bank" not in app.text("web")
    app.run("container_dns", container="app", hostname="front")
    assert new not in app.text("app")


@pytest.mark.parametrize("forged", ['"x":' + "[" * 100000, '"etc_hosts":' + "[" * 900 + "]" * 900,
                                    '"was":' + "[" * 900 + "]" * 900, '"was":[[9' + "0" * 30 + ',"x"]]', '{"x"'])
def test_a_mark_that_the_container_made_to_be_a_trap(app: World, forged: str) -> None:
    place = docker_place("app", "hosts")
    app.state.files[place] = ObservedFile(app.text("app").replace('"hostname":"front"', forged))
    app.bridge()
    assert app.info()["dns"][0]["intact"] is False
    app.run("container_dns", container="app", hostname="front")
    assert app.info()["dns"][0]["intact"] is True and forged not in app.text("app")
    app.run("container_dns", container="app", state="absent")
    assert "mooring" not in app.text("app")


def test_a_container_that_is_gone_is_forgotten_by_its_name(app: World) -> None:
    app.host.end_namespace(f"/proc/{app.engine.pop('app')}/ns/net")
    for file in ("hosts", "hostname", "resolv.conf", "resolv.conf.hash"):
        del app.state.files[docker_place("app", file)]
    assert "files of app: they are no longer as this collection wrote them" in app.info()["leftovers"]
    app.run("container_dns", container="app", state="absent")
    assert not any(place.under == "/run" for place in app.state.files)


def test_names_of_a_namespace_that_is_gone_are_a_leftover(world: World) -> None:
    world.name("web")
    world.run("netns_attach", netns="web", state="absent")
    assert "/etc/netns/web/hosts: there is no namespace web" in world.info()["leftovers"]
    world.run("container_dns", netns="web", state="absent")
    assert world.info()["leftovers"] == [] and world.state.files == {}


# Templates


@pytest.mark.parametrize(("template", "message"), [
    ("{{ nobody }}", "hosts_template: '{{ nobody }}' cannot be rendered: UndefinedError: 'nobody' is undefined. Known"),
    ("{% for %}\nx", "hosts_template: '{% for %} ...' cannot be rendered: TemplateSyntaxError: "),
    ("{{ ''.__class__.__mro__ }}", "cannot be rendered: SecurityError: access to attribute '__class__'"),
    ("{{ names.append('x') }}", "cannot be rendered: SecurityError: "),
    ("{% for n in range(10000000) %}x{% endfor %}", "cannot be rendered: OverflowError: Range too big"),
    ("{{ 1 // 0 }}", "cannot be rendered: ZeroDivisionError"),
    ("a\x07b", "makes the line 'a\\x07b' with a control character"),
    ("# mooring:end", "makes the line '# mooring:end', which marks what this collection manages. Let comments begin in "
                      "another way"),
])
def test_a_template_that_does_not_work(world: World, template: str, message: str) -> None:
    assert message in world.refuses("container_dns", netns="web", hosts_template=template)


def test_a_template_counts_in_later_runs(world: World) -> None:
    world.name("web", hosts_template="{{ addresses | join(' ') }}\tmine\n")
    world.run("netns_attach", netns="web", address="192.168.5.50")
    assert lines(world.text("web")) == ["192.168.5.50\tmine"]


@pytest.mark.parametrize("reverts", [False, True])
def test_a_file_that_a_container_keeps_changing_is_in_nobodys_way(app: World, monkeypatch: pytest.MonkeyPatch,
                                                                  reverts: bool) -> None:
    """Whether it changes it before our change or after it."""
    app.run("container_dns", netns="web")
    app.state.resolv_texts["/etc/resolv.conf"] = "nameserver 192.0.2.54\n"
    write = app.host._FileWrite

    def restless(operation: FileWrite) -> None:
        if operation.title != "resolv.conf of app":
            write(operation)
        elif not reverts:
            raise HostError("somebody else changed it meanwhile")

    monkeypatch.setattr(app.host, "_FileWrite", restless)
    app.run("netns_attach", config=[{"container": "app"}, {"netns": "web"}, {"netns": "new"}])
    assert "new" in app.state.named and "192.0.2.54" in app.text("web", "resolv.conf")
    assert "resolv.conf of app" in app.host.warnings[-1]
    with pytest.raises(MooringError, match="resolv.conf of app"):
        app.run("container_dns", container="app", hostname="front", dns_servers=["192.0.2.9"])


def test_check_mode_writes_nothing(app: World) -> None:
    before = picture(app.state)
    plan = app.check("container_dns", container="app", hostname="other")
    assert len(plan.operations) == 4 and picture(app.state) == before
    assert plan.steps[0] == "change hosts of app (/var/lib/docker/containers/app/hosts)"


@pytest.mark.parametrize("nth", range(4))
def test_what_could_not_be_finished_is_undone(app: World, nth: int) -> None:
    before = picture(app.state)
    app.host.fail_at = len(app.host.executed) + nth
    with pytest.raises(MooringError, match="made to fail; what had been done before it was undone"):
        app.run("container_dns", container="app", hostname="other")
    assert picture(app.state) == before


def test_what_a_killed_run_left_behind_a_shorter_text_is_neither_remembered_nor_given_back() -> None:
    world = World()
    world.start("in-docker")
    before = {file: world.text("in-docker", file) for file in ("hosts", "hostname", "resolv.conf")}

    def lengthen() -> None:
        for file in before:
            place = docker_place("in-docker", file)
            text = world.text("in-docker", file)
            world.state.files[place] = dataclasses.replace(world.state.files[place], text=text + filler(9))

    lengthen()
    for state in ("present", "absent", "absent"):
        options = {"hostname": "front"} if state == "present" else {"state": "absent"}
        world.run("container_dns", container="in-docker", **options)
        if state == "absent":
            assert {file: world.text("in-docker", file) for file in before} == before
        lengthen()
