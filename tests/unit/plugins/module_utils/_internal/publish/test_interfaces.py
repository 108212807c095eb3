# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports on an interface in the place of a host address: what they mean, how they follow, what stands in their way."""
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.applied.model import NAME
from ansible_collections.mooring.net.plugins.module_utils._internal.applied.text import parse
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import OptionError
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST
from ansible_collections.mooring.net.plugins.module_utils._internal.persist.replay import parts
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.model import NOWHERE, Publication
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.reading import parse_publication
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.spec import parse_place, parse_port_spec
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.published import published_at
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.table import table
from world import World

ENS3, ENS36 = "192.0.2.10", "2001:db8:2::10"


def site(v6: bool = True) -> World:
    world = World()
    world.bridge(**({"fixed_cidr_v6": "2001:db8:5::/64"} if v6 else {}))
    world.attach("web", "db")
    give(world, f"{ENS3}/24", f"{ENS36}/64", "fe80::1/64")
    return world


def give(world: World, *addresses: str, name: str = "ens3") -> None:
    """The addresses that an interface has from now on."""
    links = world.state.host.links
    link = links.get(name) or Link(name, "", 7, up=True, mac="52:54:00:00:00:07")
    links[name] = replace(link, addresses=addresses)
    world.host.settle([HOST])


def places(world: World) -> list[str]:
    return world.info()["published_ports"]


@pytest.mark.parametrize(("text", "interface", "host_ports"), [
    ("eth0:8080:80", "eth0", (8080, 8080)), ("eth0::80/udp", "eth0", None),
    ("br-lan.100:53:53/udp", "br-lan.100", (53, 53)),
    ("eth0:7000-7010:80", "eth0", (7000, 7010)), ("_x:1:1", "_x", (1, 1)), ("dead:80:80", "dead", (80, 80))])
def test_a_name_in_the_place_of_an_address(text: str, interface: str, host_ports: object) -> None:
    spec = parse_port_spec(text)
    assert (spec.interface, spec.host_ip, spec.host_ports) == (interface, "", host_ports)
    assert parse_port_spec(spec.text) == spec


@pytest.mark.parametrize(("text", "message"), [
    ("lo:8080:80", "has 'lo' as its host address, which is the loopback: 127.0.0.1 is its address"),
    ("localhost:8080:80", "is the loopback: 127.0.0.1 is its address"),
    ("8080:81:82", "has '8080' as its host address, which is not an IP address, nor is an interface meant by digits"),
    ("0x7f.0.0.1:80:80", "nor is an interface meant by digits alone"),
    ("10.0.0.256:80:80", "nor is an interface meant by digits alone"), ("1-2:80:80", "by digits alone"),
    ("[eth0]:8080:80", "has 'eth0' as its host address, which is not an IP address. Give an IPv4 address, an IPv6"),
    ("all:80:80", "is neither an IP address nor the name of an interface"),
    ("a_very_long_name0:80:80", "is neither an IP address nor the name of an interface"),
    ("et/h0:80:80", "is neither"),
    ("eth0:80", "for an interface of that name write eth0::80 to have the host port chosen, or eth0:HOST_PORT:80"),
    ("eth0:53/udp:53/udp", "is the same on both sides: eth0:53:53/udp")])
