# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host that is confined is sure to refuse, before anything is touched, and what it may."""
from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Optional
from unittest import mock

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core import confinement
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import HostError
from ansible_collections.mooring.net.plugins.module_utils._internal.core.plan import Operation
from ansible_collections.mooring.net.plugins.module_utils._internal.host import confined, proc
from ansible_collections.mooring.net.plugins.module_utils._internal.host.model import HostState
from ansible_collections.mooring.net.plugins.module_utils._internal.host.operations import NetnsAdd, SysctlSet
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import NamedNetns
from world import World

SYSCTL = SysctlSet("", "net/ipv6/conf/br0/accept_ra", "0", None)
NEW, LINK = NetnsAdd("web"), NetnsAdd("web", "/proc/7/ns/net")


@pytest.mark.parametrize(("operations", "lacks", "said"), [
    ([NEW], {"CAP_SYS_ADMIN"}, "CAP_SYS_ADMIN"), ([NEW], {"/run/netns"}, "/run/netns is mounted read-only"),
    ([SYSCTL, NEW], {confinement.PRIVATE}, "does not reach the host"), ([LINK], {"/run/netns"}, "mounted read-only"),
    ([LINK], {confinement.PRIVATE, "CAP_SYS_ADMIN"}, ""), ([SYSCTL], {"/proc/sys", "CAP_SYS_ADMIN"}, ""),
    ([], {"CAP_SYS_ADMIN", "/run/netns", confinement.PRIVATE}, ""),
])
def test_names_are_refused_before_anything_is_touched(operations: list[Operation], lacks: set[str], said: str) -> None:
    with mock.patch.object(confined, "lacking", lambda: frozenset(lacks)):
        if not said:
            confined.refuse(operations)
            return
        with pytest.raises(HostError, match=said):
            confined.refuse(operations)


def test_what_is_expected_to_be_missing_is_what_is_needed() -> None:
    assert confined.needs([]) == set()
    assert confined.needs([SYSCTL]) == {"CAP_SYS_ADMIN", "/proc/sys"}
    assert confined.needs([NEW]) == {"CAP_SYS_ADMIN", "/run/netns", confinement.PRIVATE}
    assert confined.needs([LINK]) == {"CAP_SYS_ADMIN", "/run/netns"}


@pytest.fixture
def state() -> Iterator[HostState]:
    world = World()
    world.bridge()
    world.attach("web", "db")
    with mock.patch.object(confined.visibility, "find_covered", lambda: {"web", "other"}):
        yield world.state


@pytest.mark.parametrize(("entry", "refused"), [
    (NamedNetns(7, own=True), False), (NamedNetns(0, own=True), True), (NamedNetns(0), True), (None, True),
    (NamedNetns(0, "/proc/7/ns/net"), False),
])
def test_a_name_that_is_hidden_is_told_where_there_is_an_endpoint(
        state: HostState, entry: Optional[NamedNetns], refused: bool) -> None:
    state.named.pop("web", None)
    state.named.update({"web": entry} if entry else {})
    if not refused:
        confined.require_shown(state)
        return
    with pytest.raises(HostError, match="/run/netns/web is hidden: .* umount /run/netns"):
        confined.require_shown(state)


@pytest.mark.parametrize(("number", "value", "fails"), [
    (errno.EROFS, "0", False), (errno.EACCES, "0", False), (errno.EPERM, "0", False), (errno.EROFS, "1", True),
    (errno.EROFS, None, True), (errno.EINVAL, "0", True), (errno.ENOENT, None, True),
])
def test_a_sysctl_that_may_not_be_set_is_no_error_where_it_is_as_wanted(
        number: int, value: Optional[str], fails: bool) -> None:
    with mock.patch("builtins.open", side_effect=OSError(number, "refused")), \
            mock.patch.object(proc, "read_sysctl", lambda _name: value):
        if not fails:
            proc.write_sysctl(SYSCTL)
            return
        with pytest.raises(HostError, match="cannot set net.ipv6.conf.br0.accept_ra to 0: refused"):
            proc.write_sysctl(SYSCTL)
