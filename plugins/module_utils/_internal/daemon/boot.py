# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon's bridge after a reboot: made again, with its mark, before the daemon starts. Pure."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..boot.model import GATE, REPLAY
from ..link.model import BRIDGE, Mark

NOTE = "# Made by mooring.net, and replaced when the bridge changes."
# Of the settings in the mark those that the role is about. Others come back with whoever has made them.
KEPT = ("masq", "iptables", "ip6tables", "fwd")


def unit(links: Sequence[Mapping[str, Any]], name: str) -> str:
    """A unit that makes a bridge of ours as it is now, unless there is one: then systemd skips it.

    Where the network of the host outlives a run it is made by what brings that back, and closed before. The unit comes
    after both, and is there for hosts that have not chosen so, and for the day on which that fails.

    :param links: ``ip -json -details address``
    """
    link = next(link for link in links if link["ifname"] == name)
    addresses = [f"{found['local']}/{found['prefixlen']}" for found in link.get("addr_info", ())
                 if found.get("family") == "inet"]
    mark = Mark.parse(link["ifalias"])
    settings = {key: value for key, value in mark.settings.items() if key in KEPT} if mark else {}
    group = "" if link.get("group", "default") == "default" else f" group {link['group']}"
    commands = [f"link add name {name} address {link['address']} mtu {link['mtu']}{group} type bridge",
                f'link set dev {name} alias "{Mark(BRIDGE, name, settings).text}"',
                *(f"address add {address} dev {name}" for address in addresses), f"link set dev {name} up"]
    return "\n".join([NOTE, "[Unit]", f"Description=Bridge {name} of a Docker daemon",
                      f"After={GATE}.service {REPLAY}.service", f"ConditionPathExists=!/sys/class/net/{name}", "",
                      "[Service]", "Type=oneshot",
                      *(f"ExecStart=ip {command}" for command in commands), ""])


def drop_in(name: str) -> str:
    """What the daemon's unit is told of that unit: to start after it, whatever comes of it."""
    return f"{NOTE}\n[Unit]\nWants={name}\nAfter={name}\n"
