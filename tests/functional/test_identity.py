# SPDX-License-Identifier: GPL-3.0-or-later
"""The number of a process is used again, names lead somewhere else: nobody is taken for a container that is gone."""
import sys
import time

import pytest
from containers import BOX, Process, box
from pipeline import CHECKOUT, PipelineError
from traffic import expect_closed

GATEWAY = "192.168.5.1"


@pytest.fixture(scope="module")
def here():
    with box(outside=True) as found:
        found.run("docker_bridge", name="br0", bip=f"{GATEWAY}/24")
        yield found


@pytest.fixture(autouse=True)
def clean(here):
    """Each test begins with a bridge and nothing on it, and ends the processes that it has started."""
    started = []
    here.started = started
    yield
    for pid in started:
        end(here, pid)
    here.run("host_network", networks=[{"name": "br0", "bip": f"{GATEWAY}/24", "mtu": 1500}], exclusive=True)
    assert here.ports("br0") == [] and here.registered() == []


def start(here, *, last=0, own_network=True):
    """The pid, in the host, of a new process; ``last`` is the number that the kernel is to believe it gave last."""
    program = f"{'unshare --net ' if own_network else ''}sleep 1000 >/dev/null 2>&1 & echo $!"
    again = f"echo {last} >/proc/sys/kernel/ns_last_pid; " if last else ""
    pid = int(here.sh(again + program))
    here.started.append(pid)
    while own_network and here.inode(f"/proc/{pid}/ns/net") == here.inode("/proc/1/ns/net"):
        time.sleep(0.01)
    return pid


def stay_in(here, path):
    """Keep a namespace alive by another process in it."""
    pid = int(here.sh(f"nsenter --net={path} sleep 1000 >/dev/null 2>&1 & echo $!"))
    here.started.append(pid)
    while here.inode(f"/proc/{pid}/ns/net") != here.inode(path):
        time.sleep(0.01)


def end(here, pid):
    here.sh(f"kill {pid} 2>/dev/null || exit 0; while [ -e /proc/{pid}/ns ]; do sleep 0.02; done")


def use_again(here, pid, begin=start, **how):
    """End a process; another one, which ``begin`` starts, gets its number."""
    end(here, pid)
    here.started.remove(pid)
    for _attempt in range(50):  # somebody else may start a process in between
        found = begin(here, last=pid - 1, **how)
        if found == pid:
            return
        end(here, found)
        here.started.remove(found)
    raise AssertionError(f"the number {pid} could not be used again")


def links_of(here, netns):
    return [found["ifname"] for found in here.json("link", netns=netns)]


def links_of_process(here, pid):
    return links_of(here, f"/proc/{pid}/ns/net")


@pytest.fixture
def lost(here):
    """The number of a process that was container c1 with a published port, and is somebody else's now."""
    pid = start(here)
    here.run("netns_attach", pid=pid, name="c1")
    here.run("port_publish", netns="c1", published_ports=["8080:80"])
    ports = here.ports("br0")
    use_again(here, pid)
    here.gone(ports)
    assert here.inode("/run/netns/c1") == here.inode(f"/proc/{pid}/ns/net")
    here.servers.serve(Process(here.host, "foreign", pid), "foreign", (80,))
    yield pid
    expect_closed(here.servers, (here.outside, "tcp", BOX, 8080))


def test_the_name_alone_gives_nothing_to_whoever_got_the_number(here, lost):
    """As for any container that is gone: the name is made anew, with a network of its own."""
    assert here.run("network_info")["network"]["leftovers"] == [
        "published port c1 0.0.0.0:8080->192.168.5.2:80/tcp: c1 is not attached",
        "/run/netns/c1: leads to another network namespace than the one that was registered, which has ended"]
    with pytest.raises(PipelineError, match="'c1' does not exist"):
        here.run("netns_attach", netns="c1", create_netns=False)
    found = here.run("netns_attach", netns="c1")
    assert found["operations"][:2] == ["unregister namespace c1", "create namespace c1"]
    assert links_of(here, "c1") == ["lo", "eth0"] and links_of_process(here, lost) == ["lo"]
    assert here.unchanged("netns_attach", netns="c1")
    assert here.run("network_info")["network"]["leftovers"] == []


