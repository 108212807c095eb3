#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: veth_pair
short_description: Manage a pair of virtual interfaces (veth)
version_added: 1.0.0
description:
  - Creates a veth pair. Each of its two ends may be on the host, there also as a port of a bridge, or in the network
    namespace of a container.
  - A pair between two containers, with addresses on both ends, is a point-to-point connection without a bridge.
  - Never changes or removes an interface that somebody else made.
extends_documentation_fragment:
  - mooring.net.attributes
  - mooring.net.task
  - mooring.net.config
  - mooring.net.target
options:
  name:
    description: Name of the first end's interface, 15 characters at most. It is also the name of the pair.
    type: raw
  bridge:
    description: The bridge of the host that the first end is a port of. An empty text takes it off its bridge.
    type: raw
  mtu:
    description: MTU of the first end in bytes. The default is that of its bridge, or 1500.
    type: raw
  mac_address:
    description: MAC address of the first end. The kernel chooses one when it is not given.
    type: raw
  addresses:
    description: A list of the addresses of the first end, with prefix lengths. Others are removed when it is given.
    type: raw
  routes:
    description: Routes through the first end.
    type: list
    elements: dict
    suboptions: &routes
      destination:
        description: A network, an address, or V(default).
        type: raw
        required: true
      gateway:
        description: The next hop, when the destination is not on the link itself.
        type: raw
  up:
    description: Whether the first end is up.
    type: bool
    default: true
  peer:
    description: The second end, as a dictionary.
    type: raw
    suboptions:
      name:
        description: Name of the second end's interface, 15 characters at most.
        type: raw
        required: true
      container:
        description: Name or id of a running Docker or Podman container, whose namespace the second end is in.
        type: raw
      pid:
        description: The number of a process, whose namespace the second end is in.
        type: raw
      netns:
        description: Name of the network namespace that the second end is in.
        type: raw
      netns_path:
        description: Path of the network namespace that the second end is in.
        type: path
      bridge:
        description: The bridge of the host that the second end is a port of.
        type: raw
      mtu:
        description: MTU of the second end in bytes.
        type: raw
      mac_address:
        description: MAC address of the second end.
        type: raw
      addresses:
        description: A list of the addresses of the second end, with prefix lengths.
        type: raw
      routes:
        description: Routes through the second end.
        type: list
        elements: dict
        suboptions: *routes
      up:
        description: Whether the second end is up.
        type: bool
        default: true
seealso:
  - module: mooring.net.netns_attach
"""

EXAMPLES = r"""
- name: Create a pair on the host, with one end on a bridge
  mooring.net.veth_pair:
    name: A
    bridge: docker0
    peer:
      name: B

- name: Join two containers without a bridge
  mooring.net.veth_pair:
    name: to-db
    container: web
    addresses: [10.1.1.1/30]
    peer:
      name: to-web
      container: db
      addresses: [10.1.1.2/30]

- name: Remove a pair
  mooring.net.veth_pair:
    name: A
    peer: {name: B}
    state: absent
"""

RETURN = r"""
veth_pair:
  description: The pair as it is afterwards, or null when it is not there. Not returned with O(config).
  returned: success, without O(config)
  type: dict
  sample:
    name: A
    ends:
      - {name: A, netns: "", bridge: docker0, up: true, mtu: 1500, mac_address: "8a:33:0c:1e:7a:05", addresses: []}
      - {name: B, netns: "", bridge: "", up: true, mtu: 1500, mac_address: "ee:0d:59:3a:41:c2", addresses: []}
veth_pairs:
  description: All pairs of the task, in its order.
  returned: success, with O(config)
  type: list
  elements: dict
failed_containers:
  description:
    - Containers in which something could not be done, with the reason. The rest of the task is done all the same.
  returned: when a container has ended, or keeps something from being done in its own network
  type: dict
  sample: {"web": "interface_name: 'eth0' exists already in web, and this collection did not make it."}
actions:
  description:
    - What was done, or in check mode would be done, in the words of the task.
    - Without C(-v) the first 20 are returned, and how many more there are.
  returned: success
  type: list
  elements: str
  sample: ["create veth pair A on docker0 - B"]
operations:
  description: What the kernel is told for that, one sentence for each operation, in order of execution.
  returned: success, with C(-vv)
  type: list
  elements: str
"""

from ansible_collections.mooring.net.plugins.module_utils._internal.veth.resource import RESOURCE
from ansible_collections.mooring.net.plugins.module_utils._internal.run.module import run_module


def main() -> None:
    run_module(RESOURCE)


if __name__ == "__main__":
    main()
