# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program for rules (iptables, one day nftables) has to offer: a pure half, and one that touches the host."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ..foreign.model import SavedTable
from .model import ObservedTable, TableRules
from .operations import RestoreTable


class Backend(Protocol):
    """Decides what has to be written. It touches nothing."""

    def changes(self, family: str, wanted: Mapping[str, TableRules],
                observed: Mapping[str, ObservedTable]) -> list[RestoreTable]:
        """What makes the observed tables of a family the wanted ones, in an order of which every prefix is safe.

        Nothing for a table that is as wanted. Own chains that nobody wants go.

        :param wanted: what each table is to mean; all of TABLES
        :param observed: a table that is missing has nothing of ours in it
        """


class Adapter(Protocol):
    """Reads and writes the rules of a host. It decides nothing."""

    def snapshot(self) -> tuple[dict[tuple[str, str], ObservedTable], dict[tuple[str, str], SavedTable],
                                dict[str, str]]:
        """By family and table what is ours and what others have; the families that cannot be used, with the reason."""

    def knows_groups(self, tables: Mapping[tuple[str, str], ObservedTable]) -> bool:
        """Whether rules can ask for the group of an interface. :param tables: our share of the rules"""

    def execute(self, operation: RestoreTable) -> None:
        """Carry out one transaction. :raises HostError: when the program refuses it"""
