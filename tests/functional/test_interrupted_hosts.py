# SPDX-License-Identifier: GPL-3.0-or-later
"""A run over a whole host that ends in the middle, with packets after each of its operations at which it can.

What may be reached follows from who reaches whom before the run and after it: a container that gets the address of
another one is not the other one. The same calls are made before, after each operation, and afterwards.
Operations inside of one container go to the kernel in one write, so that they are looked at once, and files of names
move no packet; ./run soak interrupted looks after every single one.
"""
import contextlib
import itertools
import os
import re
from dataclasses import dataclass, field

import pytest
from containers import once
from pipeline import Pipeline
from traffic import Call, Flow, _drive
from worlds import (ADDRESSES, BACK, BACK6, BACKENDS, BOX, BOX6, BOX_NEIGHBOUR, BRIDGE_CALLS, FRONT, FRONT6, PLAIN,
                    PLAIN6, bare_world, sysctl)

pytestmark = once
EVERY_OPERATION = bool(os.environ.get("EVERY_OPERATION"))
FRONT_BRIDGE = {"name": "front", "bip": f"{FRONT}/24", "bip6": f"{FRONT6}/64"}
BACK_BRIDGE = {"name": "back", "bip": f"{BACK}/24", "bip6": f"{BACK6}/64"}
PLAIN_BRIDGE = {"name": "plain", "bip": f"{PLAIN}/24", "bip6": f"{PLAIN6}/64"}
MOVED = {"bip": "10.40.0.1/24", "bip6": "2001:db8:40::1/64"}
FROM_OUTSIDE, FROM_NEIGHBOUR = ["198.51.100.0/24", "2001:db8:51::/64"], ["203.0.113.0/24", "2001:db8:113::/64"]
PLACES = ("web", "shop", "limited", "source", "target", "third", "fresh", "routed", "other")


def container(name, like=None, prefix=None, **options):
    """A container with the addresses of ``like``, on another subnet where prefixes are given."""
    address, address_v6 = ADDRESSES[like or name]
    if prefix:
        address, address_v6 = (f"{start}{old[-2:]}" for start, old in zip(prefix, (address, address_v6)))
    return {"name": name, "address": address, "address_v6": address_v6, **options}


def both(*ports):
    """Ports for tcp and for udp."""
    return [f"{port}{protocol}" for port in ports for protocol in ("", "/udp")]


def network(bridge, *containers, **options):
    return {**bridge, **options, "containers": list(containers)}


WEB, SHOP = container("web", published_ports=both("8080:80", "127.0.0.1:8081:81")), container(
    "shop", published_ports=both("8180:80"), allow_from=FROM_OUTSIDE)
SOURCE = container("source", links=["target"], published_ports=both("8380:80"),
                   allow_from=[*FROM_OUTSIDE, *FROM_NEIGHBOUR])
TARGET = container("target", exposed_ports=["5432", "5432/udp"])
THIRD = container("third", exposed_ports=["5432", "5432/udp"])
ROUTED = container("routed", published_ports=both("80"))

AT_FIRST = [
    network(FRONT_BRIDGE, WEB, SHOP, icc=True, allow_bridges=["plain"]),
    network(BACK_BRIDGE, SOURCE, TARGET, THIRD, icc=False),
    network(PLAIN_BRIDGE, ROUTED, icc=False, gateway_mode="routed", trusted_networks=FROM_NEIGHBOUR, force=True)]

# One bridge moves with all that is on it, and closes; two of its containers change places, one with another port. What
# the other bridges let in turns round.
TURNED = [
    network({**FRONT_BRIDGE, **MOVED},
            {**container("web", "shop", ("10.40.0.", "2001:db8:40::")), "published_ports": both("8090:80")},
            {**container("shop", "web", ("10.40.0.", "2001:db8:40::")), "published_ports": both("8180:80"),
             "allow_from": FROM_NEIGHBOUR}, icc=False, allow_bridges=["back"]),
    network(BACK_BRIDGE, {**SOURCE, "links": ["third"], "allow_from": FROM_OUTSIDE}, TARGET, THIRD, icc=True),
    network(PLAIN_BRIDGE, {**ROUTED, "published_ports": both("8480:80")}, icc=False, gateway_mode="nat", force=True,
            trusted_networks=FROM_OUTSIDE)]

