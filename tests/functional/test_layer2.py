# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container with CAP_NET_RAW does to its neighbours and to the host below IP: forged frames of all kinds."""
import contextlib
import itertools
import json
import time

import pytest
from frames import (
    EVERYBODY,
    EXPERIMENT,
    IPV4,
    Wire,
    claim,
    frame,
    ipv4,
    link_local,
    passes,
    redirect,
    router_advertisement,
    tagged,
    wait_until,
)
from traffic import SILENCE, answered, ask, expect_answers, expect_closed
from worlds import ADDRESSES, BACK, BACK6, BACKENDS, BRIDGE_CALLS, FRONT, FRONT6, OUTSIDE, sysctl, world

NAMES = ("source", "target", "third")
UDP = 17


@pytest.fixture(scope="module", params=BACKENDS)
def here(request):
    with world(request.param) as found:
        yield found


@pytest.fixture
def back(here):
    """Three containers on a bridge without icc."""
    run = here.pipeline.run
    run("docker_bridge", name="back", bip=f"{BACK}/24", bip6=f"{BACK6}/64")
    for name in NAMES:
        run("netns_attach", netns=name, bridge="back", address=ADDRESSES[name][0], address_v6=ADDRESSES[name][1],
            exposed_ports=["5432", "5432/udp"])
    run("icc_policy", bridge="back", icc=False)
    with contextlib.ExitStack() as stack:
        here.wires = {name: stack.enter_context(Wire(here.container(name))) for name in NAMES}
        yield here
    run("netns_attach", state="absent", config=[{"netns": name} for name in NAMES])
    run("docker_bridge", name="back", state="absent", force=True)


def attacks(here, one, other):
    """Frames from one container to another one that rules do not see, by name."""
    source, target = here.wires[one].mac, here.wires[other].mac
    packet = ipv4(ADDRESSES[one][0], ADDRESSES[other][0], UDP, bytes(8))
    return {
        "arp": lambda word: claim(BACK, source, ADDRESSES[other][0], target, word),
        "neighbour discovery": lambda word: claim(BACK6, source, ADDRESSES[other][1], target, word),
        "arp to everybody": lambda word: claim(BACK, source, ADDRESSES[other][0], EVERYBODY, word),
        "a vlan": lambda word: tagged(source, target, 5, IPV4, packet + word),
        "no vlan, but its tag": lambda word: tagged(source, target, 0, IPV4, packet + word),
        "no ip": lambda word: frame(source, target, EXPERIMENT, word)}


def arrived(here, one, other):
    wires = here.wires
    return [name for name, forge in attacks(here, one, other).items() if passes(wires[one], wires[other], forge)]


def isolated(here):
    return {endpoint["container"] for endpoint in here.pipeline.run("network_info")["network"]["endpoints"]
            if endpoint["isolated"]}


def test_no_frame_passes_between_containers_without_icc(back):
    assert isolated(back) == set(NAMES)
    assert arrived(back, "third", "source") == arrived(back, "source", "third") == []
    back.pipeline.run("icc_policy", bridge="back", icc=True)
    assert arrived(back, "third", "source") == list(attacks(back, "third", "source"))
    back.pipeline.run("icc_policy", bridge="back", icc=False)
    assert arrived(back, "third", "source") == []


def test_a_link_passes_and_who_has_none_stays_apart(back):
    link = {"container": "source", "links": ["target:database"]}
    back.serve(back.container("target"), "target", (5432,))
    back.pipeline.run("icc_policy", **link)
    assert isolated(back) == {"source", "third"}
    expect_answers(*(((back.container("source"), protocol, ip, 5432), "target:5432", ADDRESSES["source"][":" in ip])
                     for protocol in ("tcp", "udp") for ip in ADDRESSES["target"]))
    assert arrived(back, "third", "source") == []
    assert back.pipeline.run("icc_policy", **link)["actions"] == []
    back.pipeline.run("icc_policy", container="source", links=[])
    assert isolated(back) == set(NAMES)
    assert arrived(back, "third", "target") == []


