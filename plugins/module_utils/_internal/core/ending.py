# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that ends with the one that has started it. Adapter.

Who kills a run means all of it. What the run has started would go on, and would do to the host what was planned for it
as it was then.
"""
from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None, use_errno=True)  # loaded before there is a child


def end_with(parent: int) -> None:
    """To be called in a child: the kernel kills it as soon as its parent has ended, which may have happened already.

    The wish outlasts the start of another program (execve(2)), but not that the process becomes another user.

    :param parent: number of the process that has made the child
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
