# SPDX-License-Identifier: GPL-3.0-or-later
"""A host starts: nothing is left in its kernel, and systemd starts what is enabled, with a real Docker daemon.

Docker's container comes back on a bridge of ours, a service and a container of Podman's join named namespaces, and
somebody outside never stops asking for what is not published.
"""
import json
import select
import socket
import threading
import time

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.boot.model import ENABLED
from containers import BOX, IMAGE, box, once
from engines import import_busybox_image, prepare_podman
from test_flushes import NETWORKS, Site

pytestmark = once
APP = "192.168.5.2"  # the first address that Docker gives on the bridge
POD = "10.20.0.20"
WITH_POD = [NETWORKS[0], {**NETWORKS[1], "containers": [*NETWORKS[1]["containers"], {
    "name": "pod", "address": POD, "published_ports": ["8090:82"]}]}, NETWORKS[2]]
DAEMON = {"bridge": "front", "iptables": False, "ip-masq": False, "ip-forward": False, "userland-proxy": False}
WEB = """[Unit]
Wants=mooring.target
After=mooring.target

[Service]
NetworkNamespacePath=/run/netns/web
ExecStart=/bin/busybox httpd -f -p 80 -h /run/www
"""
# Podman gives a container the network of a path. It has to be there when the container starts.
PODMAN = """[Unit]
Wants=mooring.target
After=mooring.target

[Service]
ExecStart=/usr/bin/podman start --attach pod
ExecStop=/usr/bin/podman stop --time=0 pod
"""
# What was enabled, and what a host has beside it: in one transaction, as at a start.
BOOT = f"""[Unit]
Wants=network.target {' '.join(ENABLED)} docker.service web.service pod.service nftables.service
"""
WIPE = """
systemctl stop mooring-guard.timer web.service pod.service nftables.service
systemctl stop docker.service docker.socket containerd.service
# nftables and Docker say that they have stopped, and units of ours begin to bring the network back, one by the other.
while systemctl list-jobs --no-legend | grep -q mooring ||
    systemctl is-active mooring-guard mooring-repair mooring | grep -Eq "activating|reloading"; do
    sleep 0.05
done
systemctl stop mooring.service mooring.target
systemctl reset-failed docker.service 2>/dev/null || true
for name in $(ls /run/netns); do ip netns delete "$name"; done
while ip link | grep -q 'alias mooring:endpoint:'; do sleep 0.02; done
for name in front back plain docker0; do ip link delete "$name" 2>/dev/null || true; done
for program in iptables ip6tables; do
    for table in raw mangle nat filter; do $program -t $table -F; $program -t $table -X; done
done
rm -rf /run/mooring
sysctl -qw net.ipv4.ip_forward=0
"""


def reaches(place, address, port, seconds=0.03):
    """Whether a connection by TCP is accepted."""
    with place.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.setblocking(False)
        client.connect_ex((address, port))
        _readable, writable, _failed = select.select([], [client], [], seconds)
        return bool(writable) and client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


class Asking:
    """Somebody who connects, all the time: when each server was reached, in seconds after the start."""

    def __init__(self, **calls):
        self._calls, self._stopping = calls, threading.Event()
        self.answered = {name: [] for name in calls}
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_exception):
        self._stopping.set()
        self._thread.join()

    def _run(self):
        while not self._stopping.wait(0.005):
            for name, call in self._calls.items():
                at = time.monotonic() - self.began
                if reaches(*call):
                    self.answered[name].append(at)

    def wait(self, name, seconds=60):
        deadline = time.monotonic() + seconds
        while not self.answered[name]:
            assert time.monotonic() < deadline, f"{name} is not answered"
            time.sleep(0.02)


