# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anybody but root can say what stands at a path."""
from __future__ import annotations

import os
import stat
import types
from collections.abc import Iterator

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core import trust

ROOT, USER = 0, 1000
# Path -> owner and mode of a folder or file, or where a link leads.
TREE: dict[str, tuple[int, int] | str] = {
    "/": (ROOT, 0o755), "/var": (ROOT, 0o755), "/run": (ROOT, 0o755), "/var/run": "/run", "/etc": (ROOT, 0o755),
    "/tmp": (ROOT, 0o1777), "/home": (ROOT, 0o755), "/home/u": (USER, 0o700), "/home/u/x": (ROOT, 0o755),
    "/group": (ROOT, 0o775), "/loop": "/loop", "/run/ns": (ROOT, 0o755), "/run/up": "../etc", "/run/home": "/home/u",
    "/sealed": (ROOT, 0o700), "/sealed/u": (USER, 0o777), "/sealed/u/x": (USER, 0o666), "/half": (ROOT, 0o710),
    "/half/u": (USER, 0o755), "/proc": (ROOT, 0o555), "/proc/7": (ROOT, 0o555), "/proc/7/root": "/",
    "/jail": (ROOT, 0o755), "/jail/7": (ROOT, 0o555), "/jail/7/root": "/",
}


@pytest.fixture(autouse=True)
def tree(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The paths that are looked at."""
    looked: list[str] = []

    def lstat(path: str) -> types.SimpleNamespace:
        looked.append(path)
        if path not in TREE:
            raise FileNotFoundError(path)
        found = TREE[path]
        if isinstance(found, str):
            # Links of /proc, wherever it is mounted, have another size than what they are said to lead to.
            size = 0 if path.endswith("/7/root") else len(found)
            return types.SimpleNamespace(st_mode=stat.S_IFLNK | 0o777, st_uid=ROOT, st_size=size)
        return types.SimpleNamespace(st_mode=stat.S_IFDIR | found[1], st_uid=found[0], st_size=0)

    trust._find.cache_clear()  # pylint: disable=protected-access
    monkeypatch.setattr(trust, "os", types.SimpleNamespace(
        lstat=lstat, readlink=TREE.__getitem__, path=os.path, fsencode=os.fsencode))
    yield looked
    trust._find.cache_clear()  # pylint: disable=protected-access


@pytest.mark.parametrize(("path", "expected"), [
    ("/", True), ("/etc", True), ("/etc/missing/file", True), ("/var/run/ns", True), ("/run/up/x", True),
    ("/etc/../run", True), ("/etc/./x/", True), ("/sealed/u/x", True),
    ("relative", False), ("/tmp/x", False), ("/home/u", False), ("/home/u/x", False), ("/group/x", False),
    ("/proc", False), ("/loop", False), ("/loop/x", False), ("/run/home/x", False), ("/half/u/x", False),
    ("/proc/7/root/etc", False), ("/jail/7/root/etc", False),
    ("/tmp/../etc", False),
])
def test_whose_a_path_is(path: str, expected: bool) -> None:
    assert trust.is_roots(path) is expected


def test_a_folder_of_others_is_not_asked(tree: list[str]) -> None:
    """What is mounted in it may never answer."""
    assert not trust.is_roots("/home/u/x/y")
    assert tree == ["/home", "/home/u"]
