# SPDX-License-Identifier: GPL-3.0-or-later
"""A host as SVG. Pure."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .drift import find_changed
from .layout import BOX_GAP, BOX_WIDTH, EDGE, PLUG_HEIGHT, PLUG_WIDTH, RAIL, STUB, WIDTH, Box, Drawing, Lane, Plug
from .marked import cut, element, ranges, text
from .model import End, Interface, Way

_NAME, _SMALL = 21, 24  # columns of text that a box has room for
_ON_PLUG, _ON_RAIL = 21, 130
_DEEP, _TIP = 24, 7  # of a curve, and of the tip of an arrow


@dataclass(frozen=True)
class Numbers:
    """By which number a page knows the containers of a host, and who reaches whom as such numbers."""

    of: Mapping[str, int]
    reached_by: Mapping[str, frozenset[str]]
    reaches: Mapping[str, frozenset[str]]

    @classmethod
    def count(cls, drawing: Drawing, ways: Mapping[str, Sequence[Way]], first: int = 0) -> Numbers:
        """Numbers in the order of what is drawn: those of one network follow one another, and are a few ranges."""
        containers = list(dict.fromkeys(box.thing.container for box in drawing.boxes
                                        if isinstance(box.thing, Interface)))
        inward = {name: frozenset(source for way in ways.get(name, ()) for source in way.sources)
                  for name in containers}
        outward: dict[str, set[str]] = {name: set() for name in containers}
        for target, sources in inward.items():
            for source in sources:
                outward[source].add(target)
        return cls({name: first + number for number, name in enumerate(containers)}, inward,
                   {name: frozenset(each) for name, each in outward.items()})


def svg(drawing: Drawing, numbers: Numbers, name: str = "h0", style: str = "") -> str:
    """The picture of a host.

    :param name: of the picture among those of its page
    :param style: of a picture that stands alone
    """
    host, changed = drawing.host, find_changed(drawing.host)
    first = list({box.thing.container: box for box in reversed(drawing.boxes)
                  if isinstance(box.thing, Interface)}.values())
    sizes = {"viewBox": f"0 0 {WIDTH} {drawing.height + 8}", "role": "group", "xmlns": "http://www.w3.org/2000/svg"}
    if style:
        sizes |= {"width": str(WIDTH), "height": str(drawing.height + 8)}
    return element(
        "svg", {"class": "host", **sizes, "aria-labelledby": f"{name}t {name}d"},
        element("title", {"id": f"{name}t"}, text(f"Container network of {host.name}")),
        element("desc", {"id": f"{name}d"}, text(_described(drawing))),
        *([f"<style>{style}</style>"] if style else []),
        element("rect", {"class": "edge", "x": EDGE, "y": 1, "width": WIDTH - EDGE - 1, "height": drawing.height,
                         "rx": 8}),
        _words("host", EDGE + 14, 26, cut(host.name, _ON_RAIL)) if drawing.titled else "",
        *(_lane(lane, changed) for lane in drawing.lanes),
        *(_wires(box, numbers) for box in drawing.boxes if box.plugs),
        *(_box(box, numbers, changed, box not in first) for box in drawing.boxes),
        *(_plug(plug, numbers) for box in drawing.boxes for plug in box.plugs),
        *_arcs(drawing, numbers))


def _described(drawing: Drawing) -> str:
    host = drawing.host
    return (f"{_counted(len(host.networks), 'network')}, {_counted(len(host.containers), 'container')}, "
            f"{_counted(len({(p.container, p.place) for p in host.ports}), 'published port')}, "
            f"{_counted(len({(each.source, each.target) for each in host.links}), 'link')}.")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _words(kind: str, x: int, y: int, said: str) -> str:
    return element("text", {"class": kind, "x": x, "y": y}, text(said)) if said else ""


def _lane(lane: Lane, changed: frozenset[str]) -> str:
    """A network's rail: its head, and a bar for each row that it leads to."""
    network, y = lane.network, lane.y
    if network is None:
        return _words("rail", RAIL, y + 14, "on no network")
    kind = " ".join(filter(None, ["net", "" if network.own else "other", "" if network.up else "down",
                                  "bad" if network.name in changed else ""]))
    said = " · ".join(filter(None, [network.name, ", ".join(network.addresses), f"MTU {network.mtu}", *network.notes,
                                    "changed by hand" if network.name in changed else ""]))
    path = f"M{RAIL} {y + 22}H{WIDTH - 12}" + (f"M{RAIL} {y + 22}V{lane.bars[-1]}" if lane.bars[1:] else "")
    for height in lane.bars[1:]:
        last = max(box.x for box in lane.boxes if box.y == height + STUB)
        path += f"M{RAIL} {height}H{last + BOX_WIDTH // 2}"
    hangers = "".join(f"M{box.x + BOX_WIDTH // 2} {box.y}v-{STUB}" for box in lane.boxes)
    return element("g", {"class": kind}, element("title", {}, text(said)),
                   _words("rail", RAIL, y + 14, cut(said, _ON_RAIL)),
                   element("path", {"d": path + hangers}))


