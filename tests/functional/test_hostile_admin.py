# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container with CAP_NET_ADMIN does in its own namespace does not keep a run from anybody else."""
import contextlib

import pytest
from containers import box
from pipeline import PipelineError

V4, V6 = "192.168.5.1/24", "2001:db8:5::1/64"

# What the next run puts right, as commands inside of the container.
REPAIRED = {
    "a default route of its own": "ip route replace default via 192.168.5.77 dev eth0",
    "a default route without a gateway": "ip route replace default dev eth0 scope link",
    "a default route with another metric": "ip route del default; ip route add default via 192.168.5.77 metric 5",
    "a default route of another protocol": "ip route replace default via 192.168.5.77 dev eth0 proto bird src $IP4",
    "a default route with two hops": "ip route replace default nexthop via 192.168.5.77 nexthop via 192.168.5.78",
    "a default route that is locked to an MTU": "ip route replace default via 192.168.5.1 dev eth0 mtu lock 600",
    "a blackhole": "ip route replace blackhole default",
    "an unreachable default": "ip route del default; ip route add unreachable default",
    "no default route": "ip route del default",
    "the same for IPv6": "ip -6 route replace default via 2001:db8:5::77 dev eth0",
    "a blackhole for IPv6": "ip -6 route del default; ip -6 route add blackhole default",
    "an unreachable default for IPv6 beside": "ip -6 route add unreachable default metric 1",
    "two hops for IPv6": "ip -6 route replace default nexthop via 2001:db8:5::77 nexthop via 2001:db8:5::78",
    "a metric for IPv6": "ip -6 route del default; ip -6 route add default via 2001:db8:5::77 metric 5",
    "a blackhole for the gateway": "ip route del default; ip route add blackhole 192.168.5.1/32",
    "a blackhole for the IPv6 gateway": "ip -6 route del default; ip -6 route add blackhole 2001:db8:5::1/128",
    "a small MTU": "ip link set eth0 mtu 600",
    "a huge MTU": "ip link set eth0 mtu 9000",
    "another MAC": "ip link set eth0 address 02:00:00:00:00:99",
    "no IPv6 on a new interface": "sysctl -qw net.ipv6.conf.default.disable_ipv6=1; ip link delete eth0",
    "no IPv6 on one that comes back": "sysctl -qw net.ipv6.conf.default.disable_ipv6=1; ip link set eth0 mtu 600",
    "an interface that is down": "ip link set eth0 down",
    "no address": "ip address flush dev eth0",
    "an address with another prefix length": "ip a del $IP6/64 dev eth0; ip a add $IP6/128 dev eth0; "
                                             "ip a del $IP4/24 dev eth0; ip a add $IP4/32 dev eth0",
    "no IPv6": "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1",
    "no IPv6 anywhere": "sysctl -qw net.ipv6.conf.all.disable_ipv6=1",
    "another name": "ip link set eth0 down; ip link set eth0 name mine",
    "no interface": "ip link delete eth0",
    "an address that ends": "ip a change $IP4/24 dev eth0 valid_lft 5000 preferred_lft 5000",
    "loopback down": "ip link set lo down",
    "a default route to itself": "ip route del default; ip route add local default dev lo table main; "
                                 "ip -6 route del default; ip -6 route add local default dev lo metric 5 table main",
    "the gateway itself": "ip route del default; ip route add local 192.168.5.1 dev lo table main",
    "a next hop object": "ip nexthop add id 1 via 192.168.5.77 dev eth0; ip route replace default nhid 1",
    "a next hop object that is not told": "sysctl -qw net.ipv4.nexthop_compat_mode=0; "
                                          "ip nexthop add id 1 via 192.168.5.77 dev eth0; "
                                          "ip route replace default nhid 1; "
                                          "ip -6 nexthop add id 2 via 2001:db8:5::77 dev eth0; "
                                          "ip -6 route del default; ip -6 route add default nhid 2",
    "a next hop object that leads nowhere": "ip nexthop add id 1 blackhole; ip route replace default nhid 1; "
                                            "ip -6 nexthop add id 2 blackhole; ip -6 route del default; "
                                            "ip -6 route add default nhid 2",
    "no route to its network": "ip route del 192.168.5.0/24 dev eth0; ip -6 route del 2001:db8:5::/64 dev eth0",
    "no route at all": "ip route flush table main; ip -6 route flush table main",
    "addresses without a route": "ip a del $IP4/24 dev eth0; ip a add $IP4/24 dev eth0 noprefixroute; "
                                 "ip a del $IP6/64 dev eth0; ip a add $IP6/64 dev eth0 noprefixroute",
    "a default route for its own source": "ip -6 route add default from 2001:db8:5::/64 via 2001:db8:5::77 dev eth0",
}
# What only the container can put right.
REPORTED = {
    "an eth0 of its own": "ip link set eth0 down; ip link set eth0 name mine; ip link add eth0 type bridge",
    "an eth0 without ours": "ip link delete eth0; ip link add eth0 type bridge",
    "another one that is called eth0 as well": "ip link delete eth0; ip link add mine type bridge; "
                                               "ip link property add dev mine altname eth0",
    "the gateway elsewhere": "ip link add mine type bridge; ip link set mine up; ip route del default; "
                             "ip route add 192.168.5.1/32 dev mine; ip route add unreachable default metric 7; "
                             "ip a add 192.168.5.1/32 dev mine",
}