def test_the_number_given_again_is_registered_and_inherits_nothing(here, lost):
    found = here.run("netns_attach", pid=lost, name="c1")
    assert found["endpoint"]["address"] and links_of_process(here, lost) == ["lo", "eth0"]
    assert found["warnings"] == [
        f"process {lost} is another one than that which was registered as c1 and has ended. It gets none of its "
        "published ports and links (0.0.0.0:8080->192.168.5.2:80/tcp): say them again if it is the same container"]
    assert here.run("network_info")["network"]["published_ports"] == []
    assert here.unchanged("netns_attach", pid=lost, name="c1") and here.unchanged("netns_attach", netns="c1")


def test_another_process_of_the_same_name_takes_over(here, lost):
    """A container that was started again has another number, and gets back what it had."""
    new = start(here)
    here.run("netns_attach", pid=new, name="c1")
    assert here.addresses("eth0", f"/proc/{new}/ns/net") == ["192.168.5.2/24"]
    assert links_of_process(here, lost) == ["lo"]
    assert here.run("network_info")["network"]["published_ports"] == ["c1 0.0.0.0:8080->192.168.5.2:80/tcp"]


@pytest.mark.parametrize("name", [{"pid": True, "name": "c1"}, {"netns": "c1"}])
def test_what_was_registered_can_be_removed(here, lost, name):
    params = {**name, **({"pid": lost} if "pid" in name else {}), "state": "absent"}
    here.run("netns_attach", **params)
    assert not here.exists("/run/netns/c1") and here.unchanged("netns_attach", **params)
    assert links_of_process(here, lost) == ["lo"]


def test_no_module_goes_in_by_the_name(here, lost):
    here.run("netns_attach", netns="c2")
    before = here.json("link")
    gone = "/run/netns/c1 leads to another network namespace than the one that was registered, which has ended"
    for module, params in {
            "veth_pair": {"name": "side", "peer": {"name": "other", "netns": "c1"}},
            "container_dns": {"netns": "c1", "hostname": "c1"}}.items():
        with pytest.raises(PipelineError, match=f"{gone}: "):
            here.run(module, **params)
    with pytest.raises(PipelineError, match=f"network_mode: {gone}: register it again"):
        here.run("netns_attach", netns="c3", network_mode="container:c1")
    with pytest.raises(PipelineError, match="c1 .*attach"):
        here.run("port_publish", netns="c1", published_ports=["8081:80"])
    assert here.run("icc_policy", netns="c2", links=["c1"])["warnings"] == [
        "the link from c2 to c1 waits for c1, which is not there"]
    here.run("docker_bridge", name="br0", bip=f"{GATEWAY}/24", mtu=1400)
    assert links_of_process(here, lost) == ["lo"]
    here.run("docker_bridge", name="br0", bip=f"{GATEWAY}/24", mtu=1500)
    assert [found["ifname"] for found in here.json("link")] == [found["ifname"] for found in before]
    here.run("veth_pair", name="side", peer={"name": "other", "netns": "c1"}, state="absent")


def test_a_process_of_the_host_itself_that_got_the_number(here):
    pid = start(here)
    here.run("netns_attach", pid=pid, name="c1")
    use_again(here, pid, own_network=False)
    before = links_of(here, "/proc/1/ns/net")
    with pytest.raises(PipelineError, match="/run/netns/c1 leads to another network namespace"):
        here.run("veth_pair", name="side", peer={"name": "other", "netns": "c1"})
    with pytest.raises(PipelineError, match=f"pid: '{pid}' is in the network of the host itself"):
        here.run("netns_attach", pid=pid, name="c1")
    here.run("netns_attach", netns="c1")
    assert here.inode("/run/netns/c1") != here.inode("/proc/1/ns/net")
    assert [name for name in links_of(here, "/proc/1/ns/net") if not name.startswith("veth")] == [
        name for name in before if not name.startswith("veth")]


