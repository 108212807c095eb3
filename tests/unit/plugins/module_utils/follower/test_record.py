# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed of the follower of resolv.conf: as it was recorded, or not."""
from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils.follower import record as follower


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which one file is recorded, and belongs to root."""
    program, record, link = tmp_path / "program.py", tmp_path / "installed.json", tmp_path / "wanted"
    program.write_text("print()\n")
    program.chmod(0o644)
    link.symlink_to("/nowhere")
    record.write_text(json.dumps({"digest": "abc", "files": {
        str(program): hashlib.sha256(b"print()\n").hexdigest()}}))
    monkeypatch.setattr(follower, "RECORD", str(record))
    monkeypatch.setattr(follower, "WANTED", str(link))
    look = follower.os.lstat

    def lstat(path: str) -> Any:
        found = look(path)
        return SimpleNamespace(st_mode=found.st_mode, st_uid=0, st_gid=0)

    monkeypatch.setattr(follower.os, "lstat", lstat)
    return tmp_path


def test_what_is_as_recorded_has_its_digest(installed: Path) -> None:
    assert follower.read_follower()["installed"] == "abc"


@pytest.mark.parametrize("way", ["changed", "gone", "mode", "link", "disabled", "no record", "damaged", "empty"])
def test_what_is_not_as_recorded_has_none(installed: Path, way: str) -> None:
    program, record = installed / "program.py", installed / "installed.json"
    {"changed": lambda: program.write_text("print(1)\n"), "gone": program.unlink,
     "mode": lambda: program.chmod(0o666),
     "link": lambda: program.rename(installed / "x") and program.symlink_to(installed / "x"),
     "disabled": (installed / "wanted").unlink, "no record": record.unlink,
     "damaged": lambda: record.write_text("{"), "empty": lambda: record.write_text("[]")}[way]()
    assert follower.read_follower()["installed"] == ""
