# SPDX-License-Identifier: GPL-3.0-or-later
"""What operations need of a host that lacks something, see :mod:`core.confinement`. Adapter."""
from __future__ import annotations

from collections.abc import Sequence

from ..core import confinement
from ..core.errors import HostError
from ..core.plan import Operation
from ..netns import visibility
from ..netns.model import NETNS_DIRECTORY, named_path
from .endpoints import endpoints
from .model import HostState
from .operations import NetnsAdd, SysctlSet

_NAMING = {"CAP_SYS_ADMIN", confinement.NAMES, confinement.PRIVATE}


def lacking() -> frozenset[str]:
    return confinement.lacking() | visibility.lacking()


def needs(operations: Sequence[Operation]) -> set[str]:
    """What may be missing for operations, in words of confinement."""
    found = {"CAP_SYS_ADMIN"} if operations else set()
    for operation in operations:
        if isinstance(operation, SysctlSet):
            found.add(confinement.SYSCTLS)
        elif isinstance(operation, NetnsAdd):
            found |= {confinement.NAMES} if operation.target else _NAMING
    return found


def require_names() -> None:
    """:raises HostError: where this run does not see what the host has under /run/netns

    It would take the containers there for ended.
    """
    if confinement.HIDDEN in visibility.lacking():
        raise HostError(confinement.LACKS[confinement.HIDDEN])


def require_shown(state: HostState) -> None:
    """:raises HostError: where something hides a network namespace that we have made, or in which an endpoint is"""
    names = {name for name, entry in state.named.items() if entry.own} | {each.container for each in endpoints(state)}
    unseen = {name for name in names if not ((entry := state.named.get(name)) and (entry.inode or entry.link))}
    if hidden := sorted(unseen & visibility.find_covered() if unseen else ()):
        raise HostError(f"{named_path(hidden[0])} is hidden: something has been mounted on {NETNS_DIRECTORY} since, "
                        f"and the network namespace is still below it. Take that away: umount {NETNS_DIRECTORY}")


def refuse(operations: Sequence[Operation]) -> None:
    """:raises HostError: when a network namespace is to get a name, and the host is sure not to let that be done

    A sysctl may have its value, and what is done in a container the capability alone does not tell.
    """
    added = [operation for operation in operations if isinstance(operation, NetnsAdd)]
    needed = needs(added) & _NAMING
    if all(operation.target for operation in added):
        needed.discard("CAP_SYS_ADMIN")  # the name is a symbolic link
    if missing := sorted(needed & lacking() if needed else ()):
        raise HostError(f"{named_path(added[0].name)}: {confinement.LACKS[missing[0]]}")
