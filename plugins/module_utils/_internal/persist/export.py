# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is to come back to, once a run has been planned. Pure.

Each item of the run is merged into what was asked for before, as its module merges it into what is there. What the run
takes away is no longer asked for. What is not there, and not by this run, is waited for: a container that is stopped.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ..applied.model import (
    BRIDGES, ENDPOINTS, NAME, NAMES, PAIRS, POLICIES, PORTS, Applied, Key, Options, identity, label_of,
    processes_of,
)
from ..applied.text import render
from ..bridge.model import bridges
from ..core.plan import ORDER
from ..document.exclusive import Kept
from ..host.draft import Draft
from ..host.lasting import LastingFile
from ..host.resource import Part
from .facts import attached, find_facts, find_pairs, is_pair, labels_of, lease_of
from .merge import NAMING, changed, ends_of, merge, merged
from .modules import MODULES_OF, OPTIONS_OF

# What says how to get there, and not what is to be there.
_ONCE = ("state", "force", "config", "publish_all_ports", "dynamic_port_range", "default_host_ip")
_TELLING = ("allow_to",)  # of which an empty list says as much as any other one


def keep(draft: Draft, parts: Sequence[Part]) -> None:
    """Add to a settled draft what brings the file up to date, where the host has one or is to have one."""
    after = _Order(draft, parts).applied if draft.state.persistent else None
    if after != draft.observed.applied:
        text = render(after) if after is not None else ""
        # Where a run is killed, what it was about is completed when the host starts again, and a port that it closes is
        # not opened.
        draft.do(LastingFile(NAME, text, draft.observed.lasting.get(NAME, "")), ORDER)


