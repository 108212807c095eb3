# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and folders of the host that are not what they are elsewhere: a message names them, or they are no obstacle."""
import pytest
from containers import box, once
from pipeline import PipelineError

pytestmark = once


@pytest.fixture
def here():
    """A host without any named namespace."""
    with box() as found:
        found.sh("umount /run/netns/* /run/netns 2>/dev/null || :; rm -rf /run/netns /run/mooring /etc/netns")
        yield found


@pytest.mark.parametrize(("odd", "message"), [
    (": >/run/netns", "/run/netns is no folder"),
    ("ln -s /etc/passwd /run/netns", "/run/netns is no folder"),
    ("ln -s netns /run/netns", "/run/netns is no folder"),
    ("ln -s /nowhere /run/netns", "/run/netns is no folder"),
    (": >/run/mooring", "/run/mooring is no folder"),
    ("mkdir /run/mooring; ln -s /tmp /run/mooring/netns", "/run/mooring/netns is no folder"),
])
def test_a_folder_of_namespaces_that_is_none(here, odd, message):
    here.run("docker_bridge", name="br0", bip="192.168.5.1/24")
    here.sh(odd)
    with pytest.raises(PipelineError, match=message):
        here.run("netns_attach", netns="web", bridge="br0")
    assert here.ports("br0") == []


def test_entries_of_odd_kinds_are_left_alone(here):
    here.sh("mkdir -p /run/netns/folder/x; : >/run/netns/file; ln -s loop /run/netns/loop; "
            "ln -s /dev/zero /run/netns/device; : >$(printf '/run/netns/a\\nb\\377'); mkdir -p /etc/netns/folder; "
            ": >/etc/netns/file; mkfifo /etc/netns/folder/hosts")
    here.run("docker_bridge", name="br0", bip="192.168.5.1/24")
    here.run("netns_attach", netns="web", bridge="br0")
    here.run("container_dns", netns="web")
    assert here.run("network_info")["network"]["drift"] == []
    for name in ("folder", "file", "loop", "device"):
        with pytest.raises(PipelineError, match=name):
            here.run("netns_attach", netns=name, bridge="br0")
    assert len(here.ports("br0")) == 1


@pytest.mark.parametrize(("odd", "message"), [
    (": >/etc/netns", "cannot get a hosts: /etc/netns/web/hosts "),
    ("mkdir -p /etc/netns/web/hosts", "cannot get a hosts: /etc/netns/web/hosts is no regular file"),
    ("mkdir -p /etc/netns/web; mkfifo /etc/netns/web/resolv.conf", "cannot get a resolv.conf: .* is no regular file"),
    ("mkdir -p /run/mooring; : >/run/mooring/dns", "/run/mooring/dns is no folder"),
])
def test_files_of_a_namespace_that_are_none(here, odd, message):
    here.run("docker_bridge", name="br0", bip="192.168.5.1/24")
    here.run("netns_attach", netns="web", bridge="br0")
    here.sh(odd)
    with pytest.raises(PipelineError, match=message):
        here.run("container_dns", netns="web")


@pytest.mark.parametrize("odd", ["rm -f /etc/hosts; mkdir /etc/hosts", "rm -f /etc/resolv.conf; mkdir /etc/resolv.conf",
                                 "rm -f /etc/resolv.conf; printf 'nameserver \\377\\0\\n\\0' >/etc/resolv.conf",
                                 "rm -f /etc/resolv.conf; ln -s resolv.conf /etc/resolv.conf"])
def test_files_of_the_host_that_are_odd(here, odd):
    here.sh(odd)
    here.run("docker_bridge", name="br0")
    here.run("netns_attach", netns="web", bridge="br0")
    here.run("container_dns", netns="web", dns_servers=["192.0.2.53"])
    assert here.run("network_info")["network"]["drift"] == []
