# SPDX-License-Identifier: GPL-3.0-or-later
"""A bridge that the host's own network is behind: refused, or with consent only its containers are ours.

The wire to the outside is a port of br-lan, which has the host's addresses and its default routes.
"""
import pytest
from pipeline import PipelineError
from traffic import expect_answers, expect_closed
from worlds import (ADDRESSES, BACKENDS, BOX, BOX6, BOX_NEIGHBOUR, BOX_NEIGHBOUR6, BRIDGE_CALLS, FORWARDING, FRONT,
                    FRONT6, NEIGHBOUR, NEIGHBOUR6, OUTSIDE, OUTSIDE6, picture, sysctl, world)

FAR, FAR6 = "10.99.0.1", "2001:db8:99::1"  # behind the router that the outside is
LAN = {"near": ("198.51.100.193", "2001:db8:51::c1"), "next": ("198.51.100.194", "2001:db8:51::c2")}
PROTOCOLS = ("tcp", "udp")


@pytest.fixture(scope="module", params=BACKENDS)
def bare(request):
    with world(request.param) as found:
        for name in BRIDGE_CALLS:
            sysctl(found.box, name, 0)
        found.box.run(["sh", "-ec", f"""
            ip link add br-lan type bridge; ip link set br-lan up
            ip address flush dev eth0 scope global; ip link set eth0 master br-lan
            ip address add {BOX}/24 dev br-lan; ip address add {BOX6}/64 dev br-lan nodad
            ip route replace default via {OUTSIDE}; ip route replace default via {OUTSIDE6}"""])
        found.outside_host.run(["sh", "-ec", f"""
            ip address add {FAR}/32 dev lo; ip address add {FAR6}/128 dev lo nodad
            ip route add 192.168.5.0/24 via {BOX}; ip route add 2001:db8:5::/64 via {BOX6}"""])
        for place, name in ((found.outside, "outside"), (found.neighbour, "neighbour"), (found.host, "box")):
            found.serve(place, name, (9999,))
        for address in (FAR, FAR6):  # a server that answers from there
            found.servers.serve(found.outside, "far", (9998,), address)
        yield found


@pytest.fixture(scope="module")
def here(bare):
    run = bare.pipeline.run
    bare.refusal = _refusal(bare)
    run("docker_bridge", config=[
        {"name": "br-lan", "adopt_uplink": True, "fixed_cidr": "198.51.100.192/27"},
        {"name": "front", "bip": f"{FRONT}/24", "bip6": f"{FRONT6}/64"}])
    run("netns_attach", config=[
        {"netns": "web", "bridge": "front", "address": ADDRESSES["web"][0], "address_v6": ADDRESSES["web"][1]},
        *({"netns": name, "bridge": "br-lan", "address": v4, "address_v6": v6} for name, (v4, v6) in LAN.items())])
    run("port_publish", config=[
        {"netns": "web", "published_ports": ["8080:80", "8080:80/udp"]},
        {"netns": "near", "published_ports": ["8090:80", "8090:80/udp"]}])
    for name in ("web", *LAN):
        bare.serve(bare.container(name), name, (80, 81))
    return bare


def _refusal(bare):
    """What is said without consent; nothing is touched."""
    before = picture(bare.box)
    with pytest.raises(PipelineError) as caught:
        bare.pipeline.run("docker_bridge", name="br-lan", adopt=True)
    assert picture(bare.box) == before
    return str(caught.value)


