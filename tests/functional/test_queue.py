# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that come at the same time all succeed, one after the other, and nobody but a run keeps one waiting."""
import subprocess

import pytest
from containers import box, once
from pipeline import Pipeline
from remains import differences, remains

pytestmark = once

RUNS = 40
# A process that locks the network namespace of the host, and keeps it locked.
LOCKS = ["python3", "-c", "import fcntl, os, time\n"
         "fcntl.flock(os.open('/proc/self/ns/net', os.O_RDONLY), fcntl.LOCK_EX)\n"
         "print(flush=True)\ntime.sleep(1000)"]
# iptables-restore where the kernel takes its time: what is under way goes on when the one who began it is killed.
SLOW = """#!/bin/sh
(echo "$$" >/run/begun; sleep 2; /usr/sbin/{name} "$@"; status=$?; echo "$$" >/run/through; exit $status)
exit $?
"""


@pytest.fixture
def here():
    with box() as found:
        found.run("docker_bridge", name="br0", bip="192.168.0.1/16")
        yield found


def test_forty_runs_at_once(here):
    """Each attaches a container and publishes a port of it; none gives up, and nothing is lost."""
    ended = here.pipeline.run_at_once(*(("host_network", {"networks": [{
        "name": "br0", "bip": "192.168.0.1/16", "containers": [{"name": f"c{number}", "published_ports": ["80"]}]}]})
        for number in range(RUNS)))
    assert [message for message, _when in ended] == [""] * RUNS
    info = here.run("network_info")["network"]
    assert len(info["published_ports"]) == RUNS and len({port.split()[1] for port in info["published_ports"]}) == RUNS
    assert len(here.ports("br0")) == RUNS and not info["drift"]


@pytest.mark.parametrize("options", [["--reuid=1000", "--clear-groups"],  # a user of the host
                                     ["--bounding-set=-sys_admin"]])  # root of a container in the host's network
def test_nobody_else_keeps_a_run_waiting(here, options):
    with here.host.popen(["setpriv", *options, *LOCKS], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline()
        here.run("netns_attach", netns="web")
        assert not here.run("netns_attach", netns="web", check=True)["changed"]
        process.kill()


def test_what_a_killed_run_has_started_does_nothing_beside_the_next_run(here):
    """The killed run publishes a port, the next one closes it: what is still under way must not open it later."""
    here.run("netns_attach", netns="web")
    expected = remains(here)
    for name in ("iptables-restore", "ip6tables-restore"):
        here.sh(f"cat >/usr/local/sbin/{name} <<'END'\n{SLOW.format(name=name)}END\nchmod +x /usr/local/sbin/{name}")
    with Pipeline(here.host) as killed:
        killed.begin("port_publish", netns="web", published_ports=["8080:80"])
        here.sh("while ! [ -e /run/begun ]; do :; done")
    here.sh("rm /usr/local/sbin/iptables-restore /usr/local/sbin/ip6tables-restore")
    here.run("port_publish", netns="web", state="absent")
    here.sh("while ! [ -e /run/through ]; do :; done; rm /run/begun /run/through")
    after = remains(here)
    assert after == expected, differences(expected, after)
