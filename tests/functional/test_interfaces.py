# SPDX-License-Identifier: GPL-3.0-or-later
"""What an endpoint's interface can be told: names, several of them, addresses, MTU, routes, sysctls, queues."""
import pytest
from containers import OUTSIDE, box
from pipeline import PipelineError
from traffic import Place, Servers, expect_answers
from worlds import picture


@pytest.fixture(scope="module")
def here():
    with box(outside=True) as found:
        found.run("docker_bridge", config=[{"name": "front", "bip": "192.168.5.1/24"},
                                           {"name": "back", "bip": "10.20.0.1/24", "mtu": 9000}])
        found.servers.serve(found.outside, "outside", (9999,))
        yield found


@pytest.fixture(autouse=True)
def clean(here):
    yield
    found = here.run("network_info")["network"]
    here.run("netns_attach", state="absent", config=[
        {"netns": endpoint["container"], "interface_name": endpoint["interface_name"]}
        for endpoint in found["endpoints"]])
    assert here.ports("front") == here.ports("back") == [] and here.registered() == []


def attach(here, **params):
    params = {"netns": "web", "bridge": "front", **params}
    endpoint = here.run("netns_attach", **params)["endpoint"]
    assert here.unchanged("netns_attach", **params)
    return endpoint


def setting(here, name, netns="web"):
    return here.sh(f"nsenter --net=/run/netns/{netns} cat /proc/sys/{name}").strip()


def web(here):
    return Place(here.host, "web")


@pytest.mark.parametrize("name", ["net0", "uplink-15-chars", "a.b_c"])
def test_any_name_instead_of_eth0(here, name):
    endpoint = attach(here, interface_name=name)
    assert endpoint["interface_name"] == name
    assert [found["ifname"] for found in here.json("link", netns="web")] == ["lo", name]
    expect_answers(((web(here), "tcp", OUTSIDE, 9999), "outside:9999", "198.51.100.1"))


@pytest.mark.parametrize(("name", "message"), [
    ("sixteen-letters-", "has 16 characters and the kernel allows 15"), ("a b", "is not an interface name"),
    ("lo", "'lo' is the loopback of every container")])
def test_names_that_cannot_be_are_refused(here, name, message):
    attach(here)
    before = picture(here.host)
    with pytest.raises(PipelineError, match=f"interface_name: .*{message}"):
        here.run("netns_attach", netns="web", bridge="front", interface_name=name)
    assert picture(here.host) == before


def test_several_interfaces_and_the_choice_of_the_default_route(here):
    config = [{"netns": "web", "bridge": "front"},
              {"netns": "web", "bridge": "back", "interface_name": "eth1"},
              {"netns": "web", "bridge": "front", "interface_name": "eth2", "default_route": False}]
    here.run("netns_attach", config=config)
    assert here.unchanged("netns_attach", config=config)
    assert {name: here.addresses(name, "web") for name in ("eth0", "eth1", "eth2")} == {
        "eth0": ["192.168.5.2/24"], "eth1": ["10.20.0.2/24"], "eth2": ["192.168.5.3/24"]}
    assert [route for route in here.routes("web") if route[0] == "default"] == [("default", "192.168.5.1", "eth0")]
    with Servers() as servers:
        servers.serve(web(here), "web", (80,))
        expect_answers(((here.place, "tcp", "10.20.0.2", 80), "web:80", "10.20.0.1"),
                       ((here.place, "tcp", "192.168.5.2", 80), "web:80", "192.168.5.1"))
    # The other one takes the way out over, and gives it back.
    config[1]["default_route"] = True
    here.run("netns_attach", config=config[1:2])
    assert [route for route in here.routes("web") if route[0] == "default"] == [("default", "10.20.0.1", "eth1")]
    expect_answers(((web(here), "udp", OUTSIDE, 9999), "outside:9999", "198.51.100.1"))
    assert here.unchanged("netns_attach", config=config)
    here.run("netns_attach", netns="web", interface_name="eth1", state="absent")
    assert [found["ifname"] for found in here.json("link", netns="web")] == ["lo", "eth0", "eth2"]
    here.run("netns_attach", config=config[:1])
    assert here.routes("web")[0] == ("default", "192.168.5.1", "eth0")
    expect_answers(((web(here), "tcp", OUTSIDE, 9999), "outside:9999", "198.51.100.1"))


