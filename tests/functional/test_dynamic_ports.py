# SPDX-License-Identifier: GPL-3.0-or-later
"""Host ports that were chosen: what they keep clear of, and that they stay when containers come and go."""
import pytest
from traffic import Servers, expect_answers
from worlds import ADDRESSES, BACKENDS, BOX, BOX6, FRONT, FRONT6, OUTSIDE, OUTSIDE6, sysctl, world

NAMES = ("web", "shop", "limited")
DYNAMIC = 49153


@pytest.fixture(scope="module", params=BACKENDS)
def here(request):
    with world(request.param) as found:
        found.pipeline.run("docker_bridge", name="front", bip=f"{FRONT}/24", bip6=f"{FRONT6}/64")
        yield found


@pytest.fixture
def attached(here):
    here.pipeline.run("netns_attach", config=[{"netns": name} for name in NAMES[:2]])
    yield here
    here.pipeline.run("netns_attach", config=[{"netns": name, "state": "absent"} for name in NAMES])


def publish(here, name, *ports, **options):
    """Host ports by container port and protocol, both families the same."""
    result = here.pipeline.run("port_publish", netns=name, published_ports=list(ports), **options)
    chosen = {}
    for port in result["publication"]["ports"]:
        key = port["container_port"], port["protocol"]
        assert chosen.setdefault(key, port["host_port"]) == port["host_port"]
    return chosen


def test_what_is_in_use_is_kept_clear_of(attached):
    here = attached
    sysctl(here.box, "net.ipv4.ip_local_reserved_ports", f"{DYNAMIC},{DYNAMIC + 4}-{DYNAMIC + 5}")
    taken = [("0.0.0.0", "tcp", 1), ("::", "tcp", 2), ("127.0.0.1", "tcp", 3), ("::1", "udp", 6), ("0.0.0.0", "udp", 7),
             ("::", "udp", 8)]
    with Servers() as servers:
        for address, protocol, number in taken:
            servers.serve(here.host, "box", (DYNAMIC + number,), address, protocols=(protocol,))
        publish(here, "shop", f"127.0.0.1:{DYNAMIC + 6}:80", f"{DYNAMIC + 9}-{DYNAMIC + 10}:80-81/udp")
        # 0, 4 and 5 are reserved; of tcp 1, 2, 3 and 6 are taken, of udp 6 to 10.
        found = publish(here, "web", "80", "81", "80/udp", "81/udp", "82/udp", "83/udp")
    sysctl(here.box, "net.ipv4.ip_local_reserved_ports", "")
    assert found == {
        (80, "tcp"): DYNAMIC + 7, (81, "tcp"): DYNAMIC + 8,
        (80, "udp"): DYNAMIC + 1, (81, "udp"): DYNAMIC + 2, (82, "udp"): DYNAMIC + 3, (83, "udp"): DYNAMIC + 11}


def test_another_range_is_used_up_from_below(attached):
    here = attached
    assert publish(here, "web", "80", "81", dynamic_port_range="30000-30001") == {
        (80, "tcp"): 30000, (81, "tcp"): 30001}
    # What is chosen stays where another range has it too, and moves where it has not.
    assert publish(here, "web", "80", "81", dynamic_port_range="30001-30010") == {
        (80, "tcp"): 30002, (81, "tcp"): 30001}


def test_ports_stay_through_restarts(attached):
    """The namespace goes and comes back, and somebody else is started and publishes meanwhile."""
    here = attached
    wanted = ("80", "81", "80/udp", "127.0.0.1::82")
    publish(here, "shop", "80")
    first = publish(here, "web", *wanted)
    publish(here, "shop")  # a lower port is free now
    assert (DYNAMIC, "tcp") not in _held(first) and publish(here, "web", *wanted) == first
    addresses = {name: item["address"] for name, item in _endpoints(here).items()}
    here.box.run(["ip", "netns", "delete", "web"])
    here.pipeline.run("netns_attach", netns="limited")
    other = _held(publish(here, "limited", "80", "81", "80/udp"))
    assert (DYNAMIC, "tcp") in other and not other & _held(first)
    here.pipeline.run("netns_attach", netns="web")
    assert publish(here, "web", *wanted) == first
    assert here.pipeline.run("port_publish", netns="web", published_ports=list(wanted))["actions"] == []
    assert _endpoints(here)["web"]["address"] == addresses["web"]
    here.serve(here.container("web"), "web", (80, 81))
    expect_answers(*(((here.outside, protocol, box, first[port, protocol]), f"web:{port}", peer)
                     for port, protocol in ((80, "tcp"), (81, "tcp"), (80, "udp"))
                     for box, peer in ((BOX, OUTSIDE), (BOX6, OUTSIDE6))))


def _held(chosen):
    return {(port, protocol) for (_inside, protocol), port in chosen.items()}


def _endpoints(here):
    return {item["container"]: item for item in here.pipeline.run("network_info")["network"]["endpoints"]}


def test_ports_stay_when_the_container_comes_back_elsewhere(attached):
    here = attached
    publish(here, "shop", "80")
    first = publish(here, "web", "80", "80/udp")
    publish(here, "shop")
    here.box.run(["ip", "netns", "delete", "web"])
    address, address6 = ADDRESSES["limited"]
    here.pipeline.run("netns_attach", netns="web", address=address, address_v6=address6)
    here.serve(here.container("web"), "moved", (80,))
    assert publish(here, "web", "80", "80/udp") == first
    expect_answers(*(((here.outside, protocol, box, port), "moved:80", peer)
                     for (_inside, protocol), port in first.items()
                     for box, peer in ((BOX, OUTSIDE), (BOX6, OUTSIDE6))))


def test_after_a_flush_ports_are_chosen_anew(attached):
    """The rules were the only record: the lowest free ones again."""
    here = attached
    publish(here, "shop", "80")
    assert publish(here, "web", "80") == {(80, "tcp"): DYNAMIC + 1}
    publish(here, "shop")
    for program in ("iptables", "ip6tables"):
        here.box.run([program, "-t", "nat", "-F"])
    assert publish(here, "web", "80") == {(80, "tcp"): DYNAMIC}


def test_all_exposed_ports_are_published(attached):
    here = attached
    here.pipeline.run("netns_attach", netns="limited", exposed_ports=["80", "53/udp", "8000-8002"])
    options = {"publish_all_ports": True, "dynamic_port_range": "40000-40100"}
    found = publish(here, "limited", "8080:80", **options)
    assert found == {(80, "tcp"): 8080, (53, "udp"): 40000,
                     (8000, "tcp"): 40000, (8001, "tcp"): 40001, (8002, "tcp"): 40002}
    assert publish(here, "limited", "8080:80", **options) == found
    here.serve(here.container("limited"), "limited", (8001, 53))
    expect_answers(*(((here.outside, protocol, box, port), server, peer)
                     for protocol, port, server in (("tcp", 40001, "limited:8001"), ("udp", 40000, "limited:53"))
                     for box, peer in ((BOX, OUTSIDE), (BOX6, OUTSIDE6))))
