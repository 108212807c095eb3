# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reaches whom: what the picture says is what the rules do, of hosts of all kinds."""
from __future__ import annotations

import ipaddress
import random
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.picture.model import EVERYBODY, Host
from ansible_collections.mooring.net.plugins.module_utils._internal.picture.reach import ALL_PORTS, PING, find_ways
from ansible_collections.mooring.net.plugins.module_utils._internal.picture.read import read
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from packets import Kernel, Packet
from world import World, uplink_state

OUTSIDE, HOST = "<outside>", "<host>"
STRANGERS = {"ipv4": "203.0.113.9", "ipv6": "2001:db8:9::9"}
AT = {"ipv4": "192.0.2.10", "ipv6": "2001:db8::10"}


def new_world() -> World:
    state = uplink_state()
    state.host.links["ens3"] = Link("ens3", "", 2, up=True, mac="52:54:00:00:00:01",
                                    addresses=("192.0.2.10/24", "2001:db8::10/64"))
    return World(state)


def document(seed: int) -> list[dict[str, Any]]:
    """Some networks, with something of all that decides who reaches whom."""
    dice = random.Random(seed)
    names = [f"br{number}" for number in range(dice.randint(1, 3))]
    containers = [f"c{number}" for number in range(dice.randint(2, 5))]
    found = []
    for number, name in enumerate(names):
        network: dict[str, Any] = {"name": name, "bip": f"10.{number}.0.1/24", "icc": dice.random() < 0.5}
        if dice.random() < 0.5:
            network["bip6"] = f"fd00:{number}::1/64"
        if dice.random() < 0.25:
            network["gateway_mode"] = "routed"
        if number and dice.random() < 0.4:
            network["allow_bridges"] = [names[0]]
        if dice.random() < 0.2:
            network["trusted_networks"] = ["203.0.113.0/24"]
        if dice.random() < 0.15 and not {"gateway_mode", "allow_bridges", "trusted_networks"} & {*network}:
            network["internal"] = True
        elif dice.random() < 0.15:
            network["ip_masq"] = False
        found.append({**network, "containers": []})
    for number, name in enumerate(containers):
        home = dice.choice(found)
        container: dict[str, Any] = {"name": name, "exposed_ports": [5000 + number]}
        if dice.random() < 0.6:
            routed = home.get("gateway_mode") == "routed"
            container["published_ports"] = [str(90 + number) if routed else dice.choice(
                [f"{8000 + number}:90", f"127.0.0.1:{8000 + number}:90", f"192.0.2.10:{8000 + number}:90",
                 f"{8000 + number}:90/udp"])]
            if dice.random() < 0.4:
                container["allow_from"] = [dice.choice(["10.0.0.0/24", "10.0.0.0/8", "203.0.113.0/24"])]
        beside = [other["name"] for other in home["containers"]]
        if beside and dice.random() < 0.6:
            container["links"] = [dice.choice(beside)]
        home["containers"].append(container)
        others = [each for each in found if each is not home]
        if others and dice.random() < 0.2:
            dice.choice(others)["containers"].append({"name": name, "interface_name": "eth1"})
    return found


def worlds(count: int) -> list[tuple[int, World]]:
    found, seed = [], 0
    while len(found) < count:
        world = new_world()
        seed += 1
        try:
            world.document(document(seed))
        except MooringError:
            continue
        found.append((seed, world))
    return found


def senders(info: dict[str, Any], family: str, destination: str) -> list[tuple[str, str, str]]:
    """Who may send, from which address, by which interface: who is on the destination's network by that one."""
    key, key_of_subnet = ("address", "subnet") if family == "ipv4" else ("address_v6", "subnet_v6")
    there = next((each["name"] for each in info["bridges"] if each[key_of_subnet] and ipaddress.ip_address(
        destination) in ipaddress.ip_network(each[key_of_subnet])), "")
    found = [(end["container"], end[key].partition("/")[0], end["bridge"])
             for end in info["endpoints"] if end[key]]
    beside = {name for name, _address, bridge in found if bridge == there}
    own = "127.0.0.1" if destination.startswith("127.") else AT[family]
    return [*(each for each in found if each[0] not in beside or each[2] == there),
            (OUTSIDE, STRANGERS[family], "ens3"), (HOST, own, "")]


