# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reaches what, tried with packets: on both backends of iptables, with both policies of FORWARD, by tcp and udp."""
import socket

import pytest
from traffic import REFUSED, ask, expect_answers, expect_closed
from worlds import (ADDRESSES, BACK, BACK6, BACKENDS, BOX, BOX6, BOX_NEIGHBOUR, BOX_NEIGHBOUR6, BRIDGE_CALLS, BRIDGES,
                    FORWARDING, FRONT, FRONT6, NEIGHBOUR, NEIGHBOUR6, OUTSIDE, OUTSIDE6, PLAIN, PLAIN6, sysctl, world)

WEB_PORTS = (80, 81, 82, 90, 7000, 7005, 7009, 7010, 9000, 9005, 9010)
SILENT_PORT = 5499  # exposed, and nobody listens: a client can bind it
EXPOSED = {"target": [f"{port}/{protocol}" for port in (5432, SILENT_PORT) for protocol in ("tcp", "udp")]}
PUBLISHED = {
    "web": {"published_ports": ["8080:80", "8080:80/udp", "127.0.0.1:8081:81", "127.0.0.1:8081:81/udp", "90", "90/udp",
                                "7000-7010:7000-7010", "7000-7010:7000-7010/udp", "7100-7110:9000-9010",
                                "7100-7110:9000-9010/udp", f"{BOX_NEIGHBOUR}:8082:82", f"{BOX_NEIGHBOUR}:8082:82/udp"]},
    "shop": {"published_ports": ["8090:80", "8090:80/udp"]},
    "limited": {"published_ports": ["8070:80", "8070:80/udp"],
                "allow_from": ["198.51.100.0/24", "2001:db8:51::/64", "192.0.2.0/24"]},
    "source": {"published_ports": ["8180:80", "8180:80/udp"]},
    "target": {"published_ports": ["8190:80", "8190:80/udp"]},
    "routed": {"published_ports": ["8060:80", "8060:80/udp"]},
}


@pytest.fixture(scope="module", params=[(backend, policy) for backend in BACKENDS for policy in ("ACCEPT", "DROP")],
                ids="-".join)
def here(request):
    """The world with everything on it that the tests look at."""
    with world(*request.param) as found:
        for name in BRIDGE_CALLS:
            sysctl(found.box, name, 0)
        if found.policy == "ACCEPT":  # a router already, which lets everything through but what our rules keep out
            for name in FORWARDING:
                sysctl(found.box, name, 1)
        _build(found)
        _serve(found)
        _warm_up(found)
        yield found


def _build(found):
    run = found.pipeline.run
    run("docker_bridge", config=[{"name": "front", "bip": f"{FRONT}/24", "bip6": f"{FRONT6}/64"},
                                 {"name": "back", "bip": f"{BACK}/24", "bip6": f"{BACK6}/64"},
                                 {"name": "plain", "bip": f"{PLAIN}/24", "bip6": f"{PLAIN6}/64", "ip_masq": False}])
    run("netns_attach", config=[
        {"netns": name, "bridge": bridge, "address": ADDRESSES[name][0], "address_v6": ADDRESSES[name][1],
         "exposed_ports": EXPOSED.get(name)}
        for bridge, names in BRIDGES.items() for name in names])
    found.published = publish(found)
    found.policies = run("icc_policy", config=[{"bridge": "back", "icc": False},
                                               {"container": "source", "links": ["target:database"]}])


def publish(found):
    return found.pipeline.run("port_publish", config=[{"container": name, **options}
                                                      for name, options in PUBLISHED.items()])


def _serve(found):
    found.serve(found.container("web"), "web", WEB_PORTS)
    found.serve(found.container("shop"), "shop", (80,))
    found.serve(found.container("limited"), "limited", (80,))
    found.serve(found.container("routed"), "routed", (80, 81))
    for name in BRIDGES["back"]:
        found.serve(found.container(name), name, (80, 5432, 5433))
    for address in ("127.0.0.1", "::1"):
        found.servers.serve(found.host, "loopback", (3306,), address)
    found.serve(found.host, "box", (2222,))
    found.serve(found.outside, "outside", (9999,))
    found.serve(found.neighbour, "neighbour", (9999,))


def _warm_up(found):
    """Neighbours know each other from here on, so that silence means that something is closed."""
    calls = [(found.host, "tcp", address, 80) for addresses in ADDRESSES.values() for address in addresses]
    calls += [(place, "tcp", address, 2222) for place in (found.outside, found.neighbour) for address in (BOX, BOX6)]
    assert {answer.outcome for answer in ask(*calls)} == {"answered"}


@pytest.fixture(params=["tcp", "udp"])
def protocol(request):
    return request.param


