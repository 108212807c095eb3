# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel's answer to a message says of an operation on a link. Adapter, as far as errors have names."""
from __future__ import annotations

import errno
import os

from ..core.errors import HostError
from ..core.plan import Operation
from .neighbours import NeighbourDel
from .operations import LinkDel, LinkSet
from .shapers import ShaperDel

_REASONS = {
    errno.EEXIST: "it exists already, although it did not a moment ago: another program made it",
    errno.ENODEV: "the interface is gone, although it was there a moment ago",
    errno.EPERM: "not permitted: this needs root with CAP_NET_ADMIN",
    errno.EXFULL: "the bridge is full: the kernel allows 1023 ports",
    errno.EBUSY: "the kernel says that it is in use",
    errno.ENETUNREACH: "the gateway is not in a network of the interface",
}


def settled(operation: Operation, code: int) -> int:
    """The errno of an operation, 0 also for what is gone before it could be deleted or isolated.

    The kernel ends a pair some time after the last process of its container, with whatever comes in between. And it
    forgets the neighbours of a bridge when that goes down or gets another MAC address.
    """
    gone = (code == errno.ENODEV and isinstance(operation, LinkDel)
            or code == errno.ENODEV and isinstance(operation, LinkSet) and operation.changes.keys() == {"isolated"}
            or code == errno.ENOENT and isinstance(operation, NeighbourDel)
            or code in (errno.ENODEV, errno.ENOENT, errno.EINVAL) and isinstance(operation, ShaperDel))
    return 0 if gone else code


def is_half_done(operation: Operation, code: int) -> bool:
    """What a message says of a link the kernel sets one after the other, up to what it refuses (do_setlink())."""
    return isinstance(operation, LinkSet) and len(operation.changes) > 1 and code not in (errno.ENODEV, errno.EPERM)


def failure(operation: Operation, code: int) -> HostError:
    """The error of an operation that the kernel refused."""
    return HostError(f"cannot {operation.describe()}: {_REASONS.get(code, os.strerror(code))}")
