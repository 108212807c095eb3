# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that keep systemd-networkd and NetworkManager away from interfaces of this collection. Pure.

Either program may be told to configure every interface. Then it gives addresses to bridges and their ports, and may
take ports off their bridges.
Sources: systemd.network(5), of whose files the first that matches counts, in the order of their names;
NetworkManager.conf(5), where ``+=`` adds to what other files say.
"""
from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..bridge.model import bridges
from ..core.names import endpoint_link
from ..host.endpoints import endpoints
from ..host.model import HostState
from ..link.bandwidth import IFB
from ..link.model import VETH

_DIGITS = len(endpoint_link("", "")) - len("veth")
MADE = f"veth{'[0-9a-f]' * _DIGITS}"  # all that endpoint_link() makes, as a glob of fnmatch(3) and as an expression
_HEAD = "# Managed by the Ansible collection mooring.net: interfaces that it configures itself.\n"


@dataclass(frozen=True)
class Program:
    """A program that configures interfaces.

    :param unit: of systemd, by which it is known to run
    :param path: of the file that keeps it away
    :param reload: the command that makes it read the file
    """

    name: str
    unit: str
    path: str
    reload: tuple[str, ...]


NETWORKD = Program("systemd-networkd", "systemd-networkd.service", "/etc/systemd/network/00-mooring.network",
                   ("networkctl", "reload"))
NETWORK_MANAGER = Program("NetworkManager", "NetworkManager.service", "/etc/NetworkManager/conf.d/00-mooring.conf",
                          ("systemctl", "reload", "NetworkManager.service"))
MANAGERS = (NETWORKD, NETWORK_MANAGER)


def find_interfaces(state: HostState) -> list[str]:
    """The names of the host's interfaces that the collection made; MADE for those whose name alone tells that.

    A bridge that was adopted has somebody else who configures it, and so have interfaces that an engine made.
    """
    own = bridges(state)
    found = {name for name, bridge in own.items() if not bridge.adopted}
    found |= {link.name for link in state.find_marked(VETH)}
    found |= {link.name for link in state.find_marked(IFB)}
    found |= {endpoint.link.name for endpoint in endpoints(state) if not endpoint.adopted}
    others = sorted(name for name in found if not re.fullmatch(MADE, name))
    return [MADE, *others] if own or len(others) < len(found) else others  # a bridge may get its containers later


def content(manager: Program, interfaces: Iterable[str]) -> str:
    """What the file of a program is to say, "" where there is nothing that it is to be kept away from.

    :param interfaces: see :func:`find_interfaces`
    """
    names = list(interfaces)
    if not names:
        return ""
    if manager is NETWORKD:  # a name has no character that means something in a glob
        return f"{_HEAD}[Match]\nName={' '.join(names)}\n\n[Link]\nUnmanaged=yes\n"
    # Its globs know "*" and "?" only; "=" asks for the very name.
    devices = ";".join(f"interface-name:{'veth' + '?' * _DIGITS if name == MADE else '=' + name}" for name in names)
    return f"{_HEAD}[keyfile]\nunmanaged-devices+={devices}\n"


def view(manager: Program, running: bool, present: str | None, interfaces: Iterable[str]) -> dict[str, Any]:
    """What a role needs to know of a program.

    :param present: the text of the file, None where there is none
    """
    wanted = content(manager, interfaces)
    return {"name": manager.name, "running": running, "path": manager.path, "content": wanted,
            "unit": manager.unit, "reload": list(manager.reload),
            "settled": (present is None if not wanted else present == wanted or present is None and not running)}
