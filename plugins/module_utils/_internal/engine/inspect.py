# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker and Podman: one question to each for all containers of a run. Adapter."""
from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Optional

from ..core import command
from ..core.errors import HostError
from ..core.trust import is_roots
from ..netns import processes
from .model import RUNNING, Answers, Container

ENGINES = ("docker", "podman")
ENGINE_SECONDS = 10  # for all engines together: a daemon that is starting takes a few, one that hangs never answers
LEAST = 2  # seconds for one, whatever those before it have taken
_FORMAT = "{{.Id}}|{{.Name}}|{{.State.Pid}}|{{.HostsPath}}|{{.HostnamePath}}|{{.ResolvConfPath}}|" \
    "{{.HostConfig.NetworkMode}}"


def inspect(containers: Sequence[str], engines: Sequence[str] = ENGINES, seconds: float = ENGINE_SECONDS) -> Answers:
    """Ask engines of the host in turn, each for what the ones before it do not know."""
    found: dict[str, Container] = {}
    stopped: dict[str, str] = {}
    said: dict[str, list[str]] = {container: [] for container in containers}
    end = time.monotonic() + seconds
    for engine in engines:
        left = [container for container in containers if container not in found]
        if not left:
            break
        here, problem = _ask(engine, left, max(LEAST, end - time.monotonic()))
        for container in left:
            match = _match(container, here)
            if match is None:
                said[container].append(problem or f"{engine} has no container of this name")
            elif not match.pid:
                said[container].append(f"{engine} says that it is not running")
                stopped[container] = engine
            else:
                found[container] = match
        _name_owners(engine, found, here)
    return Answers(found, {container: "; ".join(texts) for container, texts in said.items() if container not in found},
                   {container: engine for container, engine in stopped.items() if container not in found})


def find_running() -> list[str]:
    """The engines that have a container which runs. Nobody is asked: that starts an engine which has a socket."""
    return [engine for engine in ENGINES if any(_has_entry(folder) for folder in RUNNING[engine])]


def _has_entry(folder: str) -> bool:
    try:
        return bool(os.listdir(folder))
    except OSError:
        return False


def _name_owners(engine: str, found: dict[str, Container], here: Sequence[Container]) -> None:
    """Complete those that joined the network of another one by its name: engines keep its id.

    Most runs ask for the owners anyhow. Where one does not, it is one more question for all of them.
    """
    joining = {name: container for name, container in found.items() if container.engine == engine and container.joins}
    unknown = sorted({each.joins for each in joining.values() if _match(each.joins, here) is None})
    with contextlib.suppress(HostError):  # whoever is told of the owner can do with its id
        here = [*here, *(_inspect(engine, unknown, LEAST)[0] if unknown else ())]
    for name, container in joining.items():
        owner = _match(container.joins, here)
        found[name] = replace(container, owner=owner.name if owner else container.joins[:12])


def _match(container: str, found: Sequence[Container]) -> Optional[Container]:
    """By name before by the beginning of an id, as the engines do."""
    by_name = [each for each in found if each.name == container]
    by_id = [each for each in found if each.identifier.startswith(container)]
    return next(iter(by_name + by_id), None)


def _ask(engine: str, containers: Sequence[str], seconds: float) -> tuple[list[Container], str]:
    """What an engine knows, and why it does not know of the others.

    It does not answer about a container that it is starting, and so about no other one of the question, for as long as
    that takes: for ever, where a volume does not answer. Which ones run Docker says all the same.
    """
    if command.find(engine) is None:
        return [], f"{engine} is not installed"
    try:
        return _inspect(engine, containers, seconds)
    except HostError as error:
        with contextlib.suppress(HostError):
            if running := _choose_running(engine, containers):
                return _inspect(engine, running, LEAST)[0], f"{engine}: {error}"
        return [], f"{engine}: {error}"


def _choose_running(engine: str, containers: Sequence[str]) -> list[str]:
    done = command.run([engine, "ps", "--no-trunc", "--format", "{{.ID}}|{{.Names}}"], seconds=LEAST)
    running = [line.partition("|") for line in done.out.splitlines()]
    return [container for container in containers
            if any(container in names.split(",") or identifier.startswith(container)
                   for identifier, _bar, names in running)]


def _inspect(engine: str, containers: Sequence[str], seconds: float) -> tuple[list[Container], str]:
    """When it lacks one it tells the others all the same. :raises HostError: when it does not answer"""
    done = command.run([engine, "inspect", "--type", "container", "--format", _FORMAT, *containers], seconds=seconds)
    found = []
    for line in done.out.splitlines():
        words = line.split("|")
        if len(words) in (6, 7) and words[2].isdigit():
            pid = int(words[2])
            started = processes.start_time(pid) if pid else ""
            found.append(Container(engine, identifier=words[0], name=words[1].lstrip("/"), pid=pid, started=started,
                                   paths=tuple(path if is_roots(path) else "" for path in words[3:6]),
                                   joins="".join(words[6:]).partition("container:")[2]))
    if found or not done.err.strip():
        return found, ""
    return found, f"{engine} says: {done.err.strip().splitlines()[-1]}"