def test_no_default_route_when_it_is_not_wanted(here):
    attach(here, default_route=False)
    assert here.routes("web") == [("192.168.5.0/24", "", "eth0")]
    attach(here)
    assert here.routes("web")[0] == ("default", "192.168.5.1", "eth0")
    attach(here, default_route=False)
    assert here.routes("web") == [("192.168.5.0/24", "", "eth0")]


def test_the_mac_address_is_dockers_or_the_one_given(here):
    assert attach(here)["mac_address"] == "02:42:c0:a8:05:02"
    attach(here, address="192.168.5.77")
    assert here.link("eth0", "web")["address"] == "02:42:c0:a8:05:4d"  # follows the address
    attach(here, mac_address="02:AA-bb-00-00-01".replace("-", ":"))
    assert here.link("eth0", "web")["address"] == "02:aa:bb:00:00:01"
    attach(here, address="192.168.5.78", mac_address="02:aa:bb:00:00:01")
    assert here.link("eth0", "web")["address"] == "02:aa:bb:00:00:01"
    expect_answers(((web(here), "tcp", OUTSIDE, 9999), "outside:9999", "198.51.100.1"))
    with pytest.raises(PipelineError, match="mac_address: .* is not the address of a single interface"):
        attach(here, mac_address="01:00:00:00:00:01")


def test_another_bridge_for_an_endpoint(here):
    assert attach(here)["mtu"] == 1500
    moved = attach(here, bridge="back")
    assert moved["address"] == "10.20.0.2/24" and moved["gateway"] == "10.20.0.1"
    assert here.ports("front") == [] and len(here.ports("back")) == 1
    expect_answers(((web(here), "tcp", OUTSIDE, 9999), "outside:9999", "198.51.100.1"))


def test_mtu_of_both_ends(here):
    host_end = attach(here, bridge="back")["host_interface"]
    assert {here.link("eth0", "web")["mtu"], here.link(host_end)["mtu"]} == {9000}
    for mtu, expected in (("1400", 1400), (68, 68), ("auto", 9000)):
        attach(here, bridge="back", mtu=mtu)
        assert {here.link("eth0", "web")["mtu"], here.link(host_end)["mtu"]} == {expected}
    here.sh("nsenter --net=/run/netns/web ping -qc1 -W5 -Mdo -s8972 10.20.0.1")
    assert here.link("back")["mtu"] == 9000
    for mtu in ("67", "65536", "large"):
        with pytest.raises(PipelineError, match=f"mtu: '{mtu}' is not an MTU"):
            attach(here, bridge="back", mtu=mtu)


def test_more_routes(here):
    routes = [{"destination": "10.99.0.0/16", "gateway": "192.168.5.9"}, {"destination": "203.0.113.7/32"},
              {"destination": "198.18.0.0/15", "gateway": "192.168.5.1"}]
    attach(here, routes=routes)
    assert set(here.routes("web")) == {
        ("default", "192.168.5.1", "eth0"), ("192.168.5.0/24", "", "eth0"), ("10.99.0.0/16", "192.168.5.9", "eth0"),
        ("203.0.113.7", "", "eth0"), ("198.18.0.0/15", "192.168.5.1", "eth0")}
    # They are there again after the address has changed, and with a new namespace.
    attach(here, routes=routes, address="192.168.5.50")
    assert len(here.routes("web")) == 5
    here.run("netns_attach", netns="web", state="absent")
    attach(here, routes=routes)
    assert len(here.routes("web")) == 5
    with pytest.raises(PipelineError, match="is not reached through eth0, whose networks are 192.168.5.0/24"):
        here.run("netns_attach", netns="other", bridge="front", routes=[{"destination": "10.0.0.0/8",
                                                                         "gateway": "10.1.1.1"}])
    assert not here.exists("/run/netns/other")
    with pytest.raises(PipelineError, match="routes: .* is not a route"):
        attach(here, routes=[{"destination": "10.0.0.1/8"}])


