# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that ends in the middle: at no point is anything open that nobody asked for, and the next run completes it."""
import contextlib

import pytest
from containers import once
from pipeline import Pipeline, PipelineError
from traffic import Call, Flow, expect_answers, expect_closed
from worlds import (ADDRESSES, BACK, BACK6, BACKENDS, BOX, BOX6, BOX_NEIGHBOUR, BRIDGE_CALLS, FORWARDING, FRONT,
                    FRONT6, OUTSIDE, OUTSIDE6, bare_world, picture, sysctl)

pytestmark = once

BRIDGES = [{"name": "front", "bip": f"{FRONT}/24", "bip6": f"{FRONT6}/64"},
           {"name": "back", "bip": f"{BACK}/24", "bip6": f"{BACK6}/64"}]
PLACES = {"web": "front", "source": "back", "third": "back"}
ENDPOINTS = [{"netns": name, "bridge": bridge, "address": ADDRESSES[name][0], "address_v6": ADDRESSES[name][1]}
             for name, bridge in PLACES.items()]
STEPS = {
    "bridges come": ("docker_bridge", BRIDGES),
    "containers come": ("netns_attach", ENDPOINTS),
    "icc goes": ("icc_policy", [{"bridge": "back", "icc": False}]),
    "ports come": ("port_publish", [
        {"container": "web",
         "published_ports": ["8080:80", "8080:80/udp", "127.0.0.1:8081:81", "127.0.0.1:8081:81/udp"]},
        {"container": "source", "published_ports": ["8180:80"], "allow_from": ["192.0.2.0/24"]}]),
    "ports change": ("port_publish", [
        {"container": "web", "published_ports": ["8082:80", "127.0.0.1:8083:81/udp"]}]),
    "a link comes": ("icc_policy", [{"container": "source", "links": ["third"], "exposed_ports": [5432]}]),
    "a bridge changes": ("docker_bridge", [{"name": "front", "ip_masq": False}, {"name": "back", "mtu": 1400}]),
    "a container leaves": ("netns_attach", [{"netns": "web", "state": "absent"}]),
    "ports go": ("port_publish", [{"container": "source", "state": "absent"}]),
    "everything goes": ("docker_bridge", [{**bridge, "state": "absent", "force": True} for bridge in BRIDGES]),
}


@pytest.fixture(params=BACKENDS)
def here(request):
    with bare_world(request.param, PLACES) as found:
        found.serve(found.outside, "outside", (9999,))
        yield found


def _never_open(found, after):
    """Calls that are to be closed while the step ``after`` is carried out."""
    calls = [(place, protocol, address, port) for place in (found.outside, found.neighbour)
             for name in PLACES for address in ADDRESSES[name] for protocol in ("tcp", "udp") for port in (80, 81)]
    calls += [(found.outside, protocol, address, port) for address in (BOX, BOX_NEIGHBOUR, BOX6)
              for protocol in ("tcp", "udp") for port in (80, 81, 5432, 8081, 8083, 8180)]
    calls += [(found.container(a), "udp", address, 80) for a, b in (("web", "source"), ("third", "web"))
              for address in ADDRESSES[b]]
    if list(STEPS).index(after) > list(STEPS).index("icc goes"):
        calls += [(found.container(a), protocol, address, 81) for a, b in (("source", "third"), ("third", "source"))
                  for address in ADDRESSES[b] for protocol in ("tcp", "udp")]
    return calls


def test_nothing_is_open_in_the_middle_of_a_run(here):
    for step, (module, config) in STEPS.items():
        actions = here.pipeline.plan(module, config=config)
        assert actions, f"{step}: there is nothing to interrupt"
        for number, action in enumerate(actions):
            here.pipeline.step(number)
            try:
                expect_closed(here.servers, *_never_open(here, step), seconds=0.03)
            except AssertionError as error:
                raise AssertionError(f"{step}: after {action!r}, {number + 1} of {len(actions)} operations") from error
        assert here.pipeline.plan(module, config=config) == []
        if step == "ports come":
            expect_answers(*(((here.outside, protocol, BOX, 8080), "web:80", OUTSIDE) for protocol in ("tcp", "udp")))


def test_nothing_waits_behind_the_rules_for_a_container_to_come(here):
    """The kernel keeps packets for a neighbour that does not answer yet, and those reach it whatever the rules say."""
    often = [f"net.{family}.neigh.back.{name}" for family in ("ipv4", "ipv6")
             for name in ("retrans_time_ms=50", "mcast_solicit=200")]
    calls = [(here.outside, "udp", address, 80) for address in ADDRESSES["source"]]
    module, config = STEPS["bridges come"]
    with contextlib.ExitStack() as stack:
        for number, _action in enumerate(here.pipeline.plan(module, config=config)):
            here.pipeline.step(number)
            here.box.run(["sysctl", "-eqw", *often], check=False)  # once the bridge is there, ask for neighbours often
            for call in calls:
                stack.callback(Call(*call).close)
        module, config = STEPS["containers come"]
        here.pipeline.run(module, config=config)
        expect_answers(*(((here.host, "udp", address, 80), "source:80", bridge)
                         for address, bridge in zip(ADDRESSES["source"], (BACK, BACK6))))
        expect_closed(here.servers, *calls, seconds=0.5)
    assert len(here.servers.seen) == len(calls), "only the host's own packets may have arrived"


