#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: docker_bridge
short_description: Manage a Docker-style bridge
version_added: 1.0.0
description:
  - Creates a bridge as the Docker daemon makes it, with its address, masquerade of what leaves, forwarding, and rules
    that keep everything else out. No Docker daemon is needed or touched.
  - Attach containers to it with M(mooring.net.netns_attach).
  - Options have the names that they have in the Docker daemon's configuration. One that is not given leaves an
    existing bridge as it is, and is Docker's default for a new one.
extends_documentation_fragment:
  - mooring.net.attributes
  - mooring.net.task
  - mooring.net.firewall
  - mooring.net.config
options:
  name:
    description: Name of the bridge, 15 characters at most.
    type: raw
  bip:
    description:
      - Address and prefix length of the bridge, like V(192.168.5.1/24). Containers use it as their gateway.
      - When it is not given, a new bridge gets the first address of the first subnet of O(default_address_pools) that
        overlaps no route and no name server of the host, and no other bridge of the task or of those that are to come
        back. It keeps that one.
    type: raw
  mtu:
    description:
      - MTU in bytes, or V(auto) for that of the interface with the default route.
      - A new bridge gets V(auto) when it is not given, and so does one with IPv6 whose MTU somebody has made smaller
        than 1280. With less than that the kernel has no IPv6 on an interface, so it is refused for a bridge with
        IPv6.
    type: raw
  fixed_cidr:
    description:
      - A part of the bridge's subnet from which containers get their addresses, like V(192.168.5.128/25). An empty
        text takes it away.
    type: raw
  default_gateway:
    description:
      - The gateway of the containers, when it is not the bridge itself. An empty text takes it away.
      - Attached containers follow a change, but for those that were given a gateway of their own.
    type: raw
  default_address_pools:
    description:
      - From where a bridge gets a subnet that is told none, as C(default-address-pools) of the Docker daemon. The first
        free subnet of the first pool counts.
      - IPv4 is chosen when O(bip) is not given, IPv6 with O(ipv6=true) when neither O(bip6) nor O(fixed_cidr_v6) is.
      - Where no pool of IPv4 is given, these are Docker's own, V(172.17.0.0/16) to V(172.31.0.0/16) and the subnets of
        size 20 of V(192.168.0.0/16). There are none of IPv6.
      - A bridge that has an address keeps it, whatever this says.
    type: list
    elements: dict
    suboptions:
      base:
        description: A network, like V(172.30.0.0/16) or V(fd00:1::/48).
        type: raw
        required: true
      size:
        description: The prefix length of each subnet in it, like V(24) or V(64).
        type: raw
        required: true
  ip_masq:
    description:
      - Whether what containers send to the outside gets the host's address. The default for a new bridge is V(true).
      - It counts for the families that are in O(gateway_mode=nat).
    type: bool
  outbound_address:
    description:
      - An IPv4 address of the host with which it leaves what containers send to the outside, in the place of that of
        the interface that it leaves by. It is Docker's C(com.docker.network.host_ipv4).
      - Published ports, those of other bridges among them, see the same sources as without it.
      - It may be one that the host does not have, or not yet, with a warning. Replies come once the host has it. One
        that is inside of a bridge's subnet has to be an address of the host.
      - O(ip_masq=false), O(iptables=false), O(internal) and O(gateway_mode=routed) contradict it.
      - Connections that are under way keep the source that they began with, but for UDP.
      - An empty text takes it away.
    type: raw
  outbound_address_v6:
    description: The same for IPv6, as C(com.docker.network.host_ipv6).
    type: raw
  ip_forward:
    description:
      - Whether to switch on C(net.ipv4.ip_forward) where it is off, and C(net.ipv6.conf.all.forwarding) for a bridge
        with IPv6. V(false) leaves them as they are. They are never switched off.
      - Before IPv6 is forwarded, C(net.ipv6.conf.IFNAME.accept_ra) becomes 2 for each interface that hears router
        advertisements, and for those that come later, so that a host that has its address or its routes from them
        keeps them. Interfaces that hear none do not begin to, and bridges of this module never do.
      - Where the host forwards, the bridge does as well, C(net.ipv4.conf.IFNAME.forwarding), whatever new interfaces
        begin with. Every run of a module that writes rules keeps it so, unless V(false) was said for the bridge.
      - Other interfaces are left as they are. One that packets for containers come in by and that does not forward is
        said in a warning, also by M(mooring.net.port_publish), and by M(mooring.net.network_info) as an obstacle.
    type: bool
    default: true
  forward_others:
    description:
      - Whether the host may forward packets between interfaces that are no bridges of this module, when this module is
        what switched forwarding on.
      - Otherwise a rule at the end of C(FORWARD) drops them, so that the host does not become a router by accident.
        Rules of others come before it. A host that was forwarding already is left as it is.
      - The rule goes with the last bridge of this module, and forwarding stays on, as all kernel settings do. Then
        there is a warning.
    type: bool
  internal:
    description:
      - Whether the bridge is a network without a way out or in, as C(docker network create --internal) makes it. The
        default for a new bridge is V(false).
      - Its containers reach each other, unless C(icc=false) says otherwise, and the host at the bridge's own address.
        Nothing else of the host, no other bridge and nothing outside is reached by it, and nobody from there reaches
        them. The host does. Rules see to that, for IPv4 and IPv6, whatever routes a container adds, and before those
        of others and of O(user_chain) are asked.
      - Containers get no default route by it. One that is on another network as well takes that one's, and has its
        published ports there.
      - Ports cannot be published on it, and O(default_gateway), O(gateway_mode=routed), O(allow_bridges),
        O(trusted_interfaces), O(trusted_networks), O(adopt_uplink), O(iptables=false) and O(ip6tables=false) are
        refused. A bridge with published ports becomes internal with O(force) only, which closes them.
      - Entries of O(allow_to) that lead out of it cannot be reached all the same, which is said in a warning.
      - Connections that are under way when a bridge becomes internal end as well.
      - Forwarding is not switched on for it, see O(ip_forward).
    type: bool
  user_chain:
    description:
      - Whether rules of the administrator come before all rules of this collection for what is forwarded, in the chain
        C(MOORING-USER) of the table filter, of both families, as Docker's C(DOCKER-USER).
      - It is one for the whole host, whatever bridge says so, and stays until V(false) is said or the last bridge is
        gone. Every run puts back the jump to it.
      - The chain is made where it is missing and is never emptied. It is deleted at the end only if a run has made it,
        it is empty, and no other rule leads to it.
      - Its rules decide first. A V(DROP) there closes a published port and ends connections that are under way, an
        V(ACCEPT) opens what would be closed here. Addresses and ports are those of the containers, since published
        ports have been translated by then. What comes from elsewhere to the own address of a container on a bridge in
        O(gateway_mode=nat) is dropped before, in the table raw.
    type: bool
  iptables:
    description:
      - Whether to keep rules for IPv4. Without them there is no masquerade, no published port and no protection. The
        default for a new bridge is V(true).
    type: bool
  ip6tables:
    description:
      - Whether to keep rules for IPv6. Without them, ports are published for IPv4 only, and a bridge with IPv6 cannot
        have C(icc=false). The default for a new bridge is V(true).
    type: bool
  icc:
    description:
      - Whether the containers of the bridge may open connections to each other, as the Docker daemon's C(--icc). The
        default for a new bridge is V(true). M(mooring.net.icc_policy) sets the same for a bridge that is there, and
        tells what it means.
      - V(false) is made of rules, so O(iptables=false) contradicts it, and O(ip6tables=false) does for a bridge with
        IPv6. In one task that is refused before the bridge is made.
    type: bool
  ipv6:
    description:
      - Whether containers get IPv6 addresses. Needs O(bip6), O(fixed_cidr_v6), or a pool of IPv6 in
        O(default_address_pools).
    type: bool
  bip6:
    description:
      - IPv6 address and prefix length of the bridge, like V(2001:db8:1::1/64). The default is the first address of
        O(fixed_cidr_v6).
    type: raw
  fixed_cidr_v6:
    description: The IPv6 network from which containers get their addresses.
    type: raw
  default_gateway_v6:
    description:
      - The IPv6 gateway of the containers, when it is not the bridge itself. It may be the link-local address of a
        router.
    type: raw
  stp:
    description: Whether the bridge speaks the spanning tree protocol. The default for a new bridge is V(false).
    type: bool
  mac_address:
    description: MAC address of the bridge. A new bridge gets one that is made from its name and stays the same.
    type: raw
  gateway_mode:
    description:
      - How containers are reached by IPv4, as Docker's C(com.docker.network.bridge.gateway_mode_ipv4). The default for
        a new bridge is V(nat).
      - With V(nat), their ports are published at addresses of the host, and their own addresses are closed.
      - With V(routed), nothing is translated. Whoever has a route to the bridge's subnet by this host reaches the
        published ports at the container's own address, and can ping it; everything else stays closed. What containers
        send out keeps its address, whatever O(ip_masq) says.
      - With V(isolated), which needs O(internal=true), the host has no address on the bridge. Containers reach each
        other and nothing of the host, and the host does not reach them. O(bip) says their network only; the address
        in it stays free. With V(isolated) for IPv6 the bridge has no link-local address either.
      - A published port has another form in the other mode. So the mode of a bridge with published ports is changed
        with O(force) only, which closes them; publish them again with M(mooring.net.port_publish) afterwards.
    type: str
    choices: [nat, routed, isolated]
  gateway_mode_v6:
    description: The same for IPv6. When it is not given, it is what the task says of O(gateway_mode).
    type: str
    choices: [nat, routed, isolated]
  allow_bridges:
    description:
      - A list of other bridges of this module. Their containers and those of this one may open connections to each
        other, on all ports. Containers of different bridges may not otherwise, but for published ports.
      - It does not matter to it what O(mooring.net.icc_policy#module:icc) says of either bridge.
      - It holds in both directions, and it is enough that one of two bridges names the other.
      - They see each other's own addresses, with O(ip_masq) as well. Through a published port, all is as without this.
      - A name that is no bridge of this module opens nothing. It starts to count when the bridge is there.
      - An empty list takes the exceptions of this bridge away.
    type: raw
  trusted_interfaces:
    description:
      - A list of interfaces of the host. Whoever comes in by them reaches the containers of this bridge at their own
        addresses, on all ports, published or not.
      - This is more than Docker's C(com.docker.network.bridge.trusted_host_interfaces), which opens published ports
        only. For that, see O(gateway_mode=routed).
      - An interface that is a port of a bridge is known to the rules by the name of that bridge.
      - An empty list takes them away.
    type: raw
  trusted_networks:
    description:
      - A list of addresses and networks from which the containers of this bridge are reached at their own addresses, on
        all ports, published or not.
      - This does not count for packets from bridges of this module, whose containers could write any source into them.
        Others can as well; where the host has several interfaces, C(net.ipv4.conf.*.rp_filter), which is left as it
        is, or O(trusted_interfaces) keeps them apart.
      - Connections that containers open to these networks are masqueraded as all others.
      - An empty list takes them away.
    type: raw
  aux_addresses:
    description:
      - Addresses of the bridge's subnets that no container gets, by the name of what has them, like Compose's option of
        that name and C(--aux-address) of C(docker network create).
      - V({}) takes them away.
    type: dict
  container_names:
    description:
      - Whether the containers of this bridge find each other by name, as on a network of Docker's with its DNS server.
        The default for a new bridge is V(false).
      - There is no server. The hosts files of its containers that M(mooring.net.container_dns) or
        M(mooring.net.host_network) manages list all containers of the bridge, each with its name, its host name and
        its O(mooring.net.netns_attach#module:aliases). Every run of a module that writes rules keeps them up.
      - Names of links, of O(mooring.net.container_dns#module:etc_hosts) and of the container itself go before. The
        name of a container is nobody else's. Another name that several containers claim is found at all of them, the
        first one by name first, and there is a warning.
      - A file has a line for each container and family, so a bridge with many containers is many lines. See
        docs/names.md for what that costs.
    type: bool
  allow_to:
    description:
      - Where the containers of this bridge may send, but for those with a list of their own
        (O(mooring.net.netns_attach#module:allow_to)). A list of addresses and networks, alone or with a port or a range
        of ports behind a colon and a protocol behind a slash, like V(10.0.0.0/8:443/tcp), V(192.0.2.53:53), which is
        tcp and udp, or V([2001:db8::/32]:443). Names are not looked up.
      - Everything else is closed to them. That is the outside, the host itself and the ports that it publishes, other
        bridges, and name servers, also those of their own resolv.conf. Who connects to them is answered, and what
        containers of one bridge send to each other is for M(mooring.net.icc_policy) to decide.
      - An empty list closes all. V(anywhere) takes the list away; without the option it stays as it is.
      - Docker's name server in containers on networks of its own (V(127.0.0.11)) asks servers of the host's resolv.conf
        from the host, past any list, in newer versions, and where they are loopback addresses in all of them. Start
        such containers with C(--dns) and a server of the list.
      - One set of the kernel holds a list, however many entries it has and whoever shares it. Ports of a range count
        one by one, and 8192 are the most.
      - Needs the rules of both families (O(iptables), O(ip6tables)) and a bridge without an uplink. What it promises is
        told in the documentation, in who_reaches_what.
    type: raw
  adopt:
    description:
      - Whether to take over a bridge of this name that somebody else made. It keeps its addresses and its ports, and
        is not deleted by O(state=absent), which gives it back with C(route_localnet) off.
        A bridge that is the host's own way to the outside needs O(adopt_uplink).
    type: bool
    default: false
  must_exist:
    description:
      - Whether somebody else makes the bridge, like systemd-networkd or a task before this one, as C(external) of
        Compose. Then it is never created. Where it is not there the task fails, also in check mode.
      - This alone takes nothing over, so say O(adopt=true) as well for a bridge that this collection does not manage
        yet.
      - It counts for O(state=present) only. A bridge that is not there is absent, and O(state=absent) deletes a bridge
        that this collection made and gives back an adopted one, whatever this says.
      - C(mooring replay) does not fail where the bridge is not there. It waits up to 10 seconds for it when the host
        starts, says that it is missing, and brings back all that does not need it. Its network comes back with the
        next C(mooring replay), C(systemctl reload mooring) or task about it. Until then its containers stay closed.
    type: bool
  adopt_uplink:
    description:
      - Whether the bridge may have the host's own network behind it, because a network card, a bond, a VLAN or the like
        is a port of it, or because the default route goes by it. V(true) also says O(adopt).
      - Then only the containers that are attached to it are protected, masqueraded and kept apart, by their addresses.
        All else that goes by the bridge is left alone, so that other bridges reach the outside by it, and published
        ports see their clients.
      - Where such a bridge has containers, C(net.bridge.bridge-nf-call-iptables) is set to 1, and the same for IPv6,
        since neighbours on the wire would reach them past the host otherwise. Then what goes between any two ports of
        any bridge passes C(FORWARD), with the rules of others there.
      - Give O(fixed_cidr) as well, a part of the network that nobody else uses. Addresses of other machines are not
        known.
      - Other bridges cannot be opened to it with O(allow_bridges); see O(trusted_networks).
      - A bridge that this module made and that has come to lead to the outside keeps the addresses that the host has on
        it. Every run warns of it until this is said.
      - It stays so until V(false) is said, which is refused as long as the bridge leads to the outside.
    type: bool
  force:
    description:
      - Whether O(state=absent) also removes the endpoints that the bridge still has, O(iptables=false) and
        O(ip6tables=false) the published ports and links of its containers, a change of O(gateway_mode) or
        O(gateway_mode_v6) their published ports of that family, and O(internal=true) all of them.
      - A bridge that has got the host's network card, or addresses of the host beside its own one, is not deleted, with
        this option either. It stays as it is, without rules, and a warning says so.
    type: bool
    default: false
  allow_overlap:
    description:
      - Whether the bridge may have a subnet that overlaps a route of the host. The host then loses its way to those
        addresses.
    type: bool
    default: false
seealso:
  - module: mooring.net.netns_attach
  - module: mooring.net.port_publish
  - module: mooring.net.icc_policy
"""

EXAMPLES = r"""
- name: Create a bridge like docker0, with an address that fits this host
  mooring.net.docker_bridge:
    name: br0

- name: Create a bridge with a given subnet, of which containers get the upper half
  mooring.net.docker_bridge:
    name: bridge0
    bip: 192.168.5.1/24
    fixed_cidr: 192.168.5.128/25

- name: Choose a subnet of one's own pools for each of two bridges
  mooring.net.docker_bridge:
    config:
      - name: front
        default_address_pools: &pools
          - {base: 172.30.0.0/16, size: 24}
          - {base: "fd00:30::/48", size: 64}
      - name: back
        ipv6: true
        default_address_pools: *pools

- name: Let rules of one's own decide first about what is forwarded
  mooring.net.docker_bridge:
    name: front
    user_chain: true

- name: Keep a network out of all containers
  ansible.builtin.iptables:
    chain: MOORING-USER
    source: 203.0.113.0/24
    jump: DROP

- name: Use a bridge that systemd-networkd makes
  mooring.net.docker_bridge:
    name: br-lab
    must_exist: true
    adopt: true

- name: Create a bridge whose containers may not talk to each other
  mooring.net.docker_bridge:
    name: quiet
    icc: false

- name: Create two bridges in one task
  mooring.net.docker_bridge:
    config:
      - {name: front, bip: 10.10.0.1/24}
      - {name: back, bip: 10.20.0.1/24, ip_masq: false}

- name: Let containers of two bridges talk to each other, and keep those of a third out
  mooring.net.docker_bridge:
    config:
      - {name: front, bip: 10.10.0.1/24, allow_bridges: [back]}
      - {name: back, bip: 10.20.0.1/24}
      - {name: lab, bip: 10.30.0.1/24}

- name: Let the containers of a bridge find each other by name
  mooring.net.docker_bridge:
    name: bridge0
    container_names: true

- name: Let those on the VPN and in the office reach the containers themselves
  mooring.net.docker_bridge:
    name: lab
    trusted_interfaces: [wg0]
    trusted_networks: [192.0.2.0/24, "2001:db8:0:2::/64"]

- name: Keep an address for a router that stands on the bridge
  mooring.net.docker_bridge:
    name: lab
    aux_addresses: {router: 192.168.5.254}

- name: Keep them out again
  mooring.net.docker_bridge:
    name: lab
    trusted_interfaces: []
    trusted_networks: []

- name: Let what containers send to the outside leave with an address of its own
  mooring.net.docker_bridge:
    name: mail
    bip: 10.50.0.1/24
    outbound_address: 192.0.2.25

- name: Create a network for databases, which nothing leaves and nothing enters
  mooring.net.docker_bridge:
    name: inner
    bip: 10.40.0.1/24
    internal: true

- name: Create one on which there is nothing of the host either
  mooring.net.docker_bridge:
    name: apart
    bip: 10.41.0.1/24
    internal: true
    gateway_mode: isolated

- name: A network for code that nobody trusts, with one mirror of packages and one name server
  mooring.net.docker_bridge:
    name: sandbox
    bip: 192.168.9.1/24
    allow_to: ["192.0.2.80:443/tcp", "192.0.2.53:53"]

- name: Let its containers send anywhere again
  mooring.net.docker_bridge:
    name: sandbox
    allow_to: anywhere

- name: Attach containers to the bridge that the host itself is on, beside its neighbours
  mooring.net.docker_bridge:
    name: br-lan
    adopt_uplink: true
    fixed_cidr: 192.0.2.192/27

- name: Translate IPv4, and route IPv6
  mooring.net.docker_bridge:
    name: bridge0
    bip: 192.168.5.1/24
    bip6: 2001:db8:5::1/64
    gateway_mode: nat
    gateway_mode_v6: routed

- name: Remove a bridge, with all endpoints on it
  mooring.net.docker_bridge:
    name: bridge0
    state: absent
    force: true
"""

RETURN = r"""
bridge:
  description: The bridge as it is afterwards, or null when it is not there. Not returned with O(config).
  returned: success, without O(config)
  type: dict
  sample:
    name: bridge0
    bip: 192.168.5.1/24
    subnet: 192.168.5.0/24
    mtu: 1500
    mac_address: 02:6d:5e:10:a7:91
    up: true
    stp: false
    ip_masq: true
    outbound_address: ""
    outbound_address_v6: ""
    icc: true
    iptables: true
    ip6tables: true
    fixed_cidr: 192.168.5.128/25
    default_gateway: ""
    ipv6: false
    bip6: ""
    subnet_v6: ""
    fixed_cidr_v6: ""
    default_gateway_v6: ""
    adopted: false
    uplink: false
    internal: false
    user_chain: false
    forward_others: false
    gateway_mode: nat
    gateway_mode_v6: nat
    allow_bridges: []
    trusted_interfaces: []
    trusted_networks: []
    container_names: false
    allow_to: null
    aux_addresses: {router: 192.168.5.254}
    endpoints: [db, web]
bridges:
  description: All bridges of the task, in its order.
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
  sample: ["create bridge bridge0 with 192.168.5.1/24", "set net.ipv4.ip_forward to 1 (was 0)"]
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
  sample: [{"name": "net.ipv4.ip_forward", "value": "1", "previous": "0"}]
"""

from ansible_collections.mooring.net.plugins.module_utils._internal.bridge.resource import RESOURCE
from ansible_collections.mooring.net.plugins.module_utils._internal.run.module import run_module


def main() -> None:
    run_module(RESOURCE)


if __name__ == "__main__":
    main()
