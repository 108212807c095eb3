# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges that somebody else made, and bridges that change under the containers that are on them."""
import pytest
from containers import OUTSIDE, box
from pipeline import PipelineError
from traffic import Place, Servers, ask, expect_answers, expect_closed
from worlds import picture

FOREIGN = "10.50.0.1/24"
EVERYONE = ("web", "db")


@pytest.fixture(scope="module")
def here():
    with box(outside=True) as found:
        found.servers.serve(found.outside, "outside", (9999,))
        yield found


@pytest.fixture(autouse=True)
def clean(here):
    """Each test begins with nothing of ours, and with no bridge."""
    yield
    network = here.run("network_info")["network"]
    here.run("docker_bridge", config=[{"name": found["name"]} for found in network["bridges"]], state="absent",
             force=True)
    here.run("netns_attach", config=[{"netns": name} for name in network["namespaces"]], state="absent")
    here.sh("for link in their theirs; do ip link delete $link 2>/dev/null || true; done; ip netns delete foreign "
            "2>/dev/null || true; ip link set eth0 mtu 1500")


def container(here, name):
    return Place(here.host, name)


def build(here, **options):
    here.run("docker_bridge", name="br0", **{"bip": "192.168.5.1/24", **options})
    attach = {"config": [{"netns": name, "exposed_ports": ["80"]} for name in EVERYONE], "bridge": "br0"}
    here.run("netns_attach", **attach)
    here.run("port_publish", container="web", published_ports=["8080:80", "8080:80/udp"])
    return attach


def serve(here, servers):
    for name in EVERYONE:
        servers.serve(container(here, name), name, (80,))


def works(here, prefix, gateway):
    """Containers reach each other, the outside and the host; their published port is reached."""
    web, db = f"{prefix}.2", f"{prefix}.3"
    for protocol in ("tcp", "udp"):
        expect_answers(((container(here, "web"), protocol, db, 80), "db:80", web),
                       ((container(here, "db"), protocol, OUTSIDE, 9999), "outside:9999", "198.51.100.1"),
                       ((here.place, protocol, db, 80), "db:80", gateway),
                       ((here.outside, protocol, "198.51.100.1", 8080), "web:80", OUTSIDE))


# Bridges of others


def foreign_bridge(here, up=True):
    here.sh(f"""
        ip link add theirs type bridge ageing_time 12300 forward_delay 200
        ip link set theirs mtu 1400; ip address add {FOREIGN} dev theirs
        ip netns add foreign; ip link add their type veth peer name eth0 netns foreign; ip link set their master theirs
        ip -n foreign address add 10.50.0.77/24 dev eth0; ip -n foreign link set eth0 up; ip link set their up
        ip link set theirs {'up' if up else 'down'}""")


