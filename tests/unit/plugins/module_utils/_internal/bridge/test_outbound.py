# SPDX-License-Identifier: GPL-3.0-or-later
"""The address with which it leaves what containers send: what is refused, what is kept of it, what becomes of UDP."""
from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import OptionError
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.meaning import means
from ansible_collections.mooring.net.plugins.module_utils._internal.host.operations import ConntrackFlush
from world import World, desired

BOTH = {"outbound_address": "192.0.2.10", "outbound_address_v6": "2001:db8:2::10"}


@pytest.fixture
def world() -> World:
    found = World()
    found.bridge("mail", "10.10.0.1/24", fixed_cidr_v6="2001:db8:10::/64")
    return found


def rules(world: World, family: str = "ipv4") -> list[str]:
    return [line for chain in world.state.tables[family, "nat"].chains.values() for line in chain.lines]


@pytest.mark.parametrize(("given", "message"), [
    ({"outbound_address": "2001:db8::1"}, "outbound_address: '2001:db8::1' is not an IPv4 address"),
    ({"outbound_address": "eth0"}, "outbound_address: 'eth0' is not an IP address"),
    ({"outbound_address": "192.0.2.0/24"}, "outbound_address: '192.0.2.0/24' is not an IP address"),
    ({"outbound_address": "224.0.0.1"}, "outbound_address: '224.0.0.1' is "),
    ({"outbound_address": "127.0.0.1"}, "outbound_address: '127.0.0.1' is "),
    ({"outbound_address": "169.254.0.9"}, "outbound_address: '169.254.0.9' is a link-local address, to which no reply"),
    ({"outbound_address_v6": "fe80::1"}, "outbound_address_v6: 'fe80::1' is a link-local address, to which no reply"),
    ({"outbound_address_v6": "192.0.2.10"}, "outbound_address_v6: '192.0.2.10' is not an IPv6 address")])
