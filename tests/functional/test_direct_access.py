# SPDX-License-Identifier: GPL-3.0-or-later
"""Exceptions from isolation, tried with packets: pairs of bridges, trusted interfaces and networks, routed bridges.

One world for each backend of iptables. Its host forwards everything and filters no sources (rp_filter), so that nothing
but our rules keeps anybody out.
"""
import contextlib

import pytest
from containers import once
from pipeline import PipelineError
from traffic import Flow, expect_answers, expect_closed
from worlds import (BACKENDS, BOX, BOX6, BOX_NEIGHBOUR, BOX_NEIGHBOUR6, BRIDGE_CALLS, NEIGHBOUR, NEIGHBOUR6, OUTSIDE,
                    OUTSIDE6, forward_all, sysctl, world)

pytestmark = once

# Bridge -> its number, which stands in its addresses: 10.N.0.1/24, 2001:db8:N::1/64.
NUMBERS = {"left": 21, "right": 22, "apart": 23, "vpn": 24, "office": 25, "lab": 26, "plain": 27, "strict": 28,
           "mixed": 29}
OPTIONS = {"left": {"allow_bridges": ["right"]}, "vpn": {"trusted_interfaces": ["eth1"]},
           "office": {"trusted_networks": [f"{OUTSIDE}/32", "2001:db8:51::/64"]},
           "lab": {"ip_masq": False, "trusted_networks": [f"{OUTSIDE}/32", "2001:db8:51::/64"]},
           "plain": {"gateway_mode": "routed"}, "strict": {"gateway_mode": "routed"},
           "mixed": {"gateway_mode_v6": "routed"}}
CONTAINERS = {name: bridge for bridge in NUMBERS for name in (
    (bridge + "1", bridge + "2") if bridge in ("right", "plain", "strict") else (bridge + "1",))}
BOTH = ("tcp", "udp")


def both(*ports):
    return [f"{port}/{protocol}" for port in ports for protocol in BOTH]


PUBLISHED = {"right1": {"published_ports": both("8122:80")}, "plain1": {"published_ports": both(80, "7000-7010")},
             "plain2": {"published_ports": both(80), "allow_from": ["198.51.100.0/24", "2001:db8:51::/64"]},
             "strict2": {"published_ports": both(80)}, "mixed1": {"published_ports": both("8129:80")}}
PORTS = (80, 81, 7000, 7010)


def gateway(bridge):
    return f"10.{NUMBERS[bridge]}.0.1", f"2001:db8:{NUMBERS[bridge]}::1"


def addresses(name):
    host = 9 + int(name[-1])
    return f"10.{NUMBERS[name[:-1]]}.0.{host}", f"2001:db8:{NUMBERS[name[:-1]]}::{host}"


def bridge(name, **options):
    address, address6 = gateway(name)
    return {"name": name, "bip": f"{address}/24", "bip6": f"{address6}/64", **OPTIONS.get(name, {}), **options}


@pytest.fixture(scope="module", params=BACKENDS)
def here(request):
    with world(request.param) as found:
        forward_all(found.box)
        run = found.pipeline.run
        run("docker_bridge", config=[bridge(name) for name in NUMBERS])
        run("netns_attach", config=[
            {"netns": name, "bridge": place, "address": addresses(name)[0], "address_v6": addresses(name)[1]}
            for name, place in CONTAINERS.items()])
        run("port_publish", config=[{"container": name, **options} for name, options in PUBLISHED.items()])
        run("icc_policy", config=[{"bridge": name, "icc": False} for name in ("right", "strict")])
        for name in CONTAINERS:
            found.serve(found.container(name), name, PORTS)
        for place, name in ((found.outside, "outside"), (found.neighbour, "neighbour")):
            found.serve(place, name, (9999,))
        # Neighbours know each other from here on, so that silence means that something is closed.
        expect_answers(*(((found.host, "tcp", address, 80), f"{name}:80", gateway(place)[":" in address])
                         for name, place in CONTAINERS.items() for address in addresses(name)))
        yield found


@pytest.fixture(params=BOTH)
def protocol(request):
    return request.param


@pytest.fixture(params=["0", "1"], ids="nf-call-{}".format)
def bridge_calls(request, here):
    """Whether frames between ports of a bridge pass iptables."""
    for name in BRIDGE_CALLS:
        sysctl(here.box, name, request.param)
    yield
    for name in BRIDGE_CALLS:
        sysctl(here.box, name, 1)