def test_it_is_refused_without_consent(here):
    assert here.refusal.startswith(
        "name: 'br-lan' is the way of this host to the outside (the host's default route goes by it)")
    assert "say adopt_uplink: true" in here.refusal


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_containers_of_other_bridges_reach_the_outside(here, protocol):
    expect_answers(((here.container("web"), protocol, OUTSIDE, 9999), "outside:9999", BOX),
                   ((here.container("web"), protocol, OUTSIDE6, 9999), "outside:9999", BOX6),
                   ((here.container("web"), protocol, FAR, 9998), "far:9998", BOX),
                   ((here.container("web"), protocol, FAR6, 9998), "far:9998", BOX6))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_published_ports_see_their_clients(here, protocol):
    clients = ((BOX, OUTSIDE), (BOX6, OUTSIDE6), (BOX, FAR), (BOX6, FAR6))
    calls = [((here.outside, protocol, box, port, client), f"{name}:80", client)
             for box, client in clients for name, port in (("web", 8080), ("near", 8090))]
    calls += [((here.neighbour, protocol, BOX_NEIGHBOUR, 8090), "near:80", NEIGHBOUR),
              ((here.neighbour, protocol, BOX_NEIGHBOUR6, 8090), "near:80", NEIGHBOUR6),
              ((here.host, protocol, "127.0.0.1", 8090), "near:80", BOX),
              ((here.container("next"), protocol, BOX, 8090), "near:80", BOX),
              ((here.container("near"), protocol, BOX6, 8090), "near:80", BOX6),
              ((here.container("web"), protocol, BOX, 8090), "near:80", BOX),
              ((here.container("near"), protocol, BOX, 8080), "web:80", FRONT)]
    expect_answers(*calls)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nobody_reaches_its_containers_at_their_own_addresses(here, protocol):
    """Not on the wire either, where frames go from port to port and past the host."""
    expect_closed(here.servers, *((place, protocol, address, port)
                                  for place in (here.outside, here.neighbour, here.container("web"))
                                  for address in LAN["near"] for port in (80, 81)))
    expect_closed(here.servers, *((place, protocol, address, 80) for place in (here.outside, here.container("near"))
                                  for address in ADDRESSES["web"]))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_its_containers_reach_the_wire_and_the_rest(here, protocol):
    near, (v4, v6), (next4, next6) = here.container("near"), LAN["near"], LAN["next"]
    expect_answers(((near, protocol, OUTSIDE, 9999), "outside:9999", v4),
                   ((near, protocol, OUTSIDE6, 9999), "outside:9999", v6),
                   ((near, protocol, FAR, 9998), "far:9998", v4),
                   ((near, protocol, NEIGHBOUR, 9999), "neighbour:9999", BOX_NEIGHBOUR),
                   ((near, protocol, NEIGHBOUR6, 9999), "neighbour:9999", BOX_NEIGHBOUR6),
                   ((near, protocol, next4, 80), "next:80", v4), ((near, protocol, next6, 80), "next:80", v6),
                   ((here.host, protocol, v4, 80), "near:80", BOX), ((here.host, protocol, v6, 80), "near:80", BOX6))


def test_the_host_and_its_neighbours_go_on(here):
    expect_answers(*(((here.outside, protocol, address, 9999), "box:9999", source) for protocol in PROTOCOLS
                     for address, source in ((BOX, OUTSIDE), (BOX6, OUTSIDE6))),
                   *(((here.host, protocol, address, 9999), "outside:9999", source) for protocol in PROTOCOLS
                     for address, source in ((OUTSIDE, BOX), (OUTSIDE6, BOX6))))


def test_containers_that_may_not_talk_to_each_other_still_reach_the_wire(here):
    here.pipeline.run("icc_policy", bridge="br-lan", icc=False)
    expect_closed(here.servers, *((here.container("near"), protocol, address, 80) for protocol in PROTOCOLS
                                  for address in LAN["next"]))
    expect_answers(*(((here.container("near"), protocol, OUTSIDE, 9999), "outside:9999", LAN["near"][0])
                     for protocol in PROTOCOLS))
    here.pipeline.run("icc_policy", bridge="br-lan", icc=True)


def test_the_next_run_changes_nothing_and_it_is_given_back_as_it_was(here):
    run = here.pipeline.run
    assert run("docker_bridge", name="br-lan")["actions"] == []
    found = run("docker_bridge", name="br-lan")["bridge"]
    assert found["uplink"] and found["endpoints"] == ["near", "next"]
    with pytest.raises(PipelineError, match=r"bridge br-lan has 2 endpoints \(near, next\): detach"):
        run("docker_bridge", name="br-lan", state="absent")
    run("netns_attach", config=[{"netns": name} for name in LAN], state="absent")
    assert run("docker_bridge", name="br-lan", state="absent")["bridge"] is None
    expect_answers(*(((here.container("web"), protocol, OUTSIDE, 9999), "outside:9999", BOX)
                     for protocol in PROTOCOLS))
    for name in FORWARDING:
        assert here.box.run(["sysctl", "-n", name]).stdout == "1\n"


def test_a_clean_up_leaves_the_host_the_bridge_that_has_become_its_way(here):
    """The last one here: the wire is a port of a bridge that was made for containers."""
    run = here.pipeline.run
    run("docker_bridge", name="ours", bip="10.77.0.1/24")
    here.box.run(["sh", "-ec", f"""
        ip link set eth0 master ours; ip link delete br-lan
        ip address add {BOX}/24 dev ours; ip address add {BOX6}/64 dev ours nodad
        ip route replace default via {OUTSIDE}; ip route replace default via {OUTSIDE6}"""])
    said = run("host_network", networks=[], exclusive=True)["warnings"][0]
    assert said.startswith("bridge ours stays, without rules of this collection: the host's default route goes by it")
    expect_answers(*(((here.host, protocol, address, 9999), "outside:9999", own)
                     for protocol in PROTOCOLS for address, own in ((OUTSIDE, BOX), (OUTSIDE6, BOX6))))
    assert "MOORING" not in here.box.run(["iptables-save"]).stdout + here.box.run(["ip6tables-save"]).stdout
    assert run("host_network", networks=[], exclusive=True)["actions"] == []
