# SPDX-License-Identifier: GPL-3.0-or-later
"""An operation that fails half way inside itself is done whole or not at all, and what is said to be undone is so."""
import pytest
from containers import box, once
from pipeline import PipelineError
from remains import differences, remains

pytestmark = once

# What keeps an operation from being done whole, and how it goes away again.
OBSTACLES = {
    "no room for the mark": ("mount -t tmpfs -o size=64k,mode=755 tmpfs /run; mkdir /run/netns; ls /run/netns; "
                             "head -c 1M /dev/zero >/run/full 2>/dev/null || true", "rm /run/full"),
    "no room for another file": ("mount -t tmpfs -o nr_inodes=32,mode=755 tmpfs /run; mkdir /run/netns /run/full; "
                                 "touch $(seq -f /run/full/%g 40) 2>/dev/null || true", "rm -r /run/full"),
    "a read-only /run": ("mkdir -p /run/netns; mount -o bind /run /run; mount -o remount,bind,ro /run",
                         "mount -o remount,bind,rw /run"),
    "a read-only /run/netns": ("mkdir -p /run/netns; mount -o bind /run/netns /run/netns; "
                               "mount -o remount,bind,ro /run/netns", "umount /run/netns"),
    "a read-only folder of marks": ("mkdir -p /run/mooring/netns; mount -o bind /run/mooring/netns /run/mooring/netns;"
                                    " mount -o remount,bind,ro /run/mooring/netns",
                                    "umount /run/mooring/netns; rmdir /run/mooring/netns")}


@pytest.fixture
def here():
    with box() as found:
        found.run("docker_bridge", name="br0", bip="192.168.5.1/24")
        yield found


def expect_undone(here, module, **params):
    """A run fails, and the host is as it was. The message of the failure."""
    before = remains(here)
    with pytest.raises(PipelineError) as caught:
        here.run(module, **params)
    after = remains(here)
    assert after == before, f"{caught.value}\n{differences(before, after)}"
    return str(caught.value)


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_a_namespace_that_cannot_be_made_whole_is_not_made(here, obstacle):
    put, remove = OBSTACLES[obstacle]
    here.sh(put)
    said = expect_undone(here, "netns_attach", netns="web")
    assert "not undone" not in said and "/run/netns/web" in said
    here.sh(remove)
    # Nothing is in the way of others, nor of the next run.
    here.sh("ip netns add other; ip netns delete other")
    here.run("netns_attach", netns="web")
    assert here.addresses("eth0", "web") == ["192.168.5.2/24"]


@pytest.mark.parametrize("obstacle", ["a read-only /run/netns", "a read-only folder of marks"])
def test_a_namespace_that_cannot_be_removed_whole_stays(here, obstacle):
    here.run("netns_attach", netns="web", network_mode="none")
    put, remove = OBSTACLES[obstacle]
    here.sh(put)
    inode = here.inode("/run/netns/web")
    said = expect_undone(here, "netns_attach", netns="web", state="absent")
    assert "is left" not in said and here.inode("/run/netns/web") == inode
    here.sh(remove.partition(";")[0])
    assert here.unchanged("netns_attach", netns="web", network_mode="none")
    here.run("netns_attach", netns="web", state="absent")
    assert here.registered() == []


def test_a_file_that_there_is_no_room_for_stays_as_it_was(here):
    """It is written in place, and what is written of it before the file system is full is taken back."""
    here.run("netns_attach", config=[{"netns": "web"}, {"netns": "db"}])
    here.sh("mkdir -p /etc/netns; mount -t tmpfs -o size=16k,mode=755 tmpfs /etc/netns; mkdir /etc/netns/web; "
            "seq -f '10.7.7.%g name' 80 >/etc/netns/web/hosts; head -c 1M /dev/zero >/etc/netns/full || true")
    extra = {f"name-{number}": "10.9.9.9" for number in range(200)}
    said = expect_undone(here, "container_dns", netns="web", etc_hosts=extra)
    assert "No space left" in said
    here.sh("rm /etc/netns/full")
    here.run("container_dns", netns="web", etc_hosts={"other": "10.9.9.9"})
    here.run("container_dns", netns="web", state="absent")
    assert here.sh("cat /etc/netns/web/hosts") == here.sh("seq -f '10.7.7.%g name' 80")


def test_a_link_that_is_half_changed_counts_as_changed(here):
    """The kernel sets what a message says one after the other: all of it is to be undone where one is refused."""
    here.sh("ip link add v0 type veth peer name v1")
    link = {"is": "Link", "name": "v0", "kind": "veth", "mtu": 1500}
    outcome = here.pipeline.execute(["LinkSet", "", link, {**link, "mtu": 1400, "controller": "lo"}])
    assert here.link("v0")["mtu"] == 1400 and outcome["failure"].startswith("cannot set v0")
    assert outcome["done"] == ["set v0: mtu 1400 (was 1500), bridge lo (was none)"]