def test_a_bridge_that_is_taken_over_is_protected_before_it_is_opened(here):
    """Its containers are there already, and only the missing ip_forward keeps the outside from them."""
    address, address6 = ADDRESSES["web"]
    for name in FORWARDING:
        sysctl(here.box, name, 0)
    make_by_hand(here, address, address6)
    calls = [(here.outside, protocol, each, 80) for protocol in ("tcp", "udp") for each in (address, address6)]
    expect_answers(((here.host, "tcp", address, 80), "web:80", FRONT),
                   ((here.host, "tcp", address6, 80), "web:80", FRONT6))
    actions = here.pipeline.plan("docker_bridge", name="front", adopt=True)
    assert "set net.ipv4.ip_forward to 1 (was 0)" in actions
    for number, action in enumerate(actions):
        here.pipeline.step(number)
        try:
            expect_closed(here.servers, *calls)
        except AssertionError as error:
            raise AssertionError(f"after {action!r}, {number + 1} of {len(actions)} operations") from error
    expect_answers(((here.container("web"), "tcp", OUTSIDE, 9999), "outside:9999", BOX))


def test_what_was_begun_before_a_bridge_is_taken_over_ends(here):
    """The host is a router already, its rules let everything through, and it tracks connections for another bridge."""
    here.pipeline.run("docker_bridge", **BRIDGES[1])
    make_by_hand(here, *ADDRESSES["web"])
    expect_answers(*(((here.outside, "tcp", each, 80), "web:80", peer)
                     for each, peer in zip(ADDRESSES["web"], (OUTSIDE, OUTSIDE6))))
    with contextlib.ExitStack() as stack:
        flows = [stack.enter_context(Flow(here.servers, here.outside, each, 80)) for each in ADDRESSES["web"]]
        assert [flow.send() for flow in flows] == ["web:80"] * 2
        here.pipeline.run("docker_bridge", name="front", adopt=True, ip_masq=False)
        assert [flow.send() for flow in flows] == ["", ""]


def make_by_hand(here, address, address6):
    """A bridge with a container, as somebody else has made them."""
    here.box.run(["ip", "-batch", "-"], input=f"""
        link add front type bridge
        address add {FRONT}/24 dev front
        address add {FRONT6}/64 dev front nodad
        link set front up
        link add outer master front up type veth peer name eth0 netns web""")
    here.box.run(["ip", "-n", "web", "-batch", "-"], input=f"""
        link set eth0 up
        address add {address}/24 dev eth0
        address add {address6}/64 dev eth0 nodad
        route add default via {FRONT}
        route add default via {FRONT6}""")


@pytest.mark.parametrize("here", ["nft"], indirect=True)
@pytest.mark.parametrize("step", ["bridges come", "containers come", "icc goes", "ports come"])
def test_the_next_run_completes_what_was_interrupted(here, step):
    """Whatever number of operations was carried out, the same task ends where an undisturbed one does."""
    run, (module, config) = here.pipeline.run, STEPS[step]
    before = [STEPS[name] for name in list(STEPS)[:list(STEPS).index(step)]]
    expected, carried_out, operations = None, 0, 1
    while carried_out < operations:
        run("docker_bridge", config=STEPS["everything goes"][1])
        for name in BRIDGE_CALLS:
            sysctl(here.box, name, 0)
        for earlier, settings in before:
            run(earlier, config=settings)
        operations = len(here.pipeline.plan(module, config=config))
        for number in range(carried_out):
            here.pipeline.step(number)
        outcome = _outcome(run(module, config=config))
        expected = expected or outcome
        assert outcome == expected, f"after {carried_out} of {operations} operations"
        assert not run("network_info")["network"]["drift"]
        carried_out += 1 if operations < 10 else 3
    assert not any(run(name, check=True, config=settings)["changed"] for name, settings in (*before, STEPS[step]))


def _outcome(result):
    """What a run leads to, without what it says of its way."""
    return {key: value for key, value in result.items() if key in ("bridges", "endpoints", "publications", "policies")}


def test_a_killed_run_holds_no_lock_and_leaves_nothing_of_its_own(here):
    before = picture(here.box)
    with Pipeline(here.box) as killed:
        assert len(killed.plan("docker_bridge", config=BRIDGES)) > 5
        for number in range(5):
            killed.step(number)
    here.pipeline.run("docker_bridge", config=BRIDGES)
    here.pipeline.run("docker_bridge", config=[{**bridge, "state": "absent"} for bridge in BRIDGES])
    assert picture(here.box) == before


def test_what_a_failing_run_did_is_undone(here):
    """The last operation of a plan fails: somebody else has a route to that destination."""
    here.pipeline.run("docker_bridge", config=BRIDGES)
    here.box.run(["ip", "route", "add", "10.8.0.0/16", "dev", "eth0"])
    before = picture(here.box)
    with pytest.raises(PipelineError, match="what had been done before it was undone"):
        here.pipeline.run("veth_pair", name="a", addresses=["10.9.9.1/30"],
                          routes=[{"destination": "10.8.0.0/16"}], peer={"name": "b"})
    assert picture(here.box) == before
