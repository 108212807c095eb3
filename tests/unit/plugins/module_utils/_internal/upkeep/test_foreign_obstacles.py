# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sure to be dropped by rules of others; tests/functional/test_obstacles.py asks packets the same."""
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.foreign.model import (ACCEPT, DROP, ELSEWHERE, GOTO,
                                                                                          JUMP, RETURN, UNKNOWN,
                                                                                          BaseChain, Condition,
                                                                                          ForeignRule, Ruleset)
from ansible_collections.mooring.net.plugins.module_utils._internal.foreign.walk import Packet, obstacle
from neighbours import RECORDED, recorded, saved
from world import World

TCP, UDP, MAYBE = Condition("protocol", ("tcp",)), Condition("protocol", ("udp",)), UNKNOWN
BASE = BaseChain("main", "forward", 0)


def found(policy: str = ACCEPT, **chains: list[tuple]) -> str:
    """The chain that drops a tcp packet for sure, "" for none; a rule is conditions, a verdict and a target."""
    rules = {name: tuple(ForeignRule(tuple(given[:-2]), *given[-2:]) for given in each)
             for name, each in chains.items()}
    result = obstacle(Ruleset("x", ("ipv4",), (BASE,), rules), BaseChain("main", "forward", 0, policy),
                      Packet("ipv4", "tcp"))
    return result[0] if result else ""


@pytest.mark.parametrize(("chains", "policy", "expected"), [
    ({"main": []}, ACCEPT, ""),
    ({"main": []}, DROP, "main"),
    ({"main": [(TCP, DROP, "")]}, ACCEPT, "main"),
    ({"main": [(UDP, DROP, ""), (MAYBE, DROP, "")]}, ACCEPT, ""),
    ({"main": [(TCP, ACCEPT, ""), (DROP, "")]}, DROP, ""),
    ({"main": [(TCP, MAYBE, ACCEPT, ""), (DROP, "")]}, DROP, ""),
    ({"main": [(MAYBE, ELSEWHERE, "")]}, DROP, ""),
    ({"main": [(MAYBE, DROP, "")]}, DROP, "main"),
    ({"main": [(TCP, RETURN, ""), (DROP, "")]}, ACCEPT, ""),
    ({"main": [(MAYBE, RETURN, ""), (DROP, "")]}, ACCEPT, ""),
    ({"main": [(JUMP, "sub")], "sub": [(DROP, "")]}, ACCEPT, "sub"),
    ({"main": [(MAYBE, JUMP, "sub")], "sub": [(DROP, "")]}, ACCEPT, ""),
    ({"main": [(MAYBE, JUMP, "sub"), (DROP, "")], "sub": [(ACCEPT, "")]}, ACCEPT, ""),
    ({"main": [(MAYBE, JUMP, "sub"), (DROP, "")], "sub": [(UDP, ACCEPT, "")]}, ACCEPT, "main"),
    ({"main": [(JUMP, "sub"), (DROP, "")], "sub": [(RETURN, ""), (ACCEPT, "")]}, ACCEPT, "main"),
    ({"main": [(GOTO, "sub"), (DROP, "")], "sub": [(UDP, DROP, "")]}, ACCEPT, ""),
    ({"main": [(GOTO, "sub"), (ACCEPT, "")], "sub": []}, DROP, "main"),
    ({"main": [(MAYBE, GOTO, "sub"), (DROP, "")], "sub": []}, ACCEPT, ""),
    ({"main": [(JUMP, "sub"), (DROP, "")], "sub": [(MAYBE, ACCEPT, "")]}, ACCEPT, ""),
    ({"main": [(JUMP, "nowhere"), (DROP, "")]}, ACCEPT, "main"),
    ({"main": [(JUMP, "main"), (DROP, "")]}, ACCEPT, ""),  # the kernel refuses a circle
])
def test_a_drop_is_sure_or_it_is_none(chains: dict, policy: str, expected: str) -> None:
    assert found(policy, **chains) == expected


