# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges that nothing leaves and nothing enters, attacked with packets from both sides.

The host forwards everything and filters no sources (rp_filter), rules of others accept all that is forwarded, those
outside have routes to the containers, and these have routes to everything: nothing but our rules is in the way.
"""
import contextlib
import json

import pytest
from containers import once
from forge import datagram, forge
from frames import IPV6, Wire, frame, link_local
from pipeline import PipelineError
from traffic import Connection, Flow, expect_answers, expect_closed
from worlds import (BACKENDS, BOX, BOX6, BOX_NEIGHBOUR, BOX_NEIGHBOUR6, BRIDGE_CALLS, NEIGHBOUR, NEIGHBOUR6, OUTSIDE,
                    OUTSIDE6, forward_all, sysctl, world)

pytestmark = once

# Bridge -> its number, which stands in its addresses: 10.N.0.1/24, 2001:db8:N::1/64.
NUMBERS = {"front": 31, "inner": 32, "closed": 33, "late": 34, "apart": 35}
CONTAINERS = {"web": "front", "db": "inner", "cache": "inner", "vault": "closed", "safe": "closed", "app": "late",
              "monk": "apart", "nun": "apart"}
PLACES = {"web": 10, "db": 10, "cache": 11, "vault": 10, "safe": 11, "app": 10, "monk": 10, "nun": 11}
ISOLATED = {"internal": True, "gateway_mode": "isolated"}
BOTH = ("tcp", "udp")


def gateway(bridge):
    return f"10.{NUMBERS[bridge]}.0.1", f"2001:db8:{NUMBERS[bridge]}::1"


def addresses(name):
    number = NUMBERS[CONTAINERS[name]]
    return f"10.{number}.0.{PLACES[name]}", f"2001:db8:{number}::{PLACES[name]}"


def bridge(name, **options):
    address, address6 = gateway(name)
    return {"name": name, "bip": f"{address}/24", "bip6": f"{address6}/64", "internal": name in ("inner", "closed"),
            **(ISOLATED if name == "apart" else {}), **options}


def lead_out(here, name):
    """What a container with CAP_NET_ADMIN does to its routes."""
    for way in gateway(CONTAINERS[name]):
        here.box.run(["ip", "-n", name, "route", "replace", "default", "via", way, "dev", "eth0"])


def routes(here, name):
    found = [json.loads(here.box.run(["ip", "-n", name, "-j", family, "route"]).stdout or "[]")
             for family in ("-4", "-6")]
    return [route["dev"] for family in found for route in family if route["dst"] == "default"]


@pytest.fixture(scope="module", params=BACKENDS)
def here(request):
    with world(request.param) as found:
        forward_all(found.box)
        run = found.pipeline.run
        run("docker_bridge", config=[bridge(name) for name in NUMBERS])
        run("netns_attach", config=[
            {"netns": name, "bridge": place, "address": addresses(name)[0], "address_v6": addresses(name)[1]}
            for name, place in CONTAINERS.items()])
        run("netns_attach", netns="db", bridge="front", interface_name="eth1")
        run("port_publish", config=[
            {"container": "web", "published_ports": ["8080:80/tcp", "8080:80/udp", "8087:87/tcp"]},
            {"container": "app", "published_ports": ["8084:80/udp", "8085:85/tcp"]},
            {"container": "db", "published_ports": ["8086:80/tcp", "8086:80/udp"]}])
        run("icc_policy", bridge="closed", icc=False)
        for name in CONTAINERS:
            found.serve(found.container(name), name, (80,))
        for place, name in ((found.outside, "outside"), (found.neighbour, "neighbour"), (found.host, "box")):
            found.serve(place, name, (9999,))
        # Neighbours know each other from here on, so that silence means that something is closed.
        expect_answers(*(((found.host, "tcp", address, 80), f"{name}:80", gateway(place)[":" in address])
                         for name, place in CONTAINERS.items() if place != "apart" for address in addresses(name)),
                       *(((found.container("web"), "udp", address, 9999), f"{name}:9999", peer)
                         for address, name, peer in (
                             (OUTSIDE, "outside", BOX), (OUTSIDE6, "outside", BOX6),
                             (NEIGHBOUR, "neighbour", BOX_NEIGHBOUR), (NEIGHBOUR6, "neighbour", BOX_NEIGHBOUR6))))
        yield found


@pytest.fixture(params=["0", "1"], ids="nf-call-{}".format)
def bridge_calls(request, here):
    """Whether frames between ports of a bridge pass iptables."""
    for name in BRIDGE_CALLS:
        sysctl(here.box, name, request.param)
    yield
    for name in BRIDGE_CALLS:
        sysctl(here.box, name, 1)


@pytest.fixture(params=[False, True], ids=["ours-first", "others-first"])
def others(request, here):
    """Rules of others that accept all that is forwarded, before ours are asked."""
    for program in ("iptables", "ip6tables") if request.param else ():
        here.box.run([program, "-I", "FORWARD", "-j", "ACCEPT"])
    yield request.param
    for program in ("iptables", "ip6tables") if request.param else ():
        here.box.run([program, "-D", "FORWARD", "-j", "ACCEPT"])


def elsewhere(place):
    """What there is outside of an internal bridge, and its own gateway's published ports."""
    return [(place, protocol, address, port) for protocol in BOTH for address, port in (
        *((address, 9999) for address in (OUTSIDE, OUTSIDE6, NEIGHBOUR, NEIGHBOUR6, BOX, BOX6, BOX_NEIGHBOUR,
                                          BOX_NEIGHBOUR6, *gateway("front"), *gateway("late"))),
        *((address, 8080) for address in (BOX, BOX6, *gateway("inner"), *gateway("closed"))),
        *((address, 80) for name in ("web", "app") for address in addresses(name)))]