def direct(here, place, protocol, name, ports=PORTS):
    """Calls to a container's own addresses."""
    place = here.container(place) if isinstance(place, str) else place
    return [(place, protocol, address, port) for address in addresses(name) for port in ports]


def answered_by(calls, name, peers):
    """These calls to own addresses are answered, and the container sees a peer of the family."""
    expect_answers(*((call, f"{name}:{call[3]}", peers[":" in call[2]]) for call in calls))


def all_but(*names):
    return [name for name in CONTAINERS if name not in names]


# Pairs of bridges


def test_containers_of_a_pair_reach_each_other_as_themselves(here, protocol, bridge_calls):
    for one, other in (("left1", "right1"), ("right2", "left1")):
        answered_by(direct(here, one, protocol, other), other, addresses(one))


def test_a_pair_is_no_pair_with_others(here, protocol, bridge_calls):
    pairs = [("left1", "apart1"), ("apart1", "left1"), ("right1", "apart1"), ("apart1", "right1"), ("left1", "vpn1")]
    expect_closed(here.servers, *(call for one, other in pairs for call in direct(here, one, protocol, other)),
                  *(call for place in (here.outside, here.neighbour) for name in ("left1", "right1", "apart1")
                    for call in direct(here, place, protocol, name)))


def test_published_ports_of_a_pair_stay_as_they_were(here, protocol, bridge_calls):
    expect_answers(*(((here.container(name), protocol, box, 8122), "right1:80", gateway("right")[":" in box])
                     for name in ("left1", "right1", "right2", "apart1") for box in (BOX, BOX6)),
                   ((here.outside, protocol, BOX, 8122), "right1:80", OUTSIDE),
                   ((here.outside, protocol, BOX6, 8122), "right1:80", OUTSIDE6))


def test_containers_of_a_pair_go_out_with_the_hosts_address(here, protocol):
    expect_answers(*(((here.container(name), protocol, outside, 9999), "outside:9999", box)
                     for name in ("left1", "right1") for outside, box in ((OUTSIDE, BOX), (OUTSIDE6, BOX6))))


def test_a_pair_that_ends_closes_and_begins_again(here):
    with contextlib.ExitStack() as stack:
        flows = [stack.enter_context(Flow(here.servers, here.container("left1"), address, 80))
                 for address in addresses("right1")]
        assert [flow.send() for flow in flows] == ["right1:80"] * 2
        assert here.pipeline.run("docker_bridge", **bridge("left", allow_bridges=[]))["changed"]
        calls = [call for one, other in (("left1", "right1"), ("right1", "left1")) for protocol in BOTH
                 for call in direct(here, one, protocol, other)]
        expect_closed(here.servers, *calls)
        assert [flow.send() for flow in flows] == ["", ""]
        # It is enough that the other one says so.
        here.pipeline.run("docker_bridge", **bridge("right", allow_bridges=["left"]))
        answered_by(direct(here, "left1", "tcp", "right1"), "right1", addresses("left1"))
        here.pipeline.run("docker_bridge", config=[bridge("right", allow_bridges=[]), bridge("left")])
        assert [flow.send() for flow in flows] == ["right1:80"] * 2


# Trusted interfaces and networks


def test_a_trusted_interface_leads_to_all_ports(here, protocol, bridge_calls):
    answered_by(direct(here, here.neighbour, protocol, "vpn1"), "vpn1", (NEIGHBOUR, NEIGHBOUR6))
    expect_closed(here.servers, *direct(here, here.outside, protocol, "vpn1"),
                  *(call for name in all_but("vpn1") for call in direct(here, name, protocol, "vpn1")),
                  *(call for name in ("left1", "right1", "apart1", "office1", "lab1")
                    for call in direct(here, here.neighbour, protocol, name)))


def test_a_trusted_network_leads_to_all_ports(here, protocol, bridge_calls):
    for name in ("office1", "lab1"):
        answered_by(direct(here, here.outside, protocol, name), name, (OUTSIDE, OUTSIDE6))
        expect_closed(here.servers, *direct(here, here.neighbour, protocol, name),
                      *(call for other in all_but(name) for call in direct(here, other, protocol, name)))


