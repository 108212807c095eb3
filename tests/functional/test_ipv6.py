# SPDX-License-Identifier: GPL-3.0-or-later
"""IPv6 on bridges and in containers, and containers without it."""
import pytest
from containers import box
from pipeline import PipelineError
from testhosts import Host, link
from traffic import Place, Servers, ask, expect_answers
from worlds import picture, sysctl

BRIDGE, OUTSIDE, BOX = "2001:db8:5::1", "2001:db8:51::2", "2001:db8:51::1"


@pytest.fixture(scope="module")
def here():
    with box() as found, Host.up("far6") as far:
        link(found.host, "eth0", [f"{BOX}/64", "198.51.100.1/24"], far, "eth0", [f"{OUTSIDE}/64", "198.51.100.2/24"])
        found.host.run(["ip", "-6", "route", "add", "default", "via", OUTSIDE])
        found.outside = Place(far)
        found.servers.serve(found.outside, "outside", (9999,), "::")
        found.servers.serve(found.place, "box", (2222,), "::")
        yield found


@pytest.fixture(autouse=True)
def clean(here):
    yield
    network = here.run("network_info")["network"]
    here.run("docker_bridge", config=[{"name": found["name"]} for found in network["bridges"]], state="absent",
             force=True)
    here.run("netns_attach", config=[{"netns": name} for name in network["namespaces"]], state="absent")
    for name in ("all", "default"):
        sysctl(here.host, f"net.ipv6.conf.{name}.forwarding", 0)


def value(here, name, netns=None):
    enter = ["nsenter", f"--net=/run/netns/{netns}", "--"] if netns else []
    return here.host.run([*enter, "cat", f"/proc/sys/net/ipv6/conf/{name}"]).stdout.strip()


def container(here, name):
    return Place(here.host, name)


def test_containers_of_an_ipv6_bridge_have_all_that_they_need(here):
    assert value(here, "all/forwarding") == "0"
    result = here.run("docker_bridge", name="br0", bip="192.168.5.1/24", ipv6=True, fixed_cidr_v6="2001:db8:5::/64")
    assert result["bridge"]["bip6"] == f"{BRIDGE}/64" and result["bridge"]["ipv6"]
    assert value(here, "all/forwarding") == value(here, "default/forwarding") == "1"
    assert value(here, "br0/forwarding") == "1"
    assert value(here, "br0/accept_ra") == "0"
    found = here.run("netns_attach", config=[
        {"netns": "web"}, {"netns": "db", "address": "192.168.5.3", "address_v6": "2001:db8:5::abcd"}])
    assert [endpoint["address_v6"] for endpoint in found["endpoints"]] == ["2001:db8:5::2/64", "2001:db8:5::abcd/64"]
    assert here.addresses("eth0", "web") == ["192.168.5.2/24", "2001:db8:5::2/64"]
    assert ("default", BRIDGE, "eth0") in here.routes("web", "-6")
    assert value(here, "eth0/disable_ipv6", "web") == "0"
    with Servers() as servers:
        for name in ("web", "db"):
            servers.serve(container(here, name), name, (80,), "::")
        # At once: nobody waits for duplicate address detection.
        for protocol in ("tcp", "udp"):
            expect_answers(
                ((container(here, "web"), protocol, "2001:db8:5::abcd", 80), "db:80", "2001:db8:5::2"),
                ((container(here, "web"), protocol, BRIDGE, 2222), "box:2222", "2001:db8:5::2"),
                ((container(here, "db"), protocol, OUTSIDE, 9999), "outside:9999", BOX),
                ((here.place, protocol, "2001:db8:5::2", 80), "web:80", BRIDGE))


def test_without_ipv6_a_container_has_none_at_all(here):
    here.run("docker_bridge", name="br0", bip="192.168.5.1/24")
    here.run("netns_attach", netns="web")
    assert value(here, "eth0/disable_ipv6", "web") == "1"
    assert here.addresses("eth0", "web") == ["192.168.5.2/24"] and here.routes("web", "-6") == []
    assert not any(address["family"] == "inet6" for found in here.json("address", netns="web")
                   if found["ifname"] == "eth0" for address in found["addr_info"])
    assert ask((container(here, "web"), "udp", BRIDGE, 2222))[0].outcome == "refused"
    assert value(here, "all/forwarding") == "0"
    assert here.unchanged("netns_attach", netns="web")


def test_a_bridge_gets_and_loses_ipv6_with_its_containers(here):
    attach = {"config": [{"netns": "web"}, {"netns": "db"}]}
    here.run("docker_bridge", name="br0", bip="192.168.5.1/24")
    here.run("netns_attach", **attach)
    bridge = {"name": "br0", "ipv6": True, "bip6": f"{BRIDGE}/64"}
    here.run("docker_bridge", **bridge)
    assert here.addresses("eth0", "web")[1:] and value(here, "eth0/disable_ipv6", "web") == "0"
    web = here.run("network_info")["network"]["endpoints"][1]["address_v6"].split("/")[0]
    expect_answers(((container(here, "web"), "tcp", OUTSIDE, 9999), "outside:9999", BOX),
                   ((container(here, "web"), "tcp", BRIDGE, 2222), "box:2222", web))
    assert here.unchanged("netns_attach", **attach) and here.unchanged("docker_bridge", **bridge)
    here.run("docker_bridge", name="br0", ipv6=False)
    assert here.addresses("eth0", "web") == ["192.168.5.2/24"] and here.routes("web", "-6") == []
    assert here.addresses("br0") == ["192.168.5.1/24"]
    assert here.unchanged("netns_attach", **attach) and here.unchanged("docker_bridge", name="br0", ipv6=False)


