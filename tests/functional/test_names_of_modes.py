# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in every network mode: what who shares a network with another container, or with the host, then reads."""
import time

import pytest
from containers import Engine, box, once
from pipeline import PipelineError

pytestmark = once

HOSTS = "127.0.0.1\tlocalhost\n127.0.1.1\tbox.example.com\tbox\n# a comment\n::1 localhost ip6-localhost\n"


@pytest.fixture(scope="module")
def here():
    with box("docker") as found:
        found.host.path("/etc/hosts").write_text(HOSTS)
        found.sh("rm -f /etc/resolv.conf; echo nameserver 127.0.0.53 >/etc/resolv.conf")
        found.run("docker_bridge", name="br0", bip="10.9.0.1/24")
        found.engines = {name: Engine(found, name) for name in ("docker", "podman")}
        yield found


@pytest.fixture(params=["docker", "podman"])
def engine(here, request):
    found = here.engines[request.param]
    found.started = []
    yield found
    for name in reversed(found.started):
        found.remove(name)
    config = [{"container": name} for name in found.started]
    here.run("container_dns", state="absent", config=config)
    here.run("netns_attach", state="absent", config=[{"container": name, "network_mode": "bridge"}
                                                    for name in found.started])


def start(engine, name, network="none"):
    engine.start(name, network=network)
    engine.started.append(name)


def read(engine, name, file="hosts"):
    return engine("exec", name, "cat", f"/etc/{file}")


def read_in_netns(here, name, file="hosts"):
    return here.host.run(["ip", "netns", "exec", name, "cat", f"/etc/{file}"]).stdout


def attach_both(here, engine):
    """The address of both."""
    start(engine, "web")
    start(engine, "side", "container:web")
    config = [{"container": "side", "network_mode": "container:web"}, {"container": "web"}]
    found = here.run("netns_attach", config=config)["endpoints"]
    assert here.unchanged("netns_attach", config=config)
    return found[1]["address"].partition("/")[0]


@pytest.mark.parametrize("engine", ["docker"], indirect=True)
def test_a_container_with_the_network_of_another_one_has_its_files(here, engine):
    address = attach_both(here, engine)
    before = read(engine, "web")
    # It alone: its files are another one's, for which nobody has asked anything.
    done = here.run("container_dns", container="side")
    assert done["actions"] == [] and "has the files of" in done["warnings"][0]
    assert read(engine, "web") == before
    with pytest.raises(PipelineError, match="hostname, dns_servers conflicts with network_mode 'container:"):
        here.run("container_dns", container="side", hostname="other", dns_servers=["192.0.2.1"])
    config = [{"container": "side"}, {"container": "web", "hostname": "front"}]
    checked = here.run("container_dns", check=True, config=config)["actions"]
    done = here.run("container_dns", config=config)
    assert done["actions"] == checked and [each["container"] for each in done["all_names"]] == ["web", "web"]
    assert here.unchanged("container_dns", config=config)
    assert read(engine, "side") == read(engine, "web") and f"{address}\tfront" in read(engine, "side")
    with pytest.raises(PipelineError, match="dns_servers conflicts with network_mode 'container:web' of side"):
        here.run("container_dns", container="side", dns_servers=["192.0.2.1"])
    # It leaves, and the owner's names stay.
    assert here.run("container_dns", container="side", state="absent")["actions"] == []
    assert f"{address}\tfront" in read(engine, "web")
    here.run("container_dns", container="web", state="absent")
    assert read(engine, "web") == before


@pytest.mark.parametrize("engine", ["podman"], indirect=True)
def test_an_engine_that_gives_it_files_of_its_own(here, engine):
    address = attach_both(here, engine)
    config = [{"container": "side"}, {"container": "web", "hostname": "front"}]
    here.run("container_dns", config=config)
    assert here.unchanged("container_dns", config=config)
    own = engine("exec", "side", "hostname")
    assert f"{address}\t{own}" in read(engine, "side") and f"{address}\tfront" in read(engine, "web")
    here.run("netns_attach", container="web", address="10.9.0.77")
    assert f"10.9.0.77\t{own}" in read(engine, "side") and "10.9.0.77\tfront" in read(engine, "web")