def test_everybody_may_be_trusted(here):
    """All but containers of other bridges, that is."""
    here.pipeline.run("docker_bridge", **bridge("apart", trusted_networks=["0.0.0.0/0", "::/0"]))
    for protocol in BOTH:
        answered_by(direct(here, here.outside, protocol, "apart1"), "apart1", (OUTSIDE, OUTSIDE6))
        answered_by(direct(here, here.neighbour, protocol, "apart1"), "apart1", (NEIGHBOUR, NEIGHBOUR6))
        expect_closed(here.servers, *(call for name in all_but("apart1")
                                      for call in direct(here, name, protocol, "apart1")))
    assert not here.pipeline.run("docker_bridge", **bridge("apart"))["changed"]
    here.pipeline.run("docker_bridge", **bridge("apart", trusted_networks=[]))


def test_a_container_is_not_trusted_for_the_source_that_it_writes(here, protocol, bridge_calls):
    both_sources = (OUTSIDE, OUTSIDE6)
    for source in both_sources:
        at_once = ["nodad"] if ":" in source else []
        here.box.run(["ip", "-n", "apart1", "address", "add", source, "dev", "lo", *at_once])
    try:
        expect_closed(here.servers, *((*call, both_sources[":" in call[2]]) for name in ("office1", "lab1")
                                      for call in direct(here, "apart1", protocol, name)))
    finally:
        for source in both_sources:
            here.box.run(["ip", "-n", "apart1", "address", "delete", source, "dev", "lo"])


def test_containers_reach_who_is_trusted_as_all_others(here, protocol):
    expect_answers(((here.container("vpn1"), protocol, NEIGHBOUR, 9999), "neighbour:9999", BOX_NEIGHBOUR),
                   ((here.container("vpn1"), protocol, NEIGHBOUR6, 9999), "neighbour:9999", BOX_NEIGHBOUR6),
                   ((here.container("office1"), protocol, OUTSIDE, 9999), "outside:9999", BOX),
                   ((here.container("office1"), protocol, OUTSIDE6, 9999), "outside:9999", BOX6),
                   ((here.container("lab1"), protocol, OUTSIDE, 9999), "outside:9999", addresses("lab1")[0]))


def test_who_is_trusted_no_longer_finds_all_closed(here):
    """Also a client that has begun already: without masquerade nothing but the state of its packets is looked at."""
    with contextlib.ExitStack() as stack:
        flows = [stack.enter_context(Flow(here.servers, here.outside, address, 80)) for address in addresses("lab1")]
        assert [flow.send() for flow in flows] == ["lab1:80"] * 2
        here.pipeline.run("docker_bridge", config=[bridge("vpn", trusted_interfaces=[]),
                                                   bridge("lab", trusted_networks=[])])
        assert [flow.send() for flow in flows] == ["", ""]
        expect_closed(here.servers, *(call for protocol in BOTH
                                      for place, name in ((here.neighbour, "vpn1"), (here.outside, "lab1"))
                                      for call in direct(here, place, protocol, name)))
        here.pipeline.run("docker_bridge", config=[bridge("vpn"), bridge("lab")])
        assert [flow.send() for flow in flows] == ["lab1:80"] * 2


# Routed bridges


def test_open_ports_of_a_routed_bridge_answer_everybody(here, protocol, bridge_calls):
    for port in (80, 7000, 7010):
        calls = [((place, protocol, address, port), f"plain1:{port}", peers[":" in address])
                 for place, peers in ((here.outside, (OUTSIDE, OUTSIDE6)), (here.neighbour, (NEIGHBOUR, NEIGHBOUR6)),
                                      (here.container("plain2"), addresses("plain2")),
                                      (here.container("apart1"), gateway("plain")),  # masqueraded as anywhere else
                                      (here.container("strict1"), addresses("strict1")),
                                      (here.host, gateway("plain"))) for address in addresses("plain1")]
        expect_answers(*calls)


def test_all_else_of_a_routed_bridge_is_closed(here, protocol, bridge_calls):
    expect_closed(here.servers, *(call for place in (here.outside, here.neighbour, "apart1", "strict1")
                                  for call in direct(here, place, protocol, "plain1", (81,))),
                  *((here.outside, protocol, box, port) for box in (BOX, BOX6) for port in (80, 7000)))


