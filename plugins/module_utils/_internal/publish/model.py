# SPDX-License-Identifier: GPL-3.0-or-later
"""The published ports of a container as a task wants them."""
from __future__ import annotations

from dataclasses import dataclass

from ..netns.model import Target
from ..ports.model import DYNAMIC_RANGE, ExposedPort, PortSpec


@dataclass(frozen=True)
class DesiredPorts:
    """Exactly these ports of the container are published."""

    target: Target
    specs: tuple[PortSpec, ...] = ()
    publish_all: bool = False
    exposed: tuple[ExposedPort, ...] = ()
    default_host_ip: str = ""
    default_interface: str = ""  # in its place
    allow_from: tuple[str, ...] = ()
    dynamic_range: tuple[int, int] = DYNAMIC_RANGE
    present: bool = True


@dataclass(frozen=True)
class LocatedPorts(DesiredPorts):
    """The same once it is known which container is meant.

    :param label: the container's name in marks
    :param doubt: why the container could not be found, "" when it was
    :param owner: the container whose network its engine gave it, "" for none
    """

    label: str = ""
    doubt: str = ""
    owner: str = ""

    @classmethod
    def at(cls, desired: DesiredPorts, label: str, doubt: str, owner: str = "") -> LocatedPorts:
        return cls(**{**vars(desired), "label": label, "doubt": doubt, "owner": owner})
