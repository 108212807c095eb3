# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to name a container."""
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  container:
    description:
      - Name or id of a running Docker or Podman container. The command lines C(docker) and C(podman) are asked, in
        this order.
      - Exactly one of O(container), O(pid), O(netns) and O(netns_path) names the container.
    type: raw
  pid:
    description:
      - The number of a process of the container. Its network namespace is meant, which must not be that of the host
        itself, except where the container has the network mode V(host).
    type: raw
  netns:
    description: Name of a network namespace, as C(ip netns) lists it.
    type: raw
  netns_path:
    description: Path of a network namespace, like V(/proc/1234/ns/net).
    type: path
"""

    # For modules that need the container's lease only, not its namespace.
    LEASE = r"""
options:
  container:
    description:
      - The container, by the name under which M(mooring.net.netns_attach) attached it, or by the name or id that
        Docker or Podman know it by.
      - One of O(container), O(pid), O(netns) and O(netns_path) names the container.
    type: raw
  pid:
    description: The number of the process that was given to M(mooring.net.netns_attach) without
      O(mooring.net.netns_attach#module:name).
    type: raw
  netns:
    description:
      - The network namespace that was given to M(mooring.net.netns_attach) without
        O(mooring.net.netns_attach#module:name).
    type: raw
  netns_path:
    description: The path that was given to M(mooring.net.netns_attach) without
      O(mooring.net.netns_attach#module:name).
    type: path
"""