@pytest.fixture(params=["0", "1"], ids="nf-call-{}".format)
def bridge_calls(request, here):
    """Whether frames between ports of a bridge pass iptables."""
    for name in BRIDGE_CALLS:
        sysctl(here.box, name, request.param)
    yield request.param
    for name in BRIDGE_CALLS:
        sysctl(here.box, name, 1)


def dynamic_port(found, protocol, family="ipv4"):
    ports = found.published["publications"][0]["ports"]
    any_address = {"ipv4": "0.0.0.0", "ipv6": "::"}[family]
    return next(port["host_port"] for port in ports
                if (port["container_port"], port["protocol"], port["host_ip"]) == (90, protocol, any_address))


# From outside


def test_a_published_port_answers_and_sees_the_client(here, protocol):
    expect_answers(*(
        ((place, protocol, address, port), server, peer)
        for place, address, peer in ((here.outside, BOX, OUTSIDE), (here.outside, BOX_NEIGHBOUR, OUTSIDE),
                                     (here.neighbour, BOX_NEIGHBOUR, NEIGHBOUR), (here.outside, BOX6, OUTSIDE6),
                                     (here.neighbour, BOX6, NEIGHBOUR6))
        for port, server in ((8080, "web:80"), (8090, "shop:80"), (8180, "source:80"), (8190, "target:80"))))


def link_local(here, place, interface, peer_of):
    """The link-local address of an interface of the host, as another place writes it, with its own interface."""
    words = here.box.run(["ip", "-6", "-o", "address", "show", "dev", interface, "scope", "link"]).stdout.split()
    with place.entered():
        return f"{words[3].partition('/')[0]}%{socket.if_nametoindex(peer_of)}"


def test_a_link_local_address_of_the_host_refuses_at_once(here, protocol):
    """Whoever connects to one comes from one, and that is never forwarded."""
    places = ((here.outside, "eth0", "eth0"), (here.neighbour, "eth1", "eth0"), (here.host, "eth0", "eth0"),
              (here.container("web"), "front", "eth0"), (here.container("shop"), "front", "eth0"))
    calls = [(place, protocol, link_local(here, place, interface, own), port)
             for place, interface, own in places for port in (8080, 8090, 7105)]
    assert {answer.outcome for answer in ask(*calls)} == {"refused"}


def test_a_range_lands_port_by_port(here, protocol):
    expect_answers(*(
        ((here.outside, protocol, address, port), f"web:{inside}", peer)
        for address, peer in ((BOX, OUTSIDE), (BOX6, OUTSIDE6))
        for port, inside in ((7000, 7000), (7005, 7005), (7010, 7010), (7100, 9000), (7105, 9005), (7110, 9010))))


def test_a_dynamic_port_answers_and_stays(here, protocol):
    families = (("ipv4", BOX, OUTSIDE), ("ipv6", BOX6, OUTSIDE6))
    ports = {family: dynamic_port(here, protocol, family) for family, _box, _peer in families}
    assert all(49153 <= port <= 65535 for port in ports.values())
    again = publish(here)
    assert again["changed"] is False
    assert again["publications"] == here.published["publications"]
    expect_answers(*(((here.outside, protocol, box, ports[family]), "web:90", peer) for family, box, peer in families))


def test_a_port_published_on_one_address_answers_there_only(here, protocol):
    expect_answers(((here.outside, protocol, BOX_NEIGHBOUR, 8082), "web:82", OUTSIDE))
    expect_closed(here.servers, (here.outside, protocol, BOX, 8082), (here.outside, protocol, FRONT, 8082))


def test_the_hosts_own_ports_stay_its_own(here, protocol):
    expect_answers(((here.outside, protocol, BOX, 2222), "box:2222", OUTSIDE),
                   ((here.outside, protocol, BOX6, 2222), "box:2222", OUTSIDE6))
    calls = [(here.outside, protocol, address, port) for address in (BOX, BOX6)
             for port in (80, 82, 5432, 8081, 8089, 6999, 7011, 7099, 7111, 3306)]
    expect_closed(here.servers, *calls)
    if protocol == "tcp":  # the kernel limits the rate at which it says the same for udp
        assert set(ask(*calls)) == {REFUSED}, "the host itself is to refuse what it does not publish"


def test_containers_are_not_reachable_by_their_addresses(here, protocol):
    ports = {**dict.fromkeys(ADDRESSES, (80, 5432)), "web": WEB_PORTS}
    expect_closed(here.servers, *((place, protocol, address, port) for place in (here.outside, here.neighbour)
                                  for name, addresses in ADDRESSES.items() for address in addresses
                                  for port in ports[name]))


def test_a_port_of_the_loopback_is_closed_to_others(here, protocol):
    expect_closed(here.servers, *((place, protocol, address, 8081) for place in (here.outside, here.neighbour)
                                  for address in (BOX, BOX_NEIGHBOUR, FRONT, BOX6, FRONT6)))