def test_a_foreign_bridge_is_left_alone_without_adopt(here):
    foreign_bridge(here)
    before = picture(here.host)
    with pytest.raises(PipelineError, match="'theirs' is a bridge that somebody else made. .*adopt: true"):
        here.run("docker_bridge", name="theirs", bip="10.60.0.1/24")
    assert here.run("docker_bridge", name="theirs", state="absent")["warnings"]
    with pytest.raises(PipelineError, match="bridge: 'theirs' is not a bridge that this collection manages. "
                                            ".*adopt=true"):
        here.run("netns_attach", netns="web", bridge="theirs")
    assert picture(here.host) == before


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
def test_an_adopted_bridge_keeps_address_ports_and_settings(here, up):
    foreign_bridge(here, up)
    before, addresses = here.link("theirs"), here.addresses("theirs")
    mac, bridge_id = before["address"], before["linkinfo"]["info_data"]
    result = here.run("docker_bridge", name="theirs", adopt=True)
    assert result["bridge"]["adopted"] and result["bridge"]["bip"] == FOREIGN and result["bridge"]["mtu"] == 1400
    now = here.link("theirs")
    assert "UP" in now["flags"] and now["address"] == mac and now["mtu"] == 1400
    assert {key: now["linkinfo"]["info_data"][key] for key in ("stp_state", "forward_delay", "ageing_time")} == {
        key: bridge_id[key] for key in ("stp_state", "forward_delay", "ageing_time")}
    assert here.addresses("theirs") == addresses and here.ports("theirs") == ["their"]
    assert here.unchanged("docker_bridge", name="theirs", adopt=True) and here.unchanged("docker_bridge", name="theirs")
    endpoint = here.run("netns_attach", netns="web", bridge="theirs")["endpoint"]
    assert endpoint["address"] == "10.50.0.2/24" and endpoint["mtu"] == 1400
    with Servers() as servers:
        servers.serve(container(here, "foreign"), "foreign", (80,))
        expect_answers(((container(here, "web"), "tcp", "10.50.0.77", 80), "foreign:80", "10.50.0.2"))
    # Given back: the bridge stays as it was found, and so does what was on it.
    here.run("docker_bridge", name="theirs", state="absent", force=True)
    assert here.addresses("theirs") == addresses and here.ports("theirs") == ["their"]
    assert "ifalias" not in here.link("theirs")


def test_an_adopted_bridge_keeps_what_it_has_and_gets_what_it_lacks(here):
    foreign_bridge(here)
    here.sh("ip link set theirs type bridge stp_state 1")
    with pytest.raises(PipelineError, match=f"is not the address of theirs, which is adopted with {FOREIGN}"):
        here.run("docker_bridge", name="theirs", adopt=True, bip="10.60.0.1/24")
    here.sh(f"ip address delete {FOREIGN} dev theirs")
    here.run("docker_bridge", name="theirs", adopt=True, bip="10.60.0.1/24")
    assert set(here.addresses("theirs")) == {"10.60.0.1/24"}
    assert here.link("theirs")["linkinfo"]["info_data"]["stp_state"] == 1
    assert here.unchanged("docker_bridge", name="theirs", adopt=True, bip="10.60.0.1/24")


def test_a_link_that_is_no_bridge_is_refused(here):
    with pytest.raises(PipelineError, match="'eth0' is an interface of kind veth, not a bridge"):
        here.run("docker_bridge", name="eth0", adopt=True)


# Live changes


def test_a_bridge_that_was_put_down_is_brought_up(here):
    build(here)
    here.sh("ip link set br0 down")
    assert here.run("docker_bridge", name="br0")["changed"]
    with Servers() as servers:
        serve(here, servers)
        works(here, "192.168.5", "192.168.5.1")


def test_a_new_subnet_is_followed_by_endpoints_and_rules(here):
    attach = build(here)
    inode = here.inode("/run/netns/web")
    with Servers() as servers:
        serve(here, servers)
        works(here, "192.168.5", "192.168.5.1")
        result = here.run("docker_bridge", name="br0", bip="10.77.0.1/24")
        assert result["bridge"]["endpoints"] == ["db", "web"]
        works(here, "10.77.0", "10.77.0.1")
        expect_closed(servers, (here.place, "tcp", "192.168.5.2", 80))
    assert here.inode("/run/netns/web") == inode
    assert here.addresses("eth0", "web") == ["10.77.0.2/24"] and here.addresses("br0") == ["10.77.0.1/24"]
    assert here.link("eth0", "web")["address"] == "02:42:0a:4d:00:02"
    assert here.routes("web") == [("default", "10.77.0.1", "eth0"), ("10.77.0.0/24", "", "eth0")]
    assert here.unchanged("netns_attach", **attach) and here.unchanged("docker_bridge", name="br0", bip="10.77.0.1/24")
    assert here.run("network_info")["network"]["drift"] == []