def test_a_namespace_that_lives_on_without_its_process(here):
    """Its interface is where it was, and nobody is reached by the name any more."""
    pid = int(here.sh("unshare --net sh -c 'sleep 1000 & echo $! >/run/second; exec sleep 1000' >/dev/null 2>&1 & "
                      "echo $!"))
    here.started.append(pid)
    while here.inode(f"/proc/{pid}/ns/net") == here.inode("/proc/1/ns/net") or not here.exists("/run/second"):
        time.sleep(0.01)
    second = int(here.sh("cat /run/second; rm /run/second"))
    here.started.append(second)
    here.run("netns_attach", pid=pid, name="c1")
    use_again(here, pid)
    bridge = {"name": "br0", "bip": f"{GATEWAY}/24"}
    with pytest.raises(PipelineError, match="cannot be reached: /run/netns/c1 leads to another network namespace"):
        here.run("docker_bridge", **bridge, mtu=1400)
    assert here.link("eth0", f"/proc/{second}/ns/net")["mtu"] == 1500 and links_of_process(here, pid) == ["lo"]
    here.run("docker_bridge", **bridge, mtu=1500)
    here.run("netns_attach", pid=second, name="c1")
    here.run("docker_bridge", **bridge, mtu=1400)
    assert here.link("eth0", f"/proc/{second}/ns/net")["mtu"] == 1400 and links_of_process(here, pid) == ["lo"]
    here.run("docker_bridge", **bridge, mtu=1500)
    # By a path there is no name, so that nothing but the interface says whose it is.
    here.run("netns_attach", netns="c1", state="absent")
    here.run("netns_attach", netns_path=f"/proc/{second}/ns/net")
    stay_in(here, f"/proc/{second}/ns/net")
    use_again(here, second)
    with pytest.raises(PipelineError, match=f"/proc/{second}/ns/net is not where eth0 of /proc/{second}/ns/net is"):
        here.run("docker_bridge", **bridge, mtu=1400)
    assert links_of_process(here, second) == ["lo"]
    here.run("netns_attach", netns_path=f"/proc/{second}/ns/net", state="absent")


# The network of the host itself


@pytest.fixture
def of_host(here):
    """Ways to name the network of the host itself."""
    pid = start(here, own_network=False)
    here.run("netns_attach", netns="open", network_mode="host")
    here.sh("ip netns add covered; mount --bind /proc/1/ns/net /run/netns/covered")
    here.run("netns_attach", netns="ours", network_mode="none")
    here.sh("mount --bind /proc/1/ns/net /run/netns/ours")
    yield [{"pid": pid}, {"netns": "open"}, {"netns_path": f"/proc/{pid}/ns/net"}, {"netns": "covered"},
           {"netns": "ours"}]
    here.sh("umount /run/netns/covered /run/netns/ours; ip netns delete covered")
    here.run("netns_attach", netns="open", state="absent")


def test_the_host_itself_is_no_container(here, of_host):
    before = [(found["ifname"], found.get("master"), found.get("ifalias")) for found in here.json("link")]
    for way in of_host:
        (option, value), = way.items()
        message = f"{option}: '{value}' is in the network of the host itself"
        if value == "ours":
            message = "/run/netns/ours is another network namespace|'ours' is another network namespace"
        with pytest.raises(PipelineError, match=message):
            here.run("veth_pair", name="side", peer={"name": "other", **way})
        with pytest.raises(PipelineError, match=message):
            here.run("veth_pair", **way, name="side", peer={"name": "other"})
        here.run("veth_pair", **way, name="br0", state="absent")  # there is none: the bridge is the host's
        if way != {"netns": "open"}:  # which becomes a container with a network of its own
            with pytest.raises(PipelineError, match=message):
                here.run("netns_attach", **way, **({"name": "x"} if "netns" not in way else {}))
    assert [(found["ifname"], found.get("master"), found.get("ifalias")) for found in here.json("link")] == before


