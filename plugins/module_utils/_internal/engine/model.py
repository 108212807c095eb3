# SPDX-License-Identifier: GPL-3.0-or-later
"""What container engines say, and what names of containers stand for."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional, Protocol

from ..netns.model import Resolved, Target

# Where an engine, or the runtime that it uses, has an entry for each container that runs. Docker mounts the namespace
# of each in the first one, whatever runtime, containerd and driver of cgroups it has; Podman leaves a folder for each
# to crun or runc. An entry is made by each start, and neither by ``exec`` nor by a look at a container's health.
RUNNING = {"docker": ("/run/docker/netns",), "podman": ("/run/crun", "/run/runc")}


@dataclass(frozen=True)
class Container:
    """A running container of an engine.

    :param engine: ``docker`` or ``podman``
    :param pid: its first process
    :param started: when that process started, as /proc says it
    :param paths: of its hosts, hostname and resolv.conf on the host, "" for one that the engine does not mount, or that
        others than root can put something else in the place of, as those of an engine that runs without root
    :param joins: id of the container whose network it was started with, "" for none
    :param owner: name of that container, or the beginning of its id where nobody has it any more
    """

    engine: str
    identifier: str
    name: str
    pid: int
    started: str
    paths: tuple[str, ...]
    joins: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Answers:
    """What the engines of a host say of the names and ids that they were asked for.

    Each is found, or has a problem; ``stopped`` has the engine of those that do not run.
    """

    found: Mapping[str, Container] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    stopped: Mapping[str, str] = field(default_factory=dict)


class Places(Protocol):
    """What the names of a run stand for on its host. Every engine has been asked already."""

    def resolve(self, target: Target, name: Optional[str] = None) -> Resolved:
        """Label and path of a target; one that is not there is ``missing``, with the reason."""

    def owner(self, name: str) -> Resolved:
        """The container whose network another one shares."""

    def owner_of(self, name: str) -> str:
        """The container whose network an engine gave one that it runs, "" for none and for what no engine was asked."""

    def label(self, target: Target) -> tuple[str, str]:
        """The label that a target has in marks, and what speaks against it, "" when nothing does.

        :raises OptionError: for one that no mark can have, as a path may make it
        """

    def container(self, name: str) -> Container:
        """A running container of an engine. :raises OptionError: when there is none"""

    def start_time(self, pid: int) -> str:
        """When a process started, "" when it is not there."""

    def which(self, path: str) -> str:
        """Which process a path below /proc is one of: boot and start time; "" for other paths."""

    def is_stopped(self, name: str) -> bool:
        """Whether an engine knows a container that does not run."""

    def is_attached(self, label: str) -> bool:
        """Whether a container has an interface of a bridge, or will have got one by this run."""

    def expect(self, label: str) -> None:
        """Count a container among the attached ones: an earlier part of the run attaches it."""
