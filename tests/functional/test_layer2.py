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
        # In the name of the gateway it would not pass: that is the host itself, which sends nothing by a port.
        "neighbour discovery": lambda word: claim(ADDRESSES["target"][1], source, ADDRESSES[other][1], target, word),
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
    assert back.pipeline.run("icc_policy", **link)["operations"] == []
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
    assert checked["operations"] == back.pipeline.run("netns_attach", netns="third")["operations"]
    assert checked["diff"]["before"].count("isolated off") == checked["diff"]["after"].count("isolated on") == 3
    assert arrived(back, "third", "source") == []
    assert back.pipeline.run("netns_attach", netns="third")["operations"] == []


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
    assert front.pipeline.run("netns_attach", netns="web")["operations"] == [
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


# -- where the host sends what is for a container ---------------------------------------------------------------------

WEB = ("192.168.5.10", "2001:db8:5::10")


@pytest.fixture
def heard(here):
    """Two containers on a bridge where all talk to all. One has published ports, the other one is after them."""
    run = here.pipeline.run
    run("docker_bridge", name="front", bip=f"{FRONT}/24", bip6=f"{FRONT6}/64")
    run("netns_attach", bridge="front", config=[{"netns": "web", "address": WEB[0], "address_v6": WEB[1]},
                                                {"netns": "shop"}])
    run("port_publish", netns="web", published_ports=["8080:80"])
    for name in ("web", "shop"):
        here.serve(here.container(name), name, (80,))
    with contextlib.ExitStack() as stack:
        here.wires = {name: stack.enter_context(Wire(here.container(name))) for name in ("web", "shop")}
        yield here
    run("netns_attach", state="absent", config=[{"netns": name} for name in ("web", "shop")])
    run("docker_bridge", name="front", state="absent", force=True)


def fixed(here):
    """What is set of the neighbours on the bridge: addresses, and MAC addresses behind ports."""
    found = {entry["dst"]: entry["lladdr"] for entry in json.loads(here.box.run(
        ["ip", "-j", "neigh", "show", "dev", "front", "nud", "permanent"]).stdout or "[]")}
    places = json.loads(here.box.run(["bridge", "-j", "fdb", "show", "br", "front"]).stdout)
    return found, {entry["mac"]: entry["ifname"] for entry in places if "sticky" in entry.get("flags", ())}


def believed(here):
    """The MAC addresses to which the host sends what is for the addresses of web."""
    known = {entry["dst"]: entry.get("lladdr") for family in ("-4", "-6") for entry in json.loads(
        here.box.run(["ip", family, "-j", "neigh", "show", "dev", "front"]).stdout or "[]")}
    return [known.get(address) for address in WEB]


def poison(here):
    """The attacker says to the host that web's addresses are its own, as long as the kernel may doubt it."""
    shop = here.wires["shop"]
    bridge = here.box.run(["cat", "/sys/class/net/front/address"]).stdout.strip()
    here.box.run(["sysctl", "-qw", "net.ipv4.neigh.front.locktime=0", "net.ipv6.neigh.front.locktime=0"])
    shop.send(claim(WEB[0], shop.mac, FRONT, bridge), claim(WEB[1], shop.mac, FRONT6, bridge))


def calls_to_web(here):
    return [(here.outside, "tcp", "198.51.100.1", 8080), *((here.host, "tcp", address, 80) for address in WEB)]


def servers_of(answers):
    return [answer.server for answer in answers]


def test_who_claims_an_address_does_not_get_what_is_for_it(heard):
    addresses, places = fixed(heard)
    web, shop = (heard.wires[name].mac for name in ("web", "shop"))
    assert {address: addresses[address] for address in WEB} == dict.fromkeys(WEB, web)
    assert {web, shop} == places.keys()
    poison(heard)
    assert believed(heard) == [web, web]
    assert servers_of(ask(*calls_to_web(heard))) == ["web:80"] * 3


def test_who_claims_an_address_does_without_what_is_set(heard):
    """The attack is real; and what somebody removed is there again after the next run."""
    web, shop = (heard.wires[name].mac for name in ("web", "shop"))
    before = fixed(heard)
    for address in WEB:
        heard.box.run(["ip", "neigh", "delete", address, "dev", "front"])
        heard.box.run(["ip", "netns", "exec", "web", "ping", "-qc1", FRONT6 if ":" in address else FRONT])
    expect_answers(*((call, "web:80", peer) for call, peer in zip(calls_to_web(heard), (OUTSIDE, FRONT, FRONT6))))
    poison(heard)
    assert believed(heard) == [shop, shop]
    drift = heard.pipeline.run("network_info")["network"]["drift"]
    assert sorted(drift) == sorted(f"set neighbour {address} on front: {web}" for address in WEB)
    checked = heard.pipeline.run("port_publish", check=True, netns="web", published_ports=["8080:80"])
    done = heard.pipeline.run("port_publish", netns="web", published_ports=["8080:80"])
    assert checked["actions"] == done["actions"] == drift
    assert believed(heard) == [web, web] and fixed(heard) == before
    assert servers_of(ask(*calls_to_web(heard))) == ["web:80"] * 3
    assert heard.pipeline.run("port_publish", netns="web", published_ports=["8080:80"])["operations"] == []


def test_a_flood_of_mac_addresses_does_not_keep_runs_waiting(heard):
    """The bridge learns them all, and keeps them for minutes; a run asks for those that it has set."""
    web, shop = heard.wires["web"], heard.wires["shop"]
    bridge = heard.box.run(["cat", "/sys/class/net/front/address"]).stdout.strip()
    found = heard.pipeline.run("network_info")["network"]["endpoints"]
    ends = {end["container"]: end["host_interface"] for end in found}
    for number in range(17000):
        source = ":".join(f"{octet:02x}" for octet in (0x02, 0x66, 0, *number.to_bytes(3, "big")))
        shop.send(frame(source, bridge, EXPERIMENT, bytes(46)))
    try:
        assert heard.pipeline.adapter("link.netlink._places", []) == [], "nobody has asked for one"
        before = fixed(heard)
        assert heard.pipeline.run("network_info")["network"]["drift"] == []
        heard.box.run(["bridge", "fdb", "del", web.mac, "dev", ends["web"], "master"])
        drift = heard.pipeline.run("network_info")["network"]["drift"]
        assert drift == [f"set MAC address {web.mac}: behind {ends['web']}"]
        assert heard.pipeline.run("port_publish", netns="web", published_ports=["8080:80"])["actions"] == drift
        assert fixed(heard) == before
        assert heard.pipeline.run("port_publish", netns="web", published_ports=["8080:80"])["actions"] == []
    finally:
        heard.box.run(["sh", "-c", f"echo 1 >/sys/class/net/{ends['shop']}/brport/flush"])


def test_who_takes_a_mac_address_does_not_get_what_is_for_it(heard):
    web, shop = heard.wires["web"], heard.wires["shop"]
    bridge = heard.box.run(["cat", "/sys/class/net/front/address"]).stdout.strip()

    def behind():
        places = json.loads(heard.box.run(["bridge", "-j", "fdb", "show", "br", "front"]).stdout)
        return {entry["ifname"] for entry in places if entry["mac"] == web.mac}

    before = behind()
    shop.send(frame(web.mac, bridge, EXPERIMENT, bytes(46)))
    assert behind() == before
    assert servers_of(ask(*calls_to_web(heard))) == ["web:80"] * 3
    port = before.pop()
    heard.box.run(["bridge", "fdb", "del", web.mac, "dev", port, "master"])

    def is_taken():
        shop.send(frame(web.mac, bridge, EXPERIMENT, bytes(46)))
        return behind() not in (set(), {port})

    wait_until(is_taken)  # until then web itself may have the last word
    repaired = heard.pipeline.run("netns_attach", netns="web")["operations"]
    assert repaired == [f"set MAC address {web.mac}: behind {port}"]
    shop.send(frame(web.mac, bridge, EXPERIMENT, bytes(46)))
    assert behind() == {port}


def test_containers_that_change_places_are_where_they_say(heard):
    """Addresses, given MAC addresses, and both; each is reached at once, and nothing is left of before."""
    run = heard.pipeline.run
    macs = ("02:00:00:00:00:01", "02:00:00:00:00:02")
    for first, second in ((1, 0), (0, 1)):
        for given in (("address",), ("mac_address",), ("address", "mac_address", "address_v6")):
            values = {"address": ("192.168.5.10", "192.168.5.11"), "mac_address": macs,
                      "address_v6": ("2001:db8:5::10", "2001:db8:5::11")}
            result = run("netns_attach", bridge="front", config=[
                {"netns": "web", **{key: values[key][first] for key in given}},
                {"netns": "shop", **{key: values[key][second] for key in given}}])
            places = {name: [entry[key] for entry in result["endpoints"] if entry["container"] == name
                             for key in ("address", "address_v6")] for name in ("web", "shop")}
            for name, found in places.items():
                for address in (each.partition("/")[0] for each in found):
                    assert servers_of(ask((heard.host, "tcp", address, 80))) == [f"{name}:80"]
            held = {address.partition("/")[0] for found in places.values() for address in found}
            assert {address for address in fixed(heard)[0] if not address.startswith(("ff", "224."))} == held
            assert len(fixed(heard)[1]) == 2


def test_what_others_have_set_stays_and_ours_goes_with_the_lease(heard):
    heard.box.run(["ip", "neigh", "add", "192.168.5.77", "lladdr", "02:00:00:00:00:77", "dev", "front", "nud",
                   "permanent"])
    heard.box.run(["ip", "neigh", "replace", WEB[0], "lladdr", heard.wires["web"].mac, "dev", "front", "nud",
                   "permanent", "protocol", "static"])
    assert heard.pipeline.run("netns_attach", netns="web")["operations"] == []
    assert heard.pipeline.run("netns_attach", netns="web", state="absent")
    left = {address for address in fixed(heard)[0] if not address.startswith(("ff", "224."))}
    assert "192.168.5.77" in left and WEB[1] not in left
    assert len(fixed(heard)[1]) == 1


def test_a_bridge_with_another_mac_address_knows_its_containers(heard):
    before = fixed(heard)[0]
    heard.pipeline.run("docker_bridge", name="front", mac_address="02:00:00:00:00:01")
    after = fixed(heard)[0]
    assert {address: after[address] for address in WEB} == {address: before[address] for address in WEB}
    poison(heard)
    assert servers_of(ask(*calls_to_web(heard))) == ["web:80"] * 3


def test_a_bridge_that_went_down_is_seen_to(heard):
    before = fixed(heard)
    heard.box.run(["sh", "-ec", "ip link set front down; ip link set front up"])
    assert not set(WEB) & fixed(heard)[0].keys()
    heard.pipeline.run("docker_bridge", name="front", bip6=f"{FRONT6}/64")  # the kernel has taken that away as well
    after = fixed(heard)
    assert {address: after[0][address] for address in WEB} == {address: before[0][address] for address in WEB}
    assert after[1] == before[1]
