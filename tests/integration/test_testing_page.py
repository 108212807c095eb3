# SPDX-License-Identifier: GPL-3.0-or-later
"""The example of docs/testing_your_role.md, as it stands there: on a host that is there, and with Podman where that is.

Changed is only what the sandbox cannot have: it reaches nobody, so nothing is downloaded, and who logs in is told how.
"""
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from engines import prepare_podman
from testhosts import CHECKOUT, HERE, Host

PAGE = (CHECKOUT / "docs" / "testing_your_role.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(?P<before>[^\n]*\n(?:[^\n]+\n)*)\n```(?:yaml|python)\n(?P<text>.*?)```", re.DOTALL)
NAMED = re.compile(r"`molecule/default/(\S+)`")
# An HTTPServer would look for its own name first, with a name server that nobody reaches.
SERVER = "import http.server, socketserver; from http.server import SimpleHTTPRequestHandler as Handler; " \
    "socketserver.TCPServer(('', 80), Handler).serve_forever()"
SERVE = f'setsid ip netns exec web python3 -c "{SERVER}" </dev/null >/dev/null 2>&1 & echo $! >/run/served'
ROLE = [{"name": "Serve in the container", "ansible.builtin.shell": {"cmd": SERVE, "creates": "/run/served"}}]
CURL = """#!/usr/bin/python3
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[-1], timeout=10).status)
"""
ROOT = CHECKOUT / ".cache" / "roots" / "trixie"  # of ./run platforms


def find_blocks():
    """The files of the page by name, and under "" what differs for hosts that are there."""
    found = {}
    for match in BLOCK.finditer(PAGE):
        name = NAMED.findall(match["before"])
        found.setdefault(name[-1] if name else "", match["text"])
    return found


def write_role(folder, scenario):
    """The role of somebody who follows the page."""
    blocks = find_blocks()
    files = {"tasks/main.yml": yaml.safe_dump(ROLE), "molecule/default/molecule.yml": yaml.safe_dump(scenario),
             **{f"molecule/default/{name}": blocks[name] for name in ("converge.yml", "tests/test_network.py")}}
    for name, text in files.items():
        path = folder / "my_role" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "my_role"


def environment(folder, *paths):
    """:param paths: where more collections and Python packages are"""
    return {"HOME": str(folder), "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": ":".join(map(str, paths)),
            "ANSIBLE_COLLECTIONS_PATH": ":".join(map(str, (CHECKOUT / ".collections", *paths))),
            "ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection_plugins"), "ANSIBLE_ROLES_PATH": str(folder),
            "MOLECULE_EPHEMERAL_DIRECTORY": str(folder / "state")}


def expect_passed(output):
    assert "2 passed" in output, output[-6000:]
    for action in "converge", "idempotence", "verify":
        assert re.search(rf"default > {action}:? Executed: Successful", output), output[-6000:]


def test_the_page_has_all_files_of_its_example():
    found = find_blocks()
    assert set(found) == {"", "molecule.yml", "collections.yml", "prepare.yml", "converge.yml", "tests/test_network.py"}
    assert yaml.safe_load(found["molecule.yml"])["platforms"][0]["privileged"] is True


def test_on_a_host_that_is_there(tmp_path):
    found = find_blocks()
    scenario = {**yaml.safe_load(found["molecule.yml"]), **yaml.safe_load(found[""])}
    assert scenario["provisioner"]["inventory"]["host_vars"]["instance"]["ansible_host"]
    scenario["provisioner"]["inventory"]["host_vars"]["instance"] = {
        "ansible_connection": "testhost", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    role = write_role(tmp_path, scenario)
    with Host.up("instance") as host:
        write_curl(host)
        done = subprocess.run(["molecule", "test"], cwd=role, env=environment(tmp_path), text=True, timeout=300,
                              check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, done.stdout[-6000:]
        expect_passed(done.stdout)


def write_curl(host):
    path = host.path("/usr/local/bin/curl")
    path.write_text(CURL)
    path.chmod(0o755)


def find_driver():
    """Where Molecule's driver for Podman and its collection are, None where one of both is missing."""
    for folder in map(Path, sys.path):
        if (folder / "ansible_collections/containers/podman").is_dir() and importlib.util.find_spec("molecule_plugins"):
            return folder
    return None


@pytest.mark.skipif(find_driver() is None, reason="needs molecule-plugins[podman] and the collection containers.podman")
@pytest.mark.skipif(not ROOT.is_dir(), reason="needs the Debian that ./run platforms trixie makes, for an image")
def test_with_podman(tmp_path):
    with Host.up("machine", ["docker"]) as host:
        prepare_podman(host)
        scenario = yaml.safe_load(find_blocks()["molecule.yml"])
        platform = scenario["platforms"][0]
        platform["extra_opts"] = [f"--cgroup-parent={host.cgroup}"]
        # An image of Debian has no sudo.
        scenario["provisioner"] = {"inventory": {"host_vars": {"instance": {"ansible_become": False}}}}
        folder = Path("/root/example")
        write_role(host.path(str(folder)), scenario)
        import_image(host, platform["image"], tmp_path)
        variables = [f"{key}={value}" for key, value in environment(folder, find_driver()).items()]
        done = host.run(["env", f"--chdir={folder}/my_role", *variables, "molecule", "test"], check=False, timeout=500)
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
        expect_passed(done.stdout + done.stderr)


def import_image(host, name, folder):
    """An image of what the role installs and what the page's test calls."""
    (folder / "curl").write_text(CURL)
    archive = host.path("/root/image.tar")
    subprocess.run(["tar", "--create", f"--file={archive}", f"--directory={ROOT}", "--exclude=./var/cache",
                    "--exclude=./proc/*", "--exclude=./sys/*", "--exclude=./dev/*", "."], check=True)
    subprocess.run(["tar", "--append", f"--file={archive}", f"--directory={folder}", "--mode=0755",
                    "--transform=s|^|./usr/local/bin/|", "curl"], check=True)
    host.run(["podman", "import", "--quiet", "/root/image.tar", name], timeout=300)
    archive.unlink()
