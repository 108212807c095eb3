# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the document, made of those of the modules: one table for host_network and for the roles."""
from __future__ import annotations

from typing import Any

from ..bridge import resource as bridge
from ..core.argspec import TEXT, Options
from ..core.values import check_values
from ..endpoint import resource as endpoint
from ..icc import resource as icc
from ..names import resource as names
from ..publish import resource as publish
from ..veth import resource as veth


def _plain(options: Options, *without: str) -> dict[str, Any]:
    """Options without defaults: what the document does not say, each module says for itself."""
    kept = ("type", "kind", "elements", "choices", "options", "required")
    return {name: {key: _plain(value) if key == "options" else value for key, value in option.items() if key in kept}
            for name, option in options.items() if name not in without}


# The bridge of a container and of its ports is the network that it stands in.
CONTAINER: dict[str, Any] = {
    **_plain(endpoint.OPTIONS, "bridge"),
    **_plain(publish.OPTIONS, "exposed_ports", "published_on"),
    "links": _plain(icc.OPTIONS)["links"],
    **_plain(names.OPTIONS),
    "name": {**TEXT, "required": True},
}

NETWORK: dict[str, Any] = {
    **_plain(bridge.OPTIONS),
    "name": {**TEXT, "required": True},
    "containers": {"type": "list", "elements": "dict", "options": CONTAINER},
}

VETH_PAIR: dict[str, Any] = {**_plain(veth.OPTIONS), "name": {**TEXT, "required": True}}

OPTIONS: dict[str, Any] = {
    "networks": {"type": "list", "elements": "dict", "required": True, "options": NETWORK},
    "veth_pairs": {"type": "list", "elements": "dict", "options": VETH_PAIR},
    **_plain(bridge.POOLS),
    "exclusive": {"type": "bool", "default": False},
    "persist": {"type": "bool"},
}


def check_networks(networks: Any) -> None:
    """Before anything is made of a document that no module has looked at.

    :raises MooringError: naming what is not as it has to be
    """
    check_values({"container_networks": OPTIONS["networks"]}, {"container_networks": networks},
                 lambda _options, value, _where: value)