@pytest.fixture
def world() -> World:
    made = World()
    made.bridge(bip6="2001:db8:5::1/64")
    made.attach("web")
    made.publish("web", "8088:80")
    return made


@pytest.mark.parametrize("name", RECORDED)
def test_none_of_these_neighbours_closes_a_port(world: World, name: str) -> None:
    world.state.foreign = recorded(name)
    assert world.info()["obstacles"] == []
    assert world.bridge().warnings == ()


SENTENCE = "connections from outside ({}) to published port 8088/tcp of web are dropped in chain {} of table {} by {}"


def test_each_family_has_its_own_rules(world: World) -> None:
    link = world.state.host.links["ens3"]
    world.state.foreign = saved("mangle", "FORWARD -o br0 -j DROP", family="ipv6")
    assert world.info()["obstacles"] == []  # nobody comes to the host with IPv6
    world.state.host.links["ens3"] = replace(link, addresses=(*link.addresses, "2001:db8::10/64"))
    assert world.info()["obstacles"] == [SENTENCE.format("ens3", "FORWARD", "mangle", "-o br0 -j DROP")]


def test_only_the_interfaces_that_lose_are_named(world: World) -> None:
    link = world.state.host.links["ens3"]
    world.state.host.links["ens4"] = replace(link, name="ens4", index=7, addresses=("198.51.100.1/24",))
    world.state.foreign = saved("raw", "PREROUTING -i ens4 -p tcp -m tcp --dport 8088 -j DROP")
    assert world.info()["obstacles"] == [
        SENTENCE.format("ens4", "PREROUTING", "raw", "-i ens4 -p tcp -m tcp --dport 8088 -j DROP")]
    world.state.foreign = saved("raw", "PREROUTING -p tcp -m tcp --dport 8088 -j DROP")
    assert "(ens3, ens4)" in world.info()["obstacles"][0] and len(world.info()["obstacles"]) == 1


def test_a_port_for_some_sources_or_of_the_loopback_says_nothing_about_outside(world: World) -> None:
    world.state.foreign = saved("raw", PREROUTING="DROP")
    plan = world.run("port_publish", netns="web", published_ports=["127.0.0.1:8088:80"])
    assert plan.warnings == ()
    plan = world.run("port_publish", netns="web", published_ports=["8088:80"], allow_from=["10.0.0.0/8"])
    assert plan.warnings == ()


@pytest.mark.parametrize(("rule", "said"), [
    ("PREROUTING -p tcp -m tcp --dport 9000:9010 -j DROP", 1), ("PREROUTING -p tcp -m tcp --dport 9000 -j DROP", 0),
    ("PREROUTING -p tcp -m tcp --dport 9001:65535 -j DROP", 0), ("PREROUTING -p tcp -m tcp ! --dport 9005 -j DROP", 0),
    ("PREROUTING -p tcp -m tcp ! --dport 8999 -j DROP", 1), ("PREROUTING -d 192.0.2.10/32 -p tcp -j DROP", 1),
])
def test_of_a_range_all_ports_are_dropped_or_nothing_is_said(world: World, rule: str, said: int) -> None:
    world.state.foreign = saved("raw", rule)
    plan = world.run("port_publish", netns="web", published_ports=["9000-9010:9000-9010"])
    assert len(plan.warnings) == said


def test_one_of_two_addresses_is_not_the_port(world: World) -> None:
    link = world.state.host.links["ens3"]
    world.state.foreign = saved("raw", "PREROUTING -d 192.0.2.10/32 -p tcp -j DROP")
    assert len(world.info()["obstacles"]) == 1
    world.state.host.links["ens3"] = replace(link, addresses=(*link.addresses, "192.0.2.11/24"))
    assert world.info()["obstacles"] == []


OUT = "what containers of br0 send to the outside (ens3)"