def test_the_mode_host_is_what_it_is_asked_for(here, of_host):
    here.run("netns_attach", **of_host[0], name="daemon", network_mode="host")
    assert here.unchanged("netns_attach", **of_host[0], name="daemon", network_mode="host")
    here.run("netns_attach", **of_host[0], name="daemon", state="absent")


# Names that others have changed


MADE_AGAIN = """
ip netns delete c1
for n in $(seq 40); do
    ip netns add other$n
    if [ $(stat -Lc %i /run/netns/other$n) = {} ]; then
        touch /run/netns/c1; mount --bind /run/netns/other$n /run/netns/c1; echo the same; break
    fi
    sleep 0.02 # the number is free once the kernel has taken the former one apart
done
for n in $(seq 40); do [ ! -e /run/netns/other$n ] || ip netns delete other$n; done"""


def test_what_others_made_under_our_name_is_not_ours(here):
    """The kernel gives the lowest free inode: a new namespace has the one that went before it."""
    for _attempt in range(20):  # others on this machine make namespaces as well
        here.run("netns_attach", netns="c1")
        inode = here.inode("/run/netns/c1")
        if here.sh(MADE_AGAIN.format(inode)).strip() == "the same":
            break
    assert here.inode("/run/netns/c1") == inode
    here.gone([name for name in links_of(here, "/proc/1/ns/net") if name.startswith("veth")])
    taken = "is another network namespace than the one that was registered: somebody put it in its place"
    with pytest.raises(PipelineError, match=f"netns: 'c1' {taken}. Remove it with `ip netns delete c1`, or let go of"):
        here.run("netns_attach", netns="c1")
    with pytest.raises(PipelineError, match=f"/run/netns/c1 {taken}: let go of the name"):
        here.run("veth_pair", name="side", peer={"name": "other", "netns": "c1"})
    assert links_of(here, "c1") == ["lo"]
    assert here.run("network_info")["network"]["leftovers"] == [f"/run/netns/c1: {taken}"]
    here.run("netns_attach", netns="c1", state="absent")
    assert here.exists("/run/netns/c1") and here.unchanged("netns_attach", netns="c1", state="absent")
    here.run("netns_attach", netns="c1")
    here.run("netns_attach", netns="c1", state="absent")
    assert links_of(here, "c1") == ["lo"]
    here.sh("ip netns delete c1")


@pytest.mark.parametrize("way", [
    "mount --bind {0} /run/netns/c1",
    "umount /run/netns/c1; mount --bind {0} /run/netns/c1",
    "umount /run/netns/c1; rm /run/netns/c1; ln -s {0} /run/netns/c1"])
def test_what_others_put_over_our_name_is_not_entered(here, way):
    theirs = start(here)
    here.run("netns_attach", netns="c1")
    here.run("port_publish", netns="c1", published_ports=["8080:80"])
    stay_in(here, "/run/netns/c1")  # ours lives on
    here.sh(way.format(f"/proc/{theirs}/ns/net"))
    for module, params in (("netns_attach", {"netns": "c1"}), ("docker_bridge", {"name": "br0", "mtu": 1400}),
                           ("veth_pair", {"name": "x", "peer": {"name": "y", "netns": "c1"}}),
                           ("netns_attach", {"netns": "c2", "network_mode": "container:c1"})):
        with pytest.raises(PipelineError, match="c1'? is another network namespace than the one that was registered"):
            here.run(module, **params)
    assert links_of_process(here, theirs) == ["lo"]
    here.run("netns_attach", netns="c1", state="absent")
    assert here.inode("/run/netns/c1") == here.inode(f"/proc/{theirs}/ns/net")
    here.sh("umount /run/netns/c1 2>/dev/null || true; umount /run/netns/c1 2>/dev/null || true; rm /run/netns/c1")


