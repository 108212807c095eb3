# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container writes as the source of its packets, tried with packets: an address of its bridge, or it is dropped.

The host forwards everything and filters no sources (rp_filter), so that nothing but our rules looks at them.
"""
import json
import socket

import pytest
from containers import once
from forge import broadcast, forge
from traffic import Place, expect_answers
from worlds import (ADDRESSES, BACK, BACK6, BACKENDS, BOX, BOX6, BRIDGE_CALLS, FORWARDING, FRONT, FRONT6, NEIGHBOUR,
                    NEIGHBOUR6, OUTSIDE, OUTSIDE6, PLAIN, PLAIN6, sysctl, world)

pytestmark = once

BRIDGES = {"front": {"bip": f"{FRONT}/24", "bip6": f"{FRONT6}/64"},
           "back": {"bip": f"{BACK}/24", "bip6": f"{BACK6}/64"},
           "plain": {"bip": f"{PLAIN}/24", "bip6": f"{PLAIN6}/64", "gateway_mode": "routed"},
           "only4": {"bip": "10.40.0.1/24"}}
WHERE = {"web": "front", "shop": "front", "source": "back", "routed": "plain", "four": "only4"}
FAMILIES = (0, 1)
MOVED = "10.60.0.10"


@pytest.fixture(scope="module", params=BACKENDS)
def here(request):
    with world(request.param) as found:
        for name in (*BRIDGE_CALLS, "net.ipv4.conf.all.rp_filter", "net.ipv4.conf.default.rp_filter",
                     "net.ipv4.conf.eth0.rp_filter", "net.ipv4.conf.eth1.rp_filter"):
            sysctl(found.box, name, 0)
        for name in FORWARDING:
            sysctl(found.box, name, 1)
        # What comes in by eth0 is not asked for the bridges of which there are many.
        found.box.run(["ip", "-batch", "-"], input="".join(
            f"route add default via {address}\n" for address in (OUTSIDE, OUTSIDE6)))
        run = found.pipeline.run
        run("docker_bridge", config=[{"name": name, **options} for name, options in BRIDGES.items()])
        run("netns_attach", config=[
            {"netns": name, "bridge": bridge, **({"address": ADDRESSES[name][0], "address_v6": ADDRESSES[name][1]}
                                                 if name in ADDRESSES else {"address": "10.40.0.10"})}
            for name, bridge in WHERE.items()])
        run("port_publish", config=[
            {"container": "web", "published_ports": ["8070:80/udp"],
             "allow_from": [f"{OUTSIDE}/32", f"{OUTSIDE6}/128"]},
            {"container": "shop", "published_ports": ["8071:80/udp"],
             "allow_from": ["10.20.0.0/24", "2001:db8:20::/64", f"{FRONT6}/128"]}])
        for name in WHERE:
            found.serve(found.container(name), name, (80,))
        for place, name in ((found.outside, "outside"), (found.neighbour, "neighbour"), (found.host, "box")):
            found.serve(place, name, (9999,))
        # Neighbours know each other from here on, so that silence means that something is closed.
        expect_answers(*(((found.host, "tcp", address, 80), f"{name}:80", BRIDGES[bridge][key].partition("/")[0])
                         for name, bridge in WHERE.items() if name in ADDRESSES
                         for address, key in zip(ADDRESSES[name], ("bip", "bip6"))),
                       ((found.host, "tcp", "10.40.0.10", 80), "four:80", "10.40.0.1"),
                       *(((found.container(name), "udp", address, 9999), server, peer)
                         for name, peers in (("web", (BOX, BOX6)), ("source", (BOX, BOX6)),
                                             ("routed", ADDRESSES["routed"]))
                         for address, server, peer in zip((OUTSIDE, OUTSIDE6), ("outside:9999",) * 2, peers)))
        yield found


@pytest.fixture(params=["0", "1"], ids="nf-call-{}".format)
def bridge_calls(request, here):
    """Whether frames between ports of a bridge pass iptables."""
    for name in BRIDGE_CALLS:
        sysctl(here.box, name, request.param)
    yield request.param
    for name in BRIDGE_CALLS:
        sysctl(here.box, name, 1)


def reached(here, name, source, address, port):
    """The server that a forged datagram of a container reaches, "" when it reaches none."""
    place = here.container(name) if isinstance(name, str) else name
    token = forge(place, source, address, port)
    here.servers.settle()
    return here.servers.seen.get(token, "")


def addresses(here, interface, *netns):
    """The IPv4 addresses of an interface."""
    found = json.loads(here.box.run(["ip", *netns, "-j", "-4", "address", "show", "dev", interface]).stdout or "[]")
    return [address["local"] for each in found for address in each.get("addr_info", [])]


@pytest.mark.parametrize("family", FAMILIES)
def test_who_forges_an_address_that_is_allowed_reaches_nothing(here, family, bridge_calls):
    box, allowed = (BOX, BOX6)[family], (OUTSIDE, OUTSIDE6)[family]
    assert reached(here, here.outside, allowed, box, 8070) == "web:80", "the rule is about who may, and he may"
    assert [reached(here, name, allowed, box, 8070) for name in ("web", "shop", "source", "routed")] == [""] * 4


@pytest.mark.parametrize("family", FAMILIES)
def test_no_bridge_passes_for_another_one(here, family):
    box, theirs = (BOX, BOX6)[family], ADDRESSES["source"][family]
    assert reached(here, "source", theirs, box, 8071) == "shop:80"
    assert [reached(here, name, theirs, box, 8071) for name in ("web", "routed")] == ["", ""]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_forged_source_does_not_leave_the_host(here, family):
    """It would leave unmasqueraded: those rules ask for the bridge's own addresses."""
    outside, forged = (OUTSIDE, OUTSIDE6)[family], ("192.0.2.77", "2001:db8:77::7")[family]
    for name in ("web", "source", "routed"):
        assert reached(here, name, ADDRESSES[name][family], outside, 9999) == "outside:9999"
        assert [reached(here, name, source, outside, 9999)
                for source in (forged, (BOX, BOX6)[family], (NEIGHBOUR, NEIGHBOUR6)[family])] == [""] * 3


