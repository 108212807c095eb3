# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that lives from router advertisements, and one whose new interfaces begin without IPv6 or with a small MTU."""
import contextlib
import socket
import struct
import time

import pytest
from containers import box
from pipeline import PipelineError
from testhosts import Host, link
from traffic import Place, expect_answers
from worlds import sysctl

BRIDGE = {"name": "br0", "bip": "192.168.5.1/24", "bip6": "2001:db8:5::1/64"}
PREFIX, LATER = "2001:db8:51::", "2001:db8:52::"


@pytest.fixture
def here():
    """A box with an interface that has a link-local address only, at whose other end routers can be."""
    with box() as found, Host.up("routers") as far:
        link(found.host, "eth0", ["198.51.100.1/24"], far, "eth0", [])
        found.host.run(["ip", "route", "add", "default", "via", "198.51.100.2"])
        sysctl(found.host, "net.ipv6.conf.eth0.accept_ra", 1)
        found.router = Place(far)
        yield found


def advertise(place, prefix, lifetime, interface="eth0"):
    """A router advertisement (RFC 4861, 4.2 and 4.6.2) to all nodes; with lifetime 0 it brings addresses only."""
    head = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, lifetime, 0, 0)
    option = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 3600, 3600, 0) + socket.inet_pton(socket.AF_INET6, prefix)
    with place.entered():
        number = socket.if_nametoindex(interface)
        with contextlib.closing(socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)) as out:
            out.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
            out.sendto(head + option, ("ff02::1", 0, 0, number))


def has_address(here, prefix, interface="eth0"):
    return any(address.startswith(prefix[:-1]) for address in here.addresses(interface))


def hears(here, prefix, lifetime=0, interface="eth0"):
    """Whether the host gets an address of what a router advertises."""
    deadline = time.monotonic() + 60
    while not has_address(here, prefix, interface) and time.monotonic() < deadline:
        # The link-local address of a new end takes a moment to be usable.
        with contextlib.suppress(OSError):
            advertise(here.router, prefix, lifetime, interface)
        time.sleep(0.1)
    return has_address(here, prefix, interface)


def value(here, name):
    return here.host.run(["cat", f"/proc/sys/net/ipv6/conf/{name}"]).stdout.strip()


def test_a_host_with_an_address_from_a_router_and_no_route_goes_on(here):
    assert hears(here, PREFIX)
    assert here.routes(family="-6") and ("default", "", "eth0") not in here.routes(family="-6")
    here.run("docker_bridge", **BRIDGE)
    assert value(here, "all/forwarding") == "1" and value(here, "eth0/accept_ra") == "2"
    assert hears(here, LATER)


def test_a_host_that_has_not_heard_a_router_yet_hears_it(here):
    here.run("docker_bridge", **BRIDGE)
    assert hears(here, PREFIX, lifetime=1800)
    assert any(route[0] == "default" for route in here.routes(family="-6"))
    assert here.unchanged("docker_bridge", **BRIDGE)


def test_the_default_route_that_a_router_gave_stays(here):
    assert hears(here, PREFIX, lifetime=1800)
    # Forwarding of IPv6 is on, but not where routers are heard: here a bridge is what begins to forward.
    for name, number in (("all", 1), ("default", 0), ("eth0", 0)):
        sysctl(here.host, f"net.ipv6.conf.{name}.forwarding", number)
    assert hears(here, LATER, lifetime=1800)
    advertise(here.router, LATER, 1800)
    routes = [route for route in here.routes(family="-6") if route[0] == "default"]
    assert len(routes) == 1
    here.run("docker_bridge", **BRIDGE)
    assert [route for route in here.routes(family="-6") if route[0] == "default"] == routes


def test_an_interface_that_comes_later_hears_routers_as_well(here):
    sysctl(here.host, "net.ipv6.conf.default.accept_ra", 1)
    here.run("docker_bridge", **BRIDGE)
    link(here.host, "eth7", [], here.router.host, "eth7", [])
    assert hears(here, PREFIX, interface="eth7")
    here.run("docker_bridge", name="br1", bip="192.168.6.1/24")
    assert value(here, "br1/accept_ra") == value(here, "br0/accept_ra") == "0"


def test_bridges_containers_and_pairs_have_ipv6_where_new_interfaces_begin_without(here):
    sysctl(here.host, "net.ipv6.conf.default.disable_ipv6", 1)
    here.host.run(["ip", "netns", "add", "web"])
    here.host.run(["nsenter", "--net=/run/netns/web", "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"])
    here.run("docker_bridge", **BRIDGE)
    here.run("netns_attach", netns="web")
    here.servers.serve(Place(here.host, "web"), "web", (80,), "::")
    expect_answers(((here.place, "tcp", "2001:db8:5::2", 80), "web:80", "2001:db8:5::1"))
    pair = {"name": "a", "addresses": ["2001:db8:9::1/64"],
            "peer": {"name": "b", "netns": "web", "addresses": ["2001:db8:9::2/64"]}}
    here.run("veth_pair", **pair)
    expect_answers(((here.place, "tcp", "2001:db8:9::2", 80), "web:80", "2001:db8:9::1"))
    assert here.unchanged("veth_pair", **pair) and here.unchanged("docker_bridge", **BRIDGE)
    sysctl(here.host, "net.ipv6.conf.br0.disable_ipv6", 1)
    here.run("docker_bridge", **BRIDGE)
    expect_answers(((here.place, "tcp", "2001:db8:5::2", 80), "web:80", "2001:db8:5::1"))


def test_a_small_mtu_works_without_ipv6_and_a_lowered_one_is_repaired(here):
    small = {"name": "br1", "bip": "192.168.6.1/24", "mtu": "1200"}
    here.run("docker_bridge", **small)
    here.run("netns_attach", netns="db", bridge="br1")
    assert here.link("br1")["mtu"] == here.link("eth0", "db")["mtu"] == 1200
    assert here.unchanged("docker_bridge", **small) and here.unchanged("netns_attach", netns="db")
    here.run("docker_bridge", name="br1", mtu="1280")
    assert value(here, "br1/accept_ra") == "0" and here.link("eth0", "db")["mtu"] == 1280
    with pytest.raises(PipelineError, match="mtu: '1200' is too small for IPv6"):
        here.run("docker_bridge", **{**BRIDGE, "mtu": "1200"})
    here.run("docker_bridge", **BRIDGE, mtu="1500")
    here.run("netns_attach", netns="web", bridge="br0")
    here.servers.serve(Place(here.host, "web"), "web", (80,), "::")
    for given in (BRIDGE, {**BRIDGE, "mtu": "1500"}):
        here.sh("ip link set br0 mtu 1200")
        assert here.addresses("br0") == ["192.168.5.1/24"]
        here.run("docker_bridge", **given)
        assert value(here, "br0/accept_ra") == value(here, "br0/dad_transmits") == "0"
        assert value(here, "br0/forwarding") == "1" and here.unchanged("docker_bridge", **given)
        expect_answers(((here.place, "tcp", "2001:db8:5::2", 80), "web:80", "2001:db8:5::1"))