@pytest.fixture(params=["0", "1"], ids="route_localnet-{}".format)
def loopback_routed(request, here):
    """The neighbour sends what is for 127.0.0.1 to the box, which may have been told to take such packets."""
    here.neighbour_host.run(["sh", "-ec", f"""
        sysctl -qw net.ipv4.conf.all.route_localnet=1
        ip address delete 127.0.0.1/8 dev lo
        ip route add 127.0.0.1/32 via {BOX_NEIGHBOUR} src {NEIGHBOUR}"""])
    sysctl(here.box, "net.ipv4.conf.eth1.route_localnet", request.param)
    yield
    sysctl(here.box, "net.ipv4.conf.eth1.route_localnet", 0)
    here.neighbour_host.run(["sh", "-ec", """
        ip route delete 127.0.0.1/32
        ip address add 127.0.0.1/8 dev lo"""])


def test_a_port_of_the_loopback_is_closed_to_a_neighbour_that_routes_it(here, protocol, loopback_routed):
    expect_closed(here.servers, *((here.neighbour, protocol, "127.0.0.1", port) for port in (8081, 8080, 3306)))


def test_sources_that_are_not_allowed_find_the_port_closed(here, protocol):
    expect_answers(((here.outside, protocol, BOX, 8070), "limited:80", OUTSIDE),
                   ((here.outside, protocol, BOX6, 8070), "limited:80", OUTSIDE6))
    expect_closed(here.servers, *((place, protocol, address, 8070)
                                  for place in (here.neighbour, here.container("source"))
                                  for address in (BOX, BOX_NEIGHBOUR, BOX6)))


# From the host itself


def test_the_host_reaches_published_ports_by_each_of_its_addresses(here, protocol):
    """As with the engine's userland-proxy=false: a container sees the bridge's address for the host's loopback."""
    calls = [((here.host, protocol, "127.0.0.1", port), server, FRONT)
             for port, server in ((8080, "web:80"), (8081, "web:81"), (7105, "web:9005"))]
    calls += [((here.host, protocol, "127.0.0.1", 8180), "source:80", BACK)]
    for address in (BOX, BOX_NEIGHBOUR, FRONT, BACK):
        calls.append(((here.host, protocol, address, 8080), "web:80", FRONT if address == FRONT else address))
    calls += [((here.host, protocol, address, 8080), "web:80", address) for address in (BOX6, BACK6, FRONT6)]
    expect_answers(*calls)


def test_the_host_reaches_its_containers(here, protocol):
    expect_answers(*(((here.host, protocol, ADDRESSES[name][family], 80), f"{name}:80", gateway)
                     for name, gateways in (("web", (FRONT, FRONT6)), ("third", (BACK, BACK6)))
                     for family, gateway in enumerate(gateways)))


def test_the_hosts_own_traffic_keeps_the_source_it_chose(here, protocol):
    expect_answers(((here.host, protocol, OUTSIDE, 9999, FRONT), "outside:9999", FRONT),
                   ((here.host, protocol, OUTSIDE6, 9999, FRONT6), "outside:9999", FRONT6),
                   ((here.host, protocol, ADDRESSES["source"][0], 80, FRONT), "source:80", FRONT))


# From containers


def test_a_container_goes_out_with_the_hosts_address(here, protocol):
    expect_answers(*(
        ((here.container(name), protocol, address, 9999), server, peer) for name in ("web", "source", "third")
        for address, server, peer in ((OUTSIDE, "outside:9999", BOX), (NEIGHBOUR, "neighbour:9999", BOX_NEIGHBOUR),
                                      (OUTSIDE6, "outside:9999", BOX6),
                                      (NEIGHBOUR6, "neighbour:9999", BOX_NEIGHBOUR6))))


def test_a_container_reaches_its_own_published_port(here, protocol, bridge_calls):
    """Hairpin: the only case in which a container does not see the client's own address."""
    calls = [((here.container("web"), protocol, address, port), server, FRONT)
             for address in (BOX, BOX_NEIGHBOUR, FRONT) for port, server in ((8080, "web:80"), (7105, "web:9005"))]
    calls += [((here.container("web"), protocol, address, 8080), "web:80", FRONT6) for address in (BOX6, FRONT6)]
    calls += [((here.container("source"), protocol, BOX, 8180), "source:80", BACK),
              ((here.container("source"), protocol, BOX6, 8180), "source:80", BACK6)]
    expect_answers(*calls)


