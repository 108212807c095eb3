# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that a Docker daemon with iptables=false puts on a bridge of ours get NAT, ports and policy from here."""
import contextlib
import socket

import pytest
from containers import BOX, OUTSIDE, Engine, box, once
from pipeline import PipelineError
from traffic import Place, expect_answers, expect_closed

pytestmark = once
BRIDGE = "192.168.5.1"


@pytest.fixture(scope="module")
def here():
    with box("docker", outside=True) as found:
        found.run("docker_bridge", name="bridge0", bip=f"{BRIDGE}/24", fixed_cidr="192.168.5.0/25")
        found.engine = Engine(found, "docker", bridge="bridge0", fixed_cidr="192.168.5.128/25")
        found.servers.serve(found.outside, "outside", (9999,))
        found.run("netns_attach", netns="web")
        found.web = Place(found.host, "web")
        found.servers.serve(found.web, "web", (80,))
        found.engine.start("shop", network="bridge")
        serve(found)
        yield found


def serve(here):
    here.shop = here.engine.place("shop")
    here.servers.serve(here.shop, "shop", (80, 81))


def address(here):
    return here.engine("inspect", "--format", "{{.NetworkSettings.IPAddress}}", "shop")


def warm_up(here):
    """The host knows where its container is."""
    expect_answers(((here.place, "tcp", address(here), 80), "shop:80", BRIDGE))


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_it_goes_out_with_the_hosts_address_and_nobody_comes_in(here, protocol):
    warm_up(here)
    here.outside_host.run(["ip", "route", "replace", "192.168.5.0/24", "via", BOX])
    expect_answers(((here.shop, protocol, OUTSIDE, 9999), "outside:9999", BOX))
    expect_closed(here.servers, (here.outside, protocol, address(here), 80), (here.outside, protocol, BOX, 8080))


def test_its_ports_are_published_once_it_is_taken_over(here):
    with pytest.raises(PipelineError, match="interface_name: 'eth0' exists already in shop.* say adopt: true"):
        here.run("netns_attach", container="shop")
    inside = here.json("address", netns=here.engine.netns("shop")), here.routes(here.engine.netns("shop"))
    attached = here.run("netns_attach", container="shop", adopt=True, exposed_ports=["80"])
    assert attached["endpoint"]["address"] == f"{address(here)}/24"
    here.run("port_publish", container="shop", published_ports=["8080:80", "8080:80/udp"])
    for protocol in ("tcp", "udp"):
        expect_answers(((here.outside, protocol, BOX, 8080), "shop:80", OUTSIDE),
                       ((here.place, protocol, "127.0.0.1", 8080), "shop:80", BRIDGE),
                       ((here.shop, protocol, BOX, 8080), "shop:80", BRIDGE),
                       ((here.web, protocol, BOX, 8080), "shop:80", BRIDGE))
        expect_closed(here.servers, (here.outside, protocol, address(here), 80))
    assert inside == (here.json("address", netns=here.engine.netns("shop")), here.routes(here.engine.netns("shop")))
    assert here.unchanged("netns_attach", container="shop", adopt=True)


def test_the_access_policy_and_links_hold_for_it(here):
    web = here.addresses("eth0", "web")[0].partition("/")[0]
    to_shop, to_web = (here.web, "tcp", address(here), 80), (here.shop, "tcp", web, 80)
    expect_answers((to_shop, "shop:80", to_web[2]), (to_web, "web:80", to_shop[2]))
    here.run("icc_policy", bridge="bridge0", icc=False)
    expect_closed(here.servers, to_shop, to_web)
    here.run("icc_policy", container="web", links=["shop:store"])
    expect_answers((to_shop, "shop:80", to_web[2]))
    expect_closed(here.servers, to_web, (*to_shop[:3], 81))
    here.run("icc_policy", config=[{"bridge": "bridge0", "icc": True}, {"container": "web", "links": []}])


def test_after_a_restart_it_is_taken_over_again_and_its_ports_follow(here):
    here.engine.restart("shop")
    serve(here)
    warm_up(here)
    here.run("netns_attach", container="shop", adopt=True)
    expect_answers(((here.outside, "tcp", BOX, 8080), "shop:80", OUTSIDE))
    info = here.run("network_info", container="shop")["network"]
    assert info["endpoints"][0]["address"] == f"{address(here)}/24" and not info["leftovers"]


def test_it_is_given_back_to_its_engine(here):
    here.run("netns_attach", container="shop", state="absent")
    expect_closed(here.servers, (here.outside, "tcp", BOX, 8080))
    ports = here.ports("bridge0")
    assert len(ports) == 2 and sum("ifalias" in here.link(name) for name in ports) == 1
    expect_answers(((here.shop, "tcp", OUTSIDE, 9999), "outside:9999", BOX))
    here.engine.remove("shop")


