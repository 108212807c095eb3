# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs join a namespace that was made here, in the ways that docs/joining_a_namespace.md gives."""
import json
import re
import time

import pytest
from containers import IMAGE, OUTSIDE, Engine, box, once
from pipeline import CHECKOUT
from traffic import expect_answers

PAGE = (CHECKOUT / "docs" / "joining_a_namespace.md").read_text(encoding="utf-8")
UNIT = re.search(r"```ini\n(.*?)```", PAGE, re.DOTALL).group(1)
NETNS = "/run/netns/web"

# systemd as the first process of a pid namespace of its own, in a cgroup namespace below the host's cgroup. The kernel
# has settings that belong to no namespace, and systemd writes some of them: it sees them read-only, or does not start.
BOOT = r"""
cgroup=$1
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mkdir -p "/sys/fs/cgroup$cgroup" && echo $$ >"/sys/fs/cgroup$cgroup/cgroup.procs"
else
    for hierarchy in /sys/fs/cgroup/*/; do
        if mkdir -p "$hierarchy$cgroup"; then echo $$ >"$hierarchy$cgroup/cgroup.procs"; fi
    done 2>/dev/null
fi
exec unshare --cgroup --mount --pid --fork --kill-child --propagation slave sh -ec '
    mount -t proc proc /proc
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        umount --lazy /sys/fs/cgroup
        mount -t cgroup2 cgroup2 /sys/fs/cgroup
    else
        hierarchies=$(cd /sys/fs/cgroup && ls -d */ | tr -d /)
        mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
        for name in $hierarchies; do
            case $name in
            systemd) options=none,name=systemd ;;
            unified) continue ;;
            *) options=$name ;;
            esac
            mkdir "/sys/fs/cgroup/$name"
            mount -t cgroup -o "$options" cgroup "/sys/fs/cgroup/$name"
        done
    fi
    mount -t tmpfs -o mode=755 tmpfs /mnt
    for name in full null random tty urandom zero; do cp -a "/dev/$name" /mnt; done
    mkdir /mnt/pts /mnt/shm
    mount --bind /mnt /dev
    for kernel in /proc/sys /sys; do
        mount --bind "$kernel" "$kernel"
        mount -o remount,bind,ro "$kernel"
    done
    ! touch /proc/sys/kernel/hostname 2>/dev/null
    exec env -i container=other PATH="$PATH" /lib/systemd/systemd --unit=basic.target
'
"""


@pytest.fixture(scope="module")
def here():
    with box("docker", outside=True) as found:
        found.run("docker_bridge", name="br0", bip="192.168.5.1/24")
        found.servers.serve(found.outside, "outside", (9999,))
        yield found


@pytest.fixture
def web(here):
    """The namespace, and its port published."""
    endpoint = here.run("netns_attach", netns="web")["endpoint"]
    here.run("port_publish", container="web", published_ports=["8080:80"])
    yield endpoint
    here.run("netns_attach", netns="web", state="absent")


def fetch(host, url):
    return host.run(["python3", "-c", "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read()"
                     ".decode(), end='')", url], check=False).stdout


