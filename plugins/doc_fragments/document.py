# SPDX-License-Identifier: GPL-3.0-or-later
"""The document, as host_network takes it. Written by tests/specs.py."""
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  networks:
    description: The networks of the host. Each takes the options of M(mooring.net.docker_bridge)
      and C(containers).
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        type: raw
        required: true
        description: Name of the bridge, 15 characters at most.
      state:
        type: str
        choices: [present, absent]
        description: Whether the bridge is to be there. C(absent) also counts for its containers.
      bip:
        type: raw
        description: Address and prefix length of the bridge, like V(192.168.5.1/24). Containers use
          it as their gateway.
      mtu:
        type: raw
        description: MTU in bytes, or V(auto) for that of the interface with the default route.
      fixed_cidr:
        type: raw
        description: A part of the bridge's subnet from which containers get their addresses, like
          V(192.168.5.128/25).
      default_gateway:
        type: raw
        description: The gateway of the containers, when it is not the bridge itself.
      default_address_pools:
        type: list
        elements: dict
        description: The pools from which a bridge without C(bip) gets a subnet, and one with C(ipv6)
          and neither C(bip6) nor C(fixed_cidr_v6). The default is what is said for the whole host,
          and else Docker's pools.
        suboptions:
          base:
            type: raw
            required: true
            description: A network, like V(172.30.0.0/16).
          size:
            type: raw
            required: true
            description: The prefix length of each subnet in it, like V(24).
      ip_masq:
        type: bool
        description: Whether what containers send to the outside gets the host's address. The default
          for a new bridge is V(true).
      outbound_address:
        type: raw
        description: An IPv4 address of the host with which it leaves what containers send to the
          outside, in the place of that of the interface that it leaves by. An empty text takes it
          away.
      outbound_address_v6:
        type: raw
        description: The same for IPv6.
      ip_forward:
        type: bool
        description: Whether to switch on C(net.ipv4.ip_forward) where it is off. V(false) leaves
          it as it is. It is never switched off.
      forward_others:
        type: bool
        description: Whether the host may forward packets between interfaces that are no bridges of
          M(mooring.net.docker_bridge), when that is what switched forwarding on.
      internal:
        type: bool
        description: Whether the bridge is a network without a way out or in. Its containers reach
          each other and the bridge's own address, get no default route by it, and cannot have published
          ports on it. C(force) closes those that there are.
      user_chain:
        type: bool
        description: Whether rules of the administrator come first for what is forwarded, in the chain
          C(MOORING-USER) of the table filter of both families. It is one for the whole host, made
          where it is missing, and never emptied.
      iptables:
        type: bool
        description: Whether to keep rules for IPv4. Without them there is no masquerade, no published
          port and no protection. The default for a new bridge is V(true).
      ip6tables:
        type: bool
        description: Whether to keep rules for IPv6. Without them, ports are published for IPv4 only,
          and a bridge with IPv6 cannot have C(icc=false). The default for a new bridge is V(true).
      ipv6:
        type: bool
        description: Whether containers get IPv6 addresses. Needs C(bip6), C(fixed_cidr_v6), or a
          pool of IPv6 in C(default_address_pools).
      bip6:
        type: raw
        description: IPv6 address and prefix length of the bridge, like V(2001:db8:1::1/64). The default
          is the first address of C(fixed_cidr_v6).
      fixed_cidr_v6:
        type: raw
        description: The IPv6 network from which containers get their addresses.
      default_gateway_v6:
        type: raw
        description: The IPv6 gateway of the containers, when it is not the bridge itself.
      stp:
        type: bool
        description: Whether the bridge speaks the spanning tree protocol. The default for a new bridge
          is V(false).
      mac_address:
        type: raw
        description: MAC address of the bridge. A new bridge gets one that is made from its name and
          stays the same.
      gateway_mode:
        type: str
        choices: [nat, routed, isolated]
        description: How containers are reached by IPv4. With V(nat), the default for a new bridge,
          their ports are published at addresses of the host. With V(routed) nothing is translated,
          and published ports are open at the container's own address. With V(isolated), for an internal
          bridge, the host has no address on it. To change it closes published ports, and needs C(force).
      gateway_mode_v6:
        type: str
        choices: [nat, routed, isolated]
        description: The same for IPv6. When it is not given, it is what C(gateway_mode) says, if
          that is given.
      allow_bridges:
        type: raw
        description: A list of other bridges whose containers and those of this one may open connections
          to each other. It is enough that one of two bridges names the other.
      trusted_interfaces:
        type: raw
        description: A list of interfaces of the host. Whoever comes in by them reaches the containers
          at their own addresses, on all ports.
      trusted_networks:
        type: raw
        description: A list of addresses and networks from which the containers are reached at their
          own addresses, on all ports.
      container_names:
        type: bool
        description: Whether the containers of this bridge find each other by name. Their hosts files,
          as far as they are managed, list all of them with their C(aliases). The default for a new
          bridge is V(false).
      allow_to:
        type: raw
        description: A list of addresses, networks and ports, like V(10.0.0.0/8:443/tcp) or V(192.0.2.53:53),
          that the containers may send to, those with an C(allow_to) of their own left out. Everything
          else is closed to them, name servers and the host itself included. An empty list closes
          all, V(anywhere) takes the list away.
      aux_addresses:
        type: dict
        description: Addresses of the bridge's subnets that no container gets, by the name of what
          has them, like C(router) and V(192.168.5.254).
      adopt:
        type: bool
        description: Whether to take over a bridge of this name that somebody else made. It keeps
          its addresses and its ports, and is not deleted by C(state=absent).
      must_exist:
        type: bool
        description: Whether somebody else makes the bridge. Then it is an error if it is not there,
          also in check mode. Say C(adopt) as well to take it over.
      adopt_uplink:
        type: bool
        description: Whether the bridge may have the host's own network behind it. Then only the containers
          that are attached to it are protected and masqueraded, by their addresses.
      force:
        type: bool
        description: Whether C(state=absent) also removes the endpoints that the bridge still has,
          a change of C(gateway_mode) or C(gateway_mode_v6) the published ports of that family, and
          C(internal=true) all of them.
      allow_overlap:
        type: bool
        description: Whether the bridge may have a subnet that overlaps a route of the host. The host
          then loses its way to those addresses.
      icc:
        type: bool
        description: Whether containers of this bridge may open connections to each other. A bridge
          of which it is not said stays as it is.
      containers:
        type: list
        elements: dict
        description: The containers on this bridge. Each takes the options of M(mooring.net.netns_attach),
          M(mooring.net.port_publish), M(mooring.net.icc_policy) and M(mooring.net.container_dns).
        suboptions:
          name:
            type: raw
            required: true
            description: Name of the container for published ports and links. Also that of its network
              namespace, where nothing else is said.
          state:
            type: str
            choices: [present, absent]
            description: Whether the container is to be on the bridge. A container that is merely
              no longer listed is left alone.
          container:
            type: raw
            description: Name or id of a running Docker or Podman container, started without a network.
          pid:
            type: raw
            description: The number of a process of the container. Its network namespace is meant.
          netns:
            type: raw
            description: Name of a network namespace, as C(ip netns) lists it.
          netns_path:
            type: path
            description: Path of a network namespace, like V(/proc/1234/ns/net).
          network_mode:
            type: raw
            description: How the container is connected, V(bridge), V(none), V(host) or V(container:NAME).
              The default is V(bridge).
          interface:
            type: raw
            description: An interface of the host, made with M(mooring.net.veth_pair), that becomes
              the container's interface. Its other end stays on the host and becomes a port of C(bridge),
              or of the bridge that it is on already.
          interface_name:
            type: raw
            description: Name of the interface inside the container.
          address:
            type: raw
            description: The container's IPv4 address, with or without the prefix length of the bridge's
              subnet.
          address_v6:
            type: raw
            description: The container's IPv6 address, with or without the prefix length of the bridge's
              subnet.
          gateway:
            type: raw
            description: The IPv4 gateway of the default route. The default is that of the bridge.
          gateway_v6:
            type: raw
            description: The IPv6 gateway of the default route. The default is that of the bridge.
          mac_address:
            type: raw
            description: MAC address of the interface. The default is Docker's, C(02:42:) and the
              IPv4 address.
          mtu:
            type: raw
            description: MTU in bytes, or V(auto) for that of the bridge, which is the default for
              a new interface.
          tx_queue_len:
            type: raw
            description: Length of the transmit queue of both ends, in packets.
          routes:
            type: list
            elements: dict
            description: More routes through this interface. Others are left alone.
            suboptions:
              destination:
                type: raw
                required: true
                description: A network, an address, or V(default).
              gateway:
                type: raw
                description: The next hop, when the destination is not on the link itself.
          aliases:
            type: raw
            description: A list of other names of the container on this bridge, for the other containers,
              where the bridge has C(container_names).
          sysctls:
            type: dict
            description: Kernel settings of the container's network by name, like C(net.ipv4.conf.IFNAME.rp_filter),
              where C(IFNAME) stands for the interface. Redirects and router advertisements of others
              are not heeded (C(accept_redirects) and C(accept_ra) are V(0)) unless this says so.
          default_route:
            type: bool
            description: Whether the container's default route leads through this interface. When
              it is not given, the first interface of the container in the document has it, unless
              it leads through one that the document does not list.
          exposed_ports:
            type: raw
            description: A list of ports that the container offers to those that are linked to it,
              like V(5432) or V(53/udp).
          allow_to:
            type: raw
            description: A list of addresses, networks and ports that the container may send to through
              this interface, in the place of the list of the network. An empty list closes all, V(anywhere)
              takes the list away.
          create_netns:
            type: bool
            description: Whether to create the namespace C(netns) when it is missing.
          adopt:
            type: bool
            description: Whether to take over the interface that the container's engine has put on
              the bridge.
          bandwidth:
            type: raw
            description: The most that may pass the interface. A direction that is not named has no
              limit.
            suboptions:
              ingress:
                type: raw
                description: What the container may receive, in bits per second, like V(10mbit).
              ingress_burst:
                type: raw
                description: How many bytes it may receive at once, like V(64kb).
              egress:
                type: raw
                description: What the container may send, in bits per second.
              egress_burst:
                type: raw
                description: How many bytes it may send at once.
          published_ports:
            type: raw
            description: A list of ports of the container that the host publishes, each in quotes,
              in the syntax of C(docker run -p), like V(8080:80) or V(127.0.0.1::443), or with the
              name of an interface like V(eth0:8080:80), or of a routed network opens at the container's
              own address, like V(80). All others are closed. Those of a container on several networks
              stand under the one that its default route leads over, of IPv4 or of IPv6, and are refused
              elsewhere.
          publish_all_ports:
            type: bool
            description: Whether to publish every exposed port that C(published_ports) does not mention,
              at a dynamic host port.
          default_host_ip:
            type: raw
            description: The host address of entries that name none, like Docker's C(--ip), or the
              name of an interface. The default is every address.
          allow_from:
            type: raw
            description: A list of addresses and networks that may connect. For all others the ports
              are closed. The default is everyone.
          dynamic_port_range:
            type: raw
            description: Where host ports are chosen from, lowest free one first.
          links:
            type: raw
            description: A list of what the container is linked to, like V(db:database). All other
              links of it are removed.
          hostname:
            type: raw
            description: The host name, also inside of a running container. The default is what a
              running container calls itself, and the name of a namespace.
          domainname:
            type: raw
            description: The domain. The container's own line in its hosts file begins with host name
              and domain.
          dns_servers:
            type: raw
            description: A list of name servers, or V(host-gateway) for the bridge. By default they
              are the host's, and follow it.
          dns_search_domains:
            type: raw
            description: A list of domains in which short names are looked up, V(.) for none. The
              default is what the host has.
          dns_opts:
            type: raw
            description: A list of options of the resolver, like V(ndots:2). The default is what the
              host has.
          etc_hosts:
            type: dict
            description: More entries of the hosts file, from a name to an address or V(host-gateway).
          fallback_dns_servers:
            type: raw
            description: A list of name servers of a container that would have none, since the host's
              are of no use in it.
          hosts_template:
            type: raw
            description: A Jinja2 template for the managed block of hosts.
          hostname_template:
            type: raw
            description: A Jinja2 template for the hostname file.
          resolv_conf_template:
            type: raw
            description: A Jinja2 template for the managed block of resolv.conf.
"""