# Addresses change hands: between two containers, from one that goes to one that comes, and with a whole subnet.
CHANGED = [
    network(FRONT_BRIDGE, container("web", "shop", published_ports=both("8080:80")),
            container("shop", "web", published_ports=both("8181:81")), icc=True, allow_bridges=["extra"]),
    network(BACK_BRIDGE, {**SOURCE, "allow_from": FROM_NEIGHBOUR}, TARGET, {**THIRD, "state": "absent"},
            container("fresh", "third", published_ports=both("8580:81")), icc=False),
    network(PLAIN_BRIDGE, state="absent", force=True),
    network({**PLAIN_BRIDGE, "name": "extra"}, container("other", "routed", published_ports=both("80")),
            icc=False, gateway_mode="routed", trusted_networks=FROM_OUTSIDE)]

# A bridge of which no address is translated moves, trusts others, and leaves its subnet to a new one.
ELSEWHERE = [
    *CHANGED[:2],
    network({"name": "extra", "bip": "10.80.0.1/24", "bip6": "2001:db8:80::1/64"},
            {**container("other", "routed", ("10.80.0.", "2001:db8:80::")), "published_ports": both("81")},
            icc=False, gateway_mode="routed", trusted_networks=[*FROM_OUTSIDE, *FROM_NEIGHBOUR]),
    network({**PLAIN_BRIDGE, "name": "late", "allow_overlap": True}, ROUTED, icc=False, gateway_mode="routed")]

DOCUMENTS = {"a host comes": AT_FIRST, "what is let in turns round": TURNED, "all that turns back": AT_FIRST,
             "addresses change hands": CHANGED, "a routed bridge moves": ELSEWHERE,
             "everything goes": []}
HOST_ADDRESSES = (BOX, BOX_NEIGHBOUR, BOX6, "127.0.0.1")
HOST_PORTS = (8080, 8081, 8090, 8180, 8181, 8280, 8380, 8480, 8580, 80)
COMING = re.compile(r"create (?:bridge (\w+)|veth pair \w+ on \w+ - (eth0) in (\w+))")
# Which calls are made between containers, by who makes them.
CALLERS = ("shop", "limited", "source", "third", "other")
RULES = re.compile(r"ipv[46] \w+ table: |forget |load kernel|set net\.ipv4\.conf|set net\.bridge")
FILES = re.compile(r"\w+ (hosts|resolv\.conf|the files) ")
LEAVING = re.compile(r"delete |remove namespace")


@pytest.fixture(params=BACKENDS)
def here(request):
    with bare_world(request.param, PLACES) as found:
        yield found


def task(step):
    """The parameters of host_network for a step."""
    return {"networks": DOCUMENTS[step], "exclusive": step == "everything goes"}


def attach_unlisted(found):
    """A container that no document names follows its bridge, with its ports and its link."""
    found.pipeline.run("netns_attach", bridge="front", **{
        {"name": "netns"}.get(key, key): value for key, value in container("limited").items()})
    ask_often(found, "eth0", "limited")
    found.pipeline.run("port_publish", netns="limited", published_ports=[*both("8280:80"), "81"])
    found.pipeline.run("icc_policy", netns="limited", links=["web"], exposed_ports=["80", "80/udp"])


def calls(found, *documents):
    """All calls that are made while one document becomes the other."""
    addresses = {each[key] for document in documents for bridge in document for each in bridge.get("containers", ())
                 for key in ("address", "address_v6")}
    addresses |= {*ADDRESSES["limited"], "10.40.0.12", "2001:db8:40::12"}
    own = {"limited": {*ADDRESSES["limited"], "10.40.0.12", "2001:db8:40::12"}}
    for each in (each for document in documents for bridge in document for each in bridge.get("containers", ())):
        own.setdefault(each["name"], set()).update((each["address"], each["address_v6"]))
    made = itertools.chain(
        itertools.product((found.outside, found.neighbour), ("tcp", "udp"), sorted(addresses), (80, 81)),
        itertools.product((found.outside,), ("tcp", "udp"), (BOX, BOX6), HOST_PORTS),
        itertools.product((found.neighbour,), ("udp",), (BOX_NEIGHBOUR, BOX6), HOST_PORTS),
        itertools.product((found.host,), ("tcp", "udp"), ("127.0.0.1", BOX6), HOST_PORTS),
        itertools.product(map(found.container, CALLERS), ("udp",), sorted(addresses), (80, 5432)),
        itertools.product(map(found.container, CALLERS), ("tcp",), sorted(addresses), (80,)),
        itertools.product(map(found.container, ("shop", "third")), ("udp",), (BOX, BOX6), HOST_PORTS))
    return [call for call in made if call[2] not in own.get(call[0].netns, ())]


def moving(*documents):
    """Containers that have not the same address in both documents."""
    before, after = ({each["name"]: each["address"] for bridge in document for each in bridge.get("containers", ())}
                     for document in documents)
    front = [bridge.get("bip") for document in documents for bridge in document if bridge["name"] == "front"]
    return {name for name in {*before, *after} if before.get(name) != after.get(name)} | (
        {"limited"} if len(set(front)) != 1 or len(front) < 2 else set())


