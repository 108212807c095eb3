# SPDX-License-Identifier: GPL-3.0-or-later
"""Running containers follow the host's resolv.conf: a path unit and a program of the role, on a real systemd."""
import contextlib
import fcntl
import itertools
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from containers import Engine, box, once, play
from testhosts import fingerprint

pytestmark = once

PATIENCE = 60  # seconds; it takes a few tenths of one where nobody else is at work
PAUSE = 0.1  # seconds: a look asks two engines
UNITS = ("mooring-resolv.path", "mooring-resolv@run-NetworkManager-resolv.conf.path",
         "mooring-resolv.service", "mooring-resolv-follow.service")
UNIT = "/etc/systemd/system/mooring-resolv-follow.service"
UNITS_OF_BOOT = "/etc/systemd/system/mooring.service /etc/systemd/system/nftables.service.d/mooring.conf"
COMMAND = "/usr/local/sbin/mooring"
ELSEWHERE, REAL = "/run/elsewhere/resolv.conf", "/run/systemd/resolve/resolv.conf"
MANAGED = "/run/NetworkManager/resolv.conf"
KEEPS = "names no server: containers keep what they have"
_numbers = itertools.count(1)

# How programs change the file: editors and cloud-init in place, resolvconf and NetworkManager by a rename, others by a
# link whose target they change in these ways.
WAYS = {
    "in place": "echo 'nameserver {}' >/etc/resolv.conf",
    "renamed": "echo 'nameserver {}' >/etc/new; mv /etc/new /etc/resolv.conf",
    "a link instead": f"mkdir -p /run/elsewhere; echo 'nameserver {{}}' >{ELSEWHERE}; ln -s {ELSEWHERE} /etc/new; "
                      "mv -T /etc/new /etc/resolv.conf",
    "another link": "mkdir -p /srv/new; echo 'nameserver {}' >/srv/new/resolv.conf; "
                    "ln -s /srv/new/resolv.conf /etc/new; mv -T /etc/new /etc/resolv.conf",
    "the former link": f"echo 'nameserver {{}}' >{ELSEWHERE}; ln -sfn {ELSEWHERE} /etc/resolv.conf",
    "behind the link in place": f"echo 'nameserver {{}}' >{ELSEWHERE}",
    "behind the link renamed": f"echo 'nameserver {{}}' >{ELSEWHERE}.new; mv {ELSEWHERE}.new {ELSEWHERE}",
    "systemd-resolved comes": f"mkdir -p /run/systemd/resolve; echo 'nameserver {{}}' >{REAL}; "
                              f"echo 'nameserver 127.0.0.53' >{ELSEWHERE}",
    "systemd-resolved changes": f"echo 'nameserver {{}}' >{REAL}.new; mv {REAL}.new {REAL}",
    "a link to what NetworkManager writes": f"mkdir -p /run/NetworkManager; echo 'nameserver {{}}' >{MANAGED}; "
                                            f"ln -s {MANAGED} /etc/new; mv -T /etc/new /etc/resolv.conf",
    "NetworkManager starts": f"echo 'nameserver {{}}' >{MANAGED}.new; mv {MANAGED}.new {MANAGED}",
    "a file again": "rm /etc/resolv.conf; echo 'nameserver {}' >/etc/resolv.conf",
}


def nameservers(text):
    return [line.split()[1] for line in text.splitlines() if line.startswith("nameserver")]


