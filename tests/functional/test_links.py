# SPDX-License-Identifier: GPL-3.0-or-later
"""Links and their rules follow the containers at both ends, and end with them; icc is a policy for both families."""
import contextlib
import itertools
import time

import pytest
from containers import once
from forge import datagram, send_raw
from traffic import Flow, Servers, expect_answers, expect_closed
from worlds import ADDRESSES, BACK, BACK6, BACKENDS, BRIDGE_CALLS, sysctl, world

pytestmark = once

PROTOCOLS = ("tcp", "udp")
NAMES = ("source", "target", "third")
ELSEWHERE = ("10.20.0.50", "2001:db8:20::50")


@pytest.fixture(scope="module", params=BACKENDS)
def here(request):
    with world(request.param) as found:
        yield found


@pytest.fixture
def linked(here):
    """Three containers on a bridge without icc, of which ``source`` may use ports of ``target``."""
    for name in BRIDGE_CALLS:
        sysctl(here.box, name, 0)
    here.pipeline.run("docker_bridge", name="back", bip=f"{BACK}/24", bip6=f"{BACK6}/64")
    here.servers = Servers()
    for name in NAMES:
        _attach(here, name, *ADDRESSES[name])
        here.serve(here.container(name), name, (80, 5432))
    here.pipeline.run("icc_policy", config=[{"bridge": "back", "icc": False},
                                            {"container": "source", "links": ["target:database"]}])
    yield here
    here.servers.__exit__()
    here.pipeline.run("netns_attach", state="absent", config=[{"netns": name} for name in (*NAMES, "fourth")])
    here.pipeline.run("docker_bridge", name="back", state="absent", force=True)


def _attach(here, name, address=None, address6=None):
    here.pipeline.run("netns_attach", netns=name, bridge="back", address=address, address_v6=address6,
                      exposed_ports=["5432", "5432/udp"] if name == "target" else None)


def _die(here, name):
    """A namespace ends without a word to us. All servers end for it, since their sockets would keep it."""
    here.servers.__exit__()
    here.servers = Servers()
    left = len(_ports(here)) - 1
    here.box.run(["ip", "netns", "delete", name])
    deadline = time.monotonic() + 60
    while len(_ports(here)) > left:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    for other in NAMES:
        if other != name:
            here.serve(here.container(other), other, (80, 5432))


def _ports(here):
    return here.box.run(["ip", "-o", "link", "show", "master", "back"]).stdout.splitlines()


def calls(here, source, addresses, port=5432):
    return [(here.container(source), protocol, address, port)
            for protocol, address in itertools.product(PROTOCOLS, addresses)]


def expect_open(here, source, target, addresses, seen):
    expect_answers(*((call, f"{target}:5432", seen[":" in call[2]]) for call in calls(here, source, addresses)))


def rules(here):
    """Every rule of the bridge's own containers, of both families."""
    saved = "".join(here.box.run([f"{program}-save"]).stdout for program in ("iptables", "ip6tables"))
    return [line for line in saved.splitlines() if line.startswith("-A MOORING-ICC-back")]


_own_ports = itertools.count(41000)


def opened(here, name, source, target):
    """The token of a datagram of a container that begins something new, with a source of its choice."""
    token, packet = datagram(source, target, 5432, next(_own_ports))
    send_raw(here.container(name), packet, target)
    return token


@pytest.mark.parametrize("calls_rules", [0, 1], ids="nf-call-{}".format)
def test_a_neighbour_with_the_address_of_the_source_is_not_the_source(linked, calls_rules):
    """Whether the host shows rules the frames of all bridges, or this bridge for itself; by a frame to the neighbour
    and by one to the host, which would send it back to the bridge."""
    for name in BRIDGE_CALLS:
        sysctl(linked.box, name, calls_rules)
    expect_open(linked, "source", "target", ADDRESSES["target"], ADDRESSES["source"])
    for own, source, target, gateway in zip(ADDRESSES["third"], ADDRESSES["source"], ADDRESSES["target"],
                                            (BACK, BACK6)):
        sent = [("source", source), ("third", own), ("third", source)]
        tokens = [opened(linked, name, address, target) for name, address in sent]
        for name in ("source", "third"):
            linked.box.run(["ip", "-n", name, "route", "add", target, "via", gateway])
        tokens += [opened(linked, name, address, target) for name, address in sent]
        linked.servers.settle()
        assert [linked.servers.seen.get(token, "") for token in tokens] == ["target:5432", "", ""] * 2



def test_icc_off_and_on(linked):
    here = linked
    here.pipeline.run("icc_policy", container="source", links=[])
    pairs = [(one, other) for one, other in itertools.permutations(NAMES, 2)]
    everything = [call for one, other in pairs for call in calls(here, one, ADDRESSES[other])]
    expect_closed(here.servers, *everything)
    here.pipeline.run("icc_policy", bridge="back", icc=True)
    for one, other in pairs:
        expect_open(here, one, other, ADDRESSES[other], ADDRESSES[one])
    here.pipeline.run("icc_policy", bridge="back", icc=False)
    expect_closed(here.servers, *everything)


