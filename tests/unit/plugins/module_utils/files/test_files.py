# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that a container writes to while it is read."""
import os
from pathlib import Path

import pytest
from ansible_collections.mooring.net.plugins.module_utils.files import access
from ansible_collections.mooring.net.plugins.module_utils.files import adapter as files
from ansible_collections.mooring.net.plugins.module_utils.files import contained
from ansible_collections.mooring.net.plugins.module_utils.files.model import ObservedFile, Place


def test_a_file_that_grows_is_not_read_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hosts"
    path.write_bytes(b"#" * (files.LIMIT - 1))
    look = access._refuse  # pylint: disable=protected-access

    def look_and_grow(found: os.stat_result, ground: access.Ground) -> None:
        look(found, ground)
        with path.open("ab") as file:
            file.write(b"#" * 2)

    monkeypatch.setattr(access, "_refuse", look_and_grow)
    monkeypatch.setattr(files, "is_roots", lambda _path: True)
    assert files.read(files.Place(str(tmp_path), "hosts")).problem == f"is larger than {files.LIMIT} bytes"


def test_a_process_that_did_not_answer_is_not_asked_again() -> None:
    one, other = (Place(f"/proc/{pid}/root", "etc/hosts") for pid in (2 ** 22 + 1, 2 ** 22 + 2))
    silent = {(2 ** 22 + 1, "")}
    found = contained.read([one, other], silent)
    assert found[one].held_up and "did not answer" in found[one].problem
    assert found[other] == ObservedFile() and silent == {(2 ** 22 + 1, "")}