def test_a_container_with_the_network_of_the_host_keeps_the_lines_of_the_host(here, engine):
    start(engine, "open", "host")
    before = read(engine, "open")
    assert "127.0.1.1" in before
    here.run("netns_attach", container="open", network_mode="host")
    done = here.run("container_dns", container="open", etc_hosts={"registry": "192.0.2.7"})
    assert not [warning for warning in done["warnings"] if "no name server" in warning]
    assert here.unchanged("container_dns", container="open", etc_hosts={"registry": "192.0.2.7"})
    lines = read(engine, "open").splitlines()
    for line in ("127.0.0.1\tlocalhost", "127.0.1.1\tbox.example.com\tbox", "::1 localhost ip6-localhost",
                 "192.0.2.7\tregistry"):
        assert lines.count(line) == 1
    assert "nameserver 127.0.0.53" in read(engine, "open", "resolv.conf")
    found = here.host.run([engine.program, "exec", "open", "ping", "-c1", "-W1", "box"], check=False).stdout
    assert found.startswith("PING box (127.0.1.1)")
    here.run("container_dns", container="open", state="absent")
    assert read(engine, "open") == before


def test_names_of_namespaces_that_share_a_network(here):
    config = [{"netns": "side", "network_mode": "container:web"}, {"netns": "open", "network_mode": "host"},
              {"netns": "web", "address": "10.9.0.7"}, {"netns": "db", "address": "10.9.0.8", "exposed_ports": ["80"]}]
    here.run("netns_attach", config=config)
    names = [{"netns": "side"}, {"netns": "web"}, {"netns": "open"}]
    here.run("container_dns", config=names)
    here.run("icc_policy", netns="web", links=["db:sql"])
    assert here.unchanged("container_dns", config=names)
    assert read_in_netns(here, "side").splitlines()[-4:-1] == ["127.0.0.1\tlocalhost", "10.9.0.8\tsql db",
                                                               "10.9.0.7\tside"]
    assert "10.9.0.7\tweb" in read_in_netns(here, "web") and "side" not in read_in_netns(here, "web")
    assert "127.0.1.1\tbox.example.com\tbox" in read_in_netns(here, "open").splitlines()
    assert "::1 localhost ip6-localhost" in read_in_netns(here, "open").splitlines()
    assert read_in_netns(here, "open", "resolv.conf").splitlines()[1:-1] == ["nameserver 127.0.0.53"]
    # A run about the owner alone brings the other's file along.
    here.run("netns_attach", netns="web", address="10.9.0.9")
    assert "10.9.0.9\tside\n" in read_in_netns(here, "side")
    here.host.path("/etc/hosts").write_text(HOSTS.replace("box", "crate"))
    here.run("container_dns", config=names)
    assert "127.0.1.1\tcrate.example.com\tcrate" in read_in_netns(here, "open").splitlines()
    here.host.path("/etc/hosts").write_text(HOSTS)
    here.run("container_dns", state="absent", config=names)
    assert not here.exists("/etc/netns/side") and not here.exists("/etc/netns/open")
    here.run("netns_attach", state="absent", config=[{"netns": name} for name in ("side", "open", "web", "db")])


