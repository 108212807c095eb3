# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel says of settings of containers, before anything is done. Adapter.

Which values a setting takes stands in the kernel alone. So they are tried in network namespaces that a child makes and
that end with it. A new namespace has no interface but lo, which has the settings of all others.
"""
from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence

from ..core.child import Tell, work_apart
from ..netns.syscalls import unshare_network
from .proc import read_sysctl
from .settings import Trial

_MOST = 200  # namespaces, of a millisecond each


def try_out(lists: Iterable[Sequence[Trial]]) -> dict[Trial, str]:
    """What is wrong with settings, as the rest of a sentence; those that can be made are left out.

    :param lists: what is to be set in one namespace, in order: one setting may depend on another one
    """
    distinct = [list(each) for each in dict.fromkeys(map(tuple, lists)) if each][:_MOST]
    if not distinct:
        return {}

    def work(tell: Tell) -> None:
        for settings in distinct:
            unshare_network()
            for name, value in settings:
                if problem := _try(name, value):
                    tell((name, value, problem))

    return {(name, value): problem for name, value, problem in work_apart([work])[0].values}


def _try(name: str, value: str) -> str:
    before = read_sysctl(name)
    if before is None:
        return "names no setting of a container's network"
    try:
        with open(f"/proc/sys/{name}", "w", encoding="ascii") as file:
            file.write(value)
    except OSError as error:
        if before == value:
            return ""
        # Where /proc/sys cannot be written at all, that is not for the value to answer for.
        return "" if error.errno == errno.EROFS else f"is refused by the kernel ({error.strerror})"
    found = read_sysctl(name)
    return "" if found == value or found is None else f"becomes {found!r} in the kernel"