def test_published_ports_answer_neighbours_and_the_container_itself(back):
    """With br_netfilter a frame to the host's address becomes one to the container before it reaches the host."""
    for name in BRIDGE_CALLS:
        sysctl(back.box, name, 1)
    back.serve(back.container("target"), "target", (80,))
    back.pipeline.run("port_publish", netns="target", published_ports=["8080:80", "8080:80/udp"])
    assert isolated(back) == {"source", "third"}
    expect_answers(*(((back.container(name), protocol, ip, 8080), "target:80", ip)
                     for name in NAMES for protocol in ("tcp", "udp") for ip in (BACK, BACK6)))
    assert arrived(back, "third", "source") == []
    back.pipeline.run("port_publish", netns="target", published_ports=["8080:80"], allow_from=["198.51.100.0/24"])
    assert isolated(back) == set(NAMES)
    expect_closed(back.servers, *((back.container(name), "tcp", BACK, 8080) for name in NAMES))
    assert ask((back.outside, "tcp", "198.51.100.1", 8080)) == [answered("target:80", "198.51.100.2")]


def test_somebody_lets_a_port_out(back):
    ports = json.loads(back.box.run(["ip", "-j", "link", "show", "master", "back"]).stdout)
    for port in ports:
        back.box.run(["bridge", "link", "set", "dev", port["ifname"], "isolated", "off"])
    assert arrived(back, "third", "source")
    drift = back.pipeline.run("network_info")["network"]["drift"]
    assert sorted(drift) == sorted(f"set {port['ifname']}: isolated on (was off)" for port in ports)
    checked = back.pipeline.run("netns_attach", check=True, netns="third")
    assert checked["actions"] == back.pipeline.run("netns_attach", netns="third")["actions"]
    assert checked["diff"]["before"].count("isolated off") == checked["diff"]["after"].count("isolated on") == 3
    assert arrived(back, "third", "source") == []
    assert back.pipeline.run("netns_attach", netns="third")["actions"] == []


def test_only_ports_of_containers_are_isolated(back):
    """A bridge that was there before, with somebody else's port: that one hears all, as a router must."""
    back.box.run(["sh", "-ec", "ip link add lan type bridge; "
                  "ip link set lan up; ip netns add router; ip link add other type veth peer name eth0 netns router; "
                  "ip link set other master lan up; ip -n router link set eth0 up"])
    back.pipeline.run("docker_bridge", name="lan", bip="10.44.0.1/24", adopt=True)
    back.pipeline.run("icc_policy", bridge="lan", icc=False)
    back.pipeline.run("netns_attach", netns="fourth", bridge="lan")
    try:
        assert "fourth" in isolated(back)
        port = json.loads(back.box.run(["ip", "-d", "-j", "link", "show", "other"]).stdout)[0]
        assert not port["linkinfo"]["info_slave_data"]["isolated"]
        with Wire(back.container("router")) as router, Wire(back.container("fourth")) as fourth:
            assert passes(fourth, router, lambda word: frame(fourth.mac, router.mac, EXPERIMENT, word))
    finally:
        back.pipeline.run("docker_bridge", name="lan", state="absent", force=True)
        back.pipeline.run("netns_attach", netns="fourth", state="absent")
        back.box.run(["sh", "-c", "ip netns delete router; ip link delete other; ip link delete lan"])


# -- what a neighbour says of routes ----------------------------------------------------------------------------------

HEEDING = {"net.ipv6.conf.IFNAME.accept_ra": 2, "net.ipv4.conf.all.accept_redirects": 1,
           "net.ipv4.conf.IFNAME.accept_redirects": 1}
ROGUE = "2001:db8:bad::"


