# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen below /run/netns, and by whom, told from the mounts of two mount namespaces."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.netns import visibility

HOST = """\
1 0 0:1 / / rw shared:1 - overlay overlay rw
10 1 0:2 / /run rw shared:5 - tmpfs tmpfs rw
11 10 0:2 /netns /run/netns rw shared:5 - tmpfs tmpfs rw
12 11 0:4 net:[4026532001] /run/netns/web rw shared:6 - nsfs nsfs rw
"""


@pytest.mark.parametrize(("fields", "reached"), [
    ("shared:5", True), ("shared:5 master:1", True), ("", False), ("master:5", False), ("shared:9", False),
    ("shared:9 master:5", False),
])
def test_what_is_mounted_reaches_whoever_is_in_the_peer_group(fields: str, reached: bool) -> None:
    own = f"1 0 0:1 / / rw shared:1 - overlay overlay rw\n30 20 0:2 / /run rw {fields} - tmpfs tmpfs rw\n"
    assert visibility.reaches(own, 30, HOST) == reached


def test_it_reaches_a_namespace_that_follows_as_well() -> None:
    own = "30 20 0:2 / /run rw shared:7 - tmpfs tmpfs rw\n"
    assert visibility.reaches(own, 30, "10 1 0:2 / /run rw master:7 - tmpfs tmpfs rw\n")
    assert not visibility.reaches(own, 31, "10 1 0:2 / /run rw master:7 - tmpfs tmpfs rw\n")


@pytest.mark.parametrize(("later", "top", "names"), [
    ("", 11, set()), ("40 11 0:9 / /run/netns rw - tmpfs tmpfs rw\n", 40, {"web"}),
    ("40 11 0:2 /netns /run/netns ro - tmpfs tmpfs rw\n41 40 0:9 / /run/netns rw - tmpfs tmpfs rw\n", 41, {"web"}),
    # Whoever mounts something on /run has another /run/netns altogether.
    ("40 10 0:9 / /run rw - tmpfs tmpfs rw\n41 40 0:9 /netns /run/netns rw - tmpfs tmpfs rw\n", 41, set()),
    ("40 11 0:9 / /run/netns rw - tmpfs tmpfs rw\n42 40 0:4 net:[7] /run/netns/db rw - nsfs nsfs rw\n", 40, {"web"}),
    ("43 11 0:8 / /run/netns/files rw - tmpfs tmpfs rw\n44 11 0:9 / /run/netns rw - tmpfs tmpfs rw\n", 44, {"web"}),
    # One that was mounted there before /run/netns was a mount.
    ("45 10 0:4 net:[8] /run/netns/old rw - nsfs nsfs rw\n", 11, {"old"}),
])
def test_names_that_another_mount_hides(later: str, top: int, names: set[str]) -> None:
    assert visibility.covered(HOST + later, top) == names
