# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of containers on two bridges: where they lead, and that answers come back, whatever checks the way back.

Neither bridge masquerades, so that nothing but what is tested hides a client. ``web`` is on both; a guest is on each.
"""
import pytest
from containers import once
from pipeline import PipelineError
from traffic import Flow, ask, expect_answers
from worlds import (BACKENDS, BOX, BOX6, NEIGHBOUR, NEIGHBOUR6, OUTSIDE, OUTSIDE6, forward_all, world)

pytestmark = once

GATEWAYS = {"front": ("10.41.0.1", "2001:db8:41::1"), "back": ("10.42.0.1", "2001:db8:42::1")}
GUESTS = {"front": ("10.41.0.20", "2001:db8:41::20"), "back": ("10.42.0.20", "2001:db8:42::20")}
INTERFACES = {"front": "eth0", "back": "eth1"}
WEB = {"front": ("10.41.0.10", "2001:db8:41::10"), "back": ("10.42.0.10", "2001:db8:42::10")}
PORTS = ["8080:80", "8080:80/udp"]
BOTH = ("tcp", "udp")


@pytest.fixture(scope="module", params=BACKENDS)
def here(request):
    with world(request.param) as found:
        forward_all(found.box)
        build(found)
        for name in ("web", "guest-front", "guest-back"):
            found.serve(found.container(name), name, (80, 81))
        found.serve(found.outside, "outside", (9999,))
        yield found


@pytest.fixture(params=["0", "1", "2"], ids="rp_filter-{}".format)
def rp_filter(request, here):
    """What the host and the container do with what comes in by another interface than they would answer by."""
    filter_sources(here, request.param)
    yield request.param
    filter_sources(here, "0")


def filter_sources(here, value):
    here.box.run(["sh", "-ec", f"""
        echo {value} > /proc/sys/net/ipv4/conf/all/rp_filter
        for name in web guest-front guest-back; do
            nsenter --net=/run/netns/$name sh -c 'echo {value} > /proc/sys/net/ipv4/conf/all/rp_filter'
        done"""])


def document(**of_web):
    """:param of_web: options of the container by network"""
    return [{"name": name, "bip": f"{GATEWAYS[name][0]}/24", "bip6": f"{GATEWAYS[name][1]}/64", "ip_masq": False,
             "containers": [
                 {"name": "web", "interface_name": INTERFACES[name], **of_web.get(name, {})},
                 {"name": f"guest-{name}", "address": GUESTS[name][0], "address_v6": GUESTS[name][1]}]}
            for name in ("front", "back")]


def given(network, **options):
    return {"address": WEB[network][0], "address_v6": WEB[network][1], **options}


def build(here, **of_web):
    """Bring the host to a document and see that a second run has nothing to do."""
    networks = document(**{"front": given("front"), "back": given("back"), **of_web})
    result = here.pipeline.run("host_network", networks=networks, exclusive=True)
    assert here.pipeline.run("host_network", networks=networks, exclusive=True)["actions"] == []
    return result


def routes(here, *words):
    for word in words:
        here.box.run(["nsenter", "--net=/run/netns/web", "ip", *word.split()])


def published(here):
    """The addresses of the container that its ports lead to."""
    texts = here.pipeline.run("network_info")["network"]["published_ports"]
    return sorted({text.partition("->")[2].rpartition("/")[0].rpartition(":")[0].strip("[]") for text in texts})


def expect_from(here, place, addresses, peers):
    expect_answers(*(((place, protocol, address, 8080), "web:80", peer)
                     for address, peer in zip(addresses, peers) for protocol in BOTH))


def expect_all(here, way, hidden=()):
    """Everybody is answered.

    :param way: the network with the default route
    :param hidden: with "outside", those outside are seen as the bridge as well
    """
    other = "back" if way == "front" else "front"
    expect_from(here, here.outside, (BOX, BOX6), GATEWAYS[way] if "outside" in hidden else (OUTSIDE, OUTSIDE6))
    for name, peers in ((way, GATEWAYS[way]), (other, GATEWAYS[way])):  # of the own bridge by hairpin, as everywhere
        guest = here.container(f"guest-{name}")
        for addresses in ((BOX, BOX6), GATEWAYS["front"], GATEWAYS["back"]):
            expect_from(here, guest, addresses, peers)
    expect_from(here, here.host, GATEWAYS[other], GATEWAYS[way])
    expect_from(here, here.host, GATEWAYS[way], GATEWAYS[way])
    expect_from(here, here.host, ("127.0.0.1",), GATEWAYS[way])
    if "outside" not in hidden:
        expect_from(here, here.container("web"), (BOX, BOX6), GATEWAYS[way])
    expect_from(here, here.container("web"), GATEWAYS[other], GATEWAYS[way])


@pytest.mark.parametrize("way", ["front", "back"])
def test_ports_lead_where_answers_come_from(here, way, rp_filter):
    build(here, **{way: given(way, default_route=True, published_ports=PORTS)})
    assert published(here) == sorted(WEB[way])
    expect_all(here, way)


def test_the_first_interface_has_the_default_route_wherever_addresses_come_from(here):
    for first in ({}, {"address_v6": "2001:db8:41::77"}):
        items = [{"netns": "fresh", "bridge": "front", **first},
                 {"netns": "fresh", "bridge": "back", "interface_name": "eth1", "address": "10.42.0.99"}]
        here.pipeline.run("netns_attach", config=items)
        found = here.box.run(["nsenter", "--net=/run/netns/fresh", "sh", "-c", "ip route; ip -6 route"]).stdout
        assert [line.split()[:5] for line in found.splitlines() if line.startswith("default")] == [
            ["default", "via", gateway, "dev", "eth0"] for gateway in GATEWAYS["front"]]
        assert here.pipeline.run("netns_attach", config=items)["actions"] == []
        here.pipeline.run("netns_attach", config=[{key: item[key] for key in item.keys() - {"address", "address_v6"}}
                                                  for item in items], state="absent")


def test_ports_follow_a_default_route_that_a_run_moves(here, rp_filter):
    build(here, front=given("front", published_ports=PORTS))
    with Flow(here.servers, here.outside, BOX, 8080) as flow:
        assert flow.send() == "web:80"
        here.pipeline.run("netns_attach", netns="web", interface_name="eth1", default_route=True)
        assert published(here) == sorted(WEB["back"]) and flow.send() == "web:80"
    expect_all(here, "back")
    asked = {"netns": "web", "published_ports": PORTS}
    assert here.pipeline.run("port_publish", **asked)["actions"] == []
    here.pipeline.run("netns_attach", netns="web", interface_name="eth1", state="absent")
    assert published(here) == sorted(WEB["front"])
    # It has no default route any more, so that everybody comes from the bridge.
    expect_from(here, here.outside, (BOX, BOX6), GATEWAYS["front"])
    assert here.pipeline.run("port_publish", **asked)["actions"] == []


def test_ports_follow_a_default_route_that_moved_by_itself(here, rp_filter):
    build(here, front=given("front", published_ports=PORTS))
    assert here.pipeline.run("network_info")["network"]["drift"] == []
    routes(here, "route replace default via 10.42.0.1 dev eth1", "-6 route del default",
           "-6 route add default via 2001:db8:42::1 dev eth1")
    drift = here.pipeline.run("network_info")["network"]["drift"]
    assert drift and published(here) == sorted(WEB["front"])
    change = {"name": "front", "bip": "10.41.0.1/24"}
    assert here.pipeline.run("docker_bridge", check=True, **change)["actions"] == drift
    here.pipeline.run("docker_bridge", **change)
    assert published(here) == sorted(WEB["back"]) and here.pipeline.run("network_info")["network"]["drift"] == []
    expect_all(here, "back")
    # The document says where it leads.
    build(here, front=given("front", published_ports=PORTS))
    assert published(here) == sorted(WEB["front"])
    expect_all(here, "front")


@pytest.mark.parametrize("away", ["link add tun0 type veth peer name tun1; link set tun0 up; link set tun1 up; "
                                  "route replace default dev tun0; -6 route del default; -6 route add default dev tun0",
                                  "route del default; -6 route del default"], ids=["elsewhere", "nowhere"])
def test_ports_are_on_eth0_where_the_default_route_is_of_no_use(here, away, rp_filter):
    build(here, front=given("front", published_ports=PORTS))
    routes(here, *away.split("; "))
    here.pipeline.run("port_publish", netns="web", published_ports=PORTS)
    assert published(here) == sorted(WEB["front"])
    try:
        expect_all(here, "front", hidden=["outside"])
        assert here.pipeline.run("port_publish", netns="web", published_ports=PORTS)["actions"] == []
    finally:
        here.box.run(["sh", "-c", "nsenter --net=/run/netns/web ip link del tun0 || true"])


def test_networks_that_the_container_reaches_by_its_other_interface(here, rp_filter):
    """A route to clients outside, and one to half of the world as a VPN has it."""
    build(here, front=given("front", published_ports=PORTS),
          back=given("back", routes=[{"destination": "198.51.100.0/24", "gateway": GATEWAYS["back"][0]},
                                     {"destination": "2001:db8:51::/64", "gateway": GATEWAYS["back"][1]}]))
    assert published(here) == sorted(WEB["front"])
    expect_from(here, here.outside, (BOX, BOX6), GATEWAYS["front"])
    expect_from(here, here.neighbour, (BOX, BOX6), (NEIGHBOUR, NEIGHBOUR6))
    routes(here, "route del 198.51.100.0/24", "-6 route del 2001:db8:51::/64",
           "route add 128.0.0.0/1 via 10.42.0.1", "-6 route add 2000::/3 via 2001:db8:42::1")
    here.pipeline.run("port_publish", netns="web", published_ports=PORTS)
    expect_from(here, here.outside, (BOX, BOX6), GATEWAYS["front"])
    expect_from(here, here.neighbour, (BOX, BOX6), GATEWAYS["front"])
    routes(here, "route del 128.0.0.0/1", "-6 route del 2000::/3")


def test_each_family_goes_its_own_way(here, rp_filter):
    build(here, front=given("front", default_route=True), back=given("back", default_route=False))
    routes(here, "-6 route del default", "-6 route add default via 2001:db8:42::1 dev eth1")
    here.pipeline.run("port_publish", netns="web", published_ports=PORTS)
    assert published(here) == [WEB["front"][0], WEB["back"][1]]
    expect_from(here, here.outside, (BOX, BOX6), (OUTSIDE, OUTSIDE6))
    for name in ("front", "back"):
        expect_from(here, here.container(f"guest-{name}"), (BOX, BOX6), (GATEWAYS["front"][0], GATEWAYS["back"][1]))
    # By the network that an entry stands under as well.
    asked = {"netns": "web", "published_ports": [*PORTS, *PORTS], "published_on": ["front", "front", "back", "back"]}
    assert here.pipeline.run("port_publish", **asked)["actions"] == []


def test_a_udp_client_is_answered_as_soon_as_it_can_be(here):
    build(here, front=given("front", published_ports=PORTS))
    routes(here, "route del default")
    with Flow(here.servers, here.outside, BOX, 8080) as flow:
        flow.send()
        here.pipeline.run("port_publish", netns="web", published_ports=PORTS)
        flow.send()
        flow._socket.settimeout(5)
        assert flow._socket.recv(200).split()[1:] == [b"web:80", GATEWAYS["front"][0].encode()]


def test_a_port_under_a_network_that_answers_do_not_leave_by_is_refused(here):
    before = published(here)
    networks = document(front=given("front"), back=given("back", published_ports=["8081:81"]))
    message = (r"published_ports: '8081:81/tcp' is to lead to web on back, and its IPv4 leaves by eth0 on front, .*"
               "List it under front, or say default_route: true for the interface on back")
    for check in (True, False):
        with pytest.raises(PipelineError, match=message):
            here.pipeline.run("host_network", check=check, networks=networks)
    assert published(here) == before
    networks[1]["containers"][0]["default_route"] = True
    here.pipeline.run("host_network", networks=networks)
    assert published(here) == sorted(WEB["back"])
    assert ask((here.outside, "tcp", BOX, 8081))[0].outcome == "answered"