def test_another_ipv6_network_is_followed(here):
    here.run("docker_bridge", name="br0", bip="192.168.5.1/24", bip6=f"{BRIDGE}/64")
    here.run("netns_attach", netns="web")
    here.run("docker_bridge", name="br0", bip6="2001:db8:77::1/64")
    assert here.addresses("eth0", "web") == ["192.168.5.2/24", "2001:db8:77::2/64"]
    assert [route for route in here.routes("web", "-6") if route[0] == "default"] == [
        ("default", "2001:db8:77::1", "eth0")]
    expect_answers(((container(here, "web"), "udp", OUTSIDE, 9999), "outside:9999", BOX))


def test_pools_gateways_and_exhaustion(here):
    here.run("docker_bridge", name="br0", bip="192.168.5.1/24", bip6="2001:db8:5::1/64",
             fixed_cidr_v6="2001:db8:5:0:ff::/126", default_gateway_v6="2001:db8:5::fe")
    names = [f"c{number}" for number in range(4)]
    found = here.run("netns_attach", config=[{"netns": name} for name in names])["endpoints"]
    assert [endpoint["address_v6"] for endpoint in found] == [
        f"2001:db8:5:0:ff::{last}/64" if last else "2001:db8:5:0:ff::/64" for last in range(4)]
    assert ("default", "2001:db8:5::fe", "eth0") in here.routes("c0", "-6")
    before = picture(here.host)
    with pytest.raises(PipelineError, match="bridge br0 has no free ipv6 address left in 2001:db8:5:0:ff::/126: its "
                                            "addresses are taken by container c0"):
        here.run("netns_attach", netns="more")
    assert picture(here.host) == before


def test_a_gateway_of_its_own(here):
    here.run("docker_bridge", name="br0", bip="192.168.5.1/24", bip6=f"{BRIDGE}/64")
    params = {"netns": "web", "gateway": "192.168.5.9", "gateway_v6": "2001:db8:5::9"}
    here.run("netns_attach", **params)
    assert ("default", "2001:db8:5::9", "eth0") in here.routes("web", "-6")
    assert ("default", "192.168.5.9", "eth0") in here.routes("web")
    assert here.unchanged("netns_attach", **params)


def test_a_host_that_follows_routers_goes_on_doing_so(here):
    """With forwarding on, the kernel listens to router advertisements only where accept_ra is 2."""
    sysctl(here.host, "net.ipv6.conf.eth0.accept_ra", 1)
    result = here.run("docker_bridge", name="br0", bip="192.168.5.1/24", bip6=f"{BRIDGE}/64")
    assert {"name": "net.ipv6.conf.eth0.accept_ra", "value": "2", "previous": "1"} in result["sysctls"]
    assert value(here, "eth0/accept_ra") == "2" and ("default", OUTSIDE, "eth0") in here.routes(family="-6")


def test_ip_forward_false_leaves_forwarding_as_it_is(here):
    here.run("docker_bridge", name="br0", bip="192.168.5.1/24", bip6=f"{BRIDGE}/64", ip_forward=False)
    assert value(here, "all/forwarding") == "0"


@pytest.mark.parametrize(("options", "message"), [
    ({"ipv6": True}, "ipv6: True needs a network for the bridge|ipv6: 'True' needs a network"),
    ({"ipv6": False, "bip6": f"{BRIDGE}/64"}, "ipv6: 'False' contradicts the IPv6 address"),
    ({"bip6": "192.168.5.1/24"}, "bip6: '192.168.5.1/24' is not an IPv6 address"),
    ({"bip6": f"{BRIDGE}/64", "fixed_cidr_v6": "2001:db8:6::/80"}, "fixed_cidr_v6: .* is not inside 2001:db8:5::/64"),
])
def test_contradictions_are_refused(here, options, message):
    with pytest.raises(PipelineError, match=message):
        here.run("docker_bridge", name="br0", bip="192.168.5.1/24", **options)
    assert here.link("br0") is None


def test_an_ipv6_address_on_a_bridge_without_ipv6_is_refused(here):
    here.run("docker_bridge", name="br0", bip="192.168.5.1/24")
    with pytest.raises(PipelineError, match="address_v6: .* cannot be used: bridge br0 has no ipv6 address"):
        here.run("netns_attach", netns="web", address_v6="2001:db8:5::9")


def test_a_host_without_ipv6_says_so_and_works_without(here):
    with box() as other:
        sysctl(other.host, "net.ipv6.conf.all.disable_ipv6", 1)
        with pytest.raises(PipelineError, match="ipv6: .* is not possible: IPv6 is disabled on this host"):
            other.run("docker_bridge", name="br0", bip="192.168.5.1/24", bip6=f"{BRIDGE}/64")
        other.run("docker_bridge", name="br0", bip="192.168.5.1/24")
        other.run("netns_attach", netns="web")
        assert other.addresses("eth0", "web") == ["192.168.5.2/24"]
        assert other.unchanged("netns_attach", netns="web")