def by_rules(world: World) -> dict[tuple[str, str], set[str]]:
    """By container and by what of it is tried who gets there."""
    kernel, info = Kernel(world), world.info()
    found: dict[tuple[str, str], set[str]] = {}

    def send(target: str, what: str, family: str, destination: str, protocol: str, port: int) -> None:
        for name, address, interface in senders(info, family, destination):
            packet = Packet(address, destination, protocol, port, interface)
            if name != target and kernel.receiver(packet) == target:
                found.setdefault((target, what), set()).add(name)

    exposed = {end["container"]: set() for end in info["endpoints"]}
    for end in info["endpoints"]:
        exposed[end["container"]] |= set(end["exposed_ports"])
    for link in read("h", info).links:
        exposed[link.target] |= {link.ports} - {""}
    for end in info["endpoints"]:
        for family, address in (("ipv4", end["address"]), ("ipv6", end["address_v6"])):
            if address:
                own = address.partition("/")[0]
                send(end["container"], ALL_PORTS, family, own, "tcp", 7)
                send(end["container"], PING, family, own, "echo-request", 0)
                for port in sorted(exposed[end["container"]]):
                    number, _slash, protocol = port.partition("/")
                    send(end["container"], port, family, own, protocol, int(number))
    for port in info["ports"]:
        family = "ipv6" if ":" in port["container_ip"] else "ipv4"
        host_ip = {"0.0.0.0": AT["ipv4"], "::": AT["ipv6"]}.get(port["host_ip"], port["host_ip"])
        place = next(each.place for each in read("h", info).ports if each.container == port["container"] and (
            each.protocol == port["protocol"]) and each.family == family)
        send(port["container"], place, family, host_ip, port["protocol"], port["host_port"])
    return found


def by_picture(host: Host) -> dict[tuple[str, str], set[str]]:
    """The same as the picture has it. Who reaches all ports reaches each of them, and is answered to a ping."""
    found: dict[tuple[str, str], set[str]] = {}
    for target, ways in find_ways(host).items():
        for way in ways:
            who = set(way.sources) | ({HOST} if way.from_host else set())
            if any(each in (EVERYBODY, "203.0.113.0/24") for each in way.outside):
                who.add(OUTSIDE)
            found.setdefault((target, way.what.partition(",")[0]), set()).update(who)
    return found


WORLDS = worlds(60)


@pytest.mark.parametrize("seed", [seed for seed, _world in WORLDS])
def test_the_picture_says_what_the_rules_do(seed: int) -> None:
    world = dict(WORLDS)[seed]
    said, done = by_picture(read("h", world.info())), by_rules(world)
    host = read("h", world.info())
    direct = {(port.container, port.place): port for port in host.ports if port.direct}
    families = {(each.container, family) for each in host.interfaces for family in each.addresses}
    for key in said.keys() | done.keys():
        target, what = key
        expected = said.get(key, set())
        of_all = said.get((target, ALL_PORTS), set())
        if key in direct:
            linked = said.get((target, f"{direct[key].inside}/{direct[key].protocol}"), set())
            expected = expected | linked | {name for name in of_all if name.startswith("<")
                                   or (name, direct[key].family) in families}
        elif what == PING or ":" not in what and not what.startswith("80"):  # a port at the container's own address
            expected = expected | of_all
            if any(container == target and place.endswith(f":{what}") for container, place in direct):
                continue  # which is open there to others as well
        assert done.get(key, set()) == expected, (key, document(seed))


def test_the_worlds_have_all_kinds_of_answers() -> None:
    """Else the test above would prove little."""
    kinds: dict[tuple[str, bool], int] = {}
    for _seed, world in WORLDS:
        for (_target, what), who in by_rules(world).items():
            for each in who:
                kind = each if each in (OUTSIDE, HOST) else "container"
                word = what if what in (ALL_PORTS, PING) else "link" if what.startswith("50") else "published"
                kinds[word, kind == "container"] = kinds.get((word, kind == "container"), 0) + 1
    assert any(network.internal for _seed, world in WORLDS for network in read("h", world.info()).networks)
    assert all(kinds[word, container] > 10 for word in (ALL_PORTS, PING, "link", "published")
               for container in (True, False)), kinds
