# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed of the command mooring: as it was recorded, or not."""
from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.program import record as installation


def write(path: Path, command: str) -> None:
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which one file is recorded, and belongs to root."""
    program, record, link, command = (tmp_path / name for name in ("program.py", "installed.json", "wanted", "command"))
    program.write_text("print()\n")
    program.chmod(0o644)
    link.symlink_to("/nowhere")
    command.symlink_to(tmp_path / "mooring.pyz")
    write(tmp_path / "python", f'exec {sys.executable} "$@"')  # which has what the program needs
    record.write_text(json.dumps({
        "digest": "abc", "python": str(tmp_path / "python"), "enabled": {"mooring-resolv.path": "paths.target"},
        "files": {str(program): hashlib.sha256(b"print()\n").hexdigest()}}))
    monkeypatch.setattr(installation, "RECORD", str(record))
    monkeypatch.setattr(installation, "COMMAND", str(command))
    monkeypatch.setattr(installation, "ARCHIVE", str(tmp_path / "mooring.pyz"))
    monkeypatch.setattr(installation, "wants_link", lambda _unit, _how: str(link))
    return tmp_path


def test_what_is_as_recorded_has_its_digest(installed: Path) -> None:
    assert installation.read_program()["installed"] == "abc"


@pytest.mark.parametrize("way", ["changed", "gone", "mode", "link", "disabled", "command", "no record", "damaged",
                                 "empty", "no python", "packages", "dead python"])
def test_what_is_not_as_recorded_has_none(installed: Path, way: str) -> None:
    program, record = installed / "program.py", installed / "installed.json"
    python = installed / "python"
    {"no python": python.unlink, "packages": lambda: write(python, "echo pyroute2"),
     "dead python": lambda: write(python, "exit 1"),
     "changed": lambda: program.write_text("print(1)\n"), "gone": program.unlink, "mode": lambda: program.chmod(0o666),
     "link": lambda: program.rename(installed / "x") and program.symlink_to(installed / "x"),
     "disabled": (installed / "wanted").unlink, "command": (installed / "command").unlink, "no record": record.unlink,
     "damaged": lambda: record.write_text("{"), "empty": lambda: record.write_text("[]")}[way]()
    assert installation.read_program()["installed"] == ""