def test_what_is_left_of_a_name_that_others_unmounted_goes(here):
    here.run("netns_attach", config=[{"netns": "c1"}, {"netns": "c2"}])
    ports = here.ports("br0")
    here.sh("umount /run/netns/c1 /run/netns/c2; touch /run/netns/theirs")
    here.gone(ports)
    with pytest.raises(PipelineError, match="'theirs' is a file in /run/netns that leads to no namespace"):
        here.run("netns_attach", netns="theirs")
    assert here.run("network_info")["network"]["leftovers"] == [
        "/run/netns/c1: leads nowhere", "/run/netns/c2: leads nowhere"]
    here.run("netns_attach", netns="c1")
    here.run("netns_attach", netns="c2", state="absent")
    assert here.sh("ls /run/netns") == "c1\ntheirs\n" and links_of(here, "c1") == ["lo", "eth0"]
    here.sh("rm /run/netns/theirs")


def test_a_joiner_is_gone_with_the_one_that_it_joined(here):
    here.run("netns_attach", config=[{"netns": "web"}, {"netns": "side", "network_mode": "container:web"}])
    here.run("netns_attach", netns="web", state="absent")
    here.sh("ip netns add web")
    with pytest.raises(PipelineError, match="/run/netns/side leads to another network namespace"):
        here.run("veth_pair", name="x", peer={"name": "other", "netns": "side"})
    here.run("netns_attach", netns="side", network_mode="container:web")
    here.run("veth_pair", name="x", peer={"name": "other", "netns": "side"})
    assert "other" in links_of(here, "web")
    here.run("veth_pair", name="x", peer={"name": "other", "netns": "side"}, state="absent")
    here.sh("ip netns delete web")


# Marks


def test_a_mark_of_an_earlier_version_is_believed_and_completed(here):
    pid = start(here)
    here.run("netns_attach", config=[{"pid": pid, "name": "c1"}, {"netns": "c2"}])
    here.run("docker_bridge", name="br0", bip=f"{GATEWAY}/24")
    whole = {name: here.sh(f"cat /run/mooring/netns/{name}") for name in ("c1", "c2")}
    here.sh(f"echo /proc/{pid}/ns/net >/run/mooring/netns/c1; stat -c %i /run/netns/c2 >/run/mooring/netns/c2")
    assert here.run("network_info")["network"]["namespaces"] == ["c1", "c2"]
    assert sorted(here.run("docker_bridge", name="br0", bip=f"{GATEWAY}/24")["operations"]) == [
        "record which namespace c1 is", "record which namespace c2 is"]
    assert {name: here.sh(f"cat /run/mooring/netns/{name}") for name in ("c1", "c2")} == whole
    assert here.unchanged("docker_bridge", name="br0", bip=f"{GATEWAY}/24")
    use_again(here, pid)
    here.run("netns_attach", netns="c1")
    assert links_of_process(here, pid) == ["lo"]


def test_a_link_in_the_place_of_a_mark_is_not_followed(here):
    here.sh("echo precious >/run/victim; mkdir -p /run/mooring/netns; cd /run/mooring/netns; ln -s /run/victim c1; "
            "ln -s /run/never c2; ln /run/victim c3; mkfifo c4; ln -s /run/victim c5; ln /run/victim c6")
    names = ("c1", "c2", "c3", "c4", "c5", "c6")
    config = [{"netns": name} for name in names]
    assert here.pipeline.execute(["NetnsAdd", "c5"], ["NetnsAdd", "c6"])["failure"] == ""  # as if it had just come
    here.run("netns_attach", config=config)
    assert here.sh("cat /run/victim") == "precious\n" and not here.exists("/run/never")
    assert {here.sh(f"stat -c '%F %U %a %h' /run/mooring/netns/{name}") for name in names} == {
        "regular file root 644 1\n"}
    assert here.unchanged("netns_attach", config=config)
    here.sh("rm /run/victim")