@dataclass
class Watch:
    """The same calls again and again, and clients of udp that keep their ports."""

    found: object
    calls: list
    flows: dict = field(default_factory=dict)
    sent: list = field(default_factory=list)

    def look(self, seconds):
        """Who was reached by which call, as ``(kind, call, server)``."""
        started, seen = [Call(*call) for call in self.calls], self.found.servers.seen
        try:
            sent = [("call", call, each.token) for each, call in zip(started, self.calls)]
            for call, flow in self.flows.items():
                with contextlib.suppress(OSError):  # no route, or the last one was refused
                    sent.append(("flow", call, flow.post()))
            self.sent += sent
            _drive(started, seconds)
            self.found.servers.settle()
            reached = {(kind, call, seen[token]) for kind, call, token in sent if token in seen}
        finally:
            for each in started:
                each.close()
        return reached

    def look_well(self):
        """The same with patience, once all containers were heard: bridges still have others for their addresses."""
        greetings = [Call(self.found.container(name), "udp", address, 9) for name in PLACES for address in (BOX, BOX6)]
        reached, new = self.look(0.2), self.look(0.2)
        while not new <= reached:
            reached, new = reached | new, self.look(0.2)
        for each in greetings:
            each.close()
        return reached

    def begin(self, stack):
        """Clients of udp begin, whether or not anybody answers them."""
        for call in self.calls:
            place, protocol, address, port = call
            if protocol == "udp":
                with contextlib.suppress(OSError):  # there is no way to that address from there yet
                    self.flows[call] = stack.enter_context(Flow(self.found.servers, place, address, port))

    def late(self):
        """All that was ever reached, since a packet may wait for its receiver."""
        seen = self.found.servers.seen
        return {(kind, call, seen[token]) for kind, call, token in self.sent if token in seen}


def bridges_of(document):
    """Names of containers with the bridge that they are on, those that no document names as well."""
    found = {each["name"]: bridge["name"] for bridge in document for each in bridge.get("containers", ())
             if "absent" not in (each.get("state"), bridge.get("state"))}
    return {**found, "limited": "front"} if "front" in found.values() else found


def anew(reached):
    """Who reaches whom by a new connection: what goes on may do so where that is allowed."""
    return {(call, server) for kind, call, server in reached if kind == "call"}


def shown(reached):
    return "\n".join(["", *sorted(f"{kind}: {call[0]} -> {call[1]} {call[2]} port {call[3]} reaches {server}"
                                  for kind, call, server in reached)[:20]])


def test_nothing_is_open_in_the_middle_of_a_run_over_a_whole_host(here):
    former = []
    for step, document in DOCUMENTS.items():
        with contextlib.ExitStack() as stack:
            interrupt_everywhere(here, step, Watch(here, calls(here, former, document)), stack, former)
        if step == "a host comes":
            attach_unlisted(here)
        former = document


def ask_often(here, link, name):
    """Ask for neighbours on a new link often: what waits for one that comes is to arrive soon after it is there."""
    settings = [f"net.{family}.neigh.{link}.{setting}" for family in ("ipv4", "ipv6")
                for setting in ("retrans_time_ms=20", "mcast_solicit=400")]
    here.box.run([*(["ip", "netns", "exec", name] if name else []), "sysctl", "-qw", *settings])


def permission(reached):
    """Who reaches whom, wherever that one is."""
    (place, protocol, address, port), server = reached
    return place, protocol, address if address in HOST_ADDRESSES else ":" in address, port, server


def within_bridge(reached, former, document):
    """Whether a packet stays on a bridge that stays open. There it may go until one of its ends leaves or moves."""
    (place, _protocol, address, _port), server = reached
    closed = {bridge["name"] for bridge in document if not bridge.get("icc")} if document else set()
    ends = [(bridges.get(place.netns), bridges.get(server.partition(":")[0]))
            for bridges in map(bridges_of, (former, document))]
    return address not in HOST_ADDRESSES and any(one == other and one not in {None, *closed} for one, other in ends)


def leaves(reached, former, document):
    """Whether one of both ends is taken off its bridge, and no port of the host leads there."""
    (place, _protocol, address, _port), server = reached
    before, after = bridges_of(former), bridges_of(document)
    gone = {name for name in before if before[name] != after.get(name)}
    return place.netns in gone or server.partition(":")[0] in gone and address not in HOST_ADDRESSES