def test_an_open_port_has_its_sources(here, protocol):
    answered_by(direct(here, here.outside, protocol, "plain2", (80,)), "plain2", (OUTSIDE, OUTSIDE6))
    expect_closed(here.servers, *(call for place in (here.neighbour, "strict1", "apart1")
                                  for call in direct(here, place, protocol, "plain2")))


def test_containers_of_a_routed_bridge_keep_their_address(here, protocol):
    expect_answers(*(((here.container("plain1"), protocol, address, 9999), server, addresses("plain1")[":" in address])
                     for address, server in ((OUTSIDE, "outside:9999"), (OUTSIDE6, "outside:9999"),
                                             (NEIGHBOUR, "neighbour:9999"), (NEIGHBOUR6, "neighbour:9999"))),
                   ((here.container("plain1"), protocol, BOX, 8122), "right1:80", addresses("plain1")[0]))


def test_without_icc_a_routed_bridge_is_open_at_open_ports_only(here, protocol):
    answered_by(direct(here, "strict1", protocol, "strict2", (80,)), "strict2", addresses("strict1"))
    expect_closed(here.servers, *direct(here, "strict1", protocol, "strict2", (81,)),
                  *direct(here, "strict2", protocol, "strict1"))


def test_a_family_is_translated_and_the_other_one_is_routed(here, protocol):
    address, address6 = addresses("mixed1")
    expect_answers(((here.outside, protocol, BOX, 8129), "mixed1:80", OUTSIDE),
                   ((here.outside, protocol, address6, 80), "mixed1:80", OUTSIDE6),
                   ((here.container("mixed1"), protocol, BOX, 8129), "mixed1:80", gateway("mixed")[0]),
                   ((here.container("mixed1"), protocol, OUTSIDE, 9999), "outside:9999", BOX),
                   ((here.container("mixed1"), protocol, OUTSIDE6, 9999), "outside:9999", address6))
    expect_closed(here.servers, (here.outside, protocol, BOX6, 8129), (here.outside, protocol, address6, 81),
                  (here.outside, protocol, address6, 8129), (here.outside, protocol, address, 80),
                  (here.outside, protocol, address, 81))


def echoed(place, address):
    """Whether an echo request is replied to within a second."""
    done = place.host.run(["ping", "-c1", "-W1", "-n", address], check=False)
    return done.returncode == 0


def test_containers_of_a_routed_bridge_can_be_pinged(here):
    assert [echoed(here.outside, address) for address in addresses("plain1")] == [True, True]
    assert [echoed(here.outside, address) for address in addresses("mixed1")] == [False, True]


def test_a_port_that_closes_ends_what_goes_on_and_touches_no_other(here):
    with contextlib.ExitStack() as stack:
        closing, staying = ([stack.enter_context(Flow(here.servers, here.outside, address, port))
                             for address in addresses("plain1")] for port in (80, 7000))
        assert [flow.send() for flow in (*closing, *staying)] == ["plain1:80"] * 2 + ["plain1:7000"] * 2
        here.pipeline.run("port_publish", container="plain1", published_ports=both("7000-7010"))
        assert [flow.send() for flow in (*closing, *staying)] == ["", ""] + ["plain1:7000"] * 2
        here.pipeline.run("port_publish", container="plain1", published_ports=both(80), allow_from=[NEIGHBOUR])
        expect_answers(((here.neighbour, "udp", addresses("plain1")[0], 80), "plain1:80", NEIGHBOUR))
        assert [flow.send() for flow in (*closing, *staying)] == [""] * 4
        here.pipeline.run("port_publish", container="plain1", **PUBLISHED["plain1"])
        assert [flow.send() for flow in (*closing, *staying)] == ["plain1:80"] * 2 + ["plain1:7000"] * 2


