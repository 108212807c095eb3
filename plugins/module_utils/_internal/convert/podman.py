# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``podman network inspect`` says, in the words of Docker. Pure.

Containers need no translation: ``podman inspect`` writes what ``docker inspect`` does.
"""
from __future__ import annotations

from .model import Json

DEFAULT = "podman"  # the network that is there by itself, on which containers do not find each other by name


def like_docker(network: Json) -> Json:
    """A network as Docker shows it; one of Docker is returned as it is."""
    if "Name" in network:
        return network
    options = {str(name): str(value) for name, value in (network.get("options") or {}).items()}
    driver = "com.docker.network."
    said = {f"{driver}driver.mtu" if name == "mtu" else name: value for name, value in options.items()}
    if network["name"] == DEFAULT:
        said[f"{driver}bridge.default_bridge"] = "true"
    return {"Name": network["name"], "Id": network["id"], "Driver": network["driver"],
            "Internal": bool(network.get("internal")), "EnableIPv6": bool(network.get("ipv6_enabled")),
            "IPAM": {"Config": [_config(subnet) for subnet in network.get("subnets") or ()]},
            "Options": said, "Labels": network.get("labels") or {}}


def _config(subnet: Json) -> Json:
    return {"Subnet": subnet["subnet"], "Gateway": subnet.get("gateway") or ""}
