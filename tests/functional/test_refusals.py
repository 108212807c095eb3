# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel would refuse half way is refused before anything is touched; what it takes works."""
import pytest
from containers import box, once
from pipeline import PipelineError
from worlds import picture

pytestmark = once

WEB = {"netns": "web", "bridge": "br0"}
PAIR = {"name": "a", "peer": {"name": "b"}}


@pytest.fixture(scope="module")
def here():
    with box() as found:
        found.run("docker_bridge", config=[{"name": "br0", "bip": "192.168.5.1/24", "bip6": "2001:db8:5::1/64"},
                                           {"name": "plain", "bip": "192.168.8.1/24"}])
        yield found


def via(destination, gateway):
    return {"routes": [{"destination": destination, "gateway": gateway}]}


REFUSED = [
    *(("netns_attach", "gateway", {**WEB, "gateway": gateway})
      for gateway in ("0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "10.0.0.1", "192.168.5.255")),
    *(("netns_attach", "gateway_v6", {**WEB, "gateway_v6": gateway})
      for gateway in ("::", "::1", "ff02::1", "::ffff:10.0.0.1", "2001:db8:6::1")),
    ("netns_attach", "gateway", {**WEB, "address": "192.168.5.9", "gateway": "192.168.5.9"}),
    ("netns_attach", "gateway_v6", {**WEB, "address_v6": "2001:db8:5::9", "gateway_v6": "2001:db8:5::9"}),
    *(("netns_attach", "routes", {**WEB, **via(*route)}) for route in (
        ("10.0.0.0/8", "10.0.0.1"), ("default", "10.0.0.1"), ("192.168.5.0/24", "192.168.5.1"),
        ("10.0.0.0/8", "192.168.5.255"), ("2001:db8:7::/48", "2001:db8:6::1"), ("2001:db8:5::/64", "2001:db8:5::1"))),
    ("netns_attach", "address", {**WEB, "address": "192.168.5.255"}),
    ("netns_attach", "address_v6", {**WEB, "address_v6": "fe80::9"}),
    ("netns_attach", "interface_name", {**WEB, "interface_name": "lo"}),
    *(("netns_attach", "sysctls", {**WEB, "sysctls": {f"net.{name}": value}}) for name, value in (
        ("ipv4.nothing", "1"), ("ipv4.conf.eth7.rp_filter", "1"), ("ipv4.conf.IFNAME.rp_filter", "1 2"),
        ("ipv4.conf.IFNAME.rp_filter", "yes"), ("ipv4.ip_default_ttl", "256"), ("ipv4.tcp_rmem", "4096"),
        ("ipv4.neigh.IFNAME.gc_stale_time", "soon"), ("ipv4.ip_local_port_range", "9 1"), ("core.somaxconn", "-1"),
        ("core.netdev_max_backlog", "100"), ("ipv6.conf.IFNAME.disable_ipv6", "1"), ("ipv6.conf.all.disable_ipv6", "1"),
        ("netfilter.nf_conntrack_max", "70000"))),
    ("netns_attach", "sysctls", {**WEB, "sysctls": {"net.ipv4.ip_unprivileged_port_start": "1025",
                                                    "net.ipv4.ip_local_port_range": "0 3000"}}),
    ("netns_attach", "sysctls", {"netns": "web", "bridge": "plain", "mtu": 1200,
                                 "sysctls": {"net.ipv6.conf.IFNAME.accept_ra": "0"}}),
    *(("netns_attach", "mtu", {**WEB, "mtu": mtu}) for mtu in ("67", "1279", "65536")),
    *(("veth_pair", "addresses", {**PAIR, "addresses": [address]}) for address in (
        "0.0.0.0/24", "127.0.0.1/8", "224.0.0.1/24", "10.9.0.0/24", "10.9.0.255/24", "::/64", "::1/128", "ff02::1/64",
        "::ffff:10.0.0.1/96")),
    *(("veth_pair", "routes", {**PAIR, "addresses": ["10.9.0.1/24", "2001:db8:9::1/64"], **via(*route)}) for route in (
        ("10.0.0.0/8", "10.8.0.1"), ("10.0.0.0/8", "10.9.0.1"), ("10.9.0.0/24", "10.9.0.2"), ("default", "0.0.0.0"),
        ("2001:db8:7::/48", "2001:db8:8::1"), ("2001:db8:7::/48", "2001:db8:9::1"))),
    *(("veth_pair", "mtu", {**PAIR, "mtu": mtu}) for mtu in (0, 67, 65536)),
    *(("docker_bridge", "default_gateway", {"name": "br0", "default_gateway": gateway})
      for gateway in ("10.0.0.1", "192.168.5.0", "192.168.5.255", "0.0.0.0")),
    ("docker_bridge", "bip6", {"name": "br1", "bip6": "::ffff:10.0.0.1/96"}),
]


@pytest.mark.parametrize(("module", "option", "given"), REFUSED, ids=str)
def test_it_is_refused_before_anything_is_touched(here, module, option, given):
    before = picture(here.host)
    with pytest.raises(PipelineError, match=f"^{option}: "):
        here.run(module, **given)
    assert picture(here.host) == before


ALLOWED = [
    ("netns_attach", {**WEB, "gateway": "192.168.5.9", "gateway_v6": "fe80::1"}),
    ("netns_attach", {**WEB, "routes": [{"destination": "10.9.9.9/32"},
                                        {"destination": "10.0.0.0/8", "gateway": "10.9.9.9"},
                                        {"destination": "192.168.5.0/24"},
                                        {"destination": "2001:db8:7::/48", "gateway": "fe80::9"}]}),
    ("netns_attach", {**WEB, "sysctls": {"net.ipv4.conf.IFNAME.rp_filter": "2", "net.ipv4.ip_default_ttl": "61",
                                         "net.ipv4.tcp_rmem": "4096\t131072  999999", "net.ipv4.conf.lo.rp_filter": "0",
                                         "net.ipv6.conf.IFNAME.disable_ipv6": "0",
                                         "net.ipv4.ip_unprivileged_port_start": "80",
                                         "net.ipv4.ip_local_port_range": "2000 3000"}}),
    ("netns_attach", {"netns": "web", "bridge": "plain", "sysctls": {"net.ipv6.conf.all.disable_ipv6": "1"}}),
    ("netns_attach", {**WEB, "mtu": "65535"}),
    ("veth_pair", {**PAIR, "addresses": ["10.9.0.0/31", "2001:db8:9::/64", "169.254.1.1/16"], "routes": [
        {"destination": "10.9.0.0/31"}, {"destination": "10.0.0.0/8", "gateway": "10.9.0.1"}]}),
    # inet_ntop() of libc has dots in these (::1.2.3.4), as iproute2 and iptables-save show them.
    ("veth_pair", {**PAIR, "addresses": ["::102:304/112"], "routes": [
        {"destination": "::102:0/127"}, {"destination": "::ffff:10.0.0.0/104", "gateway": "::1.2.3.5"}]}),
    ("netns_attach", {**WEB, "routes": [{"destination": "::102:304", "gateway": "2001:db8:5::1"}]}),
    ("docker_bridge", {"name": "br1", "bip": "192.168.6.1/24", "bip6": "::1.2.3.1/112",
                       "trusted_networks": ["::6.0.0.0/104"], "allow_to": ["[::1.2.3.9]:80"]}),
    ("veth_pair", {**PAIR, "mtu": 68}),
    ("docker_bridge", {"name": "br1", "bip": "192.168.6.1/24", "mtu": "68"}),
    ("docker_bridge", {"name": "br1", "bip": "192.168.6.1/24", "mtu": "65535", "bip6": "2001:db8:6::1/64",
                       "default_gateway_v6": "fe80::1", "default_gateway": "192.168.6.254"}),
]


@pytest.mark.parametrize(("module", "given"), ALLOWED, ids=str)
def test_what_the_kernel_takes_works(here, module, given):
    here.run(module, **given)
    assert here.unchanged(module, **given)
    name = {key: value for key, value in given.items() if key in ("name", "netns")}
    here.run(module, state="absent", **name)


def test_a_container_is_the_gateway_of_its_bridge(here):
    here.run("docker_bridge", name="br1", bip="192.168.6.1/24", default_gateway="192.168.6.9")
    here.run("netns_attach", netns="db", bridge="br1")
    assert ("default", "192.168.6.9", "eth0") in here.routes("db")
    here.run("docker_bridge", name="br1", default_gateway="")
    here.run("netns_attach", netns="router", bridge="br1", address="192.168.6.9")
    here.run("docker_bridge", name="br1", default_gateway="192.168.6.9")
    here.run("netns_attach", netns="router")
    assert here.unchanged("netns_attach", netns="router")
