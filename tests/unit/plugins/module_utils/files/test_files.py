# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that a container writes to while it is read."""
import os
from pathlib import Path

import pytest
from ansible_collections.mooring.net.plugins.module_utils.files import access
from ansible_collections.mooring.net.plugins.module_utils.files import adapter as files


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
