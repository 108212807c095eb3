#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: icc_policy
short_description: Set which containers may talk to each other
version_added: 1.0.0
description:
  - Lets the containers of a bridge open connections to each other (O(icc=true)), or does not (O(icc=false)), as the
    Docker daemon's C(--icc).
  - Gives a container exactly the links that are listed. A link, as with C(docker run --link), opens the exposed and
    published ports of one container to another one of the same bridge. Replies come back by connection state, and
    nothing else does.
  - Links open ports with O(icc=false) only; with O(icc=true) everything is open anyhow.
  - The alias of a link stands in the hosts file of a container that has its names from M(mooring.net.container_dns),
    whatever O(icc) is, and follows the address of the other container.
  - With O(icc=false) the ports of the bridge are isolated from each other as well, so that no frame passes. Those of
    containers with published ports are not, and neither is one end of each link.
  - O(icc=false) also sets C(net.bridge.bridge-nf-call-iptables), and C(nf_call_iptables) of the bridge, which says the
    same of it alone. Without both the kernel shows the rules no packet.
extends_documentation_fragment:
  - mooring.net.attributes
  - mooring.net.task
  - mooring.net.firewall
  - mooring.net.config
  - mooring.net.target.lease
options:
  bridge:
    description: A bridge of M(mooring.net.docker_bridge).
    type: raw
  icc:
    description:
      - Whether the containers of O(bridge) may open connections to each other.
      - V(false) is refused for a bridge with C(iptables=false), and for one with IPv6 and C(ip6tables=false), which is
        there by then. O(mooring.net.docker_bridge#module:icc) says the same in the task that makes the bridge, and then
        none is made.
    type: bool
  links:
    description:
      - A list of what the container is linked to, like V(db:database), as the other container's name and an alias.
        Both may have C(_).
      - An empty list removes all links of the container.
      - A link to a container that Docker or Podman knows and that does not run, that ended while it was linked, or that
        the host is to come back to, waits for it, with a warning. It is there with the next run of this module, of
        M(mooring.net.host_network), or where the host is persistent when the container starts. All other links of the
        task are not held up.
      - A link to a container that runs and is attached to nothing, or that nobody knows, is refused, as is one to a
        container that M(mooring.net.host_network) is told to take away.
    type: raw
  exposed_ports:
    description:
      - A list of ports that the links open beside those that the other container exposes (given to
        M(mooring.net.netns_attach)) and publishes.
    type: raw
seealso:
  - module: mooring.net.docker_bridge
  - module: mooring.net.netns_attach
  - module: mooring.net.container_dns
"""

EXAMPLES = r"""
- name: Keep the containers of a bridge from talking to each other
  mooring.net.icc_policy:
    bridge: bridge0
    icc: false

- name: Let web use the database all the same
  mooring.net.icc_policy:
    container: web
    links: ["db:database"]

- name: Set all of it in one task
  mooring.net.icc_policy:
    config:
      - {bridge: bridge0, icc: false}
      - {container: web, links: ["db:database"]}
      - {container: worker, links: ["db:database", "queue"]}
"""

RETURN = r"""
policy:
  description: The policy as it is afterwards. Not returned with O(config).
  returned: success, without O(config)
  type: dict
  sample:
    container: web
    links:
      - {container: db, alias: database, address: 192.168.5.20, ports: "5432", protocol: tcp}
policies:
  description: All policies of the task, in its order.
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
  sample: ["let web use 5432/tcp of db as database"]
operations:
  description: What the kernel is told for that, one sentence for each operation, in order of execution.
  returned: success, with C(-vv)
  type: list
  elements: str
sysctls:
  description: Kernel settings that were changed, with the value that they had.
  returned: when there are any
  type: list
  elements: dict
"""

from ansible_collections.mooring.net.plugins.module_utils._internal.icc.resource import RESOURCE
from ansible_collections.mooring.net.plugins.module_utils._internal.run.module import run_module


def main() -> None:
    run_module(RESOURCE)


if __name__ == "__main__":
    main()
