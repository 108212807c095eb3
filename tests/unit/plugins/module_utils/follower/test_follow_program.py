# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that follows the host's resolv.conf: what is installed is complete, and runs by itself."""
from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ansible_collections.mooring.net.plugins.filter.follower import follower_digest
from ansible_collections.mooring.net.plugins.module_utils.follower import adapter
from ansible_collections.mooring.net.plugins.module_utils.follower.content import PROGRAM, content, digest
from ansible_collections.mooring.net.plugins.module_utils.follower.model import ROOT

UTILS = Path(__file__).resolve().parents[5] / "plugins" / "module_utils"

# Says which modules of the package the program is made of.
LOADED = ("import sys, mooring.names.follow as program; from mooring.files import render; render.render('x', 'y', {}); "
          "print(*sorted(name for name, module in sys.modules.items() if name.startswith('mooring.') "
          "and getattr(module, '__file__', None)))")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    for path, text in content(sys.executable, adapter.source_of).items():
        if path.startswith(ROOT):
            target = tmp_path / "mooring" / os.path.relpath(path, ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True,
                          timeout=60, check=False)


def test_the_files_are_all_that_the_program_needs_and_no_more(installed: Path) -> None:
    done = run(installed, "-c", LOADED)
    assert (done.stderr, set(done.stdout.split())) == (
        "", {f"mooring.{name[:-len('.py')].replace('/', '.')}" for name in PROGRAM})


def test_the_program_needs_neither_ansible_nor_pyroute2(installed: Path) -> None:
    script = "import sys, mooring.names.follow; print({'ansible', 'pyroute2'} & {n.split('.')[0] for n in sys.modules})"
    assert run(installed, "-c", script).stdout == "set()\n"


def test_the_files_come_out_of_an_archive_as_well(tmp_path: Path) -> None:
    """Ansible brings a module to a host as a zip file."""
    with zipfile.ZipFile(tmp_path / "payload.zip", "w") as archive:
        for path in UTILS.rglob("*.py"):
            archive.write(path, f"payload/{path.relative_to(UTILS)}")
        for folder in ("", *(f"{path.name}/" for path in UTILS.iterdir() if path.is_dir())):
            archive.writestr(f"payload/{folder}__init__.py", "")
    script = ("import sys; sys.path.insert(0, 'payload.zip'); from payload.follower import adapter; "
              "print(adapter.source_of('core/errors.py'), end='')")
    assert run(tmp_path, "-c", script).stdout == (UTILS / "core/errors.py").read_text(encoding="utf-8")


def test_controller_and_host_mean_the_same_by_a_digest() -> None:
    assert follower_digest("/usr/bin/python3") == digest(content("/usr/bin/python3", adapter.source_of))
    assert follower_digest("/usr/bin/python3") != follower_digest("/opt/python3")


@pytest.mark.parametrize(("python", "problem"), [
    (sys.executable, ""), ("/nowhere/python", "python: /nowhere/python is not installed"),
    ("/bin/false", "python: /bin/false does not run: "),
])
def test_what_a_python_lacks_is_said(python: str, problem: str) -> None:
    assert adapter.read_installed((), python).fault == problem
