# SPDX-License-Identifier: GPL-3.0-or-later
"""A real systemd-networkd that is told to configure every interface, beside containers of the collection."""
import contextlib
import time
from pathlib import Path

import pytest
from containers import box, once, play
from pipeline import PipelineError

pytestmark = once

EVERY = """[Match]
Name=*

[Network]
LinkLocalAddressing=no
IPv6AcceptRA=no
Address=10.99.0.1/32
"""
STOP = "systemctl stop systemd-networkd.socket systemd-networkd.service"
FILE = "/etc/systemd/network/00-mooring.network"
OTHER = "/etc/NetworkManager/conf.d/00-mooring.conf"
NETWORKS = [{"name": "br0", "bip": "192.168.5.1/24", "containers": [{"name": "web", "published_ports": ["8080:80"]}]},
            {"name": "br1", "bip": "192.168.6.1/24"}]


@pytest.fixture
def here():
    if not Path("/lib/systemd/systemd-networkd").exists():
        pytest.skip("this system has no systemd-networkd")
    with box(systemd=True) as found:
        found.host.path("/etc/systemd/network/50-every.network").write_text(EVERY)
        found.sh("ip link add lan0 type veth peer name lan1; ip link set lan1 up; ip link set lan0 up")
        # As in containers: where /sys can be written it waits for udev, which is the machine's (udev_available()).
        found.sh("mount -o remount,bind,ro /sys; systemctl start systemd-networkd")
        wait_until(lambda: "10.99.0.1/32" in found.addresses("lan0"))
        yield found


def wait_until(is_so, seconds=60):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def state_of(here, name):
    """What systemd-networkd says of an interface: ``unmanaged``, or what it has done with it."""
    lines = here.host.run(["networkctl", "--no-pager", "--no-legend", "list"]).stdout.splitlines()
    return next(line.split()[-1] for line in lines if line.split()[1] == name)


def test_what_it_takes_comes_back_with_the_next_run(here):
    """Without the role: it is drift, until a run puts it back."""
    with contextlib.suppress(PipelineError):  # in vain for as long as it runs, and now and then a run sees that
        here.run("host_network", networks=NETWORKS)
    [port] = [found["ifname"] for found in here.json("link") if found["ifname"].startswith("veth")]
    # A run that was slow has put its port back already, and then nobody configures that again.
    here.sh(f"timeout 30 sh -c 'until networkctl reconfigure {port}; do sleep 0.1; done'")  # once it knows it
    wait_until(lambda: "10.99.0.1/32" in here.addresses(port))
    # What other versions of it, and NetworkManager, do besides.
    here.sh(f"{STOP}; ip link set {port} nomaster")
    assert "put web back on bridge br0 (somebody took it off)" in here.run("network_info")["network"]["drift"]
    here.run("port_publish", container="web", published_ports=["8080:80"])
    assert here.ports("br0") == [port] and here.run("network_info")["network"]["drift"] == []


def test_the_role_keeps_it_away(here):
    output, counts = play(here, "mooring.net.site", "--check", "--diff", container_networks=NETWORKS)
    assert counts["failed"] == 0 and not here.exists(FILE), output
    output, counts = play(here, "mooring.net.site", container_networks=NETWORKS)
    assert counts["failed"] == 0 and here.exists(FILE) and not here.exists(OTHER), output
    output, counts = play(here, "mooring.net.site", container_networks=NETWORKS)
    assert (counts["failed"], counts["changed"]) == (0, 0), output
    port = here.run("network_info")["network"]["endpoints"][0]["host_interface"]
    for name in (port, "br0", "br1"):
        wait_until(lambda name=name: state_of(here, name) == "unmanaged")
    assert state_of(here, "lan0") != "unmanaged"
    # Its own interfaces it goes on to configure, and those of the collection not, whatever it is told.
    here.sh("ip address flush dev lan0; networkctl reconfigure lan0; systemctl restart systemd-networkd")
    wait_until(lambda: "10.99.0.1/32" in here.addresses("lan0"))
    assert here.ports("br0") == [port] and here.addresses("br0") == ["192.168.5.1/24"]
    assert here.run("network_info")["network"]["drift"] == []
    # A new bridge is in the file before long, and the last one takes the file with it.
    more = [*NETWORKS, {"name": "br2", "bip": "192.168.7.1/24"}]
    output, counts = play(here, "mooring.net.site", container_networks=more)
    assert counts["failed"] == 0 and "br2" in here.host.path(FILE).read_text(), output
    assert here.addresses("br2") == ["192.168.7.1/24"] and here.run("network_info")["network"]["drift"] == []
    output, counts = play(here, "mooring.net.teardown")
    assert counts["failed"] == 0 and not here.exists(FILE), output


def test_nothing_is_written_where_nobody_runs_or_nobody_wants_it(here):
    output, counts = play(here, "mooring.net.site", container_networks=NETWORKS, host_network_keep_managers_away=False)
    assert not here.exists(FILE), output
    here.sh(STOP)
    output, counts = play(here, "mooring.net.site", container_networks=NETWORKS)
    assert counts["failed"] == 0 and not here.exists(FILE), output
