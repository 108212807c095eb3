# SPDX-License-Identifier: GPL-3.0-or-later
"""The units that have containers wired which an engine starts later, compared with files that are read in a review."""
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.program.engines import (ENABLED, STARTED, WATCHED,
                                                                                            WATCHER, WIRE, units,
                                                                                            watch_of)

FOLDER = Path(__file__).resolve().parents[4] / "data/engines"
UNITS = units("/usr/bin/python3")


@pytest.mark.parametrize("name", UNITS)
def test_the_text_of_a_unit(request: pytest.FixtureRequest, name: str) -> None:
    path = FOLDER / name
    if request.config.getoption("--update-golden"):
        path.write_text(UNITS[name], encoding="utf-8")
    assert UNITS[name] == path.read_text(encoding="utf-8"), f"{name}: if this is meant, run pytest --update-golden"


def test_no_file_is_left_of_a_unit_that_is_gone() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(UNITS)


@pytest.mark.parametrize("folder", WATCHED)
def test_the_instance_for_a_folder_is_what_systemd_calls_it(folder: str) -> None:
    if not (escape := shutil.which("systemd-escape")):
        pytest.skip("this system has no systemd")
    said = subprocess.run([escape, "--path", "--template=mooring-engine@.path", folder],
                          capture_output=True, text=True, check=True)
    assert watch_of(folder) == said.stdout.strip()
    assert watch_of(folder) in UNITS[WATCHER]


def test_what_is_enabled_is_there() -> None:
    assert set(ENABLED) <= set(UNITS)


@pytest.mark.parametrize("name", [f"{STARTED}.service", f"{WIRE}.service", "mooring-engine@.path"])
def test_nothing_stops_because_it_happens_often(name: str) -> None:
    """Else containers that keep starting would switch it off: systemd.unit(5), systemd.path(5)."""
    assert "StartLimitIntervalSec=0\n" in UNITS[name]
    assert ("TriggerLimitIntervalSec=0\n" in UNITS[name]) == name.endswith(".path")
