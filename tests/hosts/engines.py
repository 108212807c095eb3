# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Docker daemon or Podman in a test host that has the layer `docker`."""
import contextlib
import io
import json
import signal
import socket
import subprocess
import tarfile
import time

import testhosts

SOCKET = "/run/docker.sock"
LOG = "/run/dockerd.log"

# Without systemd there is no journal, and without CAP_SYS_RESOURCE the limits that Podman sets by itself are refused.
CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


class Dockerd:
    """A running Docker daemon."""

    def __init__(self, host, process):
        self.host = host
        self.process = process

    def stop(self, timeout=60):
        """Stop the daemon and, with it, its containers."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout)
        except BaseException:
            self.process.kill()
            raise

    def log(self):
        return self.host.path(LOG).read_text(errors="replace")


def start_dockerd(host, timeout=60, **daemon_args):
    """Start dockerd in the host and return when it answers.

    daemon_args are options of dockerd: bridge="none", iptables=False, default_gateway="172.20.0.1", or a list of values
    for an option that may be repeated. Everything else is as in /etc/docker/daemon.json of the host.
    """
    if not host.path("/usr/bin/dockerd").exists() and not host.path("/usr/sbin/dockerd").exists():
        raise testhosts.TesthostError(f"host {host.name} has no dockerd; start it with the layer docker")
    _mount_tmpfs(host, "/var/lib/docker")
    command = ["dockerd", f"--cgroup-parent={host.cgroup}", f"--host=unix://{SOCKET}"]
    for name, values in daemon_args.items():
        option = f"--{name.replace('_', '-')}"
        for value in values if isinstance(values, (list, tuple)) else [values]:
            command.append(f"{option}={str(value).lower() if isinstance(value, bool) else value}")
    with open(host.path(LOG), "ab") as log:
        process = host.popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    daemon = Dockerd(host, process)
    deadline = time.monotonic() + timeout
    while not _answers(host):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            tail = "\n".join(daemon.log().splitlines()[-15:])
            raise testhosts.TesthostError(f"dockerd of host {host.name} does not answer; the end of its log:\n{tail}")
        time.sleep(0.02)
    return daemon


def prepare_podman(host):
    """Let Podman work in the host. Containers belong below host.cgroup: podman run --cgroup-parent."""
    _mount_tmpfs(host, "/var/lib/containers")
    host.path("/etc/containers").mkdir(exist_ok=True)
    host.path("/etc/containers/containers.conf").write_text(CONTAINERS_CONF)


def import_busybox_image(host, tag, engine="docker"):
    """Make an image of nothing but busybox: there is no registry in the sandbox. (engine: docker or podman)"""
    image = io.BytesIO()
    with tarfile.open(fileobj=image, mode="w") as tar:
        for folder in ("bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "usr", "usr/bin", "var"):
            _add(tar, folder, tarfile.DIRTYPE)
        busybox = host.path("/bin/busybox").read_bytes()
        _add(tar, "bin/busybox", tarfile.REGTYPE, busybox)
        for command in host.run(["/bin/busybox", "--list"]).stdout.split():
            if command != "busybox":
                _add(tar, f"bin/{command}", tarfile.SYMTYPE, linkname="busybox")
    # Without a trap pid 1 of a container ignores SIGTERM, and stopping it takes the 10 s until SIGKILL.
    program = json.dumps(["sh", "-c", "trap exit TERM; sleep 1000000 & wait"])
    command = [engine, "import", "--change", f"CMD {program}", "-", tag]
    with host.popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            written, _nothing = process.communicate(image.getvalue(), timeout=60)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise testhosts.TesthostError(f"{engine} import in host {host.name}: {written.decode(errors='replace')}")


def _add(tar, name, kind, content=b"", linkname=""):
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.size, entry.linkname = kind, 0o755, len(content), linkname
    tar.addfile(entry, io.BytesIO(content))


def _mount_tmpfs(host, folder):
    """The overlay driver of an engine cannot work on the overlay that is the host's root directory."""
    if host.run(["mountpoint", "-q", folder], check=False).returncode:
        host.run(["mkdir", "-p", folder])
        host.run(["mount", "-t", "tmpfs", "tmpfs", folder])


def _answers(host):
    with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
        client.settimeout(1)
        client.connect(str(host.path(SOCKET)))
        client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        return b" 200 " in client.recv(4096)
    return False