class _Order:
    """The order of a host in the making."""

    def __init__(self, draft: Draft, parts: Sequence[Part]) -> None:
        known = draft.observed.applied or Applied()
        self._draft = draft
        self._items: dict[Key, Options] = dict(known.items)
        self._processes = dict(known.processes)
        self._before = find_facts(draft.observed, draft.recorded)
        self._after = find_facts(draft.state, draft.ledger)
        self._there = attached(draft.state)
        self._drop_released()
        for part in parts:
            for item in part.items:
                if isinstance(item, Kept):
                    self._keep_only(item)
            for item, given in zip(part.items, part.given):
                self._take(MODULES_OF[part.resource.key], item, given)
        self._follow()
        self._drop_links()
        self._drop_refused()

    @property
    def applied(self) -> Applied:
        used = {number for options in self._items.values() for number in processes_of(options)}
        return Applied(self._items, {number: which for number, which in self._processes.items() if number in used})

    def _drop_released(self) -> None:
        """What was there before the run, and will not be after it."""
        was_attached = attached(self._draft.observed)
        for key in self._before.keys() - self._after.keys():
            label = key[1] if key[0] in (PORTS, POLICIES) else ""
            # Who is not attached keeps what it waits for, whatever became of the rules.
            if not label or label.startswith("bridge ") or label in self._there or label in was_attached:
                links = self._before[key].get("links") if label in self._there else None
                if links:
                    self._drop_links_of(key, links)
                else:
                    self._items.pop(key, None)
        gone = find_pairs(self._draft.observed) - find_pairs(self._draft.state)
        self._drop(key for key in self._items if any(is_pair(key, name) for name in gone))
        self._drop_of_released(labels_of(self._before) - labels_of(self._after))

    def _drop_of_released(self, labels: set[str]) -> None:
        """What belongs to containers that have no interface any more, and are to have none."""
        for label in labels - labels_of(self._items):
            self._drop([(PORTS, label), (POLICIES, label)])
            named = self._items.get((NAMES, label), {}).get("netns")
            if named is not None and named not in self._draft.state.named:
                del self._items[NAMES, label]

    def _drop(self, keys: Any) -> None:
        for key in list(keys):
            self._items.pop(key, None)

    def _keep_only(self, kept: Kept) -> None:
        """The document is all that is to be there."""
        def is_kept(key: Key) -> bool:
            module, name = key
            if module == BRIDGES or name.startswith("bridge "):
                return name.removeprefix("bridge ") in kept.bridges
            if module == PAIRS:
                return name.split(" ")[0] in kept.pairs
            if module == ENDPOINTS:
                label, _blank, interface = name.rpartition(" ")
                return (label, interface) in kept.interfaces
            return name in kept.containers

        self._drop(key for key in self._items if not is_kept(key))

    def _take(self, module: str, item: Any, given: Options) -> None:
        """One item of the run."""
        options = {key: value for key, value in given.items()
                   if value is not None and key not in getattr(item, "left_out", ())}
        for end in getattr(item, "ends", (item,)):
            place = getattr(end, "place", None)
            if place is not None and place.process:
                self._processes[next(processes_of(_target(end.target)))] = place.process
        of_container = module != PAIRS and module != BRIDGES and bool(item.label)
        if of_container:
            options = _named(module, options, item.label)
        if module == POLICIES and of_container:
            options = {key: value for key, value in options.items() if key not in ("bridge", "icc")}
        if any(number not in self._processes for number in processes_of(options)):
            return  # a process that has ended
        key = module, identity(module, options)
        if given.get("state") == "absent":
            self._take_away(key, options)
        elif module == POLICIES and "bridge" in options:
            pass  # the mark of the bridge says it
        elif module == PORTS:
            self._set(key, self._after.get(key, {}) if item.label in self._there else options)
        elif module == POLICIES:
            self._set(key, options if options.get("links") else {})
        elif module == NAMES:
            self._set(key, options)
        else:
            if module == PAIRS:  # an end is that of one pair, also where none of both is on the host
                self._drop(other for other, item in list(self._items.items())
                           if other[0] == PAIRS and other != key and ends_of(item) & ends_of(options))
            self._set(key, merge(self._items.get(key, {}), options, self._after.get(key, {})))

    def _take_away(self, key: Key, options: Options) -> None:
        self._items.pop(key, None)
        module, name = key
        if module == BRIDGES:
            self._items.pop((POLICIES, f"bridge {name}"), None)
            waiting = {key for key, item in self._items.items() if key[0] == ENDPOINTS and item.get("bridge") == name}
            self._drop(waiting - self._after.keys())
            self._drop_of_released(labels_of(waiting))
        elif module == ENDPOINTS:
            self._drop_of_released({label_of(options)})

    def _set(self, key: Key, options: Mapping[str, Any]) -> None:
        """Without what is as usual, and without what says nothing of the result."""
        found = _plain(OPTIONS_OF[key[0]], options)
        if found and (key[0] != PORTS or found.get("published_ports")):
            self._items[key] = found
        else:
            self._items.pop(key, None)

    def _follow(self) -> None:
        """What has changed without being named, and what the host had before anybody asked for this file."""
        for key, facts in self._after.items():
            if key[0] == POLICIES and not key[1].startswith("bridge ") and key in self._items:
                continue  # which links there are to be is what was said; which there are depends on who is there
            if key not in self._items or facts != self._before.get(key):
                old = {} if key[0] == PORTS or "network_mode" in facts else self._items.get(key, {})
                self._set(key, merged(facts, old, changed(self._before.get(key), facts)))

    def _drop_refused(self) -> None:
        """Ports of containers that are waited for on internal bridges only: nobody can publish them there any more."""
        closed = {name for name, bridge in bridges(self._draft.state).items() if bridge.internal}
        waiting: dict[str, set[str]] = {}
        for (module, name), options in self._items.items() if closed else ():
            if module == ENDPOINTS and (label := name.rpartition(" ")[0]) not in self._there:
                waiting.setdefault(label, set()).add(options.get("bridge", ""))
        self._drop((PORTS, label) for label, places in waiting.items() if places <= closed)

    def _drop_links(self) -> None:
        """Links to containers that are to have no interface any more. One that never had any is waited for."""
        before = labels_of((self._draft.observed.applied or Applied()).items)
        gone = before.union(labels_of(self._before)) - labels_of(self._items)
        for key, options in list(self._items.items()):
            self._drop_links_of(key, [link for link in options.get("links") or () if link.partition(":")[0] in gone])

    def _drop_links_of(self, key: Key, gone: Sequence[str]) -> None:
        """:param gone: links as they were asked for, or with their alias in any case: ``db:db``"""
        options = self._items.get(key, {})
        links = options.get("links") or ()
        left = [link for link in links if not {link, link if ":" in link else f"{link}:{link}"} & set(gone)]
        if left and len(left) < len(links):
            self._set(key, {**options, "links": left})
        elif links and not left:
            del self._items[key]


def _named(module: str, options: Mapping[str, Any], label: str) -> dict[str, Any]:
    """The options that name a container: an engine's by its name also where an id was given, which changes."""
    found = {key: value for key, value in options.items() if key not in NAMING}
    if module in (PORTS, POLICIES):
        return {**found, **lease_of(options, label)}
    target = {key: options[key] for key in NAMING if key in options}
    if "name" in target and target["name"] in (target.get("container"), target.get("netns")):
        del target["name"]
    if "container" in target and "name" not in target:
        target["container"] = label
    return {**found, **target}


def _target(target: Any) -> dict[str, str]:
    return {target.kind: target.value}


def _plain(spec: Mapping[str, Mapping[str, Any]], options: Mapping[str, Any]) -> dict[str, Any]:
    """Options without those that have their usual value, as they can stand in a file."""
    found: dict[str, Any] = {}
    for name, value in options.items():
        option: Optional[Mapping[str, Any]] = spec.get(name)
        nothing = value == [] and name not in _TELLING
        if option is None or value is None or nothing or name in _ONCE or value == option.get("default"):
            continue
        if "options" in option:
            value = _plain(option["options"], value) if isinstance(value, Mapping) else [
                _plain(option["options"], each) for each in value]
        found[name] = list(value) if isinstance(value, tuple) else value
    return found