@pytest.mark.parametrize(("folder", "plant", "message"), [
    ("/run/mooring", "chown 1000 {}", "/run/mooring belongs to user 1000"),
    ("/run/mooring/netns", "chown 1000 {}", "/run/mooring/netns belongs to user 1000"),
    ("/run/mooring/netns", "chmod 1777 {}", r"/run/mooring/netns can be written by others than root \(mode 1777\)"),
    ("/run/mooring/netns", "chmod g+w {}", "/run/mooring/netns can be written by others than root"),
    ("/run/mooring/netns", "rmdir {}; mkdir /run/theirs; ln -s /run/theirs {}", "/run/mooring/netns is no folder"),
    ("/run/mooring", "rm -r {}; echo text >{}", "/run/mooring is no folder"),
])
def test_a_folder_that_others_can_write_is_refused_by_name(here, folder, plant, message):
    here.sh(f"rm -rf /run/mooring; mkdir -p /run/mooring/netns; {plant.replace('{}', folder)}")
    try:
        for module, params in (("netns_attach", {"netns": "c1"}), ("network_info", {}),
                               ("veth_pair", {"name": "x", "peer": {"name": "y"}})):
            with pytest.raises(PipelineError, match=message):
                here.run(module, **params)
        assert not here.exists("/run/netns/c1") and not here.exists("/run/theirs/c1")
    finally:
        here.sh("rm -rf /run/mooring /run/theirs")


@pytest.mark.parametrize(("plant", "message"), [
    ("chown 1000 {}", "{} belongs to user 1000"), ("chmod 1777 {}", "{} can be written by others than root")])
def test_nothing_is_made_where_others_could_lead_it_elsewhere(here, plant, message):
    here.run("netns_attach", netns="c1")
    here.sh(f"umount /run/netns/c1; umount -l /run/netns; {plant.replace('{}', '/run/netns')}")
    here.run("netns_attach", netns="c1", state="absent")
    try:
        for params in ({"netns": "c2"}, {"pid": start(here)}):
            with pytest.raises(PipelineError, match=message.replace("{}", "/run/netns")):
                here.run("netns_attach", **params)
        assert here.sh("ls /run/netns") == "" and here.ports("br0") == []
    finally:
        here.sh("chown root /run/netns; chmod 755 /run/netns")


def test_a_mark_that_others_wrote_says_nothing(here):
    """The entry counts as somebody else's: it is used, and not removed."""
    here.sh("ip netns add theirs; mkdir -p /run/mooring/netns; cd /run/mooring/netns; "
            "stat -c %i /run/netns/theirs >theirs; chown 1000 theirs")
    here.run("netns_attach", netns="theirs")
    here.run("netns_attach", netns="theirs", state="absent")
    assert here.exists("/run/netns/theirs")
    here.sh("ip netns delete theirs; rm -r /run/mooring")


# Names of containers


VICTIM = "/run/victim"
OWN_ETC = ("unshare --net --mount --uts sh -ec 'mount -t tmpfs tmpfs /etc; echo 10.7.7.7 mine >/etc/hosts; "
           "exec sleep 1000'")


def start_with_files(here, last=0):
    """A process with a network and an /etc of its own."""
    again = f"echo {last} >/proc/sys/kernel/ns_last_pid; " if last else ""
    pid = int(here.sh(f"{again}{OWN_ETC} >/dev/null 2>&1 & echo $!"))
    here.started.append(pid)
    while hosts_of(here, pid) != "10.7.7.7 mine\n":
        time.sleep(0.01)
    return pid


FOLLOW = ("import sys; sys.path.append(sys.argv[1])\n"
          "from ansible_collections.mooring.net.plugins.module_utils._internal.names import follow\n"
          "sys.exit(follow.main())")


def follow(here, check=True):
    """Run what systemd starts when the host's resolv.conf has changed; what it says of errors."""
    return here.host.run([sys.executable, "-c", FOLLOW, CHECKOUT / ".collections"], check=check).stderr