def test_its_containers_reach_each_other_and_the_host_by_the_bridge(here, bridge_calls):
    expect_answers(*(((here.container("cache"), protocol, address, 80), "db:80", peer) for protocol in BOTH
                     for address, peer in zip(addresses("db"), addresses("cache"))),
                   *(((here.host, protocol, address, 80), "cache:80", peer) for protocol in BOTH
                     for address, peer in zip(addresses("cache"), gateway("inner"))),
                   *(((here.container("cache"), protocol, address, 9999), "box:9999", peer) for protocol in BOTH
                     for address, peer in zip(gateway("inner"), addresses("cache"))))


def test_icc_says_whether_they_reach_each_other(here):
    expect_closed(here.servers, *((here.container("safe"), protocol, address, 80) for protocol in BOTH
                                  for address in addresses("vault")))
    expect_answers(*(((here.container("safe"), protocol, address, 9999), "box:9999", peer) for protocol in BOTH
                     for address, peer in zip(gateway("closed"), addresses("safe"))))


def test_they_have_no_way_out_by_it_and_take_that_of_another_network(here):
    assert routes(here, "cache") == [] and routes(here, "db") == ["eth1", "eth1"]
    expect_answers(*(((here.container("db"), protocol, address, 9999), "outside:9999", box) for protocol in BOTH
                     for address, box in ((OUTSIDE, BOX), (OUTSIDE6, BOX6))),
                   *(((here.outside, protocol, box, 8086), "db:80", peer) for protocol in BOTH
                     for box, peer in ((BOX, OUTSIDE), (BOX6, OUTSIDE6))))


def test_nothing_leaves_whatever_routes_a_container_adds(here, bridge_calls, others):
    for name in ("cache", "safe"):
        lead_out(here, name)
        expect_closed(here.servers, *elsewhere(here.container(name)))
    # No source changes that, and no address of the host is let in by another one.
    tokens = [forge(here.container("cache"), source, address, 9999)
              for source in (*addresses("cache"), *addresses("db"), *gateway("inner"), OUTSIDE, OUTSIDE6, BOX, BOX6)
              for address in (OUTSIDE, OUTSIDE6, BOX, BOX6, NEIGHBOUR, NEIGHBOUR6)
              if (":" in source) is (":" in address)]
    here.servers.settle()
    assert [here.servers.seen.get(token, "") for token in tokens] == [""] * len(tokens)


def test_nothing_enters(here, bridge_calls, others):
    expect_closed(here.servers, *((place, protocol, address, 80) for name in ("db", "cache", "vault")
                                  for place in (here.outside, here.neighbour, here.container("web"))
                                  for protocol in BOTH for address in addresses(name)))


