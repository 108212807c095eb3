# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of an inventory: one HTML page that needs nothing else. Pure.

The page may fetch nothing and run nothing but its own script, which its policy names by digest
(Content Security Policy, W3C). The same networks make the same bytes.
"""
from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional

from .layout import draw
from .marked import element, text
from .model import Host, Way
from .reach import find_ways
from .read import read
from .script import SCRIPT
from .style import PAGE, PICTURE
from .svg import Numbers, svg
from .words import Words

_HINT = "Point at a container, or choose one with Tab and Enter, to see who reaches it and whom it reaches."
_KEY = ("<b>frame</b> a host; <b>plug</b> a published port; <b>rail</b> a network; "
        "<b>arc</b> a link, with its target at the tip, or a pair; "
        '<b class="i">solid blue</b> reaches the chosen one; <b class="o">dashed violet</b> is reached by it, '
        '<b class="i">dashed blue</b> both; <b class="b">red !</b> changed by hand')


def page(networks: Mapping[str, Optional[Mapping[str, Any]]], title: str = "Container networks") -> str:
    """The page.

    :param networks: by name of the host what network_info returned, None where it could not be asked
    """
    sections, first = [], 0
    for number, name in enumerate(sorted(networks)):
        host = read(name, networks[name])
        sections.append(_section(host, number, first))
        first += len(host.containers)
    policy = (f"default-src 'none'; script-src '{_digest(SCRIPT)}'; style-src '{_digest(PAGE)}'; base-uri 'none'; "
              "form-action 'none'")
    head = (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f'<meta name="color-scheme" content="light dark"><title>{text(title)}</title><style>{PAGE}</style></head>')
    ask = ('<p class="ask"><label>Filter <input id="asked" type="search" autocomplete="off" '
           'placeholder="name, address, port, network"></label> <output id="count" for="asked"></output></p>')
    return (f"{head}\n<body><header><h1>{text(title)}</h1>{ask}</header><p class=\"key\">{_KEY}</p>\n<main>"
            + "\n".join(sections)
            + f'</main>\n<section id="answer" aria-live="polite" aria-label="The chosen container">{_HINT}</section>\n'
            f"<script>{SCRIPT}</script></body></html>\n")


def alone(name: str, network: Mapping[str, Any]) -> str:
    """The picture of one host as an SVG file."""
    host = read(name, network)
    drawing = draw(host, titled=True)
    return svg(drawing, Numbers.count(drawing, find_ways(host)), style=PICTURE) + "\n"


def _digest(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def _section(host: Host, number: int, first: int) -> str:
    head = element("h2", {}, text(host.name))
    if host.problem:
        return element("section", {"class": "host"}, head, element("p", {}, text(host.problem)))
    ways = find_ways(host)
    drawing = draw(host)
    numbers = Numbers.count(drawing, ways, first)
    lists = [element("div", {"class": kind}, element("h3", {}, title), _list(lines, "list"))
             for title, kind, lines in (("Changed by hand", "bad", host.drift), ("Left over", "", host.leftovers),
                                        ("In the way", "", host.obstacles)) if lines]
    if not (host.networks or host.interfaces or host.ends):
        return element("section", {"class": "host"}, head, element("p", {}, "no container network is managed here"),
                       *lists)
    return element("section", {"class": "host"}, head,
                   element("div", {"class": "scroll"}, svg(drawing, numbers, f"h{number}")), "\n", *lists,
                   _table(host, ways, numbers))


def _list(lines: Iterable[str], kind: str = "") -> str:
    return element("ul", {"class": kind}, *(element("li", {}, text(line)) for line in lines))


def _table(host: Host, ways: Mapping[str, Sequence[Way]], numbers: Numbers) -> str:
    """The same for those who do not look at it, and for whoever searches or prints the page."""
    if not host.containers:
        return ""
    words = Words(host, ways)
    rows = []
    for name in host.containers:
        mine = [each for each in host.interfaces if each.container == name]
        addresses = [" ".join(filter(None, (each.name, *each.addresses.values(), each.mac))) for each in mine]
        ports = dict.fromkeys(f"{port.place} -> {port.inside}" for port in host.ports if port.container == name)
        cells = [text(name), _list(dict.fromkeys(each.network or "none" for each in mine)), _list(addresses),
                 _list(ports) if ports else "", _list(words.inward(name)), _list(words.outward(name))]
        rows.append(element("tr", {"data-r": numbers.of[name]}, *(f"<td>{cell}</td>" for cell in cells)) + "\n")
    titles = "".join(f'<th scope="col">{each}</th>' for each in (
        "Container", "Network", "Interface", "Published", "Is reached by", "Reaches"))
    label = text(f"Containers of {host.name}")
    return (f'<div class="scroll"><table aria-label="{label}"><thead><tr>{titles}</tr></thead>'
            f"<tbody>\n{''.join(rows)}</tbody></table></div>")
