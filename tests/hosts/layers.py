# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers: Debian packages that only test hosts have. The program `layer` beside this file builds them.

A layer is what installing its packages changes in the machine's root directory, kept as a tar file below .cache/layers
and unpacked once per sandbox as an additional lower directory for the overlay of hosts. (It cannot stay a directory
there: overlayfs refuses a lower directory that lies below another one, and "/" is one.) It fits only the system that
it was built on: the key in its name changes with the packages of the machine and with the list below. All packages
count, also those that have nothing to do with the layer, because the layer brings dpkg's database, /etc/passwd and the
cache of ld.so as they were, and would hide there what was installed since.

`./run` looks at the machine once, when all layers are built, and says in the environment what it saw. So the layers of
a run stay valid until it ends, whatever is installed on the machine meanwhile.

A host with several layers sees /etc/passwd and dpkg's database as the first one left them.
"""
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import testhosts

STORE = testhosts.CHECKOUT / ".cache" / "layers"
BUILD = testhosts.HERE / "layer-build"
MACHINE = "MOORING_MACHINE"  # in the environment: what machine() said when the run began
KEPT = 6 * 3600  # seconds that an outdated layer stays after its last use: longer than a run takes

# A question mark: only where the release has such a package.
LAYERS = {
    "chromium": ["chromium-headless-shell?", "fonts-dejavu-core"],
    "dnsmasq": ["dnsmasq-base"],
    "docker": ["busybox-static", "docker.io", "docker-cli?", "iptables", "podman", "runc"],
    "firewalld": ["firewalld"],
    "netavark": ["netavark"],
    "netfilter-persistent": ["iptables-persistent"],
    "nftables": ["nftables"],
    "sshd": ["openssh-server", "sudo"],
    "ufw": ["ufw"],
}


def machine():
    """A digest of what the machine has installed now."""
    return hashlib.sha256(Path("/var/lib/dpkg/status").read_bytes()).hexdigest()


def tar_file(name, seen=None):
    """Where the layer is kept that fits the machine as the run has found it, or is now.

    :param seen: what machine() said, to name the layer for that one
    """
    if name not in LAYERS:
        raise testhosts.TesthostError(f"there is no layer {name!r}; layers are: {', '.join(LAYERS)}")
    key = hashlib.sha256(json.dumps(LAYERS[name]).encode())
    key.update(BUILD.read_bytes())
    key.update((seen or os.environ.get(MACHINE) or machine()).encode())
    return STORE / f"{name}-{key.hexdigest()[:16]}.tar"


def is_built(name):
    """Whether the layer can be used. Nobody removes it in the hours after this question."""
    tar = tar_file(name)
    with suppress(OSError):
        os.utime(tar)
    return tar.exists()


def build(name):
    """Build a layer for the machine as it is now and return its tar file; what is cached is taken as it is."""
    if testhosts.in_sandbox():
        raise testhosts.TesthostError("a sandbox has no network to fetch packages: build layers outside of it")
    STORE.mkdir(parents=True, exist_ok=True)
    with _locked(STORE / ".lock"):
        for _attempt in range(3):
            before = machine()
            tar = tar_file(name, before)
            if tar.exists():
                return tar
            new = _install(name, tar)
            if machine() == before:
                remove_unused(STORE, name)
                return new.rename(tar)
            new.unlink()  # somebody has installed packages meanwhile: it is of both machines and fits neither
    raise testhosts.TesthostError(f"packages of this machine keep changing while layer {name} is built: try later")


def _install(name, tar):
    log, new = STORE / f"{name}.log", tar.with_suffix(".new")
    with open(log, "wb") as output, tempfile.TemporaryDirectory(dir=STORE) as folder:
        # Own namespaces, so that neither mounts nor processes of a package's scripts outlive the build. The network
        # is still the machine's; layer-build leaves it as soon as the packages are fetched.
        enter = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"]
        command = [*enter, str(BUILD), folder, str(new), *LAYERS[name]]
        environment = {**os.environ, **testhosts.ENVIRONMENT}
        streams = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        done = subprocess.run(command, **streams, env=environment, check=False)
    if done.returncode:
        new.unlink(missing_ok=True)
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise testhosts.TesthostError(f"cannot build layer {name}; the end of {log}:\n{tail}")
    return new


def remove_unused(store, name):
    """Remove the layers of this name that no run can be using: others may be at work, which began before a change."""
    for tar in store.glob(f"{name}-*.tar"):
        if tar.stat().st_mtime < time.time() - KEPT:
            tar.unlink()


def unpack(name, store):
    """The directory of a layer in this sandbox; store is one on a tmpfs."""
    tar = tar_file(name)
    folder = store / tar.stem
    store.mkdir(parents=True, exist_ok=True)
    with _locked(store / ".lock"):
        if not folder.exists():
            if not is_built(name):
                program = testhosts.HERE / "layer"
                raise testhosts.TesthostError(f"layer {name} is not built; outside of a sandbox run: {program} {name}")
            new = folder.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir(mode=0o755)
            extract = ["tar", "--extract", "--xattrs", "--xattrs-include=*", f"--file={tar}", f"--directory={new}"]
            subprocess.run(extract, check=True)
            new.rename(folder)
    return folder


@contextmanager
def _locked(path):
    with open(path, "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
