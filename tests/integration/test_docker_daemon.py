# SPDX-License-Identifier: GPL-3.0-or-later
"""The role docker_daemon where something is in its way: what it refuses, and how it brings back what was."""
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import testhosts
from ansible_collections.mooring.net.plugins.module_utils._internal.daemon.flags import BOOLEAN, LISTS, PLURAL
from containers import play, playing
from worlds import picture

PLAYBOOK = "mooring.net.docker_daemon"
FILE = "/etc/docker/daemon.json"
SERVE = "mkdir /www; echo page of {0} >/www/index.html; trap exit TERM; httpd -f -h /www & wait"
# What a dockerd does that can validate, as from version 23.
VALIDATING = """\
#!/bin/sh
case "$*" in
--help) echo "      --validate    Validate" ;;
"--validate --config-file=/dev/stdin") if grep -q nonsense; then echo "nonsense is no pool" >&2; exit 1; fi ;;
esac
"""


class Docker:
    """A host whose Docker daemon runs as a service, with containers."""

    def __init__(self, host):
        self.host = host
        cgroup = "/docker" if host.path("/run/systemd/system").exists() else host.cgroup
        self.keys = {"cgroup-parent": cgroup, "data-root": "/tmp/docker"}
        self.write(json.dumps(self.keys))
        if cgroup != "/docker":
            # It raises limits, for which root needs a capability here.
            host.run(["sed", "-i", "s/^\\(\\s*\\)ulimit /\\1: ulimit /", "/etc/init.d/docker"])
        host.run(["service", "docker", "start"])

    def __call__(self, *words):
        return self.host.run(["docker", *words]).stdout.strip()

    def serve(self, name, *options):
        return self("run", "--detach", f"--name={name}", *options, "busybox", "sh", "-c", SERVE.format(name))

    def page(self, name):
        """What a container serves at its address, which is the engine's choice."""
        address = self("inspect", "--format", "{{.NetworkSettings.Networks.bridge.IPAddress}}", name)
        client = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"
        return self.host.run([sys.executable, "-c", client, f"http://{address}/"]).stdout.strip()

    def read(self):
        return self.host.path(FILE).read_text()

    def write(self, text):
        self.host.path(FILE).write_text(text)

    def play(self, *arguments, **variables):
        return play(self, PLAYBOOK, *arguments, **{f"docker_daemon_{name}": value for name, value in variables.items()})

    def wait(self, seconds=60):
        """Until it answers. An init script does not wait for that."""
        deadline = time.monotonic() + seconds
        while self.host.run(["docker", "version"], check=False).returncode:
            assert time.monotonic() < deadline, "the daemon does not answer"
            time.sleep(0.1)

    def start_time(self):
        """When the daemon was started, in the kernel's ticks: another daemon has another time."""
        pid = self.host.path("/run/docker.pid").read_text()
        return self.host.path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]

    def network(self):
        """What the host looks like, but for the files that systemd writes all the time."""
        found = picture(self.host)
        return {**found, "files": {path: what for path, what in found["files"].items() if path.startswith("/etc/")}}


def refusals(docker, folder, cases):
    """Run the role once for each set of variables; what it says each time."""
    tasks = [{"block": [{"ansible.builtin.include_role": {"name": PLAYBOOK},
                         "vars": {f"docker_daemon_{name}": value for name, value in case.items()}}],
              "rescue": [{"ansible.builtin.debug": {"msg": "refused: {{ ansible_failed_result.msg }}"}}]}
             for case in cases]
    playbook = folder / "refusals.yml"
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    output, counts = play(docker, playbook)
    assert (counts["rescued"], counts["changed"]) == (len(cases), 0), output
    return re.findall(r'"msg": "refused: (.*)"', output)


@pytest.fixture(scope="module")
def docker():
    with testhosts.Host.up("daemon", ["docker"], systemd=True) as host:
        found = Docker(host)
        testhosts.import_busybox_image(host, "busybox")
        found.serve("web", "--publish=8080:80")
        found.serve("cache", "--restart=always")
        found("run", "--detach", "--name=joined", "--network=container:web", "busybox")
        yield found


def test_check_mode_tells_what_would_happen_and_changes_nothing(docker):
    before, started = docker.network(), docker.start_time()
    output, counts = docker.play("--check", "--diff", bridge="bridge0", bip="192.168.5.1/24")
    assert counts["failed"] == 0 and counts["changed"] > 0
    for text in ("move the default network from docker0 to bridge0", "remove docker0", "start web again",
                 '+    "bridge": "bridge0"', "+bridge bridge0: bip 192.168.5.1/24"):
        assert text in output
    assert (docker.network(), docker.start_time()) == (before, started)


