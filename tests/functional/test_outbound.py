# SPDX-License-Identifier: GPL-3.0-or-later
"""With which address it leaves what containers send, tried with packets: by every way out, and by published ports."""
import socket

import pytest
from containers import once
from pipeline import PipelineError
from traffic import PATIENCE, expect_answers, expect_closed
from worlds import (BACKENDS, BOX, BOX6, NEIGHBOUR, NEIGHBOUR6, OUTSIDE, OUTSIDE6, forward_all, world)

pytestmark = once

NUMBERS = {"mail": 61, "left": 62, "right": 63, "theirs": 64}
CONTAINERS = {"post": "mail", "shop": "left", "book": "right", "guest": "theirs"}
CHOSEN, CHOSEN6, NEXT, NEXT6 = "198.51.100.9", "2001:db8:51::9", "198.51.100.10", "2001:db8:51::a"
OUTBOUND = {"outbound_address": CHOSEN, "outbound_address_v6": CHOSEN6}
BOTH, FAMILIES = ("tcp", "udp"), (0, 1)


def gateway(bridge):
    return f"10.{NUMBERS[bridge]}.0.1", f"2001:db8:{NUMBERS[bridge]}::1"


def addresses(name):
    number = NUMBERS[CONTAINERS[name]]
    return f"10.{number}.0.10", f"2001:db8:{number}::10"


def bridge(name, **options):
    address, address6 = gateway(name)
    return {"name": name, "bip": f"{address}/24", "bip6": f"{address6}/64", **options}


def give(host, address, address6):
    """Addresses that the kernel does not choose by itself."""
    host.run(["sh", "-ec", f"ip address add {address}/24 dev eth0; "
                           f"ip address add {address6}/64 dev eth0 nodad preferred_lft 0"])


@pytest.fixture(scope="module", params=BACKENDS)
def here(request):
    with world(request.param) as found:
        forward_all(found.box)
        give(found.box, CHOSEN, CHOSEN6)
        found.box.run(["sh", "-ec", """
            ip link add theirs type bridge; ip link set theirs up
            ip address add 10.64.0.1/24 dev theirs; ip address add 2001:db8:64::1/64 dev theirs nodad"""])
        run = found.pipeline.run
        run("docker_bridge", config=[bridge("mail", **OUTBOUND), bridge("left", allow_bridges=["right"], **OUTBOUND),
                                     bridge("right"), {"name": "theirs", "adopt": True, **OUTBOUND}])
        run("netns_attach", config=[
            {"netns": name, "bridge": place, "address": addresses(name)[0], "address_v6": addresses(name)[1]}
            for name, place in CONTAINERS.items()])
        run("port_publish", config=[
            {"container": name, "published_ports": [f"80{NUMBERS[place]}:80/{protocol}" for protocol in BOTH]}
            for name, place in CONTAINERS.items()])
        for name in CONTAINERS:
            found.serve(found.container(name), name, (80,))
        for place, name in ((found.outside, "outside"), (found.neighbour, "neighbour")):
            found.serve(place, name, (9999,))
        yield found


def outward(here, name, peers, protocols=BOTH, source=None):
    """What a container sends to both sides of the host is seen as one of these peers."""
    return [((here.container(name), protocol, address, 9999, *((source[family],) if source else ())), f"{server}:9999",
             peers[family]) for protocol in protocols for family in FAMILIES
            for address, server in (((OUTSIDE, OUTSIDE6)[family], "outside"),
                                    ((NEIGHBOUR, NEIGHBOUR6)[family], "neighbour"))]


def test_it_leaves_by_every_way_with_the_chosen_address(here):
    expect_answers(*outward(here, "post", (CHOSEN, CHOSEN6)), *outward(here, "guest", (CHOSEN, CHOSEN6)),
                   *outward(here, "shop", (CHOSEN, CHOSEN6)))


@pytest.mark.parametrize("family", FAMILIES)
def test_icmp_leaves_with_it_as_well(here, family):
    kind, protocol = ((socket.AF_INET, socket.IPPROTO_ICMP), (socket.AF_INET6, socket.IPPROTO_ICMPV6))[family]
    with here.outside.socket(kind, socket.SOCK_RAW, protocol) as receiver:
        receiver.settimeout(PATIENCE)
        here.box.run(["ip", "netns", "exec", "post", "ping", "-c1", "-W2", (OUTSIDE, OUTSIDE6)[family]])
        seen = set()
        while (CHOSEN, CHOSEN6)[family] not in seen:
            seen.add(receiver.recvfrom(2048)[1][0])
    assert not seen & {BOX, BOX6, *addresses("post")}


def test_the_host_and_others_leave_as_before(here):
    expect_answers(*(((here.container("book"), protocol, address, 9999), "outside:9999", box) for protocol in BOTH
                     for address, box in ((OUTSIDE, BOX), (OUTSIDE6, BOX6))),
                   *(((here.host, protocol, address, 9999), "outside:9999", box) for protocol in BOTH
                     for address, box in ((OUTSIDE, BOX), (OUTSIDE6, BOX6))),
                   # Of its own addresses that of the bridge as well, if that is what somebody has chosen.
                   *(((here.host, protocol, address, 9999, own), "outside:9999", own) for protocol in BOTH
                     for name in ("mail", "right") for address, own in zip((OUTSIDE, OUTSIDE6), gateway(name))))


