# SPDX-License-Identifier: GPL-3.0-or-later
"""Roots: other releases of Debian for test hosts, each a directory below .cache/roots.

The program `root` builds them. mmdebstrap makes them of the packages that the role host_network would install, and what
a host has anyway. It comes from a package of the machine's release, which is unpacked and not installed: that would
outdate all layers.

The lists of packages stay in a root, and all packages in the cache of its apt, which so installs without a network what
a host has been freed of.
"""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import testhosts

STORE = testhosts.CHECKOUT / ".cache" / "roots"
MIRROR = "http://deb.debian.org/debian"
SUITES = ("bullseye", "bookworm", "trixie", "sid")  # Debian 11, 12, 13, and what comes next
OWN = ("iptables", "python3-jinja2", "python3-pyroute2")  # what the role installs where it is missing
PACKAGES = (*OWN, "iproute2", "procps", "python3")
FETCHED = ("python3-apt",)  # what Ansible installs where it is to install others
CACHE = "var/cache/apt/archives"
TOOLS = ("mmdebstrap", "debian-archive-keyring")


def folder_of(suite):
    """Where the root of a suite is kept.

    :raises TesthostError: for one that is not in the list
    """
    if suite not in SUITES:
        raise testhosts.TesthostError(f"there is no root {suite!r}; roots are: {', '.join(SUITES)}")
    return STORE / suite


def built(suite):
    """The root of a suite, which has to be there.

    :raises TesthostError: where it is not
    """
    folder = folder_of(suite)
    if not folder.is_dir():
        raise testhosts.TesthostError(f"root {suite} is not built; outside of a sandbox run: "
                                      f"{testhosts.HERE / 'root'} {suite}")
    return folder


def build(suite):
    """Build the root of a suite and return it; what is there is taken as it is."""
    folder = folder_of(suite)
    if any(folder.glob(f"{CACHE}/{FETCHED[0]}_*.deb")):
        return folder
    if testhosts.in_sandbox():
        raise testhosts.TesthostError("a sandbox has no network to fetch packages: build roots outside of it")
    STORE.mkdir(parents=True, exist_ok=True)
    log = STORE / f"{suite}.log"
    with tempfile.TemporaryDirectory(dir=STORE) as tools, open(log, "wb") as output:
        _unpack_tools(tools, output)
        new = Path(tools) / "root"
        # A mirror that nobody has updated for a while is good for a test. No other user than root may read here.
        options = ["--mode=root", "--variant=minbase", f"--keyring={tools}/usr/share/keyrings",
                   f"--include={','.join(PACKAGES)}",
                   '--aptopt=Acquire::Check-Valid-Until "false"', '--aptopt=APT::Sandbox::User "root"',
                   "--format=directory", "--skip=cleanup/apt/lists", "--skip=cleanup/apt/cache",
                   "--customize-hook=APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get --yes --download-only install "
                   f"{' '.join(FETCHED)}",
                   *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale"))]
        search = f"{tools}/usr/bin:{testhosts.ENVIRONMENT['PATH']}"  # mmdebstrap calls mmtarfilter
        environment = {**os.environ, **testhosts.ENVIRONMENT, "PATH": search}
        # Own namespaces, so that neither mounts nor processes of a package's scripts outlive the build.
        enter = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc"]
        done = subprocess.run([*enter, f"{tools}/usr/bin/mmdebstrap", *options, suite, new, MIRROR], check=False,
                              stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
        if done.returncode:
            raise testhosts.TesthostError(f"cannot build root {suite}; the end of {log}:\n{_tail(log)}")
        # mmdebstrap makes device nodes where it may. A host gets the machine's /dev.
        shutil.rmtree(new / "dev")
        (new / "dev").mkdir()
        if folder.is_dir():
            folder.rename(Path(tools) / "former")
        new.rename(folder)
    return folder


def _unpack_tools(folder, output):
    streams = {"stdout": output, "stderr": output, "cwd": folder}
    if subprocess.run(["apt-get", "download", *TOOLS], **streams, check=False).returncode:
        raise testhosts.TesthostError(f"apt-get cannot download {' and '.join(TOOLS)}: see {output.name}")
    for package in Path(folder).glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", package, "."], **streams, check=True)


def _tail(log):
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])
