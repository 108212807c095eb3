#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: port_publish
short_description: Publish container ports on the host
version_added: 1.0.0
description:
  - Publishes exactly the listed ports of a container, as C(docker run -p) does. Ports that were published before and
    are not listed are closed.
  - The container must be attached with M(mooring.net.netns_attach). Its ports follow its address.
  - A container on several bridges publishes on the interface that its default route leads through, for IPv4 and IPv6
    apart, and its ports follow that route. Where it leads through none of them, that is C(eth0), or the first interface
    by name. A bridge without rules (C(iptables=false)) is passed over where there is another one.
  - Clients whom the container would answer by another interface, such as those on another one of its bridges, are seen
    with the bridge's address, so that they get their answers. So is everybody where the container has no default route
    through the interface. Others are seen as they are.
  - Connections to published ports work from outside, from the host itself (C(127.0.0.1) as well), from other
    containers, and from the container itself. There is no proxy process.
  - On a bridge in gateway mode routed (O(mooring.net.docker_bridge#module:gateway_mode)), the ports are open at the
    container's own address instead, and no port of the host is taken.
  - A port that is taken is found before anything changes, and the message names who has it. That is a container, a
    process that listens, Docker, or a rule of others that translates the port, with its chain. A port that this
    container has published already is kept; if a rule of others takes it as well, or a process of the host has come to
    listen on it, a warning says so and names who.
  - Where rules of others are sure to drop the connections to a published port, a warning names table, chain and rule.
    Those rules are never changed.
extends_documentation_fragment:
  - mooring.net.attributes
  - mooring.net.task
  - mooring.net.firewall
  - mooring.net.config
  - mooring.net.target.lease
options:
  published_ports:
    description:
      - A list of ports in the short syntax of C(docker run -p), like V(8080:80), V(127.0.0.1:8080:80/tcp),
        V(127.0.0.1::53/udp) or V(7000-7010:7000-7010).
      - Other than with Docker the name of an interface of the host may stand in the place of a host address, like
        V(eth0:8080:80) or V(eth0::53/udp). The port is published on all addresses that it has, of both families, as if
        each were given. Every run of a module that writes rules follows them. An interface that is not there, or has no
        address, is waited for, with a warning.
      - What has but digits and dots is no name of an interface, C(lo) is refused, since V(127.0.0.1) says it, and so is
        C(localhost). A name in brackets is refused as well.
      - Put each entry in quotes. Without them YAML takes V(53:53) for the number 3233, which would be another port. So
        numbers are refused.
      - An entry without a host port gets one from O(dynamic_port_range), and keeps it on later runs, also when the
        container was away for a while. The rules are the only record of it, so that after C(iptables -F) it is chosen
        anew.
      - The IPv6 loopback V(::1) cannot be published, since the kernel sends nothing from it to a container. Nor can
        link-local addresses of the host (V(fe80::1)), from which it forwards nothing.
      - Where a family is routed, an entry names the container's port only, like V(80), V(53/udp) or V(8000-8010). A
        host port or a host address is refused there. V([::]::80) and V(0.0.0.0::80) choose one family.
      - Where one family is routed and the other one is not, an entry is for both. So V(8080:80) is port 8080 of the
        host by the one, and port 80 of the container by the other.
      - An empty list closes all ports of the container.
    type: raw
  published_on:
    description:
      - Bridges that entries of O(published_ports) are to lead to, one for all of them, or one for each in their order.
      - An entry is then published for the families whose default route leads over that bridge, and is refused when
        there is none, rather than led to another network. Where a family has no default route over any bridge, it
        leads to the first one that is named.
      - The default is the bridge that the default route leads over.
    type: raw
  publish_all_ports:
    description: Whether to publish every exposed port that O(published_ports) does not mention, at a dynamic host
      port.
    type: bool
    default: false
  exposed_ports:
    description:
      - A list of what O(publish_all_ports) publishes, like V(80) or V(53/udp). The default is what was given to
        M(mooring.net.netns_attach).
    type: raw
  default_host_ip:
    description:
      - The host address of entries that name none, like Docker's C(--ip), or the name of an interface in its place. The
        default is every address.
      - It has the effect that it would have in each of these entries. So they are published by its family only, and
        where this family is routed, all but V(0.0.0.0) and V(::) is refused.
    type: raw
  allow_from:
    description: A list of addresses and networks that may connect. For all others the ports are closed, and with
      addresses of IPv6 alone, so is all of IPv4. The default is everyone.
    type: raw
  dynamic_port_range:
    description: Where host ports are chosen from, lowest free one first. Ports that another container has, on which
      a process listens, or which C(net.ipv4.ip_local_reserved_ports) names are passed over.
    type: raw
    default: 49153-65535
seealso:
  - module: mooring.net.netns_attach
"""

EXAMPLES = r"""
- name: Publish a web server on port 8080 of every address of the host, and on a dynamic port of its loopback
  mooring.net.port_publish:
    container: web
    published_ports:
      - "8080:80"
      - "127.0.0.1::443"

- name: Publish a web server on whatever addresses eth1 has
  mooring.net.port_publish:
    netns: web
    published_ports: ["eth1:443:443"]

- name: Publish a database for one network only
  mooring.net.port_publish:
    netns: db
    published_ports: ["5432:5432"]
    allow_from: [10.0.0.0/8]

- name: Publish a port of a container on several bridges, and refuse where its default route does not lead over front
  mooring.net.port_publish:
    netns: shop
    published_ports: ["8090:80"]
    published_on: [front]

- name: Open a web server on a routed bridge, for one network only
  mooring.net.port_publish:
    netns: web
    published_ports: ["80", "443"]
    allow_from: ["2001:db8::/32"]

- name: Publish ports of many containers in one task
  mooring.net.port_publish:
    config:
      - {container: web1, published_ports: ["8081:80"]}
      - {container: web2, published_ports: ["8082:80"]}

- name: Close all published ports of a container
  mooring.net.port_publish:
    container: web
    state: absent
"""

RETURN = r"""
publication:
  description: The published ports of the container as they are afterwards. Not returned with O(config).
  returned: success, without O(config)
  type: dict
  sample:
    container: web
    addresses: [192.168.5.2]
    ports:
      - {host_ip: 0.0.0.0, interface: "", host_port: 8080, container_ip: 192.168.5.2, container_port: 80, protocol: tcp,
         count: 1, allow_from: []}
    published_ports: ["0.0.0.0:8080->192.168.5.2:80/tcp"]
publications:
  description: All containers of the task, in its order.
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
  sample: ["close 8080/tcp of web", "publish 8081/tcp -> web:80 (from everywhere)"]
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

from ansible_collections.mooring.net.plugins.module_utils._internal.publish.resource import RESOURCE
from ansible_collections.mooring.net.plugins.module_utils._internal.run.module import run_module


def main() -> None:
    run_module(RESOURCE)


if __name__ == "__main__":
    main()