def test_a_new_gateway_address_in_the_same_subnet_is_followed(here):
    build(here)
    with Servers() as servers:
        serve(here, servers)
        here.run("docker_bridge", name="br0", bip="192.168.5.254/24")
        works(here, "192.168.5", "192.168.5.254")
    assert here.routes("web")[0] == ("default", "192.168.5.254", "eth0")


def test_a_changed_prefix_length_is_followed_and_addresses_stay(here):
    build(here)
    with Servers() as servers:
        serve(here, servers)
        for length in (16, 26):
            here.run("docker_bridge", name="br0", bip=f"192.168.5.1/{length}")
            assert here.addresses("eth0", "web") == [f"192.168.5.2/{length}"]
            works(here, "192.168.5", "192.168.5.1")


def test_what_does_not_fit_into_a_smaller_subnet_gets_another_address(here):
    build(here)
    here.run("netns_attach", netns="db", address="192.168.5.200")
    here.run("docker_bridge", name="br0", bip="192.168.5.1/28")
    assert here.addresses("eth0", "web") == ["192.168.5.2/28"]
    assert here.addresses("eth0", "db") == ["192.168.5.3/28"]


def test_a_new_mtu_is_followed(here):
    build(here)
    with Servers() as servers:
        serve(here, servers)
        for mtu in (1300, 9000):
            here.run("docker_bridge", name="br0", mtu=mtu)
            links = [here.link("br0"), here.link("eth0", "web"), *(here.link(name) for name in here.ports("br0"))]
            assert {found["mtu"] for found in links} == {mtu}
            works(here, "192.168.5", "192.168.5.1")
    # Packets of that size really pass.
    here.sh("nsenter --net=/run/netns/web ping -qc1 -W5 -Mdo -s8972 192.168.5.3")


def test_an_endpoint_with_an_mtu_of_its_own_keeps_it(here):
    here.run("docker_bridge", name="br0", bip="192.168.5.1/24")
    here.run("netns_attach", netns="web", mtu=1280)
    here.run("docker_bridge", name="br0", mtu=1400)
    assert here.link("eth0", "web")["mtu"] == 1280 and here.link("br0")["mtu"] == 1400


def test_auto_is_the_mtu_of_the_way_out(here):
    here.sh("ip link set eth0 mtu 1430")
    assert here.run("docker_bridge", name="br0", bip="192.168.5.1/24")["bridge"]["mtu"] == 1430
    here.run("netns_attach", netns="web")
    assert here.link("eth0", "web")["mtu"] == 1430
    here.sh("ip link set eth0 mtu 1420")
    assert here.unchanged("docker_bridge", name="br0")
    here.run("docker_bridge", name="br0", mtu="auto")
    assert (here.link("br0")["mtu"], here.link("eth0", "web")["mtu"]) == (1420, 1420)


def test_stp_is_switched_in_place(here):
    build(here)
    with Servers() as servers:
        serve(here, servers)
        index = here.link("br0")["ifindex"]
        for stp in (True, False):
            here.run("docker_bridge", name="br0", stp=stp)
            assert here.link("br0")["linkinfo"]["info_data"]["stp_state"] == int(stp)
            assert here.unchanged("docker_bridge", name="br0", stp=stp)
            works(here, "192.168.5", "192.168.5.1")  # ports that forward go on doing so
        assert here.link("br0")["ifindex"] == index


def test_a_container_that_cannot_be_reached_is_left_behind_and_reported(here):
    """It has lost its name, so that it keeps the address of the old network. The others follow their bridge."""
    build(here)
    here.sh("nsenter --net=/run/netns/web sleep 1000 >/dev/null 2>&1 & sleep 0.1; umount /run/netns/web; "
            "rm /run/netns/web")
    with pytest.raises(PipelineError, match="cannot be reached: namespace web cannot be opened") as caught:
        here.run("docker_bridge", name="br0", bip="10.77.0.1/24")
    assert list(caught.value.result["failed_containers"]) == ["web"]
    assert here.addresses("br0") == ["10.77.0.1/24"] and here.unchanged("docker_bridge", name="br0", bip="10.77.0.1/24")


