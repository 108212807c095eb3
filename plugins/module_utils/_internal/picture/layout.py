# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything of a host is drawn. Pure, and the same for the same host.

A network is a lane: its rail comes down at the left, and from each row of it containers hang. The edge of the host is
at the left of all lanes. Ports that are published are plugs on it, beside the row of their container. Lines from plugs
to containers run in a gutter below the row, so that they cross none.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .model import End, Host, Interface, Network, Port

WIDTH = 1160
EDGE = 150  # where the host begins
PLUG_WIDTH, PLUG_HEIGHT, PLUG_GAP = 152, 16, 3
RAIL, FIRST = 184, 204  # where rails are, and the first container of a row
BOX_WIDTH, BOX_GAP = 172, 16
COLUMNS = (WIDTH - FIRST - 8) // (BOX_WIDTH + BOX_GAP)
STUB = 12  # from a rail to what hangs on it
_HEAD, _GUTTER, _STEP, _LANE_GAP = 22, 18, 5, 16
_LOW, _LINE = 46, 15  # a box with one line below its name, and what another one takes
_TITLE, _UNTITLED = 40, 10
PLUGS_SHOWN = 4  # of one container


@dataclass(frozen=True)
class Plug:
    """A published port, or the rest of many, on the edge of the host. ``x`` and ``y`` are of its corner."""

    container: str
    text: str
    y: int
    inner: bool = False
    x: int = EDGE - PLUG_WIDTH + 8


@dataclass(frozen=True)
class Box:
    """What hangs on a network: an interface of a container, the end of a pair, or a port of others (its name)."""

    thing: Interface | End | str
    x: int
    y: int
    height: int
    plugs: tuple[Plug, ...] = ()
    channel: int = 0  # where the line from its plugs goes down
    gutter: int = 0  # and where it goes across


@dataclass(frozen=True)
class Lane:
    """A network with all that hangs on it, None for what is on none. ``bars`` are the heights of its rows' rails."""

    network: Network | None
    y: int
    height: int
    bars: tuple[int, ...]
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Drawing:
    """A host."""

    host: Host
    height: int
    lanes: tuple[Lane, ...]
    titled: bool

    @property
    def boxes(self) -> list[Box]:
        return [box for lane in self.lanes for box in lane.boxes]


def draw(host: Host, titled: bool = False) -> Drawing:
    """Everything has its place here; nothing lies upon another thing.

    :param titled: whether the name of the host is in the picture
    """
    lanes, y = [], _TITLE if titled else _UNTITLED
    waiting = {id(port): port for port in host.ports}
    for network, things in _lanes(host):
        lane = _lane(network, things, y, waiting)
        lanes.append(lane)
        y += lane.height + _LANE_GAP
    return Drawing(host, y, tuple(lanes), titled)


def _lanes(host: Host) -> Iterable[tuple[Network | None, list[Interface | End | str]]]:
    ends = {end.interface: end for end in host.ends}
    for network in host.networks:
        things: list[Interface | End | str] = [each for each in host.interfaces if each.network == network.name]
        things += [ends.get(name, name) for name in network.other_ports]
        yield network, things
    names = host.by_name
    apart: list[Interface | End | str] = [each for each in host.interfaces if each.network not in names]
    apart += [end for end in host.ends if end.network not in names]
    if apart:
        yield None, apart


def _lane(network: Network | None, things: Sequence[Interface | End | str], top: int,
          waiting: dict[int, Port]) -> Lane:
    y, bars, boxes = top + _HEAD, [], []
    for start in range(0, len(things), COLUMNS):
        row, height = _row(things[start:start + COLUMNS], y, waiting)
        bars.append(y)
        boxes += row
        y += height
    return Lane(network, top, y - top, tuple(bars), tuple(boxes))


def _row(things: Sequence[Interface | End | str], top: int, waiting: dict[int, Port]) -> tuple[list[Box], int]:
    """A row of boxes with their plugs, and its height."""
    boxes, plug_y, wired = [], top, 0
    height = _LOW + _LINE * (max(len(each.addresses) if isinstance(each, Interface) else 1 for each in things) > 1)
    gutter = top + STUB + height + _STEP
    for column, thing in enumerate(things):
        found = _plugs(thing, plug_y, waiting)
        plug_y += len(found) * (PLUG_HEIGHT + PLUG_GAP)
        boxes.append(Box(thing, FIRST + column * (BOX_WIDTH + BOX_GAP), top + STUB, height, tuple(found),
                         EDGE + 12 + wired * 4, gutter + wired * _STEP))
        wired += bool(found)
    return boxes, max(STUB + height + _GUTTER + wired * _STEP, plug_y - top + PLUG_GAP)


def _plugs(thing: Interface | End | str, top: int, waiting: dict[int, Port]) -> list[Plug]:
    """The ports that lead to an interface, each drawn once."""
    if not isinstance(thing, Interface):
        return []
    mine = [port for port in waiting.values() if port.container == thing.container and (
        port.network == thing.network or not port.network)]
    for port in mine:
        del waiting[id(port)]
    open_at = {port.place for port in mine if not (port.loopback or port.waits)}
    places = [(place, place not in open_at) for place in dict.fromkeys(port.place for port in mine)]
    shown = places if len(places) <= PLUGS_SHOWN else places[:PLUGS_SHOWN - 1]
    texts = [*shown, *([(f"{len(places) - len(shown)} more", False)] if len(shown) < len(places) else [])]
    return [Plug(thing.container, text, top + number * (PLUG_HEIGHT + PLUG_GAP), inner)
            for number, (text, inner) in enumerate(texts)]
