# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of an entry whose host port is taken."""
from __future__ import annotations

from ..core.errors import OptionError
from .model import Publication
from .occupied import Owner, describe_owner
from .wanted import Wanted


class PublishedElsewhere(OptionError):
    """The host port that an entry names belongs to another container: ``owner`` is its publication."""

    def __init__(self, owner: Publication, option: str, value: object, problem: str, remedy: str = "") -> None:
        super().__init__(option, value, problem, remedy)
        self.owner = owner


class Exhausted(OptionError):
    """All ports of a range are taken: ``holders`` are the containers that have some of them."""

    def __init__(self, holders: tuple[str, ...], option: str, value: object, problem: str, remedy: str = "") -> None:
        super().__init__(option, value, problem, remedy)
        self.holders = holders


def refusal(want: Wanted, port: int, owner: Owner) -> OptionError:
    """The error of an entry that asks for a port which ``owner`` has."""
    words = ("published_ports", want.spec.text,
             f"asks for host port {port}/{want.spec.protocol}, which {describe_owner(owner)}",
             "Choose another host port, or leave it out to have one chosen")
    return PublishedElsewhere(owner, *words) if isinstance(owner, Publication) else OptionError(*words)
