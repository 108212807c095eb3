# SPDX-License-Identifier: GPL-3.0-or-later
"""The access policy of a bridge, or the links of a container, as a task wants them."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ..netns.model import Target
from ..ports.model import ExposedPort


@dataclass(frozen=True)
class DesiredLink:
    """``--link target:alias``."""

    target: str
    alias: str


@dataclass(frozen=True)
class DesiredPolicy:
    """``icc`` belongs to ``bridge``, ``links`` are exactly those of ``target``; None means: leave it as it is.

    ``standing`` says that a link which is there stays as it is, with the ports that it was given.
    """

    bridge: Optional[str] = None
    icc: Optional[bool] = None
    target: Optional[Target] = None
    links: Optional[tuple[DesiredLink, ...]] = None
    exposed: tuple[ExposedPort, ...] = ()
    standing: bool = False


@dataclass(frozen=True)
class LocatedPolicy(DesiredPolicy):
    """The same once it is known which container is meant.

    :param label: the container's name in marks, "" for a policy of a bridge only
    :param doubt: why the container could not be found, "" when it was
    :param stopped: targets of links that an engine knows and that do not run
    :param joined: the container and targets of links with the containers whose networks their engine gave them
    """

    label: str = ""
    doubt: str = ""
    stopped: frozenset[str] = frozenset()
    joined: tuple[tuple[str, str], ...] = ()

    @classmethod
    def at(cls, desired: DesiredPolicy, label: str, doubt: str, stopped: frozenset[str],
           joined: tuple[tuple[str, str], ...]) -> LocatedPolicy:
        return cls(**{**vars(desired), "label": label, "doubt": doubt, "stopped": stopped, "joined": joined})

    def owner_of(self, container: str) -> str:
        return dict(self.joined).get(container, "")
