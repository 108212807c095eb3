# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports that rules of others translate: which they are, and what they mean for a task that wants them."""
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.foreign.claims import claims
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.model import Claim
from neighbours import admin, recorded, saved
from world import World

ADDRESSES = ["192.0.2.10", "127.0.0.1", "2001:db8::10"]
HOOK = "PREROUTING -m addrtype --dst-type LOCAL -m comment --comment mooring -j MOORING-DNAT"


def short(found: list[Claim]) -> list[str]:
    return [f"{claim.chain} {claim.address} {claim.protocol or 'any'} "
            f"{','.join(f'{first}-{last}' for first, last in claim.ports) or 'all'} -> {claim.target}"
            for claim in found]


@pytest.mark.parametrize("backend", ["nft", "legacy"])
@pytest.mark.parametrize(("name", "expected"), [
    ("docker", ["DOCKER 0.0.0.0 tcp 8080-8080 -> 172.17.0.2:80", "DOCKER 0.0.0.0 tcp 7001-7001 -> 172.17.0.2:7001",
                "DOCKER 0.0.0.0 tcp 7000-7000 -> 172.17.0.2:7000", "DOCKER 127.0.0.1 udp 5353-5353 -> 172.17.0.2:53"]),
    ("netavark", ["NETAVARK-DN-1D8721804F16F 0.0.0.0 tcp 8080-8080 -> 10.88.0.2:80",
                  "NETAVARK-DN-1D8721804F16F 127.0.0.1 tcp 7000-7003 -> 10.88.0.2:7000-7003/7000"]),
    ("firewalld", ["PRE_public_allow 0.0.0.0 tcp 8080-8080 -> 10.1.1.1:80"]),
    ("ufw", []),
])
def test_recorded_rules(backend: str, name: str, expected: list[str]) -> None:
    assert short(claims(recorded(f"{name}-{backend}.v4.save"), (), ADDRESSES)) == expected


def test_a_table_of_nftables() -> None:
    assert short(claims({}, [admin()], ["192.0.2.1"])) == [
        "pre 0.0.0.0 tcp 8080-8080 -> 10.1.1.1:80", "pre 192.0.2.1 any all -> 10.1.1.2",
        "pre 0.0.0.0 udp 53-53 -> a port of the host itself", "pre :: udp 53-53 -> a port of the host itself"]


@pytest.mark.parametrize(("lines", "expected"), [
    # The port stands in the jump (Kubernetes, old CNI), at any depth.
    (["PREROUTING -j A", "A -p tcp -m tcp --dport 80 -j B", "B -m statistic --mode random -j C",
      "C -p tcp -j DNAT --to-destination 10.0.0.1:81"], ["C 0.0.0.0 tcp 80-80 -> 10.0.0.1:81"]),
    # An address that is not the host's: nothing that is published is for it.
    (["PREROUTING -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j A", "A -j DNAT --to-destination 10.0.0.1:81"], []),
    (["PREROUTING -d 192.0.2.0/24 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1"],
     ["PREROUTING 192.0.2.10 tcp 80-80 -> 10.0.0.1"]),
    # A mask that is none of a network: it may be any address.
    (["PREROUTING -d 192.0.2.10/255.0.0.255 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1"],
     ["PREROUTING 0.0.0.0 tcp 80-80 -> 10.0.0.1"]),
    (["OUTPUT -d 127.0.0.53/32 -p udp -m udp --dport 53 -j REDIRECT --to-ports 5353"],
     ["OUTPUT 127.0.0.53 udp 53-53 -> port 5353"]),
    # Nobody comes to this chain.
    (["A -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1:81"], []),
    (["PREROUTING -j A", "A -j B", "B -j A", "B -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1:81"],
     ["B 0.0.0.0 tcp 80-80 -> 10.0.0.1:81"]),
    # What is not for the host is none of its ports.
    (["PREROUTING -p tcp -m addrtype ! --dst-type LOCAL -m tcp --dport 80 -j REDIRECT --to-ports 3128"], []),
    # What else is asked may be true of some packets.
    (["PREROUTING -s 10.0.0.0/8 -p tcp -m set --match-set x src -m multiport --dports 80,443,8000:8010 -j NETMAP "
      "--to 10.1.0.0/16"], ["PREROUTING 0.0.0.0 tcp 80-80,443-443,8000-8010 -> 10.1.0.0/16"]),
    (["PREROUTING -d 192.0.2.10/32 -j DNAT --to-destination 10.0.0.1", HOOK],
     ["PREROUTING 192.0.2.10 any all -> 10.0.0.1"]),
    (["PREROUTING -j A", HOOK, "A -p tcp -j REDIRECT --to-ports 3128"], ["A 0.0.0.0 tcp all -> port 3128"]),
    # Ours come first, some packets only, or the host's own connections: nobody loses a published port.
    ([HOOK, "PREROUTING -d 192.0.2.10/32 -j DNAT --to-destination 10.0.0.1"], []),
    (["PREROUTING -s 10.0.0.0/8 -j DNAT --to-destination 10.0.0.1", HOOK], []),
    (["OUTPUT -d 192.0.2.10/32 -j DNAT --to-destination 10.0.0.1", HOOK.replace("PREROUTING", "OUTPUT")], []),
    (["OUTPUT -p tcp -m owner ! --uid-owner 7 -j REDIRECT --to-ports 15001"], []),
    (["POSTROUTING -j MASQUERADE", "PREROUTING -p tcp -m tcp --dport 80 -j ACCEPT"], []),
])
def test_rules_of_an_administrator(lines: list[str], expected: list[str]) -> None:
    assert short(claims(saved("nat", *lines), (), ADDRESSES)) == expected


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge()
    found.attach("web")
    found.state.host.links["lo"] = replace(found.state.host.links["lo"], addresses=("127.0.0.1/8",))
    return found