def test_published_ports_see_whom_they_saw(here):
    """Clients outside, the container itself (hairpin), one of another bridge, and the host."""
    expect_answers(
        *(((here.outside, protocol, box, 8061), "post:80", peer) for protocol in BOTH
          for box, peer in ((BOX, OUTSIDE), (BOX6, OUTSIDE6), (CHOSEN, OUTSIDE), (CHOSEN6, OUTSIDE6))),
        *(((here.container(name), protocol, box, 8061), "post:80", gateway("mail")[":" in box])
          for name in ("post", "shop", "book", "guest") for protocol in BOTH for box in (BOX, BOX6, CHOSEN, CHOSEN6)),
        *(((here.container("post"), protocol, box, 8063), "book:80", gateway("right")[":" in box])
          for protocol in BOTH for box in (BOX, BOX6)))


def test_bridges_that_are_allowed_to_each_other_see_their_own_addresses(here):
    expect_answers(*(((here.container("shop"), protocol, address, 80), "book:80", peer) for protocol in BOTH
                     for address, peer in zip(addresses("book"), addresses("shop"))))
    expect_closed(here.servers, *((here.container("post"), protocol, address, 80) for protocol in BOTH
                                  for address in addresses("book")))


def test_udp_that_is_under_way_gets_the_new_address(here):
    """The kernel chooses a source once for each connection, and a resolver keeps its port."""
    run, source = here.pipeline.run, [(address, 5555) for address in addresses("post")]
    udp = ("udp",)
    expect_answers(*outward(here, "post", (CHOSEN, CHOSEN6), udp, source))
    give(here.box, NEXT, NEXT6)
    run("docker_bridge", **bridge("mail", outbound_address=NEXT, outbound_address_v6=NEXT6))
    expect_answers(*outward(here, "post", (NEXT, NEXT6), udp, source), *outward(here, "post", (NEXT, NEXT6), ("tcp",)),
                   *outward(here, "shop", (CHOSEN, CHOSEN6)), *outward(here, "guest", (CHOSEN, CHOSEN6), udp))
    assert run("docker_bridge", **bridge("mail"))["actions"] == []
    run("docker_bridge", **bridge("mail", outbound_address="", outbound_address_v6=""))
    box = here.box.run(["sh", "-ec", "iptables-save -t nat; ip6tables-save -t nat"]).stdout
    assert "mail source" not in box and "mail masquerade" in box
    expect_answers(((here.container("post"), "udp", OUTSIDE, 9999, source[0]), "outside:9999", BOX))
    run("docker_bridge", **bridge("mail", **OUTBOUND))
    expect_answers(*outward(here, "post", (CHOSEN, CHOSEN6), udp, source))


def test_an_address_that_the_host_gets_later(here):
    run, later, later6 = here.pipeline.run, "198.51.100.77", "2001:db8:51::77"
    result = run("docker_bridge", **bridge("mail", outbound_address=later, outbound_address_v6=later6))
    assert [each.partition(",")[0] for each in result["warnings"]] == [
        f"outbound_address of bridge mail is {later}", f"outbound_address_v6 of bridge mail is {later6}"]
    assert run("network_info")["network"]["obstacles"] == result["warnings"]
    expect_closed(here.servers, *((here.outside, "udp", each, 9) for each in (later, later6)))
    # Published ports do without it.
    expect_answers(((here.container("post"), "udp", BOX, 8063), "book:80", gateway("right")[0]))
    give(here.box, later, later6)
    expect_answers(*outward(here, "post", (later, later6)))
    assert not run("docker_bridge", **bridge("mail"))["warnings"] and not run("network_info")["network"]["obstacles"]
    run("docker_bridge", **bridge("mail", **OUTBOUND))


def test_what_contradicts_it_leaves_all_as_it_is(here):
    for given in ({"ip_masq": False}, {"gateway_mode": "routed", "force": True}, {"internal": True, "force": True},
                  {"outbound_address": "10.62.0.9"}, {"outbound_address_v6": "2001:db8:61::9"}):
        with pytest.raises(PipelineError, match="contradicts|replies would go to a container"):
            here.pipeline.run("docker_bridge", **bridge("mail", **given))
    expect_answers(*outward(here, "post", (CHOSEN, CHOSEN6)))


def test_an_uplink_lets_its_neighbours_see_containers_themselves(here):
    """The last one: it moves the neighbour's wire to a bridge."""
    here.box.run(["sh", "-ec", """
        ip link add lan type bridge; ip link set lan up; ip address flush dev eth1; ip link set eth1 master lan
        ip address add 203.0.113.1/24 dev lan; ip address add 2001:db8:113::1/64 dev lan nodad"""])
    here.pipeline.run("docker_bridge", name="lan", adopt_uplink=True, fixed_cidr="203.0.113.192/27", **OUTBOUND)
    here.pipeline.run("netns_attach", netns="near", bridge="lan", address="203.0.113.200",
                      address_v6="2001:db8:113::c8")
    place = here.container("near")
    expect_answers(*(((place, protocol, address, 9999), "outside:9999", chosen) for protocol in BOTH
                     for address, chosen in ((OUTSIDE, CHOSEN), (OUTSIDE6, CHOSEN6))),
                   *(((place, protocol, address, 9999), "neighbour:9999", own) for protocol in BOTH
                     for address, own in ((NEIGHBOUR, "203.0.113.200"), (NEIGHBOUR6, "2001:db8:113::c8"))))
