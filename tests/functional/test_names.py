# SPDX-License-Identifier: GPL-3.0-or-later
"""Names inside of containers: what their files say, and what a real name server answers them."""
import re
import subprocess
import time

import pytest
from containers import Engine, box, once
from pipeline import PipelineError

pytestmark = once

BRIDGE = "10.9.0.1"
RESOLV = "search lab.example\nnameserver 192.0.2.53\nnameserver 127.0.0.1\noptions ndots:2\n"
RECORDS = {"registry.corp.example": "192.0.2.99", "plain.example": "192.0.2.98"}


@pytest.fixture(scope="module")
def here():
    """A host with a bridge, a name server on it, and both engines."""
    with box("docker", "dnsmasq") as found:
        found.sh("rm -f /etc/resolv.conf /etc/nsswitch.conf; echo 'hosts: files dns' >/etc/nsswitch.conf")
        found.host.path("/etc/resolv.conf").write_text(RESOLV)
        found.run("docker_bridge", name="br0", bip=f"{BRIDGE}/24")
        records = [f"--host-record={name},{address}" for name, address in RECORDS.items()]
        found.host.popen(["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                          "--bind-interfaces", "--interface=br0", "--pid-file=", *records], stdin=subprocess.DEVNULL)
        found.engines = {name: Engine(found, name) for name in ("docker", "podman")}
        yield found


@pytest.fixture
def names(here, request):
    """Named namespaces, attached, that a test gets with their addresses and leaves behind without files."""
    count = getattr(request, "param", 2)
    given = [f"n{number}" for number in range(count)]
    endpoints = here.run("netns_attach", config=[{"netns": name} for name in given])["endpoints"]
    yield {endpoint["container"]: endpoint["address"].partition("/")[0] for endpoint in endpoints}
    here.run("container_dns", config=[{"netns": name} for name in given], state="absent")
    here.run("netns_attach", config=[{"netns": name} for name in given], state="absent")


@pytest.fixture(params=["docker", "podman"])
def container(here, request):
    """A running container that is on the bridge."""
    engine, name = here.engines[request.param], f"in-{request.param}"
    engine.start(name, "--cap-add=NET_RAW")
    endpoint = here.run("netns_attach", container=name)["endpoint"]
    yield Container(here, engine, name, endpoint["address"].partition("/")[0])
    engine.remove(name)
    here.run("container_dns", container=name, state="absent")
    here.run("netns_attach", container=name, state="absent")


class Container:
    """A container of an engine, as its processes see it."""

    def __init__(self, here, engine, name, address):
        self.here, self.engine, self.name, self.address = here, engine, name, address

    def sh(self, script):
        return self.engine("exec", self.name, "sh", "-c", script)

    def read(self, file):
        return self.sh(f"cat /etc/{file}")

    def inode(self, file):
        return self.sh(f"stat -c %i /etc/{file}")

    def lookup(self, name):
        """The address that a program in the container would talk to, "" for none."""
        words = ["exec", self.name, "ping", "-c1", "-W1", name]
        done = self.here.host.run([self.engine.program, *words], check=False)
        return "".join(re.findall(r"^PING \S+ \(([0-9.]+)\)", done.stdout))


def lookup(here, netns, name):
    """What a program in a named namespace finds."""
    # Where no name server is there to say no, the resolver would wait twice, for 5 s each.
    return here.host.run(["ip", "netns", "exec", netns, "env", "RES_OPTIONS=timeout:1 attempts:1", "getent", "hosts",
                          name], check=False).stdout.split()[:1]


def soon(function, wanted, seconds=60):
    deadline = time.monotonic() + seconds
    while (found := function()) != wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    assert found == wanted


def entries(text):
    """The lines of a file without comments."""
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_a_namespace_resolves_names_as_the_files_say(here, names):
    result = here.run("container_dns", netns="n0", hostname="front", domainname="example.com", dns_servers=[BRIDGE],
                      dns_search_domains=[".corp.example"], dns_opts=["timeout:1"],
                      etc_hosts={"other.example": "10.1.2.3", "gw": "host-gateway"})
    assert result["names"]["names"] == ["front.example.com", "front"] and result["warnings"] == []
    seen = {file: here.sh(f"ip netns exec n0 cat /etc/{file}") for file in ("hosts", "hostname", "resolv.conf")}
    assert entries(seen["hosts"]) == ["127.0.0.1\tlocalhost", "10.1.2.3\tother.example", f"{BRIDGE}\tgw",
                                      f"{names['n0']}\tfront.example.com front"]
    assert seen["hostname"] == "front\n"
    assert entries(seen["resolv.conf"]) == [f"nameserver {BRIDGE}", "search corp.example", "options timeout:1"]
    soon(lambda: lookup(here, "n0", "registry"), [RECORDS["registry.corp.example"]])
    assert lookup(here, "n0", "plain.example") == [RECORDS["plain.example"]]
    assert lookup(here, "n0", "front") == lookup(here, "n0", "front.example.com") == [names["n0"]]
    assert lookup(here, "n0", "gw") == [BRIDGE]
    assert here.unchanged("container_dns", netns="n0", hostname="front", domainname="example.com",
                          dns_servers=[BRIDGE], dns_search_domains=[".corp.example"], dns_opts=["timeout:1"],
                          etc_hosts={"other.example": "10.1.2.3", "gw": "host-gateway"})


def test_without_options_the_host_is_followed_by_every_run_about_the_container(here, names):
    here.run("container_dns", netns="n0", dns_search_domains=["."])
    assert entries(here.sh("cat /etc/netns/n0/resolv.conf")) == ["nameserver 192.0.2.53", "options ndots:2"]
    here.host.path("/etc/resolv.conf").write_text("nameserver 192.0.2.54\n")
    try:
        info = here.run("network_info")["network"]
        assert any("change resolv.conf of n0" in text for text in info["drift"])
        assert here.run("icc_policy", bridge="br0", icc=True)["operations"] == []
        actions = here.run("netns_attach", netns="n0")["operations"]
        assert actions == ["change resolv.conf of n0 (/etc/netns/n0/resolv.conf)"]
        assert entries(here.sh("cat /etc/netns/n0/resolv.conf")) == ["nameserver 192.0.2.54"]
        here.host.path("/etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
        result = here.run("container_dns", netns="n0", fallback_dns_servers=["host-gateway"])
        assert any("only 127.0.0.1" in text and f"gets {BRIDGE}" in text for text in result["warnings"])
        assert entries(here.sh("cat /etc/netns/n0/resolv.conf")) == [f"nameserver {BRIDGE}"]
        soon(lambda: lookup(here, "n0", "plain.example"), [RECORDS["plain.example"]])
    finally:
        here.host.path("/etc/resolv.conf").write_text(RESOLV)


def test_a_link_has_a_name_that_follows_its_target(here, names):
    here.run("container_dns", config=[{"netns": "n0"}, {"netns": "n1", "hostname": "sql"}], dns_servers=[BRIDGE])
    here.run("icc_policy", netns="n0", links=["n1:database"], exposed_ports=[5432])
    assert f"{names['n1']}\tdatabase sql n1" in here.sh("cat /etc/netns/n0/hosts").splitlines()
    assert lookup(here, "n0", "database") == lookup(here, "n0", "sql") == [names["n1"]]
    inode = here.inode("/etc/netns/n0/hosts")
    here.run("netns_attach", netns="n1", address="10.9.0.77")
    assert lookup(here, "n0", "database") == ["10.9.0.77"] and here.inode("/etc/netns/n0/hosts") == inode
    here.run("docker_bridge", name="br0", bip="10.9.1.1/24")
    assert lookup(here, "n0", "database") == ["10.9.1.77"]
    here.run("docker_bridge", name="br0", bip=f"{BRIDGE}/24")
    assert lookup(here, "n0", "database") == ["10.9.0.77"]
    here.run("icc_policy", netns="n0", links=[])
    assert lookup(here, "n0", "database") == []
    here.run("icc_policy", netns="n0", links=["n1:database"], exposed_ports=[5432])
    here.run("netns_attach", netns="n1", state="absent")
    assert lookup(here, "n0", "database") == []
    assert here.run("network_info")["network"]["drift"] == []


def test_lines_of_others_are_kept_and_ours_go(here, names):
    folder = here.host.path("/etc/netns/n0")
    folder.mkdir(parents=True)
    (folder / "resolv.conf").write_text("# mine\nnameserver 203.0.113.9\nsortlist 10.0.0.0\n")
    here.run("container_dns", netns="n0")
    with open(folder / "hosts", "a", encoding="ascii") as file:
        file.write("10.7.7.7\tadded\n")
    here.run("container_dns", netns="n0", hostname="other")
    assert (folder / "hosts").read_text().splitlines()[-1] == "10.7.7.7\tadded"
    assert lookup(here, "n0", "added") == ["10.7.7.7"]
    text = (folder / "resolv.conf").read_text()
    assert text.startswith("# mine\n# mooring:resolv.conf ") and text.endswith("# mooring:end\nsortlist 10.0.0.0\n")
    here.run("container_dns", netns="n0", state="absent")
    assert (folder / "hosts").read_text() == "10.7.7.7\tadded\n"
    assert (folder / "resolv.conf").read_text() == "# mine\nnameserver 203.0.113.9\nsortlist 10.0.0.0\n"
    assert not (folder / "hostname").exists()
    here.sh("rm -r /etc/netns")


def test_nothing_is_left_of_files_that_were_made_here(here, names):
    here.run("container_dns", config=[{"netns": "n0"}, {"netns": "n1"}])
    here.run("container_dns", config=[{"netns": "n0"}, {"netns": "n1"}], state="absent")
    assert not here.exists("/etc/netns") and not here.exists("/run/mooring/dns")


def test_a_running_container_sees_its_names_at_once(here, container):
    before = {file: container.read(file) for file in ("hosts", "hostname")}
    inodes = {file: container.inode(file) for file in before}
    result = here.run("container_dns", container=container.name, hostname="front", domainname="example.com",
                      dns_servers=["host-gateway"], dns_search_domains=["corp.example"])
    assert {file: container.inode(file) for file in inodes} == inodes
    assert entries(container.read("hosts"))[:2] == ["127.0.0.1\tlocalhost",
                                                    f"{container.address}\tfront.example.com front"]
    assert entries(container.read("resolv.conf")) == [f"nameserver {BRIDGE}", "search corp.example", "options ndots:2"]
    assert (container.sh("hostname"), container.read("hostname")) == ("front", "front")
    assert here.sh("hostname").strip() == here.host.name
    soon(lambda: container.lookup("registry"), RECORDS["registry.corp.example"])
    assert container.lookup("front") == container.address
    container.sh("echo 10.7.7.7 added >>/etc/hosts")
    again = here.run("container_dns", container=container.name, dns_servers=["host-gateway"])
    assert container.lookup("added") == "10.7.7.7" and again["names"]["hostname"] == "front"
    assert {file: container.inode(file) for file in inodes} == inodes
    gone = here.run("container_dns", container=container.name, state="absent")
    assert gone["names"] is None and result["names"]["intact"]
    assert container.read("hosts") == before["hosts"] + "\n10.7.7.7 added"
    assert (container.read("hostname"), container.sh("hostname")) == (before["hostname"], before["hostname"])
    assert here.unchanged("container_dns", container=container.name, state="absent")


def test_a_link_to_a_container_follows_it_through_a_restart(here, names, container):
    here.run("container_dns", config=[{"netns": "n0"}, {"container": container.name, "hostname": "back"}],
             dns_servers=[BRIDGE])
    here.run("icc_policy", container="n0", links=[f"{container.name}:api"])
    assert lookup(here, "n0", "api") == lookup(here, "n0", "back") == [container.address]
    container.engine.restart(container.name)
    here.run("netns_attach", container=container.name, address="10.9.0.99")
    assert lookup(here, "n0", "api") == ["10.9.0.99"]
    here.run("netns_attach", container=container.name, state="absent")
    assert lookup(here, "n0", "api") == []


def test_a_link_of_a_container_survives_its_restart(here, names, container):
    here.run("container_dns", config=[{"container": container.name, "hostname": "front"}, {"netns": "n1"}],
             dns_servers=[BRIDGE])
    here.run("icc_policy", container=container.name, links=["n1:database"], exposed_ports=[5432])
    assert container.lookup("database") == names["n1"]
    here.run("netns_attach", netns="n1", address="10.9.0.88")
    assert container.lookup("database") == "10.9.0.88"
    container.engine.restart(container.name)
    if container.engine.program == "docker":  # Podman leaves the files as they are
        assert "mooring" not in container.read("hosts") + container.read("resolv.conf")
        drift = here.run("network_info")["network"]["drift"]
        assert f"change hosts, hostname and resolv.conf of {container.name}" in drift
    here.run("netns_attach", container=container.name)
    # Docker wrote the files anew, and nobody edited them since: the hint says what belongs in them.
    assert container.lookup("database") == "10.9.0.88" and f"nameserver {BRIDGE}" in container.read("resolv.conf")
    container.engine.restart(container.name)
    here.run("netns_attach", container=container.name)
    here.run("container_dns", container=container.name, hostname="front")
    assert (container.lookup("database"), container.sh("hostname")) == ("10.9.0.88", "front")
    assert here.run("network_info")["network"]["drift"] == []


def test_what_a_container_writes_into_its_mark_counts_for_nothing(here, names, container):
    """Its files are its own to write: no name, no template and no server of others comes from there."""
    here.run("container_dns", config=[{"container": container.name, "hostname": "front"}, {"netns": "n1"}],
             dns_servers=[BRIDGE])
    here.run("icc_policy", netns="n1", links=[f"{container.name}:peer"], exposed_ports=[80])
    container.sh("sed 's/\"hostname\":\"front\"/\"hostname\":\"bank\"/' /etc/hosts >/tmp/h; cat /tmp/h >/etc/hosts")
    assert '"bank"' in container.read("hosts")
    here.run("netns_attach", netns="n1", address="10.9.0.91")
    assert lookup(here, "n1", "bank") == [] and lookup(here, "n1", "peer") == [container.address]
    here.run("container_dns", container=container.name, hostname="front")
    assert '"bank"' not in container.read("hosts")


# Processes, and containers that want to reach a file of the host


@pytest.fixture
def process(here):
    """Starts a process with a network and mounts of its own, after a script; its pid."""
    started = []

    def start(script, *, mounts=True, command=("sleep", "1000000")):
        words = ["unshare", "--net", *(["--mount", "--uts"] if mounts else []), "sh", "-ec",
                 f"{script}\necho $$\nexec {' '.join(command)}"]
        child = here.host.popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        started.append(child)
        return int(child.stdout.readline())

    yield start
    for child in started:
        child.kill()
        child.wait()
        child.stdout.close()


OWN_ETC = "mount -t tmpfs tmpfs /etc\n"


def test_a_process_with_mounts_of_its_own(here, process):
    pid = process(OWN_ETC + "echo '10.7.7.7 mine' >/etc/hosts; hostname inner")
    here.run("netns_attach", pid=pid, name="legacy", bridge="br0")
    before = here.sh("cat /etc/hosts; hostname")
    result = here.run("container_dns", pid=pid, name="legacy", hostname="front", dns_servers=[BRIDGE])
    enter = f"nsenter --target {pid} --mount --uts --net"
    text = here.sh(f"{enter} cat /etc/hosts; {enter} hostname")
    assert entries(text)[0] == "127.0.0.1\tlocalhost" and "10.7.7.7 mine" in text and text.endswith("front\n")
    assert here.sh("cat /etc/hosts; hostname") == before
    assert result["names"]["kind"] == "pid" and here.unchanged("container_dns", pid=pid, name="legacy",
                                                               hostname="front", dns_servers=[BRIDGE])
    here.run("container_dns", pid=pid, name="legacy", state="absent")
    assert here.sh(f"{enter} cat /etc/hosts; {enter} hostname") == "10.7.7.7 mine\nfront\n"
    here.run("netns_attach", pid=pid, name="legacy", state="absent")


VICTIM = "/srv/victim"
ATTACKS = {
    "file": (OWN_ETC + f"ln -s {VICTIM} /etc/hosts", "is a symbolic link, which is not followed"),
    "dangling": (OWN_ETC + "ln -s /srv/new /etc/resolv.conf", "is a symbolic link, which is not followed"),
    "hard link": (f"mkdir -p /srv/etc; ln -f {VICTIM} /srv/etc/hosts; mount --bind /srv/etc /etc", "2 names"),
    "host's file": ("true", "is the host's own file"),
    "device": (OWN_ETC + "mknod /etc/resolv.conf c 1 7", "is no regular file"),
    "fifo": (OWN_ETC + "mkfifo /etc/hostname", "is no regular file"),
    # What is written there from outside counts for whoever writes: for the host.
    "kernel's": (OWN_ETC + "touch /etc/hostname; mount --bind /proc/sys/kernel/hostname /etc/hostname",
                 "is on a file system without room, as are those of the kernel"),
    "large": (OWN_ETC + "truncate -s 2M /etc/hosts", "is larger than 524288 bytes"),
    "many lines": (OWN_ETC + "seq 16385 >/etc/hosts", "has more than 16384 lines"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_outside_of_a_container_is_written(here, process, attack):
    script, problem = ATTACKS[attack]
    here.sh(f"mkdir -p /srv && echo untouched >{VICTIM}")
    before = here.sh("cat /etc/hosts /etc/hostname /etc/resolv.conf")
    pid = process(script)
    with pytest.raises(PipelineError, match=f"pid: '{pid}' cannot get a .*{problem}"):
        here.run("container_dns", pid=pid)
    assert here.sh(f"cat {VICTIM}") == "untouched\n" and not here.exists("/srv/new")
    assert here.sh("cat /etc/hosts /etc/hostname /etc/resolv.conf") == before
    here.sh("rm -rf /srv/etc")


def test_a_folder_that_is_a_link_is_not_followed(here, process):
    here.sh("mkdir -p /srv/jail/bin /srv/evil; cp /bin/busybox /srv/jail/bin; ln -sfn /srv/evil /srv/jail/etc")
    pid = process("", command=("chroot", "/srv/jail", "/bin/busybox", "sleep", "1000000"))
    soon(lambda: here.exists(f"/proc/{pid}/root/bin/busybox") and not here.exists(f"/proc/{pid}/root/usr"), True)
    with pytest.raises(PipelineError, match="symbolic link in its path"):
        here.run("container_dns", pid=pid)
    assert here.sh("ls /srv/evil") == ""


def test_a_process_with_the_mounts_of_the_host_has_no_files_of_its_own(here, process):
    pid = process("", mounts=False)
    with pytest.raises(PipelineError, match=f"pid: '{pid}' cannot get a hosts: .* is the host's own file, since"):
        here.run("container_dns", pid=pid)


def test_a_container_that_turned_its_file_into_a_link(here):
    """Podman mounts no resolv.conf without a network, so that the container can replace it."""
    engine = here.engines["podman"]
    engine.start("evil")
    try:
        here.run("netns_attach", container="evil")
        here.run("container_dns", container="evil")
        here.sh(f"mkdir -p /srv && echo untouched >{VICTIM}")
        engine("exec", "evil", "sh", "-c", f"rm /etc/resolv.conf && ln -s {VICTIM} /etc/resolv.conf")
        with pytest.raises(PipelineError, match="cannot get a resolv.conf: .* symbolic link"):
            here.run("container_dns", container="evil", dns_servers=["192.0.2.1"])
        here.run("icc_policy", bridge="br0", icc=True)
        assert here.sh(f"cat {VICTIM}") == "untouched\n"
    finally:
        engine.remove("evil")
        here.run("container_dns", container="evil", state="absent")
        here.run("netns_attach", container="evil", state="absent")


def test_files_change_once_the_reader_agrees(here, names):
    """A file that somebody changes between plan and execution is left alone, and the run says so."""
    here.run("container_dns", netns="n0")
    actions = here.pipeline.plan("container_dns", netns="n0", hostname="late")
    number = next(i for i, text in enumerate(actions) if text.startswith("change hosts of n0"))
    here.sh("echo '10.7.7.8 quick' >>/etc/netns/n0/hosts")
    with pytest.raises(PipelineError, match="cannot change hosts of n0 .*: somebody else changed it meanwhile"):
        here.pipeline.step(number)
    assert "10.7.7.8 quick" in here.sh("cat /etc/netns/n0/hosts")
    here.sh("sed -i '/quick/d' /etc/netns/n0/hosts")


def test_a_container_that_always_changes_its_file_is_in_nobodys_way(here):
    """A run about others as well tells of it, and does not wait for it to agree."""
    engine = here.engines["podman"]
    engine.start("restless")
    try:
        here.run("netns_attach", container="restless")
        here.run("container_dns", container="restless", dns_servers=["192.0.2.1"])
        engine("exec", "--detach", "restless", "sh", "-c",
               "while :; do sed 's/^nameserver 192.0.2.1$/nameserver 192.0.2.6/' /etc/resolv.conf >/tmp/text; "
               "dd conv=notrunc if=/tmp/text of=/etc/resolv.conf 2>/dev/null; done")
        soon(lambda: "nameserver 192.0.2.6" in engine("exec", "restless", "cat", "/etc/resolv.conf"), True)
        runs = []
        both = [{"netns": "n8", "address": "10.9.0.93"}, {"container": "restless"}]
        soon(lambda: runs.append(here.run("netns_attach", config=both))
             or "resolv.conf of restless" in " ".join(runs[-1]["warnings"]), True)
        assert {run["endpoints"][0]["address"] for run in runs} == {"10.9.0.93/24"}
        here.run("netns_attach", netns="n8", state="absent")
    finally:
        engine.remove("restless")
        here.run("container_dns", container="restless", state="absent")


# Containers of a bridge that find each other by name


@pytest.fixture
def crew(here):
    """Two namespaces on a bridge of both families whose containers find each other by name; their addresses."""
    here.run("docker_bridge", name="crew", bip="10.8.0.1/24", bip6="2001:db8:8::1/64", container_names=True)
    given = [{"netns": "a0", "aliases": ["first", "shared"]}, {"netns": "a1", "aliases": ["shared"]}]
    found = here.run("netns_attach", config=given, bridge="crew")["endpoints"]
    here.run("container_dns", config=[{"netns": "a0"}, {"netns": "a1"}])
    yield {each["container"]: (each["address"].partition("/")[0], each["address_v6"].partition("/")[0])
           for each in found}
    here.run("container_dns", config=[{"netns": "a0"}, {"netns": "a1"}], state="absent")
    here.run("netns_attach", config=[{"netns": "a0"}, {"netns": "a1"}], state="absent")
    here.run("docker_bridge", name="crew", state="absent", force=True)


def reaches(here, netns, name, family):
    words = ["ip", "netns", "exec", netns, "ping", family, "-c1", "-W1", name]
    return here.host.run(words, check=False).returncode == 0


def test_containers_find_each_other(here, crew):
    for netns, name in (("a0", "a1"), ("a1", "a0"), ("a1", "first"), ("a0", "first"), ("a1", "FIRST")):
        assert reaches(here, netns, name, "-4") and reaches(here, netns, name, "-6"), (netns, name)
    seen = here.sh("ip netns exec a1 getent ahosts a0")
    assert {line.split()[0] for line in seen.splitlines()} == set(crew["a0"])
    both = here.sh("ip netns exec a1 getent ahostsv4 shared")  # the order is the resolver's: its own address first
    assert {line.split()[0] for line in both.splitlines()} == {crew["a0"][0], crew["a1"][0]}
    here.run("icc_policy", bridge="crew", icc=False)
    assert lookup(here, "a1", "first") == [crew["a0"][1]] and not reaches(here, "a1", "first", "-4")
    here.run("icc_policy", bridge="crew", icc=True)
    here.run("netns_attach", netns="a2", bridge="crew")
    assert reaches(here, "a0", "a2", "-6") and reaches(here, "a1", "a2", "-4")
    here.run("netns_attach", netns="a2", state="absent")
    assert lookup(here, "a0", "a2") == lookup(here, "a1", "a2") == []
    here.run("docker_bridge", name="crew", container_names=False)
    assert lookup(here, "a0", "a1") == [] and lookup(here, "a0", "a0") != []


@pytest.mark.parametrize("program", ["docker", "podman"])
def test_a_container_of_an_engine_is_found_and_finds_others_through_a_restart(here, crew, program):
    engine, name = here.engines[program], f"mate-{program}"
    engine.start(name, "--cap-add=NET_RAW")
    try:
        attach = {"container": name, "bridge": "crew", "aliases": ["mate"]}
        address = here.run("netns_attach", **attach)["endpoint"]["address"].partition("/")[0]
        here.run("container_dns", container=name)
        mate = Container(here, engine, name, address)
        assert mate.lookup("first") == crew["a0"][0] and reaches(here, "a0", "mate", "-4")
        assert reaches(here, "a1", name, "-6")
        engine.restart(name)
        here.run("docker_bridge", name="br0")  # a run about anything else takes out who has gone
        assert lookup(here, "a0", "mate") == []
        here.run("netns_attach", **attach)
        assert mate.lookup("first") == crew["a0"][0] and reaches(here, "a0", "mate", "-4")
        assert here.run("network_info")["network"]["drift"] == []
    finally:
        engine.remove(name)
        here.run("container_dns", container=name, state="absent")
        here.run("netns_attach", container=name, state="absent")


def test_who_turns_its_hosts_file_into_a_link_keeps_nobody_from_names(here, crew, process):
    pid = process("mount -t tmpfs none /etc && echo '127.0.0.1 localhost' >/etc/hosts && touch /etc/resolv.conf")
    evil = {"pid": pid, "name": "evil"}
    here.run("netns_attach", **evil, bridge="crew")
    here.run("container_dns", **evil, hostname="evil")
    hosts = f"nsenter --target {pid} --mount cat /etc/hosts"
    assert f"{crew['a0'][0]}\ta0 first shared" in here.sh(hosts) and reaches(here, "a0", "evil", "-4")
    here.sh(f"mkdir -p /srv && echo untouched >{VICTIM}")
    here.sh(f"nsenter --target {pid} --mount sh -c 'rm /etc/hosts && ln -s {VICTIM} /etc/hosts'")
    here.run("netns_attach", netns="a1", bridge="crew", aliases=["shared", "news"])
    assert reaches(here, "a0", "news", "-4") and here.sh(f"cat {VICTIM}") == "untouched\n"
    assert reaches(here, "a0", "evil", "-4")
    here.run("container_dns", **evil, state="absent")
    here.run("netns_attach", **evil, state="absent")
    assert lookup(here, "a0", "evil") == []


@pytest.mark.parametrize("program", ["docker", "podman"])
def test_a_link_waits_for_a_container_that_does_not_run(here, names, program):
    """It keeps no other link from being made, and comes with the next run once the container is there."""
    engine, name = here.engines[program], f"sleepy-{program}"
    engine.start(name)
    try:
        engine("stop", "--time=0", name)
        here.run("container_dns", netns="n0")
        link = {"netns": "n0", "links": [f"{name}:api", "n1:other"]}
        done = here.run("icc_policy", **link)
        assert [text for text in done["warnings"] if f"waits for {name}" in text]
        assert lookup(here, "n0", "other") == [names["n1"]] and lookup(here, "n0", "api") == []
        assert here.unchanged("icc_policy", **link)
        engine("start", name)
        address = here.run("netns_attach", container=name)["endpoint"]["address"].partition("/")[0]
        assert not [text for text in here.run("icc_policy", **link)["warnings"] if "waits" in text]
        assert lookup(here, "n0", "api") == [address] and reaches(here, "n0", "api", "-4")
        engine("stop", "--time=0", name)
        # The kernel takes the namespace apart a moment after its last process has ended.
        here.sh(f"while ip link | grep -q 'alias mooring:endpoint:{name}:'; do sleep 0.02; done")
        done = here.run("icc_policy", config=[link, {"netns": "n1", "links": ["n0:first"]}])
        assert [text for text in done["warnings"] if f"waits for {name}" in text]
        with pytest.raises(PipelineError, match="container slepy-docker is on no bridge"):
            here.run("icc_policy", netns="n0", links=["slepy-docker"])
    finally:
        engine.remove(name)
        here.run("netns_attach", container=name, state="absent")
