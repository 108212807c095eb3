# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a Docker daemon and its file."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEFAULT_BRIDGE = "docker0"  # the one that the daemon makes itself
NO_BRIDGE = "none"  # the daemon then has no default network
# What a key means that is not there (dockerd(8)). Two files that mean the same need no restart between them.
DEFAULTS: Mapping[str, Any] = {
    "bridge": DEFAULT_BRIDGE, "bip": "", "fixed-cidr": "", "mtu": 1500, "icc": True, "ip": "0.0.0.0",
    "iptables": True, "ip-forward": True, "ip-masq": True, "dns": [], "dns-search": [], "dns-opts": [],
    "userland-proxy": True, "debug": False, "live-restore": False}
# What the daemon reads for its networks when it starts, unless live-restore has kept containers running.
OF_NETWORKS = {"bip", "bip6", "bridge", "default-address-pools", "default-gateway", "default-gateway-v6", "fixed-cidr",
               "fixed-cidr-v6", "icc", "ip", "ip-forward", "ip-masq", "ip6tables", "iptables", "ipv6", "mtu",
               "userland-proxy", "userland-proxy-path"}
# Keys of daemon.json (20.10) that no flag has, so that `dockerd --help` does not show them.
WITHOUT_FLAG = {"builder", "cluster-advertise", "cluster-store", "cluster-store-opts", "default-network-opts",
                "deprecated-key-path", "features", "graph", "network-diagnostic-port", "proxies"}
