# SPDX-License-Identifier: GPL-3.0-or-later
"""/run/netns under whatever is mounted on it, and on /run: namespaces are made, seen by services, and removed."""
import subprocess

import pytest
from containers import box, once
from pipeline import PipelineError

pytestmark = once

MOUNTS = {
    "nothing": "",
    "as ip-netns leaves it": "ip netns add old",
    "a later mount on /run": "ip netns add old; mount -t tmpfs tmpfs /run",
    "a later mount on /run, and one on it": "ip netns add old; mount -t tmpfs tmpfs /run; ip netns add new",
    "a later mount over a private one": "ip netns add old; mount --make-private /run/netns; mount -t tmpfs t /run",
    "a later private mount on /run": "ip netns add old; mount -t tmpfs tmpfs /run; mount --make-private /run",
    "a later mount on /run/netns": "ip netns add old; mount -t tmpfs -o mode=755 tmpfs /run/netns",
    "private": "ip netns add old; mount --make-private /run/netns",
    "private below": "ip netns add old; mount --make-private /run/netns; mount --rbind /run/netns /run/netns",
    "private above": "ip netns add old; mount --rbind /run/netns /run/netns; mount --make-private /run/netns",
    "private /run": "mount --make-rprivate /; mount -t tmpfs tmpfs /run",
}
# A service that started before: what is mounted later reaches it, and nothing of its own gets out.
SERVICE = ["unshare", "--mount", "--propagation", "slave", "sh", "-ec", "echo up; read word; ip -n late -o link"]


@pytest.fixture(params=MOUNTS)
def here(request):
    with box() as found:
        found.sh(f"rm -rf /run/netns; {MOUNTS[request.param]}")
        found.run("docker_bridge", name="br0", bip="192.168.5.1/24")
        yield found


def mounts(here):
    """How many mounts there are at /run/netns itself, hidden ones among them."""
    lines = here.sh("cat /proc/self/mountinfo").splitlines()
    return sum(line.split()[4] == "/run/netns" for line in lines)


def test_namespaces_are_made_seen_and_removed(here):
    before = set(here.sh("ls /run/netns 2>/dev/null || true").split())
    here.run("netns_attach", netns="web")
    assert here.unchanged("netns_attach", netns="web")
    count = mounts(here)
    with here.host.popen(SERVICE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True) as service:
        assert service.stdout.readline() == "up\n"
        here.run("netns_attach", netns="late")
        written = service.communicate("go\n", timeout=20)[0]
    assert ": eth0@" in written, written
    assert mounts(here) == count
    assert here.addresses("eth0", "web") == ["192.168.5.2/24"]
    here.run("netns_attach", config=[{"netns": "web"}, {"netns": "late"}], state="absent")
    assert set(here.sh("ls /run/netns").split()) == before and here.ports("br0") == []
    if "old" in before:
        assert "lo" in here.sh("ip -n old -o link")


def test_a_mount_that_comes_between_two_runs(here):
    """What was there is hidden, and is as it was when the mount is gone again."""
    here.run("netns_attach", netns="web")
    inode = here.inode("/run/netns/web")
    here.sh("mount -t tmpfs tmpfs /run")
    endpoint = here.run("netns_attach", netns="web")["endpoint"]
    assert here.inode("/run/netns/web") != inode and here.addresses("eth0", "web") == [endpoint["address"]]
    assert here.unchanged("netns_attach", netns="web")
    here.sh("umount --lazy /run")
    assert here.inode("/run/netns/web") == inode
    endpoint = here.run("netns_attach", netns="web")["endpoint"]
    assert here.addresses("eth0", "web") == [endpoint["address"]] and len(here.ports("br0")) == 1
    here.run("netns_attach", netns="web", state="absent")
    assert here.ports("br0") == []


@pytest.mark.parametrize("mount", ["-t tmpfs -o mode=755 tmpfs", "--bind /run/netns"], ids=["tmpfs", "itself"])
def test_a_mount_on_the_folder_itself_ends_no_container(mount):
    """Neither that of a name that we have made, nor that of somebody else's."""
    with box() as here:
        here.sh("ip netns add theirs")
        here.run("docker_bridge", name="br0", bip="192.168.5.1/24")
        here.run("netns_attach", config=[{"netns": "web"}, {"netns": "theirs"}])
        before = here.json("link"), here.inode("/run/netns/web")
        here.sh(f"mount {mount} /run/netns")
        for module, params in (("netns_attach", {"netns": "web"}), ("docker_bridge", {"name": "br0", "mtu": 1400}),
                               ("netns_attach", {"netns": "theirs", "state": "absent"})):
            for check in (True, False):
                with pytest.raises(PipelineError, match="is hidden: something has been mounted on /run/netns since"):
                    here.run(module, check=check, **params)
        here.sh("umount /run/netns")
        assert (here.json("link"), here.inode("/run/netns/web")) == before
        assert here.unchanged("netns_attach", config=[{"netns": "web"}, {"netns": "theirs"}])
