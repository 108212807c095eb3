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

    ``label`` is filled in by the run; ``doubt`` says why the container could not be found, "" when it was.
    """

    bridge: Optional[str] = None
    icc: Optional[bool] = None
    target: Optional[Target] = None
    links: Optional[tuple[DesiredLink, ...]] = None
    exposed: tuple[ExposedPort, ...] = ()
    label: str = ""
    doubt: str = ""
