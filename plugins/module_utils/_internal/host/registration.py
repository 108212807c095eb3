# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of our marks of named namespaces; what is made and removed is in operations.py."""
from __future__ import annotations

from dataclasses import dataclass

from ..core.plan import MAKE_NETNS, RELEASE_NETNS
from ..netns.model import HOST, NamedNetns
from .model import HostState


@dataclass(frozen=True)
class NetnsRecord:
    """Complete the mark of /run/netns/NAME by which namespace it is, which earlier versions did not write."""

    name: str
    stage = MAKE_NETNS
    netns = HOST

    def describe(self) -> str:
        return f"record which namespace {self.name} is"

    def apply(self, state: HostState) -> None:
        entry = state.named[self.name]
        state.named[self.name] = NamedNetns(entry.inode, entry.link, entry.own)

    def inverse(self) -> NetnsRecord:
        # A mark that says more than before does no harm.
        return self

    def lines(self) -> tuple[list[str], list[str]]:
        return [], []


@dataclass(frozen=True)
class NetnsForget:
    """Remove our mark of /run/netns/NAME, where somebody put another namespace in the place of ours."""

    name: str
    stage = RELEASE_NETNS
    netns = HOST

    def describe(self) -> str:
        return f"forget that namespace {self.name} was made here"

    def apply(self, state: HostState) -> None:
        entry = state.named[self.name]
        state.named[self.name] = NamedNetns(entry.inode, entry.link)

    def inverse(self) -> None:
        return None

    def lines(self) -> tuple[list[str], list[str]]:
        return [], []
