# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of links; those of addresses and routes are in addressing.py. docs/architecture.md has a line for each."""
from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Optional

from ..core.model import FAMILY_NAMES
from ..core.plan import MAKE_INSIDE, MAKE_LINK, RELEASE_LINK
from ..netns.model import HOST, in_namespace, label_of_path
from .model import Interfaces, Link, forget_neighbours, forget_shapers


@dataclass(frozen=True)
class Peer:
    """The other end of a new veth pair, born in its namespace under its final name."""

    netns: str
    name: str
    mac: str = ""
    mtu: int = 0


@dataclass(frozen=True)
class LinkAdd:
    """Create a bridge or a veth pair in ``netns``, with its mark and its place in a bridge."""

    netns: str
    link: Link
    peer: Optional[Peer] = None

    @property
    def stage(self) -> int:
        return MAKE_LINK

    @property
    def inside(self) -> str:
        return self.peer.netns if self.peer else ""

    def describe(self) -> str:
        if self.peer is None:
            return f"create {self.link.kind} {self.link.name}{in_namespace(self.netns)}"
        on_bridge = f" on {self.link.controller}" if self.link.controller else ""
        return (f"create veth pair {self.link.name}{in_namespace(self.netns)}{on_bridge} - "
                f"{self.peer.name}{in_namespace(self.peer.netns)}")

    def apply(self, state: Interfaces) -> None:
        index = _next_index(state, self.netns)
        peer_index = _next_index(state, self.peer.netns, also=index) if self.peer else 0
        state.namespaces[self.netns].links[self.link.name] = replace(self.link, index=index, peer_index=peer_index)
        if self.peer and self.peer.netns in state.namespaces:
            state.namespaces[self.peer.netns].links[self.peer.name] = Link(
                self.peer.name, "veth", peer_index, index, mtu=self.peer.mtu or 1500,
                mac=self.peer.mac)

    def inverse(self) -> LinkDel:
        return LinkDel(self.netns, self.link)

    def lines(self) -> tuple[list[str], list[str]]:
        link = self.link
        after = [f"{link.kind} {link.name}{in_namespace(self.netns)}: mtu {link.mtu}"
                 + (f", mac {link.mac}" if link.mac else "")
                 + (f", port of {link.controller}" if link.controller else "")]
        if self.peer:
            after.append(f"veth {self.peer.name}{in_namespace(self.peer.netns)}"
                         + (f": mac {self.peer.mac}" if self.peer.mac else ""))
        return [], after


def _next_index(state: Interfaces, netns: str, also: int = 0) -> int:
    links = state.namespaces[netns].links.values() if netns in state.namespaces else ()
    return 1 + max([also, *(link.index for link in links)])


@dataclass(frozen=True)
class LinkSet:
    """Change properties of a link: ``old`` and ``new`` differ in nothing but those.

    :param inside: the namespace with the other end, where what is set here says what is there
    """

    netns: str
    old: Link
    new: Link
    inside: str = field(default="", compare=False)

    @property
    def stage(self) -> int:
        return MAKE_LINK if self.netns == HOST else MAKE_INSIDE

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        """Names of the properties that change, with the old and the new value."""
        return {item.name: (getattr(self.old, item.name), getattr(self.new, item.name))
                for item in fields(Link) if item.compare
                and getattr(self.old, item.name) != getattr(self.new, item.name)}

    def describe(self) -> str:
        name, changes, parts = f"{self.old.name}{in_namespace(self.netns)}", self.changes, []
        record = ("record" if changes["alias"][1] else "forget") if "alias" in changes else ""
        for key, (old, new) in changes.items():
            if key == "up":
                parts.append("up" if new else "down")
            elif key != "alias":
                parts.append(f"{_WORDS.get(key, key)} {_shown(new)} (was {_shown(old)})")
        if not parts:
            return f"{record} the settings of {name}"
        return f"set {name}: {', '.join(parts)}" + (f", and {record} its settings" if record else "")

    def apply(self, state: Interfaces) -> None:
        links = state.namespaces[self.netns].links
        current = links[self.old.name]
        if self.changes.keys() & {"controller", "mac"}:
            forget_neighbours(state, self.netns, self.old.name)
        changed = replace(current, **{key: new for key, (_old, new) in self.changes.items()})
        if changed.name == self.old.name:
            links[changed.name] = changed
        else:
            _rename(state, self.netns, self.old.name, changed)

    def inverse(self) -> LinkSet:
        return LinkSet(self.netns, self.new, self.old, self.inside)

    def lines(self) -> tuple[list[str], list[str]]:
        name = f"{self.old.name}{in_namespace(self.netns)}"
        shown = {key: each for key, each in self.changes.items() if key != "alias"}
        if "alias" in self.changes and not shown:  # a mark is no text for people: it is told where nothing else changes
            old, new = self.changes["alias"]
            return [f"{name}: settings {_recorded(old, new)}"], [f"{name}: settings {_recorded(new, '')}"]
        return ([f"{name}: {_WORDS.get(key, key)} {_shown(old)}" for key, (old, _new) in shown.items()],
                [f"{name}: {_WORDS.get(key, key)} {_shown(new)}" for key, (_old, new) in shown.items()])