def test_what_cannot_be_is_refused_before_anything_is_touched(docker, tmp_path):
    host = docker.host
    host.path("/etc/docker/broken.json").write_text('{"icc": true,\n "mtu" 1400}\n')
    host.path("/etc/default/docker").write_text("# ours\nDOCKER_OPTS='--log-level=warn'\n")
    host.path("/usr/local/sbin/dockerd").write_text(VALIDATING)
    host.run(["chmod", "+x", "/usr/local/sbin/dockerd"])
    host.run(["ip", "link", "add", "foreign0", "type", "veth", "peer", "name", "foreign1"])
    host.run(["ip", "link", "set", "foreign0", "master", "docker0"])
    docker.serve("job", "--rm")
    before, started = docker.network(), docker.start_time()
    said = refusals(docker, tmp_path, [
        {"config_file": "/etc/docker/broken.json", "icc": False},
        {"options": {"log-level": "info"}},
        {"options": {"hosts": ["unix:///run/docker.sock"]}},
        {"options": {"default-address-pools": [{"base": "nonsense", "size": 24}]}},
        {"mtu": 1, "dns": ["ns"]},
        {"icc": False},
        {"bridge": "bridge0", "end_rm_containers": True},
        {"icc": False, "socket": "/run/other.sock"},
    ])
    assert (docker.network(), docker.start_time()) == (before, started)
    docker("rm", "--force", "job")
    host.run(["ip", "link", "delete", "foreign0"])
    for path in ("/etc/docker/broken.json", "/etc/default/docker", "/usr/local/sbin/dockerd"):
        host.path(path).unlink()
    expected = ["/etc/docker/broken.json is not JSON: line 2, column 8: ",
                f"/etc/default/docker, line 2 has --log-level=warn, and {FILE} is to have log-level: ",
                f"/lib/systemd/system/docker.service has -H fd://, and {FILE} is to have hosts: ",
                f"dockerd refuses what {FILE} would say: nonsense is no pool", "docker_daemon_mtu: '1' is not an MTU",
                "job: started with --rm, hence lost when the daemon stops", "docker0 is to go, and has ports ",
                "The service docker runs, and does not answer at /run/other.sock "]
    assert len(said) == len(expected)
    for text, wanted in zip(said, expected):
        assert wanted in text
    assert "docker_daemon_dns: 'ns' is not" in said[4] and "foreign0" in said[6]


def test_a_default_is_written_without_a_restart(docker):
    started = docker.start_time()
    _output, counts = docker.play(userland_proxy=True, options=docker.keys)
    assert (counts["failed"], counts["changed"], docker.start_time()) == (0, 1, started)
    assert json.loads(docker.read()) == {**docker.keys, "userland-proxy": True}


def test_a_file_behind_a_link_stays_there_with_its_mode_and_owner(docker):
    path, real = docker.host.path(FILE), docker.host.path("/etc/real.json")
    text = docker.read()
    path.unlink()
    real.write_text(text)
    docker.host.run(["sh", "-ec", f"ln -s ../real.json {FILE}; chmod 640 /etc/real.json; chgrp adm /etc/real.json"])
    group = real.stat().st_gid
    _output, counts = docker.play(options={"debug": False})
    assert (counts["failed"], counts["changed"]) == (0, 1)
    assert os.readlink(path) == "../real.json" and "debug" in json.loads(real.read_text())
    assert (oct(real.stat().st_mode & 0o777), real.stat().st_gid) == ("0o640", group)
    path.unlink()
    real.unlink()
    docker.write(text)


@pytest.mark.parametrize(("said", "reason"), [
    # dockerd does not start.
    ({"bridge": "bridge0", "options": {"default-address-pools": [{"base": "nonsense", "size": 24}]}},
     "Start the daemon: .*failed to start daemon: .* invalid base pool"),
    # It does, and a container does not: an address that the host does not have.
    ({"ip": "203.0.113.9"}, "Start the containers that ran before: web: .*cannot assign requested address")])
def test_what_was_comes_back_when_the_daemon_or_a_container_does_not(docker, said, reason):
    text, before = docker.read(), docker.host.run(["ip", "-4", "-o", "address", "show", "docker0"]).stdout.split()[1:4]
    started = docker.start_time()
    output, counts = docker.play(**said)
    assert (counts["failed"], counts["rescued"]) == (1, 1)
    message = re.search(r'FAILED! => .*"msg": "(.*Put back:.*)"', output)[1]
    assert re.search(reason, message)
    assert f"Put back: {FILE} is as it was; " in message
    assert "the daemon answers; web, cache, joined running again." in message
    assert docker.read() == text and docker.start_time() != started
    assert docker.host.run(["ip", "-4", "-o", "address", "show", "docker0"]).stdout.split()[1:4] == before
    assert not os.path.lexists(docker.host.path("/sys/class/net/bridge0"))
    assert [docker.page(name) for name in ("web", "cache")] == ["page of web", "page of cache"]
    assert sorted(docker("ps", "--format", "{{.Names}}").split()) == ["cache", "joined", "web"]
    assert "8080" in docker("port", "web")