class Following:
    """A host on which the document was played."""

    def __init__(self, here):
        self.here, self.run = here, here.run
        here.sh("rm -f /etc/resolv.conf; echo 'nameserver 192.0.2.1' >/etc/resolv.conf")
        self.engines = {name: Engine(here, name) for name in ("docker", "podman")}
        for name, engine in self.engines.items():
            engine.start(f"in-{name}")
        self.before = fingerprint(here.host)
        containers = [{"name": "web"}, {"name": "own", "dns_servers": ["192.0.2.250"]},
                      *({"name": f"in-{name}", "container": f"in-{name}"} for name in self.engines)]
        self.variables = {"container_networks": [{"name": "br0", "bip": "10.9.0.1/24", "containers": containers}],
                          "host_network_program_python": sys.executable}
        output, counts = self.play("mooring.net.site")
        assert counts["failed"] == 0, output
        self.process = here.host.popen(
            ["unshare", "--net", "--mount", "sh", "-ec", "mount -t tmpfs tmpfs /etc; echo $$; exec sleep 1000000"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.pid = int(self.process.stdout.readline())
        here.run("container_dns", pid=self.pid, name="process")

    def play(self, playbook, *arguments):
        return play(self.here, playbook, *arguments, **self.variables)

    def texts(self):
        """What the running containers see."""
        found = {f"in-{name}": engine("exec", f"in-{name}", "cat", "/etc/resolv.conf")
                 for name, engine in self.engines.items()}
        return {**found, "web": self.here.sh("ip netns exec web cat /etc/resolv.conf"),
                "process": self.here.sh(f"cat /proc/{self.pid}/root/etc/resolv.conf")}

    def servers(self):
        return {name: nameservers(text) for name, text in self.texts().items()}

    def servers_of(self, name):
        """Those of a container of an engine, which needs no file of the host to mount one over it."""
        engine = self.engines[name.removeprefix("in-")]
        return nameservers(engine("exec", name, "cat", "/etc/resolv.conf"))

    def log(self):
        return self.here.host.run(["journalctl", "--no-pager", "--unit=mooring-*"], check=False).stdout

    def unit(self, name, value):
        return self.here.sh(f"systemctl show --property={value} --value {name}").strip()

    def sees(self, *servers):
        deadline = time.monotonic() + PATIENCE
        while set(map(tuple, (found := self.servers()).values())) != {servers} and time.monotonic() < deadline:
            time.sleep(PAUSE)
        assert set(map(tuple, found.values())) == {servers}, f"{found}\n{self.log()[-3000:]}"

    def soon(self, true):
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, self.log()[-3000:]
            time.sleep(PAUSE)

    def change(self, way):
        """Change the host's file in a way; the server that it names now."""
        server = f"198.51.100.{next(_numbers)}"
        self.here.sh(WAYS[way].format(server))
        return server


@pytest.fixture(scope="module")
def here():
    if not Path("/lib/systemd/systemd").exists():
        pytest.skip("this system has no systemd")
    with box("docker", systemd=True) as found:
        following = Following(found)
        yield following
        following.process.kill()
        following.process.wait()
        following.process.stdout.close()


def test_a_second_run_changes_nothing(here):
    output, counts = here.play("mooring.net.site")
    assert (counts["failed"], counts["changed"]) == (0, 0), output


def test_a_run_brings_back_what_is_not_as_it_was_of_the_program(here):
    root = "/usr/local/lib/mooring"
    look = f"sha256sum {root}/mooring.pyz {UNIT} {UNITS_OF_BOOT}; stat -c '%a %n' {root}/*; readlink {COMMAND}"
    before = here.here.sh(look)
    for change in (f"echo '#' >>{root}/mooring.pyz; >{UNIT}", f"rm {root}/mooring.pyz {COMMAND} {UNITS_OF_BOOT}"):
        here.here.sh(change)
        output, counts = here.play("mooring.net.site")
        assert (counts["failed"], here.here.sh(look)) == (0, before), output


@pytest.mark.parametrize("way", WAYS)
def test_running_containers_follow_a_change(here, way):
    inodes = {name: here.here.inode(f"/etc/netns/{name}/resolv.conf") for name in ("web", "own")}
    started = here.unit("mooring-resolv.service", "InvocationID")
    server = here.change(way)
    here.sees(server)
    assert here.unit("mooring-resolv.service", "InvocationID") != started, "it was not the path unit that did it"
    assert here.unit("mooring-resolv.path", "ActiveState") == "active"
    assert "nameserver 192.0.2.250\n" in here.here.sh("cat /etc/netns/own/resolv.conf")
    assert inodes == {name: here.here.inode(f"/etc/netns/{name}/resolv.conf") for name in inodes}


@contextlib.contextmanager
def held(path):
    """Whoever opens the file for writing waits until the end of the block; yields whether somebody waits."""
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    try:
        with open(path, "rb") as file:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            yield lambda: fcntl.fcntl(file, fcntl.F_GETLEASE) != fcntl.F_RDLCK
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    finally:
        signal.signal(signal.SIGIO, before)


def test_a_change_while_the_program_runs_counts(here):
    """It has read the host's file by the time that it writes, and systemd does not watch a path all the time."""
    with held(here.here.host.path("/etc/netns/web/resolv.conf")) as waited_for:
        here.change("in place")
        deadline = time.monotonic() + PATIENCE
        while not waited_for():
            assert time.monotonic() < deadline
            time.sleep(0.001)
        server = here.change("in place")
    here.sees(server)


def test_the_last_of_many_changes_counts(here):
    here.here.sh("for i in $(seq 100); do echo \"nameserver 203.0.113.$i\" >/etc/resolv.conf; done")
    here.sees("203.0.113.100")
    assert here.unit("mooring-resolv.path", "ActiveState") == "active"


def test_a_link_whose_target_is_away_for_a_while(here):
    """As that of NetworkManager is when a host starts."""
    server = here.change("a link to what NetworkManager writes")
    here.sees(server)
    runs = here.log().count(KEEPS)
    here.here.sh(f"rm {MANAGED}")
    here.soon(lambda: here.log().count(KEEPS) > runs)
    assert here.servers_of("in-docker") == [server] == here.servers_of("in-podman")
    here.sees(here.change("NetworkManager starts"))
    here.here.sh(f"echo '# of nobody' >{MANAGED}")  # in place, and not yet finished
    here.soon(lambda: here.log().count(KEEPS) > runs + 1)
    here.sees(here.change("NetworkManager starts"))
    here.sees(here.change("a file again"))


def test_a_change_that_nobody_watched_counts_once_somebody_does(here):
    """As after a reboot, which the files of named namespaces outlive."""
    here.here.sh("systemctl stop mooring-resolv.path")
    server = here.change("in place")
    here.here.sh("systemctl start mooring-resolv.path")
    here.sees(server)


def test_lines_of_the_user_stay(here):
    here.engines["docker"]("exec", "in-docker", "sh", "-c", "echo '# of the user' >>/etc/resolv.conf")
    here.sees(here.change("renamed"))
    assert here.texts()["in-docker"].splitlines()[-1] == "# of the user"


def test_a_container_that_docker_restarted_follows_again(here):
    here.here.sh("systemctl stop mooring-engines.target")  # which would bring its names back with its network
    here.engines["docker"].restart("in-docker")
    assert "mooring" not in here.texts()["in-docker"]
    here.sees(here.change("in place"))
    # Edited after a restart it is the user's file, and has no block of ours to be brought up to date.
    here.engines["docker"].restart("in-docker")
    here.engines["docker"]("exec", "in-docker", "sh", "-c", "echo '# of the user' >>/etc/resolv.conf")
    edited = here.texts()["in-docker"]
    here.change("in place")
    server = here.change("renamed")
    deadline = time.monotonic() + PATIENCE
    while here.servers()["web"] != [server] and time.monotonic() < deadline:
        time.sleep(PAUSE)
    assert here.servers()["web"] == [server] and here.texts()["in-docker"] == edited
    here.run("container_dns", container="in-docker")
    here.sees(server)
    here.here.sh("systemctl start mooring-engines.target")


def test_what_is_switched_off_goes(here):
    here.variables["host_network_follow_resolv_conf"] = False
    output, counts = here.play("mooring.net.site", "--check", "--diff")
    assert (counts["failed"], here.unit(UNITS[0], "ActiveState")) == (0, "active"), output
    assert "-mooring-resolv.path: enabled" in output.splitlines()
    output, counts = here.play("mooring.net.site")
    assert counts["failed"] == 0, output
    assert [here.unit(name, "LoadState") for name in UNITS] == ["not-found"] * len(UNITS)
    assert here.here.exists(COMMAND)
    del here.variables["host_network_follow_resolv_conf"]
    output, counts = here.play("mooring.net.site", "--check", "--diff")
    assert "+mooring-resolv.path: enabled" in output.splitlines() and counts["changed"] == 1, output
    assert here.unit(UNITS[0], "LoadState") == "not-found"
    output, counts = here.play("mooring.net.site")
    assert (counts["failed"], here.unit(UNITS[0], "ActiveState")) == (0, "active"), output


def test_the_teardown_takes_it_away(here):
    here.run("container_dns", pid=here.pid, name="process", state="absent")
    output, counts = here.play("mooring.net.teardown")
    assert counts["failed"] == 0, output
    left = fingerprint(here.here.host)["files"]
    assert {path for path in left if path not in here.before["files"] and "mooring" in path} == set()
    assert [here.unit(name, "LoadState") for name in UNITS] == ["not-found"] * len(UNITS)
    assert not any(map(here.here.exists, ("/etc/netns", "/usr/local/lib/mooring", "/var/lib/mooring", COMMAND)))
    assert here.here.sh("find /etc/systemd/system -name '*mooring*' -o -name 'nftables.service.d'") == ""
