# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that a container writes to while it is read."""
import fcntl
import os
import signal
from pathlib import Path

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.files import access
from ansible_collections.mooring.net.plugins.module_utils._internal.files import adapter as files
from ansible_collections.mooring.net.plugins.module_utils._internal.files import contained
from ansible_collections.mooring.net.plugins.module_utils._internal.files.model import ObservedFile, Place
from ansible_collections.mooring.net.plugins.module_utils._internal.files.operations import FileWrite


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


@pytest.mark.parametrize("more, problem", [(0, ""), (1, f"has more than {access.LINES} lines")])
def test_a_file_of_more_lines_than_any_network_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: int,
                                                   problem: str) -> None:
    """Each line takes a run its time, and a container may write as many into its file as there is room for."""
    monkeypatch.setattr(files, "is_roots", lambda _path: True)
    (tmp_path / "hosts").write_text("\n" * (access.LINES + more))
    assert files.read(Place(str(tmp_path), "hosts")).problem == problem


def test_a_process_that_did_not_answer_is_not_asked_again() -> None:
    one, other = (Place(f"/proc/{pid}/root", "etc/hosts") for pid in (2 ** 22 + 1, 2 ** 22 + 2))
    silent = {(2 ** 22 + 1, "")}
    found = contained.read([one, other], silent)
    assert found[one].held_up and "did not answer" in found[one].problem
    assert found[other] == ObservedFile() and silent == {(2 ** 22 + 1, "")}


def test_a_place_that_others_can_lead_elsewhere(tmp_path: Path) -> None:
    """A record may still say where an engine without root has its files."""
    (tmp_path / "hosts").write_text("127.0.0.1 localhost\n")
    (tmp_path / "hosts").chmod(0o644)
    tmp_path.chmod(0o777)
    place = Place(str(tmp_path), "hosts")
    assert files.read(place).problem == "lies where others than root can put something in its place"
    error, = files.carry_out([FileWrite(place, "new", "127.0.0.1 localhost\n", "hosts of c1")])
    assert str(error).endswith(": lies where others than root can put something in its place")
    assert (tmp_path / "hosts").read_text() == "127.0.0.1 localhost\n"


def test_a_lease_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "is_roots", lambda _path: True)
    (tmp_path / "hosts").write_text("127.0.0.1 localhost\n")
    handler = signal.signal(signal.SIGIO, signal.SIG_IGN)
    descriptor = os.open(tmp_path / "hosts", os.O_RDWR)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        found = files.read(Place(str(tmp_path), "hosts"))
        assert found.held_up and found.problem.startswith("is held by a lease")
    finally:
        os.close(descriptor)
        signal.signal(signal.SIGIO, handler)