def test_a_link_local_address_of_another_interface_is_closed(here):
    """The kernel takes it for one of the interface that a packet comes in by; and for none that is not there."""
    found = []
    with Wire(here.container("cache")) as wire:
        inner = here.box.run(["cat", "/sys/class/net/inner/address"]).stdout.strip()
        for name in ("inner", "eth0"):
            target = link_local(here.box.run(["cat", f"/sys/class/net/{name}/address"]).stdout.strip())
            token, packet = datagram(link_local(wire.mac), target, 9999)
            wire.send(frame(wire.mac, inner, IPV6, packet))
            here.servers.settle()
            found.append(here.servers.seen.get(token, ""))
    assert found == ["box:9999", ""]


def test_another_address_of_the_host_is_closed_though_it_is_in_the_networks_of_the_bridge(here):
    own = ("10.32.0.77", "2001:db8:32::77")
    for address, way in zip(own, gateway("inner")):
        here.box.run(["ip", "address", "add", address, "dev", "lo"])
        here.box.run(["ip", "-n", "cache", "route", "replace", address, "via", way, "dev", "eth0"])
    expect_closed(here.servers, *((here.container("cache"), protocol, address, 9999) for protocol in BOTH
                                  for address in own))
    expect_answers(*(((here.host, "udp", address, 9999), "box:9999", address) for address in own))
    for address in own:
        here.box.run(["ip", "address", "delete", f"{address}/{128 if ':' in address else 32}", "dev", "lo"])


def own_addresses(here, name):
    shown = json.loads(here.box.run(["ip", "-j", "address", "show", "dev", name]).stdout)
    return [address["local"] for each in shown for address in each.get("addr_info", [])]


def test_an_isolated_bridge_has_nothing_of_the_host(here, bridge_calls, others):
    assert own_addresses(here, "apart") == []
    pairs = (("monk", "nun"), ("nun", "monk"))
    expect_answers(*(((here.container(one), protocol, address, 80), f"{other}:80", peer) for one, other in pairs
                     for protocol in BOTH for address, peer in zip(addresses(other), addresses(one))))
    mac = here.box.run(["cat", "/sys/class/net/apart/address"]).stdout.strip()
    for way in (BOX, BOX6, *gateway("apart")):
        here.box.run(["ip", "-n", "monk", "neigh", "replace", way, "lladdr", mac, "dev", "eth0", "nud", "permanent"])
    for ways in ((BOX, BOX6), gateway("apart")):
        for way in ways:
            here.box.run(["ip", "-n", "monk", "route", "replace", "default", "via", way, "dev", "eth0", "onlink"])
        expect_closed(here.servers, *elsewhere(here.container("monk")),
                      *((here.container("monk"), protocol, address, port) for protocol in BOTH for port in (9999, 8080)
                        for address in gateway("apart")))
    expect_closed(here.servers, *((place, protocol, address, 80) for protocol in BOTH for address in addresses("monk")
                                  for place in (here.host, here.outside, here.neighbour, here.container("web"))))
    with Wire(here.container("monk")) as wire:
        token, packet = datagram(link_local(wire.mac), link_local(mac), 9999)
        wire.send(frame(wire.mac, mac, IPV6, packet))
    here.servers.settle()
    assert token not in here.servers.seen


def test_an_isolated_bridge_gets_its_address_back(here):
    run = here.pipeline.run
    assert not run("docker_bridge", **bridge("apart"))["changed"]
    here.box.run(["sh", "-ec", "sysctl -qw net.ipv6.conf.apart.disable_ipv6=0; ip address add 10.35.0.1/24 dev apart\n"
                               "ip address add 2001:db8:35::1/64 dev apart nodad"])
    for address in gateway("apart"):  # what an earlier test has put there
        here.box.run(["ip", "-n", "monk", "neigh", "delete", address, "dev", "eth0"], check=False)
    # What somebody gives it by hand is closed before the next run takes it away.
    expect_closed(here.servers, *((here.container("monk"), protocol, address, 9999) for protocol in BOTH
                                  for address in gateway("apart")))
    assert run("icc_policy", bridge="front", icc=True)["changed"] and own_addresses(here, "apart") == []
    run("docker_bridge", name="apart", gateway_mode="nat")
    expect_answers(*(((here.host, protocol, address, 80), "nun:80", peer) for protocol in BOTH
                     for address, peer in zip(addresses("nun"), gateway("apart"))))
    assert set(own_addresses(here, "apart")) >= set(gateway("apart"))
    run("docker_bridge", name="apart", gateway_mode="isolated")
    assert own_addresses(here, "apart") == [] and run("network_info")["network"]["drift"] == []


