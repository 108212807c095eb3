# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with the rules of an earlier version, tried with packets after each transaction of the run that replaces them.

``former`` has what iptables-save showed of these rules on the host that is built here.
"""
import contextlib
from pathlib import Path

import pytest
from containers import once
from forge import forge
from traffic import Connection, Flow, expect_answers, expect_closed
from worlds import (ADDRESSES, BACK, BACK6, BACKENDS, BOX, BOX6, BRIDGES, BRIDGE_CALLS, FORWARDING, FRONT, FRONT6,
                    NEIGHBOUR, NEIGHBOUR6, OUTSIDE, OUTSIDE6, PLAIN, PLAIN6, sysctl, world)

pytestmark = once

FORMER = Path(__file__).resolve().parent / "former"
FAMILIES = {"iptables": "v4", "ip6tables": "v6"}


def build(found):
    for name in (*BRIDGE_CALLS, *FORWARDING):
        sysctl(found.box, name, 1)
    for name in ("all", "default", "eth0", "eth1"):
        sysctl(found.box, f"net.ipv4.conf.{name}.rp_filter", 0)
    run = found.pipeline.run
    run("docker_bridge", config=[
        {"name": "front", "bip": f"{FRONT}/24", "bip6": f"{FRONT6}/64"},
        {"name": "back", "bip": f"{BACK}/24", "bip6": f"{BACK6}/64", "allow_bridges": ["plain"]},
        {"name": "plain", "bip": f"{PLAIN}/24", "bip6": f"{PLAIN6}/64", "gateway_mode": "routed",
         "trusted_networks": [f"{NEIGHBOUR}/32", f"{NEIGHBOUR6}/128"]}])
    run("netns_attach", config=[
        {"netns": name, "bridge": bridge, "address": ADDRESSES[name][0], "address_v6": ADDRESSES[name][1],
         "exposed_ports": ["80", "80/udp"]} for bridge, names in BRIDGES.items() for name in names])
    run("port_publish", config=[
        {"container": "web", "published_ports": ["8080:80", "8080:80/udp", "127.0.0.1:8081:80"]},
        {"container": "limited", "published_ports": ["8070:80/udp"],
         "allow_from": [f"{OUTSIDE}/32", f"{OUTSIDE6}/128"]},
        {"container": "routed", "published_ports": ["80"]}])
    run("icc_policy", config=[{"bridge": "back", "icc": False}, {"container": "source", "links": ["target"]}])


def serve(found):
    for names in BRIDGES.values():
        for name in names:
            found.serve(found.container(name), name, (80, 81))
    for place, name in ((found.outside, "outside"), (found.host, "box")):
        found.serve(place, name, (9999,))


def leave_group(found):
    """Bridges are in no group of their own, as earlier versions made them."""
    for name in BRIDGES:
        found.box.run(["ip", "link", "set", name, "group", "default"])


@pytest.fixture(params=BACKENDS)
def here(request):
    with world(request.param) as found:
        build(found)
        serve(found)
        leave_group(found)
        for program, suffix in FAMILIES.items():
            for table in ("raw", "filter", "nat"):
                found.box.run([program, "-t", table, "-F"])
                found.box.run([program, "-t", table, "-X"])
            found.box.run([f"{program}-restore"], input=(FORMER / f"{suffix}.save").read_text(encoding="utf-8"))
        yield found


def try_packets(here):
    """What is open and what is closed, with the former rules and with those that replace them."""
    container = here.container
    expect_answers(*(answer for family, (box, front, back, plain, outside, neighbour) in enumerate(
        ((BOX, FRONT, BACK, PLAIN, OUTSIDE, NEIGHBOUR), (BOX6, FRONT6, BACK6, PLAIN6, OUTSIDE6, NEIGHBOUR6)))
        for answer in (
            ((here.outside, "tcp", box, 8080), "web:80", outside),
            ((here.outside, "udp", box, 8080), "web:80", outside),
            ((container("web"), "tcp", box, 8080), "web:80", front),
            ((container("source"), "udp", box, 8080), "web:80", front),
            ((container("source"), "tcp", ADDRESSES["target"][family], 80), "target:80", ADDRESSES["source"][family]),
            ((container("web"), "tcp", ADDRESSES["shop"][family], 81), "shop:81", ADDRESSES["web"][family]),
            ((container("routed"), "udp", ADDRESSES["third"][family], 81), "third:81", ADDRESSES["routed"][family]),
            ((here.neighbour, "udp", ADDRESSES["routed"][family], 81), "routed:81", neighbour),
            ((here.outside, "tcp", ADDRESSES["routed"][family], 80), "routed:80", outside),
            ((container("web"), "tcp", outside, 9999), "outside:9999", box),
            ((container("routed"), "tcp", outside, 9999), "outside:9999", ADDRESSES["routed"][family]),
            ((here.host, "tcp", ADDRESSES["third"][family], 80), "third:80", back))))
    expect_answers(((here.host, "tcp", "127.0.0.1", 8081), "web:80", FRONT))
    expect_closed(here.servers, *((place, protocol, address, port) for protocol, port in (("tcp", 80), ("udp", 81))
                                  for family in (0, 1)
                                  for place, names in ((here.outside, ("web", "source")), (here.neighbour, ("web",)),
                                                       (container("web"), ("source", "target")),
                                                       (container("source"), ("web", "third")),
                                                       (container("target"), ("source",)))
                                  for address in (ADDRESSES[name][family] for name in names)),
                  *((place, "udp", ADDRESSES["routed"][family], 81) for place in (here.outside, container("web"))
                    for family in (0, 1)),
                  *((place, "udp", box, 8070) for place in (here.neighbour, container("source"))
                    for box in (BOX, BOX6)))


def test_the_next_run_opens_and_closes_nothing_but_forged_sources(here):
    try_packets(here)
    replace_rules(here, ("raw", "filter", "nat"))
    for forged, box in ((OUTSIDE, BOX), (OUTSIDE6, BOX6)):
        assert _reached(here, here.outside, forged, box) == "limited:80"
        assert _reached(here, here.container("source"), forged, box) == ""


def replace_rules(here, tables):
    """The next run, step by step: it puts the bridges into their group and replaces the rules of these tables."""
    web, source = here.container("web"), here.container("source")
    actions = here.pipeline.plan("docker_bridge", name="front")
    assert [action.split(":")[0] for action in actions] == [
        *(f"set {name}" for name in BRIDGES),  # the one of the task first
        *(f"{family} {table} table" for family in ("ipv4", "ipv6") for table in tables)]
    with contextlib.ExitStack() as stack:
        kept = stack.enter_context(Connection(here.outside, 7777, web, OUTSIDE, 7777))
        flows = [stack.enter_context(Flow(here.servers, place, address, port)) for place, address, port in (
            (source, ADDRESSES["target"][0], 80), (here.outside, BOX, 8080))]
        assert [flow.send() for flow in flows] == ["target:80", "web:80"] and kept.lives()
        for number, action in enumerate(actions):
            here.pipeline.step(number)
            try_packets(here)
            assert [flow.send() for flow in flows] == ["target:80", "web:80"] and kept.lives(), action
    assert here.pipeline.run("docker_bridge", name="front")["actions"] == []


def _reached(here, place, forged, box):
    token = forge(place, forged, box, 8070)
    here.servers.settle()
    return here.servers.seen.get(token, "")