def test_somebody_switches_off_what_the_policy_needs(linked):
    """The setting for all bridges alone opens nothing, since the bridge has its own."""
    here = linked
    for name in BRIDGE_CALLS:
        sysctl(here.box, name, 0)
    expect_closed(here.servers, *calls(here, "third", ADDRESSES["target"]))
    here.box.run(["ip", "link", "set", "back", "type", "bridge", "nf_call_iptables", "0", "nf_call_ip6tables", "0"])
    expect_open(here, "third", "target", ADDRESSES["target"], ADDRESSES["third"])  # that is what they are needed for
    assert here.pipeline.run("netns_attach", netns="third")["sysctls"] == [
        {"name": name, "value": "1", "previous": "0"} for name in BRIDGE_CALLS]
    expect_closed(here.servers, *calls(here, "third", ADDRESSES["target"]))


def test_a_link_follows_its_target(linked):
    """The target comes back with another address; somebody else has the old one now, and is not open to anybody."""
    here = linked
    expect_open(here, "source", "target", ADDRESSES["target"], ADDRESSES["source"])
    _attach(here, "target", *ELSEWHERE)
    _attach(here, "third", *ADDRESSES["target"])
    expect_open(here, "source", "target", ELSEWHERE, ADDRESSES["source"])
    expect_closed(here.servers, *calls(here, "source", ADDRESSES["target"]), *calls(here, "third", ELSEWHERE))
    assert not any(f" {address}/" in rule for rule in rules(here) for address in ADDRESSES["target"])


def test_a_link_follows_its_source(linked):
    here = linked
    _attach(here, "source", *ELSEWHERE)
    _attach(here, "third", *ADDRESSES["source"])
    expect_open(here, "source", "target", ADDRESSES["target"], ELSEWHERE)
    expect_closed(here.servers, *calls(here, "third", ADDRESSES["target"]))


def test_a_link_to_a_container_without_ports_is_kept_and_opens_nothing(linked):
    """It gives a name: see test_names."""
    here = linked
    options = {"container": "source", "links": ["target:database", "third:other"]}
    here.pipeline.run("icc_policy", **options)
    assert sum("link third:other" in rule and " -j " not in rule for rule in rules(here)) == 2
    expect_open(here, "source", "target", ADDRESSES["target"], ADDRESSES["source"])
    expect_closed(here.servers, *calls(here, "source", ADDRESSES["third"]))
    assert here.pipeline.run("icc_policy", **options)["actions"] == []


def test_a_target_that_restarts_is_linked_again(linked):
    """It is away for a while without a word to us; its address is kept for it."""
    here = linked
    _die(here, "target")
    here.pipeline.run("netns_attach", netns="fourth", bridge="back")
    _attach(here, "target")
    here.serve(here.container("target"), "target", (80, 5432))
    expect_open(here, "source", "target", ADDRESSES["target"], ADDRESSES["source"])
    assert here.pipeline.run("icc_policy", container="source", links=["target:database"])["actions"] == []


def test_nothing_is_left_of_a_link_whose_target_is_gone(linked):
    here = linked
    assert any("target" in rule for rule in rules(here))
    here.pipeline.run("netns_attach", netns="target", state="absent")
    assert not any("target" in rule or address in rule for rule in rules(here) for address in ADDRESSES["target"])
    _attach(here, "third", *ADDRESSES["target"])
    expect_closed(here.servers, *calls(here, "source", ADDRESSES["target"]))


def test_nothing_is_left_of_a_link_when_somebody_else_gets_the_address_of_a_target_that_died(linked):
    here = linked
    _die(here, "target")
    _attach(here, "third", *ADDRESSES["target"])
    assert not any("target" in rule for rule in rules(here))
    expect_closed(here.servers, *calls(here, "source", ADDRESSES["target"]))


def test_a_link_that_is_not_listed_any_more_closes(linked):
    here = linked
    here.pipeline.run("icc_policy", container="source", links=[])
    assert not any("target" in rule for rule in rules(here))
    expect_closed(here.servers, *calls(here, "source", ADDRESSES["target"]))


@pytest.fixture
def flows(linked):
    """UDP clients that go on sending to the target from the port that they have."""
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(Flow(linked.servers, linked.container("source"), address, 5432))
                 for address in ADDRESSES["target"]]
        assert [flow.send() for flow in found] == ["target:5432"] * 2
        yield found


def test_who_goes_on_over_a_link_that_is_gone_reaches_nobody(linked, flows):
    linked.pipeline.run("icc_policy", container="source", links=[])
    assert [flow.send() for flow in flows] == [""] * 2


def test_who_goes_on_over_a_link_does_not_reach_the_next_holder_of_the_address(linked, flows):
    here, config = linked, [
        {"netns": "target", "address": ELSEWHERE[0], "address_v6": ELSEWHERE[1]},
        {"netns": "third", "address": ADDRESSES["target"][0], "address_v6": ADDRESSES["target"][1]}]
    for number, action in enumerate(here.pipeline.plan("netns_attach", config=config)):
        here.pipeline.step(number)
        here.box.run(["ip", "-n", "source", "neigh", "flush", "dev", "eth0"])
        assert not {"third:5432"} & {flow.send() for flow in flows for _again in range(2)}, f"after {action!r}"
    assert [flow.send() for flow in flows] == [""] * 2


def test_who_goes_on_when_icc_ends_reaches_nobody(linked):
    here = linked
    here.pipeline.run("icc_policy", config=[{"bridge": "back", "icc": True}, {"container": "source", "links": []}])
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(Flow(here.servers, here.container("third"), address, 80))
                 for address in ADDRESSES["target"]]
        assert [flow.send() for flow in found] == ["target:80"] * 2
        here.pipeline.run("icc_policy", bridge="back", icc=False)
        assert [flow.send() for flow in found] == [""] * 2
