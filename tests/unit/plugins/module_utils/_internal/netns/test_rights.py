# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose rights count for the files of a process. What they are worth has tests with containers."""
from __future__ import annotations

import os
import types

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.netns import processes, rights

HOST, OUTER, INNER, OTHER = "host", "outer", "inner", "other"
AROUND = {INNER: OUTER, OUTER: HOST, OTHER: HOST}


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """User namespaces as the kernel shows them: that of the process, and the one that its mounts belong to."""
    of: dict[str, str] = {}
    names: list[str] = []  # by descriptor

    def opened(name: str) -> int:
        names.append(name)
        return len(names) - 1

    def related(descriptor: int) -> int | None:
        around = AROUND.get(names[descriptor])
        return opened(around) if around else None

    monkeypatch.setattr(rights, "_open", lambda path, _folder=None: opened(
        {"/proc/self/ns/user": HOST, "ns/user": of["user"], "ns/mnt": "mounts"}[path]))
    monkeypatch.setattr(rights, "_inode", lambda descriptor: names[descriptor])
    monkeypatch.setattr(rights, "syscalls", types.SimpleNamespace(
        owner_of=lambda _mounts: opened(of["mounts"]) if of["mounts"] else None, parent_of=related))
    monkeypatch.setattr(rights, "os", types.SimpleNamespace(
        dup=lambda descriptor: opened(names[descriptor]), close=lambda _descriptor: None))
    return of


@pytest.mark.parametrize(("user", "mounts", "expected"), [
    (HOST, HOST, None), (HOST, "", None),
    (OUTER, OUTER, OUTER), (INNER, INNER, INNER),
    (OUTER, HOST, OUTER),  # it may have chosen its root directory
    (OUTER, "", OUTER),
    (HOST, OUTER, OUTER),  # root has entered mounts of somebody else
    (INNER, OUTER, INNER), (OUTER, INNER, INNER),
])
def test_the_innermost_counts(process: dict[str, str], user: str, mounts: str, expected: str | None) -> None:
    process.update(user=user, mounts=mounts)
    found = rights.find_rights(0)
    assert (None if found is None else rights._inode(found)) == expected  # pylint: disable=protected-access


def test_a_process_with_mounts_of_somebody_else(process: dict[str, str]) -> None:
    process.update(user=INNER, mounts=OTHER)
    with pytest.raises(rights.Undecided, match="nothing to do with"):
        rights.find_rights(0)


def test_this_very_process() -> None:
    with rights.opened(rights.open_process(os.getpid(), processes.start_time(os.getpid()))) as own:
        assert rights.find_rights(own) is None and rights.may_change(own, own)
    with pytest.raises(ProcessLookupError, match="the process has ended"):
        rights.open_process(os.getpid(), "1")
