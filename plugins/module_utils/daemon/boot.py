# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon's bridge after a reboot: made again, with its mark, before the daemon starts. Pure."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..link.model import BRIDGE, Mark

NOTE = "# Made by mooring.net, and replaced when the bridge changes."
# Of the settings in the mark those that the role is about. Others come back with whoever has made them.
KEPT = ("masq", "iptables", "ip6tables")


def batch(links: Sequence[Mapping[str, Any]], name: str) -> str:
    """Commands for ``ip -batch``, which ends at the first that fails: a bridge that is there stays as it is.

    :param links: ``ip -json -details address``
    :param name: a bridge of ours
    """
    link = next(link for link in links if link["ifname"] == name)
    addresses = [f"{found['local']}/{found['prefixlen']}" for found in link.get("addr_info", ())
                 if found.get("family") == "inet"]
    mark = Mark.parse(link["ifalias"])
    settings = {key: value for key, value in mark.settings.items() if key in KEPT} if mark else {}
    return "\n".join([NOTE, f"link add name {name} address {link['address']} mtu {link['mtu']} type bridge",
                      f"link set dev {name} alias {json.dumps(Mark(BRIDGE, name, settings).text)}",
                      *(f"address add {address} dev {name}" for address in addresses), f"link set dev {name} up", ""])


def drop_in(path: str) -> str:
    """What systemd is told to do before it starts the daemon: the batch at ``path``, whatever comes of it."""
    return f"{NOTE}\n[Service]\nExecStartPre=-ip -batch {path}\n"