def test_the_mode_of_a_bridge_changes_there_and_back(here):
    run, (address, address6) = here.pipeline.run, addresses("plain1")
    # A client in the container that keeps its port.
    outward = [(here.container("plain1"), "udp", outside, 9999, (source, 5353))
               for outside, source in ((OUTSIDE, address), (OUTSIDE6, address6))]
    expect_answers(*((call, "outside:9999", call[4][0]) for call in outward))
    with pytest.raises(PipelineError, match="gateway_mode: 'nat' would close 12 published ports of bridge plain"):
        run("docker_bridge", **bridge("plain", gateway_mode="nat"))
    result = run("docker_bridge", **bridge("plain", gateway_mode="nat", force=True))
    assert len(result["warnings"]) == 2 and result["bridge"]["gateway_mode_v6"] == "nat"
    expect_answers(*((call, "outside:9999", box) for call, box in zip(outward, (BOX, BOX6))))
    calls = [call for name in ("plain1", "plain2") for protocol in BOTH
             for call in direct(here, here.outside, protocol, name)]
    expect_closed(here.servers, *calls)
    run("port_publish", container="plain1", published_ports=both("8127:80"))
    expect_closed(here.servers, *calls)
    expect_answers(((here.outside, "tcp", BOX, 8127), "plain1:80", OUTSIDE),
                   ((here.outside, "udp", BOX6, 8127), "plain1:80", OUTSIDE6),
                   ((here.container("plain1"), "tcp", OUTSIDE, 9999), "outside:9999", BOX))
    run("docker_bridge", **bridge("plain", force=True))
    expect_answers(*((call, "outside:9999", call[4][0]) for call in outward))
    expect_closed(here.servers, *calls, *((here.outside, protocol, box, 8127) for protocol in BOTH
                                          for box in (BOX, BOX6)))
    run("port_publish", config=[{"container": name, **PUBLISHED[name]} for name in ("plain1", "plain2")])
    expect_answers(((here.outside, "tcp", address, 80), "plain1:80", OUTSIDE),
                   ((here.outside, "udp", address6, 80), "plain1:80", OUTSIDE6))


# Second runs, and runs that end in the middle


def test_a_second_run_changes_nothing(here):
    run = here.pipeline.run
    assert not run("docker_bridge", config=[bridge(name) for name in NUMBERS])["changed"]
    assert not run("port_publish", config=[{"container": name, **options}
                                           for name, options in PUBLISHED.items()])["changed"]
    assert run("network_info")["network"]["drift"] == []


STEPS = [
    ("docker_bridge", [bridge("apart", allow_bridges=["left"], trusted_interfaces=["eth1"])]),
    ("docker_bridge", [bridge("apart", allow_bridges=[], trusted_interfaces=[], trusted_networks=[NEIGHBOUR])]),
    ("docker_bridge", [bridge("apart", trusted_networks=[NEIGHBOUR, NEIGHBOUR6, "10.0.0.0/8", "fd00::/8"])]),
    ("docker_bridge", [bridge("apart", trusted_networks=[], gateway_mode="routed")]),
    ("port_publish", [{"container": "apart1", "published_ports": both(80), "allow_from": [NEIGHBOUR, NEIGHBOUR6]}]),
    ("port_publish", [{"container": "apart1", "published_ports": both(7000), "allow_from": [NEIGHBOUR, NEIGHBOUR6]}]),
    ("docker_bridge", [bridge("apart", gateway_mode="nat", force=True)]),
    ("port_publish", [{"container": "apart1", "published_ports": ["127.0.0.1:8123:80"]}]),
    ("docker_bridge", [bridge("apart", gateway_mode="routed", force=True)]),
    ("docker_bridge", [bridge("apart", gateway_mode="nat")]),
]


def test_nothing_else_is_open_in_the_middle_of_a_run(here):
    closed = [call for protocol in BOTH for place in (here.outside, "right1", "vpn1")
              for call in direct(here, place, protocol, "apart1")]
    closed += [call for protocol in BOTH for place in (here.outside, here.neighbour)
               for name in ("left1", "right1") for call in direct(here, place, protocol, name)]
    closed += [call for protocol in BOTH for call in direct(here, here.neighbour, protocol, "plain1", (81,))]
    closed += [(here.outside, protocol, box, port) for protocol in BOTH for box in (BOX, BOX6)
               for port in (80, 7000, 8123)]
    for module, config in STEPS:
        actions = here.pipeline.plan(module, config=config)
        assert actions
        for number, action in enumerate(actions):
            here.pipeline.step(number)
            try:
                expect_closed(here.servers, *closed, seconds=0.03)
            except AssertionError as error:
                raise AssertionError(f"{config}: after {action!r}, {number + 1} of {len(actions)}") from error
        assert here.pipeline.plan(module, config=config) == []