def interrupt_everywhere(here, step, watch, stack, former):
    """Carry out a step one operation after the other, and look after each."""
    document = DOCUMENTS[step]
    watch.begin(stack)
    before, seen = watch.look_well(), []
    actions = here.pipeline.plan("host_network", **task(step))
    for number in range(len(actions)):
        here.pipeline.step(number)
        if link := COMING.match(actions[number]):
            ask_often(here, link[1] or link[2], link[3])
        seen.append(watch.look(0.03) if is_looked_at(actions, number) else set())
    at_end = watch.look_well()
    assert here.pipeline.plan("host_network", **task(step)) == []
    links = [number for number, action in enumerate(actions) if not RULES.match(action) and not FILES.match(action)]
    released = max([number for number in links if LEAVING.match(actions[number])], default=links[0])
    before, after = anew(before), anew(at_end)
    kept = set(map(permission, after))
    for number, (action, reached) in enumerate(zip([*actions, "the end"], [*seen, at_end])):
        if number < links[0] - 1:
            allowed = before
        elif number < links[-1]:
            allowed = after | {each for each in before if permission(each) in kept or within_bridge(
                each, former, document) or number < released and leaves(each, former, document)}
        else:
            allowed = after
        wrong = {each for each in reached if each[1:] not in allowed}
        assert not wrong, f"{step}: after {action!r}, {number + 1} of {len(actions)} operations{shown(wrong)}"
    wrong = {each for each in watch.late() if each[1:] not in before | after}
    assert not wrong, f"{step}: some time or other{shown(wrong)}"
    # Clients that have not stopped calling, nor lost their address, reach what others do.
    wrong = {("flow", call, server) for kind, call, server in at_end if kind == "call" and call in watch.flows
             and ("flow", call, server) not in at_end and call[0].netns not in moving(former, document)}
    assert not wrong, f"{step}: at the end no client goes on that{shown(wrong)}"


STARTS = {"a host comes": [], "what is let in turns round": AT_FIRST, "addresses change hands": AT_FIRST,
          "a routed bridge moves": CHANGED, "everything goes": AT_FIRST}


@pytest.mark.parametrize("here", ["nft"], indirect=True)
@pytest.mark.parametrize("step", STARTS)
def test_the_next_run_completes_a_whole_host_however_often_it_is_killed(here, step):
    """Each run is killed after a part of what is left, and the last one ends where an undisturbed one does."""
    start(here, step)
    here.pipeline.run("host_network", **task(step))
    expected = outcome(here)
    start(here, step)
    killed = 0
    while True:
        with Pipeline(here.box) as fresh:
            actions = fresh.plan("host_network", **task(step))
            end = cut(actions, 1 + len(actions) // 3)
            for number in range(end):
                fresh.step(number)
        if end == len(actions):
            break
        killed += 1
    assert killed > 2
    assert outcome(here) == expected
    kept = [text for text in (*expected[0]["published_ports"], *expected[0]["links"]) if text.startswith("limited ")]
    assert bool(kept) == bool(STARTS[step] and DOCUMENTS[step]), "what no document names stays, unless all goes"
    assert here.pipeline.plan("host_network", **task(step)) == []


def start(here, step):
    """What there is before a step, from nothing."""
    here.pipeline.run("host_network", networks=[], exclusive=True)
    for name in BRIDGE_CALLS:
        sysctl(here.box, name, 0)
    if STARTS[step]:
        here.pipeline.run("host_network", networks=STARTS[step])
        attach_unlisted(here)


def cut(actions, number):
    """Where to end, not before ``number``: what is done inside of one container goes to the kernel in one write."""
    place = [place_of(action) for action in actions]
    while number < len(actions) and place[number] == place[number - 1] != "":
        number += 1
    return number


def place_of(action):
    """The container inside of which something is done, "" for none."""
    return action.rpartition(" in ")[2].partition(":")[0] if " in " in action else ""


def is_looked_at(actions, number):
    """Whether a run can end after an operation, and packets can tell."""
    action, following = actions[number], actions[number + 1:number + 2]
    together = following and place_of(action) == place_of(following[0]) != "" and not COMING.match(action)
    return EVERY_OPERATION or not (together or FILES.match(action))


def outcome(here):
    """What there is on the host, and in its containers."""
    inside = {(name, what): sorted(here.box.run(["ip", "-n", name, "-o", *what.split()]).stdout.splitlines())
              for name in PLACES for what in ("-4 route", "-6 route", "-4 address", "-6 address")}
    inside = {key: [re.sub(r"^\d+: |@if\d+| expires.*| pref medium| valid_lft.*", "", line) for line in lines
                    if "fe80" not in line and "ff00" not in line] for key, lines in inside.items()}
    return here.pipeline.run("network_info")["network"], inside
