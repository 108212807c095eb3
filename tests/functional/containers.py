# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with its modules and servers, and what its containers look like from the inside."""
import contextlib
import itertools
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from pipeline import CHECKOUT, Pipeline
from testhosts import Host, import_busybox_image, link, prepare_podman, start_dockerd
from traffic import Place, Servers

OUTSIDE, BOX = "198.51.100.2", "198.51.100.1"
IMAGE = "mooring/busybox:1"

# PYTHONPATH is how `./run functional` selects the oldest pyroute2.
once = pytest.mark.skipif(bool(os.environ.get("PYTHONPATH")),
                          reason="no other result is to be expected with another pyroute2, and it takes long")

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Process(Place):
    """The namespace of a process of a test host."""

    pid: int = 0

    @property
    def path(self):
        return self.host.path(f"/proc/{self.pid}/ns/net")


class Box:
    """A test host, the pipeline on it, servers; with somebody outside when asked for."""

    def __init__(self, stack, layers=(), outside=False, systemd=False):
        number = next(_numbers)
        self.host = stack.enter_context(Host.up(f"host-{number}", layers, systemd))
        self.place = Place(self.host)
        if outside:
            self.outside_host = stack.enter_context(Host.up(f"far-{number}"))
            link(self.host, "eth0", [f"{BOX}/24"], self.outside_host, "eth0", [f"{OUTSIDE}/24"])
            self.host.run(["ip", "route", "add", "default", "via", OUTSIDE])
            self.outside = Place(self.outside_host)
        self.servers = stack.enter_context(Servers())
        self.pipeline = stack.enter_context(Pipeline(self.host))
        self.run = self.pipeline.run

    def sh(self, script):
        """A script in the host; what it writes."""
        return self.host.run(["sh", "-ec", script]).stdout

    def json(self, *words, netns=None):
        """The answer of an ip(8) command, in the namespace that a path names."""
        enter = ["nsenter", f"--net={netns if '/' in netns else f'/run/netns/{netns}'}", "--"] if netns else []
        return json.loads(self.host.run([*enter, "ip", "-j", *words]).stdout or "[]")

    def link(self, name, netns=None):
        """An interface with its details, None when it is not there."""
        return next((found for found in self.json("-d", "link", netns=netns) if found["ifname"] == name), None)

    def addresses(self, name, netns=None):
        """All but link-local addresses of an interface, with prefix lengths."""
        return [f"{address['local']}/{address['prefixlen']}" for found in self.json("address", netns=netns)
                if found["ifname"] == name for address in found["addr_info"] if address.get("scope") != "link"]

    def routes(self, netns=None, family="-4"):
        """Routes as (destination, gateway, interface)."""
        return [(route["dst"], route.get("gateway", ""), route["dev"])
                for route in self.json(family, "route", netns=netns) if not route["dst"].startswith("fe80")]

    def inode(self, path):
        return int(self.host.run(["stat", "-Lc", "%i", path]).stdout)

    def exists(self, path):
        """Whether there is something under a name, be it a link that leads nowhere."""
        return os.path.lexists(self.host.path(path))

    def ports(self, bridge):
        return sorted(found["ifname"] for found in self.json("link") if found.get("master") == bridge)

    def gone(self, names, seconds=60):
        """Wait until the host has no interface of these names: the kernel ends pairs a moment after a namespace."""
        deadline = time.monotonic() + seconds
        while left := {found["ifname"] for found in self.json("link")} & set(names):
            assert time.monotonic() < deadline, f"{left} are still there"
            time.sleep(0.02)

    def registered(self):
        """What is left below the folders of named namespaces and of our marks of them."""
        script = "find /run/netns /run/mooring -mindepth 1 ! -path /run/mooring/netns 2>/dev/null || true"
        return self.sh(script).split()

    def unchanged(self, module, **params):
        """A second run finds nothing to do."""
        return self.run(module, **params)["actions"] == []


@contextlib.contextmanager
def box(*layers, outside=False, systemd=False):
    with contextlib.ExitStack() as stack:
        yield Box(stack, layers, outside, systemd)


def playing(here, playbook, *arguments, checkout=CHECKOUT, **variables):
    """What runs a playbook on the host of a box: the words of its command, and its environment.

    :param checkout: where the collection is
    """
    command = [Path(sys.executable).parent / "ansible-playbook", f"--inventory={here.host.name},", playbook, *arguments]
    settings = {"ansible_connection": "testhost", "ansible_python_interpreter": sys.executable, "ansible_user": "root"}
    # All of the user's own settings stay out, but not the pyroute2 that PYTHONPATH selects for the host.
    environment = {**{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
                   "ANSIBLE_COLLECTIONS_PATH": str(checkout / ".collections"), "ANSIBLE_PIPELINING": "1",
                   "ANSIBLE_CONFIG": str(checkout / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1",
                   "ANSIBLE_CONNECTION_PLUGINS": str(CHECKOUT / "tests" / "hosts" / "connection_plugins"),
                   "LC_ALL": "C.UTF-8"}
    return [*command, "--extra-vars", json.dumps({**settings, **variables})], environment


def play(here, playbook, *arguments, **variables):
    """Run a playbook of the collection on the host of a box: its output, and the counts of its recap."""
    command, environment = playing(here, playbook, *arguments, **variables)
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=300, check=False)
    counts = re.findall(r"(\w+)=(\d+)", done.stdout.rpartition("PLAY RECAP")[2])
    return done.stdout, {key: int(count) for key, count in counts}


class Engine:
    """Docker or Podman in a box, with an image; ``daemon_args`` are options of dockerd."""

    def __init__(self, here, program, **daemon_args):
        self.here, self.program = here, program
        if program == "docker":
            self.daemon = start_dockerd(here.host, **{"bridge": "none", "iptables": False, "ip_forward": False,
                                                      **daemon_args})
        else:
            prepare_podman(here.host)
        import_busybox_image(here.host, IMAGE, program)

    def __call__(self, *words):
        return self.here.host.run([self.program, *words]).stdout.strip()

    def start(self, name, *options, network="none"):
        """Start a container; its full id."""
        parent = [f"--cgroup-parent={self.here.host.cgroup}"] if self.program == "podman" else []
        return self("run", "--detach", f"--name={name}", f"--network={network}", *parent, *options, IMAGE)

    def pid(self, name):
        return int(self("inspect", "--format", "{{.State.Pid}}", name))

    def place(self, name):
        return Process(self.here.host, name, self.pid(name))

    def netns(self, name):
        return f"/proc/{self.pid(name)}/ns/net"

    def restart(self, name):
        """End a container's process and start another one; the kernel has forgotten the old namespace by then."""
        old = self.pid(name)
        self("restart", "--time=0", name)
        assert self.pid(name) != old
        return self.place(name)

    def remove(self, name):
        self("rm", "--force", "--time=0", name) if self.program == "podman" else self("rm", "--force", name)
