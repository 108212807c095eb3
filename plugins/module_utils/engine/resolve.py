# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a user names to a namespace that can be opened. Adapter: reads, never creates."""
from __future__ import annotations

import os
from collections.abc import Collection
from typing import Optional

from ..core import command
from ..core.errors import HostError, OptionError
from ..netns.model import Resolved, Target, label_of_path, named_path

ENGINES = ("docker", "podman")
ENGINE_SECONDS = 20  # a daemon that is starting answers after a few seconds; one that hangs never does
_FORMAT = "{{.State.Pid}} {{.Name}} {{.Id}}"


class Engines:
    """The container engines of the host, each container asked for once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, int]] = {}

    def find(self, container: str) -> tuple[str, int]:
        """Name and pid of a running container. :raises OptionError: with what each engine said"""
        if container not in self._known:
            self._known[container] = self._ask(container)
        return self._known[container]

    def _ask(self, container: str) -> tuple[str, int]:
        answers = []
        for engine in ENGINES:
            if command.find(engine) is None:
                answers.append(f"{engine} is not installed")
                continue
            try:
                done = command.run([engine, "inspect", "--type", "container", "--format", _FORMAT, container],
                                   seconds=ENGINE_SECONDS)
            except HostError as error:
                answers.append(f"{engine}: {error}")
                continue
            if done.code:
                answers.append(f"{engine} says: {done.err.strip().splitlines()[-1] if done.err.strip() else done.code}")
                continue
            pid, name, _identifier = done.out.split()
            if pid == "0":
                raise OptionError("container", container, f"is not running, says {engine}",
                                  f"Start it with `{engine} start {container}`")
            return name.lstrip("/"), int(pid)
        raise OptionError("container", container, f"is not a running container ({'; '.join(answers)})",
                          "Start it first, or use netns, pid or netns_path for one without an engine")


def resolve(target: Target, engines: Engines, name: Optional[str] = None) -> Resolved:
    """The label and the path of a target; a container or process that is not there is ``missing``, with the reason.

    A container's label is its name also where an id was given, so that both mean the same leases.
    """
    if target.kind == "netns":
        return Resolved(name or target.value, named_path(target.value))
    if target.kind == "netns_path":
        label = name or label_of_path(target.value)
        missing = "" if os.path.exists(target.value) else str(OptionError(
            "netns_path", target.value, "does not exist", "Give the path of a network namespace"))
        return Resolved(label, target.value, missing=missing)
    if target.kind == "pid":
        path = f"/proc/{target.value}/ns/net"
        # The link is there also for a process that ended and was not waited for; opening it is what fails then.
        missing = "" if _opens(path) else str(OptionError(
            "pid", target.value, "is not a running process", "Give the pid of a process of the container"))
        return Resolved(name or target.value, path, name or target.value, missing)
    try:
        found, pid = engines.find(target.value)
    except OptionError as error:
        return Resolved(name or target.value, f"/proc/0/ns/net#{target.value}", missing=str(error))
    return Resolved(name or found, f"/proc/{pid}/ns/net", name or found)


def resolve_owner(name: str, engines: Engines) -> Resolved:
    """The container behind ``network_mode: container:NAME``: a name under /run/netns, else one of an engine.

    A name that an earlier item of the same task will make is taken to be a namespace.
    """
    path = named_path(name)
    if os.path.exists(path):
        link = os.readlink(path) if os.path.islink(path) else ""
        # Through to the process: the link of an engine's container is renewed when the container comes back.
        if not link.startswith("/proc/"):
            return Resolved(name, path)
    try:
        found, pid = engines.find(name)
    except OptionError:
        return Resolved(name, path)
    return Resolved(found, f"/proc/{pid}/ns/net")


def _opens(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def label(target: Target, known: Collection[str], engines: Engines) -> tuple[str, str]:
    """The label that a target has in our marks, and what speaks against it ("" when nothing does).

    A container that has an endpoint of that very name needs no engine to be asked: it may be stopped, or be a
    namespace without an engine.
    """
    if target.kind == "container" and target.value not in known:
        try:
            return engines.find(target.value)[0], ""
        except OptionError as error:
            return target.value, str(error)
    return {"netns_path": label_of_path}.get(target.kind, str)(target.value), ""
