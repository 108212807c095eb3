# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive mooring.pyz: complete, the same wherever it is packed, and it runs by itself."""
from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ansible_collections.mooring.net.plugins.filter.program import program_digest
from ansible_collections.mooring.net.plugins.module_utils._internal.program import adapter
from ansible_collections.mooring.net.plugins.module_utils._internal.program.archive import collect, pack
from ansible_collections.mooring.net.plugins.module_utils._internal.program.content import content, digest

UTILS = Path(__file__).resolve().parents[6] / "plugins/module_utils/_internal"
PYTHON = sys.executable


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "mooring.pyz"
    path.write_bytes(pack(PYTHON, adapter.source_of))
    path.chmod(0o755)
    return path


def run(*arguments: object, folder: Path = UTILS) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(list(map(str, arguments)), cwd=folder, env=environment, capture_output=True, text=True,
                          timeout=60, check=False)


def test_it_is_a_command(archive: Path) -> None:
    done = run(archive, "--help")
    assert done.returncode == 0 and "replay" in done.stdout and "usage: mooring" in done.stdout, done.stderr
    assert run(archive, "undo").returncode == 2


def test_without_a_command_it_says_which_there_are(archive: Path) -> None:
    done = run(archive)
    assert done.returncode == 2 and done.stderr == run(archive, "--help").stdout


def test_all_of_its_code_can_be_loaded_from_it(archive: Path) -> None:
    """None of it needs Ansible, and nothing is missing."""
    modules = [name[:-len(".py")].replace("/", ".") for name in zipfile.ZipFile(archive).namelist()
               if not name.endswith("__.py")]
    assert len(modules) > 100
    script = (f"import importlib, sys; sys.path.insert(0, {str(archive)!r}); "
              f"[importlib.import_module(name) for name in {modules!r}]; print('ansible' in sys.modules)")
    done = run(PYTHON, "-I", "-c", script)
    assert (done.stderr, done.stdout) == ("", "False\n")


def test_a_command_loads_what_it_needs(archive: Path) -> None:
    script = (f"import sys; sys.path.insert(0, {str(archive)!r}); import mooring.run.program, mooring.names.follow; "
              "print({'ansible', 'pyroute2'} & {n.split('.')[0] for n in sys.modules}, 'mooring.run.converge' in "
              "sys.modules)")
    assert run(PYTHON, "-I", "-c", script).stdout == "set() False\n"


def test_nothing_of_the_installer_is_in_it() -> None:
    assert not {name for name in collect(adapter.source_of) if name.startswith(("program/", "daemon/"))}
    assert "run/frame.py" not in collect(adapter.source_of)


def test_the_same_code_makes_the_same_bytes() -> None:
    texts = collect(adapter.source_of)
    turned = dict(reversed(texts.items())).get
    assert pack(PYTHON, turned) == pack(PYTHON, adapter.source_of)
    assert pack(PYTHON, {**texts, "core/lock.py": texts["core/lock.py"] + "#"}.get) != pack(PYTHON, turned)


def test_the_files_come_out_of_an_archive_as_well(tmp_path: Path) -> None:
    """Ansible brings a module to a host as a zip file."""
    with zipfile.ZipFile(tmp_path / "payload.zip", "w") as payload:
        for path in UTILS.rglob("*.py"):
            payload.write(path, f"payload/{path.relative_to(UTILS)}")
        for folder in ("", *(f"{path.relative_to(UTILS)}/" for path in UTILS.rglob("*") if path.is_dir())):
            payload.writestr(f"payload/{folder}__init__.py", "")
    script = ("import sys, hashlib; sys.path.insert(0, 'payload.zip'); from payload.program import adapter, archive; "
              f"print(hashlib.sha256(archive.pack({PYTHON!r}, adapter.source_of)).hexdigest())")
    wanted = hashlib.sha256(pack(PYTHON, adapter.source_of)).hexdigest()
    done = run(PYTHON, "-c", script, folder=tmp_path)
    assert (done.stderr, done.stdout) == ("", f"{wanted}\n")


def test_controller_and_host_mean_the_same_by_a_digest() -> None:
    assert program_digest("/usr/bin/python3") == digest(content("/usr/bin/python3", adapter.source_of).files)
    assert len({program_digest("/usr/bin/python3"), program_digest("/opt/python3"),
                program_digest("/usr/bin/python3", False),
                program_digest("/usr/bin/python3", True, False),
                program_digest("/usr/bin/python3", True, True, 7)}) == 5


@pytest.mark.parametrize(("python", "problem"), [
    (PYTHON, ""), ("/nowhere/python", "python: /nowhere/python is not installed"),
    ("/bin/false", "python: /bin/false does not run: "),
])
def test_what_a_python_lacks_is_said(python: str, problem: str) -> None:
    assert adapter.read_installed((), {}, python).fault == problem
