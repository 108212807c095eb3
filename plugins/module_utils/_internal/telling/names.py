# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of containers and of the host, told together. Pure."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from ..applied.model import FOLDER
from ..core.plan import Action
from ..files.operations import FileDel, FileWrite
from ..host.lasting import LastingFile
from .model import Rank, joined

_MARK = ": # mooring:"
_SAVED = f"network for the next boot ({FOLDER})"


def tell_files(operations: Iterable[FileWrite | FileDel]) -> list[tuple[Rank, Action]]:
    """A sentence for what is made, changed and removed of each container: ``change hosts of web``."""
    grouped: dict[tuple[str, str], list[FileWrite | FileDel]] = {}
    for each in operations:
        verb = "remove" if isinstance(each, FileDel) else "create" if each.previous is None else "change"
        grouped.setdefault((each.title.rpartition(" of ")[2], verb), []).append(each)
    return [(Rank.NAME, _files(verb, container, found)) for (container, verb), found in grouped.items()]


def _files(verb: str, container: str, found: Sequence[FileWrite | FileDel]) -> Action:
    files = list(dict.fromkeys(each.title.rpartition(" of ")[0] or each.title for each in found))
    before, after = (tuple(chain(*lines)) for lines in zip(*(each.lines() for each in found)))
    plain = [tuple(line for line in lines if _MARK not in line) for lines in (before, after)]
    if any(plain):  # what we write down for ourselves counts where nothing else has changed
        before, after = plain
    return Action(f"{verb} {joined(files)} of {container}", tuple(found), before, after)


def tell_saved(operations: Sequence[LastingFile]) -> list[tuple[Rank, Action]]:
    """One sentence for all files of the host that let its network outlive a boot."""
    if not operations:
        return []
    stays = any(each.text for each in operations)
    text = f"save the network for the next boot ({FOLDER})" if stays else (
        f"remove what is saved of the network for the next boot ({FOLDER})")
    # Their lines are no text for people, who read what differs of the network itself.
    there = any(each.previous for each in operations)
    before = (f"{_SAVED}: {'out of date' if stays else 'there'}",) if there else ()
    after = (f"{_SAVED}: {'up to date' if there else 'there'}",) if stays else ()
    return [(Rank.SAVE, Action(text, tuple(operations), before, after))]