def test_a_container_reaches_the_published_port_of_another_one(here, protocol, bridge_calls):
    """On its own bridge with icc on and off, and on another bridge, into which everything is masqueraded."""
    web, source = here.container("web"), here.container("source")
    expect_answers(((web, protocol, BOX, 8090), "shop:80", FRONT), ((web, protocol, BOX6, 8090), "shop:80", FRONT6),
                   ((source, protocol, BOX, 8190), "target:80", BACK),
                   ((source, protocol, BOX6, 8190), "target:80", BACK6),
                   ((web, protocol, BOX, 8180), "source:80", BACK), ((web, protocol, BOX6, 8180), "source:80", BACK6),
                   ((source, protocol, BOX, 8080), "web:80", FRONT), ((source, protocol, FRONT, 8080), "web:80", FRONT),
                   ((source, protocol, BOX6, 8080), "web:80", FRONT6))


def test_containers_of_one_bridge_talk_when_they_may(here, protocol, bridge_calls):
    expect_answers(*(((here.container("web"), protocol, ADDRESSES["shop"][family], 80), "shop:80",
                      ADDRESSES["web"][family]) for family in (0, 1)))


def test_containers_of_another_bridge_are_closed(here, protocol, bridge_calls):
    pairs = [("web", "source"), ("shop", "target"), ("source", "web"), ("third", "shop")]
    expect_closed(here.servers, *((here.container(a), protocol, address, port) for a, b in pairs
                                  for address in ADDRESSES[b] for port in (80, 81, 5432)))


def test_a_container_does_not_reach_the_loopback_of_the_host(here, protocol):
    """Publishing on 127.0.0.1 needs route_localnet on the bridge, and must not open what listens there."""
    place = here.container("web")
    enter = ["nsenter", f"--net=/run/netns/{place.netns}", "sh", "-ec"]
    here.box.run([*enter, f"""
        sysctl -qw net.ipv4.conf.all.route_localnet=1
        ip address delete 127.0.0.1/8 dev lo
        ip route add 127.0.0.1/32 via {FRONT} src {ADDRESSES['web'][0]}"""])
    try:
        assert here.box.run(["sysctl", "-n", "net.ipv4.conf.front.route_localnet"]).stdout == "1\n"
        expect_closed(here.servers, *((place, protocol, "127.0.0.1", port) for port in (3306, 8081, 2222)))
    finally:
        here.box.run([*enter, "ip route delete 127.0.0.1/32; ip address add 127.0.0.1/8 dev lo"])


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.2"])
def test_a_container_does_not_pass_for_the_host_itself(here, protocol, source):
    """With route_localnet the kernel takes any source of the loopback but 127.0.0.1 from a bridge."""
    web = here.container("web")
    here.box.run(["nsenter", "--net=/run/netns/web", "sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1"])
    assert here.box.run(["sysctl", "-n", "net.ipv4.conf.front.route_localnet"]).stdout == "1\n"
    expect_closed(here.servers, *((web, protocol, address, port, source) for address in (FRONT, BOX)
                                  for port in (2222, 8090)))


# Without masquerade

def test_without_masquerade_containers_keep_their_address(here, protocol):
    routed, (address, address6) = here.container("routed"), ADDRESSES["routed"]
    expect_answers(((routed, protocol, OUTSIDE, 9999), "outside:9999", address),
                   ((routed, protocol, OUTSIDE6, 9999), "outside:9999", address6),
                   ((here.outside, protocol, BOX, 8060), "routed:80", OUTSIDE),
                   ((here.outside, protocol, BOX6, 8060), "routed:80", OUTSIDE6),
                   ((routed, protocol, BOX, 8060), "routed:80", PLAIN),
                   ((here.host, protocol, "127.0.0.1", 8060), "routed:80", PLAIN),
                   ((here.container("web"), protocol, BOX, 8060), "routed:80", PLAIN))


# Without icc


def test_icc_off_closes_a_bridge_whose_frames_did_not_pass_iptables(here, protocol):
    assert {sysctl["name"] for sysctl in here.policies["sysctls"]} == set(BRIDGE_CALLS)
    pairs = [("source", "third"), ("third", "source"), ("target", "third"), ("third", "target")]
    expect_closed(here.servers, *((here.container(a), protocol, address, port) for a, b in pairs
                                  for address in ADDRESSES[b] for port in (80, 5432, 5433)))


def test_a_link_opens_the_exposed_ports_one_way(here, protocol):
    source, target = here.container("source"), here.container("target")
    calls = [((source, protocol, ADDRESSES["target"][family], port), f"target:{port}", ADDRESSES["source"][family])
             for family in (0, 1) for port in (5432, 80)]  # published counts as exposed
    expect_answers(*calls)
    expect_closed(here.servers, *((source, protocol, address, 5433) for address in ADDRESSES["target"]))
    # Not even from a port that the link leads to: replies come back by state, and nothing else does.
    expect_closed(here.servers, *((target, protocol, address, port, *at)
                                  for address in ADDRESSES["source"] for port in (80, 5432, 5433)
                                  for at in ((), ((ADDRESSES["target"][":" in address], SILENT_PORT),))))
