#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: host_network
short_description: Manage the whole container network of a host
version_added: 1.0.0
description:
  - Brings bridges, interfaces of containers, published ports, access policy, links, names and veth pairs of a host to
    what one document says, in one plan.
  - Refuses what cannot be before anything is touched. A port of the last container that is taken is found before the
    first bridge is made.
  - Shows in check mode exactly what a run does, also on a host on which there is nothing yet.
  - Opens nothing on the way. What is reachable during a run was so before, or will be so afterwards.
extends_documentation_fragment:
  - mooring.net.attributes
  - mooring.net.task
  - mooring.net.firewall
  - mooring.net.document
options:
  veth_pairs:
    description:
      - Veth pairs beside those of endpoints, each with the options of M(mooring.net.veth_pair).
      - A pair that stays on the host is made before the containers, so that one end of it can become the
        C(interface) of a container. Other pairs are made after them.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the pair, and of its first end.
        type: raw
        required: true
      state:
        description: Whether the pair is to be there, or not. By default it is.
        type: str
        choices: [present, absent]
      container:
        description: Name or id of a running Docker or Podman container that the first end is to be in.
        type: raw
      pid:
        description: The number of a process of that container.
        type: raw
      netns:
        description: Name of the network namespace that the first end is to be in.
        type: raw
      netns_path:
        description: Path of that namespace.
        type: path
      bridge:
        description: The bridge that the first end is a port of. An empty text takes it off its bridge.
        type: raw
      mtu:
        description: MTU in bytes.
        type: raw
      mac_address:
        description: MAC address of the first end.
        type: raw
      addresses:
        description: A list of all addresses of the first end, with their prefix lengths.
        type: raw
      routes:
        description: Routes through the first end. Others are left alone.
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
        description: Whether the first end is up. By default it is.
        type: bool
      peer:
        description: The other end, as a dictionary.
        type: raw
        suboptions:
          name:
            description: Name of the other end.
            type: raw
            required: true
          container:
            description: Name or id of a running Docker or Podman container that the other end is to be in.
            type: raw
          pid:
            description: The number of a process of that container.
            type: raw
          netns:
            description: Name of the network namespace that the other end is to be in.
            type: raw
          netns_path:
            description: Path of that namespace.
            type: path
          bridge:
            description: The bridge that the other end is a port of. An empty text takes it off its bridge.
            type: raw
          mtu:
            description: MTU in bytes.
            type: raw
          mac_address:
            description: MAC address of the other end.
            type: raw
          addresses:
            description: A list of all addresses of the other end, with their prefix lengths.
            type: raw
          routes:
            description: Routes through the other end. Others are left alone.
            type: list
            elements: dict
            suboptions: *routes
          up:
            description: Whether the other end is up. By default it is.
            type: bool
  default_address_pools:
    description:
      - From where bridges get a subnet that are told none, unless their network says so itself, see
        O(mooring.net.docker_bridge#module:default_address_pools).
    type: list
    elements: dict
    suboptions:
      base:
        description: A network, like V(172.30.0.0/16).
        type: raw
        required: true
      size:
        description: The prefix length of each subnet in it, like V(24).
        type: raw
        required: true
  exclusive:
    description:
      - Whether to remove all that this collection manages on the host and the document does not name. That means
        bridges, endpoints, published ports, links, names, veth pairs with an end on the host, and namespaces that it
        made.
      - What somebody else made stays. A bridge that was adopted is given back, and so is the interface of a container
        that its engine made.
      - Without it, what the document does not name stays as it is.
    type: bool
    default: false
  persist:
    description:
      - Whether to write down what the host has been asked for, in C(/var/lib/mooring/applied.json), so that
        C(mooring replay) brings it back after a reboot or a flush of the rules, with the same addresses and host ports.
        M(mooring.net.host_program) installs that command.
      - The file has the options of everything that the modules of this collection have been asked for on the host, by
        whatever task. Once it is there, each task of any of these modules keeps it up to date.
      - V(false) removes the file. Where nothing is said, it stays as it is.
    type: bool
seealso:
  - module: mooring.net.docker_bridge
  - module: mooring.net.netns_attach
  - module: mooring.net.port_publish
  - module: mooring.net.icc_policy
  - module: mooring.net.container_dns
  - module: mooring.net.veth_pair
  - module: mooring.net.network_info
"""

EXAMPLES = r"""
- name: Create a bridge with a web server and its database
  mooring.net.host_network:
    networks:
      - name: bridge0
        bip: 192.168.5.1/24
        icc: false
        containers:
          - name: web
            published_ports: ["8080:80", "127.0.0.1::443"]
            links: ["db:database"]
          - name: db
            address: 192.168.5.20
            exposed_ports: [5432]

- name: Join two containers by a pair of their own
  mooring.net.host_network:
    networks:
      - name: bridge0
        containers: [{name: web}, {name: db}]
    veth_pairs:
      - name: direct
        netns: web
        addresses: [10.0.0.1/30]
        peer: {name: direct, netns: db, addresses: [10.0.0.2/30]}

- name: Remove all that this collection manages on the host
  mooring.net.host_network:
    networks: []
    exclusive: true
"""

RETURN = r"""
network:
  description: The whole network as it is afterwards, as M(mooring.net.network_info) returns it.
  returned: success
  type: dict
program:
  description: What is installed of the command C(mooring). It is M(mooring.net.host_program) that installs it, as the
    role P(mooring.net.host_network#role) does.
  returned: success
  type: dict
  contains:
    systemd:
      description: Whether systemd is the first process, without which there is no such program.
      type: bool
      returned: success
    present:
      description: Whether the program is there.
      type: bool
      returned: success
    python:
      description: The Python that runs the module, which has all that the command needs.
      type: str
      returned: success
    installed:
      description: The digest of what was installed, empty where not all of it is as it was.
      type: str
      returned: success
managers:
  description: systemd-networkd and NetworkManager, and what keeps each away from the interfaces that this collection
    made. The role P(mooring.net.host_network#role) writes it.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the program.
      type: str
      returned: success
      sample: systemd-networkd
    running:
      description: Whether it runs, as a service of systemd.
      type: bool
      returned: success
    path:
      description: The file that keeps it away.
      type: str
      returned: success
      sample: /etc/systemd/network/00-mooring.network
    content:
      description: What the file has to say, empty where there are no such interfaces and there is to be no file.
      type: str
      returned: success
    unit:
      description: The service of systemd.
      type: str
      returned: success
      sample: systemd-networkd.service
    reload:
      description: The command that makes the program read the file.
      type: list
      elements: str
      returned: success
      sample: [networkctl, reload]
    settled:
      description: Whether nothing is left to do. Where the program does not run, no file is needed.
      type: bool
      returned: success
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
  sample: ["create bridge bridge0 with 192.168.5.1/24", "attach web to bridge0 as 192.168.5.2"]
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

from ansible_collections.mooring.net.plugins.module_utils._internal.document.options import OPTIONS
from ansible_collections.mooring.net.plugins.module_utils._internal.document.parts import parts
from ansible_collections.mooring.net.plugins.module_utils._internal.run.module import run_host_module


def main() -> None:
    run_host_module(OPTIONS, parts)


if __name__ == "__main__":
    main()
