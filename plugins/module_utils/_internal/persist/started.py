# SPDX-License-Identifier: GPL-3.0-or-later
"""Of what a host is to come back to, what is about containers that an engine has started since. Pure."""
from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from ..applied.model import BRIDGES, ENDPOINTS, PAIRS, POLICIES, TARGETS, Applied, Key, Options, label_of
from ..netns.model import NetnsMark

SHARES = "container:"  # network_mode


def find_waiting(applied: Applied, marks: Mapping[str, NetnsMark],
                 runs: Callable[[NetnsMark], bool]) -> dict[str, str]:
    """The names by which an engine knows the containers that are to have a network and have none, by their label.

    A container that was wired has a mark, and a process of another time when it has started again.

    :param marks: what the host's marks of namespaces say, by label
    :param runs: whether the process of a mark is still the one that had the namespace then
    """
    wanted = {label_of(options): str(options["container"]) for options in applied.of(ENDPOINTS)
              if options.get("container") is not None}
    return {label: name for label, name in wanted.items() if label not in marks or not runs(marks[label])}


def narrow(applied: Applied, labels: Collection[str]) -> Applied:
    """What is about these containers, and the bridges that they need.

    With a container come those that share its network, and links of others that lead to it.
    """
    sharing = {f"{SHARES}{label}" for label in labels}
    found = {*labels, *(label_of(options) for options in applied.of(ENDPOINTS)
                        if options.get("network_mode") in sharing)}

    def is_about(key: Key, options: Options) -> bool:
        if key[0] == BRIDGES or key[0] == POLICIES and "bridge" in options:
            return True
        if key[0] == PAIRS:
            ends = (options, options.get("peer") or {})
            return any(str(end.get(kind)) in found for end in ends for kind in TARGETS)
        links = options.get("links") or () if key[0] == POLICIES else ()
        return label_of(options) in found or any(link.partition(":")[0] in found for link in links)

    return Applied({key: options for key, options in applied.items.items() if is_about(key, options)},
                   applied.processes)
