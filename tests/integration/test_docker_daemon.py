# SPDX-License-Identifier: GPL-3.0-or-later
"""The role docker_daemon where something is in its way: what it refuses, and how it brings back what was."""
import json
import os
import re
import subprocess
import sys

import pytest
import testhosts
from containers import CHECKOUT, play
from worlds import picture

PLAYBOOK = "mooring.net.docker_daemon"
FILE = "/etc/docker/daemon.json"
SERVE = "mkdir /www; echo page of {0} >/www/index.html; trap exit TERM; httpd -f -h /www & wait"


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

    def started(self):
        """When the daemon was started, in the kernel's ticks: another daemon has another time."""
        pid = self.host.path("/run/docker.pid").read_text()
        return self.host.path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