def test_what_is_no_interface(text: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_port_spec(text)
    assert message in str(caught.value)


def test_an_interface_as_the_default() -> None:
    assert [parse_place(text) for text in ("eth0", "192.0.2.1", "[::1]", "::1")] == [
        ("", "eth0"), ("192.0.2.1", ""), ("::1", ""), ("::1", "")]
    for text in ("lo", "80", "[eth0]", "fe80::1%eth0", "a b"):
        with pytest.raises(OptionError):
            parse_place(text)
    world = site()
    world.publish("web", "8080:80", "127.0.0.1:81:81", "ens4:82:82", default_host_ip="ens3")
    assert [text.partition("->")[0] for text in places(world)] == [
        "web 127.0.0.1:81", f"web {ENS3}%ens3:8080", f"web [{ENS36}%ens3]:8080", "web ens4:82", "web ens4:82"]


@pytest.mark.parametrize("publication", [
    Publication("web", "192.0.2.1", 80, "10.0.0.2", 80, "tcp", interface="eth0"),
    Publication("web", "2001:db8::1", 80, "2001:db8:5::2", 80, "udp", 3, ("2001:db8::/32",), "br-lan.100"),
    Publication("web", NOWHERE["ipv4"], 80, "10.0.0.2", 80, "tcp", interface="eth0"),
    Publication("web", NOWHERE["ipv6"], 80, "2001:db8:5::2", 80, "tcp", 2, (), "eth0")])
def test_notes_are_read_back(publication: Publication) -> None:
    assert parse_publication("web", publication.text) == publication
    with pytest.raises(ValueError, match="is not"):
        parse_publication("web", publication.text.replace("->", "%x->"))


def test_it_follows_the_addresses_of_the_interface() -> None:
    world = site()
    world.publish("web", "ens3:8080:80")
    assert places(world) == [
        f"web {ENS3}%ens3:8080->192.168.5.2:80/tcp", f"web [{ENS36}%ens3]:8080->[2001:db8:5::2]:80/tcp"]
    assert world.run("port_publish", netns="web", published_ports=["ens3:8080:80"]).operations == ()
    give(world, "192.0.2.11/24", "198.51.100.1/24")
    assert any("ens3:8080/tcp" in action for action in world.info()["drift"])
    world.bridge("br1", "10.1.0.1/24")
    assert places(world) == [
        "web 192.0.2.11%ens3:8080->192.168.5.2:80/tcp", "web 198.51.100.1%ens3:8080->192.168.5.2:80/tcp",
        "web ens3:8080->[2001:db8:5::2]:80/tcp"]
    assert world.info()["drift"] == []
    give(world)
    plan = world.run("port_publish", netns="web", published_ports=["ens3:8080:80"])
    assert plan.warnings == ("ports of web are published on interface ens3, which has no address for them: they are "
                             "reached there only once it has one",)
    assert places(world) == ["web ens3:8080->192.168.5.2:80/tcp", "web ens3:8080->[2001:db8:5::2]:80/tcp"]
    del world.state.host.links["ens3"]
    assert "which is not there" in world.run("port_publish", netns="web", published_ports=["ens3:8080:80"]).warnings[0]
    give(world, f"{ENS3}/24")
    world.run("docker_bridge", name="br0")
    assert places(world)[0] == f"web {ENS3}%ens3:8080->192.168.5.2:80/tcp"
    world.run("port_publish", netns="web", published_ports=[])
    assert places(world) == []


def test_another_name_of_an_interface_and_ports_that_are_chosen() -> None:
    world = site()
    links = world.state.host.links
    links["ens3"] = replace(links["ens3"], other_names=("enp1s0",))
    found = world.publish("web", "enp1s0::80", "enp1s0:7000-7001:90-91")
    assert [text.partition("->")[0] for text in found] == [
        f"{ENS3}%enp1s0:7000-7001", f"{ENS3}%enp1s0:49153", f"[{ENS36}%enp1s0]:7000-7001", f"[{ENS36}%enp1s0]:49153"]
    assert world.run("port_publish", netns="web", published_ports=["enp1s0::80", "enp1s0:7000-7001:90-91"]
                     ).operations == ()


@pytest.mark.parametrize(("one", "other"), [
    ("ens3:8080:80", "8080:80"), ("8080:80", "ens3:8080:80"), ("ens3:8080:80", f"{ENS3}:8080:80"),
    (f"{ENS3}:8080:80", "ens3:8080:80"), ("ens3:8080:80", "ens3:8080:80"), ("gone:8080:80", "gone:8080:80"),
    ("gone:8080:80", "8080:80"), ("8080-8081:80-81", "gone:8080:80"), ("ens3:8080:80", f"[{ENS36}]:8080:80")])
def test_what_is_in_each_others_way(one: str, other: str) -> None:
    world = site()
    world.publish("web", one)
    assert "asks for host port 8080/tcp, which is already published by container web" in world.refuses(
        "port_publish", netns="db", published_ports=[other])


@pytest.mark.parametrize(("one", "other"), [
    ("ens3:8080:80", "127.0.0.1:8080:80"), ("ens3:8080:80", "gone:8080:80"), ("gone:8080:80", "other:8080:80"),
    ("ens3:8080:80", "ens3:8080:80/udp"), ("gone:8080:80", f"{ENS3}:8080:80")])
def test_what_is_not(one: str, other: str) -> None:
    world = site()
    world.publish("web", one)
    world.publish("db", other)
    assert world.info()["drift"] == []


def test_an_address_that_is_published_by_then_is_left_to_who_has_it() -> None:
    world = site(v6=False)
    world.publish("web", "ens3:8080:80")
    world.publish("db", "192.0.2.11:8080:80")
    give(world, f"{ENS3}/24", "192.0.2.11/24")
    plan = world.run("docker_bridge", name="br0")
    assert places(world) == ["db 192.0.2.11:8080->192.168.5.3:80/tcp", f"web {ENS3}%ens3:8080->192.168.5.2:80/tcp"]
    assert plan.warnings == ("port 8080/tcp of web is not published on 192.0.2.11, which ens3 has: there it is already "
                             "published by container db (192.0.2.11:8080->192.168.5.3:80/tcp)",)


def test_the_host_comes_back_to_it() -> None:
    world = site()
    world.state.persistent = True
    world.publish("web", "ens3:8080:80", "gone:81:81", "82:82")
    [kept] = parse(world.state.lasting[NAME]).of("port_publish")
    assert kept["published_ports"] == ["0.0.0.0:82:82/tcp", "ens3:8080:80/tcp", "gone:81:81/tcp", "[::]:82:82/tcp"]
    again = World()
    again.state.lasting, again.state.persistent = dict(world.state.lasting), True
    give(again, "192.0.2.77/24", name="ens3")
    again.converge(parts(parse(world.state.lasting[NAME])))
    assert {text.partition("->")[0] for text in places(again)} == {
        "web 0.0.0.0:82", "web [::]:82", "web 192.0.2.77%ens3:8080", "web ens3:8080", "web gone:81"}
    assert again.converge(parts(parse(again.state.lasting[NAME]))).operations == ()


def test_a_routed_bridge_has_no_use_for_it() -> None:
    world = World()
    world.bridge(gateway_mode="routed")
    world.attach("web")
    message = world.refuses("port_publish", netns="web", published_ports=["ens3::80"])
    assert "has the interface ens3 in the place of a host address, and web is reached at its own address" in message


def test_what_is_shown() -> None:
    world = site(v6=False)
    view = world.run("port_publish", netns="web", published_ports=["ens3:8080:80", "gone:81:81"]).after[0]["ports"]
    assert [(port["interface"], port["host_ip"]) for port in view] == [("ens3", ENS3), ("gone", "")]
    network = world.info()
    assert [(port["interface"], port["host_ip"]) for port in network["ports"]] == [("ens3", ENS3), ("gone", "")]
    assert published_at(network, "web") == [f"{ENS3}:8080"]
    assert "ens3:8080/tcp -> web:80" in table(network) and "gone:81/tcp -> web:81" in table(network)
