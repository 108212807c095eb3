# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that real engines start after the play: systemd has them wired, by units of the role, without a daemon."""
import contextlib
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from containers import BOX, IMAGE, OUTSIDE, Engine, box, once, play

pytestmark = once

PATIENCE = 60  # seconds; it takes less than one where nobody else is at work
ENGINES = ("docker", "podman")
PORT = {"docker": 8080, "podman": 8081}
MANY = 10  # of each engine
# A runtime that makes no container while the host has a file, as a volume that does not answer keeps one from starting.
SLOW = """\
#!/bin/sh
case " $* " in *" create "*) while [ -e /run/stuck ]; do sleep 0.1; done ;; esac
exec runc "$@"
"""
# A question of tftp is a datagram with the name of a file in it.
CALL = f"""while true; do for port in 9997 9998; do
timeout 0.1 tftp -g -l /dev/null -r "$0" {OUTSIDE} $port 2>/dev/null; done; done"""
SERVE = 'mkdir -p /www && echo "page of $0" >/www/index.html && exec httpd -f -p 80 -h /www'


class Site:
    """A host on which the document was played, first without its containers and before there was an engine."""

    def __init__(self, here):
        self.here = here
        assert self.play([])["failed"] == 0
        here.host.path("/usr/local/bin/slow").write_text(SLOW)
        here.sh("chmod +x /usr/local/bin/slow")
        self.engines = {"docker": Engine(here, "docker", add_runtime="slow=/usr/local/bin/slow"),
                        "podman": Engine(here, "podman")}
        for name in ENGINES:
            for container in (f"web-{name}", f"db-{name}", *self.crowd(name)):
                self.start(name, container)
        self.start("docker", "stuck", "--runtime=slow")
        containers = [{"name": container, "container": container}
                      for container in ("stuck", *self.crowd("docker"), *self.crowd("podman"))]
        for name in ENGINES:
            containers += [{"name": f"web-{name}", "container": f"web-{name}", "links": [f"db-{name}:database"],
                            "published_ports": [f"{PORT[name]}:80"]},
                           {"name": f"db-{name}", "container": f"db-{name}", "exposed_ports": [80]}]
        assert self.play(containers)["failed"] == 0

    @staticmethod
    def crowd(name):
        return [f"{name}-{number}" for number in range(MANY)]

    def play(self, containers):
        networks = [{"name": "br0", "bip": "10.9.0.1/24", "bip6": "2001:db8:9::1/64", "icc": False,
                     "containers": containers}]
        self.output, counts = play(self.here, "mooring.net.site", container_networks=networks,
                                   host_network_program_python=sys.executable)
        return counts

    def start(self, name, container, *options, command=SERVE):
        parent = [f"--cgroup-parent={self.here.host.cgroup}"] if name == "podman" else []
        self.engines[name]("run", "--detach", f"--name={container}", "--network=none", "--restart=always",
                           "--stop-timeout=0", *parent, *options, IMAGE, "sh", "-c", command, container)

    def page(self, address, port, patience=1):
        """What a browser outside gets to see, "" when it cannot connect."""
        with self.here.outside.socket(2, 1) as client, contextlib.suppress(OSError):
            client.settimeout(patience)
            client.connect((address, port))
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return b"".join(iter(lambda: client.recv(4096), b"")).decode().partition("\r\n\r\n")[2].strip()
        return ""

    def inside(self, name, container, *words):
        return self.here.host.run([name, "exec", container, *words], check=False).stdout

    def wired(self, name, container):
        return "10.9.0." in self.inside(name, container, "ip", "-4", "-o", "address", "show", "dev", "eth0")

    def soon(self, true):
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def log(self):
        return self.here.host.run(["journalctl", "--no-pager", "--unit=mooring-*"], check=False).stdout[-4000:]

    def expect_whole(self, name):
        """The container is there for everybody: its port, its link and the name that the link gives it."""
        web = f"web-{name}"
        self.soon(lambda: self.page(BOX, PORT[name]) == f"page of {web}")
        fetch = ("timeout", "2", "wget", "-qO-", "http://database/")
        self.soon(lambda: self.inside(name, web, *fetch) == f"page of db-{name}\n")
        self.soon(lambda: self.here.run("network_info")["network"]["drift"] == [])

    def rest(self):
        """Wait until nobody wires: whoever does so often has to wait, and then wires what has started meanwhile."""
        self.here.sh("while systemctl show --property=ActiveState,Job mooring-wire.service mooring-started.service | "
                     "grep -Eq 'activating|Job=[^0]'; do sleep 0.1; done")

    def unit(self, name, value):
        return self.here.sh(f"systemctl show --property={value} --value {name}").strip()


@pytest.fixture(scope="module")
def site():
    if not Path("/lib/systemd/systemd").exists():
        pytest.skip("this system has no systemd")
    with box("docker", systemd=True, outside=True) as found:
        yield Site(found)


@pytest.fixture(params=ENGINES)
def name(request):
    return request.param


def by_hand(site, name, container):
    site.engines[name]("stop", container)
    assert site.page(BOX, PORT[name], 0.3) == ""
    site.engines[name]("start", container)


def by_its_policy(site, name, container):
    old = site.engines[name].pid(container)
    site.here.sh(f"kill -9 {old}")
    site.soon(lambda: site.engines[name].pid(container) not in (0, old))


def anew(site, name, container):
    site.engines[name].remove(container)
    assert site.page(BOX, PORT[name], 0.3) == ""
    site.start(name, container)