def test_a_port_of_docker_is_refused_and_none_is_chosen(world: World) -> None:
    world.state.foreign = recorded("docker-nft.v4.save")
    for port, taken, target in (("8080:80", "8080/tcp", "172.17.0.2:80"), ("192.0.2.10:8080:80", "8080/tcp",
                                                                           "172.17.0.2:80"),
                                ("6990-7005:80-95", "7000/tcp", "172.17.0.2:7000"),
                                ("5353:53/udp", "5353/udp", "172.17.0.2:53")):
        message = world.refuses("port_publish", netns="web", published_ports=[port])
        assert f"asks for host port {taken}, which is published by Docker for {target} (chain DOCKER of nat). C" in (
            message)
    assert world.publish("web", "8080:80/udp", "192.0.2.10:5353:53/udp", "7002:80", "7000-7003:81",
                         "82", dynamic_port_range="7000-7010") == [
        "0.0.0.0:7002->192.168.5.2:80/tcp", "0.0.0.0:7003->192.168.5.2:81/tcp", "0.0.0.0:7004->192.168.5.2:82/tcp",
        "0.0.0.0:8080->192.168.5.2:80/udp", "192.0.2.10:5353->192.168.5.2:53/udp"]


def test_the_families_are_apart(world: World) -> None:
    world.state.foreign = saved("nat", "PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination [2001:db8::1]:80",
                                family="ipv6")
    assert world.publish("web", "80:80") == ["0.0.0.0:80->192.168.5.2:80/tcp"]


def test_all_ports_of_a_range_that_others_have_are_counted(world: World) -> None:
    world.state.foreign = recorded("docker-nft.v4.save")
    message = world.refuses("port_publish", netns="web", published_ports=["80"], dynamic_port_range="7000-7001")
    assert "of 2 ports, 2 translated by chain DOCKER of nat" in message


def test_a_port_that_is_claimed_later_is_kept_with_a_warning(world: World) -> None:
    world.publish("web", "8080:80", "81", dynamic_port_range="7000-7010")
    world.state.foreign = recorded("docker-nft.v4.save")
    plan = world.run("port_publish", netns="web", published_ports=["8080:80", "81"], dynamic_port_range="7000-7010")
    assert plan.operations == ()
    assert plan.warnings == tuple(
        f"host port {port}/tcp of web is published by Docker for 172.17.0.2:{target} (chain DOCKER of nat) as well: "
        "only one of the two gets the connections. Take that rule away, or publish another port"
        for port, target in ((7000, 7000), (8080, 80)))
    assert world.info()["obstacles"] == list(plan.warnings) == world.info(container="web")["obstacles"]


def test_a_whole_address_that_goes_elsewhere(world: World) -> None:
    """Exactly that address is refused; among all addresses it is one less, which is said."""
    world.state.foreign = saved("nat", "PREROUTING -d 192.0.2.10/32 -j DNAT --to-destination 10.0.0.1", HOOK)
    message = world.refuses("port_publish", netns="web", published_ports=["192.0.2.10:8080:80"])
    assert message == ("published_ports: '192.0.2.10:8080:80/tcp' is for 192.0.2.10, all of which is sent to 10.0.0.1 "
                       "by a rule of others (chain PREROUTING of nat). Publish it on another address, or take that "
                       "rule away.")
    plan = world.run("port_publish", netns="web", published_ports=["8080:80", "127.0.0.1:81:81"])
    assert plan.warnings == ("all connections to 192.0.2.10 go to 10.0.0.1 before they can reach published port "
                             "8080/tcp of web: a rule of others comes first (chain PREROUTING of nat)",)


def test_an_address_that_goes_elsewhere_later_keeps_its_ports_with_a_warning(world: World) -> None:
    world.publish("web", "192.0.2.10:8080:80")
    world.state.foreign = saved("nat", "PREROUTING -d 192.0.2.10/32 -p tcp -j DNAT --to-destination 10.0.0.1", HOOK)
    plan = world.run("port_publish", netns="web", published_ports=["192.0.2.10:8080:80", "192.0.2.10:53:53/udp"])
    assert [text[:54] for text in plan.warnings] == ["all connections to 192.0.2.10 go to 10.0.0.1 before th"]
    assert "8080/tcp of web:" in plan.warnings[0]