def test_what_is_under_way_ends_when_a_bridge_becomes_internal(here):
    """Out and in, by both families, udp and tcp, translated and not; and it begins again when it is none any more."""
    run, app = here.pipeline.run, here.container("app")
    with contextlib.ExitStack() as stack:
        flows = [(stack.enter_context(Flow(here.servers, app, address, 9999)), "outside:9999")
                 for address in (OUTSIDE, OUTSIDE6)]
        flows += [(stack.enter_context(Flow(here.servers, here.outside, box, 8084)), "app:80") for box in (BOX, BOX6)]
        flows.append((stack.enter_context(Flow(here.servers, app, BOX, 8080)), "web:80"))
        web, late = here.container("web"), gateway("late")  # a translated connection goes on to where it has begun
        connections = [stack.enter_context(Connection(*ends)) for ends in (
            (app, 85, here.outside, BOX, 8085), (app, 85, here.outside, BOX6, 8085),
            (here.outside, 86, app, OUTSIDE, 86), (here.outside, 86, app, OUTSIDE6, 86),
            (web, 87, app, late[0], 8087), (web, 87, app, late[1], 8087))]
        assert [flow.send() for flow, _server in flows] == [server for _flow, server in flows]
        assert all(connection.lives() for connection in connections)
        with pytest.raises(PipelineError, match="internal: 'True' would close 4 published ports of bridge late"):
            run("docker_bridge", **bridge("late", internal=True))
        result = run("docker_bridge", **bridge("late", internal=True, force=True))
        assert result["bridge"]["internal"] and routes(here, "app") == []
        assert "published ports of app are closed, since bridge late is internal" in result["warnings"][0]
        lead_out(here, "app")
        assert [flow.send() for flow, _server in flows] == [""] * len(flows)
        assert [connection.is_cut() for connection in connections] == [True] * 6
        expect_closed(here.servers, *((here.outside, "udp", box, 8084) for box in (BOX, BOX6)))
        with pytest.raises(PipelineError, match="published_ports: '8084:80/udp' cannot be published on bridge late"):
            run("port_publish", container="app", published_ports=["8084:80/udp"])
    run("docker_bridge", **bridge("late", internal=False))
    assert routes(here, "app") == ["eth0", "eth0"]
    run("port_publish", container="app", published_ports=["8084:80/udp", "8085:85/tcp"])
    expect_answers(((here.outside, "udp", BOX, 8084), "app:80", OUTSIDE),
                   *(((app, protocol, address, 9999), "outside:9999", box) for protocol in BOTH
                     for address, box in ((OUTSIDE, BOX), (OUTSIDE6, BOX6))))


def test_every_step_on_the_way_is_as_closed(here):
    """Nothing of the bridge is open that was not so before, while it becomes internal and while it ceases to be."""
    app = here.container("app")
    inward = [(here.outside, "udp", address, 80) for address in addresses("app")]
    outward = [(app, "udp", address, 9999) for address in (OUTSIDE, OUTSIDE6)]
    for options, becomes in (({"internal": True, "force": True}, True), ({"internal": False}, False)):
        actions = here.pipeline.plan("docker_bridge", **bridge("late", **options))
        recorded = next(number for number, action in enumerate(actions) if "late" in action and "settings" in action)
        for number, _action in enumerate(actions):
            here.pipeline.step(number)
            if becomes:
                lead_out(here, "app")
            expect_closed(here.servers, *inward, (app, "udp", addresses("web")[0], 80),
                          *(outward if becomes and number >= recorded else ()), seconds=0.05)
            if not becomes and number <= recorded:
                missing = [family for family in ("-4", "-6") if not json.loads(here.box.run(
                    ["ip", "-n", "app", "-j", family, "route", "show", "default"]).stdout or "[]")]
                lead_out(here, "app")
                expect_closed(here.servers, *outward, seconds=0.05)
                for family in missing:
                    here.box.run(["ip", "-n", "app", family, "route", "delete", "default"])
        here.pipeline.run("docker_bridge", **bridge("late", **options))
