# SPDX-License-Identifier: GPL-3.0-or-later
"""A regular file is read, and nothing else is so much as opened."""
from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.regular import read_regular


def test_a_regular_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"text\xff")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(str(tmp_path / "file")) == "text\udcff"
    assert read_regular(str(tmp_path / "file"), limit=2) == "te"
    assert read_regular(str(tmp_path / "link"), follow=True) == "text\udcff"
    with pytest.raises(OSError, match="is no regular file"):
        read_regular(str(tmp_path / "link"))
    with pytest.raises(FileNotFoundError):
        read_regular(str(tmp_path / "none"))


@pytest.mark.parametrize("follow", [False, True])
def test_a_fifo_is_not_waited_for(tmp_path: Path, follow: bool) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="is no regular file"):
        read_regular(str(tmp_path / "fifo"), follow=follow)