@pytest.mark.parametrize(("rule", "sentence"), [
    ("FORWARD -s 192.168.5.0/24 -j DROP", f"{OUT} is dropped in chain FORWARD of table mangle by -s 192.168.5.0/24"),
    ("FORWARD -s 192.168.5.0/25 -j DROP", ""),
    ("FORWARD -i br0 -p udp -j DROP", f"{OUT} by udp is dropped in chain FORWARD of table mangle by -i br0 -p udp"),
    ("FORWARD -i br0 -p tcp -m tcp --dport 25 -j DROP", ""),
    ("FORWARD -d 192.168.5.0/24 -j DROP", f"replies to {OUT} are dropped in chain FORWARD of table mangle by"),
    ("PREROUTING -i ens3 -m conntrack --ctstate ESTABLISHED -m addrtype --dst-type LOCAL -j DROP",
     f"replies to {OUT} are dropped in chain PREROUTING"),
    ("FORWARD -m conntrack --ctstate SNAT -j DROP", f"replies to {OUT} are dropped in chain FORWARD of"),
])
def test_what_containers_send(world: World, rule: str, sentence: str) -> None:
    world.state.foreign = saved("mangle", rule)
    warnings = world.bridge().warnings
    assert (len(warnings) == 1 and warnings[0].startswith(sentence)) if sentence else warnings == ()


def test_without_masquerade_nothing_is_addressed_to_the_host(world: World) -> None:
    world.bridge(ip_masq=False)
    world.state.foreign = saved("mangle", "PREROUTING -i ens3 -m addrtype --dst-type LOCAL -j DROP",
                                "FORWARD -m conntrack --ctstate SNAT -j DROP")
    assert world.bridge().warnings == ()


@pytest.mark.parametrize(("table", "rules", "expected"), [
    ("mangle", ["FORWARD -m conntrack --ctstate DNAT -j ACCEPT", "FORWARD -o br1 -j DROP"],
     ["connections from outside (ens3) to", "replies to what containers of br1 send"]),
    ("mangle", ["FORWARD -m conntrack --ctstate DNAT -j DROP"], []),
    ("mangle", ["PREROUTING -m addrtype --dst-type LOCAL -j DROP"], []),
    ("raw", ["PREROUTING -d 192.168.6.2/32 -p tcp -m tcp --dport 80 -j DROP"], ["connections from outside (ens3) to"]),
    ("filter", ["OUTPUT -o br1 -j DROP"], ["connections from the host itself to"]),
    ("nat", ["PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1"], []),
])
def test_a_port_at_the_address_of_its_container(world: World, table: str, rules: list[str],
                                                expected: list[str]) -> None:
    """On a bridge whose packets are not translated."""
    world.bridge("br1", "192.168.6.1/24", gateway_mode="routed")
    world.attach("app", bridge="br1")
    assert world.publish("app", "80") == ["192.168.6.2:80->192.168.6.2:80/tcp"]
    world.state.foreign = saved(table, *rules)
    found = world.info(bridge="br1")["obstacles"]
    assert [text[:len(start)] for text, start in zip(found, expected)] == expected and len(found) == len(expected)
    assert not found or "published port 80/tcp of app" in found[0]


def test_a_check_on_a_fresh_host_goes_through() -> None:
    fresh = World()
    fresh.state.foreign = saved("raw", PREROUTING="DROP")
    assert fresh.check("port_publish", netns="web", published_ports=["8088:80"]).assumed


def test_a_port_that_waits_for_its_interface_is_dropped_by_nobody(world: World) -> None:
    world.publish("web", "eth9:8080:80", "ens3:81:81")
    world.state.native = (Ruleset("x", ("ipv4",), (BASE,), {"main": (ForeignRule((TCP,), DROP, ""),)}),)
    [sentence] = [each for each in world.info()["obstacles"] if "published" in each]
    assert "to published port 81/tcp of web are dropped in chain main" in sentence