def test_a_wrong_option(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        desired("docker_bridge", {"name": "mail", **given})
    assert str(caught.value).startswith(message)


def test_it_takes_the_place_of_masquerade_for_what_leaves(world: World) -> None:
    world.run("docker_bridge", name="mail", **BOTH)
    for family, place, address in (("ipv4", "10.10.0.0/24", "192.0.2.10"),
                                   ("ipv6", "2001:db8:10::/64", "2001:db8:2::10")):
        leaving = [line for line in rules(world, family) if f"-s {place} ! -o mail" in line]
        assert len(leaving) == 2 and leaving[1].endswith("-j MASQUERADE")
        assert "! --ctstate DNAT" in leaving[0] and leaving[0].endswith(f"-j SNAT --to-source {address}")


@pytest.mark.parametrize(("given", "message"), [
    ({"ip_masq": False}, "ip_masq: 'False' contradicts outbound_address 192.0.2.10 of bridge mail. Leave it out, or "
                         'say outbound_address: "".'),
    ({"gateway_mode": "routed"}, "outbound_address: '192.0.2.10' contradicts gateway mode routed of bridge mail, with "
                                 'which nothing is translated. Say outbound_address: "".'),
    ({"iptables": False}, "outbound_address: '192.0.2.10' contradicts iptables: false of bridge mail, with which "
                          'nothing is translated. Say outbound_address: "".'),
    ({"internal": True}, "outbound_address: '192.0.2.10' contradicts internal: true of bridge mail, which nothing "
                         'leaves and nothing enters. Say outbound_address: "", or say internal: false.')])
def test_what_contradicts_it(world: World, given: dict[str, Any], message: str) -> None:
    world.run("docker_bridge", name="mail", **BOTH)
    assert world.refuses("docker_bridge", name="mail", **given) == message
    assert "contradicts" in world.refuses("docker_bridge", name="new", bip="10.9.0.1/24", **BOTH, **given)
    world.run("docker_bridge", name="mail", outbound_address="", outbound_address_v6="", **given)


def test_a_bridge_without_masquerade_has_none(world: World) -> None:
    world.run("docker_bridge", name="mail", ip_masq=False)
    assert world.refuses("docker_bridge", name="mail", outbound_address="192.0.2.10") == (
        "outbound_address: '192.0.2.10' contradicts ip_masq: false of bridge mail, with which nothing is translated. "
        "Leave it out.")
    world.run("docker_bridge", name="mail", gateway_mode_v6="routed", ip_masq=True)
    world.run("docker_bridge", name="mail", outbound_address="192.0.2.10")
    assert "outbound_address_v6" in world.refuses("docker_bridge", name="mail", outbound_address_v6="2001:db8:2::1")


def test_it_is_recorded_shown_and_taken_away(world: World) -> None:
    alias = world.state.host.links["mail"].alias
    shown = world.run("docker_bridge", name="mail", **BOTH).after[0]
    assert {option: shown[option] for option in BOTH} == BOTH
    assert world.run("docker_bridge", name="mail", **BOTH).operations == ()
    assert world.run("docker_bridge", name="mail").operations == ()
    world.run("docker_bridge", name="mail", outbound_address="", outbound_address_v6="")
    assert world.state.host.links["mail"].alias == alias and not any("SNAT --to" in line for line in rules(world))


def test_an_address_that_the_host_does_not_have_is_told(world: World) -> None:
    plan = world.run("docker_bridge", name="mail", outbound_address="192.0.2.77")
    assert plan.warnings == (
        "outbound_address of bridge mail is 192.0.2.77, which no interface of this host has: replies come only once "
        "one has it, or a route of type local",)
    assert world.info()["obstacles"] == list(plan.warnings) == world.info(bridge="mail")["obstacles"]
    world.bridge("other", "10.20.0.1/24")
    assert world.info(bridge="other")["obstacles"] == []
    assert world.run("docker_bridge", name="mail", outbound_address="192.0.2.10").warnings == ()
    assert world.info()["obstacles"] == []
    links = world.state.host.links
    links["ens3"] = dataclasses.replace(links["ens3"], addresses=())  # somebody takes it away
    assert len(world.info()["obstacles"]) == 1 and world.info()["drift"] == []


def test_each_bridge_has_its_own(world: World) -> None:
    world.bridge("shop", "10.20.0.1/24", fixed_cidr_v6="2001:db8:20::/64", outbound_address="192.0.2.11",
                 outbound_address_v6="2001:db8:2::11", allow_bridges=["mail"])
    world.run("docker_bridge", name="mail", **BOTH)
    for family, chosen in (("ipv4", {"10.10.0.0/24": "192.0.2.10", "10.20.0.0/24": "192.0.2.11"}),
                           ("ipv6", {"2001:db8:10::/64": "2001:db8:2::10", "2001:db8:20::/64": "2001:db8:2::11"})):
        sources = [line for line in rules(world, family) if "--to-source" in line]
        assert len(sources) == 2
        for (place, address), name in zip(chosen.items(), ("mail", "shop")):
            assert any(f"{name} source {address} {place}" in line and line.endswith(f"--to-source {address}")
                       for line in sources)
    world.run("docker_bridge", name="shop", state="absent")
    assert [line.rpartition(" ")[2] for line in rules(world) if "--to-source" in line] == ["192.0.2.10"]


@pytest.mark.parametrize(("given", "message"), [
    ({"outbound_address": "10.10.0.9"}, "outbound_address: '10.10.0.9' is inside 10.10.0.0/24, the subnet of bridge "
     "mail, so that replies would go to a container. Give an address of the host that others have a route to."),
    ({"outbound_address": "10.20.0.9"}, "outbound_address: '10.20.0.9' is inside 10.20.0.0/24, the subnet of bridge b"),
    ({"outbound_address_v6": "2001:db8:10::9"}, "outbound_address_v6: '2001:db8:10::9' is inside 2001:db8:10::/64")])
def test_an_address_that_a_container_may_have(world: World, given: dict[str, Any], message: str) -> None:
    world.bridge("back", "10.20.0.1/24")
    assert world.refuses("docker_bridge", name="mail", **given).startswith(message)
    config = [{"name": "mail", **given}, {"name": "new", "bip": "10.30.0.1/24"}]
    assert message in world.refuses("docker_bridge", config=config)
    assert world.run("docker_bridge", name="mail", outbound_address="10.10.0.1").warnings == ()


def test_a_bridge_without_ipv6_is_told_that_it_says_nothing(world: World) -> None:
    plan = world.run("docker_bridge", name="four", bip="10.40.0.1/24", outbound_address_v6="2001:db8:2::10")
    assert plan.warnings == ("outbound_address_v6 of bridge four says nothing until the bridge has addresses of that "
                             "family",)
    assert world.run("docker_bridge", name="four").warnings == () and world.info(bridge="four")["obstacles"] == []


def test_udp_that_is_under_way_is_forgotten(world: World) -> None:
    def outward(**given: Any) -> list[tuple[str, ...]]:
        plan = world.run("docker_bridge", name="mail", **given)
        return [each.outward for each in plan.operations if isinstance(each, ConntrackFlush)]

    assert outward(**BOTH) == [("10.10.0.0/24",), ("2001:db8:10::/64",)]
    assert outward(outbound_address="192.0.2.11") == [("10.10.0.0/24",)]
    assert outward(outbound_address_v6="") == [("2001:db8:10::/64",)]
    assert outward(stp=True) == []


def test_check_mode_shows_what_a_run_does(world: World) -> None:
    planned = world.check("docker_bridge", name="mail", **BOTH)
    assert planned.steps == world.run("docker_bridge", name="mail", **BOTH).steps
    assert World().check("docker_bridge", name="new", bip="10.9.0.1/24", **BOTH).after[0]["outbound_address"]


def test_a_source_is_read_in_any_spelling() -> None:
    words = ("-s", "2001:db8::/64", "-j", "SNAT", "--to-source", "2001:db8::9")
    assert means("-A X -s 2001:db8::/64 -j SNAT --to-source 2001:0db8:0::0009", words)
    assert not means("-A X -s 2001:db8::/64 -j SNAT --to-source 2001:db8::8", words)
    assert not means("-A X -s 2001:db8::/64 -j MASQUERADE", words)


def test_what_does_not_fit_into_the_mark() -> None:
    full = "2001:db8:ffff:ffff:ffff:ffff:ffff:{}"
    given = {"name": "abcdefghijklmno", "bip": "10.130.100.100/24", "bip6": f"{full.format('1')}/64",
             "fixed_cidr": "10.130.100.128/25", "fixed_cidr_v6": "2001:db8:ffff:ffff:ffff:ffff:ffff:fff0/124",
             "default_gateway": "10.130.100.254", "default_gateway_v6": full.format("ffff"), "ip_forward": False,
             "outbound_address": "192.0.2.100", "outbound_address_v6": full.format("fffe"), "adopt_uplink": True}
    message = World().refuses("docker_bridge", **given)
    assert message.startswith(f"outbound_address_v6: '{full.format('fffe')}' does not fit: ")
    assert message.endswith("and the kernel keeps 254. Leave out what can be left out.")
