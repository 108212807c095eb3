# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said on a host that is a container, in which root may not do everything."""
import re

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core import confinement
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError

ALL = 0x1ffffffffff


@pytest.mark.parametrize(("bits", "lacks"), [
    (ALL, set()), (ALL & ~(1 << 21), {"CAP_SYS_ADMIN"}), (ALL & ~(1 << 12), {"CAP_NET_ADMIN"}),
    (0xa80425fb, {"CAP_NET_ADMIN", "CAP_SYS_ADMIN"}),  # what Docker leaves to a container
])
def test_capabilities_are_read_from_the_status_of_the_process(bits, lacks):
    assert confinement._without(f"Name:\tpython3\nCapPrm:\t{ALL:016x}\nCapEff:\t{bits:016x}\nCapBnd:\t0\n") == lacks


def test_a_status_that_says_nothing_of_them_is_no_obstacle():
    assert confinement._without("Name:\tpython3\n") == set()


def test_no_module_begins_without_what_all_of_them_need():
    with pytest.raises(MooringError, match="CAP_NET_ADMIN.*--privileged"):
        confinement.require({"CAP_NET_ADMIN"})
    confinement.require({"CAP_SYS_ADMIN", "/proc/sys", "/run/netns", confinement.PRIVATE})  # bridges can do with less


@pytest.mark.parametrize(("message", "lacks", "said"), [
    ("/run/netns/web: Operation not permitted", {"CAP_SYS_ADMIN"}, "CAP_SYS_ADMIN here.*--privileged"),
    ("cannot set net.ipv4.ip_forward to 1: Read-only file system", {"/proc/sys"}, "/proc/sys is mounted read-only"),
    ("/run/netns/web: Read-only file system", {"/proc/sys", "/run/netns"}, "/run/netns is mounted read-only"),
    ("/run/netns/web: Operation not permitted", set(), ""), ("br0 is no bridge", {"CAP_SYS_ADMIN", "/proc/sys"}, ""),
])
def test_a_refusal_is_explained_by_what_is_missing(message, lacks, said):
    found = confinement.explain(message, lacks)
    assert found.startswith(message) and (said == "") == (found == message)
    assert re.search(said, found)
    assert len(confinement.expect(lacks, lacks)) == len(lacks)
    assert confinement.expect(lacks, ()) == []
