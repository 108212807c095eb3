# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Docker and Podman keep the files of their containers: one question to each for all containers. Adapter."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from ..core import command
from ..core.errors import HostError
from .resolve import ENGINE_SECONDS, ENGINES

_FORMAT = "{{.Id}}|{{.Name}}|{{.State.Pid}}|{{.HostsPath}}|{{.HostnamePath}}|{{.ResolvConfPath}}"


@dataclass(frozen=True)
class Found:
    """A running container: its name, a process, and the paths of its hosts, hostname and resolv.conf, "" for none."""

    engine: str
    identifier: str
    name: str
    pid: int
    paths: tuple[str, ...]


def inspect(containers: Sequence[str]) -> tuple[dict[str, Found], dict[str, str]]:
    """Containers by the name or id that they were asked for with, and why the others were not found."""
    found: dict[str, Found] = {}
    answers: dict[str, list[str]] = {container: [] for container in containers}
    for engine in ENGINES:
        left = [container for container in containers if container not in found]
        if not left:
            break
        if command.find(engine) is None:
            here, problem = [], f"{engine} is not installed"
        else:
            here, problem = _ask(engine, left)
        for container in left:
            match = _match(container, here)
            if match is None:
                answers[container].append(problem or f"{engine} has no container of this name")
            elif not match.pid:
                answers[container].append(f"{engine} says that it is not running")
            else:
                found[container] = match
    return found, {container: "; ".join(text) for container, text in answers.items() if container not in found}


def _match(container: str, found: Sequence[Found]) -> Optional[Found]:
    """By name before by the beginning of an id, as the engines do."""
    by_name = [each for each in found if each.name == container]
    by_id = [each for each in found if each.identifier.startswith(container)]
    return next(iter(by_name + by_id), None)


def _ask(engine: str, containers: Sequence[str]) -> tuple[list[Found], str]:
    """What an engine knows, and why it knows nothing at all: when it lacks one it tells the others all the same."""
    try:
        done = command.run([engine, "inspect", "--type", "container", "--format", _FORMAT, *containers],
                           seconds=ENGINE_SECONDS)
    except HostError as error:
        return [], f"{engine}: {error}"
    found = []
    for line in done.out.splitlines():
        words = line.split("|")
        if len(words) == 6:
            found.append(Found(engine, words[0], words[1].lstrip("/"), int(words[2]), tuple(words[3:])))
    if found or not done.err.strip():
        return found, ""
    return found, f"{engine} says: {done.err.strip().splitlines()[-1]}"