@pytest.fixture
def front(here):
    """Two containers on a bridge where all talk to all, of which one heeds what it is told: the attacks are real."""
    run = here.pipeline.run
    run("docker_bridge", name="front", bip=f"{FRONT}/24", bip6=f"{FRONT6}/64")
    run("netns_attach", bridge="front", config=[{"netns": "web"}, {"netns": "shop"},
                                                {"netns": "heeding", "sysctls": HEEDING}])
    with contextlib.ExitStack() as stack:
        here.wires = {name: stack.enter_context(Wire(here.container(name))) for name in ("web", "shop", "heeding")}
        yield here
    run("netns_attach", state="absent", config=[{"netns": name} for name in ("web", "shop", "heeding")])
    run("docker_bridge", name="front", state="absent", force=True)


def ip(here, netns, *words):
    return json.loads(here.box.run(["ip", "-n", netns, "-j", *words]).stdout or "[]")


def told_of(here, netns):
    """Routes and addresses that a container has from the rogue."""
    routes = [route["dst"] for route in ip(here, netns, "-6", "route") if route.get("protocol") == "ra"]
    return routes + [found["local"] for link in ip(here, netns, "-6", "address") for found in link["addr_info"]
                     if found.get("local", "").startswith(ROGUE[:-1])]


def test_a_rogue_router_takes_nobodys_default_route(front):
    rogue = front.wires["shop"]
    rogue.send(router_advertisement(rogue.mac, link_local(rogue.mac), ROGUE))
    wait_until(lambda: len(told_of(front, "heeding")) >= 2)
    assert told_of(front, "web") == []
    front.box.run(["ip", "netns", "exec", "web", "sysctl", "-qw", "net.ipv6.conf.eth0.accept_ra=1"])
    assert front.pipeline.run("netns_attach", netns="web")["actions"] == [
        "set net.ipv6.conf.eth0.accept_ra in web to 0 (was 1)"]
    rogue.send(router_advertisement(rogue.mac, link_local(rogue.mac), ROGUE))
    time.sleep(SILENCE)
    assert told_of(front, "web") == []


def test_a_rogue_redirect_leads_nobody_astray(front):
    rogue, found = front.wires["shop"], {}
    better = next(each["local"] for link in ip(front, "shop", "-4", "address") for each in link["addr_info"]
                  if link["ifname"] == "eth0")
    for name in ("web", "heeding"):
        victim = next(each["local"] for link in ip(front, name, "-4", "address") for each in link["addr_info"]
                      if link["ifname"] == "eth0")
        front.box.run(["ip", "netns", "exec", name, "ping", "-qc1", better])
        for _again in range(2):
            rogue.send(redirect(rogue.mac, front.wires[name].mac, FRONT, victim, OUTSIDE, better))
        time.sleep(SILENCE)
        found[name] = ip(front, name, "route", "get", OUTSIDE)[0]["gateway"]
    assert found == {"web": FRONT, "heeding": better}


def test_settings_are_read_as_the_files_have_them(front):
    """They come with the links, since files cost more."""
    names = [f"net/{family}/conf/eth0/{name}" for family, name in (
        ("ipv4", "accept_redirects"), ("ipv6", "accept_redirects"), ("ipv6", "accept_ra"), ("ipv6", "disable_ipv6"))]
    for number, values in enumerate(itertools.product("01", repeat=4)):
        if values[3] == "1" and number != 1:
            continue
        settings = dict(zip(names, values))
        front.box.run(["ip", "netns", "exec", "heeding", "sysctl", "-qw",
                       *(f"{name.replace('/', '.')}={value}" for name, value in settings.items())])
        read = front.pipeline.adapter("link.netlink.snapshot", "/run/netns/heeding")["settings"]
        assert {name: read[name] for name in names} == settings
    front.box.run(["ip", "-n", "heeding", "link", "set", "eth0", "mtu", "1000"])
    read = front.pipeline.adapter("link.netlink.snapshot", "/run/netns/heeding")["settings"]
    assert [read[name] for name in names] == ["1", None, None, None]