def test_transmit_queues(here):
    endpoint = attach(here)
    for name, netns in (("eth0", "web"), (endpoint["host_interface"], None)):
        found = here.link(name, netns)
        assert (found["num_tx_queues"], found["num_rx_queues"]) == (1, 1)
    attach(here, tx_queue_len=77)
    assert {here.link("eth0", "web")["txqlen"], here.link(endpoint["host_interface"])["txqlen"]} == {77}
    attach(here)
    assert here.link("eth0", "web")["txqlen"] == 77  # nothing said, nothing changed
    endpoint = attach(here, netns="db", tx_queue_len=5)  # from the beginning
    assert {here.link("eth0", "db")["txqlen"], here.link(endpoint["host_interface"])["txqlen"]} == {5}
    with pytest.raises(PipelineError, match="tx_queue_len: '-1' is not a queue length"):
        attach(here, tx_queue_len=-1)


def test_sysctls_of_one_interface_and_of_the_namespace(here):
    attach(here, sysctls={"net.ipv4.conf.IFNAME.rp_filter": 2, "net/ipv4/ip_unprivileged_port_start": 0,
                          "net.ipv4.conf.IFNAME.arp_notify": True, "net.ipv4.ping_group_range": "0 1000"})
    assert setting(here, "net/ipv4/conf/eth0/rp_filter") == "2"
    assert setting(here, "net/ipv4/conf/lo/rp_filter") != "2"
    assert setting(here, "net/ipv4/ip_unprivileged_port_start") == "0"
    assert setting(here, "net/ipv4/conf/eth0/arp_notify") == "1"
    assert setting(here, "net/ipv4/ping_group_range").split() == ["0", "1000"]
    assert here.sh("cat /proc/sys/net/ipv4/ip_unprivileged_port_start").strip() == "1024"
    for name in ("kernel.hostname", "net", "net.ipv4.conf.../../x.y", "vm.swappiness"):
        with pytest.raises(PipelineError, match="sysctls: .* is not a kernel setting of a network namespace"):
            attach(here, sysctls={name: 1})
    with pytest.raises(PipelineError, match="net.ipv4.conf.eth0.no_such_thing"):
        attach(here, sysctls={"net.ipv4.conf.IFNAME.no_such_thing": 1})


def test_an_interface_that_somebody_deleted_is_made_again(here):
    before = attach(here)
    here.sh("nsenter --net=/run/netns/web ip link delete eth0")
    assert here.run("netns_attach", netns="web", bridge="front")["endpoint"] == before
    expect_answers(((web(here), "tcp", OUTSIDE, 9999), "outside:9999", "198.51.100.1"))


def test_what_somebody_changed_inside_is_put_right(here):
    attach(here)
    here.sh("nsenter --net=/run/netns/web sh -ec 'ip address delete 192.168.5.2/24 dev eth0; ip link set lo down; "
            "ip link set eth0 mtu 1200; ip link set eth0 down'")
    assert here.run("netns_attach", netns="web", bridge="front", mtu="auto")["changed"]
    assert here.addresses("eth0", "web") == ["192.168.5.2/24"] and here.link("eth0", "web")["mtu"] == 1500
    assert [found["ifname"] for found in here.json("link", "show", "up", netns="web")] == ["lo", "eth0"]
    expect_answers(((web(here), "tcp", OUTSIDE, 9999), "outside:9999", "198.51.100.1"))


def test_a_foreign_interface_of_that_name_is_left_alone(here):
    here.sh("ip netns add theirs; ip link add eth0 netns theirs type veth peer name there netns theirs")
    before = picture(here.host)
    with pytest.raises(PipelineError, match="interface_name: 'eth0' exists already in theirs, and this collection "
                                            "did not make it"):
        here.run("netns_attach", netns="theirs", bridge="front")
    assert picture(here.host) == before
    here.run("netns_attach", netns="theirs", bridge="front", interface_name="eth1")
    here.run("netns_attach", netns="theirs", interface_name="eth1", state="absent")
    assert here.link("eth0", "theirs") and here.exists("/run/netns/theirs")
    here.sh("ip netns delete theirs")