@pytest.fixture(scope="module")
def here():
    with box() as found:
        found.run("docker_bridge", name="br0", bip=V4, ipv6=True, fixed_cidr_v6="2001:db8:5::/64")
        yield found


def attach(here, *names, **more):
    return here.run("netns_attach", config=[{"netns": name, "bridge": "br0"} for name in names], **more)


@pytest.fixture
def trio(here):
    attach(here, "a", "evil", "z")
    yield here
    here.run("netns_attach", state="absent", config=[{"netns": name} for name in ("a", "evil", "z")])


def misbehave(here, what):
    ip4, ip6 = ([text.partition("/")[0] for text in here.addresses("eth0", "evil") if (":" in text) == six][0]
                for six in (False, True))
    here.sh(f"ip netns exec evil sh -ec '{what}'".replace("$IP4", ip4).replace("$IP6", ip6))


def inside(here, name):
    """What the interface is like, and where packets to the outside and to the gateway go."""
    link = here.link("eth0", name)
    ways = [here.json("route", "get", address, netns=name)[0]
            for address in ("203.0.113.9", "192.168.5.1", "2001:db8:113::9")]
    return (link["mtu"], link["address"], "UP" in link["flags"], sorted(here.addresses("eth0", name)),
            [(way.get("gateway"), way["dev"], way.get("prefsrc")) for way in ways])


def is_done(here, name):
    """Whether a container has the default route that the others of the run were to get back."""
    return ("default", "192.168.5.1", "eth0") in here.routes(name)


@pytest.mark.parametrize("what", REPAIRED)
def test_the_next_run_repairs(trio, what):
    before = inside(trio, "evil")
    misbehave(trio, REPAIRED[what])
    for name in ("a", "z"):
        trio.sh(f"ip netns exec {name} ip route del default")
    planned = attach(trio, "a", "evil", "z", check=True)["actions"]
    assert attach(trio, "a", "evil", "z")["actions"] == planned
    assert inside(trio, "evil") == before
    assert is_done(trio, "a") and is_done(trio, "z") and trio.unchanged(
        "netns_attach", config=[{"netns": name} for name in ("a", "evil", "z")])


@pytest.mark.parametrize("what", REPORTED)
def test_what_cannot_be_repaired_is_reported_and_the_rest_is_done(trio, what):
    misbehave(trio, REPORTED[what])
    for name in ("a", "z"):
        trio.sh(f"ip netns exec {name} ip route del default")
    for check in (True, False, False):
        with pytest.raises(PipelineError) as caught:
            attach(trio, "a", "evil", "z", check=check)
        assert "evil" in str(caught.value) and "The rest of this task is not held up by that." in str(caught.value)
        assert list(caught.value.result["failed_containers"]) == ["evil"]
        assert is_done(trio, "a") is is_done(trio, "z") is not check
    assert caught.value.result["actions"] == []
    for mtu in (1400, 1500):
        with contextlib.suppress(PipelineError):  # the one that is to follow its bridge may be reported again
            trio.run("docker_bridge", name="br0", bip=V4, mtu=mtu)
        assert [trio.link("eth0", name)["mtu"] for name in ("a", "z")] == [mtu, mtu]


def test_a_container_that_keeps_changing_its_routes_is_reported_only(trio):
    loop = trio.host.popen(["ip", "netns", "exec", "evil", "sh", "-c", "while :; do ip route replace default via "
                                                                       "192.168.5.77 dev eth0; done"])
    try:
        for _number in range(3):
            for name in ("a", "z"):
                trio.sh(f"ip netns exec {name} ip route del default")
            try:
                attach(trio, "a", "evil", "z")
            except PipelineError as error:
                assert list(error.result["failed_containers"]) == ["evil"]
            assert is_done(trio, "a") and is_done(trio, "z")
    finally:
        loop.kill()
        loop.wait()


def test_a_namespace_full_of_routes_is_reported(trio):
    routes = "".join(f"route add blackhole {10 + number // 65536}.{number // 256 % 256}.{number % 256}.0/24\n"
                     for number in range(17000))
    trio.host.run(["ip", "-netns", "evil", "-batch", "-"], input=routes)
    trio.sh("ip netns exec a ip route del default")
    with pytest.raises(PipelineError, match="namespace evil cannot be read: it has more than 16384 links, addresses"):
        attach(trio, "a", "evil", "z")
    assert is_done(trio, "a")


def test_a_process_that_ends_is_reported(trio):
    """Its pid leads nowhere, and the others are attached all the same."""
    process = trio.host.popen(["unshare", "--net", "sleep", "60"])
    process.kill()
    process.wait()
    trio.sh("ip netns exec a ip route del default")
    with pytest.raises(PipelineError, match="is not a running process") as caught:
        trio.run("netns_attach", config=[{"netns": "a", "bridge": "br0"}, {"pid": str(process.pid), "bridge": "br0"}])
    assert list(caught.value.result["failed_containers"]) == [str(process.pid)] and is_done(trio, "a")