def test_the_bridge_is_there_after_a_reboot_and_goes_when_docker0_is_back(docker):
    host = docker.host
    files = [f"/etc/systemd/system/{name}" for name in ("mooring-docker-bridge.service",
                                                        "docker.service.d/mooring-bridge.conf")]
    _output, counts = docker.play(bridge="bridge0", bip="192.168.5.1/24", mtu=1400)
    assert (counts["failed"], [host.path(path).exists() for path in files]) == (0, [True, True])
    show = ["ip", "-json", "-details", "link", "show", "bridge0"]
    before = json.loads(host.run(show).stdout)[0]
    host.run(["systemctl", "stop", "docker.socket", "docker.service"])
    host.run(["ip", "link", "delete", "bridge0"])  # as a reboot does
    host.run(["systemctl", "start", "docker.service"])
    after = json.loads(host.run(show).stdout)[0]
    assert before["ifalias"].startswith("mooring:bridge:bridge0:")
    for key in ("ifalias", "address", "mtu"):
        assert after[key] == before[key]
    docker("start", "web")
    assert docker.page("web") == "page of web"
    _output, counts = docker.play(bridge="docker0")
    assert (counts["failed"], [host.path(path).exists() for path in files]) == (0, [False, False])
    assert not os.path.lexists(host.path("/sys/class/net/bridge0"))
    assert "bridge0" not in host.run(["iptables-save"]).stdout
    assert docker.page("web") == "page of web"


def test_the_next_play_starts_what_ran_before_one_that_was_killed_while_the_daemon_was_down(docker):
    def running():
        return sorted(docker("ps", "--format", "{{.Names}}").split())

    before, deadline = running(), time.monotonic() + 60
    assert "web" in before
    command, environment = playing(docker, PLAYBOOK, docker_daemon_options={"debug": True})
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, start_new_session=True) as play_:
        while docker.host.path("/run/docker.pid").exists():
            assert time.monotonic() < deadline and play_.poll() is None
            time.sleep(0.01)
        os.killpg(play_.pid, signal.SIGKILL)
    output, counts = docker.play(options={"debug": True})
    assert (counts["failed"], running()) == (0, before), output
    output, counts = docker.play(options={"debug": True})
    assert (counts["failed"], counts["changed"]) == (0, 0), output
    assert not os.path.lexists(docker.host.path("/run/mooring/docker-containers.json"))


def test_an_init_script_does_as_well(tmp_path):
    with testhosts.Host.up("daemon-init", ["docker"]) as host:
        docker = Docker(host)
        docker.wait()
        testhosts.import_busybox_image(host, "busybox")
        docker.serve("web")
        host.path("/etc/default/docker").write_text("DOCKER_OPTS='--log-level=warn'\n")
        assert "--log-level=warn" in refusals(docker, tmp_path, [{"options": {"log-level": "info"}}])[0]
        _output, counts = docker.play(bridge="bridge0", bip="192.168.5.1/24")
        assert counts["failed"] == 0
        assert docker.page("web") == "page of web"
        assert not os.path.lexists(host.path("/sys/class/net/docker0"))


def test_the_flags_without_a_value_are_those_of_dockerd(docker):
    """The rest of a command line is read wrong when one of them is taken for the other kind."""
    text = docker.host.run(["dockerd", "--help"]).stdout
    found = re.findall(r"^\s+(?:-\w, )?\s*--([a-z0-9-]+)( \w\S*)?(?:\s{2,}|$)", text, re.MULTILINE)
    without = {name for name, kind in found if not kind} - {"help"}
    assert {"icc", "tlsverify"} <= without <= BOOLEAN
    assert not {name for name, kind in found if kind} & BOOLEAN
    assert {PLURAL.get(name, name) for name, kind in found if kind.strip() == "list"} <= LISTS


def test_a_host_without_docker(new_host, tmp_path):
    docker = Docker.__new__(Docker)
    docker.host = new_host()
    assert "There is no dockerd" in refusals(docker, tmp_path, [{"install_packages": False}])[0]
    before = picture(docker.host)
    output, counts = docker.play("--check", bridge="bridge0", icc=False)
    assert counts["failed"] == 0 and "A run would install docker.io, and start the daemon." in output
    assert "set icc to false in /etc/docker/daemon.json" in output and "create bridge0" in output
    assert picture(docker.host) == before
