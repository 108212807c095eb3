#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: network_info
short_description: Show what this collection manages on a host
version_added: 1.0.0
description:
  - Returns bridges, endpoints, published ports, links and names, joined into one view. It says what C(brctl show),
    C(docker port) and C(iptables -nL) say together. The filter P(mooring.net.table#filter) makes a table of it, and the
    playbook C(mooring.net.inspect) shows that for many hosts.
  - Returns as well what somebody has changed, that the next run of any module that writes rules would repair, or the
    next run about that bridge or container (RV(network.drift)).
  - Returns what belongs to containers that are gone (RV(network.leftovers)), and what rules of others prevent
    (RV(network.obstacles)).
  - Changes nothing.
extends_documentation_fragment:
  - mooring.net.attributes.info
  - mooring.net.task
options:
  bridge:
    description: Return what concerns this bridge only.
    type: raw
  container:
    description: Return what concerns this container only.
    type: raw
  config:
    description: A list of questions, each with O(bridge), O(container) or both.
    type: list
    elements: dict
seealso:
  - module: mooring.net.docker_bridge
"""

EXAMPLES = r"""
- name: Read everything
  mooring.net.network_info:
  register: net

- name: Say where port 443 of web is published, as C(docker port web 443) does
  ansible.builtin.debug:
    msg: "{{ net.network | mooring.net.published_at('web', 443) }}" # ["127.0.0.1:49153"]

- name: Make sure that nothing but two ports of the host is open to everybody
  ansible.builtin.assert:
    that: net.network.ports | rejectattr('host_ip', 'eq', '127.0.0.1') | rejectattr('allow_from')
      | map(attribute='host_port') | unique | sort == [80, 443]

- name: Make sure that nobody has changed anything by hand
  ansible.builtin.assert:
    that: net.network.drift == []
"""

RETURN = r"""
network:
  description: The answer. Not returned with O(config).
  returned: success, without O(config)
  type: dict
  contains:
    bridges:
      description: Bridges, as M(mooring.net.docker_bridge) returns them. C(other_ports) are their ports that lead to no
        container of this collection, such as an uplink, or the interface of a virtual machine.
      type: list
      elements: dict
      returned: success
    other_bridges:
      description: Bridges of others, which this collection leaves alone, with the names of their ports.
      type: list
      elements: dict
      returned: success
      sample:
        - name: docker0
          addresses: [172.17.0.1/16]
          mtu: 1500
          up: true
          ports: [veth9f0c2a1]
    endpoints:
      description: Containers on bridges, with their addresses, limits, published ports and links, and whether the
        kernel keeps all frames of other isolated ports of the bridge from them (C(icc=false)). C(engine) is V(docker),
        V(podman), V(netns) or V(pid), and empty where no names are kept that say it. C(mac_address) is empty where it
        is not known.
      type: list
      elements: dict
      returned: success
      sample:
        - container: web
          engine: netns
          interface_name: eth0
          bridge: bridge0
          address: 192.168.5.2/24
          address_v6: ""
          mac_address: 02:42:c0:a8:05:02
          host_interface: veth4f1e09b21c7
          up: true
          isolated: false
          exposed_ports: []
          aliases: []
          bandwidth: {ingress: 10mbit}
          allow_to: null
          published_ports: ["0.0.0.0:8080->192.168.5.2:80/tcp"]
          links: ["db:database"]
    ports:
      description:
        - Every published port. A range is C(count) ports, which begin at C(host_port) and at C(container_port).
        - C(host_ip) is V(0.0.0.0) or V(::) for all addresses of the host. It is C(container_ip) where the port is open
          at the container's own address (C(gateway_mode=routed)). Where the port is published on an C(interface), it is
          an address of that, or empty as long as that has none. Without C(allow_from) everybody may come.
      type: list
      elements: dict
      returned: success
      sample:
        - container: web
          bridge: bridge0
          host_ip: 0.0.0.0
          interface: ""
          host_port: 8080
          container_ip: 192.168.5.2
          container_port: 80
          protocol: tcp
          count: 1
          allow_from: []
    published_ports:
      description: The same as text, with the container in front.
      type: list
      elements: str
      returned: success
      sample: ["web 0.0.0.0:8080->192.168.5.2:80/tcp"]
    links:
      description: Every port that a link opens.
      type: list
      elements: str
      returned: success
      sample: ["web link db:database 192.168.5.2->192.168.5.20:5432/tcp"]
    veth_pairs:
      description: Names of the pairs of M(mooring.net.veth_pair) that have an end on the host.
      type: list
      elements: str
      returned: success
    veth_ends:
      description: The ends of these pairs that are on the host.
      type: list
      elements: dict
      returned: success
      sample:
        - name: A
          interface: A
          bridge: bridge0
          addresses: []
          up: true
    interfaces:
      description:
        - The interfaces of the host that this collection made, of which other programs are to keep off.
        - Those of containers have names that it makes, for which a pattern stands.
      type: list
      elements: str
      returned: success
      sample:
        - veth[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]
        - bridge0
    namespaces:
      description: Names under C(/run/netns) that this collection made.
      type: list
      elements: str
      returned: success
    dns:
      description: The names of containers, as M(mooring.net.container_dns) returns them.
      type: list
      elements: dict
      returned: success
    drift:
      description:
        - What somebody has changed of links, addresses, kernel settings, neighbours, rules and names. The next run of
          any module that writes rules repairs what concerns the host, the next run about them or of
          M(mooring.net.host_network) what is inside of containers. Empty when all are as they should be.
        - A rule that was replaced under its comment is among it, and so is a bridge or an endpoint whose alias, which
          says that it is this collection's, was cleared.
        - What only who asked for it knows, such as the MTU of a bridge or a default route, is among it where the host
          comes back to what it has been asked for, see O(mooring.net.host_network#module:persist), and where all of the
          host is asked about. It is what C(mooring check) says.
      type: list
      elements: str
      returned: success
    leftovers:
      description: What belongs to containers that are gone, and names under C(/run/netns) that lead to another
        namespace than the one that was registered, since the number of its process was used again.
      type: list
      elements: str
      returned: success
    obstacles:
      description: Where rules of others close a published port, take it as well, or keep containers from the outside,
        with table and chain. Where an interface, or the whole host, does not forward what goes to them
        (C(net.ipv4.conf.IFNAME.forwarding), C(net.ipv4.ip_forward), C(net.ipv6.conf.all.forwarding)). Only what is
        sure is listed. Also processes of the host that have come to listen on a port that is published, by name and
        number, where they listen, and whose port it is; and addresses that containers are to leave with
        (O(mooring.net.docker_bridge#module:outbound_address)) and that the host does not have.
        M(mooring.net.port_publish) and M(mooring.net.docker_bridge) warn of the same.
      type: list
      elements: str
      returned: success
      sample:
        - connections from outside (eth0) to published port 8080/tcp of web are dropped in chain FORWARD of table mangle
          by -o bridge0 -j DROP
networks:
  description: All answers, in the order of O(config).
  returned: success, with O(config)
  type: list
  elements: dict
actions:
  description: Always empty.
  returned: success
  type: list
  elements: str
"""

from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.info import RESOURCE
from ansible_collections.mooring.net.plugins.module_utils._internal.run.module import run_info_module


def main() -> None:
    run_info_module(RESOURCE)


if __name__ == "__main__":
    main()