def test_a_bridge_without_ipv6_lets_none_out(here):
    here.box.run(["ip", "netns", "exec", "four", "sh", "-ec", """
        sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0
        ip address add 2001:db8:44::10/64 dev eth0 nodad"""])
    here.box.run(["ip", "address", "add", "2001:db8:44::1/64", "dev", "only4", "nodad"])
    try:
        assert reached(here, "four", "2001:db8:44::10", "2001:db8:44::1", 9999) == ""
        assert reached(here, "four", "10.40.0.10", BOX, 9999) == "box:9999"
    finally:
        here.box.run(["ip", "address", "delete", "2001:db8:44::1/64", "dev", "only4"])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_container_is_not_the_host(here, family):
    front, back = (FRONT, FRONT6)[family], (BACK, BACK6)[family]
    for gateway, port in ((front, 8071), (front, 9999), (back, 9999)):
        assert reached(here, "web", gateway, (BOX, BOX6)[family], port) == ""


@pytest.mark.parametrize("family", FAMILIES)
def test_between_ports_of_a_bridge_it_depends_on_what_iptables_sees(here, family, bridge_calls):
    """A neighbour's address is none that the host can tell from the neighbour's own: that is for the bridge to do."""
    shop, forged = ADDRESSES["shop"][family], ("192.0.2.77", "2001:db8:77::7")[family]
    assert reached(here, "web", ADDRESSES["web"][family], shop, 80) == "shop:80"
    assert reached(here, "web", forged, shop, 80) == ("" if bridge_calls == "1" else "shop:80")


def test_what_has_no_address_yet_may_ask_for_one(here):
    with here.host.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"front")
        server.bind(("0.0.0.0", 67))
        server.settimeout(5)
        token = broadcast(here.container("web"), "eth0", "0.0.0.0", 67)
        assert server.recv(64) == token
    with here.host.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"front")
        server.bind(("0.0.0.0", 6767))
        server.settimeout(0.2)
        broadcast(here.container("web"), "eth0", "0.0.0.0", 6767)
        with pytest.raises(TimeoutError):
            server.recv(64)


def test_neighbours_find_each_other_and_see_that_an_address_is_taken(here, bridge_calls):
    """Neighbour discovery has link-local sources, and the question whether an address is free has none."""
    inside = ["nsenter", "--net=/run/netns/web", "--"]
    link_local = here.box.run(["sh", "-ec", "ip -6 -o address show dev front scope link | sed 's/.*inet6 //; s,/.*,,'"])
    assert link_local.stdout.startswith("fe80::")
    here.box.run([*inside, "ip", "-6", "neighbour", "flush", "all"])
    here.box.run([*inside, "ping", "-c1", "-W2", f"{link_local.stdout.strip()}%eth0"])
    here.box.run([*inside, "ping", "-c1", "-W2", FRONT6])
    here.box.run([*inside, "sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=1", "net.ipv6.conf.eth0.dad_transmits=1"])
    here.box.run([*inside, "ip", "address", "add", f"{ADDRESSES['shop'][1]}/64", "dev", "eth0"])
    try:
        here.box.run([*inside, "sh", "-ec", """
            for _ in $(seq 50); do
                ip -6 -o address show dev eth0 | grep -q dadfailed && exit
                sleep 0.1
            done
            ip -6 address show dev eth0 >&2
            exit 1"""])
    finally:
        here.box.run([*inside, "ip", "address", "delete", f"{ADDRESSES['shop'][1]}/64", "dev", "eth0"])


