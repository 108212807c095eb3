# SPDX-License-Identifier: GPL-3.0-or-later
"""Work inside a network namespace. Adapter."""
from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from ..core.errors import HostError
from .model import HOST, label_of_path
from .syscalls import enter_network


@contextlib.contextmanager
def home() -> Iterator[int]:
    """An open file of the namespace that the run is in, to be entered again or to be given to the kernel."""
    descriptor = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def enter(path: str) -> Iterator[None]:
    """The block runs in the namespace at ``path``; HOST means where the run already is.

    Sockets stay in the namespace where they were opened, so the block can be short. A path is only ever opened:
    a name that does not exist must not come into being by looking at it.

    :raises HostError: when the namespace is not there or cannot be entered
    """
    if path == HOST:
        yield
        return
    with home() as back:
        try:
            there = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise HostError(f"namespace {label_of_path(path)} cannot be opened: {error.strerror}") from error
        try:
            enter_network(there)
        except OSError as error:
            raise HostError(f"namespace {label_of_path(path)} cannot be entered: {error.strerror}") from error
        finally:
            os.close(there)
        try:
            yield
        finally:
            enter_network(back)
