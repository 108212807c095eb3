# SPDX-License-Identifier: GPL-3.0-or-later
"""A run over a whole document that ends in the middle: the same task leads to where an undisturbed one does."""
from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.operations import RestoreTable
from ansible_collections.mooring.net.plugins.module_utils._internal.host.endpoints import endpoints
from ansible_collections.mooring.net.plugins.module_utils._internal.host.operations import (ConntrackFlush, ModuleLoad,
                                                                                            SysctlSet)
from ansible_collections.mooring.net.plugins.module_utils._internal.link.addressing import AddrAdd
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.link.operations import LinkAdd, Peer
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST
from world import World, picture

EACH = 3  # how many of the places at which a run can end are tried: every third; 1 tries them all, in a minute

Document = Sequence[Mapping[str, Any]]

FRONT = {"name": "front", "bip": "192.168.5.1/24", "bip6": "2001:db8:5::1/64"}
BACK = {"name": "back", "bip": "10.20.0.1/24", "bip6": "2001:db8:20::1/64"}
PLAIN = {"name": "plain", "bip": "10.30.0.1/24", "bip6": "2001:db8:30::1/64", "gateway_mode": "routed"}


def network(bridge: Mapping[str, Any], *containers: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    return {**bridge, **options, "containers": list(containers)}


WEB = {"name": "web", "address": "192.168.5.10", "published_ports": ["8080:80", "127.0.0.1::81"]}
SHOP = {"name": "shop", "address": "192.168.5.11", "published_ports": ["8180:80"], "allow_from": ["192.0.2.0/24"],
        "allow_to": ["192.0.2.53:53", "198.51.100.0/24"]}
SOURCE = {"name": "source", "links": ["target"], "published_ports": ["8380:80"]}
TARGET = {"name": "target", "exposed_ports": ["5432"]}
ROUTED = {"name": "routed", "published_ports": ["80"]}

FIRST = [network(FRONT, WEB, SHOP, allow_bridges=["plain"], icc=True),
         network(BACK, SOURCE, TARGET, {"name": "third", "address": "10.20.0.12"}, icc=False),
         network(PLAIN, ROUTED, trusted_networks=["203.0.113.0/24"])]

# Beside what is listed: containers that no document names, on each bridge.
UNLISTED = {"limited": ("front", ["8280:80", "81"], ["web"]), "spare": ("back", ["8281:80", "81/udp"], ["target"]),
            "plainer": ("plain", ["80", "443"], [])}

MOVED = {"bip": "10.40.0.1/24", "bip6": "2001:db8:40::1/64"}
CHANGES: dict[str, Document] = {
    "nothing": [],
    "a bridge moves": [network({**FRONT, **MOVED}, {**WEB, "address": "10.40.0.10"}, {**SHOP, "address": "10.40.0.11"}),
                       *FIRST[1:]],
    "all bridges move": [network({**FRONT, **MOVED}, {**WEB, "address": None}, {**SHOP, "address": None}),
                         network({**BACK, "bip": "10.50.0.1/24", "bip6": "2001:db8:50::1/64"}, SOURCE, TARGET),
                         network({**PLAIN, "bip": "10.60.0.1/24", "bip6": "2001:db8:60::1/64"}, ROUTED)],
    "the mtu changes": [network(FRONT, WEB, mtu="1400"), network(BACK, mtu="1300"), network(PLAIN, mtu="1450")],
    "gateways change": [network(FRONT, WEB, default_gateway="192.168.5.254"), *FIRST[1:]],
    "ipv6 goes": [network(FRONT, WEB, SHOP, ipv6=False, bip6=None),
                  network(BACK, SOURCE, TARGET, ipv6=False, bip6=None)],
    "addresses change hands": [
        network(FRONT, {**WEB, "address": "192.168.5.11"}, {**SHOP, "address": "192.168.5.10"}, icc=False),
        network(BACK, SOURCE, TARGET, {"name": "third", "state": "absent"},
                {"name": "fresh", "address": "10.20.0.12", "address_v6": "2001:db8:20::99",
                 "published_ports": ["8580:80"]}, icc=True)],
    "modes turn": [network(FRONT, {**WEB, "published_ports": ["80"]}, gateway_mode="routed", force=True),
                   network(PLAIN, {**ROUTED, "published_ports": ["8480:80"]}, gateway_mode="nat", force=True)],
    "a bridge gives way to another": [
        network(PLAIN, state="absent", force=True),
        network({"name": "extra", "bip": "10.70.0.1/24"}, {**ROUTED, "published_ports": ["8480:80"]},
                allow_bridges=["front"]),
        network(FRONT, WEB, {**SHOP, "published_ports": ["8181:80"]}, allow_bridges=[])],
    "lists change": [network(FRONT, {**WEB, "allow_to": []}, {**SHOP, "allow_to": ["192.0.2.53:53", "10.0.0.0/8"]}),
                     network(BACK, {**TARGET, "allow_to": ["192.0.2.53"]}, allow_to=["192.0.2.53", "2001:db8::/32"])],
    "lists go": [network(FRONT, {**SHOP, "allow_to": "anywhere"}, allow_to=["0.0.0.0/0"])],
    "containers move": [network(FRONT, SOURCE, TARGET, icc=False),
                        network(BACK, {**WEB, "address": None}, {**SHOP, "address": None})],
}


def first_world() -> World:
    world = World()
    world.document(FIRST)
    for name, (bridge, ports, links) in UNLISTED.items():
        world.run("netns_attach", netns=name, bridge=bridge, exposed_ports=["7000"])
        world.publish(name, *ports)
        world.link(name, *links)
    return world


def with_pairs() -> World:
    """A host with a container whose engine made its interface, and with pairs, one of them in no container."""
    world = first_world()
    path = world.start("engine")
    for operation in (LinkAdd(HOST, Link("vethengine", "veth", controller="front", up=True), Peer(path, "eth0")),
                      AddrAdd(path, "eth0", "192.168.5.77/24")):
        world.host.carry_out(operation)
    world.host.settle()
    world.run("netns_attach", container="engine", adopt=True)
    world.run("port_publish", container="engine", published_ports=["8780:80"])
    world.run("veth_pair", config=[{"name": "one", "netns": "web", "addresses": ["10.9.9.1/30"],
                                    "peer": {"name": "two", "netns": "shop", "addresses": ["10.9.9.2/30"]}},
                                   {"name": "left", "peer": {"name": "right"}}])
    return world


def look(world: World) -> Mapping[str, Any]:
    """What there is, without the kernel's defaults and the MAC addresses that it chooses."""
    found = picture(world.state, sysctls=False)
    for links in found["links"].values():
        links.update({name: dataclasses.replace(link, mac="") for name, link in links.items()
                      if link.mac.startswith("0a:00:00")})
    return {**found, "sysctls": {key: value for key, value in world.state.sysctls.items() if value not in (None, "0")}}


@pytest.mark.parametrize("change", CHANGES)
def test_the_same_document_completes_a_run_that_was_killed(change: str) -> None:
    before = World() if change == "nothing" else first_world()
    document = FIRST if change == "nothing" else CHANGES[change]
    complete_everywhere(before, lambda world, changing: world.document(document, changing))


def test_an_empty_exclusive_document_completes_a_run_that_was_killed() -> None:
    complete_everywhere(first_world(), lambda world, changing: world.document([], changing, exclusive=True))


def test_pairs_and_what_an_engine_made_go_and_come() -> None:
    manual = {"name": "manual", "interface": "D", "published_ports": ["8680:80"]}
    given = {"veth_pairs": [{"name": "C", "bridge": "front", "peer": {"name": "D"}},
                            {"name": "left", "state": "absent"},
                            {"name": "three", "netns": "source", "peer": {"name": "four", "netns": "target"}}]}
    document = [network(FRONT, WEB, SHOP, manual), *FIRST[1:]]
    complete_everywhere(with_pairs(), lambda world, changing: world.document(document, changing, **given))
    complete_everywhere(with_pairs(), lambda world, changing: world.document([], changing, exclusive=True))


def complete_everywhere(before: World, run: Callable[[World, bool], Any]) -> None:
    """Kill the run after each number of operations, and the next one once it has closed what it closes first."""
    undisturbed = before.copy()
    operations = run(undisturbed, True).operations
    expected, problems = look(undisturbed), []
    for number in [*cuts(operations)[::EACH], len(operations)]:
        world = before.copy()
        world.host.execute(operations[:number])
        last = operations[number - 1].describe() if number else "nothing"
        again = world.copy()
        closing = run(again, False).operations
        again.host.execute(closing[:closed(closing)])
        for what, found in (("once", world), ("twice", again)):
            try:
                run(found, True)
                seen = difference(expected, look(found))
            except MooringError as error:
                seen = str(error)
            if seen:
                problems.append(f"{number} {last}, {what}:\n{seen}")
    assert not problems, f"{len(problems)} of {len(operations)}\n" + "\n".join(problems)


def cuts(operations: Sequence[Any]) -> list[int]:
    """After how many operations a run can end: what is done inside of one container goes to the kernel in one write."""
    return [0, *(number for number in range(1, len(operations) + 1) if number == len(operations)
                 or operations[number].netns == HOST or operations[number].netns != operations[number - 1].netns
                 or SysctlSet in (type(operations[number]), type(operations[number - 1])))]


def closed(operations: Sequence[Any]) -> int:
    """How many operations at the beginning of a plan are about rules, connections and settings."""
    kinds = (RestoreTable, ConntrackFlush, ModuleLoad, SysctlSet)
    return next((number for number, each in enumerate(operations) if not isinstance(each, kinds)), len(operations))


def difference(expected: Any, found: Any, where: str = "") -> str:
    """Where two pictures differ, and how."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return "\n".join(difference(expected.get(key), found.get(key), f"{where}/{key}")
                         for key in {**expected, **found} if expected.get(key) != found.get(key))
    if isinstance(expected, list) and isinstance(found, list):
        lost, more = ([each for each in one if each not in other]
                      for one, other in ((expected, found), (found, expected)))
        return f"    {where}: lacks {lost}, has {more}"
    return "" if expected == found else f"    {where}: {expected} -> {found}"


# What takes a change back says what the document before it says, and no more than has to be said.
TAKEN_BACK: dict[str, Document] = {
    "addresses change hands": [FIRST[0], network(BACK, *FIRST[1]["containers"],
                                                 {"name": "fresh", "state": "absent"}, icc=False), FIRST[2]],
    "modes turn": [network(FRONT, WEB, SHOP, gateway_mode="nat", allow_bridges=["plain"], icc=True, force=True),
                   FIRST[1],
                   network(PLAIN, ROUTED, trusted_networks=["203.0.113.0/24"], force=True)],
    "a bridge gives way to another": [*FIRST, {"name": "extra", "state": "absent", "force": True}],
}


@pytest.mark.parametrize("change", [name for name in CHANGES if name != "nothing"])
def test_the_document_before_takes_a_run_back_that_was_killed(change: str) -> None:
    """Each container is as before, or as where the run has ended before it was taken back; no port and no link is lost
    that would not be lost then, and nothing is open that was not."""
    back, before, after = TAKEN_BACK.get(change, FIRST), first_world(), first_world()
    operations = after.document(CHANGES[change]).operations
    after.document(back)
    former, latter, problems = inside(before), inside(after), []
    opened, kept = what_is_open(before), what_is_open(before) & what_is_open(after)
    for number in cuts(operations)[::2 * EACH]:
        world = before.copy()
        world.host.execute(operations[:number])
        world.document(back)
        found = inside(world)
        problems += [f"{number} {operations[number - 1].describe()}: {name}\n{difference(former.get(name), here)}"
                     for name, here in found.items() if here not in (former.get(name), latter.get(name))]
        if lost := kept - what_is_open(world):
            problems.append(f"{number} {operations[number - 1].describe()}: lost {lost}")
        if more := what_is_open(world) - opened - what_is_open(after):
            problems.append(f"{number} {operations[number - 1].describe()}: open {more}")
        assert not world.document(back, False).operations
    assert not problems, f"{len(problems)} of {len(operations)}\n" + "\n".join(problems)


def inside(world: World) -> Mapping[str, Any]:
    """What there is in each container, and its end on the host."""
    found = look(world)
    ends = {endpoint.container: (endpoint.address, endpoint.address_v6, endpoint.pending, endpoint.link.mtu)
            for endpoint in endpoints(world.state)}
    return {path: {"links": found["links"][path], "routes": found["routes"][path],
                   "end": ends.get(path.rpartition("/")[2])}
            for path in found["links"] if path.startswith("/run/netns/")}


def what_is_open(world: World) -> set[str]:
    """Published ports and links, but for those that only give a name."""
    found = world.info()
    return {*found["published_ports"], *(link for link in found["links"] if not link.endswith("none/any"))}


def test_runs_that_are_all_killed_get_on_with_it() -> None:
    """Each is killed after a third of what is left. A link that goes is known by its name until the end."""
    world = first_world()
    document = [FIRST[0], network(BACK, {**SOURCE, "links": ["third"]}, TARGET, {"name": "third"}, icc=True), FIRST[2]]
    for _run in range(20):
        operations = world.document(document, False).operations
        if len(operations) <= 1:
            return
        world.host.execute(operations[:max(1, min(4, len(operations) // 3))])
    raise AssertionError(f"still to do: {[each.describe() for each in operations]}")