def hosts_of(here, pid):
    return here.sh(f"cat /proc/{pid}/root/etc/hosts 2>/dev/null || true")


def test_files_of_a_process_that_got_the_number_are_left_alone(here):
    pid = start_with_files(here)
    here.run("netns_attach", pid=pid, name="c1")
    here.sh("echo nameserver 192.0.2.53 >/etc/resolv.conf")
    here.run("container_dns", pid=pid, name="c1", hostname="front")
    assert "front" in hosts_of(here, pid)
    here.sh("echo nameserver 192.0.2.54 >/etc/resolv.conf")
    follow(here)
    ours, servers = hosts_of(here, pid), here.sh(f"cat /proc/{pid}/root/etc/resolv.conf")
    assert "nameserver 192.0.2.54" in servers
    use_again(here, pid, start_with_files)
    # Whoever it is has read the block of the one before, and shows it as its own.
    here.host.path(f"/proc/{pid}/root/etc/hosts").write_text(ours)
    here.host.path(f"/proc/{pid}/root/etc/resolv.conf").write_text(servers)
    here.sh("echo nameserver 192.0.2.55 >/etc/resolv.conf")
    follow(here)
    assert here.run("network_info")["network"]["leftovers"][-1] == (
        "files of c1: they are no longer as this collection wrote them")
    here.run("docker_bridge", name="br0", bip="192.168.6.1/24")
    here.run("container_dns", netns="c1", state="absent")
    here.run("docker_bridge", name="br0", bip=f"{GATEWAY}/24")
    assert here.sh(f"cat /proc/{pid}/root/etc/resolv.conf") == servers
    assert hosts_of(here, pid) == ours and here.sh(f"nsenter --target {pid} --uts hostname") != "front\n"


@pytest.mark.parametrize("plant", [f"ln -s {VICTIM} {{}}", f"ln {VICTIM} {{}}", "mkfifo {}", "mkdir {}",
                                   "touch {}; chown 1000 {}", "touch {}; chmod 666 {}"])
def test_what_others_put_in_the_place_of_a_record_is_refused_by_name(here, plant):
    pid, record = start_with_files(here), "/run/mooring/dns/pid-c1"
    here.run("netns_attach", pid=pid, name="c1")
    here.sh(f"echo precious >{VICTIM}; mkdir -p /run/mooring/dns; {plant.replace('{}', record)}")
    with pytest.raises(PipelineError, match=f"{record}, where this collection records the files of a container, .*: "
                                            "remove it"):
        here.run("container_dns", pid=pid, name="c1")
    assert here.sh(f"cat {VICTIM}") == "precious\n" and hosts_of(here, pid) == "10.7.7.7 mine\n"
    here.run("network_info")
    here.sh(f"rm -r /run/mooring/dns {VICTIM}")


@pytest.mark.parametrize(("plant", "message"), [
    ("chown 1000 {}", "{} belongs to user 1000"), ("chmod o+w {}", "{} can be written by others than root"),
    ("rmdir {}; mkdir /run/theirs; ln -s /run/theirs {}", "{} is no folder")])
def test_a_folder_of_records_that_others_can_write_is_refused_by_name(here, plant, message):
    here.run("netns_attach", netns="c1")
    pid, folder = start_with_files(here), "/run/mooring/dns"
    here.sh(f"mkdir -p {folder}; {plant.replace('{}', folder)}")
    for module, params in (("container_dns", {"pid": pid}), ("container_dns", {"netns": "c1"}), ("network_info", {})):
        with pytest.raises(PipelineError, match=message.replace("{}", folder)):
            here.run(module, **params)
    here.sh("echo nameserver 192.0.2.53 >/etc/resolv.conf")
    assert follow(here, check=False).startswith(message.replace("{}", folder))
    assert hosts_of(here, pid) == "10.7.7.7 mine\n" and not here.exists("/etc/netns/c1")
    here.sh(f"rm -rf {folder} /run/theirs")


