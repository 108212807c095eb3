# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the document, made of those of the modules: one table for host_network and for the roles."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..bridge import resource as bridge
from ..endpoint import resource as endpoint
from ..icc import resource as icc
from ..names import resource as names
from ..publish import resource as publish
from ..veth import resource as veth

Options = Mapping[str, Mapping[str, Any]]


def _plain(options: Options, *without: str) -> dict[str, Any]:
    """Options without defaults: what the document does not say, each module says for itself."""
    kept = ("type", "elements", "choices", "options", "required")
    return {name: {key: _plain(value) if key == "options" else value for key, value in option.items() if key in kept}
            for name, option in options.items() if name not in without}


# The bridge of a container is the network that it stands in.
CONTAINER: dict[str, Any] = {
    **_plain(endpoint.OPTIONS, "bridge"),
    **_plain(publish.OPTIONS, "exposed_ports"),
    "links": _plain(icc.OPTIONS)["links"],
    **_plain(names.OPTIONS),
    "name": {"type": "str", "required": True},
}

NETWORK: dict[str, Any] = {
    **_plain(bridge.OPTIONS),
    "name": {"type": "str", "required": True},
    "icc": _plain(icc.OPTIONS)["icc"],
    "containers": {"type": "list", "elements": "dict", "options": CONTAINER},
}

VETH_PAIR: dict[str, Any] = {**_plain(veth.OPTIONS), "name": {"type": "str", "required": True}}

OPTIONS: dict[str, Any] = {
    "networks": {"type": "list", "elements": "dict", "required": True, "options": NETWORK},
    "veth_pairs": {"type": "list", "elements": "dict", "options": VETH_PAIR},
    "exclusive": {"type": "bool", "default": False},
}
