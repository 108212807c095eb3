# SPDX-License-Identifier: GPL-3.0-or-later
"""From the settings of a container to the operations that make its files say them, or take them back. Pure."""
from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..core.plan import Draft
from ..files import hosts
from ..files.block import compose, find_replaced, read_memory, remove_block, replace_block, split, without_filler
from ..files.hosts import Alias, Facts, Roll
from ..files.marks import as_mark, engine_names, hint_place, hint_text, settings_of, text_at
from ..files.model import HOSTNAME, HOSTS, RESOLV, HostsSettings, ObservedFile, ResolvSettings, Site
from ..files.operations import FileDel, FileWrite
from . import resolv
from .resolv import Conf


def write_hosts(draft: Draft, site: Site, settings: HostsSettings, facts: Facts, links: Sequence[Alias],
                rolls: Sequence[Roll] = ()) -> None:
    """hosts, and hostname with it: that file has no room for a mark, so that of hosts speaks for both.

    What the host calls itself is no line of an engine's where the container has the host's network.
    """
    settings = dataclasses.replace(settings, of_host=facts.of_host)
    lines = hosts.body(settings, facts, links, draft.state.hosts_text, rolls)
    names = engine_names(site, settings, draft.state.files)
    hostname = text_at(site, HOSTNAME, draft.state.files)
    new: dict[str, object] = {"directories": made} if (made := _directories(draft, site)) else {}
    if hostname is not None:
        new["hostname_was"] = without_filler(hostname)
    _write_block(draft, site, HOSTS, as_mark(settings), lines, lambda line: hosts.is_repeated(line, lines)
                 if facts.of_host else hosts.is_engine_line(line, names), new)
    wanted = hosts.hostname_text(settings)
    if settings.hostname and hostname != wanted:
        _write(draft, site, HOSTNAME, wanted)


def write_resolv(draft: Draft, site: Site, settings: ResolvSettings, host: Conf) -> None:
    _write_block(draft, site, RESOLV, as_mark(settings), resolv.body(settings, host), resolv.is_engine_line, {})


def write_hint(draft: Draft, site: Site, of_hosts: HostsSettings, of_resolv: ResolvSettings) -> None:
    """Where a container's files are that no directory lists."""
    if site.kind == "netns":
        return
    place, text = hint_place(site), hint_text(site, of_hosts, of_resolv)
    current = draft.state.files.get(place, ObservedFile())
    if current.text != text:
        draft.do(FileWrite(place, text, current.text, f"record of the files of {site.container}",
                           inside=site.container))


def take_back(draft: Draft, site: Site) -> None:
    """Our blocks go, what they replaced comes back, and files that we made go unless somebody added to them.

    A run that was killed at that may have left a filler.
    """
    files = draft.state.files
    block = split(HOSTS, text_at(site, HOSTS, files)).block
    mark: Mapping[str, Any] = block.mark or {} if block else {}
    memory, settings = read_memory(mark), settings_of(HostsSettings, mark)
    directories = memory.get("directories", 0) if site.kind == "netns" else 0
    hostname = without_filler(text_at(site, HOSTNAME, files) or "")
    if settings and settings.hostname and hostname == hosts.hostname_text(settings):
        _leave(draft, site, HOSTNAME, memory.get("hostname_was"), directories)
    else:
        _cut(draft, site, HOSTNAME)
    for file in (RESOLV, HOSTS):
        parts = split(file, text_at(site, file, files))
        if parts.block:
            _leave(draft, site, file, remove_block(parts), directories)
        else:
            _cut(draft, site, file)
    hint = hint_place(site)
    if (text := files.get(hint, ObservedFile()).text) is not None:
        draft.do(FileDel(hint, text, f"record of the files of {site.container}", 2, site.container))


def _write_block(draft: Draft, site: Site, file: str, mark: Mapping[str, Any], body: Sequence[str],
                 engine: Callable[[str], bool], new: Mapping[str, Any]) -> None:
    """:param new: what the mark is to remember when it is the file's first one"""
    text = text_at(site, file, draft.state.files)
    parts = split(file, text)
    if parts.block is None:
        memory = dict(new)
        if text is not None:
            memory["was"] = find_replaced(parts, engine)
    elif parts.block.mark is None:
        memory = {} if site.kind == "netns" else {"was": []}  # somebody damaged it, and with it what was there before
    else:
        memory = read_memory(parts.block.mark)
    wanted = replace_block(parts, compose(file, {**mark, **memory}, body), engine)
    if wanted != text:
        _write(draft, site, file, wanted)


def _write(draft: Draft, site: Site, file: str, text: str) -> None:
    place = site.place(file)
    draft.do(FileWrite(place, text, draft.state.files.get(place, ObservedFile()).text, f"{file} of {site.container}",
                       inside=site.container))


def _leave(draft: Draft, site: Site, file: str, text: str | None, directories: int) -> None:
    place = site.place(file)
    current = draft.state.files[place].text
    if text is None:
        draft.do(FileDel(place, current, f"{file} of {site.container}", directories, site.container))
    elif text != current:
        draft.do(FileWrite(place, text, current, f"{file} of {site.container}", inside=site.container))


def _cut(draft: Draft, site: Site, file: str) -> None:
    """What a killed run has left behind a shorter text goes."""
    if text := text_at(site, file, draft.state.files):
        _leave(draft, site, file, without_filler(text), 0)


def _directories(draft: Draft, site: Site) -> int:
    """How many directories around the files of a named namespace go with the last file in them, if they are empty then.

    Where there is no file yet they are made, or have been by a run that was killed: nobody else needs them.
    """
    if site.kind != "netns" or any(text_at(site, file, draft.state.files) is not None for file, _place in site.files):
        return 0
    return 2