@pytest.mark.parametrize(("plant", "problem"), [
    ("chown 1000 /etc/netns/c1", "is in a folder that belongs to user 1000, and is to be root's alone"),
    ("chmod 777 /etc/netns/c1", "is in a folder that can be written by others than root"),
    ("chown 1000 /etc/netns/c1/hosts", "belongs to user 1000, and is to be root's alone"),
    ("chmod 666 /etc/netns/c1/hosts", "can be written by others than root"),
])
def test_files_of_a_named_namespace_that_others_can_write_say_nothing(here, plant, problem):
    """Their marks would be believed."""
    here.run("netns_attach", netns="c1")
    here.run("container_dns", netns="c1", hostname="front")
    here.sh(plant)
    text = here.sh("cat /etc/netns/c1/hosts")
    assert here.run("network_info")["network"]["dns"] == []
    here.run("docker_bridge", name="br0", bip="192.168.6.1/24")
    with pytest.raises(PipelineError, match=f"netns: 'c1' cannot get a hosts: /etc/netns/c1/hosts {problem}"):
        here.run("container_dns", netns="c1", hostname="other")
    assert here.sh("cat /etc/netns/c1/hosts") == text
    here.run("docker_bridge", name="br0", bip=f"{GATEWAY}/24")
    here.sh("rm -r /etc/netns")


# The command mooring


PROGRAM = """
import sys
sys.path.append(sys.argv[1])
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.program import adapter, operations
from ansible_collections.mooring.net.plugins.module_utils._internal.run.installation import converge_program
try:
    if sys.argv[2] == "install":
        adapter.carry_out([operations.FileInstall("/usr/local/lib/mooring/mooring.pyz", b"text", None),
                           operations.FileInstall("/etc/systemd/system/mooring-resolv.path", b"unit", None)])
    else:
        converge_program({"state": "present", "python": sys.executable, "follow_resolv_conf": True, "persist": False,
                          "check_interval": 15, "lock_timeout": 120}, False)
except MooringError as error:
    print(error)
"""


def program(here, what):
    return here.host.run([sys.executable, "-c", PROGRAM, CHECKOUT / ".collections", what]).stdout


@pytest.mark.parametrize(("plant", "message"), [
    ("mkdir -p {}; chown 1000 {}", "{} belongs to user 1000"),
    ("mkdir -p {}; chmod 777 {}", "{} can be written by others than root"),
    ("mkdir -p /run/theirs; ln -s /run/theirs {}", "{} is no folder"),
])
def test_a_program_that_others_could_change_is_not_run(here, plant, message):
    root = "/usr/local/lib/mooring"
    here.sh(plant.replace("{}", root))
    try:
        for what in ("plan", "install"):
            assert message.replace("{}", root) in program(here, what)
        assert here.sh(f"find {root}/ /run/theirs -type f 2>/dev/null || true") == ""
    finally:
        here.sh(f"rm -rf {root} /run/theirs")


def test_files_of_the_program_take_the_place_of_what_was_planted(here):
    root, unit = "/usr/local/lib/mooring", "/etc/systemd/system/mooring-resolv.path"
    here.sh(f"echo precious >{VICTIM}; mkdir -p {root} /etc/systemd/system; chgrp 50 {root}; "
            f"chmod g+s {root}; ln -s {VICTIM} {root}/mooring.pyz; ln -s {VICTIM} {root}/.mooring.pyz.new; "
            f"ln -s {VICTIM} {unit}")
    try:
        assert program(here, "install") == "" and here.sh(f"cat {VICTIM}") == "precious\n"
        assert here.sh(f"stat -c '%F %u %g %a %n' {root}/mooring.pyz {root}/.m* {unit} 2>/dev/null || true") == (
            f"regular file 0 0 755 {root}/mooring.pyz\nregular file 0 0 644 {unit}\n")
    finally:
        here.sh(f"rm -rf {root} {unit} {VICTIM}")