def test_a_subnet_that_is_too_small_changes_nothing(here):
    here.run("docker_bridge", name="br0", bip="192.168.5.1/24")
    here.run("netns_attach", config=[{"netns": f"c{number}"} for number in range(3)])
    before = picture(here.host)
    with pytest.raises(PipelineError, match="bridge br0 has no free ipv4 address left in 10.77.0.0/30"):
        here.run("docker_bridge", name="br0", bip="10.77.0.1/30")
    assert picture(here.host) == before


# Removal


def test_removal_is_refused_while_there_are_endpoints(here):
    build(here)
    with Servers() as servers:
        serve(here, servers)
        before = picture(here.host)
        with pytest.raises(PipelineError, match=r"bridge br0 has 2 endpoints \((db, web|web, db)\): detach them first"):
            here.run("docker_bridge", name="br0", state="absent")
        assert picture(here.host) == before
        works(here, "192.168.5", "192.168.5.1")
        here.run("docker_bridge", name="br0", state="absent", force=True)
    assert here.link("br0") is None and here.link("eth0", "web") is None
    assert here.run("network_info")["network"]["published_ports"] == []
    assert here.sh("iptables-save; ip6tables-save").count("MOORING") == 0
    assert here.unchanged("docker_bridge", name="br0", state="absent")


def test_a_foreign_port_stops_the_removal_as_well(here):
    here.run("docker_bridge", name="br0", bip="192.168.5.1/24")
    here.sh("ip link add their type veth peer name theirs; ip link set their master br0")
    with pytest.raises(PipelineError, match=r"bridge br0 has 1 port of no container \(their\)"):
        here.run("docker_bridge", name="br0", state="absent")
    here.run("docker_bridge", name="br0", state="absent", force=True)
    assert here.link("br0") is None and here.link("their") is not None


# The kernel's limit


def test_more_ports_than_the_kernel_allows_are_refused_before_anything_is_touched(here):
    """1000 ports of somebody else, so that the test makes few endpoints of its own."""
    here.run("docker_bridge", name="br0", bip="10.99.0.1/16")
    here.host.run(["ip", "-batch", "-"], input="".join(
        f"link add p{number} numtxqueues 1 numrxqueues 1 master br0 type veth peer name q{number} numtxqueues 1 "
        "numrxqueues 1\nlink set p{0} group 77\n".format(number) for number in range(1000)), timeout=120)
    try:
        before = picture(here.host)
        with pytest.raises(PipelineError, match="bridge br0 would have 1024 ports, and the kernel allows 1023: spread"):
            here.run("netns_attach", config=[{"netns": f"c{number}"} for number in range(24)])
        assert picture(here.host) == before
        here.run("netns_attach", config=[{"netns": f"c{number}"} for number in range(23)])
        with pytest.raises(PipelineError, match="would have 1024 ports"):
            here.run("netns_attach", netns="last")
        assert len(here.ports("br0")) == 1023 and not here.exists("/run/netns/last")
        assert {answer.outcome for answer in ask((container(here, "c22"), "tcp", "10.99.0.1", 80))} == {"refused"}
    finally:
        here.sh("ip link delete group 77")


def test_settings_of_ports_reach_the_kernel(here):
    """With the oldest pyroute2, too: it leaves out what it has no name for, and the second plan would not be empty."""
    attach = build(here)
    here.run("icc_policy", bridge="br0", icc=False)
    here.run("netns_attach", **attach)

    def isolated():
        return {found["ifname"]: found["linkinfo"]["info_slave_data"]["isolated"] for found in here.json("-d", "link")
                if found.get("master") == "br0"}

    assert len(isolated()) == 2 and any(isolated().values())  # a port that others may reach is not
    here.run("icc_policy", bridge="br0", icc=True)
    assert not any(isolated().values())
