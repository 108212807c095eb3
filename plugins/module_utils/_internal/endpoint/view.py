# SPDX-License-Identifier: GPL-3.0-or-later
"""An endpoint as it is returned to the user. Pure."""
from __future__ import annotations

from typing import Optional

from ..bridge.egress import shown
from ..core.plan import View
from ..host.endpoints import Endpoint
from ..host.model import HostState
from ..netns.model import label_of_path
from ..ports.ledger import Ledger
from .model import LocatedEndpoint


def view(state: HostState, ledger: Ledger, lease: Optional[Endpoint], item: LocatedEndpoint) -> View:
    """An endpoint as it is returned to the user, None when there is none."""
    netns = state.namespaces.get(item.path)
    if item.mode != "bridge":
        entry = state.named.get(item.place.registers or item.target.value)
        mode = f"container:{item.owner}" if item.owner else item.mode
        return None if netns is None and entry is None else {
            "container": item.label, "network_mode": mode, "netns": label_of_path(item.path),
            "netns_path": item.path}
    if lease is None:
        return None
    inner = netns.links.get(item.interface_name) if netns else None
    route = netns.default_route("ipv4") if netns else None
    return {"container": lease.container, "network_mode": "bridge", "interface_name": lease.interface,
            "bridge": lease.bridge, "address": lease.address, "address_v6": lease.address_v6,
            "host_interface": lease.link.name, "mac_address": inner.mac if inner else "", "mtu": lease.link.mtu,
            "gateway": route.gateway if route and route.interface == lease.interface else "",
            "netns": label_of_path(item.path), "netns_path": item.path, "exposed_ports": list(lease.exposed),
            "aliases": list(lease.aliases), "adopted": bool(lease.adopted), "bandwidth": lease.bandwidth.options,
            "allow_to": shown(ledger, lease.limit)}