def test_on_two_networks_its_ports_are_where_its_engine_leads_its_default_route(here):
    """Docker takes the first network by name: eth1 of back before eth0 of bridge, its default one on bridge0."""
    here.run("docker_bridge", name="bridge1", bip="192.168.6.1/24", fixed_cidr="192.168.6.0/25", ip_masq=False)
    here.run("netns_attach", netns="guest", bridge="bridge1")
    guest = Place(here.host, "guest")
    here.engine("network", "create", "--subnet=192.168.6.0/24", "--gateway=192.168.6.1", "--ip-range=192.168.6.128/25",
                "--opt=com.docker.network.bridge.name=bridge1", "back")
    here.engine.start("two", network="bridge")
    path = here.engine.netns("two")
    try:
        here.engine("network", "connect", "back", "two")
        here.servers.serve(here.engine.place("two"), "two", (80,))
        ways = {device: address for device in ("eth0", "eth1")
                for address in [here.addresses(device, path)[0].partition("/")[0]]}
        assert here.routes(path)[0] == ("default", "192.168.6.1", "eth1")
        for device in ways:
            here.run("netns_attach", container="two", adopt=True, interface_name=device)
        ports = {"container": "two", "published_ports": ["8081:80", "8081:80/udp"]}
        here.run("port_publish", **ports)
        for device, gateway, other in (("eth1", "192.168.6.1", here.web), ("eth0", BRIDGE, guest)):
            assert here.run("network_info")["network"]["published_ports"] == [
                f"two 0.0.0.0:8081->{ways[device]}:80/{protocol}" for protocol in ("tcp", "udp")]
            for protocol in ("tcp", "udp"):
                expect_answers(((here.outside, protocol, BOX, 8081), "two:80", OUTSIDE),
                               ((other, protocol, BOX, 8081), "two:80", gateway),
                               ((guest, protocol, "192.168.6.1", 8081), "two:80", gateway))
            assert here.unchanged("port_publish", **ports)
            here.sh(f"nsenter --net={path} ip route replace default via {BRIDGE} dev eth0")
            here.run("docker_bridge", name="bridge1", bip="192.168.6.1/24")
    finally:
        here.run("netns_attach", container="two", state="absent", config=[
            {"container": "two", "interface_name": device} for device in ("eth0", "eth1")])
        here.run("netns_attach", netns="guest", state="absent")
        here.engine.remove("two")


def test_docker_asks_for_names_past_a_list_only_from_the_host(here):
    """Its name server asks from the container, but for a server on the loopback of the host."""
    resolv = here.host.path("/etc/resolv.conf")
    before = resolv.read_text()
    here.engine("network", "create", "--subnet=10.77.0.0/24", "--opt=com.docker.network.bridge.name=docker-own",
                "named")
    here.run("docker_bridge", name="docker-own", adopt=True)
    with contextlib.ExitStack() as stack:
        ears = {address: stack.enter_context(place.socket(socket.AF_INET, socket.SOCK_DGRAM))
                for place, address in ((here.outside, OUTSIDE), (here.place, "127.0.0.53"))}
        for address, ear in ears.items():
            ear.bind((address, 53))
            ear.settimeout(0.3)

        def asked(server, allow_to, *options):
            resolv.write_text(f"nameserver {server}\n")
            here.engine.start("asker", *options, network="named")
            found = here.run("netns_attach", container="asker", adopt=True, allow_to=allow_to)
            told.append(any("Docker asks 127.0.0.53 from the host" in each for each in found["warnings"]))
            assert here.engine("exec", "asker", "cat", "/etc/resolv.conf").startswith("nameserver 127.0.0.11")
            here.sh("docker exec asker timeout 0.5 nslookup secret.example || true")
            heard = {address for address, ear in ears.items() if hears(ear)}
            here.run("netns_attach", container="asker", state="absent")
            here.engine.remove("asker")
            return heard

        told = []
        assert asked(OUTSIDE, []) == set()
        assert asked(OUTSIDE, [f"{OUTSIDE}:53"]) == {OUTSIDE}
        assert asked("127.0.0.53", []) == {"127.0.0.53"}
        assert asked("127.0.0.53", [], f"--dns={OUTSIDE}") == set()
        assert told == [False, False, True, True]
    resolv.write_text(before)
    here.run("docker_bridge", name="docker-own", state="absent")
    here.engine("network", "rm", "named")


def hears(ear):
    heard = b""
    with contextlib.suppress(TimeoutError):
        while True:
            heard += ear.recv(512)
    return b"secret" in heard
