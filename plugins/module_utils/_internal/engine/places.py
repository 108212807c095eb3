# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a user names to a namespace that can be opened. Adapter: reads, never creates."""
from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Optional

from ..core.errors import OptionError
from ..core.names import container_label
from ..netns import processes
from ..netns.model import Resolved, Target, label_of_path, named_path
from ..netns.opening import is_there
from .model import Answers, Container


class HostPlaces:
    """See :class:`engine.model.Places`."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._attached: set[str] = set()
        self.unasked: list[str] = []  # who was attached when it was decided for whom to ask, and no longer is
        self._processes: dict[int, str] = {}
        self._names: dict[str, str] = {}

    def see(self, attached: Iterable[str]) -> None:
        """Take in which containers have an interface on a bridge, as it is under the lock."""
        self._attached = set(attached)

    def resolve(self, target: Target, name: Optional[str] = None) -> Resolved:
        """A container's label is its name also where an id was given, so that both mean the same leases."""
        found = self._resolve(target, name)
        self._names[found.path] = found.label
        return found

    def name(self, path: str) -> str:
        """The label of the container whose namespace is at a path."""
        return self._names.get(path) or label_of_path(path)

    def _resolve(self, target: Target, name: Optional[str] = None) -> Resolved:
        if target.kind == "netns":
            return Resolved(name or target.value, named_path(target.value), _second(name, target.value))
        if target.kind == "netns_path":
            missing = "" if is_there(target.value) else str(OptionError(
                "netns_path", target.value, "does not exist", "Give the path of a network namespace"))
            return Resolved(name or label_of_path(target.value), target.value,
                            _second(name, label_of_path(target.value)), missing, self.which(target.value))
        if target.kind == "pid":
            path = f"/proc/{target.value}/ns/net"
            # The link is there also for a process that ended and was not waited for; opening it is what fails then.
            missing = "" if _opens(path) else str(OptionError(
                "pid", target.value, "is not a running process", "Give the pid of a process of the container"))
            return Resolved(name or target.value, path, name or target.value, missing, self.which(path))
        try:
            found = self.container(target.value)
        except OptionError as error:
            return Resolved(name or target.value, f"/proc/0/ns/net#{target.value}", missing=str(error))
        return Resolved(name or found.name, f"/proc/{found.pid}/ns/net", name or found.name)

    def which(self, path: str) -> str:
        """Which process a path below /proc is one of, "" for other paths."""
        number = path.split("/")[2] if path.startswith("/proc/") else ""
        started = self.start_time(int(number)) if number.isdigit() else ""
        return f"{processes.boot()} {started}" if started else ""

    def owner(self, name: str) -> Resolved:
        """A name under /run/netns, else one of an engine; what an earlier item will make is taken to be a name."""
        path = named_path(name)
        if is_there(path) and not leads_to_process(os.readlink(path) if os.path.islink(path) else ""):
            return Resolved(name, path)
        try:
            found = self.container(name)
        except OptionError:
            return Resolved(name, path)
        return Resolved(found.name, f"/proc/{found.pid}/ns/net")

    def owner_of(self, name: str) -> str:
        found = self._answers.found.get(name)
        return found.owner if found else ""

    def label(self, target: Target) -> tuple[str, str]:
        """A container that is attached under that very name needs no engine: it may be stopped, or be without one."""
        label, doubt = self._label(target)
        return container_label(target.kind, label), doubt

    def _label(self, target: Target) -> tuple[str, str]:
        if target.kind == "container" and target.value not in self._attached:
            try:
                return self.container(target.value).name, ""
            except OptionError as error:
                return target.value, str(error)
        return {"netns_path": label_of_path}.get(target.kind, str)(target.value), ""

    def container(self, name: str) -> Container:
        if name in self._answers.found:
            return self._answers.found[name]
        if (engine := self._answers.stopped.get(name)) is not None:
            raise OptionError("container", name, f"is not running, says {engine}",
                              f"Start it with `{engine} start {name}`")
        if name not in self._answers.problems:
            self.unasked.append(name)
        raise OptionError("container", name, f"is not a running container ({self._answers.problems.get(name, '')})",
                          "Start it first, or use netns, pid or netns_path for one without an engine")

    def is_stopped(self, name: str) -> bool:
        return name in self._answers.stopped

    def start_time(self, pid: int) -> str:
        if pid not in self._processes:
            self._processes[pid] = processes.start_time(pid)
        return self._processes[pid]

    def is_attached(self, label: str) -> bool:
        return label in self._attached

    def expect(self, label: str) -> None:
        self._attached.add(label)

    def find_outdated(self) -> list[str]:
        """Containers that have ended, or have another process than the engine said: it has to be asked again."""
        return [name for name, container in self._answers.found.items()
                if processes.start_time(container.pid) != container.started]

    def give_up(self, names: Iterable[str]) -> None:
        """Count containers as not running, whatever their engine said."""
        gone = dict.fromkeys(names, "it did not keep its process for long enough to be found: it keeps restarting, and "
                                    "its log says why")
        self._answers = replace(
            self._answers, problems={**self._answers.problems, **gone},
            found={name: container for name, container in self._answers.found.items() if name not in gone})


def _second(name: Optional[str], known: str) -> str:
    """The name under /run/netns that a namespace is to get beside the one by which it is known, "" for none."""
    return name if name and name != known else ""


def leads_to_process(link: str) -> bool:
    """Whether an entry of /run/netns stands for an engine's container, which renews it when it comes back."""
    return link.startswith("/proc/")


def _opens(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