def fetch_soon(host, url, seconds=60):
    """What a server that has just been started answers."""
    deadline = time.monotonic() + seconds
    while not (found := fetch(host, url)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def test_the_documented_unit_is_right(here):
    if not here.exists("/usr/bin/systemd-analyze"):
        pytest.skip("this system has no systemd")
    units = here.host.path("/tmp/units")
    units.mkdir()
    (units / "web.service").write_text(UNIT)
    done = here.host.run(["systemd-analyze", "verify", "/tmp/units/web.service"], check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (units / "bad.service").write_text(UNIT.replace("NetworkNamespacePath", "NetworkNamespaceFile"))
    assert "Unknown key" in here.host.run(["systemd-analyze", "verify", "/tmp/units/bad.service"], check=False).stderr


@once
def test_a_systemd_service_joins():
    with box(outside=True) as found:
        if not found.exists("/lib/systemd/systemd"):
            pytest.skip("this system has no systemd")
        found.host.path("/etc/systemd/system/web.service").write_text(UNIT)
        found.sh("echo >/etc/resolv.conf")  # Python's server looks its own name up, and nobody answers here
        with open(found.host.path("/run/systemd.log"), "wb") as log:
            found.host.popen(["sh", "-c", BOOT, "boot", f"{found.host.cgroup}/systemd"], stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while (state := systemctl(found, "is-system-running")) not in ("running", "degraded"):
            assert time.monotonic() < deadline, state + found.sh("cat /run/systemd.log")
            time.sleep(0.05)
        # The namespace is made after systemd has started, which has to see it all the same.
        found.run("docker_bridge", name="br0", bip="192.168.5.1/24")
        systemctl(found, "start", "web")
        deadline = time.monotonic() + 60
        while (cause := systemctl(found, "show", "--property=ExecMainStatus", "--value", "web")) == "0":
            assert time.monotonic() < deadline
        assert cause == "225"  # as the page says: there is no namespace yet
        found.run("netns_attach", netns="web")
        found.run("port_publish", container="web", published_ports=["8080:80"])
        systemctl(found, "reset-failed", "web")
        systemctl(found, "restart", "web")
        assert "Directory listing" in fetch_soon(found.host, "http://192.168.5.2/")
        assert "Directory listing" in fetch(found.outside_host, "http://198.51.100.1:8080/")
        assert fetch(found.host, "http://127.0.0.2/") == ""
        # It restarts, and nothing has to be done for it.
        systemctl(found, "restart", "web")
        assert "Directory listing" in fetch_soon(found.outside_host, "http://198.51.100.1:8080/")
        assert found.unchanged("netns_attach", netns="web")
        found.run("netns_attach", netns="web", state="absent")
        assert found.ports("br0") == []


def systemctl(here, *words):
    """What systemctl says beside the systemd that has started, which answers in its own namespaces only."""
    script = 'pid=$(pgrep -xo systemd) && exec nsenter --target "$pid" --mount --pid systemctl "$@"'
    return here.host.run(["sh", "-c", script, "systemctl", *words], check=False).stdout.strip()


@once
def test_podman_joins(here, web):
    engine = Engine(here, "podman")
    command = re.search(r"podman run .*IMAGE", PAGE).group(0).replace("IMAGE", "").split()[1:]
    engine(*command, f"--cgroup-parent={here.host.cgroup}", IMAGE, "sh", "-c",
           "mkdir /tmp/www && hostname >/tmp/www/name && exec httpd -f -p 80 -h /tmp/www")
    assert here.inode(engine.netns("web")) == here.inode(NETNS)
    name = fetch_soon(here.outside_host, "http://198.51.100.1:8080/name")
    assert name and name == engine("exec", "web", "hostname") + "\n"
    assert here.addresses("eth0", "web") == [web["address"]]
    expect_answers(((engine.place("web"), "udp", OUTSIDE, 9999), "outside:9999", "198.51.100.1"))
    # The container goes, and the namespace stays for the next one.
    engine.remove("web")
    assert here.unchanged("netns_attach", netns="web")


@once
def test_runc_joins(here, web):
    here.sh("""mkdir -p /run/bundle/rootfs/bin /run/bundle/rootfs/www; cd /run/bundle; runc spec
        cp /bin/busybox rootfs/bin; echo by runc >rootfs/www/page""")
    path = here.host.path("/run/bundle/config.json")
    config = json.loads(path.read_text())
    entry = json.loads(re.search(r"```json\n(.*?)```", PAGE, re.DOTALL).group(1))
    assert {"type": "network"} in config["linux"]["namespaces"]
    config["linux"]["namespaces"] = [
        entry if space["type"] == "network" else space for space in config["linux"]["namespaces"]]
    config["linux"]["cgroupsPath"] = f"{here.host.cgroup}/bundle"
    config["process"].update(terminal=False, args=["/bin/busybox", "httpd", "-f", "-p", "80", "-h", "/www"], rlimits=[])
    for capabilities in config["process"]["capabilities"].values():
        assert "CAP_NET_BIND_SERVICE" in capabilities
    path.write_text(json.dumps(config))
    here.sh("cd /run/bundle; runc run --detach joined >/run/runc.log 2>&1 </dev/null || { cat /run/runc.log; exit 1; }")
    try:
        assert fetch_soon(here.outside_host, "http://198.51.100.1:8080/page") == "by runc\n"
        pid = json.loads(here.sh("runc state joined"))["pid"]
        assert here.inode(f"/proc/{pid}/ns/net") == here.inode(NETNS)
    finally:
        here.sh("runc delete --force joined")
    assert here.unchanged("netns_attach", netns="web")


@pytest.mark.parametrize("command", re.findall(r"^    ((?:nsenter|ip netns).*)$", PAGE, re.MULTILINE))
def test_a_command_joins(here, web, command):
    written = here.host.run(command.split()).stdout
    assert web["address"] in written and web["mac_address"] in written and "br0" not in written


def test_a_program_that_makes_its_namespace_itself(here):
    command = re.search(r"^    (unshare .*) &$", PAGE, re.MULTILINE).group(1)
    pid = int(here.sh(f"{command} >/dev/null 2>&1 & echo $!"))
    while here.inode(f"/proc/{pid}/ns/net") == here.inode("/proc/1/ns/net"):
        time.sleep(0.01)
    endpoint = here.run("netns_attach", pid=pid, name="job", bridge="br0")["endpoint"]
    assert here.addresses("eth0", f"/proc/{pid}/ns/net") == [endpoint["address"]]
    here.sh(f"kill {pid}")
    here.gone([endpoint["host_interface"]])
    here.run("netns_attach", container="job", state="absent")
    assert not here.exists("/run/netns/job")