def _rename(state: Interfaces, netns: str, name: str, link: Link) -> None:
    """Ports, routes and settings are the link's, whatever it is called."""
    here = state.namespaces[netns]
    here.links = {each.name: replace(each, controller=link.name) if each.controller == name else each
                  for each in (link if each.name == name else each for each in here.links.values())}
    here.routes = [replace(route, interface=link.name) if route.interface == name else route for route in here.routes]
    for key in [key for key in state.sysctls if key[0] == netns and name in key[1].split("/")[3:4]]:
        words = key[1].split("/")
        state.sysctls[netns, "/".join((*words[:3], link.name, *words[4:]))] = state.sysctls.pop(key)
    if netns == HOST and state.neighbours is not None:
        renamed = [replace(each, interface=link.name) if each.interface == name else each
                   for each in state.neighbours.values()]
        state.neighbours = {each.key: each for each in renamed}
    if netns == HOST and state.shapers is not None:
        disciplines = [replace(each, interface=link.name if each.interface == name else each.interface,
                               target=link.name if each.target == name else each.target)
                       for each in state.shapers.values()]
        state.shapers = {each.key: each for each in disciplines}


# Properties that users know by another name.
_WORDS = {"controller": "bridge", "nf_calls": "frames between its ports pass rules of"}


def _recorded(alias: str, other: str) -> str:
    """What is said of a mark; of one that another one takes the place of, that it is another one."""
    return "not recorded" if not alias else "recorded otherwise" if other else "recorded"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        value = " and ".join(FAMILY_NAMES[family] for family in value)
    return "none" if value == "" else str(value)


@dataclass(frozen=True)
class LinkMove:
    """Move a link into another namespace under a new name; it arrives down and without addresses."""

    netns: str
    link: Link
    target: str
    name: str
    stage = MAKE_LINK

    @property
    def inside(self) -> str:
        return self.target

    def describe(self) -> str:
        place = label_of_path(self.target) if self.target != HOST else "the host"
        return f"move {self.link.name}{in_namespace(self.netns)} to {place} as {self.name}"

    def apply(self, state: Interfaces) -> None:
        link = state.namespaces[self.netns].links.pop(self.link.name)
        forget_neighbours(state, self.netns, link.name)
        forget_shapers(state, self.netns, link.name)
        index = _next_index(state, self.target)
        for netns in state.namespaces.values():
            for other in netns.links.values():
                if link.peer_index and (other.index, other.peer_index) == (link.peer_index, link.index):
                    netns.links[other.name] = replace(other, peer_index=index)
        state.namespaces[self.target].links[self.name] = replace(
            link, name=self.name, index=index, up=False, controller="", addresses=())

    def inverse(self) -> LinkMove:
        return LinkMove(self.target, replace(self.link, name=self.name), self.netns, self.link.name)

    def lines(self) -> tuple[list[str], list[str]]:
        return [f"{self.link.name}{in_namespace(self.netns)}"], [f"{self.name}{in_namespace(self.target)}"]


@dataclass(frozen=True)
class LinkDel:
    """Delete a link; a veth's other end goes with it."""

    netns: str
    link: Link
    stage = RELEASE_LINK

    def describe(self) -> str:
        return f"delete {self.link.kind or 'link'} {self.link.name}{in_namespace(self.netns)}"

    def apply(self, state: Interfaces) -> None:
        here = state.namespaces[self.netns]
        gone = here.links.pop(self.link.name, self.link)
        here.routes = [route for route in here.routes if route.interface != gone.name]
        _forget_settings(state, self.netns, gone.name)
        for path, netns in state.namespaces.items():
            for name, link in list(netns.links.items()):
                if path == self.netns and link.controller == gone.name:
                    netns.links[name] = replace(link, controller="")
                if gone.peer_index and (link.index, link.peer_index) == (gone.peer_index, gone.index):
                    del netns.links[name]
                    netns.routes = [route for route in netns.routes if route.interface != name]
                    _forget_settings(state, path, name)

    def inverse(self) -> None:
        return None

    def lines(self) -> tuple[list[str], list[str]]:
        return [f"{self.link.kind or 'link'} {self.link.name}{in_namespace(self.netns)}"], []


def _forget_settings(state: Interfaces, netns: str, interface: str) -> None:
    """The kernel settings of an interface go with it, and a new one of the name begins with the defaults."""
    for key in [key for key in state.sysctls if key[0] == netns and interface in key[1].split("/")[3:4]]:
        state.sysctls[key] = None
    forget_neighbours(state, netns, interface)
    forget_shapers(state, netns, interface)
