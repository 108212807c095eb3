# SPDX-License-Identifier: GPL-3.0-or-later
"""A small world around a host with containers: somebody outside, and a neighbour who routes everything through it.

::

    outside 198.51.100.2 --- 198.51.100.1  box  203.0.113.1 --- 203.0.113.2 neighbour
                                            |
                       front 192.168.5.1/24 (icc)      back 10.20.0.1/24 (no icc)
                         web  shop  limited             source  target  third
                                           plain 10.30.0.1/24 (no masquerade): routed

Both know the way to the containers' addresses: what keeps them out are rules, not a missing route.
"""
import contextlib
import itertools
import re

from pipeline import Pipeline
from testhosts import Host, fingerprint, link
from traffic import Place, Servers

BACKENDS = ("nft", "legacy")
OUTSIDE, BOX, NEIGHBOUR, BOX_NEIGHBOUR = "198.51.100.2", "198.51.100.1", "203.0.113.2", "203.0.113.1"
OUTSIDE6, BOX6, NEIGHBOUR6, BOX_NEIGHBOUR6 = "2001:db8:51::2", "2001:db8:51::1", "2001:db8:113::2", "2001:db8:113::1"
FRONT, BACK, PLAIN = "192.168.5.1", "10.20.0.1", "10.30.0.1"
FRONT6, BACK6, PLAIN6 = "2001:db8:5::1", "2001:db8:20::1", "2001:db8:30::1"
ADDRESSES = {"web": ("192.168.5.10", "2001:db8:5::10"), "shop": ("192.168.5.11", "2001:db8:5::11"),
             "limited": ("192.168.5.12", "2001:db8:5::12"), "source": ("10.20.0.10", "2001:db8:20::10"),
             "target": ("10.20.0.11", "2001:db8:20::11"), "third": ("10.20.0.12", "2001:db8:20::12"),
             "routed": ("10.30.0.10", "2001:db8:30::10")}
BRIDGES = {"front": ("web", "shop", "limited"), "back": ("source", "target", "third"), "plain": ("routed",)}
BRIDGE_CALLS = ("net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-ip6tables")
FORWARDING = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")

_numbers = itertools.count(1)


def use_backend(host, backend):
    """Let ``iptables`` and its relatives in the host be those of a backend, as update-alternatives would."""
    programs = [f"{name}{what}" for name in ("iptables", "ip6tables") for what in ("", "-save", "-restore")]
    host.run(["sh", "-ec", "\n".join(
        f"ln -sf /usr/sbin/{name.split('-')[0]}-{backend}{name[len(name.split('-')[0]):]} /usr/sbin/{name}"
        for name in programs)])


def picture(host):
    """The host's fingerprint without what the kernel settles by itself a moment later: carriers, link-local routes."""
    found = fingerprint(host)
    for key, lines in found.items():
        if isinstance(lines, list):
            lines = [line for line in lines if "fe80:" not in line and "ff00:" not in line and "anycast" not in line]
            found[key] = [re.sub(r" linkdown\b| state \S+|NO-CARRIER,|,LOWER_UP", "", line) for line in lines]
    return found


def sysctl(host, name, value):
    host.run(["sysctl", "-qw", f"{name}={value}"])


def forward_all(host):
    """Let the host forward whatever comes in by whichever interface: what ends there ends by rules."""
    for name in (*BRIDGE_CALLS, "net.ipv4.conf.all.rp_filter", "net.ipv4.conf.default.rp_filter"):
        sysctl(host, name, 0)
    for name in FORWARDING:
        sysctl(host, name, 1)


class World:
    """Hosts, servers and the pipeline on the box. Nothing is configured yet but the links between the hosts."""

    def __init__(self, stack, backend, policy="ACCEPT"):
        number = next(_numbers)
        self.backend, self.policy = backend, policy
        self.box, self.outside_host, self.neighbour_host = (
            stack.enter_context(Host.up(f"{name}-{number}")) for name in ("box", "outside", "neighbour"))
        use_backend(self.box, backend)
        for program in ("iptables", "ip6tables"):
            self.box.run([program, "-P", "FORWARD", policy])
        self._connect(self.outside_host, "eth0", OUTSIDE, OUTSIDE6, BOX, BOX6)
        self._connect(self.neighbour_host, "eth1", NEIGHBOUR, NEIGHBOUR6, BOX_NEIGHBOUR, BOX_NEIGHBOUR6)
        self.servers = stack.enter_context(Servers())
        self.pipeline = stack.enter_context(Pipeline(self.box))
        self.host, self.outside, self.neighbour = (
            Place(host) for host in (self.box, self.outside_host, self.neighbour_host))

    def _connect(self, host, interface, address, address6, box, box6):
        link(self.box, interface, [f"{box}/24", f"{box6}/64"], host, "eth0", [f"{address}/24", f"{address6}/64"])
        host.run(["ip", "-batch", "-"], input=f"route add default via {box}\nroute add default via {box6}\n")

    def container(self, name):
        return Place(self.box, name)

    def serve(self, place, name, ports, **options):
        for address in ("0.0.0.0", "::"):
            self.servers.serve(place, name, ports, address, **options)


@contextlib.contextmanager
def world(backend, policy="ACCEPT"):
    with contextlib.ExitStack() as stack:
        yield World(stack, backend, policy)


@contextlib.contextmanager
def bare_world(backend, containers):
    """Namespaces with servers, that no bridge leads to yet. The host forwards packets, and its policy accepts them."""
    with world(backend) as found:
        for name in FORWARDING:
            sysctl(found.box, name, 1)
        for name in BRIDGE_CALLS:
            sysctl(found.box, name, 0)
        for name in containers:
            found.box.run(["ip", "netns", "add", name])
            found.serve(found.container(name), name, (80, 81, 5432))
        yield found
