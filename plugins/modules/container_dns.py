#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: container_dns
short_description: Manage the names and name servers of a container
version_added: 1.0.0
description:
  - Writes the C(/etc/hosts), C(/etc/hostname) and C(/etc/resolv.conf) of a container, in Docker's form and order.
  - The files of a namespace are C(/etc/netns/NAME/hosts) and so on, which C(ip netns exec) puts in the place of those
    of the host. Those of a container of Docker or Podman are the ones that the engine has mounted into it. Those of a
    process are the ones in its mount namespace. All of them are written in place, so that a running container sees the
    new content at once.
  - Without O(dns_servers) the servers are those of the host's resolv.conf, and likewise the search domains and the
    options. Servers on the host's loopback are left out, and where only the one of systemd-resolved is named, the
    real ones behind it count. Every later run of a module that writes rules follows the host's file; with the path
    unit of the role P(mooring.net.containers#role) running containers follow within a second.
  - What a container is linked to with M(mooring.net.icc_policy) stands in its hosts file, and follows the address of
    the other container.
  - A container that shares the network of another one gets the names and links of that network in its own files. Where
    its engine gave it the files of the other one, as Docker does, these are written for the other one only, and options
    for it alone are refused.
  - A container with C(network_mode=host) keeps what the host's C(/etc/hosts) says, and the name servers of the host.
  - Manages a block between two comments in each file. Lines outside of it, which somebody added by hand, are kept.
    Lines that an engine wrote there before, like its own C(nameserver) lines, give way to the block and come back
    with O(state=absent).
  - Files and host name of a container with a user namespace of its own are touched with the rights of that container.
    What it has mounted over them and may not write itself is refused. Files that a container keeps others waiting for
    are refused where the task names the container, and left alone with a warning in all other runs.
  - On a bridge with O(mooring.net.docker_bridge#module:container_names) hosts also lists the containers of the bridge
    with their O(mooring.net.netns_attach#module:aliases), and every run of a module that writes rules keeps that up.
extends_documentation_fragment:
  - mooring.net.attributes
  - mooring.net.task
  - mooring.net.config
  - mooring.net.target
requirements:
  - jinja2 (Debian and Ubuntu package C(python3-jinja2))
options:
  name:
    description:
      - The name of the container in this collection, as given to M(mooring.net.netns_attach).
      - The default is the name of the container or of the namespace, or the number of the process.
    type: raw
  hostname:
    description:
      - The host name, also inside of a running container. It may be fully qualified.
      - The default is what a running container calls itself, and the name of a namespace. A name with C(_) is no host
        name (RFC 1123), so that a container of such a name gets none by itself, with a warning when its files are
        written. Who is linked to it finds it by its name all the same.
    type: raw
  domainname:
    description: The domain. The container's own line in its hosts file begins with host name and domain.
    type: raw
  dns_servers:
    description:
      - A list of addresses of name servers. V(host-gateway) stands for the address of the container's bridge.
      - The default is what the host has.
    type: raw
  dns_search_domains:
    description:
      - A list of domains in which short names are looked up. A dot that one begins with is left out, V(.) alone means
        none. They may have C(_), like V(_tcp.example.com).
      - The default is what the host has.
    type: raw
  dns_opts:
    description:
      - A list of options of the resolver, like V(ndots:2).
      - The default is what the host has.
    type: raw
  etc_hosts:
    description:
      - More entries of the hosts file, from a name to an address. Names may have C(_). V(host-gateway) stands for the
        address of the container's bridge.
    type: dict
  fallback_dns_servers:
    description:
      - A list of name servers of a container that would have none, since the host's are of no use in it. A warning
        tells that they are used. An empty list leaves such a container without any.
    type: raw
    default: [8.8.8.8, 8.8.4.4]
  hosts_template:
    description:
      - A Jinja2 template for the managed block of hosts, in place of the default one. Read a file with the lookup
        P(ansible.builtin.file#lookup).
      - It gets C(container), C(hostname), C(domainname), C(names) (the container's own ones, fully qualified first),
        C(addresses), C(ipv6), C(links) (each with C(address) and C(names)), C(extra_hosts) (each with C(address)
        and C(name)) and C(neighbours), the containers of a bridge with
        O(mooring.net.docker_bridge#module:container_names) (each with C(address) and C(names)). The default template
        has those at its end.
    type: raw
  hostname_template:
    description: A Jinja2 template for the hostname file. It gets C(container), C(hostname) and C(domainname).
    type: raw
  resolv_conf_template:
    description:
      - A Jinja2 template for the managed block of resolv.conf.
      - It gets C(container), C(nameservers), C(search), C(options) and C(ipv6).
    type: raw
notes:
  - A file that is a symbolic link inside of a container is not followed, and refused.
  - A container of Docker gets its files anew from the engine when it starts. Run the task again after a restart.
seealso:
  - module: mooring.net.netns_attach
  - module: mooring.net.icc_policy
"""

EXAMPLES = r"""
- name: Give a namespace its name, and let it follow the name servers of the host
  mooring.net.container_dns:
    netns: web
    domainname: example.com

- name: Set what Docker's options of the same names set
  mooring.net.container_dns:
    container: db
    hostname: database
    dns_servers: [192.168.5.1]
    dns_search_domains: [.example.com]
    dns_opts: [ndots:2]
    etc_hosts:
      registry.example.com: 192.0.2.7
      gateway: host-gateway

- name: Let many containers use the name server on their bridge
  mooring.net.container_dns:
    dns_servers: [host-gateway]
    config:
      - netns: web
      - container: db
      - pid: 2778
        name: legacy

- name: Write hosts from a template of your own
  mooring.net.container_dns:
    netns: web
    hosts_template: "{{ lookup('ansible.builtin.file', 'hosts.j2') }}"

- name: Give the files back
  mooring.net.container_dns:
    container: db
    state: absent
"""

RETURN = r"""
names:
  description: The names as they are afterwards, or null when none are managed. Not returned with O(config).
  returned: success, without O(config)
  type: dict
  sample:
    container: web
    kind: netns
    name: web
    files:
      hosts: /etc/netns/web/hosts
      hostname: /etc/netns/web/hostname
      resolv.conf: /etc/netns/web/resolv.conf
    hostname: web
    domainname: example.com
    names: [web.example.com, web]
    addresses: [192.168.5.2]
    etc_hosts: {}
    links:
      - {address: 192.168.5.20, names: [database, db]}
    dns_servers: [192.0.2.53]
    dns_search_domains: [example.com]
    dns_opts: []
    follows_host: true
    intact: true
all_names:
  description: All names of the task, in its order.
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
  sample: ["create hosts, hostname and resolv.conf of web"]
operations:
  description: What the kernel is told for that, one sentence for each operation, in order of execution.
  returned: success, with C(-vv)
  type: list
  elements: str
"""

from ansible_collections.mooring.net.plugins.module_utils._internal.names.resource import RESOURCE
from ansible_collections.mooring.net.plugins.module_utils._internal.run.module import run_module


def main() -> None:
    run_module(RESOURCE)


if __name__ == "__main__":
    main()
