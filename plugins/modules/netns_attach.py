#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: netns_attach
short_description: Attach a container to a bridge
version_added: 1.0.0
description:
  - Gives a container C(eth0) on a bridge of M(mooring.net.docker_bridge), with an address, a default route to the
    bridge, and a name under C(/run/netns).
  - A container is whatever has a network namespace, be it of Docker or Podman (started with C(--network none)), a
    process, or a named namespace, which is created when it is missing.
  - The address is the one asked for, the one that the container has or had, or the lowest free one of the bridge.
  - When a container came back with a new namespace, the next run wires it again with the same address.
  - A name stands for the namespace and the process that were registered. When the process has ended and its number is
    used again, the container counts as gone. O(pid) with that very number registers the new process, without the
    published ports and links of the one that has ended.
extends_documentation_fragment:
  - mooring.net.attributes
  - mooring.net.task
  - mooring.net.firewall
  - mooring.net.config
  - mooring.net.target
options:
  name:
    description:
      - The name of the container in this collection, for published ports and links.
      - The default is the name of the container or of the namespace, or the number of the process.
      - It is also its name under C(/run/netns), unless O(netns_path) is given without a name.
    type: raw
  network_mode:
    description:
      - V(bridge) gives the container an interface on a bridge.
      - V(none) leaves it with nothing but its loopback interface.
      - V(host) gives it the host's own network, and V(container:NAME) that of another container. A namespace that is
        made here becomes a second name for it, and follows with its next run when the other container came back with a
        new one. A running container has to be started that way by its engine, which is checked.
      - C(NAME) is the name of a container in this collection, be it that an item of the same task gives it (in any
        order), else that of a namespace under C(/run/netns), or of a container of Docker or Podman.
      - All but V(bridge) leave a container without an interface of its own. O(exposed_ports) have no effect then, and
        neither have O(mac_address), O(mtu) and O(tx_queue_len) with V(host) and V(none), which is said in a warning.
        Other options of an interface are refused.
    type: raw
    default: bridge
  interface:
    description:
      - An interface of the host, made with M(mooring.net.veth_pair), that becomes the container's interface. Its
        other end stays on the host and becomes a port of O(bridge), or of the bridge that it is on already.
      - When it is not given, a pair is made for the container.
    type: raw
  bridge:
    description:
      - The bridge. When it is not given, an attached container stays on its bridge, and another one gets the only
        bridge that M(mooring.net.docker_bridge) made, if there is only one.
    type: raw
  interface_name:
    description: Name of the interface inside the container.
    type: raw
    default: eth0
  address:
    description: The container's IPv4 address, with or without the prefix length of the bridge's subnet.
    type: raw
  address_v6:
    description: The container's IPv6 address, with or without the prefix length of the bridge's subnet.
    type: raw
  gateway:
    description: The IPv4 gateway of the default route. The default is that of the bridge.
    type: raw
  gateway_v6:
    description: The IPv6 gateway of the default route. The default is that of the bridge.
    type: raw
  mac_address:
    description:
      - MAC address of the interface. The default is Docker's, C(02:42:) and the IPv4 address.
    type: raw
  mtu:
    description: MTU in bytes, or V(auto) for that of the bridge, which is the default for a new interface.
    type: raw
  tx_queue_len:
    description: Length of the transmit queue of both ends, in packets.
    type: raw
  routes:
    description: More routes through this interface. Others are left alone.
    type: list
    elements: dict
    suboptions:
      destination:
        description: A network, an address, or V(default).
        type: raw
        required: true
      gateway:
        description: The next hop, when the destination is not on the link itself.
        type: raw
  sysctls:
    description:
      - Kernel settings of the container's network by name, like C(net.ipv4.conf.IFNAME.rp_filter), where C(IFNAME)
        stands for the interface.
      - Which values a setting takes the kernel says before anything is done, in a network namespace that is made for
        the question and goes with it. The same in check mode. What it would not take, and what it would make
        something else of, is refused.
      - A container that gets an IPv6 address cannot be told to be without IPv6 (C(disable_ipv6)).
      - On a bridge of M(mooring.net.docker_bridge) redirects and router advertisements of others are not heeded
        (C(accept_redirects) and C(accept_ra) are V(0)) unless this says so.
    type: dict
  default_route:
    description:
      - Whether the container's default route leads through this interface, for the families that it has a gateway of.
      - When it is not given, the first interface of the container in the task has it, as in Docker the first one in
        its order of networks, wherever its address comes from. One that leads through an interface which the task does
        not list stays.
    type: bool
  exposed_ports:
    description:
      - A list of ports that the container offers to those that are linked to it, like V(5432), V(53/udp) or
        V(8000-8010/tcp).
      - They are also what O(mooring.net.port_publish#module:publish_all_ports) publishes.
    type: raw
  aliases:
    description:
      - A list of other names of the container on this bridge, as C(aliases) of Docker Compose and of
        C(community.docker.docker_container). The other containers find it by them where the bridge has
        O(mooring.net.docker_bridge#module:container_names).
      - When it is not given, an interface keeps those that it has. An empty list takes them away.
    type: raw
  allow_to:
    description:
      - Where the container may send through this interface, in the place of the list of its bridge
        (O(mooring.net.docker_bridge#module:allow_to), which says how entries are written and what is closed).
      - The container is known by the port of its bridge, so that no address of a neighbour helps it. The kernel tells
        ports with C(nf_call_iptables) of the bridge or C(net.bridge.bridge-nf-call-iptables=1) only. Both are set, and
        without them nothing leaves the bridge.
      - Of a container of Docker's own networks that is taken over (O(adopt)), Docker may ask for names from the host,
        which no list sees, see O(mooring.net.docker_bridge#module:allow_to).
      - A container that is gone for a while keeps its list; O(state=absent) ends it.
      - An empty list closes all. V(anywhere) takes the list away; without the option it stays as it is.
    type: raw
  create_netns:
    description: Whether to create the namespace O(netns) when it is missing.
    type: bool
    default: true
  adopt:
    description:
      - Whether to take over the interface O(interface_name) where the container has one already on a bridge of
        M(mooring.net.docker_bridge), as a Docker daemon with C(iptables=false) makes it. Published ports, links and
        access policy then hold for it.
      - It stays as its engine made it, and O(state=absent) gives it back. The addresses are the engine's choice, so
        keep them apart from those that are given here, with O(mooring.net.docker_bridge#module:fixed_cidr) and the
        engine's C(fixed-cidr).
      - When the engine removes the container, say O(state=absent) as well. Its published ports stay for its return
        until then, and lead to whatever container the engine gives its address to meanwhile.
        M(mooring.net.network_info) lists them under C(leftovers).
      - A container without such an interface gets one, as without this option.
    type: bool
    default: false
  bandwidth:
    description:
      - The most that may pass the interface, seen from the container, in the units of C(tc). V(kbit), V(mbit) and
        V(gbit) are powers of 1000, a number alone is bits per second.
      - A direction that is not named has no limit, and V({}) takes both away. When the option is not given, an
        interface keeps the limits that it has.
      - Both are kept on the host, where a container reaches nothing of them, by token buckets (C(tbf)) of the kernel.
        They have the handle C(6d6f:). What the container sends is led through an interface of the kind C(ifb) on the
        way, which needs C(act_mirred) and C(cls_u32) of the kernel.
      - Headers of Ethernet count. As many packets wait as flow in 50 milliseconds beside a burst, and others are
        dropped.
    type: raw
    suboptions:
      ingress:
        description: What the container may receive, in bits per second, like V(10mbit).
        type: raw
      ingress_burst:
        description:
          - How many bytes it may receive at once after a pause, like V(65536) or V(64kb), of 1024 bytes to the kb.
          - The default is what flows in 10 milliseconds, 32 kb at least, and no less than a packet. To give less than a
            packet is refused.
        type: raw
      egress:
        description: What the container may send, in bits per second.
        type: raw
      egress_burst:
        description: How many bytes it may send at once after a pause. The default is as for O(bandwidth.ingress_burst).
        type: raw
seealso:
  - module: mooring.net.docker_bridge
  - module: mooring.net.port_publish
  - module: mooring.net.veth_pair
"""

EXAMPLES = r"""
- name: Create a namespace that a process, systemd (NetworkNamespacePath=) or Podman (--network ns:) can join
  mooring.net.netns_attach:
    netns: web
    bridge: bridge0

- name: Attach a Docker container that was started with --network none
  mooring.net.netns_attach:
    container: db
    bridge: bridge0
    address: 192.168.5.20
    exposed_ports: [5432]
    aliases: [database, sql]

- name: Take over a Docker container that its daemon, with iptables=false, has put on a bridge of docker_bridge
  mooring.net.netns_attach:
    container: shop
    adopt: true

- name: Attach many containers in one task
  mooring.net.netns_attach:
    bridge: bridge0
    config:
      - netns: web1
      - netns: web2
      - pid: 2778
        name: legacy

- name: Add a second interface, without the default route
  mooring.net.netns_attach:
    netns: web
    interface_name: eth1
    bridge: storage
    default_route: false
    mtu: 9000

- name: Keep a container to 10 Mbit/s from the network, and to 2 Mbit/s towards it
  mooring.net.netns_attach:
    netns: web
    bandwidth: {ingress: 10mbit, egress: 2mbit, egress_burst: 64kb}

- name: Share the network of another container, as with docker run --network container:web
  mooring.net.netns_attach:
    netns: sidecar
    network_mode: container:web

- name: Let code that nobody trusts reach one name server and one network, and nothing else, the host included
  mooring.net.netns_attach:
    netns: sandbox
    bridge: bridge0
    allow_to: ["192.0.2.53:53", "10.0.0.0/8:443/tcp", "[2001:db8::/32]:443/tcp"]

- name: Detach a container, close its published ports and end its links
  mooring.net.netns_attach:
    netns: web
    state: absent
"""

RETURN = r"""
endpoint:
  description: The endpoint as it is afterwards, or null when it is not there. Not returned with O(config).
  returned: success, without O(config)
  type: dict
  sample:
    container: web
    network_mode: bridge
    interface_name: eth0
    bridge: bridge0
    address: 192.168.5.2/24
    address_v6: ""
    host_interface: veth4f1e09b21c7
    mac_address: 02:42:c0:a8:05:02
    mtu: 1500
    gateway: 192.168.5.1
    netns: web
    netns_path: /run/netns/web
    exposed_ports: [80/tcp]
    aliases: []
    allow_to: null
    adopted: false
    bandwidth: {ingress: 10mbit, egress: 2mbit, egress_burst: 64kb}
endpoints:
  description: All endpoints of the task, in its order.
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
  sample: ["create namespace web", "attach web to bridge0 as 192.168.5.2"]
operations:
  description: What the kernel is told for that, one sentence for each operation, in order of execution.
  returned: success, with C(-vv)
  type: list
  elements: str
"""

from ansible_collections.mooring.net.plugins.module_utils._internal.endpoint.resource import RESOURCE
from ansible_collections.mooring.net.plugins.module_utils._internal.run.module import run_module


def main() -> None:
    run_module(RESOURCE)


if __name__ == "__main__":
    main()