@pytest.fixture(scope="module")
def site():
    with box("docker", "nftables", outside=True, systemd=True) as found:
        found.sh("mkdir -p /var/lib/docker /var/lib/containerd /run/www /etc/docker; echo hello >/run/www/index.html; "
                 "mount -t tmpfs tmpfs /var/lib/docker; mount -t tmpfs tmpfs /var/lib/containerd")
        site = Site(found, "docker", serving=False, networks=WITH_POD)
        prepare_podman(found.host)
        found.host.path("/etc/docker/daemon.json").write_text(json.dumps(DAEMON))
        for name, text in (("web.service", WEB), ("pod.service", PODMAN), ("boot.target", BOOT)):
            found.host.path(f"/etc/systemd/system/{name}").write_text(text)
        found.sh("systemctl daemon-reload; systemctl start docker.service web.service")
        import_busybox_image(found.host, IMAGE)
        found.sh(f"docker run --detach --restart=always --name=app --cgroup-parent={found.host.cgroup} {IMAGE} "
                 "httpd -f -p 81 -h /")
        import_busybox_image(found.host, IMAGE, "podman")
        found.sh(f"podman create --name=pod --network=ns:/run/netns/pod --cgroup-parent={found.host.cgroup} {IMAGE} "
                 "httpd -f -p 82 -h /; systemctl start pod.service")
        yield site


CLOSED = ("unpublished of Docker", "by its address", "Podman's, by its address")


def calls(site):
    outside = site.here.outside
    return {"published": (outside, BOX, 8080), "unpublished of Docker": (outside, APP, 81),
            "by its address": (outside, "192.168.5.10", 80), "published of Podman": (outside, BOX, 8090),
            "Podman's, by its address": (outside, POD, 82)}


def started(here, unit):
    """When a unit was last begun, in microseconds."""
    return int(here.sh(f"systemctl show -P InactiveExitTimestampMonotonic {unit}"))


def test_the_network_is_back_and_nothing_is_reached_before_and_afterwards(site):
    here = site.here
    assert here.sh(f"docker exec app ip -o -4 address show eth0 | grep -c {APP}/") == "1\n"
    here.sh(WIPE)
    with Asking(**calls(site)) as asking:
        here.sh("systemctl start boot.target")
        asking.wait("published")
        asking.wait("published of Podman")
        deadline = time.monotonic() + 60
        while "hello" not in here.host.run(["docker", "exec", "app", "wget", "-qO-", f"http://{BOX}:8080/index.html"],
                                           check=False).stdout:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(0.5)
    assert not any(asking.answered[name] for name in CLOSED)
    assert here.run("network_info")["network"]["drift"] == []
    order = [started(here, unit) for unit in ("nftables", "mooring-gate", "mooring", "docker")]
    assert order == sorted(order) and 0 not in order
    assert here.sh("systemctl --failed --no-legend") == ""


def test_without_the_replay_the_gate_keeps_all_closed(site):
    """The bridge of the daemon is made by its own unit then."""
    here = site.here
    here.sh(WIPE)
    here.sh("mv /usr/local/lib/mooring/mooring.pyz /usr/local/lib/mooring/away")
    try:
        with Asking(**calls(site)) as asking:
            here.host.run(["systemctl", "start", "mooring-gate.service", "mooring.target"], check=False)
            here.sh("ip link add front type bridge; ip address add 192.168.5.1/24 dev front; ip link set front up; "
                    "sysctl -qw net.ipv4.ip_forward=1; systemctl start docker.service")
            here.sh(f"for n in $(seq 100); do busybox nc -z {APP} 81 && break; sleep 0.1; done")
            time.sleep(0.5)
        assert not any(asking.answered.values())
        here.sh("for table in raw filter; do iptables -t $table -F; done")
        with Asking(**calls(site)) as asking:
            asking.wait("unpublished of Docker")  # nothing else has kept them out
    finally:
        here.sh("mv /usr/local/lib/mooring/away /usr/local/lib/mooring/mooring.pyz")


def test_docker_starts_again_and_the_hooks_come_first_again(site):
    here = site.here
    here.sh(WIPE)
    here.host.path("/etc/docker/daemon.json").write_text("{}")
    here.sh("systemctl start boot.target")
    for event in ("start", "restart"):
        here.sh(f"systemctl reset-failed docker.service; systemctl {event} docker.service")
        deadline = time.monotonic() + 60
        while "-j MOORING-FORWARD" not in here.sh("iptables -S FORWARD | sed -n 2p"):
            assert time.monotonic() < deadline, here.sh("iptables -S FORWARD")
            time.sleep(0.05)
        assert "DOCKER-USER" in here.sh("iptables -S FORWARD")