def test_multicast_of_containers_reaches_the_host(here):
    with here.host.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("0.0.0.0", 5353))
        group = socket.inet_aton("224.0.0.251") + socket.inet_aton(FRONT)
        server.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        server.settimeout(5)
        token = forge(here.container("web"), ADDRESSES["web"][0], "224.0.0.251", 5353)
        assert server.recv(64) == token


@pytest.mark.parametrize("family", FAMILIES)
def test_a_container_that_the_host_routes_through_sends_for_those_behind_it(here, family):
    network, behind = (("10.99.0.0/24", "10.99.0.7"), ("2001:db8:99::/64", "2001:db8:99::7"))[family]
    host, run = here.box, here.pipeline.run
    assert reached(here, "routed", behind, (OUTSIDE, OUTSIDE6)[family], 9999) == ""
    host.run(["ip", "route", "add", network, "via", ADDRESSES["routed"][family]])
    assert run("docker_bridge", name="plain")["actions"]
    assert reached(here, "routed", behind, (OUTSIDE, OUTSIDE6)[family], 9999) == "outside:9999"
    assert reached(here, "web", behind, (OUTSIDE, OUTSIDE6)[family], 9999) == ""
    host.run(["ip", "route", "delete", network])
    assert run("docker_bridge", name="plain")["actions"]
    assert reached(here, "routed", behind, (OUTSIDE, OUTSIDE6)[family], 9999) == ""
    assert not run("docker_bridge", name="plain")["changed"]


def test_hosts_behind_a_bridge_that_was_adopted_keep_their_addresses(here):
    """While somebody else has a port on it. When all ports are ours it is as with bridges that we made."""
    host, run = here.box, here.pipeline.run
    host.run(["sh", "-ec", """
        ip link add theirs type bridge; ip link set theirs up; ip address add 10.50.0.1/24 dev theirs
        ip netns add guest; ip link add vguest type veth peer name eth0 netns guest
        ip link set vguest master theirs up; ip -n guest link set eth0 up; ip -n guest link set lo up
        ip -n guest address add 10.50.0.9/24 dev eth0; ip -n guest route add default via 10.50.0.1"""])
    run("docker_bridge", name="theirs", adopt=True)
    run("netns_attach", netns="ours", bridge="theirs", address="10.50.0.10")
    expect_answers(((here.host, "tcp", "10.50.0.1", 9999), "box:9999", "10.50.0.1"))
    guest = Place(host, "guest")
    assert [reached(here, guest, source, BOX, 9999) for source in ("10.50.0.9", "10.77.0.9")] == ["box:9999"] * 2
    host.run(["ip", "link", "delete", "vguest"])
    run("docker_bridge", name="theirs")
    assert [reached(here, "ours", source, BOX, 9999) for source in ("10.50.0.10", "10.77.0.9")] == ["box:9999", ""]
    run("docker_bridge", name="theirs", state="absent", force=True)
    host.run(["ip", "link", "delete", "theirs"])


def test_without_rules_nothing_is_looked_at(here):
    here.pipeline.run("docker_bridge", name="back", iptables=False, force=True)
    assert reached(here, "source", "192.0.2.77", BOX, 9999) == "box:9999"
    assert reached(here, "web", "192.0.2.77", BOX, 9999) == ""
    here.pipeline.run("docker_bridge", name="back", iptables=True)
    assert reached(here, "source", "192.0.2.77", BOX, 9999) == ""


def test_a_bridge_that_moves_does_not_lose_its_containers_on_the_way(here):
    """After each operation what passes is what its containers have as their address then."""
    actions = here.pipeline.plan("docker_bridge", name="front", bip="10.60.0.1/24")
    tried = set()
    for number, action in enumerate(actions):
        here.pipeline.step(number)
        inner, outer = addresses(here, "eth0", "-n", "web"), addresses(here, "front")
        for address, gateway in ((ADDRESSES["web"][0], FRONT), (MOVED, "10.60.0.1")):
            if address in inner and gateway in outer:
                assert reached(here, "web", address, gateway, 9999) == "box:9999", action
                tried.add(address)
        assert reached(here, "source", MOVED, BACK, 9999) == "", action
    assert tried == {ADDRESSES["web"][0], MOVED}
    assert reached(here, "web", MOVED, BOX, 9999) == "box:9999" and reached(
        here, "web", ADDRESSES["web"][0], BOX, 9999) == ""
