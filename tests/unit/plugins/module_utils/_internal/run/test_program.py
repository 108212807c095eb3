# SPDX-License-Identifier: GPL-3.0-or-later
"""The command mooring with whatever its caller has closed, and what it says of files that are none."""
from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Optional
from unittest import mock

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core import folders
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import HostError, MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.run import program


def run(act: mock.Mock, out: Optional[io.IOBase], err: Optional[io.IOBase]) -> int:
    with mock.patch.object(program, "_run", act), mock.patch.object(program.os, "geteuid", lambda: 0), \
            mock.patch.object(sys, "stdout", out), mock.patch.object(sys, "stderr", err):
        return program.main(["check"])


class Broken(io.StringIO):
    """What is written there nobody reads, which shows when it is written out."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def flush(self) -> None:
        raise self.error


def writes(text: str) -> mock.Mock:
    def act(_options: object) -> int:
        sys.stdout.write(text)
        return 1

    return mock.Mock(side_effect=act)


def test_closed_streams_keep_nothing_from_being_done() -> None:
    assert run(writes("a\n"), None, None) == 1


@pytest.mark.parametrize(("error", "said"), [
    (BrokenPipeError(), ""),
    (OSError(28, "No space left"), "mooring: the host refuses something that this needs: [Errno 28] No space left\n")])
def test_what_cannot_be_written_ends_without_a_traceback(error: OSError, said: str) -> None:
    err = io.StringIO()
    assert run(writes("a\n"), Broken(error), err) == 2 and err.getvalue() == said


@pytest.mark.parametrize("error", [MooringError("no"), PermissionError(13, "no")])
def test_what_fails_is_said_in_one_line(error: Exception) -> None:
    err = io.StringIO()
    assert run(mock.Mock(side_effect=error), io.StringIO(), err) == 2
    assert err.getvalue().startswith("mooring: ") and err.getvalue().count("\n") == 1


def test_a_name_that_the_encoding_lacks_is_written_all_the_same() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="latin-1")
    assert run(writes("br\u4e16\n"), out, io.StringIO()) == 1 and not out.closed
    assert raw.getvalue() == b"br\\u4e16\n"


@pytest.mark.parametrize("kind", ["a link", "a folder", "a pipe"])
def test_a_file_that_is_none_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "applied.json"
    {"a link": lambda: path.symlink_to("/etc/passwd"), "a folder": path.mkdir,
     "a pipe": lambda: os.mkfifo(path)}[kind]()
    folder, before = os.open(tmp_path, os.O_RDONLY), len(os.listdir("/proc/self/fd"))
    try:
        with pytest.raises(HostError, match=r"^/x/applied\.json is (a link|no file), and .*: remove it$"):
            folders.require_text(folder, path.name, "/x/applied.json")
        assert len(os.listdir("/proc/self/fd")) == before
    finally:
        os.close(folder)