def test_two_processes_with_one_network_and_one_hosts_file(here):
    """Whatever path leads to it, a file is written for one container only."""
    script = ("mkdir -p /run/box; cp /etc/hosts /run/box/; mount --bind /run/box/hosts /etc/hosts; "
              "touch /run/box/hostname /run/box/resolv.conf; mount --bind /run/box/hostname /etc/hostname; "
              "mount --bind /run/box/resolv.conf /etc/resolv.conf; touch /run/box/ready; exec sleep 1000")
    first = int(here.sh(f"unshare --net --mount sh -ec '{script}' >/dev/null 2>&1 & echo $!"))
    deadline = time.monotonic() + 60
    while not here.exists("/run/box/ready"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    second = int(here.sh(f"nsenter --target {first} --net --mount sleep 1000 >/dev/null 2>&1 & echo $!"))
    while here.inode(f"/proc/{second}/ns/mnt") != here.inode(f"/proc/{first}/ns/mnt"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    config = [{"pid": second, "name": "side", "network_mode": "container:job"}, {"pid": first, "name": "job"}]
    here.run("netns_attach", config=config)
    assert here.unchanged("netns_attach", config=config)
    names = [{"pid": second, "name": "side"}, {"pid": first, "name": "job", "hostname": "job"}]
    here.run("container_dns", config=names)
    assert here.unchanged("container_dns", config=names)
    text = here.host.path("/run/box/hosts").read_text()
    assert text.count("# mooring:hosts") == 1 and "\tjob\n" in text and "side" not in text
    with pytest.raises(PipelineError, match="hostname conflicts with network_mode 'container:job' of side"):
        here.run("container_dns", pid=second, name="side", hostname="side")
    here.run("container_dns", pid=second, name="side", state="absent")
    assert here.host.path("/run/box/hosts").read_text() == text
    here.run("container_dns", pid=first, name="job", state="absent")
    here.sh(f"kill {first} {second}")
    here.run("netns_attach", state="absent", config=[{"netns": "side"}, {"netns": "job"}])


@pytest.mark.parametrize("first", ["icc_policy", "container_dns"])
def test_a_link_gives_a_name_on_a_bridge_without_rules(here, first):
    here.run("docker_bridge", name="br1", bip="10.8.0.1/24", iptables=False, ip6tables=False)
    here.run("netns_attach", bridge="br1", config=[{"netns": "web"}, {"netns": "db"}])
    tasks = {"icc_policy": {"netns": "web", "links": ["db:sql"], "exposed_ports": ["80"]},
             "container_dns": {"netns": "web"}}
    for module in sorted(tasks, key=lambda name: name != first):
        here.run(module, **tasks[module])
    for module, given in tasks.items():
        assert here.unchanged(module, **given)
    assert here.host.run(["ip", "netns", "exec", "web", "getent", "hosts", "sql"]).stdout.split() == [
        "10.8.0.3", "sql", "db"]
    assert here.sh("stat -c '%U %a' /run/mooring/links").split() == ["root", "644"]
    # Runs about others, and whoever takes all rules away, leave it alone.
    here.run("netns_attach", netns="other", bridge="br0")
    here.sh("iptables -F; ip6tables -F")
    here.run("netns_attach", netns="db", bridge="br1", address="10.8.0.9")
    assert "10.8.0.9\tsql db\n" in read_in_netns(here, "web")
    assert here.run("network_info")["network"]["drift"] == []
    here.run("icc_policy", netns="web", links=[])
    assert "sql" not in read_in_netns(here, "web") and not here.exists("/run/mooring/links")
    here.run("container_dns", netns="web", state="absent")
    here.run("netns_attach", state="absent", config=[{"netns": name} for name in ("web", "db", "other")])
    here.run("docker_bridge", name="br1", state="absent")
    assert not here.exists("/run/mooring")


@pytest.mark.parametrize(("plant", "message"), [
    ("chown 1000 {}", "belongs to user 1000, and is to be root's alone: remove it"),
    ("chmod o+w {}", "can be written by others than root"),
    ("mv {} /srv/links; ln -s /srv/links {}", "is a link, and this collection keeps a file of that name: remove it"),
    ("rm {}; mkfifo {}", "is no file"),
])
def test_a_record_of_names_that_is_not_roots_is_not_read(here, plant, message):
    record = "/run/mooring/links"
    here.run("netns_attach", bridge="br0", config=[{"netns": "web"}, {"netns": "db"}])
    here.run("icc_policy", netns="web", links=["db"])
    here.sh(plant.replace("{}", record))
    with pytest.raises(PipelineError, match=f"{record} {message}"):
        here.run("netns_attach", netns="web")
    here.sh(f"rm {record}")
    here.run("netns_attach", netns="web")
    assert here.sh(f"cat {record}").startswith("web link db:db ")
    here.run("netns_attach", state="absent", config=[{"netns": "web"}, {"netns": "db"}])
    assert not here.exists("/run/mooring")
