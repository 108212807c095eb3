# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that follows the host's resolv.conf: what the role copies is complete, and runs by itself."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[3]
ROLE = CHECKOUT / "roles" / "containers"
VARIABLES = yaml.safe_load((ROLE / "vars/main.yml").read_text(encoding="utf-8"))

# Says which modules of the package the program is made of.
LOADED = ("import sys, mooring.names.follow as program; from mooring.files import render; render.render('x', 'y', {}); "
          "print(*sorted(name for name, module in sys.modules.items() if name.startswith('mooring.') "
          "and getattr(module, '__file__', None)))")


@pytest.fixture
def installed(tmp_path):
    for name in VARIABLES["containers_follow_files"]:
        target = tmp_path / "mooring" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / "plugins/module_utils" / name, target)
    return tmp_path


def run(folder, *arguments):
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True,
                          timeout=60, check=False)


def test_the_files_are_all_that_the_program_needs_and_no_more(installed):
    done = run(installed, "-c", LOADED)
    wanted = {f"mooring.{name[:-3].replace('/', '.')}" for name in VARIABLES["containers_follow_files"]}
    assert (done.stderr, set(done.stdout.split())) == ("", wanted)


def test_the_program_needs_neither_ansible_nor_pyroute2(installed):
    script = "import sys, mooring.names.follow; print({'ansible', 'pyroute2'} & {n.split('.')[0] for n in sys.modules})"
    assert run(installed, "-c", script).stdout == "set()\n"


def test_every_unit_has_a_template():
    names = {path.name.removesuffix(".j2") for path in (ROLE / "templates").iterdir()}
    assert names == {*VARIABLES["containers_follow_units"], "installed.json"}