def restarted(site, name, container):
    site.engines[name].restart(container)


def test_the_units_are_there_before_an_engine_is(site, name):
    site.expect_whole(name)


@pytest.mark.parametrize("way", [by_hand, by_its_policy, anew, restarted])
@pytest.mark.parametrize("container", ["web", "db"])
def test_a_container_that_starts_again_has_its_network_again(site, name, container, way):
    before = site.here.run("network_info")["network"]["published_ports"]
    way(site, name, f"{container}-{name}") if container == "web" else restarted(site, name, f"db-{name}")
    site.expect_whole(name)
    assert site.here.run("network_info")["network"]["published_ports"] == before


def test_a_list_stands_before_the_first_packet(site, name):
    """What calls from its start on, without a pause, is heard at the port of its list and at no other one."""
    for kind, allow_to in (("limited", [f"{OUTSIDE}:9998"]), ("free", "anywhere")):
        site.start(name, kind, command=CALL)
        site.here.run("netns_attach", container=kind, bridge="br0", allow_to=allow_to)
    with contextlib.ExitStack() as stack:
        ports = {port: stack.enter_context(site.here.outside.socket(socket.AF_INET, socket.SOCK_DGRAM))
                 for port in (9997, 9998)}
        for port, listener in ports.items():
            listener.bind((OUTSIDE, port))
            listener.setblocking(False)
        heard = set()

        def hear(who, port):
            for number, listener in ports.items():
                with contextlib.suppress(BlockingIOError):
                    while True:
                        heard.add((listener.recv(64)[2:].partition(b"\0")[0].decode(), number))
            return (who, port) in heard

        for _time in range(2):
            for kind in ("limited", "free"):
                restarted(site, name, kind)
            hear("", 0)
            heard -= {("limited", 9998), ("free", 9997)}  # of those that have ended
            # Both have been at it for a while, and the one without a list has been heard at the other port as well.
            site.soon(lambda: hear("limited", 9998) and hear("free", 9997))
            assert not hear("limited", 9997)
    for kind in ("limited", "free"):
        site.here.run("netns_attach", container=kind, state="absent")
        site.engines[name].remove(kind)


def test_all_that_start_at_once_are_wired(site):
    everyone = [(name, container) for name in ENGINES for container in site.crowd(name)]
    for verb in ("stop", "start"):
        started = [site.here.host.popen([name, verb, container], stdout=subprocess.DEVNULL)
                   for name, container in everyone]
        assert [process.wait(120) for process in started] == [0] * len(everyone)
    for name, container in everyone:
        site.soon(lambda name=name, container=container: site.wired(name, container))
    site.soon(lambda: site.here.run("network_info")["network"]["drift"] == [])


def test_what_runs_in_a_container_sets_nothing_off(site, name):
    """Neither programs that are started in it nor looks at its health."""
    health = ["--health-cmd=date >>/looked", "--health-interval=1s"] if name == "docker" else []
    site.start(name, "looked-at", *health)
    site.expect_whole(name)
    for _time in range(3):  # a watch tells of the start of the container itself a while after it, where much goes on
        site.rest()
        time.sleep(1)
    before = site.unit("mooring-started.service", "InvocationID")
    for _time in range(5):
        site.inside(name, "looked-at", "true")
    if health:
        site.soon(lambda: len(site.inside(name, "looked-at", "cat", "/looked").splitlines()) > 2)
    assert site.unit("mooring-started.service", "InvocationID") == before
    site.engines[name].remove("looked-at")


def test_a_container_that_starts_for_ever_keeps_no_other_one_waiting(site):
    site.here.sh("docker stop stuck; touch /run/stuck")
    with site.here.host.popen(["docker", "start", "stuck"], stdout=subprocess.DEVNULL) as starting:
        try:
            by_hand(site, "docker", "web-docker")
            site.soon(lambda: site.page(BOX, PORT["docker"]) == "page of web-docker")
            assert starting.poll() is None
        finally:
            site.here.sh("rm /run/stuck")
    assert starting.returncode == 0
    site.soon(lambda: site.wired("docker", "stuck"))


def test_who_came_while_nobody_watched_is_found(site, name):
    site.here.sh("systemctl stop mooring-engines.target")
    site.rest()
    restarted(site, name, f"web-{name}")
    time.sleep(1)
    assert not site.wired(name, f"web-{name}")
    site.here.sh("systemctl start mooring-wire.service")
    assert site.wired(name, f"web-{name}")
    site.here.sh("systemctl start mooring-engines.target")
    assert site.unit("mooring-wire.timer", "ActiveState") == "active"
    site.expect_whole(name)


def test_a_container_that_keeps_ending_stops_nothing(site, name):
    site.start(name, "restless", command="exit 1")
    time.sleep(5)
    restarted(site, name, f"web-{name}")
    site.expect_whole(name)
    # Podman stops one that it takes for running and fails when that has ended; the next try removes it.
    site.soon(lambda: site.here.host.run([name, "rm", "--force", "restless"], check=False).returncode == 0)
    states = site.here.sh("systemctl show --property=ActiveState --value 'mooring-engine@*.path'").split()
    assert states == ["active"] * 3


def test_all_of_it_goes(site):
    output, counts = play(site.here, "mooring.net.teardown")
    assert counts["failed"] == 0, output
    left = site.here.sh("ls /etc/systemd/system/mooring* /run/mooring 2>/dev/null || true; "
                        "systemctl list-units --all --plain --no-legend 'mooring-*'")
    assert left == ""