def _box(box: Box, numbers: Numbers, changed: frozenset[str], again: bool) -> str:
    """:param again: whether its container has been drawn before, with whom it reaches"""
    thing = box.thing
    where = f"translate({box.x} {box.y})"
    frame = element("rect", {"width": BOX_WIDTH, "height": box.height, "rx": 6})
    if isinstance(thing, str):
        return element("g", {"class": "box port", "transform": where},
                       element("title", {}, text(f"port {thing}")), frame, _words("n", 9, 20, cut(thing, _NAME)),
                       _words("", 9, 37, "port of others"))
    if isinstance(thing, End):
        said = f"pair {thing.pair}"
        return element("g", {"class": "box pair", "transform": where},
                       element("title", {}, text(f"{thing.interface}, end of {said}")), frame,
                       _words("n", 9, 20, cut(thing.interface, _NAME)), _words("", 9, 37, cut(said, _SMALL)))
    bad = thing.container in changed
    lines = [f"{thing.name} {address}" for address in thing.addresses.values()] or [thing.name]
    said = ", ".join(filter(None, [thing.container, thing.engine, *lines, thing.mac, "" if thing.up else "down",
                                   "changed by hand" if bad else ""]))
    kind = " ".join(["box", *(["bad"] if bad else []), *([] if thing.up else ["down"])])
    return element(
        "g", {"class": kind, "transform": where, "data-c": numbers.of[thing.container],
              **({} if again else {
                  "data-in": ranges(numbers.of[each] for each in numbers.reached_by[thing.container]),
                  "data-out": ranges(numbers.of[each] for each in numbers.reaches[thing.container])})},
        element("title", {}, text(said)), frame, _words("n", 9, 20, cut(thing.container, _NAME - 2 * bad)),
        *(_words("", 9, 37 + 15 * number, cut(line, _SMALL, at_end=False)) for number, line in enumerate(lines)),
        *([_words("sign", BOX_WIDTH - 18, 20, "!")] if bad else []))


def _plug(plug: Plug, numbers: Numbers) -> str:
    return element("g", {"class": "plug inner" if plug.inner else "plug", "data-c": numbers.of.get(plug.container, ""),
                         "transform": f"translate({plug.x} {plug.y})"},
                   element("title", {}, text(f"{plug.text} of {plug.container}"
                                             + (", not for the outside" if plug.inner else ""))),
                   element("rect", {"width": PLUG_WIDTH, "height": PLUG_HEIGHT, "rx": 3}),
                   _words("", 6, 12, cut(plug.text, _ON_PLUG, at_end=False)))


def _wires(box: Box, numbers: Numbers) -> str:
    """From the plugs of a container to it, below its row."""
    container = box.plugs[0].container
    heights = [plug.y + PLUG_HEIGHT // 2 for plug in box.plugs]
    starts = "".join(f"M{box.plugs[0].x + PLUG_WIDTH} {y}H{box.channel}" for y in heights)
    trunk = f"M{box.channel} {min(*heights, box.gutter)}V{max(*heights, box.gutter)}"
    return element("path", {"class": "wire", "data-c": numbers.of.get(container, ""),
                            "d": f"{starts}{trunk}M{box.channel} {box.gutter}H{box.x + BOX_WIDTH // 2}"
                                 f"V{box.y + box.height}"})


def _arcs(drawing: Drawing, numbers: Numbers) -> Iterable[str]:
    """Links, pairs, and what belongs to one container: from the first place of one to that of the other."""
    at: dict[str, list[Box]] = {}
    pairs: dict[str, list[Box]] = {}
    for box in drawing.boxes:
        if isinstance(box.thing, Interface):
            at.setdefault(box.thing.container, []).append(box)
        elif isinstance(box.thing, End):
            pairs.setdefault(box.thing.pair, []).append(box)
    links: dict[tuple[str, str], list[str]] = {}
    for link in drawing.host.links:
        said = " as ".join(filter(None, [link.ports or "a name", link.alias]))
        links.setdefault((link.source, link.target), []).append(said)
    for (source, target), said_of in links.items():
        if source in at and target in at:
            first, second = _nearest(at[source], at[target])
            yield _arc("link", first, second, f"link of {source} to {target}: {', '.join(dict.fromkeys(said_of))}",
                       [numbers.of[source], numbers.of[target]])
    for container, boxes in at.items():
        for first, second in zip(boxes, boxes[1:]):
            yield _arc("same", first, second, f"{container} is on both", [numbers.of[container]])
    for pair, boxes in pairs.items():
        for first, second in zip(boxes, boxes[1:]):
            yield _arc("pair", first, second, f"pair {pair}", [])


def _nearest(sources: Sequence[Box], targets: Sequence[Box]) -> tuple[Box, Box]:
    """The two boxes that are on one network, else the first ones."""
    return min(((one, other) for one in sources for other in targets),
               key=lambda both: (abs(both[0].y - both[1].y), abs(both[0].x - both[1].x), both[0].y, both[0].x))


def _arc(kind: str, source: Box, target: Box, said: str, ends: Sequence[int]) -> str:
    """A curve: below the row where both are in one, else down the gap between two columns, where no box is.

    That of a link has a tip at its target.
    """
    upper, lower = (source, target) if source.y <= target.y else (target, source)
    x, y = upper.x + BOX_WIDTH * 3 // 4, upper.y + upper.height
    to_x, to_y = lower.x + BOX_WIDTH // 4, lower.y
    if source.y == target.y:
        path = f"M{x} {y}C{x} {y + _DEEP} {to_x} {y + _DEEP} {to_x} {y}"
    else:
        gap, bend = upper.x + BOX_WIDTH + BOX_GAP // 2, min(_DEEP, (to_y - y) // 2)
        path = (f"M{x} {y}C{x} {y + bend} {gap} {y} {gap} {y + bend}V{to_y - bend}"
                f"C{gap} {to_y} {to_x} {to_y - bend} {to_x} {to_y}")
    if kind == "link":
        below = target is upper or source.y == target.y
        tip_x, tip_y = (x, y) if target is upper and source.y != target.y else (to_x, y if below else to_y)
        wing = tip_y + (_TIP if below else -_TIP)
        path += f"M{tip_x - 4} {wing}L{tip_x} {tip_y}L{tip_x + 4} {wing}"
    return element("path", {"class": f"arc {kind}", "d": path, "data-a": " ".join(map(str, ends))},
                   element("title", {}, text(said)))
